//! The inline secrets that this agent holds, in memory only.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use kafka2oss_domain::ErrorCode;
use kafka2oss_domain::error_code::Problem;
use kafka2oss_proto::v1;
use tokio::time::Instant;

use super::{Assignment, Assignments, credentials};

/// How long credentials that came with the preparing of a connector are held
/// while it has no task here. Preparing is repeated until it is done, and the
/// assignment follows soon.
const PREPARED_FOR: Duration = Duration::from_secs(60 * 60);

/// The credentials of the connectors that this agent runs or has just
/// prepared, by uid: what a control plane that has lost the inline values is
/// not able to give again.
#[derive(Clone, Default)]
pub(crate) struct Keyring {
    /// Of each connector those that its tasks run with, and those that it was
    /// prepared with last.
    by_uid: Arc<Mutex<HashMap<String, Vec<Held>>>>,
}

/// Credentials of one connector, as a user gave them once.
struct Held {
    /// Names the inline ones; empty where the control plane does not.
    secrets_id: String,
    credentials: v1::StoreCredentials,
    assigned: bool,
    prepared: Option<Instant>,
}

impl Keyring {
    /// Fills the withheld secrets of a spec with those that are held for this
    /// uid under this name; with any of the uid where there is no name.
    ///
    /// # Errors
    /// `CREDENTIALS_REQUIRED` when one is not held.
    pub(crate) fn complete(
        &self,
        uid: &str,
        secrets_id: &str,
        spec: &mut v1::ConnectorSpec,
    ) -> Result<(), Problem> {
        if !credentials::has_withheld(spec) {
            return Ok(());
        }
        let by_uid = self.lock();
        let of_connector = by_uid.get(uid).map_or(&[][..], Vec::as_slice);
        let is_meant = |held: &&Held| secrets_id.is_empty() || held.secrets_id == secrets_id;
        let held = of_connector.iter().rfind(is_meant);
        if credentials::fill_withheld(spec, held.map(|held| &held.credentials)) {
            return Ok(());
        }
        let why = match held.is_none() && !of_connector.is_empty() {
            true => {
                "the control plane no longer holds the inline credentials that were given last, \
                 and this agent was only given others"
            }
            false => {
                "neither the control plane nor this agent holds the inline credentials any more"
            }
        };
        Err(Problem::new(ErrorCode::CredentialsRequired, why))
    }

    /// Holds the credentials of these and of what was prepared lately, and no
    /// others.
    pub(crate) fn hold(&self, assignments: &Assignments, now: Instant) {
        let mut by_uid = self.lock();
        for held in by_uid.values_mut().flatten() {
            held.assigned = false;
        }
        for Assignment { fixed, credentials, secrets_id, .. } in assignments.values() {
            if let Some(credentials) = credentials {
                Held::entry(&mut by_uid, &fixed.uid, secrets_id, credentials).assigned = true;
            }
        }
        retain_needed(&mut by_uid, now);
    }

    /// Holds the credentials of a connector that is being prepared, whose
    /// withheld secrets have been filled in, for about an hour, or until it is
    /// prepared with others.
    pub(crate) fn hold_prepared(
        &self,
        uid: &str,
        secrets_id: &str,
        spec: &v1::ConnectorSpec,
        now: Instant,
    ) {
        let mut by_uid = self.lock();
        for before in by_uid.get_mut(uid).into_iter().flatten() {
            before.prepared = None;
        }
        if let Some(credentials) = credentials::of(spec) {
            Held::entry(&mut by_uid, uid, secrets_id, credentials).prepared = Some(now);
        }
        retain_needed(&mut by_uid, now);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Vec<Held>>> {
        // Whole at any moment: each entry is.
        self.by_uid.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn retain_needed(by_uid: &mut HashMap<String, Vec<Held>>, now: Instant) {
    by_uid.retain(|_, of_connector| {
        of_connector.retain(|held| held.is_needed(now));
        !of_connector.is_empty()
    });
}

impl Held {
    /// The entry of this uid and name, with these credentials from now on.
    fn entry<'a>(
        by_uid: &'a mut HashMap<String, Vec<Held>>,
        uid: &str,
        secrets_id: &str,
        credentials: &v1::StoreCredentials,
    ) -> &'a mut Self {
        let of_connector = by_uid.entry(uid.to_owned()).or_default();
        let known = of_connector.iter().position(|held| held.secrets_id == secrets_id);
        let at = known.unwrap_or_else(|| {
            of_connector.push(Self {
                secrets_id: secrets_id.to_owned(),
                credentials: v1::StoreCredentials::default(),
                assigned: false,
                prepared: None,
            });
            of_connector.len() - 1
        });
        let held = &mut of_connector[at];
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
