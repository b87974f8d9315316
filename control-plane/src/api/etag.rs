//! Etags: they change with what the user can set, and mean nothing else.

use super::error::ApiError;

/// Of a resource's version: an instance's is 1 for now, a connector's is its
/// generation. The uid makes those of a resource made anew differ.
pub(super) fn of(uid: &str, version: u64) -> String {
    format!("{uid}-{version}")
}

/// Whether `given`, if anything is, is the resource's.
pub(super) fn check(name: &str, current: &str, given: &str) -> Result<(), ApiError> {
    if given.is_empty() || given == current {
        Ok(())
    } else {
        Err(ApiError::EtagMismatch(name.to_owned()))
    }
}
