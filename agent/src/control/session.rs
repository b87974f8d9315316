//! One stream, from Welcome to its end.

use std::time::{Duration, SystemTime};

use futures::FutureExt;
use futures::future::BoxFuture;
use kafka2oss_proto::agent;
use kafka2oss_proto::agent::v1::connect_request::Message;
use kafka2oss_proto::agent::v1::connect_response;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at, sleep_until, timeout};
use tonic::Streaming;

use super::handshake::{self, Opened, end_of, told};
use super::outbox::{Next, Outbox, ack};
use super::{Control, End, Intent, message};
use crate::assignment::StoreIdentity;
use crate::commands::Hearing;
use crate::supervisor::Outcome;

/// From Goodbye to the end of the stream.
const GOODBYE_WITHIN: Duration = Duration::from_secs(2);

/// A stream that stands.
struct Session {
    outgoing: mpsc::Sender<agent::v1::ConnectRequest>,
    incoming: Streaming<agent::v1::ConnectResponse>,
    outbox: Outbox,
    /// For the commands that come.
    hearing: Hearing,
    store: StoreIdentity,
    /// The list that is being applied; the next message is read afterwards.
    applying: Option<BoxFuture<'static, Option<Applied>>>,
}

/// What there is to say and to tell when a list has been applied.
struct Applied {
    ack: Message,
    /// The last question that it answers; 0 without one.
    heard: u64,
    /// The last question of a task that it answers: none where it was refused.
    answered: u64,
}

/// What happens while a stream stands.
enum Event {
    /// The transport takes a message.
    Room,
    /// The transport takes no message any more.
    Deaf,
    Incoming(Box<Result<Option<agent::v1::ConnectResponse>, tonic::Status>>),
    /// A list has been applied.
    Applied(Box<Applied>),
    /// The result of a command is there, or something that is known before it.
    Answer(Box<Message>),
    /// A task asks whether it is still this agent's.
    Question,
    /// Something to report on has changed.
    Changed,
    LinesAdded,
    /// It is time for a heartbeat.
    Beat,
    /// Nothing but that it is later.
    Nothing,
    /// The agent ends.
    End(agent::v1::GoodbyeReason),
}

/// Opens a stream and serves it to its end.
pub(super) async fn run(control: &mut Control) -> End {
    let mut intent = control.intent.clone();
    let opened = tokio::select! {
        opened = handshake::open(control) => opened,
        _ = intent.wait_for(|intent| *intent != Intent::Run) => {
            return End::Lost { welcomed: false, reason: "the agent ends".to_owned() };
        }
    };
    match opened {
        Ok(opened) => {
            let Opened { outgoing, incoming, store, heartbeat } = opened;
            let outbox = Outbox::new(Instant::now());
            let hearing = Hearing::new();
            let session = Session { outgoing, incoming, outbox, hearing, store, applying: None };
            session.serve(control, heartbeat).await
        }
        Err(end) => end,
    }
}

impl Session {
    async fn serve(mut self, control: &mut Control, heartbeat: Duration) -> End {
        let lost = |reason: String| End::Lost { welcomed: true, reason };
        let mut heartbeats = interval_at(Instant::now() + heartbeat, heartbeat);
        heartbeats.set_missed_tick_behavior(MissedTickBehavior::Delay);
        // What was asked before, and not answered on the stream before.
        self.ask(control);
        loop {
            match self.event(control, &mut heartbeats).await {
                Event::Room => {
                    if let Some(message) = next(&mut self.outbox, control) {
                        // There is room, and nobody else sends.
                        let _ = self.outgoing.try_send(message::request(message));
                    }
                }
                Event::Deaf => return self.why_it_ended().await,
                Event::Incoming(incoming) => match *incoming {
                    Ok(Some(response)) => {
                        if let Some(end) = self.take(control, response) {
                            return end;
                        }
                    }
                    Ok(None) => return lost("the control plane has ended it".to_owned()),
                    Err(status) => return lost(told(&status)),
                },
                Event::Applied(applied) => {
                    let Applied { ack, heard, answered } = *applied;
                    control.desk.answer(answered);
                    self.hearing.answered(heard);
                    self.outbox.answer(ack);
                }
                Event::Answer(answer) => self.outbox.answer(*answer),
                Event::Question => self.ask(control),
                Event::Changed => self.outbox.changed(Instant::now()),
                Event::LinesAdded => self.outbox.lines_added(),
                Event::Beat => self.outbox.beat(Instant::now()),
                Event::Nothing => {}
                Event::End(reason) => return self.say_goodbye(control, reason).await,
            }
        }
    }

    /// What happens next. Nothing is lost when this is cancelled.
    async fn event(&mut self, control: &mut Control, heartbeats: &mut Interval) -> Event {
        let now = Instant::now();
        let answers = self.outbox.takes_answers();
        let reads = answers && self.applying.is_none();
        let report_due = self.outbox.report_due();
        tokio::select! {
            // Waiting for room holds up nothing else.
            room = self.outgoing.reserve(), if self.outbox.has_next(now) => {
                if room.is_ok() { Event::Room } else { Event::Deaf }
            }
            incoming = self.incoming.message(), if reads => Event::Incoming(Box::new(incoming)),
            applied = applied(&mut self.applying) => {
                applied.map_or(Event::Nothing, |applied| Event::Applied(Box::new(applied)))
            }
            Some(answer) = control.answers.recv(), if answers => Event::Answer(Box::new(answer)),
            () = control.desk.question() => Event::Question,
            () = control.board.changed() => Event::Changed,
            () = control.reporter.added() => Event::LinesAdded,
            _ = heartbeats.tick() => Event::Beat,
            () = sleep_until(report_due.unwrap_or(now)), if report_due > Some(now) => {
                Event::Nothing
            }
            Ok(reason) = wait_for_end(&mut control.intent) => Event::End(reason),
        }
    }

    /// Asks for the assignments anew, if a task waits for that.
    fn ask(&mut self, control: &mut Control) {
        let question = control.desk.asked();
        if question > control.desk.answered() {
            self.outbox.request(question);
        }
    }

    fn take(&mut self, control: &Control, response: agent::v1::ConnectResponse) -> Option<End> {
        use connect_response::Message as Incoming;
        match response.message {
            Some(Incoming::Assignments(list)) => {
                let agent::v1::AssignmentList { version, nonce, connectors, answered_request } =
                    list;
                // It can answer nothing that was not asked on this stream.
                let heard = answered_request.min(self.outbox.requested());
                tracing::debug!(version, connectors = connectors.len(), "assignments");
                let (supervisor, store) = (control.supervisor.clone(), self.store.clone());
                let apply = async move {
                    let (nacks, answered) = match supervisor.apply(store, connectors).await? {
                        Outcome::Applied(nacks) => (nacks, heard),
                        // What runs is of another control plane, which has to
                        // say itself whether it is still this agent's.
                        Outcome::Refused(nacks) => (nacks, 0),
                    };
                    Some(Applied { ack: ack(version, nonce, nacks), heard, answered })
                };
                self.applying = Some(apply.boxed());
            }
            Some(Incoming::Command(command)) => {
                if let Some(result) = control.commands.submit(command, self.hearing.origin()) {
                    self.outbox.answer(Message::CommandResult(result));
                }
            }
            Some(Incoming::Superseded(superseded)) => return Some(end_of(superseded)),
            // Of a later protocol, which does not rely on it with this version.
            Some(Incoming::Welcome(_)) | None => {
                tracing::debug!("a message that this agent does not know");
            }
        }
        None
    }

    /// Says what is left to say, and Goodbye, and waits for the other end.
    async fn say_goodbye(mut self, control: &Control, reason: agent::v1::GoodbyeReason) -> End {
        let goodbye = async {
            self.outbox.beat(Instant::now());
            self.outbox.lines_added();
            while let Some(message) = next(&mut self.outbox, control) {
                self.outgoing.send(message::request(message)).await.ok()?;
            }
            let goodbye = Message::Goodbye(agent::v1::Goodbye { reason: reason.into() });
            self.outgoing.send(message::request(goodbye)).await.ok()?;
            drop(self.outgoing);
            // Its end of the stream is the receipt.
            while self.incoming.message().await.ok()?.is_some() {}
            Some(())
        };
        match timeout(GOODBYE_WITHIN, goodbye).await {
            Ok(Some(())) => End::SaidGoodbye,
            Ok(None) | Err(_) => {
                End::Lost { welcomed: true, reason: "no answer to Goodbye".to_owned() }
            }
        }
    }

    /// The transport takes no more: the other direction says why.
    async fn why_it_ended(mut self) -> End {
        let lost = |reason: String| End::Lost { welcomed: true, reason };
        loop {
            match timeout(GOODBYE_WITHIN, self.incoming.message()).await {
                Ok(Ok(Some(agent::v1::ConnectResponse { message: Some(message) }))) => {
                    if let connect_response::Message::Superseded(superseded) = message {
                        return end_of(superseded);
                    }
                }
                Ok(Ok(Some(_))) => {}
                Ok(Ok(None)) | Err(_) => return lost("the control plane has ended it".to_owned()),
                Ok(Err(status)) => return lost(told(&status)),
            }
        }
    }
}

/// The next message, with its content as it is now.
fn next(outbox: &mut Outbox, control: &Control) -> Option<Message> {
    loop {
        match outbox.next(Instant::now())? {
            Next::Answer(answer) => return Some(*answer),
            Next::AssignmentRequest(number) => {
                return Some(Message::AssignmentRequest(agent::v1::AssignmentRequest { number }));
            }
            Next::Heartbeat => return Some(Message::Heartbeat(agent::v1::Heartbeat {})),
            Next::Report(sequence) => {
                let (agent, time) = (&control.identity.agent, SystemTime::now().into());
                let view = control.board.view();
                let load = control.load.read();
                let report = message::status_report(agent, &view, load, sequence, time);
                return Some(Message::StatusReport(report));
            }
            Next::Lines => {
                let lines = control
                    .reporter
                    .take_logs()
                    .map(Message::Logs)
                    .or_else(|| control.reporter.take_dead_letters().map(Message::DeadLetters));
                if let Some(lines) = lines {
                    outbox.lines_added();
                    return Some(lines);
                }
            }
        }
    }
}

async fn wait_for_end(
    intent: &mut watch::Receiver<Intent>,
) -> Result<agent::v1::GoodbyeReason, watch::error::RecvError> {
    loop {
        if let Intent::Goodbye(reason) = *intent.borrow_and_update() {
            return Ok(reason);
        }
        intent.changed().await?;
    }
}

/// Waits for what is being applied; for ever when nothing is. Safe to cancel.
async fn applied(applying: &mut Option<BoxFuture<'static, Option<Applied>>>) -> Option<Applied> {
    let Some(future) = applying else { return std::future::pending().await };
    let applied = future.await;
    *applying = None;
    applied
}
