//! `diff`.

use kafka2oss_manifest::{Difference, Resource, differences};
use serde_json::{Value, json};

use super::plan::{self, Planned, Step};
use super::sources::Item;
use super::{DIFFERS, apply, prune, sources};
use crate::args::DiffArgs;
use crate::client::{Client, Failure, names};
use crate::output::Paint;

pub(crate) async fn run(args: DiffArgs) -> Result<u8, Failure> {
    Box::pin(compare(args)).await.map_err(|failure| match failure {
        Failure::Closed(closed) => Failure::Closed(closed),
        failure => Failure::Incomparable(Box::new(failure)),
    })
}

async fn compare(args: DiffArgs) -> Result<u8, Failure> {
    let DiffArgs { options, files, prune: flags } = args;
    let items = sources::read(&files)?;
    let client = Client::connect(&options).await?;
    let found = prune::find(&client, &flags, &items).await?;
    let planned = plan::make(&client, items).await?;
    apply::refuse_wrong(&planned)?;
    let mut all: Vec<_> = planned.iter().filter_map(of_planned).collect();
    all.extend(found.iter().map(of_pruned));
    if client.is_json() {
        client.print_value(&Value::Array(all.iter().map(ResourceDiff::to_json).collect()))?;
    } else {
        for diff in &all {
            for (paint, line) in diff.lines() {
                client.out.painted(paint, line)?;
            }
        }
    }
    Ok(if all.is_empty() { 0 } else { DIFFERS })
}

/// What differs of one resource.
struct ResourceDiff<'a> {
    name: &'a str,
    /// Where it is now, and where it comes from; nothing where it is not.
    before: Option<&'a str>,
    after: Option<&'a str>,
    differences: Vec<Difference>,
}

fn of_planned(
    Planned { item: Item { place, resource }, step }: &Planned,
) -> Option<ResourceDiff<'_>> {
    let (before, differences) = match step {
        Step::Nothing => return None,
        Step::Create(differences) => (None, differences.clone()),
        // It waits for its instance.
        Step::Refused(_) => (None, differences(None, Some(&without_secrets(resource)))),
        Step::Change { differences, .. } => (Some("stored"), differences.clone()),
    };
    Some(ResourceDiff { name: resource.name(), before, after: Some(place), differences })
}

fn of_pruned(resource: &Resource) -> ResourceDiff<'_> {
    let differences = differences(Some(resource), None);
    ResourceDiff { name: resource.name(), before: Some("stored"), after: None, differences }
}

/// One that the control plane has not answered with may have plain secrets.
fn without_secrets(resource: &Resource) -> Resource {
    let mut resource = resource.clone();
    match &mut resource {
        Resource::Instance(instance) => kafka2oss_proto::spec::redact(&mut **instance),
        Resource::Connector(connector) => kafka2oss_proto::spec::redact(&mut **connector),
    }
    resource
}

impl ResourceDiff<'_> {
    /// In the form of a unified diff, with a line for each field.
    fn lines(&self) -> Vec<(Paint, String)> {
        let name = names::short(self.name);
        let place = |place: Option<&str>| match place {
            Some(place) => format!("{name} ({place})"),
            None => "/dev/null".to_owned(),
        };
        let mut lines = vec![
            (Paint::Heading, format!("--- {}", place(self.before))),
            (Paint::Heading, format!("+++ {}", place(self.after))),
        ];
        for Difference { path, before, after } in &self.differences {
            lines.extend(before.iter().map(|value| (Paint::Gone, format!("-{path}: {value}"))));
            lines.extend(after.iter().map(|value| (Paint::New, format!("+{path}: {value}"))));
        }
        lines
    }

    fn to_json(&self) -> Value {
        let differences = self.differences.iter().map(|Difference { path, before, after }| {
            json!({"path": path, "before": before, "after": after})
        });
        let result = match (self.before, self.after) {
            (None, _) => "CREATED",
            (_, None) => "DELETED",
            _ => "CHANGED",
        };
        json!({"name": self.name, "result": result, "differences": differences.collect::<Vec<_>>()})
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kafka2oss_proto::v1;

    #[test]
    fn a_change_is_a_unified_diff_of_paths() {
        let difference = |path: &str, before: Option<&str>, after: Option<&str>| Difference {
            path: path.to_owned(),
            before: before.map(str::to_owned),
            after: after.map(str::to_owned),
        };
        let diff = ResourceDiff {
            name: "instances/dev/connectors/orders",
            before: Some("stored"),
            after: Some("orders.yaml, document 1, line 1"),
            differences: vec![
                difference("labels.team", Some("a"), Some("b")),
                difference("spec.output.rotation.maxAge", None, Some("30s")),
                difference("spec.source.spread", Some("3"), None),
            ],
        };
        let lines: Vec<_> = diff.lines().into_iter().map(|(_, line)| line).collect();
        assert_eq!(
            lines,
            [
                "--- dev/orders (stored)",
                "+++ dev/orders (orders.yaml, document 1, line 1)",
                "-labels.team: a",
                "+labels.team: b",
                "+spec.output.rotation.maxAge: 30s",
                "-spec.source.spread: 3",
            ]
        );
    }

    #[test]
    fn plain_secrets_of_what_was_not_checked_are_not_shown() {
        let plain = |text: &str| {
            Some(v1::Secret { source: Some(v1::secret::Source::Plain(text.to_owned())) })
        };
        let key = v1::AccessKey { id: plain("id"), secret: plain("hunter2"), session_token: None };
        let destination = v1::ObjectStoreDestination {
            credentials: Some(v1::StoreCredentials {
                kind: Some(v1::store_credentials::Kind::AccessKey(key)),
            }),
            ..Default::default()
        };
        let spec = v1::ConnectorSpec { destination: Some(destination), ..Default::default() };
        let resource = Resource::from(v1::Connector { spec: Some(spec), ..Default::default() });
        let shown = format!("{:?}", differences(None, Some(&without_secrets(&resource))));
        assert!(!shown.contains("hunter2") && shown.contains("withheld"), "{shown}");
    }
}
