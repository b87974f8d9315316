//! The inline secrets that this agent holds, in memory only.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use kafka2oss_proto::error_code::Problem;
use kafka2oss_proto::{ErrorCode, v1};

use super::{Assignments, credentials};

/// The credentials of the connectors that this agent runs, by uid: what a
/// control plane that has lost the inline values is not able to give again.
#[derive(Clone, Default)]
pub(crate) struct Keyring {
    by_uid: Arc<Mutex<HashMap<String, v1::StoreCredentials>>>,
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
        let by_uid = self.by_uid.lock().unwrap_or_else(PoisonError::into_inner);
        if credentials::fill_withheld(spec, by_uid.get(uid)) {
            return Ok(());
        }
        Err(Problem::new(
            ErrorCode::CredentialsRequired,
            "neither the control plane nor this agent holds the inline credentials any more",
        ))
    }

    /// Holds the credentials of these and no others.
    pub(crate) fn hold(&self, assignments: &Assignments) {
        let by_uid = assignments
            .values()
            .filter_map(|assignment| {
                Some((assignment.fixed.uid.clone(), assignment.credentials.clone()?))
            })
            .collect();
        *self.by_uid.lock().unwrap_or_else(PoisonError::into_inner) = by_uid;
    }
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keyring").finish_non_exhaustive()
    }
}
