//! What can be changed of a connector.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use kafka2oss_proto::v1;

use super::field_mask::Masked;

/// What can be changed after the first Deploy, with everything in it. The rest
/// says where objects stand, which group and topics are the connector's, where
/// it started, or where it runs: another one is another connector.
const UPDATABLE: [&str; 10] = [
    "labels",
    "description",
    "desired_state",
    CREDENTIALS,
    "spec.output",
    "spec.source.thread_concurrency",
    "spec.source.spread",
    "spec.runtime.failure_handling_policy",
    "spec.runtime.session_timeout",
    "spec.runtime.store_retry_time",
];

/// Path of the credentials.
pub(super) const CREDENTIALS: &str = "spec.destination.credentials";

/// Whether a mask can name this path before the first Deploy.
pub(super) fn is_known(path: &str) -> bool {
    static KNOWN: LazyLock<BTreeSet<String>> = LazyLock::new(|| {
        let mut known =
            ["labels", "description", "desired_state", "spec"].map(str::to_owned).to_vec();
        v1::ConnectorSpec::paths("spec", &mut known);
        known.into_iter().collect()
    });
    KNOWN.contains(path)
}

/// Whether something at `path` or in it can be changed after the first Deploy.
pub(super) fn holds_updatable(path: &str) -> bool {
    UPDATABLE.iter().any(|updatable| is_within(path, updatable) || is_within(updatable, path))
}

/// The fields that differ and cannot be changed after the first Deploy.
pub(super) fn fixed_differences(
    before: &v1::ConnectorSpec,
    after: &v1::ConnectorSpec,
) -> Vec<String> {
    let mut found = Vec::new();
    before.differences(after, "spec", &mut found);
    found.retain(|path| !UPDATABLE.iter().any(|updatable| is_within(path, updatable)));
    found
}

/// Whether `path` is `whole` or in it.
pub(super) fn is_within(path: &str, whole: &str) -> bool {
    path.strip_prefix(whole).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_path_is_updatable_after_deploy_or_not() {
        for path in [
            "labels",
            "description",
            "desired_state",
            "spec",
            "spec.destination",
            "spec.destination.credentials",
            "spec.output",
            "spec.output.rotation.max_age",
            "spec.output.layout.time_buckets",
            "spec.source",
            "spec.source.spread",
            "spec.runtime",
            "spec.runtime.session_timeout",
        ] {
            assert!(is_known(path) && holds_updatable(path), "{path}");
        }
        for path in [
            "spec.task_type",
            "spec.source.topic",
            "spec.source.consumer_offset",
            "spec.destination.bucket",
            "spec.runtime.vpc_id",
            "spec.resources",
            "spec.resources.status_topic.partitions",
        ] {
            assert!(is_known(path) && !holds_updatable(path), "{path}");
        }
        for path in [
            "",
            "*",
            "name",
            "status",
            "effective_spec",
            "specs",
            "spec.",
            "spec.outputs",
            "spec.destination.credentials.access_key",
        ] {
            assert!(!is_known(path), "{path}");
        }
    }

    #[test]
    fn everything_updatable_is_a_field() {
        for path in UPDATABLE {
            assert!(is_known(path), "{path}");
        }
    }

    #[test]
    fn only_fixed_fields_that_differ_are_named() {
        let before = v1::ConnectorSpec {
            source: Some(v1::KafkaSource { topic: "a".to_owned(), ..Default::default() }),
            ..Default::default()
        };
        let mut after = before.clone();
        after.output = Some(v1::ConnectorOutput { include_headers: true, ..Default::default() });
        after.runtime = Some(v1::ConnectorRuntime::default());
        assert_eq!(fixed_differences(&before, &after), Vec::<String>::new());
        after.runtime.get_or_insert_default().vpc_id = "vpc-2".to_owned();
        after.source = None;
        let expected = ["spec.source.topic", "spec.runtime.vpc_id"];
        assert_eq!(fixed_differences(&before, &after), expected);
    }
}
