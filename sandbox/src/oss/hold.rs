//! Holding requests at a point of their way until a test lets them go.

use std::sync::Arc;

use tokio::sync::watch;

/// A request that is held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldRequest {
    /// The bucket it addresses.
    pub bucket: Option<String>,
    /// The key it addresses.
    pub key: Option<String>,
}

/// Holds every request that matches, until it is released or dropped.
///
/// A held request goes on when released even if its client has gone: a request
/// that has arrived whole is carried out, as with the real store. Stopping the
/// emulator abandons held requests.
#[derive(Debug)]
#[must_use = "dropping a hold releases its requests"]
pub struct Hold {
    gate: Arc<Gate>,
}

impl Hold {
    pub(crate) fn new() -> (Self, Arc<Gate>) {
        let gate = Arc::new(Gate {
            held: watch::Sender::new(Held::default()),
            open: watch::Sender::new(false),
        });
        (Self { gate: Arc::clone(&gate) }, gate)
    }

    /// Waits until a request is held (or was, since this hold was made), and says
    /// which one was the first.
    pub async fn held(&self) -> HeldRequest {
        self.held_at_least(1)
            .await
            .into_iter()
            .next()
            .unwrap_or(HeldRequest { bucket: None, key: None })
    }

    /// Waits until `count` requests have been held, and names the first 1,000 of
    /// those held so far, in order.
    pub async fn held_at_least(&self, count: u64) -> Vec<HeldRequest> {
        let mut held = self.gate.held.subscribe();
        match held.wait_for(|held| held.count >= count).await {
            Ok(held) => held.first.clone(),
            // The sender lives in the gate, which this hold owns.
            Err(_closed) => Vec::new(),
        }
    }

    /// How many requests have been held so far.
    pub fn count(&self) -> u64 {
        self.gate.held.borrow().count
    }

    /// Lets all held requests go, and holds no more.
    pub fn release(self) {}
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.gate.open.send_replace(true);
    }
}

/// The side of a hold that requests wait at.
#[derive(Debug)]
pub(crate) struct Gate {
    held: watch::Sender<Held>,
    open: watch::Sender<bool>,
}

#[derive(Debug, Default)]
struct Held {
    count: u64,
    /// Bounded by [`KEPT`].
    first: Vec<HeldRequest>,
}

const KEPT: usize = 1000;

impl Gate {
    pub(crate) fn is_open(&self) -> bool {
        *self.open.borrow()
    }

    /// Waits at the gate until it opens.
    pub(crate) async fn pass(&self, request: HeldRequest) {
        let mut open = self.open.subscribe();
        self.held.send_modify(|held| {
            held.count += 1;
            if held.first.len() < KEPT {
                held.first.push(request);
            }
        });
        // An error means that the gate's own sender is gone: then it is open.
        let _ = open.wait_for(|open| *open).await;
    }
}
