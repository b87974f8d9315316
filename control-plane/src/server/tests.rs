//! A process that has to end.

use tokio::sync::oneshot;
use tonic::transport::Channel;
use tonic_health::pb::health_check_response::ServingStatus as Serving;
use tonic_health::pb::health_client::HealthClient;
use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse};

use futures::future::BoxFuture;

use super::*;
use crate::observe;

/// A control plane with another loop beside its own.
async fn with_loop(folder: &std::path::Path, another: BoxFuture<'static, ()>) -> ControlPlane {
    let mut options = Options::at(folder);
    options.listen.set_port(0);
    let ports = Ports::bind(&options).await.expect("a free port");
    let catalog =
        Catalog::load(Store::open(folder, OnLoss::Refuse).expect("opened")).expect("read");
    let parts = Parts::new(&options, catalog).expect("random bytes");
    let publisher = observe::publish(Arc::clone(&parts.observed), parts.stop.clone());
    let loops: Vec<Loop> =
        vec![("the publisher of statuses", Box::pin(publisher)), ("the reconciler", another)];
    ControlPlane::serve(&options, ports, parts, loops).await.expect("it serves")
}

async fn health(control_plane: &ControlPlane) -> tonic::Streaming<HealthCheckResponse> {
    let address = format!("http://{}", control_plane.address());
    let endpoint = Channel::from_shared(address).expect("an address");
    let channel = endpoint.connect().await.expect("connected");
    let request = HealthCheckRequest { service: String::new() };
    HealthClient::new(channel).watch(request).await.expect("known").into_inner()
}

async fn seen(health: &mut tonic::Streaming<HealthCheckResponse>) -> Serving {
    health.message().await.expect("no error").expect("no end").status()
}

#[tokio::test]
async fn a_loop_that_panics_makes_health_not_serving_and_says_which_and_why() {
    let folder = tempfile::tempdir().expect("a folder");
    let (go_wrong, wrong) = oneshot::channel::<()>();
    let panics = async move { wrong.await.expect("nothing is placed twice") };
    let control_plane = with_loop(folder.path(), Box::pin(panics)).await;
    let mut health = health(&control_plane).await;
    assert_eq!(seen(&mut health).await, Serving::Serving);

    drop(go_wrong);
    let failure = control_plane.failed().await;
    assert!(failure.to_string().starts_with("the reconciler panicked: nothing is placed twice"));
    assert_eq!(failure.exit_status(), 70);
    assert_eq!(seen(&mut health).await, Serving::NotServing);
    drop(health);
    control_plane.shutdown().await;
    // All of it has ended: the folder is free.
    Store::open(folder.path(), OnLoss::Refuse).expect("opened again");
}

#[tokio::test]
async fn a_loop_that_ends_by_itself_is_no_less_a_failure() {
    let folder = tempfile::tempdir().expect("a folder");
    let control_plane = with_loop(folder.path(), Box::pin(std::future::ready(()))).await;
    let failure = control_plane.failed().await;
    assert_eq!(failure.to_string(), "the reconciler ended by itself");
    control_plane.shutdown().await;
}
