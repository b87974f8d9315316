//! What was done, as lines while it is done, or as JSON at the end.

use kafka2oss_manifest::Difference;
use serde_json::{Value, json};

use crate::client::{Client, Failure, names};

/// What became of a resource.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Outcome {
    Unchanged,
    Created(Vec<Difference>),
    Changed(Vec<Difference>),
    Deleted,
    /// It will be gone when its resources are.
    Deleting,
    Missing,
    /// In words.
    Failed(String),
    /// An earlier failure ended the work.
    NotReached,
}

/// Tells each outcome, and counts.
pub(super) struct Report<'a> {
    client: &'a Client,
    is_dry_run: bool,
    rows: Vec<Value>,
    failed: usize,
    changed: usize,
}

impl<'a> Report<'a> {
    pub(super) fn new(client: &'a Client, is_dry_run: bool) -> Self {
        Self { client, is_dry_run, rows: Vec::new(), failed: 0, changed: 0 }
    }

    pub(super) fn add(&mut self, name: &str, outcome: &Outcome) -> Result<(), Failure> {
        match outcome {
            Outcome::Failed(_) | Outcome::NotReached => self.failed += 1,
            Outcome::Unchanged | Outcome::Missing => {}
            Outcome::Created(_) | Outcome::Changed(_) | Outcome::Deleted | Outcome::Deleting => {
                self.changed += 1;
            }
        }
        if self.client.is_json() {
            self.rows.push(row(name, outcome, self.is_dry_run));
            return Ok(());
        }
        Ok(self.client.out.line(line(name, outcome, self.is_dry_run))?)
    }

    pub(super) fn has_failed(&self) -> bool {
        self.failed > 0
    }

    /// Whether anything became another.
    pub(super) fn finish(self) -> Result<bool, Failure> {
        let (failed, all) = (self.failed, self.rows.len());
        if self.client.is_json() {
            self.client.print_value(&Value::Array(self.rows))?;
        }
        match failed {
            0 => Ok(self.changed > 0),
            _ if all > 0 => Err(Failure::Failed(format!("{failed} of {all} failed"))),
            _ => Err(Failure::Failed(format!(
                "{failed} failed; what was done stays, and the same command goes on from there"
            ))),
        }
    }
}

fn line(name: &str, outcome: &Outcome, is_dry_run: bool) -> String {
    let name = names::short(name);
    let would = if is_dry_run { "would be " } else { "" };
    let paths = |differences: &[Difference]| {
        differences.iter().map(|one| one.path.as_str()).collect::<Vec<_>>().join(", ")
    };
    match outcome {
        Outcome::Unchanged => format!("{name} unchanged"),
        Outcome::Created(_) => format!("{name} {would}created"),
        Outcome::Changed(differences) => format!("{name} {would}changed: {}", paths(differences)),
        Outcome::Deleted => format!("{name} {would}deleted"),
        Outcome::Deleting => format!("{name} is DELETING; its objects stay"),
        Outcome::Missing => format!("{name} is not there"),
        Outcome::Failed(words) => format!("{name} failed: {words}"),
        Outcome::NotReached => format!("{name} was not reached"),
    }
}

fn row(name: &str, outcome: &Outcome, is_dry_run: bool) -> Value {
    let all = |differences: &[Difference]| {
        let all = differences.iter().map(|Difference { path, before, after }| {
            json!({"path": path, "before": before, "after": after})
        });
        all.collect::<Vec<_>>()
    };
    let (word, more) = match outcome {
        Outcome::Unchanged => ("UNCHANGED", Value::Null),
        Outcome::Created(differences) => ("CREATED", json!(all(differences))),
        Outcome::Changed(differences) => ("CHANGED", json!(all(differences))),
        Outcome::Deleted => ("DELETED", Value::Null),
        Outcome::Deleting => ("DELETING", Value::Null),
        Outcome::Missing => ("MISSING", Value::Null),
        Outcome::Failed(words) => ("FAILED", json!(words)),
        Outcome::NotReached => ("NOT_REACHED", Value::Null),
    };
    let mut row = json!({"name": name, "result": word});
    match more {
        Value::Array(_) => row["differences"] = more,
        Value::String(_) => row["error"] = more,
        _ => {}
    }
    if is_dry_run {
        row["dryRun"] = json!(true);
    }
    row
}

#[cfg(test)]
mod tests {
    use super::*;

    fn difference(path: &str) -> Difference {
        Difference { path: path.to_owned(), before: Some("a".to_owned()), after: None }
    }

    #[test]
    fn each_outcome_is_a_line_that_begins_with_the_name() {
        let name = "instances/dev/connectors/orders";
        let changed = Outcome::Changed(vec![difference("labels.a"), difference("labels.b")]);
        for (outcome, is_dry_run, expected) in [
            (Outcome::Unchanged, false, "dev/orders unchanged"),
            (Outcome::Created(Vec::new()), false, "dev/orders created"),
            (Outcome::Created(Vec::new()), true, "dev/orders would be created"),
            (changed.clone(), false, "dev/orders changed: labels.a, labels.b"),
            (changed, true, "dev/orders would be changed: labels.a, labels.b"),
            (Outcome::Deleted, true, "dev/orders would be deleted"),
            (Outcome::Failed("no".to_owned()), false, "dev/orders failed: no"),
            (Outcome::NotReached, false, "dev/orders was not reached"),
        ] {
            assert_eq!(line(name, &outcome, is_dry_run), expected);
        }
        assert_eq!(line("instances/dev", &Outcome::Missing, false), "instances/dev is not there");
    }

    #[test]
    fn json_has_the_differences_and_the_error() {
        assert_eq!(
            row("instances/dev", &Outcome::Changed(vec![difference("labels.a")]), true),
            json!({"name": "instances/dev", "result": "CHANGED", "dryRun": true,
                "differences": [{"path": "labels.a", "before": "a", "after": null}]})
        );
        assert_eq!(
            row("instances/dev", &Outcome::Failed("no".to_owned()), false),
            json!({"name": "instances/dev", "result": "FAILED", "error": "no"})
        );
    }
}
