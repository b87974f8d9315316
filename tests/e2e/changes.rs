//! What can be changed and decided while a connector runs: its output, a
//! partition that has stopped, where it starts.

use std::iter;

use anyhow::{Context, Result};
use kafka2oss_proto::v1;
use kafka2oss_sandbox::oss::{Operation, RequestMatch};
use kafka2oss_tests::produce::{Record, numbered};
use kafka2oss_tests::wait::eventually;
use tonic::Code;

use crate::connector::{Connector, partitions};
use crate::deployment::LIMIT;
use crate::spec::Parts;
use crate::world::World;

const NOT_UTF8: &[u8] = &[0xc3, 0x28];

#[tokio::test(flavor = "multi_thread")]
async fn layout_format_and_rotation_change_while_it_runs_without_a_record_lost_or_doubled()
-> Result<()> {
    // given
    let world = World::new(2).await?;
    let connector = world.connector().await?;
    connector.run_spread(2).await?;
    let mut produced = world.produce(numbered("before ", 0..100, 2)).await?;
    connector.delivered(&produced).await?;
    let before = connector.get().await?;

    // when folders of time are asked for, with records under way
    produced.extend(world.produce(numbered("during ", 0..100, 2)).await?);
    let output = v1::ConnectorOutput {
        layout: Some(v1::ObjectLayout {
            time_buckets: Some(v1::TimeBuckets {
                style: v1::TimeBucketStyle::Hive.into(),
                time_zone: "Asia/Shanghai".into(),
                ..Default::default()
            }),
            ..Default::default()
        }),
        ..Default::default()
    };
    let updated = update(&connector, output, &["spec.output.layout.time_buckets"]).await?;
    produced.extend(world.produce(numbered("after ", 0..100, 2)).await?);

    // then the change has a generation of its own, and reaches the objects
    assert!(updated.generation > before.generation);
    connector.delivered(&produced).await?;
    connector.is(v1::ConnectorState::Running).await?;
    world.judge(&produced).await?;
    let keys = world.bucket.keys(&world.topic).await?;
    assert!(keys.iter().any(|key| key.contains("/year=")), "{keys:?}");

    // and what the mask does not name has stayed
    let rotation = |connector: v1::Connector| connector.spec.unwrap().output.unwrap().rotation;
    assert_eq!(rotation(updated), rotation(before));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_record_is_left_out_when_its_user_says_so_and_no_other() -> Result<()> {
    // given a partition that has stopped at a bad record, with another behind it
    let world = World::new(1).await?;
    let connector = world
        .connector_with(|spec| {
            spec.runtime().set_failure_handling_policy(v1::FailureHandlingPolicy::Fail);
        })
        .await?;
    let mut good = world.produce(numbered("a", 0..10, 1)).await?;
    world.produce([Record::new(NOT_UTF8).partition(0)]).await?;
    good.extend(world.produce(numbered("b", 0..10, 1)).await?);
    world.produce([Record::new(NOT_UTF8).partition(0)]).await?;
    good.extend(world.produce(numbered("c", 0..10, 1)).await?);
    connector.deploy().await?;
    stops_at(&connector, 10).await?;

    // when another offset is named, it is refused
    let status = resume(&connector, v1::ResumeAction::Skip, Some(11)).await.unwrap_err();
    assert_eq!(status.code(), Code::FailedPrecondition);

    // when the right one is, the partition goes on to the next
    resume(&connector, v1::ResumeAction::Skip, Some(10)).await?;
    stops_at(&connector, 21).await?;
    resume(&connector, v1::ResumeAction::Retry, None).await?;
    stops_at(&connector, 21).await?;
    resume(&connector, v1::ResumeAction::Skip, Some(21)).await?;

    // then every good record stands in an object once
    connector.delivered(&good).await?;
    connector.is(v1::ConnectorState::Running).await?;
    world.judge(&good).await
}

#[tokio::test(flavor = "multi_thread")]
async fn offsets_are_reset_while_paused_and_objects_stay() -> Result<()> {
    // given
    let world = World::new(2).await?;
    let connector = world.connector().await?;
    connector.run_spread(2).await?;
    let produced = world.produce(numbered("a", 0..100, 2)).await?;
    connector.delivered(&produced).await?;
    let first: Vec<String> = world.bucket.keys(&world.topic).await?;
    let reset = |to| v1::ResetOffsetsRequest {
        name: connector.name.clone(),
        reset: Some(v1::OffsetReset { to: Some(to) }),
        ..Default::default()
    };
    let earliest = v1::offset_reset::To::Earliest(());

    // when it runs, it is refused
    let status = connector.client().reset_offsets(reset(earliest.clone())).await.unwrap_err();
    assert_eq!(status.code(), Code::FailedPrecondition);

    // when it is paused, everything is read again, into a chain of its own
    connector.pause().await?;
    connector.is(v1::ConnectorState::Paused).await?;
    connector.client().reset_offsets(reset(earliest)).await?;
    connector.resume().await?;
    connector
        .sees("the second epoch has everything", |connector| {
            let epoch = connector.status.as_ref().and_then(|status| status.epoch.as_ref());
            epoch.is_some_and(|epoch| epoch.number == 2)
                && partitions(connector).len() == 2
                && partitions(connector).iter().all(|seen| seen.committed_offset == Some(50))
        })
        .await?;

    // then the objects of the first epoch stand beside those of the second
    let all = world.bucket.records(&world.topic).await?;
    assert!(first.iter().all(|key| all.iter().any(|object| object.key == *key)));
    let records: usize = all
        .iter()
        .filter(|object| !first.contains(&object.key))
        .map(|object| object.records.len())
        .sum();
    assert_eq!(records, 100);

    // and both are counted
    let totals = connector.get().await?.status.and_then(|status| status.totals);
    let totals = totals.context("totals")?;
    assert_eq!((totals.records, totals.objects), (200, all.len() as i64));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn dead_letters_are_told_in_the_order_of_the_records_not_of_acknowledgements() -> Result<()> {
    // given a first one whose value goes beside the objects, and cannot for now
    let world = World::new(1).await?;
    let connector = world.connector().await?;
    let error_topic = format!("connect-error-{}", connector.id);
    world.admin()?.create_topic(&error_topic, 1, &[("max.message.bytes", "3000")]).await?;
    let values = RequestMatch::operation(Operation::PutObject).with_key_containing("dead-letter");
    let hold = world.oss().faults().hold_before(values);
    let mut random = fastrand::Rng::with_seed(1);
    let incompressible: Vec<u8> = iter::repeat_with(|| random.u8(..)).take(10_000).collect();
    let large = Record::new(incompressible).partition(0);
    let small = || Record::new(NOT_UTF8).partition(0);
    world.produce([large, small(), small()]).await?;
    connector.run().await?;
    tokio::time::timeout(LIMIT, hold.held()).await?;

    // when the others are acknowledged before it
    eventually("two are acknowledged", LIMIT, async || {
        Ok((world.read(&error_topic).await?.len() == 2).then_some(()))
    })
    .await?;
    hold.release();

    // then
    let request =
        v1::ListDeadLettersRequest { parent: connector.name.clone(), ..Default::default() };
    let offsets = eventually("three are listed", LIMIT, async || {
        let page = connector.client().list_dead_letters(request.clone()).await?.into_inner();
        let offsets: Vec<_> = page.dead_letters.iter().map(|letter| letter.offset).collect();
        Ok((offsets.len() == 3).then_some(offsets))
    })
    .await?;
    assert_eq!(offsets, [2, 1, 0], "the newest first");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn dead_letters_are_listed_page_by_page_the_newest_first() -> Result<()> {
    // given
    let world = World::new(1).await?;
    let connector = world.connector().await?;
    connector.run().await?;
    for _ in 0..3 {
        world.produce([Record::new(NOT_UTF8).partition(0)]).await?;
    }
    connector
        .sees("three dead letters", |connector| {
            let totals = connector.status.as_ref().and_then(|status| status.totals.as_ref());
            totals.is_some_and(|totals| totals.dead_letters == 3)
        })
        .await?;

    // when
    let mut request = v1::ListDeadLettersRequest {
        parent: connector.name.clone(),
        page_size: 2,
        ..Default::default()
    };
    let mut offsets = Vec::new();
    eventually("three are listed", LIMIT, async || {
        offsets.clear();
        request.page_token.clear();
        loop {
            let page = connector.client().list_dead_letters(request.clone()).await?.into_inner();
            offsets.extend(page.dead_letters.iter().map(|letter| letter.offset));
            if page.next_page_token.is_empty() {
                return Ok((offsets.len() == 3).then_some(()));
            }
            request.page_token = page.next_page_token;
        }
    })
    .await?;

    // then
    assert!(offsets.is_sorted_by(|newer, older| newer >= older), "{offsets:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn partitions_that_are_added_while_it_runs_are_taken_from_their_beginning() -> Result<()> {
    // given
    let world = World::new(2).await?;
    let connector = world.connector().await?;
    connector.run_spread(2).await?;
    let mut produced = world.produce(numbered("before ", 0..20, 2)).await?;
    connector.delivered(&produced).await?;

    // when there are two more, with records before anybody has seen them
    world.admin()?.add_partitions(&world.topic, 4).await?;
    let added = (0..20).map(|number| Record::new(format!("{number}")).partition(2 + number % 2));
    produced.extend(world.produce(added).await?);

    // then
    connector.delivered(&produced).await?;
    world.judge(&produced).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_that_was_made_anew_is_taken_up_by_a_reset_of_its_offsets() -> Result<()> {
    // given a connector whose topic was deleted and made anew
    let world = World::new(1).await?;
    let connector = world.connector().await?;
    connector.run().await?;
    let old = world.produce(numbered("old ", 0..10, 1)).await?;
    connector.delivered(&old).await?;
    let kept = world.bucket.keys(&world.topic).await?;
    let admin = world.admin()?;
    admin.delete_topic(&world.topic).await?;
    eventually("it is made anew", LIMIT, async || {
        admin.create_topic(&world.topic, 1, &[]).await.map(Some)
    })
    .await?;
    let new = world.produce(numbered("new ", 0..25, 1)).await?;
    connector.shows("TOPIC_RECREATED").await?;

    // when
    connector.pause().await?;
    connector.is(v1::ConnectorState::Paused).await?;
    let reset = v1::OffsetReset { to: Some(v1::offset_reset::To::Earliest(())) };
    let request = v1::ResetOffsetsRequest {
        name: connector.name.clone(),
        reset: Some(reset),
        ..Default::default()
    };
    connector.client().reset_offsets(request).await?;
    connector.resume().await?;
    connector.delivered(&new).await?;

    // then the old objects stand as they were, beside those of the new topic
    let all = world.bucket.records(&world.topic).await?;
    assert!(kept.iter().all(|key| all.iter().any(|object| object.key == *key)));
    let records: usize = all
        .iter()
        .filter(|object| !kept.contains(&object.key))
        .map(|object| object.records.len())
        .sum();
    assert_eq!(records, 25);
    Ok(())
}

async fn update(
    connector: &Connector,
    output: v1::ConnectorOutput,
    paths: &[&str],
) -> Result<v1::Connector> {
    let request = v1::UpdateConnectorRequest {
        connector: Some(v1::Connector {
            name: connector.name.clone(),
            spec: Some(v1::ConnectorSpec { output: Some(output), ..Default::default() }),
            ..Default::default()
        }),
        update_mask: Some(prost_types::FieldMask {
            paths: paths.iter().map(ToString::to_string).collect(),
        }),
        ..Default::default()
    };
    Ok(connector.client().update_connector(request).await?.into_inner())
}

async fn resume(
    connector: &Connector,
    action: v1::ResumeAction,
    offset: Option<i64>,
) -> Result<(), tonic::Status> {
    let request = v1::ResumePartitionRequest {
        name: connector.name.clone(),
        partition: Some(0),
        action: action.into(),
        offset,
        ..Default::default()
    };
    connector.client().resume_partition(request).await.map(drop)
}

async fn stops_at(connector: &Connector, offset: i64) -> Result<()> {
    let what = format!("partition 0 is stopped at offset {offset}");
    let stopped = connector.sees(&what, |connector| {
        let [zero] = partitions(connector) else { return false };
        zero.state() == v1::PartitionState::Stopped
            && zero.error_code == "RECORD_NOT_UTF8"
            && zero.committed_offset == Some(offset)
    });
    stopped.await.map(drop).context(what)
}
