//! Connector and instance, and what the flags say, as what is to be verified.

use kafka2oss_chain::Identity;
use kafka2oss_domain::spec;
use kafka2oss_domain::violation::Violations;
use kafka2oss_proto::spec::has_withheld;
use kafka2oss_proto::{Count, v1};
use kafka2oss_sink::ObjectStore;
use kafka2oss_verify::{Options, Verification};

use crate::args::VerifyArgs;
use crate::client::connectors::credentials;
use crate::client::instances::KafkaSecrets;
use crate::client::{Failure, input, names};

/// A connector as the control plane shows it, and its instance.
pub(super) struct Subject {
    pub(super) connector: v1::Connector,
    pub(super) instance: v1::Instance,
}

impl Subject {
    /// What is to be verified: the chain of the connector's current epoch, from
    /// its start on.
    pub(super) fn verification(self, args: VerifyArgs) -> Result<Verification, Failure> {
        let Self { connector, mut instance } = self;
        let v1::Connector { name, uid, effective_spec, status, .. } = connector;
        let short = names::short(&name);
        let Some(epoch) = status.and_then(|status| status.epoch) else {
            return Err(Failure::Failed(format!(
                "it is not known where {short} starts: it has not been deployed, or its offsets \
                 have been reset and no agent has read them yet"
            )));
        };
        let v1::ConnectorSpec { source, destination, resources, output, .. } =
            *effective_spec.unwrap_or_default();
        let (source, mut destination) =
            (source.unwrap_or_default(), destination.unwrap_or_default());
        let (resources, output) = (resources.unwrap_or_default(), output.unwrap_or_default());

        let secrets = KafkaSecrets::from(args.kafka_secrets);
        instance.kafka_credentials = secrets.credentials.or(instance.kafka_credentials);
        instance.ca_certificate = secrets.ca_certificate.or(instance.ca_certificate);
        instance.oauth_token = secrets.oauth_token.or(instance.oauth_token);
        instance.client_certificate = secrets.client_certificate.or(instance.client_certificate);
        if !args.reach.bootstrap_servers.is_empty() {
            instance.bootstrap_servers = args.reach.bootstrap_servers;
        }
        if let Some(endpoint) = args.reach.endpoint {
            destination.endpoint = endpoint;
        }
        let given = credentials(args.access_key, destination.credentials.as_ref())?;
        destination.credentials = given.or(destination.credentials);
        if destination.credentials.as_ref().is_some_and(has_withheld) {
            return Err(Failure::Usage(format!(
                "the AccessKey of {short} was given inline and is not returned: give it by \
                 --access-key-id... and --access-key-secret..."
            )));
        }
        let instance = spec::Instance::try_from(instance)
            .map_err(|violations| broken(&format!("the instance of {short}"), &violations))?;
        let destination = spec::Destination::try_from(destination)
            .map_err(|violations| broken(&format!("the destination of {short}"), &violations))?;

        let layout = output.layout.unwrap_or_default();
        let topic_id = Some(epoch.topic_id.clone()).filter(|id| !id.is_empty());
        let identity =
            Identity { uid, topic_id: epoch.topic_id, epoch: u64::from_wire(epoch.number) };
        let settings_hold = !args.output_changed;
        let limit =
            output.overflow.and_then(|overflow| overflow.max_value_bytes).map(u64::from_wire);
        let error_topics = [resources.abnormal_data_topic, resources.dead_letter_queue_topic];
        Ok(Verification {
            instance,
            topic: source.topic,
            store: ObjectStore::new(&destination),
            prefixes: [layout.prefix].into_iter().chain(args.former_prefixes).collect(),
            hash_prefix: layout.hash_prefix || args.former_hash_prefix,
            options: Options {
                topic_id,
                chains: Some([identity.chain_id()].into()),
                starts: epoch.start_offsets,
                bounds: input::by_partition(args.until)?,
                group: Some(resources.task_consumer_group),
                error_topics: error_topics.into_iter().flatten().map(|topic| topic.name).collect(),
                connector: name.rsplit('/').next().map(str::to_owned),
                max_value_bytes: limit.filter(|_| settings_hold),
                include_headers: output.include_headers && settings_hold,
                examples: args.examples,
                ..Options::default()
            },
        })
    }
}

fn broken(what: &str, violations: &Violations) -> Failure {
    Failure::Failed(format!("{what} is not whole: {violations}"))
}
