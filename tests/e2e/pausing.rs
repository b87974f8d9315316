//! A pause while the store is down.

use std::time::{Duration, Instant};

use anyhow::Result;
use kafka2oss_proto::v1;
use kafka2oss_proto::v1::offset_reset::To;
use kafka2oss_sandbox::oss::{Fault, InjectedFault, Occurrence, RequestMatch};
use kafka2oss_tests::produce::{Produced, Record, numbered};
use tonic::{Code, Status};

use crate::connector::{Connector, ends, partitions};
use crate::spec::{Parts, milliseconds};
use crate::verification::assert_clean;
use crate::world::World;

/// What a pause may take at most.
const BOUND: Duration = Duration::from_secs(30);

impl World {
    /// A connector whose objects are closed by nothing but a pause, with records of
    /// partition 0 in an open one.
    async fn with_open_object(&self) -> Result<(Connector, Vec<Produced>)> {
        let connector = self
            .connector_with(|spec| {
                spec.rotation().max_age = milliseconds(3_600_000);
                spec.rotation().idle = milliseconds(3_600_000);
            })
            .await?;
        connector.run().await?;
        let records = (0..20).map(|number| Record::new(format!("{number}")).partition(0));
        let produced = self.produce(records).await?;
        connector
            .sees("they are taken in", |connector| {
                partitions(connector).first().is_some_and(|seen| seen.position == Some(20))
            })
            .await?;
        Ok((connector, produced))
    }

    fn store_is_down(&self) -> InjectedFault {
        let refuse = Fault::Refuse { status: 503, code: "ServiceUnavailable".into() };
        self.oss().faults().inject(RequestMatch::any(), refuse, Occurrence::Always)
    }

    /// Closes what is open, and fails unless each record is there once.
    async fn all_is_there(&self, connector: &Connector, produced: &[Produced]) -> Result<()> {
        paused_within(connector, BOUND).await?;
        let count = produced.len() as u64;
        let report = self.verify(connector, &self.topic, &self.bucket, ends(produced), &[]).await?;
        assert_clean(&report, count, 0)
    }
}

async fn paused_within(connector: &Connector, bound: Duration) -> Result<v1::Connector> {
    let began = Instant::now();
    connector.pause().await?;
    let paused = connector.is(v1::ConnectorState::Paused).await?;
    assert!(began.elapsed() < bound, "{:?}", began.elapsed());
    Ok(paused)
}

async fn reset(connector: &Connector, to: To) -> Result<v1::Connector, Status> {
    let request = v1::ResetOffsetsRequest {
        name: connector.name.clone(),
        reset: Some(v1::OffsetReset { to: Some(to) }),
        ..Default::default()
    };
    connector.client().reset_offsets(request).await.map(tonic::Response::into_inner)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pause_ends_though_the_store_is_down_and_nothing_is_lost_or_doubled() -> Result<()> {
    // given an object whose put is carried out and not answered, and then the store is down
    let world = World::new(1).await?;
    let (connector, mut produced) = world.with_open_object().await?;
    let hold = world.oss().faults().hold_after_put();
    connector.pause().await?;
    tokio::time::timeout(BOUND, hold.held()).await?;
    let down = world.store_is_down();

    // when the pause has given it up
    paused_within(&connector, BOUND).await?;
    connector
        .sees("what was given up is to be read again", |connector| {
            connector.status.as_ref().and_then(|status| status.total_lag) == Some(20)
        })
        .await?;

    // then it goes on with that object
    down.remove();
    drop(hold);
    connector.resume().await?;
    connector.is(v1::ConnectorState::Running).await?;
    produced.extend(world.produce(numbered("after ", 0..20, 1)).await?);
    connector
        .sees("all is taken in", |connector| {
            partitions(connector).iter().all(|seen| seen.position == Some(40))
        })
        .await?;
    world.all_is_there(&connector, &produced).await
}

#[tokio::test(flavor = "multi_thread")]
async fn offsets_can_be_reset_while_the_store_is_down() -> Result<()> {
    // given
    let world = World::new(2).await?;
    let (connector, produced) = world.with_open_object().await?;
    let down = world.store_is_down();
    let paused = paused_within(&connector, BOUND).await?;
    let unsettled: Vec<bool> = partitions(&paused).iter().map(|seen| seen.unsettled).collect();
    assert_eq!(unsettled, [true, false]);

    // when a partition is to stay where it is, and an object of it may stand: refused
    let of = |partition| v1::PartitionOffsets { offsets: [(partition, 0)].into() };
    let status = reset(&connector, To::Offsets(of(1))).await.unwrap_err();
    assert_eq!(status.code(), Code::FailedPrecondition);
    assert!(status.message().contains("partitions 0 of"), "{}", status.message());

    // when all are told where they go on, it is done
    reset(&connector, To::Earliest(())).await?;
    let second = |connector: &v1::Connector| {
        let epoch = connector.status.as_ref().and_then(|status| status.epoch.as_ref());
        epoch.is_some_and(|epoch| epoch.number == 2)
    };
    connector.sees("its start is read", second).await?;

    // then it starts there once the store is back
    down.remove();
    connector.resume().await?;
    connector
        .sees("all is taken in", |connector| {
            second(connector)
                && partitions(connector).first().is_some_and(|seen| seen.position == Some(20))
        })
        .await?;
    world.all_is_there(&connector, &produced).await
}
