//! `export`.

use kafka2oss_manifest::{Resource, to_json, to_yaml};
use kafka2oss_proto::v1;

use crate::args::{ExportArgs, ExportKind, ListFlags, OutputFormat};
use crate::client::{Client, Failure, Selection, names, selection};
use crate::output;

pub(crate) async fn run(args: ExportArgs) -> Result<u8, Failure> {
    let ExportArgs { options, kind, instance, selector, filter } = args;
    if filter.is_some() && kind == ExportKind::All {
        return Err(Failure::Usage(
            "--filter is about one kind: say `export instances` or `export connectors`".to_owned(),
        ));
    }
    let parent = names::parent(instance.as_deref())?;
    let client = Client::connect(&options).await?;
    let select = |id: Option<String>| {
        let label = selector.as_ref().map(|(key, value)| selection::label(key, value));
        let both: Vec<_> = label.into_iter().chain(id).collect();
        let more = if both.is_empty() { Vec::new() } else { vec![both.join(" AND ")] };
        Selection::new(ListFlags { filter: filter.clone(), sort: None }, &more)
    };
    let mut resources = Vec::new();
    if kind != ExportKind::Connectors {
        let id = parent.strip_prefix("instances/").filter(|id| *id != "-");
        let selection = select(id.map(|id| format!("id = {}", selection::quoted(id))));
        let instances = client.all_instances(&selection.filter).await;
        resources.extend(instances.map_err(|status| selection.failure(status))?);
    }
    if kind != ExportKind::Instances {
        let selection = select(None);
        let connectors = client.all_connectors(&parent, &selection.filter).await;
        for connector in connectors.map_err(|status| selection.failure(status))? {
            if connector.desired_state() == v1::DesiredState::Deleted {
                let name = names::short(&connector.name);
                output::note(format_args!("note: {name} is DELETING and was left out"));
                continue;
            }
            resources.push(connector.into());
        }
    }
    let settable: Vec<_> = resources.iter().map(Resource::settable).collect();
    let text = match client.format {
        OutputFormat::Json => to_json(&settable),
        OutputFormat::Table | OutputFormat::Wide | OutputFormat::Yaml => to_yaml(&settable),
        OutputFormat::Name => settable.iter().map(|one| format!("{}\n", one.name())).collect(),
    };
    client.out.line(text.trim_end_matches('\n'))?;
    Ok(0)
}
