//! Instances of the same Kafka cluster.

use kafka2oss_proto::agent;
use kafka2oss_proto::v1::{self, ConnectorState};

use crate::agent::{Agent, Script};
use crate::server::{Server, condition, creation, instance};

const SECOND: &str = "instances/alikafka_2";

async fn second(server: &mut Server, allow_shared_cluster: bool) -> String {
    let request = v1::CreateInstanceRequest {
        instance_id: "alikafka_2".to_owned(),
        instance: Some(v1::Instance { allow_shared_cluster, ..instance() }),
        validate_only: false,
        ..Default::default()
    };
    server.instances.create_instance(request).await.expect("registered");
    let request = v1::CreateConnectorRequest { parent: SECOND.to_owned(), ..creation("other") };
    let created = server.connectors.create_connector(request).await.expect("created");
    let name = created.into_inner().name;
    server.deploy(&name).await;
    name
}

async fn cluster_id(server: &mut Server, name: &str) -> String {
    let request = v1::GetInstanceRequest { name: name.to_owned() };
    server.instances.get_instance(request).await.expect("there").into_inner().kafka_cluster_id
}

#[tokio::test]
async fn a_second_instance_of_a_cluster_is_not_used_until_the_first_has_no_connectors() {
    let mut server = Server::with_instance().await;
    let agent = Agent::connect(&server.channel, Script::willing("a")).await;
    let first = server.running("sink").await;
    let name = second(&mut server, false).await;

    let refused = server.until_state(&name, ConnectorState::Failed).await;
    let condition = condition(&refused, "Prepared");
    assert_eq!(condition.reason, "KAFKA_CLUSTER_SHARED");
    assert!(condition.message.contains("instances/alikafka_1"), "{}", condition.message);
    assert!(!condition.remedy.is_empty());
    let assigned =
        |list: agent::v1::AssignmentList| list.connectors.into_iter().map(|one| one.connector);
    assert!(agent.lists().into_iter().flat_map(assigned).all(|connector| connector != name));
    assert_eq!(cluster_id(&mut server, SECOND).await, "");
    // The first one is not disturbed, nor are its further connectors.
    server.running("sink-2").await;

    for connector in [&first.name, &first.name.replace("sink", "sink-2")] {
        let delete = v1::DeleteConnectorRequest { name: connector.clone(), ..Default::default() };
        server.connectors.delete_connector(delete).await.expect("accepted");
        server.until_gone(connector).await;
    }
    server.until_state(&name, ConnectorState::Running).await;
    assert_eq!(cluster_id(&mut server, SECOND).await, "cluster-1");
}

#[tokio::test]
async fn an_instance_may_allow_that_its_cluster_is_shared() {
    let mut server = Server::with_instance().await;
    let _agent = Agent::connect(&server.channel, Script::willing("a")).await;
    server.running("sink").await;
    let name = second(&mut server, true).await;
    server.until_state(&name, ConnectorState::Running).await;
    assert_eq!(cluster_id(&mut server, SECOND).await, "cluster-1");
}
