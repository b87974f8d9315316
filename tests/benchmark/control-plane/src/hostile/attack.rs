//! The hostile peers: a process that does one thing until its standard input ends.

use std::io::Read as _;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context, Result};
use bytes::{Buf, Bytes, BytesMut};
use clap::{Args, ValueEnum};
use kafka2oss_proto::agent;
use kafka2oss_proto::agent::v1::connect_request::Message as Said;
use prost::Message;
use tokio::io::AsyncReadExt;
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::speech;
use super::wire::{Call, Connection, STREAMS, drain, framed, tcp};
use crate::names;
use crate::wire::{ToAgent, Told};

const CONNECT: &str = "/kafka2oss.agent.v1.AgentControlService/Connect";
const GET: &str = "/kafka2oss.v1.ConnectorService/GetConnector";
const CREATE: &str = "/kafka2oss.v1.ConnectorService/CreateConnector";
const WATCH: &str = "/kafka2oss.v1.ConnectorService/WatchConnectors";
/// The good agent whose place a hostile one takes.
const TAKEN: &str = "agent-0019";
/// Whoever cannot do what it does tries again after this time.
const PAUSE: Duration = Duration::from_millis(100);
const WINDOW: u32 = 1 << 20;
const LARGE_WINDOW: u32 = 1 << 30;

/// What hostile peers do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Kind {
    /// 5,000 connections that say nothing
    SilentConnections,
    /// 5,000 streams of agents that say nothing
    SilentStreams,
    /// 5,000 requests without a message
    NoMessages,
    /// Calls that are opened and given up at once
    RapidResets,
    /// 1,000 watchers that read nothing
    UnreadWatches,
    /// Agents with new ids that come and go
    Hellos,
    /// Requests of 15 MiB
    LongMessages,
    /// Messages of 15 MiB that hold millions of entries
    ManyParts,
    /// Log lines of an agent without authority
    StrangersLogs,
    /// Reports of an agent without authority
    StrangersReports,
    /// Log lines of an agent that runs connectors
    AgentsLogs,
    /// Reports of an agent that runs connectors
    AgentsReports,
}

impl Kind {
    /// Its name.
    pub(super) fn name(self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }

    /// The id that it takes from a good agent.
    pub(super) fn taken(self) -> Option<&'static str> {
        matches!(self, Self::AgentsLogs | Self::AgentsReports).then_some(TAKEN)
    }
}

/// What the process is told.
#[derive(Debug, Clone, Args)]
pub(crate) struct Options {
    kind: Kind,
    address: SocketAddr,
}

/// Does it until standard input ends, and prints how often.
pub(crate) async fn run(options: Options) -> Result<ExitCode> {
    let Options { kind, address } = options;
    let peer = Peer { address, hits: Arc::default() };
    let mut peers = JoinSet::new();
    let connections = match kind {
        Kind::SilentConnections => 5_000,
        Kind::SilentStreams | Kind::NoMessages => 5_000 / STREAMS,
        Kind::UnreadWatches => 1_000 / STREAMS,
        Kind::RapidResets | Kind::Hellos | Kind::LongMessages => 16,
        Kind::ManyParts | Kind::StrangersLogs | Kind::StrangersReports => 4,
        Kind::AgentsLogs | Kind::AgentsReports => 1,
    };
    for number in 0..connections {
        let peer = peer.clone();
        peers.spawn(async move {
            loop {
                // It was thrown out, or not let in.
                let _ = Box::pin(peer.once(kind, number)).await;
                sleep(PAUSE).await;
            }
        });
    }
    tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new())).await??;
    #[expect(clippy::print_stdout, reason = "whoever started it reads that")]
    {
        println!("{}", peer.hits.load(Ordering::Relaxed));
    }
    Ok(ExitCode::SUCCESS)
}

#[derive(Debug, Clone)]
struct Peer {
    address: SocketAddr,
    hits: Arc<AtomicU64>,
}

impl Peer {
    fn hit(&self) {
        self.hits.fetch_add(1, Ordering::Relaxed);
    }

    /// Does it for as long as one connection lasts.
    async fn once(&self, kind: Kind, number: usize) -> Result<()> {
        match kind {
            Kind::SilentConnections => {
                let mut tcp = tcp(self.address).await?;
                self.hit();
                tcp.read_to_end(&mut Vec::new()).await?;
                Ok(())
            }
            Kind::SilentStreams => self.silent(CONNECT).await,
            Kind::NoMessages => self.silent(GET).await,
            Kind::RapidResets => self.resets().await,
            Kind::UnreadWatches => self.unread().await,
            Kind::Hellos => self.hellos(number).await,
            Kind::LongMessages => self.long().await,
            Kind::ManyParts => {
                let message = speech::many_parts();
                self.strange(number, |_| message.clone()).await
            }
            Kind::StrangersLogs => {
                let connectors: Vec<_> = (0..200).map(names::connector).collect();
                let message = speech::logs(&connectors);
                self.strange(number, |_| message.clone()).await
            }
            Kind::StrangersReports => {
                let connector = |number| (names::connector(number), "uid".to_owned());
                let connectors: Vec<_> = (0..200).map(connector).collect();
                self.strange(number, |sequence| speech::report(&connectors, sequence)).await
            }
            Kind::AgentsLogs => {
                self.agent(|connectors, _| {
                    let names: Vec<_> = connectors.iter().map(|(name, _)| name.clone()).collect();
                    speech::logs(&names)
                })
                .await
            }
            Kind::AgentsReports => self.agent(speech::report).await,
        }
    }

    /// As many calls as a connection has, of which none says anything; one that is ended is
    /// opened again.
    async fn silent(&self, path: &'static str) -> Result<()> {
        let connection = Connection::open(self.address, WINDOW).await?;
        let call = || async {
            loop {
                let Call { say, answer } = connection.call(path).await?;
                self.hit();
                let ended = answer.await;
                drop(say);
                drain(ended?.into_body()).await?;
            }
        };
        futures::future::try_join_all((0..STREAMS).map(|_| call())).await.map(|_: Vec<()>| ())
    }

    async fn resets(&self) -> Result<()> {
        let connection = Connection::open(self.address, WINDOW).await?;
        loop {
            connection.call(GET).await?.reset();
            self.hit();
            // Together they go out when this one waits.
            if self.hits.load(Ordering::Relaxed).is_multiple_of(100) {
                tokio::task::yield_now().await;
            }
        }
    }

    /// Watches that may be sent much, on a connection that is not read any more.
    async fn unread(&self) -> Result<()> {
        let connection = Connection::open(self.address, LARGE_WINDOW).await?;
        let mut watches = Vec::new();
        for _ in 0..STREAMS {
            let mut call = connection.call(WATCH).await?;
            call.say(speech::watch()).await?;
            call.say.send_data(Bytes::new(), true)?;
            self.hit();
            watches.push(call);
        }
        sleep(Duration::from_secs(1)).await;
        connection.task.abort();
        std::future::pending().await
    }

    async fn hellos(&self, number: usize) -> Result<()> {
        let connection = Connection::open(self.address, WINDOW).await?;
        loop {
            let id = format!("stranger-{number}-{}", self.hits.load(Ordering::Relaxed));
            let mut call = connection.call(CONNECT).await?;
            call.say(speech::hello(&id, false)).await?;
            let mut told = (&mut call.answer).await?.into_body();
            told.data().await.context("no Welcome")??;
            self.hit();
        }
    }

    async fn long(&self) -> Result<()> {
        let connection = Connection::open(self.address, WINDOW).await?;
        let message = speech::long_request();
        loop {
            let mut call = connection.call(CREATE).await?;
            call.say(message.clone()).await?;
            call.end().await?;
            self.hit();
        }
    }

    /// An agent of a pool of its own, which says something all the time.
    async fn strange(&self, number: usize, says: impl Fn(u64) -> Bytes) -> Result<()> {
        let connection = Connection::open(self.address, WINDOW).await?;
        let mut call = connection.call(CONNECT).await?;
        call.say(speech::hello(&format!("stranger-{number}"), false)).await?;
        let told = (&mut call.answer).await?.into_body();
        tokio::spawn(drain(told));
        for sequence in 1.. {
            call.say(says(sequence)).await?;
            self.hit();
        }
        Ok(())
    }

    /// An agent that has connectors, and says something of them all the time.
    async fn agent(&self, says: impl Fn(&[(String, String)], u64) -> Bytes) -> Result<()> {
        let connection = Connection::open(self.address, WINDOW).await?;
        let mut call = connection.call(CONNECT).await?;
        call.say(speech::hello(TAKEN, true)).await?;
        let mut told = (&mut call.answer).await?.into_body();
        let mut came = BytesMut::new();
        let list = loop {
            match next(&mut came)? {
                Some(ToAgent::Assignments(list)) if !list.connectors.is_empty() => break list,
                Some(_) => {}
                None => {
                    let data = told.data().await.context("no list")??;
                    told.flow_control().release_capacity(data.len())?;
                    came.extend_from_slice(&data);
                }
            }
        };
        tokio::spawn(drain(told));
        let (version, nonce) = (list.version, list.nonce);
        let ack = agent::v1::AssignmentAck { version, nonce, nacks: Vec::new() };
        let ack = agent::v1::ConnectRequest { message: Some(Said::AssignmentAck(ack)) };
        call.say(framed(&ack)).await?;
        let connectors: Vec<_> =
            list.connectors.into_iter().map(|one| (one.connector, one.uid)).collect();
        for sequence in 1.. {
            call.say(says(&connectors, sequence)).await?;
            self.hit();
        }
        Ok(())
    }
}

/// Takes the next message out of what came, if it is whole.
fn next(came: &mut BytesMut) -> Result<Option<ToAgent>> {
    let Some([_, length @ ..]) = came.first_chunk::<5>() else { return Ok(None) };
    let length = usize::try_from(u32::from_be_bytes(*length))?;
    if came.len() < 5 + length {
        return Ok(None);
    }
    came.advance(5);
    Ok(Told::decode(came.split_to(length))?.message)
}
