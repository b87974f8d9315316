//! Settings of topics and brokers. All block.

use std::collections::BTreeMap;
use std::time::Duration;

use rdkafka::bindings as c;
use rdkafka::types::{RDKafkaErrorCode, RDKafkaResourceType};

use super::Client;
use crate::admin::BrokerSettings;
use crate::native::{Ask, Event, Failure, Owned, Submission, brokers, c_string, call, items, text};

const OPERATION: c::rd_kafka_admin_op_t = c::rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS;

/// Settings by name; those that have no value are left out.
pub(super) type Settings = BTreeMap<String, String>;

pub(super) fn of_topic(client: &Client, topic: &str) -> Result<Settings, Failure> {
    let topic = Resource::new(RDKafkaResourceType::RD_KAFKA_RESOURCE_TOPIC, topic)?;
    // SAFETY: the client is live for the call; the request is of the kind named.
    read(&unsafe { client.ask_any(OPERATION, |to| topic.describe(to)) }?)
}

/// What all brokers have in common: any of them may be the coordinator of a
/// group. The first that does not answer ends it.
pub(super) fn of_brokers(client: &Client) -> Result<BrokerSettings, Failure> {
    // SAFETY: the client is live.
    let ids = unsafe { brokers(client.ptr()) }?;
    let mut common = BrokerSettings::default();
    for id in ids {
        // librdkafka sends it to the broker that it names.
        let broker = RDKafkaResourceType::RD_KAFKA_RESOURCE_BROKER;
        let broker = Resource::new(broker, &id.to_string())?;
        let asked = Ask::TheOneInCharge;
        // SAFETY: as above.
        let answer = unsafe { call(client.ptr(), OPERATION, asked, |to| broker.describe(to)) }?;
        let found = of_broker(&read(&answer)?);
        common = BrokerSettings {
            offsets_retention: least(common.offsets_retention, found.offsets_retention),
            inter_broker_protocol: least(common.inter_broker_protocol, found.inter_broker_protocol),
        };
    }
    Ok(common)
}

fn least<T: Ord>(one: Option<T>, other: Option<T>) -> Option<T> {
    one.into_iter().chain(other).min()
}

fn of_broker(settings: &Settings) -> BrokerSettings {
    let minutes = settings.get("offsets.retention.minutes").and_then(|text| text.parse().ok());
    let protocol = settings.get("inter.broker.protocol.version");
    BrokerSettings {
        offsets_retention: minutes.map(|minutes: u32| Duration::from_secs(u64::from(minutes) * 60)),
        inter_broker_protocol: protocol.and_then(|text| version(text)),
    }
}

/// The first two numbers of a version such as `2.2-IV1`, `0.10.2-IV0` or `3.9`.
fn version(text: &str) -> Option<(u32, u32)> {
    let mut numbers = text.split(['.', '-']).map(str::parse);
    Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
}

/// What settings are read of.
struct Resource(Owned<c::rd_kafka_ConfigResource_t>);

impl Resource {
    fn new(kind: RDKafkaResourceType, name: &str) -> Result<Self, Failure> {
        let name = c_string(name)?;
        // SAFETY: the name is copied.
        let resource = unsafe {
            Owned::take(
                c::rd_kafka_ConfigResource_new(kind, name.as_ptr()),
                c::rd_kafka_ConfigResource_destroy,
            )
        };
        resource.map(Self)
    }

    /// Makes the request.
    ///
    /// # Safety
    /// All that `to` names is live.
    unsafe fn describe(&self, to: &Submission) {
        let mut resources = [self.0.as_ptr()];
        // SAFETY: by this function's contract; the one resource is copied.
        unsafe {
            c::rd_kafka_DescribeConfigs(
                to.client,
                resources.as_mut_ptr(),
                resources.len(),
                to.options,
                to.queue,
            );
        }
    }
}

fn read(event: &Event) -> Result<Settings, Failure> {
    let mut found = Settings::new();
    // SAFETY: the event is live until this function's end, and answers such a
    // request; resources and entries live as long as it, and texts are copied.
    unsafe {
        let result = c::rd_kafka_event_DescribeConfigs_result(event.as_ptr());
        if result.is_null() {
            return Err(Failure::of(RDKafkaErrorCode::InvalidType));
        }
        let mut count = 0;
        let described = c::rd_kafka_DescribeConfigs_result_resources(result, &mut count);
        for resource in items(described, count) {
            let failure = Failure::from_code(
                c::rd_kafka_ConfigResource_error(*resource),
                text(c::rd_kafka_ConfigResource_error_string(*resource)),
            );
            if let Some(failure) = failure {
                return Err(failure);
            }
            let mut count = 0;
            let entries = c::rd_kafka_ConfigResource_configs(*resource, &mut count);
            for entry in items(entries, count) {
                let name = text(c::rd_kafka_ConfigEntry_name(*entry));
                found.extend(name.zip(text(c::rd_kafka_ConfigEntry_value(*entry))));
            }
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(pairs: &[(&str, &str)]) -> BrokerSettings {
        of_broker(&pairs.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect())
    }

    #[test]
    fn a_brokers_settings_are_read_and_what_is_no_number_is_unknown() {
        let found = settings(&[
            ("offsets.retention.minutes", "10080"),
            ("inter.broker.protocol.version", "2.2-IV1"),
        ]);
        assert_eq!(found.offsets_retention, Some(Duration::from_secs(604_800)));
        assert_eq!(found.inter_broker_protocol, Some((2, 2)));

        for (text, expected) in
            [("0.10.2-IV0", Some((0, 10))), ("3.9", Some((3, 9))), ("x", None), ("", None)]
        {
            let found = settings(&[
                ("inter.broker.protocol.version", text),
                ("offsets.retention.minutes", text),
            ]);
            assert_eq!(found.inter_broker_protocol, expected, "{text}");
            assert_eq!(found.offsets_retention, None, "{text}");
        }
        assert_eq!(settings(&[]), BrokerSettings::default());
    }

    #[test]
    fn of_several_brokers_the_least_counts() {
        assert_eq!(least(Some((2, 8)), Some((2, 2))), Some((2, 2)));
        assert_eq!(least(None, Some((2, 2))), Some((2, 2)));
        assert_eq!(least::<u32>(None, None), None);
    }
}
