//! What an agent says after Hello.
//!
//! That it says anything shows that it is there: this is noted as it arrives.
//! What it says is taken into memory at once; whatever has to wait, as for the
//! disk, is done elsewhere, so that the next message never waits for it.

use std::sync::Arc;

use futures::{Stream as Messages, StreamExt};
use kafka2oss_proto::agent::v1::connect_request::Message;
use kafka2oss_proto::{Count, agent, v1};
use tokio_util::sync::CancellationToken;

use super::Sessions;
use super::authority::Authority;
use super::{bounds, lessons};
use crate::clock;
use crate::text::shorten;

/// Bytes of one text of a log line or dead letter that are kept.
const MAX_TEXT: usize = 4_096;

/// Takes in what the agent says until it says no more, or `end`. What was
/// begun is finished.
pub(crate) async fn read<I, E>(
    sessions: Arc<Sessions>,
    agent: String,
    session: u64,
    mut inbound: I,
    end: CancellationToken,
) where
    I: Messages<Item = Result<agent::v1::ConnectRequest, E>> + Unpin,
    E: std::fmt::Display,
{
    let mut reader = Reader {
        sessions: &sessions,
        agent: &agent,
        session,
        authority: Authority::new(&sessions.known.catalog, &agent),
    };
    loop {
        let next = tokio::select! {
            biased;
            () = end.cancelled() => break,
            next = inbound.next() => next,
        };
        match next {
            Some(Ok(request)) => {
                sessions.known.fleet.heard(&agent, session);
                if reader.take(request).await == Next::End {
                    break;
                }
            }
            Some(Err(error)) => {
                tracing::info!(agent, session, %error, "the agent's stream broke");
                break;
            }
            None => break,
        }
    }
    let refused = reader.authority.refused();
    if refused > 0 {
        tracing::warn!(agent, session, refused, "dropped what the agent has no authority over");
    }
}

/// Whether a stream goes on.
#[derive(Debug, PartialEq, Eq)]
enum Next {
    Go,
    End,
}

struct Reader<'a> {
    sessions: &'a Sessions,
    agent: &'a str,
    session: u64,
    authority: Authority<'a>,
}

impl Reader<'_> {
    async fn take(&mut self, request: agent::v1::ConnectRequest) -> Next {
        let Self { sessions, agent, session, authority } = self;
        let session = *session;
        match request.message {
            Some(Message::StatusReport(mut report)) => {
                let known = authority.limit(&mut report);
                let teaches = known
                    .iter()
                    .zip(&report.connectors)
                    .filter(|(known, report)| !lessons::learned(known, report).is_empty());
                let teaches = teaches.map(|(_, report)| report.connector.clone()).collect();
                let touched = sessions.known.fleet.report(agent, session, report);
                sessions.lessons.mark(agent, teaches);
                sessions.observed.touch_all(&touched);
                sessions.inbox.said(agent);
            }
            Some(Message::AssignmentAck(mut ack)) => {
                authority.limit_answer(&mut ack);
                let touched = sessions.known.fleet.acknowledge(agent, session, ack);
                sessions.observed.touch_all(&touched);
                sessions.inbox.said(agent);
            }
            Some(Message::AssignmentRequest(agent::v1::AssignmentRequest { number })) => {
                sessions.known.fleet.request(agent, session, number);
                sessions.inbox.requested(agent);
            }
            Some(Message::CommandResult(result)) => {
                sessions.known.fleet.answer(agent, session, &result);
            }
            Some(Message::CommandProgress(mut progress)) => {
                bounds::limit_progress(&mut progress);
                sessions.known.fleet.progress(agent, session, progress);
            }
            Some(Message::Logs(batch)) => self.take_logs(batch),
            Some(Message::DeadLetters(batch)) => self.take_dead_letters(batch),
            Some(Message::Goodbye(goodbye)) => {
                part(sessions, agent, session, &goodbye).await;
                return Next::End;
            }
            // A deletion may have waited for it long enough.
            Some(Message::Heartbeat(agent::v1::Heartbeat {})) => {
                sessions.inbox.said(agent);
            }
            Some(Message::Hello(_)) => {
                tracing::warn!(agent, session, "the agent said Hello twice");
                return Next::End;
            }
            // A message of a newer agent: it is not needed for what this
            // version does.
            None => tracing::debug!(agent, session, "skipped an unknown message"),
        }
        Next::Go
    }

    fn take_logs(&mut self, batch: agent::v1::LogBatch) {
        let mut lost = u64::from_wire(batch.dropped);
        for mut entry in batch.entries {
            let Some(uid) = self.authority.over(&entry.connector) else { continue };
            shorten(&mut entry.message, MAX_TEXT);
            shorten(&mut entry.error_code, MAX_TEXT);
            entry.agent = format!("agents/{}", self.agent);
            entry.time.get_or_insert_with(clock::now);
            self.sessions.observed.logs.of(&uid).push(Arc::new(entry), std::mem::take(&mut lost));
        }
    }

    fn take_dead_letters(&mut self, batch: agent::v1::DeadLetterBatch) {
        let mut lost = u64::from_wire(batch.dropped);
        for mut letter in batch.dead_letters {
            let Some(uid) = self.authority.over(&letter.connector) else { continue };
            let v1::DeadLetter { error_message, error_code, topic, error_topic, .. } = &mut letter;
            for text in [error_message, error_code, topic, error_topic] {
                shorten(text, MAX_TEXT);
            }
            letter.value_preview.truncate(64);
            letter.time.get_or_insert_with(clock::now);
            self.sessions
                .observed
                .dead_letters
                .of(&uid)
                .push(Arc::new(letter), std::mem::take(&mut lost));
        }
    }
}

async fn part(sessions: &Sessions, agent: &str, session: u64, goodbye: &agent::v1::Goodbye) {
    tracing::info!(agent, session, reason = ?goodbye.reason(), "the agent said goodbye");
    if goodbye.reason() != agent::v1::GoodbyeReason::Leaving {
        return;
    }
    let _lock = sessions.known.catalog.lock(&format!("agents/{agent}")).await;
    if let Some(record) = sessions.known.fleet.leave(agent, session)
        && let Err(error) = sessions.known.remember_agent(agent, record).await
    {
        tracing::error!(agent, %error, "could not store that the agent left");
    }
}
