//! `kafka2oss verify`: a thin command over the crate `kafka2oss-verify`.
//!
//! - [`subject`]: connector and instance, and what the flags say, as what is to
//!   be verified.

mod subject;

use std::pin::pin;
use std::time::Duration;

use kafka2oss_domain::error_code::Problem;
use kafka2oss_proto::v1;
use kafka2oss_verify::{Kind, Phase, Progress, Report, Verdict, Verification};
use tokio::time::timeout;

use super::{Client, Failure, input, names, text};
use crate::args::{OutputFormat, VerifyArgs};
use crate::output::{self, Bar, Output};
use subject::Subject;

/// How often it is shown how far a verification is.
const REDRAWN_EVERY: Duration = Duration::from_millis(250);

/// Verifies one connector.
pub(crate) async fn run(args: VerifyArgs) -> Result<(), Failure> {
    let unverified = |failure| Failure::Unverified(Box::new(failure));
    let (format, name) = (args.options.output, args.name.clone());
    let (output_changed, insists) = (args.output_changed, args.complete);
    let report = verify(args).await.map_err(unverified)?;
    match print(&report, format) {
        // What came out is known, whoever still reads it.
        Err(Failure::Closed(closed)) if closed.is_broken_pipe() => {}
        printed => printed.map_err(unverified)?,
    }
    match report.verdict() {
        Verdict::Complete => Ok(()),
        Verdict::Incomplete => Err(incomplete(&report, name.as_deref(), insists)),
        Verdict::Damaged => Err(damage(&report, output_changed)),
    }
}

async fn verify(args: VerifyArgs) -> Result<Report, Failure> {
    let (connector, instance) = subject(&args).await?;
    let verification = Subject { connector, instance }.verification(args)?;
    let report = watched(&verification).await;
    report.map_err(|problem| Failure::Failed(problem.to_string()))
}

/// Runs it, and shows on a terminal how far it is.
async fn watched(verification: &Verification) -> Result<Report, Problem> {
    let mut bar = Bar::new();
    if !bar.is_rewritten() {
        return verification.run().await;
    }
    let topic = &verification.topic;
    output::note(format_args!("reading topic {topic} and its objects; Ctrl-C gives up"));
    let progress = Progress::default();
    let mut run = pin!(verification.run_with(&progress));
    let report = loop {
        match timeout(REDRAWN_EVERY, &mut run).await {
            Ok(report) => break report,
            Err(_) => show(&mut bar, progress.phase()),
        }
    };
    bar.clear();
    report
}

fn show(bar: &mut Bar, phase: Phase) {
    match phase {
        Phase::Listing { objects } => {
            let words = format!("{} found", text::plural(objects, "object"));
            bar.show(objects, None, &words);
        }
        Phase::Comparing { begun, all } => {
            let words = format!("{} of {}", text::count(begun), text::plural(all, "object"));
            bar.show(begun, Some(all), &words);
        }
    }
}

/// Connector and instance, from files or else from the control plane.
async fn subject(args: &VerifyArgs) -> Result<(v1::Connector, v1::Instance), Failure> {
    if let (Some(connector), Some(instance)) = (&args.connector_file, &args.instance_file) {
        return Ok((input::message(connector)?, input::message(instance)?));
    }
    let Some(name) = &args.name else {
        return Err(Failure::Usage("name the connector: INSTANCE/CONNECTOR".to_owned()));
    };
    let name = names::connector(name, args.instance.as_deref())?;
    let client = Client::connect(&args.options).await?;
    let request = client.request(v1::GetConnectorRequest { name: name.to_string() });
    let connector = client.connectors().get_connector(request).await?.into_inner();
    let request = client.request(v1::GetInstanceRequest { name: name.instance().to_string() });
    let instance = client.instances().get_instance(request).await?.into_inner();
    Ok((connector, instance))
}

fn print(report: &Report, format: OutputFormat) -> Result<(), Failure> {
    match format {
        OutputFormat::Table | OutputFormat::Wide | OutputFormat::Name => {
            Ok(Output::default().line(report.to_string().trim_end())?)
        }
        OutputFormat::Json | OutputFormat::Yaml => {
            let json = serde_json::to_value(report)
                .map_err(|error| Failure::Failed(format!("the report is no JSON: {error}")))?;
            Ok(Output::default().value(&json, format)?)
        }
    }
}

fn incomplete(report: &Report, name: Option<&str>, insists: bool) -> Failure {
    let mut words = format!("not complete: {}", report.backlog());
    if let Some(name) = name {
        words = format!("{words}\n  remedy: `kafka2oss connectors get {name}` says if it runs");
    }
    Failure::Incomplete { words, is_wrong: insists }
}

fn damage(report: &Report, output_changed: bool) -> Failure {
    let kinds: Vec<_> = report
        .findings
        .iter()
        .map(|(kind, found)| format!("{} {}", found.count, kind.name()))
        .collect();
    let mut words = format!("topic and objects do not match: {}", kinds.join(", "));
    if report.count(Kind::Altered) > 0 && !output_changed {
        words = format!(
            "{words}\n  remedy: where the output settings have been changed since the start, add \
             --output-changed"
        );
    }
    Failure::Damage(words)
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;
    use kafka2oss_verify::Findings;

    fn report(found: &[(Kind, u64)]) -> Report {
        let findings = |count| Findings { count, examples: Vec::new() };
        let findings = found.iter().map(|(kind, count)| (*kind, findings(*count))).collect();
        Report { findings, ..Report::default() }
    }

    #[test]
    fn what_is_wrong_is_exit_status_1_and_named() {
        let failure = damage(&report(&[(Kind::Missing, 2), (Kind::Hole, 1)]), false);
        assert_eq!(failure.exit_status(), 1);
        assert_eq!(failure.to_string(), "topic and objects do not match: 2 missing, 1 hole");
    }

    #[test]
    fn what_is_not_complete_is_an_error_only_for_those_who_insist() {
        for (insists, status, severity) in [(false, 3, "note"), (true, 1, "error")] {
            let failure = incomplete(&report(&[]), Some("i/c"), insists);
            assert_eq!((failure.exit_status(), failure.severity()), (status, severity));
            assert!(failure.to_string().contains("connectors get i/c"), "{failure}");
        }
    }

    #[test]
    fn altered_records_may_be_of_other_settings() {
        let report = report(&[(Kind::Altered, 1)]);
        for (output_changed, hinted) in [(false, true), (true, false)] {
            let words = damage(&report, output_changed).to_string();
            assert_eq!(words.contains("--output-changed"), hinted, "{words}");
        }
    }

    #[test]
    fn a_verification_that_came_to_no_end_is_exit_status_2() {
        let closed = Failure::Closed(io::Error::from(io::ErrorKind::BrokenPipe).into());
        for cause in [Failure::Failed("no route".to_owned()), closed] {
            assert_eq!(Failure::Unverified(Box::new(cause)).exit_status(), 2);
        }
    }
}
