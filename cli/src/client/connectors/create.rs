//! `create` and `preview`.

use kafka2oss_proto::v1;

use super::spec;
use crate::args::{CreateArgs, PreviewArgs};
use crate::client::{Client, Failure, describe, names};
use crate::output;

pub(super) async fn create(client: &Client, args: CreateArgs) -> Result<(), Failure> {
    let CreateArgs { name, instance, connector, validate_only, repeat } = args;
    let connector = spec::build(connector)?;
    let (parent, connector_id) = target(name, instance.as_deref(), &connector)?;
    let request = client.request(v1::CreateConnectorRequest {
        parent,
        connector_id,
        connector: Some(connector),
        validate_only,
        request_id: repeat.id(),
    });
    let created = client.connectors().create_connector(request).await?.into_inner();
    if client.is_json() {
        return client.print_json(&created);
    }
    let short = names::short(&created.name);
    Ok(client.out.line(if validate_only {
        format!("{short} is valid; nothing was created")
    } else {
        format!("{short} created; start it with: kafka2oss connectors deploy {short}")
    })?)
}

pub(super) async fn preview(client: &Client, args: PreviewArgs) -> Result<(), Failure> {
    let PreviewArgs { name, instance, connector } = args;
    let connector = spec::build(connector)?;
    let (parent, connector_id) = target(name, instance.as_deref(), &connector)?;
    let request = client.request(v1::PreviewConnectorRequest {
        parent,
        connector_id,
        connector: Some(connector),
    });
    let preview = client.connectors().preview_connector(request).await?.into_inner();
    if client.is_json() {
        return client.print_json(&preview);
    }
    if let Some(connector) = &preview.connector {
        // What is seen of a connector that does not exist tells nothing.
        let connector = v1::Connector { status: None, ..connector.clone() };
        client.out.table(&describe::connector(&connector).0)?;
    }
    client.out.line("\nTopics and groups")?;
    client.out.table(&describe::resources(&preview.resources))?;
    if !preview.warnings.is_empty() {
        client.out.line("\nWarnings")?;
        let mut table = output::table(&["FIELD", "WARNING"]);
        for v1::Warning { field, message } in &preview.warnings {
            table.add_row([field, message]);
        }
        client.out.table(&table)?;
    }
    Ok(())
}

/// Parent and ID, from the command line or else from the file.
pub(super) fn target(
    name: Option<String>,
    instance: Option<&str>,
    connector: &v1::Connector,
) -> Result<(String, String), Failure> {
    let in_file = Some(connector.name.clone()).filter(|name| !name.is_empty());
    match name.or(in_file) {
        Some(name) => names::split(&name, instance),
        None => Err(Failure::Usage(
            "name the connector: INSTANCE/CONNECTOR, or `name` in the file".to_owned(),
        )),
    }
}
