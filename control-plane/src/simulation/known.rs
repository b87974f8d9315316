//! What a user knows of a connector.

use kafka2oss_proto::v1;

use super::wish::Wish;

/// What is known of a connector.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Known {
    /// There is none.
    Absent,
    /// It is as it was answered.
    There { uid: String, generation: i64, desired: v1::DesiredState, color: String, spread: i32 },
}

impl Known {
    /// One that is shown.
    pub(super) fn of(shown: &v1::Connector) -> Self {
        Self::There {
            uid: shown.uid.clone(),
            generation: shown.generation,
            desired: shown.desired_state(),
            color: shown.labels.get("color").cloned().unwrap_or_default(),
            spread: spread(shown),
        }
    }

    /// Whether its deletion was asked for.
    pub(super) fn is_deleted(&self) -> bool {
        let deleted = v1::DesiredState::Deleted;
        matches!(self, Self::There { desired, .. } if *desired == deleted)
    }

    /// How the connector may be once the wish is carried out.
    pub(super) fn after(&self, wish: Wish, new_uid: &str) -> Vec<Self> {
        let Self::There { uid, generation, desired, color, spread } = self.clone() else {
            let (uid, color) = (new_uid.to_owned(), "none".to_owned());
            let desired = v1::DesiredState::Created;
            let made = Self::There { uid, generation: 1, desired, color, spread: 1 };
            return (wish == Wish::Create).then_some(made).into_iter().collect();
        };
        let there = |generation, desired, color: String, spread| {
            let uid = uid.clone();
            Self::There { uid, generation, desired, color, spread }
        };
        let next = |desired| there(generation + 1, desired, color.clone(), spread);
        match wish {
            Wish::Create => Vec::new(),
            Wish::Deploy | Wish::Resume => vec![next(v1::DesiredState::Running)],
            Wish::Pause => vec![next(v1::DesiredState::Paused)],
            Wish::Color(color) => vec![there(generation, desired, color.to_string(), spread)],
            Wish::Spread(wanted) if wanted == spread => vec![self.clone()],
            Wish::Spread(wanted) => vec![there(generation + 1, desired, color.clone(), wanted)],
            // One that waits to be carried out is the same.
            Wish::Reset => vec![next(desired), self.clone()],
            Wish::Delete { .. } => {
                let deleted = v1::DesiredState::Deleted;
                let mut after = vec![next(deleted), Self::Absent];
                if desired == deleted {
                    after.push(self.clone());
                }
                after
            }
        }
    }
}

/// How many tasks a connector should have.
pub(super) fn spread(shown: &v1::Connector) -> i32 {
    let source = shown.spec.as_ref().and_then(|spec| spec.source.as_ref());
    source.and_then(|source| source.spread).unwrap_or(1)
}
