//! What is there and what would be. The control plane says both: it checks each document,
//! and answers with the resource as it would be. So defaults, secrets that are withheld and
//! the same values in other words are no differences.

use futures::{StreamExt, TryStreamExt, stream};
use kafka2oss_manifest::{Difference, Resource, differences};
use tonic::{Code, Status};

use super::service::is_no_answer;
use super::sources::Item;
use crate::client::{Client, Failure};

/// How many documents are asked about at once: far less than one peer may.
const AT_ONCE: usize = 16;
/// How often one is looked at anew that somebody else changes meanwhile.
const LOOKS: usize = 3;

/// A document and what it comes to.
#[derive(Debug)]
pub(super) struct Planned {
    pub(super) item: Item,
    pub(super) step: Step,
}

/// What there is to do.
#[derive(Debug)]
pub(super) enum Step {
    Nothing,
    Create(Vec<Difference>),
    /// The one of this etag, so that what somebody else does meanwhile is not undone.
    Change {
        etag: String,
        differences: Vec<Difference>,
    },
    /// The control plane does not take it.
    Refused(Box<Status>),
}

/// Looks at each document, some at once. Fails where the control plane does not answer.
pub(super) async fn make(client: &Client, items: Vec<Item>) -> Result<Vec<Planned>, Failure> {
    let looks = stream::iter(items).map(|item| async move {
        let step = Box::pin(look(client, &item.resource)).await?;
        Ok::<_, Status>(Planned { item, step })
    });
    Ok(looks.buffered(AT_ONCE).try_collect().await?)
}

pub(super) async fn look(client: &Client, resource: &Resource) -> Result<Step, Status> {
    let mut left = LOOKS;
    loop {
        left -= 1;
        let step = look_once(client, resource).await?;
        let has_moved = matches!(&step, Step::Refused(status)
            if matches!(status.code(), Code::Aborted | Code::AlreadyExists));
        if !has_moved || left == 0 || !resource.etag().is_empty() {
            return Ok(step);
        }
    }
}

async fn look_once(client: &Client, resource: &Resource) -> Result<Step, Status> {
    let stored = client.stored(resource.kind(), resource.name()).await?;
    let answer = match &stored {
        None if !resource.etag().is_empty() => Err(gone(resource)),
        None => client.create(resource.clone(), true).await,
        Some(stored) => client.replace(at(resource, stored.etag()), true).await,
    };
    let would_be = match answer {
        Ok(would_be) => would_be,
        Err(status) if is_no_answer(&status) => return Err(status),
        Err(status) => return Ok(Step::Refused(Box::new(status))),
    };
    Ok(step(stored.as_ref(), &would_be))
}

/// The resource with an etag: the file's own, or else this one.
fn at(resource: &Resource, etag: &str) -> Resource {
    let mut at = resource.clone();
    if at.etag().is_empty() {
        at.set_etag(etag);
    }
    at
}

fn gone(resource: &Resource) -> Status {
    Status::aborted(format!("{} is not there, and its file has an etag of it", resource.name()))
}

/// An etag is another one with each change, and with nothing else.
fn step(stored: Option<&Resource>, would_be: &Resource) -> Step {
    let Some(stored) = stored else { return Step::Create(differences(None, Some(would_be))) };
    if stored.etag() == would_be.etag() {
        return Step::Nothing;
    }
    let mut differences = differences(Some(stored), Some(would_be));
    if differences.is_empty() {
        // All else is shown as it is.
        differences.push(Difference {
            path: "spec.destination.credentials".to_owned(),
            before: Some("withheld".to_owned()),
            after: Some("withheld (another value)".to_owned()),
        });
    }
    Step::Change { etag: stored.etag().to_owned(), differences }
}

/// Carries out one step.
pub(super) async fn carry_out(client: &Client, planned: &Planned) -> Result<(), Status> {
    let resource = &planned.item.resource;
    match &planned.step {
        Step::Nothing => Ok(()),
        Step::Create(_) => client.create(resource.clone(), false).await.map(drop),
        Step::Change { etag, .. } => client.replace(at(resource, etag), false).await.map(drop),
        Step::Refused(status) => Err((**status).clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kafka2oss_proto::v1;

    fn connector(etag: &str, topic: &str) -> Resource {
        let source = Some(v1::KafkaSource { topic: topic.to_owned(), ..Default::default() });
        Resource::from(v1::Connector {
            name: "instances/i/connectors/c".to_owned(),
            etag: etag.to_owned(),
            spec: Some(v1::ConnectorSpec { source, ..Default::default() }),
            ..v1::Connector::default()
        })
    }

    #[test]
    fn the_etag_tells_whether_there_is_a_change() {
        let stored = connector("U-3", "t");
        assert!(matches!(step(Some(&stored), &stored), Step::Nothing));
        assert!(matches!(step(None, &stored), Step::Create(all) if all.len() == 1));
        let Step::Change { etag, differences } = step(Some(&stored), &connector("U-4", "u")) else {
            panic!("it changes")
        };
        assert_eq!((&*etag, &*differences[0].path), ("U-3", "spec.source.topic"));
        // Secrets are withheld on both sides.
        let Step::Change { differences, .. } = step(Some(&stored), &connector("U-4", "t")) else {
            panic!("it changes")
        };
        assert_eq!(differences[0].after.as_deref(), Some("withheld (another value)"));
    }

    #[test]
    fn the_etag_of_a_file_is_kept() {
        assert_eq!(at(&connector("", "t"), "U-3").etag(), "U-3");
        assert_eq!(at(&connector("U-1", "t"), "U-3").etag(), "U-1");
    }
}
