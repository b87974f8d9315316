//! Watches: events without an end, over lost connections.

use std::collections::HashMap;
use std::time::Duration;

use tonic::{Code, Response, Status, Streaming};

use super::{Client, Failure, Selection};
use crate::output;

const RECONNECT: Duration = Duration::from_secs(1);

/// Takes the messages of a watch that `open` opens with a token; `token` is that of a
/// message. A first connection that fails is told; a lost one is made again and goes on
/// after the last event, and `lost` is told why.
pub(super) async fn follow<M>(
    selection: &Selection,
    open: impl AsyncFn(String) -> Result<Response<Streaming<M>>, Status>,
    token: impl Fn(&M) -> &str,
    mut take: impl FnMut(M) -> Result<(), Failure>,
    lost: impl Fn(&str),
) -> Result<(), Failure> {
    let mut resume_token = String::new();
    let mut was_connected = false;
    loop {
        let mut connected = false;
        let followed = async {
            let mut events = open(resume_token.clone()).await?.into_inner();
            connected = true;
            while let Some(message) = events.message().await? {
                let token = token(&message);
                if !token.is_empty() {
                    token.clone_into(&mut resume_token);
                }
                take(message)?;
            }
            Ok(())
        };
        let followed: Result<(), Failure> = followed.await;
        was_connected |= connected;
        let ended = match followed {
            Ok(()) => "the control plane ended the stream".to_owned(),
            Err(Failure::Rpc(status)) if was_connected && is_lost(&status) => {
                status.message().to_owned()
            }
            Err(Failure::Rpc(status)) => return Err(selection.failure(*status)),
            Err(failure) => return Err(failure),
        };
        if connected {
            lost(&ended);
        }
        tokio::time::sleep(RECONNECT).await;
    }
}

/// Says on stderr that a connection was lost.
pub(super) fn note_lost(why: &str) {
    output::note(format_args!("connection lost, trying again: {why}"));
}

fn is_lost(status: &Status) -> bool {
    matches!(status.code(), Code::Unavailable | Code::Unknown | Code::Internal | Code::Cancelled)
}

/// The last line of each thing that is watched, without its time.
#[derive(Debug, Default)]
pub(super) struct Lines(HashMap<String, String>);

impl Lines {
    /// Prints a line, with the time, where it says something new.
    pub(super) fn print(
        &mut self,
        client: &Client,
        name: String,
        line: String,
    ) -> Result<(), Failure> {
        if self.0.get(&name) != Some(&line) {
            let time = jiff::Zoned::now().strftime("%H:%M:%S").to_string();
            client.out.line(format_args!("{time}  {line}"))?;
            self.0.insert(name, line);
        }
        Ok(())
    }
}
