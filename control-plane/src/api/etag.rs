//! Etags: another one with each change that a user makes of a resource, whatever part of
//! it that changes (spec, labels, desired state, where it starts), and with nothing else.
//!
//! An etag is the resource's uid, so that those of a resource made anew differ, and a
//! revision, which rises by one with each such change. It is kept in the etag alone.

use kafka2oss_proto::{Count, v1};

use super::error::ApiError;

/// Of a resource that is new.
pub(super) fn first(uid: &str) -> String {
    of(uid, 1)
}

/// Of the connector after another change.
pub(super) fn next(connector: &v1::Connector) -> String {
    of(&connector.uid, revision(connector) + 1)
}

/// Of an instance after another change.
pub(super) fn next_of_instance(instance: &v1::Instance) -> String {
    // One without a revision is only in a damaged store.
    of(&instance.uid, revision_in(&instance.etag).unwrap_or(1).clamp(1, u64::MAX - 1) + 1)
}

/// Whether `given`, if anything is, is the resource's.
pub(super) fn check(name: &str, current: &str, given: &str) -> Result<(), ApiError> {
    if given.is_empty() || given == current {
        Ok(())
    } else {
        Err(ApiError::EtagMismatch(name.to_owned()))
    }
}

/// The same for a request that has been carried out by the connector's last change, and is
/// repeated: by a client that read the connector since, or one that lost the answer.
pub(super) fn check_repeated(connector: &v1::Connector, given: &str) -> Result<(), ApiError> {
    let before = of(&connector.uid, revision(connector) - 1);
    if given == before { Ok(()) } else { check(&connector.name, &connector.etag, given) }
}

fn of(uid: &str, revision: u64) -> String {
    format!("{uid}-{revision}")
}

fn revision(connector: &v1::Connector) -> u64 {
    // An etag of none of these forms is only in a damaged store.
    revision_in(&connector.etag)
        .unwrap_or(u64::from_wire(connector.generation))
        .clamp(1, u64::MAX - 1)
}

fn revision_in(etag: &str) -> Option<u64> {
    etag.rsplit_once('-').and_then(|(_, revision)| revision.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connector(etag: &str) -> v1::Connector {
        let (uid, etag) = ("U".to_owned(), etag.to_owned());
        v1::Connector { uid, etag, generation: 7, ..v1::Connector::default() }
    }

    #[test]
    fn each_change_has_an_etag_of_its_own() {
        let mut etag = first("U");
        for expected in ["U-2", "U-3", "U-4"] {
            etag = next(&connector(&etag));
            assert_eq!(etag, expected);
        }
        assert_eq!(next(&connector("damaged")), "U-8");
        assert_eq!(next(&connector(&format!("U-{}", u64::MAX))), format!("U-{}", u64::MAX));
    }

    #[test]
    fn a_repeated_request_may_have_the_etag_from_before_it_or_after_it() {
        let connector = connector("U-3");
        for given in ["", "U-2", "U-3"] {
            assert!(check_repeated(&connector, given).is_ok(), "{given}");
        }
        for given in ["U-1", "U-4", "V-2", "V-3", "U"] {
            assert!(check_repeated(&connector, given).is_err(), "{given}");
        }
    }
}
