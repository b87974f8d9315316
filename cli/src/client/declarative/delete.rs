//! `delete`, and how one resource is deleted.

use kafka2oss_manifest::{Kind, Resource};
use kafka2oss_proto::v1;
use tonic::{Code, Status};

use super::report::{Outcome, Report};
use super::sources;
use crate::args::{DeleteFilesArgs, DeletionFlags, new_request_id};
use crate::client::{Client, Failure, connectors};

/// How connectors are deleted.
#[derive(Debug, Default)]
pub(super) struct How {
    pub(super) is_dry_run: bool,
    pub(super) flags: DeletionFlags,
    /// Only the one of its etag.
    pub(super) has_etag: bool,
}

pub(crate) async fn run(args: DeleteFilesArgs) -> Result<u8, Failure> {
    let DeleteFilesArgs { options, files, dry_run, how: flags, wait } = args;
    let mut items = sources::read(&files)?;
    // An instance cannot go before its connectors.
    items.sort_by_key(|item| std::cmp::Reverse(item.resource.kind()));
    let client = Client::connect(&options).await?;
    let how = How { is_dry_run: dry_run, flags, has_etag: true };
    let mut report = Report::new(&client, dry_run);
    for item in &items {
        let resource = &item.resource;
        let goes_too = |name: &str| items.iter().any(|other| other.resource.name() == name);
        let waits = !dry_run && (wait || goes_too(resource.instance()));
        report.add(resource.name(), &one(&client, resource, &how, waits).await)?;
    }
    report.finish()?;
    Ok(0)
}

/// Deletes it; where `waits`, until it is gone.
pub(super) async fn one(client: &Client, resource: &Resource, how: &How, waits: bool) -> Outcome {
    match Box::pin(try_one(client, resource, how, waits)).await {
        Ok(outcome) => outcome,
        Err(Failure::Rpc(status)) if status.code() == Code::NotFound => Outcome::Missing,
        Err(failure) => Outcome::Failed(failure.to_string()),
    }
}

async fn try_one(
    client: &Client,
    resource: &Resource,
    how: &How,
    waits: bool,
) -> Result<Outcome, Failure> {
    let name = resource.name().to_owned();
    let etag = if how.has_etag { resource.etag().to_owned() } else { String::new() };
    match resource.kind() {
        Kind::Instance if how.is_dry_run => match client.stored(Kind::Instance, &name).await? {
            Some(_) => Ok(Outcome::Deleted),
            None => Err(Status::not_found(name).into()),
        },
        Kind::Instance => {
            let request = client.request(v1::DeleteInstanceRequest {
                name,
                etag,
                request_id: new_request_id(),
            });
            client.instances().delete_instance(request).await?;
            Ok(Outcome::Deleted)
        }
        Kind::Connector => {
            let request = client.request(v1::DeleteConnectorRequest {
                name,
                etag,
                delete_error_topics: how.flags.delete_error_topics,
                orphan_resources: how.flags.orphan_resources,
                validate_only: how.is_dry_run,
                request_id: if how.is_dry_run { String::new() } else { new_request_id() },
            });
            let connector = client.connectors().delete_connector(request).await?.into_inner();
            if how.is_dry_run {
                return Ok(Outcome::Deleted);
            }
            Ok(match waits && connectors::await_gone(client, &connector).await? {
                true => Outcome::Deleted,
                false => Outcome::Deleting,
            })
        }
    }
}
