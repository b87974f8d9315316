//! The host's clock is set back and ahead while records flow and while none do.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use kafka2oss_proto::v1;
use kafka2oss_tests::moved_clock::MovedClock;
use kafka2oss_tests::produce::{Record, numbered};
use kafka2oss_tests::topic::Group;
use tokio::time::sleep;

use crate::connector::Connector;
use crate::deployment::Settings;
use crate::world::World;

const HOUR: Duration = Duration::from_secs(60 * 60);

/// So many small steps make a large one.
const PARTS: u32 = 23;

/// As long as librdkafka's threads wait at most, where they have nothing to do.
const WAIT: Duration = Duration::from_secs(2);

/// Twice the session timeout: a member of which nothing is heard is gone by then.
const SILENCE: Duration = Duration::from_secs(20);

#[tokio::test(flavor = "multi_thread")]
async fn records_flow_on_while_the_hosts_clock_is_set_back_and_ahead() -> Result<()> {
    // given an agent whose clock can be set, and a connector that has nothing to do
    let clock = MovedClock::new()?;
    let settings = Settings { environment: clock.environment(), ..Settings::default() };
    let world = World::with(2, settings).await?;
    let connector = world.connector().await?;
    connector.run().await?;
    let mut produced = world.produce(numbered("before ", 0..100, 2)).await?;
    connector.delivered(&produced).await?;

    for step in ["back", "ahead"] {
        // when
        let before = group(&world, &connector).await?;
        for part in 1..=PARTS {
            let by = HOUR * part / PARTS;
            match step {
                "back" => clock.set_back(by)?,
                _ => clock.set_ahead(by)?,
            }
            // Each meets other waits.
            sleep(WAIT / PARTS).await;
        }

        // then its member stays in the group though there is nothing to do
        let until = Instant::now() + SILENCE;
        while Instant::now() < until {
            assert_eq!(group(&world, &connector).await?, before, "{step}");
            sleep(Duration::from_millis(500)).await;
        }

        // and what comes is delivered, to objects and to the error topic
        let fine = numbered(step, 0..100, 2);
        produced.extend(world.produce(fine).await?);
        produced.extend(world.produce([Record::new([0xff]).partition(0)]).await?);
        connector.delivered(&produced).await?;
        connector.is(v1::ConnectorState::Running).await?;
    }
    world.judge(&produced).await
}

/// The lease of the one before is long.
#[tokio::test(flavor = "multi_thread")]
async fn an_agent_that_starts_again_after_its_clock_was_set_back_is_let_in() -> Result<()> {
    let clock = MovedClock::new()?;
    let settings = Settings { environment: clock.environment(), ..Settings::default() };
    let mut world = World::with(1, settings).await?;
    let connector = world.connector().await?;
    connector.run().await?;

    clock.set_back(HOUR)?;
    let mut agent = world.deployment.take_agent("agent-0");
    agent.process.kill9()?;
    world.deployment.start_agent_again(agent)?;

    let produced = world.produce(numbered("r", 0..10, 1)).await?;
    connector.delivered(&produced).await?;
    world.judge(&produced).await
}

async fn group(world: &World, connector: &Connector) -> Result<Group> {
    world.admin()?.group(&connector.group()).await?.context("there is a group")
}
