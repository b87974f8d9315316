//! One agent: what it says when, as `agent/src/control` does.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result};
use bytes::Bytes;
use http::uri::PathAndQuery;
use kafka2oss_domain::feature;
use kafka2oss_proto::agent::v1::command_result::Result as Outcome;
use kafka2oss_proto::agent::v1::connect_request::Message as Said;
use kafka2oss_proto::{Count, agent};
use prost::Message;
use tokio::sync::mpsc;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at, sleep, sleep_until};
use tokio_stream::wrappers::ReceiverStream;
use tonic::client::Grpc;
use tonic::transport::Channel;
use tonic::{Request, Streaming};

use super::work::{Work, prepared};
use crate::ledger::Ledger;
use crate::names;
use crate::wire::{Assignments, Command, Order, Prepare, Raw, ToAgent, Told};

const CONNECT: &str = "/kafka2oss.agent.v1.AgentControlService/Connect";
/// Messages between an agent and the transport.
const OUTGOING: usize = 4;
/// Results that wait; the control plane has at most this many commands under way.
const RESULTS: usize = 128;
/// Between two reports at least.
const BETWEEN_REPORTS: Duration = Duration::from_millis(500);
/// The first pause between two tries to connect, and the longest; jitter at most
/// doubles each.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
/// What a preparation takes.
const PREPARING: Duration = Duration::from_millis(100);
const MAX_MESSAGE: usize = 64 << 20;

/// What an agent is.
#[derive(Debug, Clone)]
pub(super) struct Identity {
    pub(super) id: String,
    pub(super) boot_nonce: u64,
    pub(super) capacity: u32,
}

/// What others see of an agent.
#[derive(Debug, Default)]
pub(super) struct View {
    /// A list of the stream that stands was acknowledged.
    pub(super) acknowledged: bool,
    /// When the last list came.
    pub(super) told: Option<Instant>,
    pub(super) work: Work,
    /// Why the last stream ended.
    pub(super) lost: String,
}

/// An agent.
pub(super) struct Agent {
    pub(super) identity: Identity,
    pub(super) channel: Channel,
    pub(super) ledger: Arc<Ledger>,
    pub(super) view: Arc<Mutex<View>>,
    pub(super) store_id: String,
    /// Whether the first stream is still to come: agents were started at different
    /// times, and come back at the same one.
    pub(super) is_new: bool,
}

/// A stream on which Welcome was heard.
struct Stream {
    say: mpsc::Sender<Bytes>,
    beats: Interval,
    results: mpsc::Receiver<agent::v1::CommandResult>,
    result: mpsc::Sender<agent::v1::CommandResult>,
    report_due: Option<Instant>,
    last_report: Option<Instant>,
    reports: u64,
}

impl Agent {
    /// Holds a stream for as long as it is not dropped.
    pub(super) async fn run(mut self) {
        let mut tries = 0;
        loop {
            let began = Instant::now();
            let ended = self.stream().await;
            tries = if began.elapsed() > LONGEST_PAUSE { 0 } else { tries + 1 };
            let why = ended.map_or_else(|error| format!("{error:#}"), |()| "it ended".to_owned());
            self.view(|view| (view.acknowledged, view.lost) = (false, why));
            sleep(pause(tries)).await;
        }
    }

    async fn stream(&mut self) -> Result<()> {
        let (say, said) = mpsc::channel(OUTGOING);
        say.send(encoded(Said::Hello(self.hello()))).await?;
        let mut client = Grpc::new(self.channel.clone())
            .max_decoding_message_size(MAX_MESSAGE)
            .max_encoding_message_size(MAX_MESSAGE);
        client.ready().await?;
        let request = Request::new(ReceiverStream::new(said));
        let path = PathAndQuery::from_static(CONNECT);
        let mut told = client.streaming(request, path, Raw).await?.into_inner();
        let Some(ToAgent::Welcome(welcome)) = next(&mut told).await? else {
            anyhow::bail!("the first message is not Welcome");
        };
        let mut stream = self.welcomed(say, welcome)?;
        loop {
            let wake = self.wake_at(&stream);
            tokio::select! {
                message = next(&mut told) => match message? {
                    Some(ToAgent::Assignments(list)) => self.take(&mut stream, list).await?,
                    Some(ToAgent::Command(command)) => self.obey(&mut stream, command).await?,
                    Some(ToAgent::Superseded(superseded)) => anyhow::bail!(superseded.message),
                    Some(ToAgent::Welcome(_)) | None => {}
                },
                Some(result) = stream.results.recv() => {
                    stream.say(Said::CommandResult(result)).await?;
                }
                _ = stream.beats.tick() => {
                    stream.say(Said::Heartbeat(agent::v1::Heartbeat {})).await?;
                    self.report(&mut stream).await?;
                }
                () = sleep_until(wake.unwrap_or_else(Instant::now)), if wake.is_some() => {
                    if stream.report_due.is_some_and(|due| due <= Instant::now()) {
                        self.report(&mut stream).await?;
                    } else {
                        // Tasks have started.
                        stream.changed();
                    }
                }
            }
        }
    }

    fn welcomed(
        &mut self,
        say: mpsc::Sender<Bytes>,
        welcome: agent::v1::Welcome,
    ) -> Result<Stream> {
        let agent::v1::Welcome { heartbeat_interval, store_id, .. } = welcome;
        let interval = heartbeat_interval.context("Welcome without an interval")?;
        let interval = Duration::try_from(interval)?.max(Duration::from_millis(100));
        let first = match std::mem::take(&mut self.is_new) {
            true => interval.mul_f64(fastrand::f64()),
            false => interval,
        };
        let mut beats = interval_at(Instant::now() + first, interval);
        beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
        self.store_id = store_id;
        let (result, results) = mpsc::channel(RESULTS);
        Ok(Stream {
            say,
            beats,
            results,
            result,
            report_due: Some(Instant::now()),
            last_report: None,
            reports: 0,
        })
    }

    /// When something is to be said, or to have changed, next.
    fn wake_at(&self, stream: &Stream) -> Option<Instant> {
        let now = Instant::now();
        let start = self.view(|view| view.work.next_start(now));
        stream.report_due.into_iter().chain(start).min()
    }

    async fn take(&self, stream: &mut Stream, list: Assignments) -> Result<()> {
        let Assignments { version, nonce, connectors } = list;
        let now = Instant::now();
        let new = self.view(|view| {
            view.told = Some(now);
            view.work.take(connectors, now)
        });
        self.ledger.arrived(&new, now);
        let ack = agent::v1::AssignmentAck { version, nonce, nacks: Vec::new() };
        stream.say(Said::AssignmentAck(ack)).await?;
        self.view(|view| view.acknowledged = true);
        stream.changed();
        Ok(())
    }

    async fn obey(&self, stream: &mut Stream, command: Command) -> Result<()> {
        let Command { id, order } = command;
        let Some(Order::Prepare(prepare)) = order else {
            let message = "this agent is simulated and cannot do that".to_owned();
            let problem = agent::v1::Problem { code: "INTERNAL".to_owned(), message };
            let result = Some(Outcome::Problem(problem));
            return stream.say(Said::CommandResult(agent::v1::CommandResult { id, result })).await;
        };
        let (ledger, results) = (Arc::clone(&self.ledger), stream.result.clone());
        tokio::spawn(async move {
            let outcome = Outcome::PrepareConnector(carry_out(&ledger, prepare).await);
            // The stream may have ended meanwhile.
            let _ = results.send(agent::v1::CommandResult { id, result: Some(outcome) }).await;
        });
        Ok(())
    }

    async fn report(&self, stream: &mut Stream) -> Result<()> {
        let now = Instant::now();
        stream.reports += 1;
        (stream.report_due, stream.last_report) = (None, Some(now));
        let name = format!("agents/{}", self.identity.id);
        let (sequence, time) = (stream.reports, SystemTime::now());
        let report = self.view(|view| view.work.report(&name, sequence, now, time));
        stream.say(Said::StatusReport(report)).await
    }

    fn hello(&self) -> agent::v1::Hello {
        let Identity { id, boot_nonce, capacity } = self.identity.clone();
        agent::v1::Hello {
            agent_id: id,
            boot_nonce,
            vpc_id: super::VPC.to_owned(),
            vswitch_id: super::VSWITCH.to_owned(),
            region_id: super::REGION.to_owned(),
            capacity: capacity.to_wire(),
            protocol_version: 1,
            features: vec![feature::OWN_KEYS.to_owned()],
            version: env!("CARGO_PKG_VERSION").to_owned(),
            store_id: self.store_id.clone(),
            held: self.view(|view| view.work.held()),
        }
    }

    fn view<T>(&self, look: impl FnOnce(&mut View) -> T) -> T {
        look(&mut self.view.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Stream {
    async fn say(&self, message: Said) -> Result<()> {
        Ok(self.say.send(encoded(message)).await?)
    }

    /// Something to report on has changed.
    fn changed(&mut self) {
        let now = Instant::now();
        let earliest = self.last_report.map_or(now, |last| (last + BETWEEN_REPORTS).max(now));
        self.report_due.get_or_insert(earliest);
    }
}

async fn carry_out(ledger: &Ledger, prepare: Prepare) -> agent::v1::PrepareConnectorResult {
    let began = Instant::now();
    let number = names::number(prepare.connector.as_bytes());
    sleep(PREPARING).await;
    let result = prepared(prepare, SystemTime::now());
    if let Some(number) = number {
        ledger.prepared(number, began.elapsed());
    }
    result
}

async fn next(told: &mut Streaming<Bytes>) -> Result<Option<ToAgent>> {
    let message = told.message().await?.context("the control plane has ended it")?;
    Ok(Told::decode(message)?.message)
}

fn encoded(message: Said) -> Bytes {
    agent::v1::ConnectRequest { message: Some(message) }.encode_to_vec().into()
}

/// Before the next try, after so many.
fn pause(tries: u32) -> Duration {
    let pause = FIRST_PAUSE * 2_u32.saturating_pow(tries.saturating_sub(1).min(10));
    pause.min(LONGEST_PAUSE).mul_f64(1.0 + fastrand::f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_a_limit() {
        assert!((FIRST_PAUSE..=2 * FIRST_PAUSE).contains(&pause(1)));
        assert!((2 * FIRST_PAUSE..=4 * FIRST_PAUSE).contains(&pause(2)));
        assert!((LONGEST_PAUSE..=2 * LONGEST_PAUSE).contains(&pause(u32::MAX)));
    }
}
