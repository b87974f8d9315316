//! One connector, for people: [`spec`] is what it should do, [`status`] what is
//! seen of it.

mod spec;
mod status;

use comfy_table::Table;
use kafka2oss_proto::v1;

use super::{Client, Failure, text};
use crate::output::{self, Paint};

/// A headed part of the description.
pub(super) struct Section {
    pub(super) title: String,
    pub(super) body: Body,
}

/// What stands below the heading.
pub(super) enum Body {
    Table(Table),
    Lines(Vec<String>),
}

impl Section {
    pub(super) fn new(title: impl Into<String>, table: Table) -> Self {
        Self { title: title.into(), body: Body::Table(table) }
    }

    pub(super) fn lines(title: impl Into<String>, lines: Vec<String>) -> Self {
        Self { title: title.into(), body: Body::Lines(lines) }
    }
}

#[cfg(test)]
impl Body {
    /// As a file has it.
    pub(super) fn lines(&self) -> Vec<String> {
        match self {
            Self::Table(table) => table.lines().collect(),
            Self::Lines(lines) => lines.clone(),
        }
    }
}

/// Prints properties, then each section under its heading.
pub(super) fn print(
    client: &Client,
    properties: &Table,
    sections: &[Section],
) -> Result<(), Failure> {
    client.out.table(properties)?;
    for section in sections {
        client.out.line("")?;
        client.out.painted(Paint::Heading, &section.title)?;
        match &section.body {
            Body::Table(table) => client.out.table(table)?,
            Body::Lines(lines) => {
                lines.iter().try_for_each(|line| client.out.line(line))?;
            }
        }
    }
    Ok(())
}

/// The connector's properties, then what its status lists.
pub(super) fn connector(connector: &v1::Connector) -> (Table, Vec<Section>) {
    let mut rows = vec![("Name", connector.name.clone())];
    if let Some(status) = &connector.status {
        rows.extend(status::rows(connector, status));
    }
    if let Some(spec) = connector.effective_spec.as_deref().or(connector.spec.as_ref()) {
        rows.extend(spec::rows(spec));
    }
    if !connector.description.is_empty() {
        rows.push(("Description", connector.description.clone()));
    }
    if !connector.labels.is_empty() {
        rows.push(("Labels", text::labels(&connector.labels)));
    }
    if connector.create_time.is_some() {
        rows.push(("Created", text::time(connector.create_time.as_ref())));
        rows.push(("UID", connector.uid.clone()));
        rows.push(("Etag", connector.etag.clone()));
    }
    let mut sections = Vec::new();
    if let Some(status) = &connector.status {
        if !status.conditions.is_empty() {
            sections.push(Section::new("Conditions", status::conditions(&status.conditions)));
        }
        if let Some(table) = status::stopped(&connector.name, &status.partitions) {
            sections.push(Section::new("Stopped partitions", table));
        }
        if !status.tasks.is_empty() {
            sections.push(Section::new("Tasks", status::tasks(&status.tasks)));
        }
        if !status.missing_resources.is_empty() {
            let table = resources(&status.missing_resources);
            sections.push(Section::new("To be created by hand", table));
        }
    }
    (output::properties(rows), sections)
}

/// Topics and groups, with the settings that they need.
pub(super) fn resources(resources: &[v1::PlannedResource]) -> Table {
    let mut table =
        output::table(&["NAME", "PARTITIONS", "CLEANUP.POLICY", "STORAGE ENGINE", "FOR"]);
    for resource in resources {
        let group = resource.partitions == 0;
        let or_group = |text: String| if group { text::NONE.to_owned() } else { text };
        let roles: Vec<_> = resource.roles.iter().map(|role| text::resource_role(*role)).collect();
        table.add_row([
            resource.name.clone(),
            or_group(resource.partitions.to_string()),
            text::or_none(&resource.cleanup_policy),
            or_group(text::storage_engine(resource.storage_engine)),
            roles.join(", "),
        ]);
    }
    table
}

#[cfg(test)]
mod tests;
