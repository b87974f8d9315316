//! ServerService.

use std::time::Duration;

use kafka2oss_proto::v1;
use kafka2oss_proto::v1::server_service_client::ServerServiceClient;
use tonic::Code;

use crate::server::Server;

async fn info(server: &Server) -> v1::ServerInfo {
    let mut client = ServerServiceClient::new(server.channel.clone());
    let answer = client.get_server_info(v1::GetServerInfoRequest {}).await;
    answer.expect("an answer").into_inner()
}

fn seconds(duration: Option<prost_types::Duration>) -> i64 {
    duration.expect("given").seconds
}

#[tokio::test]
async fn the_limits_are_those_that_callers_meet() {
    let mut server = Server::start_with(|options| {
        options.allowed_concurrency = vec![3, 6];
        options.max_watches = 2;
        options.rebalance_interval = Duration::from_secs(7);
    })
    .await;
    let limits = info(&server).await.limits.expect("there are limits");
    assert_eq!(limits.allowed_concurrency, [3, 6]);
    let times = [limits.agent_lease, limits.rebalance_interval, limits.request_timeout];
    assert_eq!(times.map(seconds), [600, 7, 60]);
    assert_eq!(seconds(limits.request_id_lifetime), 24 * 60 * 60);

    assert_eq!(limits.max_watches, 2);
    server.register("alikafka_1").await;
    let (_first, _second) = (server.watch("").await, server.watch("").await);
    let parent = "instances/-".to_owned();
    let request = v1::WatchConnectorsRequest { parent, ..Default::default() };
    let refused = server.connectors.watch_connectors(request).await.expect_err("one too many");
    assert_eq!(refused.code(), Code::ResourceExhausted);

    let create = |id: String| v1::CreateInstanceRequest {
        instance_id: "other".to_owned(),
        instance: Some(crate::server::instance()),
        request_id: id,
        ..Default::default()
    };
    let longest = usize::try_from(limits.max_request_id_bytes).expect("a length");
    let refused = server.instances.create_instance(create("i".repeat(longest + 1))).await;
    assert_eq!(refused.expect_err("too long").code(), Code::InvalidArgument);
    server.instances.create_instance(create("i".repeat(longest))).await.expect("registered");
    let one = |page_size| v1::ListInstancesRequest { page_size, ..Default::default() };
    let most = server.instances.list_instances(one(limits.max_page_size + 1)).await;
    assert_eq!(most.expect("a page").into_inner().instances.len(), 2);
}

#[tokio::test]
async fn the_store_is_the_same_after_a_restart_and_the_start_is_not() {
    let mut server = Server::start().await;
    let before = info(&server).await;
    assert_eq!(before.version, env!("CARGO_PKG_VERSION"));
    assert_eq!((before.min_agent_protocol_version, before.max_agent_protocol_version), (1, 1));
    assert_eq!((before.store_id.len(), before.store_epoch), (26, 1));
    assert!(before.features.iter().any(|name| name == "preflight"), "{:?}", before.features);
    server.restart().await;
    let after = info(&server).await;
    let start = |info: &v1::ServerInfo| info.start_time.map(|time| (time.seconds, time.nanos));
    assert!(start(&before) < start(&after), "{before:?} {after:?}");
    assert_eq!(v1::ServerInfo { start_time: before.start_time, ..after }, before);
}
