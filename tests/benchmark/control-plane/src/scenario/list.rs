//! The whole list, page by page.

use std::time::Instant;

use anyhow::Result;
use bytes::Bytes;
use http::uri::PathAndQuery;
use kafka2oss_figures::statistics::percentile;
use kafka2oss_proto::v1;
use prost::Message;
use tonic::Request;
use tonic::client::Grpc;

use super::{Suite, outcome};
use crate::bound::within;
use crate::meter::Meter;
use crate::pacing::milliseconds;
use crate::wire::{Page, Raw};
use crate::world::World;

const LIST: &str = "/kafka2oss.v1.ConnectorService/ListConnectors";
/// Connectors of a page.
const PAGE: i32 = 100;
/// How often the list is read.
const TIMES: usize = 5;

pub(super) async fn run(suite: &mut Suite) -> Result<()> {
    let Some(world) = suite.take().await? else {
        return suite.figure("list_page_p99_ms", None::<f64>);
    };
    let meter = Meter::start(world.plane.pid()?)?;
    let pages = within(suite.options.bound(), read(&world)).await;
    let pages = pages.map_err(anyhow::Error::from).flatten();
    suite.figures.cost("list", meter.read()?);
    let value = outcome(pages.map(|pages| percentile(pages, 0.99)))?;
    suite.figure("list_page_p99_ms", value)?;
    suite.keep(world)
}

/// What each page took, in milliseconds.
async fn read(world: &World) -> Result<Vec<f64>> {
    let mut client = Grpc::new(world.plane.channel()?);
    let mut pages = Vec::new();
    for _ in 0..TIMES {
        let mut token = String::new();
        let mut seen = 0;
        loop {
            let request = v1::ListConnectorsRequest {
                parent: "instances/-".to_owned(),
                page_size: PAGE,
                page_token: token,
                ..Default::default()
            };
            client.ready().await?;
            let began = Instant::now();
            let request = Request::new(Bytes::from(request.encode_to_vec()));
            let answer = client.unary(request, PathAndQuery::from_static(LIST), Raw).await?;
            let page = Page::decode(answer.into_inner())?;
            pages.push(milliseconds(began.elapsed()));
            seen += page.connectors.len();
            token = page.next_page_token;
            if token.is_empty() {
                break;
            }
        }
        let all = world.connectors as usize;
        anyhow::ensure!(seen == all, "the list has {seen} connectors of {all}");
    }
    Ok(pages)
}
