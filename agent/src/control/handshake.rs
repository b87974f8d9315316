//! The opening of a stream: from the connection to Welcome.

use std::time::Duration;

use kafka2oss_proto::agent;
use kafka2oss_proto::agent::v1::agent_control_service_client::AgentControlServiceClient;
use kafka2oss_proto::agent::v1::connect_request::Message;
use kafka2oss_proto::agent::v1::connect_response;
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Streaming;

use super::{Control, End, message};
use crate::Superseded;
use crate::assignment::StoreIdentity;

/// From the connection to Welcome.
const WELCOME_WITHIN: Duration = Duration::from_secs(10);
/// When Welcome names none.
const DEFAULT_HEARTBEAT: Duration = Duration::from_secs(5);
const SHORTEST_HEARTBEAT: Duration = Duration::from_millis(100);
/// Messages between the session and the transport.
const OUTGOING: usize = 4;
/// An assignment list holds whole specs of everything that an agent runs.
const MAX_MESSAGE_BYTES: usize = 64 << 20;

/// A stream on which Welcome has been heard.
pub(super) struct Opened {
    pub(super) outgoing: mpsc::Sender<agent::v1::ConnectRequest>,
    pub(super) incoming: Streaming<agent::v1::ConnectResponse>,
    /// The control plane's.
    pub(super) store: StoreIdentity,
    /// How often the agent should be heard of.
    pub(super) heartbeat: Duration,
}

/// Connects, says Hello and waits for Welcome.
pub(super) async fn open(control: &Control) -> Result<Opened, End> {
    timeout(WELCOME_WITHIN, greet(control)).await.unwrap_or_else(|_| {
        let reason = format!("no Welcome within {WELCOME_WITHIN:?}");
        Err(End::Lost { welcomed: false, reason })
    })
}

async fn greet(control: &Control) -> Result<Opened, End> {
    let lost = |reason: String| End::Lost { welcomed: false, reason };
    let channel = control.endpoint.connect().await.map_err(|error| lost(chain(&error)))?;

    let (outgoing, requests) = mpsc::channel(OUTGOING);
    let hello = message::hello(&control.identity, control.boot_nonce, &control.board.view());
    // There is room: it is the first. The control plane may wait for it before
    // it answers at all.
    let _ = outgoing.try_send(message::request(Message::Hello(hello)));
    let mut incoming = AgentControlServiceClient::new(channel)
        .max_decoding_message_size(MAX_MESSAGE_BYTES)
        .max_encoding_message_size(MAX_MESSAGE_BYTES)
        .connect(ReceiverStream::new(requests))
        .await
        .map_err(|status| lost(told(&status)))?
        .into_inner();

    let welcome = match incoming.message().await {
        Ok(Some(agent::v1::ConnectResponse { message: Some(message) })) => match message {
            connect_response::Message::Welcome(welcome) => welcome,
            // It says how it is now, and not for ever: only who was let in ends by it.
            connect_response::Message::Superseded(superseded) => {
                return Err(lost(format!("not let in: {}", superseded.message)));
            }
            _ => return Err(lost("the first message was not Welcome".to_owned())),
        },
        Ok(_) => return Err(lost("the stream ended before Welcome".to_owned())),
        Err(status) => return Err(lost(told(&status))),
    };
    let agent::v1::Welcome { session_id, lease: _, heartbeat_interval, store_id, store_epoch } =
        welcome;
    tracing::info!(session_id, store_id, "connected to the control plane");
    let heartbeat = heartbeat_interval
        .and_then(|interval| Duration::try_from(interval).ok())
        .filter(|interval| !interval.is_zero())
        .unwrap_or(DEFAULT_HEARTBEAT)
        .max(SHORTEST_HEARTBEAT);
    let store = StoreIdentity { id: store_id, epoch: store_epoch };
    Ok(Opened { outgoing, incoming, store, heartbeat })
}

pub(super) fn end_of(superseded: agent::v1::Superseded) -> End {
    End::Superseded(Superseded { message: superseded.message })
}

pub(super) fn told(status: &tonic::Status) -> String {
    format!("{:?}: {}", status.code(), status.message())
}

/// An error with its causes: the transport's own text has none of them.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
