//! What the partitions' loops hold of the budget: handles and guards that give
//! back what they stand for when they are dropped.
//!
//! All calls take a mutex for a moment and never wait: once a batch, or once
//! for some tens of KiB, not once a record.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Notify;

use crate::budget::{Budget, ConnectorId, PartitionId, Usage};

/// One budget, shared by all connectors of an agent.
#[derive(Debug, Clone)]
pub struct MemoryBudget {
    shared: Arc<Shared>,
}

/// One connector's part in the budget, as long as it or anything made from it
/// is there.
#[derive(Debug, Clone)]
pub struct ConnectorMemory {
    registration: Arc<Registration>,
}

/// What one partition's open object holds; given back on drop.
#[derive(Debug)]
pub struct PartitionMemory {
    registration: Arc<Registration>,
    id: PartitionId,
    call: Arc<Notify>,
}

/// What one object under way holds; given back on drop.
#[derive(Debug)]
pub struct InFlight {
    registration: Arc<Registration>,
    partition: PartitionId,
    bytes: u64,
}

/// A fixed part of the budget; given back on drop.
#[derive(Debug)]
pub struct FixedReservation {
    registration: Arc<Registration>,
    bytes: u64,
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    budget: Budget,
    calls: BTreeMap<PartitionId, Arc<Notify>>,
}

#[derive(Debug)]
struct Registration {
    shared: Arc<Shared>,
    connector: ConnectorId,
}

impl Shared {
    /// Changes the accounts, then wakes those whom that concerns.
    fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let (result, calls) = {
            let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            let result = change(&mut state);
            let calls = state.budget.take_calls();
            let calls: Vec<Arc<Notify>> =
                calls.iter().filter_map(|id| state.calls.get(id).cloned()).collect();
            (result, calls)
        };
        for call in calls {
            // Kept for the next `notified` if nobody waits just now.
            call.notify_one();
        }
        result
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        self.shared.change(|state| state.budget.unregister(self.connector));
    }
}

impl MemoryBudget {
    /// A budget of this many bytes.
    pub fn new(total_bytes: u64) -> Self {
        let state = State { budget: Budget::new(total_bytes), calls: BTreeMap::new() };
        Self { shared: Arc::new(Shared { state: Mutex::new(state) }) }
    }

    /// The part of the connector with this name; the same part for the same
    /// name, whoever asks.
    pub fn connector(&self, name: &str) -> ConnectorMemory {
        let connector = self.shared.change(|state| state.budget.register(name));
        let registration = Registration { shared: Arc::clone(&self.shared), connector };
        ConnectorMemory { registration: Arc::new(registration) }
    }

    /// What is used by now.
    pub fn usage(&self) -> Usage {
        self.shared.change(|state| state.budget.usage())
    }
}

impl ConnectorMemory {
    /// The whole budget, of all connectors, in bytes.
    pub fn budget_bytes(&self) -> u64 {
        self.registration.shared.change(|state| state.budget.total())
    }

    /// The part of one more partition.
    pub fn partition(&self) -> PartitionMemory {
        let registration = Arc::clone(&self.registration);
        let call = Arc::new(Notify::new());
        let id = registration.shared.change(|state| {
            let id = state.budget.add_partition(registration.connector);
            state.calls.insert(id, Arc::clone(&call));
            id
        });
        PartitionMemory { registration, id, call }
    }

    /// Takes this many bytes for what is used whether there is room or not,
    /// such as librdkafka's prefetch: never refused, so that the caller has to
    /// keep it small. It leaves that much less for objects.
    pub fn reserve_fixed(&self, bytes: u64) -> FixedReservation {
        self.reserve_fixed_by(|_, _| bytes)
    }

    /// As [`reserve_fixed`](Self::reserve_fixed), of as many bytes as `wanted` makes
    /// of the whole budget and of what is reserved of it so far, by all connectors.
    pub fn reserve_fixed_by(&self, wanted: impl FnOnce(u64, u64) -> u64) -> FixedReservation {
        let registration = Arc::clone(&self.registration);
        let connector = registration.connector;
        let bytes = registration.shared.change(|state| {
            let bytes = wanted(state.budget.total(), state.budget.fixed());
            state.budget.reserve_fixed(connector, bytes);
            bytes
        });
        FixedReservation { registration, bytes }
    }
}

impl PartitionMemory {
    /// Lets the open object hold `open_bytes_now` bytes in all, if there is
    /// room; less than before is always admitted.
    ///
    /// A connector that holds nothing is never refused, so ask first for one
    /// record or one bounded batch.
    ///
    /// After a refusal the partition stands in line until it is admitted,
    /// closes its object, [withdraws](Self::withdraw) or is dropped. Until then
    /// it may hold up other partitions of its connector.
    #[must_use]
    pub fn try_grow(&self, open_bytes_now: u64) -> bool {
        self.registration.shared.change(|state| state.budget.try_grow(self.id, open_bytes_now))
    }

    /// Takes the question back that was refused, when it will not be asked
    /// again, for instance because the partition pauses.
    pub fn withdraw(&self) {
        self.registration.shared.change(|state| state.budget.withdraw(self.id));
    }

    /// Whether memory is short and this partition's open object should be
    /// closed now. Stays so until it is.
    pub fn should_close(&self) -> bool {
        self.registration.shared.change(|state| state.budget.should_close(self.id))
    }

    /// Whether at most half of the budget is used: what might be needed again soon
    /// need not be given back.
    pub fn is_ample(&self) -> bool {
        self.registration.shared.change(|state| state.budget.is_ample())
    }

    /// Turns what the open object holds into an object in flight; the next open
    /// object holds nothing.
    #[must_use]
    pub fn close(&self) -> InFlight {
        let bytes = self.registration.shared.change(|state| state.budget.close(self.id));
        InFlight { registration: Arc::clone(&self.registration), partition: self.id, bytes }
    }

    /// Waits until it is worth looking again at [`try_grow`](Self::try_grow),
    /// if it was refused, and at [`should_close`](Self::should_close): at both
    /// after each return, since one return may stand for both.
    ///
    /// Nothing is lost between a look and the wait, nor when the future is
    /// dropped; now and then it returns for nothing. For one waiter a
    /// partition.
    pub fn changed(&self) -> impl Future<Output = ()> + Send + '_ {
        self.call.notified()
    }
}

impl Drop for PartitionMemory {
    fn drop(&mut self) {
        self.registration.shared.change(|state| {
            state.calls.remove(&self.id);
            state.budget.remove_partition(self.id);
        });
    }
}

impl InFlight {
    /// What it holds, in bytes.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Makes it hold this many bytes, for instance after compression. More than
    /// before is accounted without being asked for.
    pub fn resize(&mut self, bytes: u64) {
        let before = std::mem::replace(&mut self.bytes, bytes);
        self.account(before, bytes);
    }

    fn account(&self, from: u64, to: u64) {
        let Registration { shared, connector } = &*self.registration;
        shared.change(|state| {
            state.budget.resize_in_flight(*connector, self.partition, from, to);
        });
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.account(self.bytes, 0);
    }
}

impl FixedReservation {
    /// What it holds, in bytes.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }
}

impl Drop for FixedReservation {
    fn drop(&mut self) {
        let Registration { shared, connector } = &*self.registration;
        shared.change(|state| state.budget.release_fixed(*connector, self.bytes));
    }
}
