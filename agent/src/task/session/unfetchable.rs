//! Partitions of which the next batch is too large to be fetched: found among all, told
//! to their loops, and looked at again once these have gone on.

use std::collections::BTreeSet;
use std::sync::Arc;

use kafka2oss_kafka::{BrokerAdmin, Calls, LogPlace, Shared};
use rdkafka::consumer::Consumer;

use super::Session;
use super::searches::Found;
use crate::task::fetch_limit::FetchLimit;
use crate::task::unfetchable::{Suspect, Unfetchable, Verdict, examine};
use crate::task::{Mode, TaskSpec};

/// What is known of partitions that cannot be fetched.
#[derive(Debug, Default)]
pub(super) struct Suspicion {
    /// Answers that were too large and have been looked into.
    looked_into: u64,
    /// Partitions of which the next batch may be too large as well.
    suspects: BTreeSet<i32>,
    /// Some are being looked at.
    looks: bool,
}

/// What looking at partitions came to.
#[derive(Debug, Default)]
pub(super) struct Examined {
    fetchable: Vec<i32>,
    unfetchable: Option<(i32, Unfetchable)>,
    unknown: Vec<i32>,
    /// Those that are still to be looked at.
    rest: Vec<Suspect>,
}

impl Session {
    /// Looks for partitions that cannot be fetched, where there seem to be some.
    /// librdkafka does not tell of the same answer again for a while: partitions that
    /// have met one are suspects until they were seen to be fetched.
    pub(super) fn look_for_unfetchable(&mut self) {
        if self.suspicion.looks || self.stopping.is_some() || self.guidance.mode == Mode::Pause {
            return;
        }
        let told = self.consumer.context().errors.oversized_answers().told;
        let is_new = std::mem::replace(&mut self.suspicion.looked_into, told) != told;
        let known = &self.suspicion.suspects;
        let suspects = self.board.taking().into_iter().filter_map(|(partition, position)| {
            let read_from = self.partitions.read_from(partition)?;
            let suspect = Suspect { partition, position, read_from };
            (is_new || known.contains(&partition)).then_some(suspect)
        });
        let suspects: Vec<Suspect> = suspects.collect();
        self.examine(suspects);
    }

    fn examine(&mut self, suspects: Vec<Suspect>) {
        if suspects.is_empty() {
            return;
        }
        self.suspicion.looks = true;
        let (spec, admin, limit) = (self.spec.clone(), self.admin.clone(), self.fetch_limit);
        let calls = self.consumer.calls().clone();
        self.searches.spawn(async move {
            Found::Examined(look_at(&spec, &admin, &calls, limit, suspects).await)
        });
    }

    pub(super) fn examined(&mut self, examined: Examined) {
        let Examined { fetchable, unfetchable, unknown, rest } = examined;
        let Suspicion { suspects, looks, .. } = &mut self.suspicion;
        *looks = false;
        suspects.retain(|suspect| !fetchable.contains(suspect));
        suspects.extend(unknown);
        if let Some((partition, found)) = unfetchable {
            suspects.insert(partition);
            self.partitions.tell(partition, found);
        }
        self.examine(rest);
    }
}

/// Looks at one after the other, up to the first that cannot be fetched.
async fn look_at(
    spec: &Arc<TaskSpec>,
    admin: &Shared<BrokerAdmin>,
    calls: &Arc<Calls>,
    limit: FetchLimit,
    suspects: Vec<Suspect>,
) -> Examined {
    let mut examined = Examined::default();
    let mut left = suspects.into_iter();
    let numbers: Vec<i32> = left.as_slice().iter().map(|suspect| suspect.partition).collect();
    let topic = &spec.spec.source.topic;
    let ask = async |admin: Arc<BrokerAdmin>| admin.offsets(topic, &numbers, LogPlace::End).await;
    let ends = match admin.with(ask).await {
        Ok(ends) => ends,
        Err(problem) => {
            tracing::debug!(%problem, "where partitions end is not known");
            examined.unknown = left.map(|suspect| suspect.partition).collect();
            return examined;
        }
    };
    for suspect in left.by_ref() {
        let partition = suspect.partition;
        let verdict = match ends.get(&partition) {
            Some(end) if *end <= suspect.from() => Ok(Verdict::Fetchable),
            _ => examine(spec, calls, limit, suspect).await,
        };
        match verdict {
            Ok(Verdict::Fetchable) => examined.fetchable.push(partition),
            Ok(Verdict::Unknown) => examined.unknown.push(partition),
            Ok(Verdict::Unfetchable(found)) => {
                examined.unfetchable = Some((partition, found));
                break;
            }
            Err(problem) => {
                tracing::debug!(%problem, partition, "not looked at");
                examined.unknown.push(partition);
            }
        }
    }
    examined.rest = left.collect();
    examined
}
