//! `edit`.

use std::io::Write;
use std::path::Path;
use std::process::Command;

use kafka2oss_manifest::{Kind, Resource, read, to_yaml};

use super::plan::{self, Planned, Step};
use super::report::{Outcome, Report};
use super::sources::Item;
use crate::args::EditArgs;
use crate::client::{Client, Failure, names};

pub(crate) async fn run(args: EditArgs) -> Result<u8, Failure> {
    let (kind, name) = named(&args.name)?;
    let client = Client::connect(&args.options).await?;
    let Some(stored) = client.stored(kind, &name).await? else {
        return Err(tonic::Status::not_found(format!("{name} does not exist")).into());
    };
    let mut shown = stored.settable();
    shown.set_etag(stored.etag());
    let mut text = to_yaml([&shown]);
    let mut reason = String::new();
    loop {
        let edited = open(&heading(&reason), &text)?;
        if edited == text {
            return match reason.is_empty() {
                true => tell(&client, &name, &Outcome::Unchanged),
                false => Err(Failure::Failed(format!("nothing was changed: {reason}"))),
            };
        }
        match Box::pin(change(&client, &shown, &edited)).await {
            Ok(outcome) => return tell(&client, &name, &outcome),
            Err(refused) => (text, reason) = (edited, refused),
        }
    }
}

fn named(given: &str) -> Result<(Kind, String), Failure> {
    match given.strip_prefix("instances/").filter(|id| !id.contains('/')) {
        Some(_) => Ok((Kind::Instance, names::instance(given)?.to_string())),
        None => Ok((Kind::Connector, names::connector(given, None)?.to_string())),
    }
}

fn tell(client: &Client, name: &str, outcome: &Outcome) -> Result<u8, Failure> {
    let mut report = Report::new(client, false);
    report.add(name, outcome)?;
    report.finish()?;
    Ok(0)
}

/// Carries the change out, or says why not.
async fn change(client: &Client, shown: &Resource, edited: &str) -> Result<Outcome, String> {
    let manifests = read(edited).map_err(|problems| {
        problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
    })?;
    let [manifest] = &manifests[..] else { return Err("there has to be one document".to_owned()) };
    let resource = manifest.resource.clone();
    if (resource.kind(), resource.name()) != (shown.kind(), shown.name()) {
        return Err("kind and name have to stay".to_owned());
    }
    let step =
        plan::look(client, &resource).await.map_err(|status| Failure::from(status).to_string())?;
    let planned = Planned { item: Item { place: String::new(), resource }, step };
    let carried_out = plan::carry_out(client, &planned).await;
    carried_out.map_err(|status| Failure::from(status).to_string())?;
    Ok(match planned.step {
        Step::Change { differences, .. } | Step::Create(differences) => {
            Outcome::Changed(differences)
        }
        Step::Nothing | Step::Refused(_) => Outcome::Unchanged,
    })
}

/// What stands above the text, as comments.
fn heading(reason: &str) -> String {
    let about = "Lines above apiVersion are left out. Leave the rest as it is to change nothing.";
    let lines = std::iter::once(about).chain(reason.lines());
    lines.map(|line| format!("# {line}\n")).collect()
}

/// The text after somebody has edited it, without the heading.
fn open(heading: &str, text: &str) -> Result<String, Failure> {
    let failed = |error: std::io::Error| Failure::Failed(format!("cannot edit: {error}"));
    let builder = tempfile::Builder::new().prefix("kafka2oss-").suffix(".yaml").tempfile();
    let mut file = builder.map_err(failed)?;
    file.write_all(format!("{heading}{text}").as_bytes()).map_err(failed)?;
    file.flush().map_err(failed)?;
    edit(file.path())?;
    // An editor may have put another file in its place.
    let edited = std::fs::read_to_string(file.path()).map_err(failed)?;
    let lines = edited.split_inclusive('\n').skip_while(|line| line.starts_with('#'));
    Ok(lines.collect())
}

fn edit(path: &Path) -> Result<(), Failure> {
    let names = ["KAFKA2OSS_EDITOR", "VISUAL", "EDITOR"];
    let given = names.into_iter().find_map(|name| std::env::var(name).ok());
    let editor = given.filter(|editor| !editor.trim().is_empty()).unwrap_or("vi".to_owned());
    let refused = |words: String| Failure::Failed(format!("the editor `{editor}` {words}"));
    let words = shlex::split(&editor).unwrap_or_default();
    let Some((program, arguments)) = words.split_first() else {
        return Err(refused("is no command".to_owned()));
    };
    let ended = Command::new(program).args(arguments).arg(path).status();
    let status = ended.map_err(|error| refused(format!("cannot be started: {error}")))?;
    match status.success() {
        true => Ok(()),
        false => Err(refused(format!("ended with {status}; nothing was changed"))),
    }
}
