//! `apply`.

use std::path::Path;

use kafka2oss_manifest::{Kind, Resource};

use super::plan::{self, Planned, Step};
use super::report::{Outcome, Report};
use super::service::is_no_answer;
use super::sources::{self, Item};
use super::{CHANGED, delete, prune};
use crate::args::ApplyArgs;
use crate::client::{Client, Failure};

pub(crate) async fn run(args: ApplyArgs) -> Result<u8, Failure> {
    let ApplyArgs { options, files, prune: flags, yes, dry_run, detailed_exit_code } = args;
    let reads_stdin = files.files.iter().any(|path| path == Path::new("-"));
    let items = sources::read(&files)?;
    let client = Client::connect(&options).await?;
    let found = prune::find(&client, &flags, &items).await?;
    let planned = Box::pin(plan::make(&client, items)).await?;
    refuse_wrong(&planned)?;

    let mut report = Report::new(&client, dry_run);
    if dry_run {
        for one in &planned {
            report.add(one.item.resource.name(), &would_be(one))?;
        }
        for resource in &found {
            report.add(resource.name(), &Outcome::Deleted)?;
        }
    } else {
        prune::confirm(&found, yes, reads_stdin)?;
        let mut work = Work { client: &client, report: &mut report, is_over: false };
        Box::pin(work.apply(planned)).await?;
        Box::pin(work.prune(&found)).await?;
    }
    let is_changed = report.finish()?;
    Ok(if is_changed && detailed_exit_code { CHANGED } else { 0 })
}

/// All that the control plane does not take, before anything is changed. What depends on an
/// instance that is to be made or changed is looked at again after that.
pub(super) fn refuse_wrong(planned: &[Planned]) -> Result<(), Failure> {
    let wrong: Vec<_> = planned
        .iter()
        .filter(|one| !waits_for_its_instance(one, planned))
        .filter_map(|Planned { item: Item { place, resource }, step }| match step {
            Step::Refused(status) => {
                let failure = Failure::from((**status).clone());
                Some(format!("{place}: {}: {failure}", resource.name()))
            }
            Step::Nothing | Step::Create(_) | Step::Change { .. } => None,
        })
        .collect();
    if wrong.is_empty() {
        return Ok(());
    }
    Err(Failure::Failed(format!("nothing was changed\n{}", wrong.join("\n"))))
}

/// A connector that cannot be there before its instance is, or is as the files say.
pub(super) fn waits_for_its_instance(one: &Planned, planned: &[Planned]) -> bool {
    let Planned { item: Item { resource, .. }, step: Step::Refused(_) } = one else { return false };
    resource.kind() == Kind::Connector
        && planned.iter().any(|other| {
            other.item.resource.name() == resource.instance()
                && matches!(other.step, Step::Create(_) | Step::Change { .. })
        })
}

fn would_be(planned: &Planned) -> Outcome {
    match &planned.step {
        Step::Nothing => Outcome::Unchanged,
        // One that is refused waits for its instance.
        Step::Refused(_) => Outcome::Created(Vec::new()),
        Step::Create(differences) => Outcome::Created(differences.clone()),
        Step::Change { differences, .. } => Outcome::Changed(differences.clone()),
    }
}

struct Work<'a, 'b> {
    client: &'a Client,
    report: &'b mut Report<'a>,
    /// Nobody answers any more, or what is to be deleted may still be needed.
    is_over: bool,
}

impl Work<'_, '_> {
    /// Instances first, as they stand; one document after the other.
    async fn apply(&mut self, planned: Vec<Planned>) -> Result<(), Failure> {
        let (waiting, ready): (Vec<_>, Vec<_>) = {
            let waits: Vec<bool> =
                planned.iter().map(|one| waits_for_its_instance(one, &planned)).collect();
            let pairs = planned.into_iter().zip(waits);
            let (waiting, ready): (Vec<_>, Vec<_>) = pairs.partition(|(_, waits)| *waits);
            let alone = |pairs: Vec<(Planned, bool)>| {
                pairs.into_iter().map(|(one, _)| one).collect::<Vec<_>>()
            };
            (alone(waiting), alone(ready))
        };
        for one in &ready {
            self.step(one).await?;
        }
        let items: Vec<_> = waiting.into_iter().map(|one| one.item).collect();
        let names: Vec<_> = items.iter().map(|item| item.resource.name().to_owned()).collect();
        let planned = match self.is_over {
            true => None,
            // A failure stands with each one that it concerns.
            false => match plan::make(self.client, items).await {
                Ok(planned) => Some(planned),
                Err(failure) => {
                    crate::output::note(&failure);
                    None
                }
            },
        };
        match planned {
            Some(planned) => {
                for one in &planned {
                    self.step(one).await?;
                }
            }
            None => {
                for name in names {
                    self.over(&name)?;
                }
            }
        }
        Ok(())
    }

    fn over(&mut self, name: &str) -> Result<(), Failure> {
        self.is_over = true;
        self.report.add(name, &Outcome::NotReached)
    }

    async fn step(&mut self, planned: &Planned) -> Result<(), Failure> {
        let name = planned.item.resource.name();
        if self.is_over {
            return self.over(name);
        }
        let outcome = match plan::carry_out(self.client, planned).await {
            Ok(()) => would_be(planned),
            Err(status) => {
                self.is_over |= is_no_answer(&status);
                Outcome::Failed(Failure::from(status).to_string())
            }
        };
        self.report.add(name, &outcome)
    }

    /// Only where all that is to be there is there.
    async fn prune(&mut self, found: &[Resource]) -> Result<(), Failure> {
        for resource in found {
            if self.is_over || self.report.has_failed() {
                self.over(resource.name())?;
                continue;
            }
            let how = delete::How { has_etag: true, ..delete::How::default() };
            let has_instance = |other: &Resource| other.name() == resource.instance();
            let waits = found.iter().any(has_instance);
            let outcome = delete::one(self.client, resource, &how, waits).await;
            self.report.add(resource.name(), &outcome)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kafka2oss_proto::v1;
    use tonic::Status;

    fn planned(resource: Resource, step: Step) -> Planned {
        Planned { item: Item { place: "a.yaml".to_owned(), resource }, step }
    }

    #[test]
    fn only_connectors_of_instances_that_come_or_change_are_looked_at_again() {
        let instance = |step| {
            let name = "instances/i".to_owned();
            planned(v1::Instance { name, ..Default::default() }.into(), step)
        };
        let refused = || Step::Refused(Box::new(Status::not_found("instances/i")));
        let connector = |step| {
            let name = "instances/i/connectors/c".to_owned();
            planned(v1::Connector { name, ..Default::default() }.into(), step)
        };
        let told = |planned: &[Planned]| refuse_wrong(planned).map_err(|told| told.to_string());
        let new = Step::Create(Vec::new());
        assert_eq!(told(&[instance(new), connector(refused())]), Ok(()));
        let same = told(&[instance(Step::Nothing), connector(refused())]);
        assert_eq!(
            same,
            Err("nothing was changed\na.yaml: instances/i/connectors/c: NOT_FOUND: instances/i"
                .to_owned())
        );
        assert!(told(&[instance(refused()), connector(refused())]).is_err());
    }
}
