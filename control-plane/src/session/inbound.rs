//! What an agent says after Hello.

use std::sync::Arc;

use futures::{Stream as Messages, StreamExt};
use kafka2oss_proto::v1;
use kafka2oss_proto::v1::connect_request::Message;

use super::lessons;
use crate::clock;
use crate::core::Core;
use crate::text::shorten;

/// Bytes of one text of a log line or dead letter that are kept.
const MAX_TEXT: usize = 4_096;

/// Takes in what the agent says until it says no more.
pub(super) async fn read<I, E>(core: Arc<Core>, agent: String, session: u64, mut inbound: I)
where
    I: Messages<Item = Result<v1::ConnectRequest, E>> + Unpin,
    E: std::fmt::Display,
{
    loop {
        let request = match inbound.next().await {
            Some(Ok(request)) => request,
            Some(Err(error)) => {
                tracing::info!(agent, session, %error, "the agent's stream broke");
                return;
            }
            None => return,
        };
        core.fleet.heard(&agent, session);
        match request.message {
            Some(Message::StatusReport(report)) => {
                let touched = core.fleet.report(&agent, session, report);
                core.touch_all(&touched);
                for connector in &touched {
                    lessons::keep(&core, &agent, connector).await;
                }
                core.reconcile_deletions();
            }
            Some(Message::AssignmentAck(ack)) => {
                let touched = core.fleet.acknowledge(&agent, session, ack);
                core.touch_all(&touched);
                core.reconcile_deletions();
            }
            Some(Message::AssignmentRequest(v1::AssignmentRequest { number })) => {
                core.fleet.request(&agent, session, number);
                core.reconcile();
            }
            Some(Message::CommandResult(result)) => core.fleet.answer(&agent, session, &result),
            Some(Message::Logs(batch)) => take_logs(&core, &agent, batch),
            Some(Message::DeadLetters(batch)) => take_dead_letters(&core, batch),
            Some(Message::Goodbye(goodbye)) => return part(&core, &agent, session, &goodbye).await,
            Some(Message::Heartbeat(v1::Heartbeat {})) => {}
            Some(Message::Hello(_)) => {
                tracing::warn!(agent, session, "the agent said Hello twice");
                return;
            }
            // A message of a newer agent: it is not needed for what this
            // version does.
            None => tracing::debug!(agent, session, "skipped an unknown message"),
        }
    }
}

async fn part(core: &Core, agent: &str, session: u64, goodbye: &v1::Goodbye) {
    tracing::info!(agent, session, reason = ?goodbye.reason(), "the agent said goodbye");
    if goodbye.reason() != v1::GoodbyeReason::Leaving {
        return;
    }
    let _lock = core.catalog.lock(&format!("agents/{agent}")).await;
    if let Some(record) = core.fleet.leave(agent, session)
        && let Err(error) = core.remember_agent(agent, record).await
    {
        tracing::error!(agent, %error, "could not store that the agent left");
    }
}

fn take_logs(core: &Core, agent: &str, batch: v1::LogBatch) {
    let mut lost = batch.dropped;
    for mut entry in batch.entries {
        let Some(connector) = core.catalog.connector(&entry.connector) else { continue };
        shorten(&mut entry.message, MAX_TEXT);
        shorten(&mut entry.error_code, MAX_TEXT);
        entry.agent = format!("agents/{agent}");
        entry.time.get_or_insert_with(clock::now);
        core.logs.of(connector.uid()).push(Arc::new(entry), std::mem::take(&mut lost));
    }
}

fn take_dead_letters(core: &Core, batch: v1::DeadLetterBatch) {
    let mut lost = batch.dropped;
    for mut letter in batch.dead_letters {
        let Some(connector) = core.catalog.connector(&letter.connector) else { continue };
        let v1::DeadLetter { error_message, error_code, topic, error_topic, .. } = &mut letter;
        for text in [error_message, error_code, topic, error_topic] {
            shorten(text, MAX_TEXT);
        }
        letter.value_preview.truncate(64);
        letter.time.get_or_insert_with(clock::now);
        core.dead_letters.of(connector.uid()).push(Arc::new(letter), std::mem::take(&mut lost));
    }
}
