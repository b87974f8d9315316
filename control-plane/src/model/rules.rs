//! Rules of a connector's spec that need its instance and the control plane's
//! settings. Those that need the message alone are in
//! [`kafka2oss_proto::spec`].

use kafka2oss_domain::ErrorCode;
use kafka2oss_domain::spec::{Instance, OssHost, Pool, Warning};
use kafka2oss_domain::violation::Violations;
use kafka2oss_proto::{Count, v1};

/// What an operator sets for all connectors.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Settings {
    /// Allowed values of thread_concurrency.
    pub(crate) allowed_concurrency: Vec<u32>,
}

impl Default for Settings {
    /// The wizard's values.
    fn default() -> Self {
        Self { allowed_concurrency: vec![6, 12] }
    }
}

/// Checks a filled spec against its instance and the settings. Field paths
/// are relative to the spec.
///
/// It takes the wire type, so that these violations and those of the
/// conversion come in one answer: what is wrong by itself is not told again.
pub(crate) fn check(
    spec: &v1::ConnectorSpec,
    instance: &Instance,
    settings: &Settings,
) -> Violations {
    let mut violations = Violations::new();
    let concurrency = spec.source.as_ref().and_then(|source| source.thread_concurrency);
    if let Some(threads) = concurrency.filter(|threads| *threads > 0)
        && !settings.allowed_concurrency.contains(&u32::from_wire(threads))
    {
        let allowed: Vec<_> = settings.allowed_concurrency.iter().map(u32::to_string).collect();
        violations.add(
            "source.thread_concurrency",
            ErrorCode::ConcurrencyNotAllowed,
            format!("is {threads}; {} are allowed", allowed.join(", ")),
        );
    }
    if let Some(destination) = &spec.destination {
        check_region(&mut violations, destination, instance);
    }
    if let Some(runtime) = &spec.runtime
        && runtime.vpc_id != instance.pool.vpc_id
    {
        violations.add(
            "runtime.vpc_id",
            ErrorCode::VpcMismatch,
            format!("is `{}`; the instance's is `{}`", runtime.vpc_id, instance.pool.vpc_id),
        );
    }
    violations
}

/// The same-region rule, which the hosts of OSS make checkable.
fn check_region(
    violations: &mut Violations,
    destination: &v1::ObjectStoreDestination,
    instance: &Instance,
) {
    let Some(host) = OssHost::of_endpoint(&destination.endpoint) else { return };
    if host.region == instance.region_id || destination.allow_cross_region {
        return;
    }
    violations.add(
        "destination.endpoint",
        ErrorCode::EndpointRegionMismatch,
        format!(
            "is in region `{}`, the instance in `{}`; use a bucket in the instance's region, or \
             set allow_cross_region",
            host.region, instance.region_id
        ),
    );
}

/// What is allowed and perhaps not meant, given the pools of the agents that
/// have been seen. Field paths are relative to the spec.
pub(crate) fn warnings<'a>(
    spec: &v1::ConnectorSpec,
    known_pools: impl IntoIterator<Item = &'a Pool>,
) -> Vec<Warning> {
    let Some(runtime) = &spec.runtime else { return Vec::new() };
    let pool = Pool::new(&runtime.vpc_id, &runtime.vswitch_id);
    if known_pools.into_iter().any(|known| *known == pool) {
        return Vec::new();
    }
    // Only an agent's registration shows that a vSwitch is in a VPC.
    let message = format!(
        "no agent has been seen in pool `{pool}`, so it is not known whether the vSwitch is in \
         the VPC; the connector starts when an agent joins with these IDs"
    );
    vec![Warning::new("runtime.vswitch_id", message)]
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn instance() -> Instance {
        Instance::try_from(v1::Instance {
            region_id: "cn-hangzhou".to_owned(),
            bootstrap_servers: vec!["broker:9092".to_owned()],
            security_protocol: v1::SecurityProtocol::Plaintext.into(),
            vpc_id: "vpc-1".to_owned(),
            vswitch_id: "vsw-1".to_owned(),
            ..Default::default()
        })
        .unwrap()
    }

    fn spec(threads: i32, endpoint: &str, vpc_id: &str) -> v1::ConnectorSpec {
        v1::ConnectorSpec {
            source: Some(v1::KafkaSource {
                thread_concurrency: Some(threads),
                ..Default::default()
            }),
            destination: Some(v1::ObjectStoreDestination {
                endpoint: endpoint.to_owned(),
                ..Default::default()
            }),
            runtime: Some(v1::ConnectorRuntime {
                vpc_id: vpc_id.to_owned(),
                vswitch_id: "vsw-1".to_owned(),
                ..Default::default()
            }),
            ..Default::default()
        }
    }

    fn found(spec: &v1::ConnectorSpec) -> Vec<(ErrorCode, String)> {
        let violations = check(spec, &instance(), &Settings::default());
        violations.iter().map(|violation| (violation.code, violation.field.clone())).collect()
    }

    #[test]
    fn a_spec_of_the_instances_region_and_vpc_is_legal() {
        for endpoint in [
            "https://s3.oss-cn-hangzhou-internal.aliyuncs.com",
            "https://s3.oss-cn-hangzhou.aliyuncs.com",
            "http://minio.example.com:9000",
        ] {
            for threads in [6, 12] {
                assert_eq!(found(&spec(threads, endpoint, "vpc-1")), []);
            }
        }
    }

    #[test]
    fn every_rule_is_told_at_once_even_of_a_spec_that_is_no_legal_message() {
        // The endpoint lacks scheme and `s3.`, which the conversion tells.
        let spec = spec(7, "oss-cn-beijing.aliyuncs.com", "");
        assert_eq!(
            found(&spec),
            [
                (ErrorCode::ConcurrencyNotAllowed, "source.thread_concurrency".to_owned()),
                (ErrorCode::EndpointRegionMismatch, "destination.endpoint".to_owned()),
                (ErrorCode::VpcMismatch, "runtime.vpc_id".to_owned()),
            ]
        );
        assert_eq!(found(&v1::ConnectorSpec::default()), []);
    }

    #[test]
    fn another_region_is_legal_where_it_is_asked_for() {
        let mut spec = spec(6, "https://s3.oss-cn-beijing.aliyuncs.com", "vpc-1");
        spec.destination.as_mut().unwrap().allow_cross_region = true;
        assert_eq!(found(&spec), []);
    }

    #[test]
    fn a_pool_that_no_agent_has_registered_is_told() {
        let spec = spec(6, "", "vpc-1");
        let (same, other) = (Pool::new("vpc-1", "vsw-1"), Pool::new("vpc-2", "vsw-1"));
        assert!(warnings(&spec, [&other, &same]).is_empty());
        assert_eq!(warnings(&spec, [&other])[0].field, "runtime.vswitch_id");
        assert_eq!(warnings(&spec, []).len(), 1);
    }
}
