//! The part of an assignment that changes under running tasks.

use std::collections::{BTreeMap, BTreeSet};

use kafka2oss_domain::error_code::Problem;
use kafka2oss_proto::agent;

use super::unsupported;
use crate::task::{CommitsSeen, Guidance, Mode, Resume};

/// Checks what the live stream says.
pub(super) fn check(
    run_mode: i32,
    committed_partitions: Vec<i32>,
    resumes: Vec<agent::v1::PartitionResume>,
) -> Result<Guidance, Problem> {
    Ok(Guidance {
        mode: mode(run_mode)?,
        commits_seen: CommitsSeen::Of(partitions(committed_partitions)?),
        resumes: decisions(resumes)?,
    })
}

fn mode(run_mode: i32) -> Result<Mode, Problem> {
    match agent::v1::RunMode::try_from(run_mode) {
        Ok(agent::v1::RunMode::Run) => Ok(Mode::Run),
        Ok(agent::v1::RunMode::Pause) => Ok(Mode::Pause),
        Ok(agent::v1::RunMode::Unspecified) | Err(_) => {
            Err(unsupported(format!("run_mode has no value {run_mode} here")))
        }
    }
}

fn partitions(committed: Vec<i32>) -> Result<BTreeSet<i32>, Problem> {
    let mut checked = BTreeSet::new();
    for partition in committed {
        if partition < 0 {
            return Err(unsupported(format!("committed partition {partition} is negative")));
        }
        if !checked.insert(partition) {
            return Err(unsupported(format!("committed partition {partition} stands twice")));
        }
    }
    Ok(checked)
}

fn decisions(resumes: Vec<agent::v1::PartitionResume>) -> Result<BTreeMap<i32, Resume>, Problem> {
    let mut checked = BTreeMap::new();
    for agent::v1::PartitionResume { partition, number, skip_offset } in resumes {
        let refuse =
            |reason: &str| Err(unsupported(format!("resume of partition {partition} {reason}")));
        if partition < 0 {
            return refuse("is of a negative one");
        }
        if number == 0 {
            return refuse("has no number");
        }
        if skip_offset.is_some_and(|offset| offset < 0) {
            return refuse("skips a negative offset");
        }
        if checked.insert(partition, Resume { number, skip: skip_offset }).is_some() {
            return refuse("stands twice");
        }
    }
    Ok(checked)
}
