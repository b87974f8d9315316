//! `describe`: one page about a resource, for people, of bounded length whatever there is.

mod agent;
mod connector;
mod instance;

use comfy_table::Table;
use serde_json::{Value, json};

use super::describe::Section;
use super::{Client, Failure, names};
use crate::args::{DescribeArgs, ResourceKind};

/// Connectors that a page about an instance or an agent names.
const MOST_CONNECTORS: i32 = 20;

pub(crate) async fn run(args: DescribeArgs) -> Result<(), Failure> {
    let DescribeArgs { options, kind, name, instance } = args;
    if kind != ResourceKind::Connectors && instance.is_some() {
        return Err(Failure::Usage("--instance is about connectors".to_owned()));
    }
    match kind {
        ResourceKind::Connectors => {
            let name = names::connector(&name, instance.as_deref())?;
            connector::run(&Client::connect(&options).await?, name.to_string()).await
        }
        ResourceKind::Instances => {
            let name = names::instance(&name)?;
            instance::run(&Client::connect(&options).await?, name.to_string()).await
        }
        ResourceKind::Agents => {
            let name = names::agent(&name)?;
            agent::run(&Client::connect(&options).await?, name.to_string()).await
        }
    }
}

/// A part of a page that was asked for apart: what came, or why nothing did. A page is
/// still worth having without it.
type Part<T> = Result<T, String>;

/// What an answer has of it, or the first line of the failure.
fn part<T>(asked: Result<T, tonic::Status>) -> Part<T> {
    asked.map_err(|status| {
        let words = Failure::from(status).to_string();
        words.lines().next().unwrap_or_default().to_owned()
    })
}

/// A section of what came; nothing of an empty table.
fn section<T>(title: String, part: &Part<T>, table: impl FnOnce(&T) -> Table) -> Option<Section> {
    match part {
        Ok(came) => {
            let table = table(came);
            (!table.is_empty()).then(|| Section::new(title, table))
        }
        Err(words) => Some(Section::lines(title, vec![format!("not known: {words}")])),
    }
}

/// The same for programs.
fn to_json<T>(part: &Part<T>, encode: impl FnOnce(&T) -> Value) -> Value {
    match part {
        Ok(came) => encode(came),
        Err(words) => json!({"error": words}),
    }
}

/// The whole page as text, for tests.
#[cfg(test)]
fn text(properties: &Table, sections: &[Section]) -> String {
    let mut lines: Vec<_> = properties.lines().collect();
    for section in sections {
        lines.extend([String::new(), section.title.clone()]);
        lines.extend(section.body.lines());
    }
    lines.iter().map(|line| format!("{}\n", line.trim_end())).collect()
}
