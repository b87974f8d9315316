//! Parts of specs that tests give.

use kafka2oss_proto::v1;
use kafka2oss_proto::v1::secret::Source;

/// A duration.
pub(crate) fn milliseconds(milliseconds: i64) -> Option<prost_types::Duration> {
    Some(prost_types::Duration {
        seconds: milliseconds / 1_000,
        nanos: i32::try_from(milliseconds % 1_000 * 1_000_000).unwrap(),
    })
}

/// A secret given inline.
pub(crate) fn plain(value: impl Into<String>) -> v1::Secret {
    v1::Secret { source: Some(Source::Plain(value.into())) }
}

/// A secret in a file of the agent's host.
pub(crate) fn file(path: &std::path::Path) -> v1::Secret {
    v1::Secret { source: Some(Source::File(path.display().to_string())) }
}

/// An AccessKey pair.
pub(crate) fn access_key(id: v1::Secret, secret: v1::Secret) -> v1::StoreCredentials {
    let pair = v1::AccessKey { id: Some(id), secret: Some(secret), session_token: None };
    v1::StoreCredentials { kind: Some(v1::store_credentials::Kind::AccessKey(pair)) }
}

/// An AccessKey pair of STS.
pub(crate) fn temporary_key(
    id: v1::Secret,
    secret: v1::Secret,
    token: v1::Secret,
) -> v1::StoreCredentials {
    let pair = v1::AccessKey { id: Some(id), secret: Some(secret), session_token: Some(token) };
    v1::StoreCredentials { kind: Some(v1::store_credentials::Kind::AccessKey(pair)) }
}

/// A topic of a connector by its name.
pub(crate) fn topic(
    name: impl Into<String>,
    partitions: i32,
    storage_engine: v1::StorageEngine,
) -> Option<v1::ConnectorTopic> {
    Some(v1::ConnectorTopic {
        name: name.into(),
        partitions: Some(partitions),
        storage_engine: storage_engine.into(),
    })
}

/// The required parts of a spec as a test changes them.
pub(crate) trait Parts {
    fn source(&mut self) -> &mut v1::KafkaSource;
    fn destination(&mut self) -> &mut v1::ObjectStoreDestination;
    fn runtime(&mut self) -> &mut v1::ConnectorRuntime;
    fn resources(&mut self) -> &mut v1::ConnectorResources;
    fn rotation(&mut self) -> &mut v1::RotationPolicy;
}

impl Parts for v1::ConnectorSpec {
    fn source(&mut self) -> &mut v1::KafkaSource {
        self.source.get_or_insert_default()
    }

    fn destination(&mut self) -> &mut v1::ObjectStoreDestination {
        self.destination.get_or_insert_default()
    }

    fn runtime(&mut self) -> &mut v1::ConnectorRuntime {
        self.runtime.get_or_insert_default()
    }

    fn resources(&mut self) -> &mut v1::ConnectorResources {
        self.resources.get_or_insert_default()
    }

    fn rotation(&mut self) -> &mut v1::RotationPolicy {
        self.output.get_or_insert_default().rotation.get_or_insert_default()
    }
}
