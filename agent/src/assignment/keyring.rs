//! The inline secrets that this agent holds, in memory only.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use kafka2oss_domain::ErrorCode;
use kafka2oss_domain::error_code::Problem;
use kafka2oss_proto::v1;
use tokio::time::Instant;

use super::{Assignments, credentials};

/// How long credentials that came with the preparing of a connector are held
/// while it has no task here. Preparing is repeated until it is done, and the
/// assignment follows soon.
const PREPARED_FOR: Duration = Duration::from_secs(60 * 60);

/// The credentials of the connectors that this agent runs or has just
/// prepared, by uid: what a control plane that has lost the inline values is
/// not able to give again.
#[derive(Clone, Default)]
pub(crate) struct Keyring {
    by_uid: Arc<Mutex<HashMap<String, Held>>>,
}

/// The latest credentials of one connector.
struct Held {
    credentials: v1::StoreCredentials,
    assigned: bool,
    prepared: Option<Instant>,
}

impl Keyring {
    /// Fills the withheld secrets of a spec with those held for this uid.
    ///
    /// # Errors
    /// `CREDENTIALS_REQUIRED` when one is not held.
    pub(crate) fn complete(&self, uid: &str, spec: &mut v1::ConnectorSpec) -> Result<(), Problem> {
        if !credentials::has_withheld(spec) {
            return Ok(());
        }
        if credentials::fill_withheld(spec, self.lock().get(uid).map(|held| &held.credentials)) {
            return Ok(());
        }
        Err(Problem::new(
            ErrorCode::CredentialsRequired,
            "neither the control plane nor this agent holds the inline credentials any more",
        ))
    }

    /// Holds the credentials of these and of what was prepared lately, and no
    /// others.
    pub(crate) fn hold(&self, assignments: &Assignments, now: Instant) {
        let mut by_uid = self.lock();
        for held in by_uid.values_mut() {
            held.assigned = false;
        }
        for assignment in assignments.values() {
            if let Some(credentials) = &assignment.credentials {
                let held = Held::entry(&mut by_uid, &assignment.fixed.uid, credentials);
                held.assigned = true;
            }
        }
        by_uid.retain(|_, held| held.is_needed(now));
    }

    /// Holds the credentials of a connector that is being prepared, whose
    /// withheld secrets have been filled in, for about an hour.
    pub(crate) fn hold_prepared(&self, uid: &str, spec: &v1::ConnectorSpec, now: Instant) {
        let mut by_uid = self.lock();
        if let Some(credentials) = credentials::of(spec) {
            Held::entry(&mut by_uid, uid, credentials).prepared = Some(now);
        }
        by_uid.retain(|_, held| held.is_needed(now));
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Held>> {
        // Whole at any moment: each entry is.
        self.by_uid.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Held {
    /// The entry of this uid, with these credentials from now on.
    fn entry<'a>(
        by_uid: &'a mut HashMap<String, Held>,
        uid: &str,
        credentials: &v1::StoreCredentials,
    ) -> &'a mut Self {
        let held = by_uid.entry(uid.to_owned()).or_insert_with(|| Self {
            credentials: v1::StoreCredentials::default(),
            assigned: false,
            prepared: None,
        });
        held.credentials.clone_from(credentials);
        held
    }

    fn is_needed(&self, now: Instant) -> bool {
        let lately = |prepared: Instant| now.saturating_duration_since(prepared) < PREPARED_FOR;
        self.assigned || self.prepared.is_some_and(lately)
    }
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keyring").finish_non_exhaustive()
    }
}
