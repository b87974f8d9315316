//! Watches connectors.

use std::time::Duration;

use anyhow::{Context, Result};
use bytes::Bytes;
use http::uri::PathAndQuery;
use kafka2oss_proto::v1;
use prost::Message;
use tonic::client::Grpc;
use tonic::transport::Channel;
use tonic::{Request, Streaming};

use crate::bound::within;
use crate::names;
use crate::wire::{Event, Raw, Seen};

const WATCH: &str = "/kafka2oss.v1.ConnectorService/WatchConnectors";

/// One watch.
#[derive(Debug)]
pub(crate) struct Watcher {
    events: Streaming<Bytes>,
}

impl Watcher {
    /// Opens a watch of an instance's connectors, or of all with `instances/-`.
    pub(crate) async fn open(channel: Channel, parent: &str) -> Result<Self> {
        let request =
            v1::WatchConnectorsRequest { parent: parent.to_owned(), ..Default::default() };
        let mut client = Grpc::new(channel);
        client.ready().await?;
        let request = Request::new(Bytes::from(request.encode_to_vec()));
        let path = PathAndQuery::from_static(WATCH);
        let events = client.server_streaming(request, path, Raw).await?.into_inner();
        Ok(Self { events })
    }

    /// The next event, of a kind that is known.
    pub(crate) async fn next(&mut self) -> Result<Event> {
        loop {
            let message = self.events.message().await?.context("the watch has ended")?;
            if let Some(event) = Seen::decode(message)?.event {
                return Ok(event);
            }
        }
    }
}

/// Waits until all connectors with a number below `count` run and flow, for so long at
/// most.
///
/// # Errors
/// [`NotWithin`](crate::bound::NotWithin), or that the watch broke.
pub(crate) async fn until_all_flow(channel: Channel, count: u32, bound: Duration) -> Result<()> {
    within(bound, async {
        let mut watcher = Watcher::open(channel, "instances/-").await?;
        let mut flows = vec![false; count as usize];
        let mut waiting = count;
        while waiting > 0 {
            match watcher.next().await? {
                Event::Upsert(connector) => {
                    let number = names::number(&connector.name).map(|number| number as usize);
                    let Some(before) = number.and_then(|number| flows.get_mut(number)) else {
                        continue;
                    };
                    let now = connector.flows();
                    match (std::mem::replace(before, now), now) {
                        (false, true) => waiting -= 1,
                        (true, false) => waiting += 1,
                        _ => {}
                    }
                }
                Event::Reset(()) => {
                    flows.fill(false);
                    waiting = count;
                }
                Event::Deleted(()) | Event::Synced(()) | Event::Heartbeat(()) => {}
            }
        }
        Ok(())
    })
    .await?
}
