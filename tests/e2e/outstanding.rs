//! Records that a connector has not come to, as `kafka2oss-verify` sees them.

use anyhow::Result;
use kafka2oss_proto::v1::ConnectorState;
use kafka2oss_tests::produce::numbered;
use kafka2oss_verify::Verdict;

use crate::world::World;

#[tokio::test(flavor = "multi_thread")]
async fn a_paused_connector_is_not_complete_before_it_has_caught_up() -> Result<()> {
    // given a connector that was paused before it came to any record
    let world = World::new(2).await?;
    let connector = world.connector().await?;
    connector.run().await?;
    connector.pause().await?;
    connector.is(ConnectorState::Paused).await?;
    assert_eq!(world.verify_so_far(&connector).await?.verdict(), Verdict::Complete);

    // when records come
    let produced = world.produce(numbered("v", 0..10, 2)).await?;

    // then nothing is wrong, and it is not complete
    let report = world.verify_so_far(&connector).await?;
    assert_eq!((report.verdict(), report.backlog().offsets), (Verdict::Incomplete, 10), "{report}");
    assert_eq!(report.partitions[0].committed, None, "{report}");

    // before it goes on
    connector.resume().await?;
    connector.delivered(&produced).await?;
    let report = world.verify_so_far(&connector).await?;
    assert_eq!(report.verdict(), Verdict::Complete, "{report}");

    // and stands still again
    connector.pause().await?;
    connector.is(ConnectorState::Paused).await?;
    let late = world.produce(numbered("late", 10..14, 2)).await?;
    let report = world.verify_so_far(&connector).await?;
    let backlog = report.backlog();
    assert_eq!(
        (report.verdict(), backlog.offsets, backlog.partitions),
        (Verdict::Incomplete, 4, 2)
    );
    let oldest = late.iter().map(|record| record.timestamp).min();
    assert_eq!(backlog.since.map(|since| since.as_millisecond()), oldest, "{report}");
    Ok(())
}
