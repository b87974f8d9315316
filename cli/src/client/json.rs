//! Messages as proto3 JSON, by their descriptors.

use kafka2oss_proto::v1;
use prost::Message;
use prost_reflect::DynamicMessage;
use serde_json::Value;

/// A message and its name in `kafka2oss.v1`.
pub(super) trait Described: Message + Default {
    const NAME: &'static str;
}

macro_rules! described {
    ($($message:ident),* $(,)?) => {
        $(
            impl Described for v1::$message {
                const NAME: &'static str = stringify!($message);
            }
        )*

        #[cfg(test)]
        const NAMES: &[&str] = &[$(<v1::$message as Described>::NAME),*];
    };
}

described!(
    Agent,
    Connector,
    ConnectorProgress,
    DeadLetter,
    FlushConnectorResponse,
    Instance,
    ListAgentsResponse,
    ListConnectorsResponse,
    ListDeadLettersResponse,
    ListInstancesResponse,
    LogEntry,
    PreviewConnectorResponse,
    RebalanceResponse,
    SendTestMessageResponse,
    ServerInfo,
    ValidateConnectorResponse,
    WatchAgentsResponse,
    WatchConnectorsResponse,
);

/// A message as JSON.
pub(super) fn encode<M: Described>(message: &M) -> Value {
    kafka2oss_manifest::encode(M::NAME, message)
}

/// A message from JSON; unknown fields are errors, with line and column.
pub(super) fn decode<M: Described>(text: &str) -> Result<M, String> {
    let mut json = serde_json::Deserializer::from_str(text);
    let dynamic = DynamicMessage::deserialize(kafka2oss_manifest::descriptor(M::NAME), &mut json)
        .and_then(|message| json.end().map(|()| message))
        .map_err(|error| error.to_string())?;
    dynamic.transcode_to().map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn every_message_is_found_by_its_name() {
        for name in NAMES {
            assert_eq!(kafka2oss_manifest::descriptor(name).name(), *name);
        }
    }

    #[test]
    fn a_connector_stays_the_same_from_json_to_json() {
        let json = json!({
            "name": "instances/dev/connectors/orders",
            "labels": {"team": "a"},
            "spec": {
                "source": {"topic": "orders", "consumerOffset": "CONSUMER_OFFSET_EARLIEST", "spread": 3},
                "destination": {
                    "bucket": "b",
                    "credentials": {"accessKey": {
                        "id": {"environment": "ID"}, "secret": {"file": "/run/secret"}}},
                },
                "output": {"rotation": {"maxBytes": "1048576", "maxAge": "2s", "idle": "0.500s"}},
            },
        });

        let connector: v1::Connector = decode(&json.to_string()).expect("it is read");

        let rotation = connector.spec.clone().and_then(|spec| spec.output?.rotation);
        assert_eq!(rotation.and_then(|rotation| rotation.max_bytes), Some(1_048_576));
        assert_eq!(encode(&connector), json);
    }

    #[test]
    fn names_as_in_the_proto_file_are_read_too() {
        let connector: v1::Connector =
            decode(r#"{"spec": {"source": {"thread_concurrency": 12}}}"#).expect("it is read");
        let source = connector.spec.and_then(|spec| spec.source);
        assert_eq!(source.and_then(|source| source.thread_concurrency), Some(12));
    }

    #[test]
    fn an_unknown_field_is_told() {
        let error = decode::<v1::Connector>("{\"spec\": {\n\"sauce\": {}}}").expect_err("refused");
        assert!(error.contains("sauce") && error.contains("line 2"), "{error}");
        assert!(decode::<v1::Connector>("{} {}").is_err());
    }
}
