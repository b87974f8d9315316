//! A good client, and what it sees.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::Result;
use kafka2oss_figures::statistics::percentile;
use kafka2oss_proto::v1;
use kafka2oss_proto::v1::agent_service_client::AgentServiceClient;
use tonic::transport::Channel;

use super::CONNECTORS;
use super::attack::Kind;
use crate::pacing::{milliseconds, open_loop};
use crate::world::World;

/// Requests a second.
const RATE: u32 = 100;
/// Every so manieth creates a connector; the others get one.
const CREATES: u32 = 10;
/// Each request takes no longer.
const BOUND: Duration = Duration::from_secs(30);

/// A good client.
pub(super) struct Good<'a> {
    world: &'a World,
    agents: AgentServiceClient<Channel>,
    /// The next request's number.
    next: u32,
}

/// What it saw.
#[derive(Debug, Clone, Default)]
pub(super) struct Served {
    /// Median and 99th percentile of all answers, in milliseconds.
    pub(super) p50: f64,
    pub(super) p99: f64,
    /// How late this program sent them, which the latencies count: 99th percentile.
    pub(super) late: f64,
    /// Requests that were refused or failed.
    pub(super) failed: u64,
}

impl<'a> Good<'a> {
    pub(super) async fn new(world: &'a World) -> Result<Self> {
        world.register_up_to(CONNECTORS + 10_000).await?;
        Ok(Self { world, agents: AgentServiceClient::new(world.plane.channel()?), next: 0 })
    }

    /// Asks for so long.
    pub(super) async fn serve(&mut self, steady: Duration) -> Result<Served> {
        let count = RATE * u32::try_from(steady.as_secs())?;
        let numbers = self.next..self.next + count;
        self.next = numbers.end;
        let failed = Arc::new(AtomicU64::new(0));
        let answered = open_loop(RATE, numbers, BOUND, |number| {
            let failed = Arc::clone(&failed);
            let (create, get) = (
                self.world.create(CONNECTORS + number / CREATES),
                self.world.get(number % CONNECTORS),
            );
            async move {
                let done = if number.is_multiple_of(CREATES) { create.await } else { get.await };
                failed.fetch_add(u64::from(done.is_err()), Ordering::Relaxed);
                Ok(())
            }
        });
        let answered = answered.await?;
        let of = |time: fn(&crate::pacing::Answered) -> Duration, share| {
            percentile(answered.iter().map(|one| milliseconds(time(one))), share)
                .unwrap_or(f64::NAN)
        };
        Ok(Served {
            p50: of(|one| one.latency, 0.5),
            p99: of(|one| one.latency, 0.99),
            late: of(|one| one.late, 0.99),
            failed: failed.load(Ordering::Relaxed),
        })
    }

    /// How many of the good agents have lost their leases.
    pub(super) async fn gone(&mut self, kind: Kind) -> Result<usize> {
        let request = v1::ListAgentsRequest { page_size: 1_000, ..Default::default() };
        let agents = self.agents.list_agents(request).await?.into_inner().agents;
        let good = |agent: &&v1::Agent| {
            agent.name.starts_with("agents/agent-")
                && kind.taken().is_none_or(|taken| agent.name != format!("agents/{taken}"))
        };
        let gone = |agent: &&v1::Agent| agent.state() == v1::AgentState::Gone;
        Ok(agents.iter().filter(good).filter(gone).count())
    }
}

impl fmt::Display for Served {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { p50, p99, late, failed } = self;
        write!(f, "p50 {p50:.1} ms, p99 {p99:.1} ms (sent late: {late:.1}), {failed} failed")
    }
}
