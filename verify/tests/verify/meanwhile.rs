//! What happens to topic and bucket while they are read.

use anyhow::Result;
use kafka2oss_domain::ErrorCode;
use kafka2oss_sandbox::oss::{Fault, Occurrence, Operation, RequestMatch};
use kafka2oss_verify::{Kind, Options};

use crate::log::delete_records;
use crate::world::{World, assert_example, assert_found, run};
use crate::writer::{Link, Writer, links};

fn on(operation: Operation) -> RequestMatch {
    RequestMatch::operation(operation)
}

/// Ten records and their chain, put.
async fn start() -> Result<(World, Vec<Link>)> {
    let world = World::start(1).await?;
    let records = world.fill(10).await?;
    let chain = links(&world, &records, 0, &[(0, 6), (6, 10)]);
    Writer::default().put_all(&world, &chain).await?;
    Ok((world, chain))
}

#[test]
fn records_and_links_that_come_meanwhile_are_no_fault() {
    run(async {
        let (world, _) = start().await?;
        let listing = world.faults().hold_before(on(Operation::ListObjects));
        let verification = tokio::spawn({
            let world = world.clone();
            async move { world.verify().await }
        });
        listing.held().await;
        let records = world.fill(4).await?;
        let more = links(&world, &records, 0, &[(10, 13)]);
        Writer::default().put_all(&world, &more).await?;
        listing.release();
        let report = verification.await??;
        assert_found(&report, &[]);
        assert_eq!(report.partitions[0].bound, Some(10));
        assert_eq!(report.total(|partition| partition.compared), 13);
        Ok(())
    });
}

#[test]
fn retention_that_overtakes_the_reader_leaves_records_that_cannot_be_compared() {
    run(async {
        let (world, _) = start().await?;
        let reading = world.faults().hold_before(on(Operation::GetObject));
        let verification = tokio::spawn({
            let world = world.clone();
            async move { world.verify().await }
        });
        reading.held().await;
        delete_records(&world, 4).await?;
        reading.release();
        let report = verification.await??;
        assert_found(&report, &[]);
        assert_eq!(report.partitions[0].log_start, 4);
        assert_eq!(report.total(|partition| partition.unverifiable), 4);
        assert_eq!(report.total(|partition| partition.compared), 6);
        Ok(())
    });
}

#[test]
fn a_link_that_is_deleted_after_it_was_listed_is_a_hole() {
    run(async {
        let (world, chain) = start().await?;
        let key = Writer::default().key(&world, &chain[0]);
        let reading = world.faults().hold_before(on(Operation::GetObject));
        let verification = tokio::spawn({
            let world = world.clone();
            async move { world.verify().await }
        });
        reading.held().await;
        world.bucket.delete(&key).await?;
        reading.release();
        let report = verification.await??;
        assert_found(&report, &[(Kind::Missing, 6), (Kind::Hole, 1)]);
        assert_example(&report, Kind::Missing, 0, 5);
        Ok(())
    });
}

#[test]
fn a_store_that_fails_in_passing_is_asked_again() {
    run(async {
        let (world, _) = start().await?;
        for operation in [Operation::ListObjects, Operation::GetObject] {
            let faults = world.faults();
            let unavailable = Fault::Refuse { status: 503, code: "ServiceUnavailable".to_owned() };
            let times = Occurrence::Times(2);
            let refused = faults.inject(on(operation), unavailable, times);
            let reset = faults.inject(on(operation), Fault::ConnectionReset, times);
            assert_found(&world.verify().await?, &[]);
            assert_eq!((refused.hits(), reset.hits()), (2, 2));
        }
        Ok(())
    });
}

#[test]
fn a_store_that_refuses_is_no_report() {
    run(async {
        let (world, _) = start().await?;
        for operation in [Operation::ListObjects, Operation::GetObject] {
            let denied = Fault::Refuse { status: 403, code: "AccessDenied".to_owned() };
            let fault = world.faults().inject(on(operation), denied, Occurrence::Always);
            let error = world.verification(Options::default()).run().await.unwrap_err();
            assert_eq!(error.code, ErrorCode::StoreAccessDenied, "{error}");
            fault.remove();
        }
        Ok(())
    });
}
