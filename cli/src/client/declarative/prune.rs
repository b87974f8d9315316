//! What carries the label and is in no file.

use std::collections::HashSet;
use std::io::{BufRead, IsTerminal, Write};

use kafka2oss_manifest::Resource;
use kafka2oss_proto::v1;

use super::sources::Item;
use crate::args::PruneFlags;
use crate::client::{Client, Failure, names, selection};
use crate::output;

/// Connectors, then instances, that are to go. Fails where a file's own resource does not
/// carry the label: a later prune would not find it.
pub(super) async fn find(
    client: &Client,
    flags: &PruneFlags,
    items: &[Item],
) -> Result<Vec<Resource>, Failure> {
    let Some((key, value)) = flags.selector.as_ref().filter(|_| flags.prune) else {
        return Ok(Vec::new());
    };
    let carries =
        |resource: &Resource| resource.labels().get(key).is_some_and(|given| given == value);
    let without: Vec<_> = items
        .iter()
        .filter(|Item { resource, .. }| {
            let is_managed = matches!(resource, Resource::Connector(_)) || flags.prune_instances;
            is_managed && !carries(resource)
        })
        .map(|Item { place, resource }| {
            format!("{place}: {} does not carry the label {key}={value}", resource.name())
        })
        .collect();
    if !without.is_empty() {
        return Err(Failure::Usage(without.join("\n")));
    }
    let filter = selection::label(key, value);
    let mut found: Vec<_> = client
        .all_connectors("instances/-", &filter)
        .await?
        .into_iter()
        .filter(|connector| connector.desired_state() != v1::DesiredState::Deleted)
        .map(Resource::from)
        .collect();
    if flags.prune_instances {
        found.extend(client.all_instances(&filter).await?);
    }
    let named: HashSet<&str> = items.iter().map(|item| item.resource.name()).collect();
    found.retain(|resource| !named.contains(resource.name()) && carries(resource));
    Ok(found)
}

/// Asks whoever sits there, unless that was said to be needless.
pub(super) fn confirm(found: &[Resource], yes: bool, reads_stdin: bool) -> Result<(), Failure> {
    if found.is_empty() || yes {
        return Ok(());
    }
    let names: Vec<_> = found.iter().map(|resource| names::short(resource.name())).collect();
    let question = format!("{} to be deleted: {}", found.len(), names.join(", "));
    let refused = |words: &str| Failure::Usage(format!("{question}\n{words}"));
    if reads_stdin || !std::io::stdin().is_terminal() {
        return Err(refused("nothing was changed: add --yes to delete them"));
    }
    output::note(&question);
    let mut stderr = std::io::stderr().lock();
    let asked = write!(stderr, "Delete them? [y/N] ").and_then(|()| stderr.flush());
    let mut answer = String::new();
    let read = asked.and_then(|()| std::io::stdin().lock().read_line(&mut answer));
    match (read, answer.trim()) {
        (Ok(_), "y" | "Y" | "yes") => Ok(()),
        _ => Err(refused("nothing was changed")),
    }
}
