//! The stream that a command came on, and whether the control plane still listens there.

use tokio::sync::watch;

use crate::task::Confirmations;

/// The stream's own end: says what was heard on it. Dropped with it.
#[derive(Debug)]
pub(crate) struct Hearing {
    /// The last question that was answered on this stream.
    answered: watch::Sender<u64>,
}

/// What a command knows of the stream that it came on.
#[derive(Debug, Clone)]
pub(crate) struct Origin {
    answered: watch::Receiver<u64>,
}

/// The stream has ended: what it asked for may be wrong by now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ended;

impl Hearing {
    /// Of a stream that has just begun.
    pub(crate) fn new() -> Self {
        Self { answered: watch::Sender::new(0) }
    }

    /// For a command that came on this stream.
    pub(crate) fn origin(&self) -> Origin {
        Origin { answered: self.answered.subscribe() }
    }

    /// A list has been taken in that answers the questions up to this one.
    pub(crate) fn answered(&self, question: u64) {
        self.answered.send_modify(|last| *last = question.max(*last));
    }
}

impl Origin {
    /// Whether the stream has not ended, as far as this process has noticed.
    pub(super) fn stands(&self) -> bool {
        self.answered.has_changed().is_ok()
    }

    /// Asks the control plane for the assignments anew, and waits until it has answered on
    /// this stream: it listened there after this call.
    pub(super) async fn hear(&mut self, confirmations: &Confirmations) -> Result<(), Ended> {
        let question = confirmations.ask();
        let heard = self.answered.wait_for(|answered| *answered >= question).await;
        heard.map(drop).map_err(|_| Ended)
    }
}
