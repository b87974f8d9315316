//! What users ask for.

use kafka2oss_proto::v1;
use kafka2oss_proto::v1::connector_service_server::ConnectorService;
use tonic::Request;

use super::client::INSTANCE;
use super::world::{Outcome, World};

/// What a user asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wish {
    Create,
    Deploy,
    Pause,
    Resume,
    Color(u8),
    /// So many tasks.
    Spread(i32),
    /// Starts elsewhere.
    Reset,
    Delete {
        orphan_resources: bool,
        delete_error_topics: bool,
    },
}

impl Wish {
    /// Whether the connector is to go.
    pub(super) fn is_deletion(self) -> bool {
        matches!(self, Self::Delete { .. })
    }

    /// Asks for it of the connector `id`.
    pub(super) async fn ask(
        self,
        world: &World,
        id: &str,
        request_id: String,
    ) -> Outcome<v1::Connector> {
        let (id, name) = (id.to_owned(), name_of(id));
        world
            .call(move |life| async move {
                let service = life.connectors;
                match self {
                    Self::Create => service.create_connector(creation(id, request_id)).await,
                    Self::Deploy => {
                        let request =
                            v1::DeployConnectorRequest { name, request_id, ..Default::default() };
                        service.deploy_connector(Request::new(request)).await
                    }
                    Self::Pause => {
                        let request =
                            v1::PauseConnectorRequest { name, request_id, ..Default::default() };
                        service.pause_connector(Request::new(request)).await
                    }
                    Self::Resume => {
                        let request =
                            v1::ResumeConnectorRequest { name, request_id, ..Default::default() };
                        service.resume_connector(Request::new(request)).await
                    }
                    Self::Color(color) => {
                        let labels = labels(&color.to_string());
                        let connector = v1::Connector { labels, ..v1::Connector::default() };
                        let request = update(name, connector, "labels", request_id);
                        service.update_connector(request).await
                    }
                    Self::Spread(spread) => {
                        let source = Some(v1::KafkaSource {
                            spread: Some(spread),
                            ..v1::KafkaSource::default()
                        });
                        let spec = Some(v1::ConnectorSpec { source, ..Default::default() });
                        let connector = v1::Connector { spec, ..v1::Connector::default() };
                        let path = "spec.source.spread";
                        service.update_connector(update(name, connector, path, request_id)).await
                    }
                    Self::Reset => {
                        let to = Some(v1::offset_reset::To::Earliest(()));
                        let reset = Some(v1::OffsetReset { to });
                        let request = v1::ResetOffsetsRequest {
                            name,
                            reset,
                            request_id,
                            ..Default::default()
                        };
                        service.reset_offsets(Request::new(request)).await
                    }
                    Self::Delete { orphan_resources, delete_error_topics } => {
                        let request = v1::DeleteConnectorRequest {
                            name,
                            orphan_resources,
                            delete_error_topics,
                            request_id,
                            ..v1::DeleteConnectorRequest::default()
                        };
                        service.delete_connector(Request::new(request)).await
                    }
                }
            })
            .await
    }
}

/// The full name of the connector `id`.
pub(super) fn name_of(id: &str) -> String {
    format!("{INSTANCE}/connectors/{id}")
}

fn labels(color: &str) -> std::collections::BTreeMap<String, String> {
    [("color".to_owned(), color.to_owned())].into()
}

fn creation(id: String, request_id: String) -> Request<v1::CreateConnectorRequest> {
    let environment = |name: &str| {
        let source = v1::secret::Source::Environment(name.to_owned());
        Some(v1::Secret { source: Some(source) })
    };
    let key = v1::AccessKey {
        id: environment("KEY_ID"),
        secret: environment("KEY_SECRET"),
        session_token: None,
    };
    let spec = v1::ConnectorSpec {
        source: Some(v1::KafkaSource {
            topic: format!("{id}-input"),
            spread: Some(1),
            ..v1::KafkaSource::default()
        }),
        destination: Some(v1::ObjectStoreDestination {
            bucket: "bucket-test".to_owned(),
            credentials: Some(v1::StoreCredentials {
                kind: Some(v1::store_credentials::Kind::AccessKey(key)),
            }),
            ..v1::ObjectStoreDestination::default()
        }),
        ..v1::ConnectorSpec::default()
    };
    let connector =
        v1::Connector { spec: Some(spec), labels: labels("none"), ..v1::Connector::default() };
    Request::new(v1::CreateConnectorRequest {
        parent: INSTANCE.to_owned(),
        connector_id: id,
        connector: Some(connector),
        request_id,
        ..v1::CreateConnectorRequest::default()
    })
}

fn update(
    name: String,
    connector: v1::Connector,
    path: &str,
    request_id: String,
) -> Request<v1::UpdateConnectorRequest> {
    let paths = vec![path.to_owned()];
    Request::new(v1::UpdateConnectorRequest {
        connector: Some(v1::Connector { name, ..connector }),
        update_mask: Some(prost_types::FieldMask { paths }),
        request_id,
        ..Default::default()
    })
}
