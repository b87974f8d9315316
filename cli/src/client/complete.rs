//! Names of resources for completion in a shell: quickly, or none, and without a word.

use std::ffi::OsStr;
use std::sync::mpsc;
use std::time::Duration;

use clap::ValueEnum;
use clap_complete::CompletionCandidate;
use kafka2oss_proto::v1;

use super::selection::quoted;
use super::{Client, Failure, names};
use crate::args::{ClientOptions, OutputFormat, ResourceKind};

/// Nobody waits longer for a Tab.
const BOUND: Duration = Duration::from_secs(1);
/// More than that nobody reads.
const MOST: i32 = 200;

pub(crate) fn instances(current: &OsStr) -> Vec<CompletionCandidate> {
    of_kind(ResourceKind::Instances, current)
}

pub(crate) fn connectors(current: &OsStr) -> Vec<CompletionCandidate> {
    of_kind(ResourceKind::Connectors, current)
}

pub(crate) fn agents(current: &OsStr) -> Vec<CompletionCandidate> {
    of_kind(ResourceKind::Agents, current)
}

/// Of the kind that stands before, as in `get connectors NAME`.
pub(crate) fn of_the_kind_before(current: &OsStr) -> Vec<CompletionCandidate> {
    let words: Vec<String> = std::env::args().collect();
    let kind = words.iter().find_map(|word| ResourceKind::from_str(word, false).ok());
    kind.map(|kind| of_kind(kind, current)).unwrap_or_default()
}

fn of_kind(kind: ResourceKind, current: &OsStr) -> Vec<CompletionCandidate> {
    let Some(current) = current.to_str().map(str::to_owned) else { return Vec::new() };
    let words: Vec<String> = std::env::args().collect();
    let address = option(&words, &["--address"]);
    let instance = option(&words, &["--instance", "-i"]);
    let (sender, receiver) = mpsc::channel();
    // Whatever hangs there ends with the process.
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let Ok(runtime) = runtime else { return };
        let names = runtime.block_on(ask(kind, &current, instance.as_deref(), address));
        // Where nobody waits any more it was too late.
        let _ = sender.send(names.unwrap_or_default());
    });
    let names = receiver.recv_timeout(BOUND).unwrap_or_default();
    names.into_iter().map(CompletionCandidate::new).collect()
}

/// What an option's value is in the words of a command line.
fn option(words: &[String], names: &[&str]) -> Option<String> {
    let mut words = words.iter();
    let mut found = None;
    while let Some(word) = words.next() {
        let joined = names.iter().find_map(|name| word.strip_prefix(name)?.strip_prefix('='));
        if let Some(value) = joined {
            found = Some(value.to_owned());
        } else if names.contains(&word.as_str()) {
            found = words.next().cloned();
        }
    }
    found
}

async fn ask(
    kind: ResourceKind,
    current: &str,
    instance: Option<&str>,
    address: Option<String>,
) -> Result<Vec<String>, Failure> {
    let address = address.or_else(|| std::env::var("KAFKA2OSS_ADDRESS").ok());
    let options =
        ClientOptions { address, output: OutputFormat::Name, no_headers: true, timeout: BOUND };
    let client = Client::connect(&options).await?;
    let names: Vec<String> = match kind {
        ResourceKind::Instances => {
            let filter = beginning("id", current.trim_start_matches("instances/"));
            let request =
                v1::ListInstancesRequest { page_size: MOST, filter, ..Default::default() };
            let page = client.instances().list_instances(client.request(request)).await?;
            page.into_inner().instances.into_iter().map(|one| one.name).collect()
        }
        ResourceKind::Agents => {
            let filter = beginning("id", current.trim_start_matches("agents/"));
            let request = v1::ListAgentsRequest { page_size: MOST, filter, ..Default::default() };
            let page = client.agents().list_agents(client.request(request)).await?;
            page.into_inner().agents.into_iter().map(|one| one.name).collect()
        }
        ResourceKind::Connectors => {
            let (parent, filter) = wanted(current, instance);
            let request = v1::ListConnectorsRequest {
                parent,
                page_size: MOST,
                filter,
                view: v1::ConnectorView::Basic.into(),
                ..Default::default()
            };
            let page = client.connectors().list_connectors(client.request(request)).await?;
            page.into_inner().connectors.into_iter().map(|one| one.name).collect()
        }
    };
    let names = names.iter().map(|name| as_typed(name, current, instance));
    Ok(names.filter(|name| name.starts_with(current)).collect())
}

/// The parent, and which of its connectors.
fn wanted(current: &str, instance: Option<&str>) -> (String, String) {
    let plain = current.trim_start_matches("instances/").replacen("/connectors/", "/", 1);
    match (plain.split_once('/'), instance) {
        (Some((instance, id)), _) => (format!("instances/{instance}"), beginning("id", id)),
        (None, Some(instance)) => {
            let instance = instance.trim_start_matches("instances/");
            (format!("instances/{instance}"), beginning("id", &plain))
        }
        (None, None) => ("instances/-".to_owned(), beginning("instance", &plain)),
    }
}

/// That a field begins with a text.
fn beginning(field: &str, text: &str) -> String {
    if text.is_empty() {
        return String::new();
    }
    let quoted = quoted(text);
    format!("{field} = {}*\"", quoted.trim_end_matches('"'))
}

/// A name in the form that was begun.
fn as_typed(name: &str, current: &str, instance: Option<&str>) -> String {
    let is_whole = ["instances/", "agents/"].iter().any(|whole| current.starts_with(whole));
    match name.rsplit_once('/') {
        _ if is_whole => name.to_owned(),
        Some((_, id)) if instance.is_some() && !current.contains('/') => id.to_owned(),
        _ if name.contains("/connectors/") => names::short(name),
        Some((_, id)) => id.to_owned(),
        None => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connectors_are_looked_for_where_they_can_be() {
        let wanted = |current, instance| {
            let (parent, filter) = wanted(current, instance);
            format!("{parent} {filter}")
        };
        assert_eq!(wanted("", None), "instances/- ");
        assert_eq!(wanted("pr", None), "instances/- instance = \"pr*\"");
        assert_eq!(wanted("prod/", None), "instances/prod ");
        assert_eq!(wanted("prod/or", None), "instances/prod id = \"or*\"");
        assert_eq!(wanted("instances/prod/connectors/or", None), "instances/prod id = \"or*\"");
        assert_eq!(wanted("or", Some("prod")), "instances/prod id = \"or*\"");
        assert_eq!(wanted("a\"b*", Some("prod")), "instances/prod id = \"a\\\"b\\**\"");
    }

    #[test]
    fn a_name_goes_on_as_it_was_begun() {
        let name = "instances/prod/connectors/orders";
        assert_eq!(as_typed(name, "", None), "prod/orders");
        assert_eq!(as_typed(name, "prod/o", None), "prod/orders");
        assert_eq!(as_typed(name, "instances/p", None), name);
        assert_eq!(as_typed(name, "o", Some("prod")), "orders");
        assert_eq!(as_typed("instances/prod", "p", None), "prod");
        assert_eq!(as_typed("agents/a", "agents/", None), "agents/a");
    }

    #[test]
    fn options_of_the_line_are_found_in_both_forms() {
        let words = |line: &str| line.split(' ').map(str::to_owned).collect::<Vec<_>>();
        let address = |line: &str| option(&words(line), &["--address"]);
        assert_eq!(address("a --address b:1 c").as_deref(), Some("b:1"));
        assert_eq!(address("a --address=b:1").as_deref(), Some("b:1"));
        assert_eq!(address("a --addressee b --address"), None);
    }
}
