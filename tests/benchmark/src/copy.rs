//! One run of the product: a topic from its beginning into an empty bucket.

use std::time::{Duration, SystemTime};

use anyhow::{Context, Result, ensure};
use kafka2oss_tests::bucket::Bucket;
use kafka2oss_tests::name::unique;

use crate::connector::{Connector, Output, spec};
use crate::deployment::Deployment;
use crate::destination::Destination;
use crate::measure::{Measured, Meter};
use crate::topics::Topic;

/// What came of a run.
#[derive(Debug, Clone)]
pub(crate) struct Copied {
    /// Of the agent: from Deploy until the last record was visible. The peak of its
    /// memory counts from its start.
    pub(crate) measured: Measured,
    /// What stands in the bucket.
    pub(crate) contents: Contents,
    /// The connector, whose processes are gone.
    pub(crate) connector: Connector,
}

/// Has a fresh control plane and agent copy a topic into a bucket.
///
/// The last record is visible when the store says that the last object was made:
/// the suite asks the control plane meanwhile, and leaves the store alone.
pub(crate) async fn copy(
    bootstrap: &str,
    topic: &Topic,
    destination: &Destination,
    output: Output,
) -> Result<Copied> {
    let mut deployment = Deployment::start(bootstrap).await?;
    let spec = spec(&topic.name, destination, output);
    let connector = deployment.create(&unique("copy"), spec).await?;

    let (meter, deployed) = (Meter::start(deployment.agent_pid())?, SystemTime::now());
    connector.deploy().await?;
    connector.delivers(topic, &mut deployment).await?;
    let measured = meter.read(0.0)?;
    drop(deployment);

    let contents = Contents::of(&destination.bucket()).await?;
    let seconds = contents.last_made.duration_since(deployed)?.as_secs_f64();
    Ok(Copied { measured: Measured { seconds, ..measured }, contents, connector })
}

/// What stands in a bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Contents {
    /// How many objects.
    pub(crate) objects: u64,
    /// Bytes of all of them.
    pub(crate) bytes: u64,
    /// When the last one was made, by the store's clock, which is this machine's.
    last_made: SystemTime,
}

impl Contents {
    /// Lists the bucket.
    pub(crate) async fn of(bucket: &Bucket) -> Result<Self> {
        let mut contents = Self { objects: 0, bytes: 0, last_made: SystemTime::UNIX_EPOCH };
        let request = bucket.client().list_objects_v2().bucket(bucket.name());
        let mut pages = request.into_paginator().send();
        while let Some(page) = pages.next().await {
            for object in page?.contents.unwrap_or_default() {
                let made = object.last_modified.context("an object without a time")?;
                let made = Duration::try_from_secs_f64(made.as_secs_f64())?;
                contents.objects += 1;
                contents.bytes += u64::try_from(object.size.unwrap_or_default())?;
                contents.last_made = contents.last_made.max(SystemTime::UNIX_EPOCH + made);
            }
        }
        ensure!(contents.objects > 0, "nothing stands in {}", bucket.name());
        Ok(contents)
    }
}
