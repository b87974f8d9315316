//! What agents report of connectors.

use std::collections::HashMap;
use std::sync::Arc;

use kafka2oss_proto::agent;
use tokio::time::Instant;

use super::{Fleet, Seen};
use crate::clock;

impl Fleet {
    /// Takes a report; the one before is replaced. It holds nothing but what
    /// the agent may speak of. Returns the names of the connectors that it and
    /// the one before are about. One that is not newer than the last is not
    /// taken.
    pub(crate) fn report(
        &self,
        id: &str,
        session: u64,
        report: agent::v1::StatusReport,
    ) -> Vec<String> {
        let taken = self.on_stream(id, session, |agent| {
            let open = agent.session.as_mut()?;
            if report.sequence != 0 && report.sequence <= open.last_sequence {
                return None;
            }
            open.last_sequence = report.sequence;
            open.reported_since = true;
            agent.reported = Some((clock::now(), Instant::now()));
            agent.held = report.connectors.iter().map(|one| one.uid.clone()).collect();
            open.forget_stopped(&agent.held);
            agent.load = report.load;
            let names: Vec<_> = report.connectors.iter().map(|one| one.connector.clone()).collect();
            let connectors = report.connectors.into_iter();
            let new: HashMap<_, _> =
                connectors.map(|one| (one.connector.clone(), Arc::new(one))).collect();
            let old = std::mem::replace(&mut agent.reports, new);
            let begun = names.iter().filter(|name| !old.contains_key(*name)).cloned().collect();
            let dropped = old.into_keys().filter(|name| !agent.reports.contains_key(name));
            let mut dropped: Vec<_> = dropped.collect();
            dropped.sort_unstable();
            Some((names, begun, dropped))
        });
        let Some((mut names, begun, dropped)): Option<(Vec<_>, Vec<_>, _)> = taken.flatten() else {
            return Vec::new();
        };
        if !(begun.is_empty() && dropped.is_empty()) {
            let mut state = self.lock();
            for name in begun.iter().chain(&dropped) {
                state.note_speaker(id, name);
            }
        }
        names.extend(dropped);
        names
    }

    /// What each agent says of the connector `name` of this uid.
    pub(crate) fn seen(&self, name: &str, uid: &str) -> Vec<Seen> {
        let state = self.lock();
        let speakers = state.speakers.get(name).into_iter().flatten();
        speakers
            .filter_map(|id| {
                let agent = state.agents.get(id)?;
                let report = agent.reports.get(name).filter(|report| report.uid == uid).cloned();
                let nack = agent.nacks.get(name).cloned();
                let (report_time, at) =
                    agent.reported.unwrap_or_else(|| (clock::now(), Instant::now()));
                (report.is_some() || nack.is_some()).then(|| Seen {
                    agent: id.clone(),
                    report,
                    report_time,
                    report_age: at.elapsed(),
                    nack,
                })
            })
            .collect()
    }

    /// What the agent last reported of the connector `name`.
    pub(crate) fn reported(&self, id: &str, name: &str) -> Option<Arc<agent::v1::ConnectorReport>> {
        self.with(id, |agent| agent.reports.get(name).cloned()).flatten()
    }

    /// Which of the agents `asked` may still run tasks of the connector `uid`,
    /// of which each had some.
    pub(crate) fn holders(&self, uid: &str, asked: &[String]) -> Vec<String> {
        let state = self.lock();
        let may_run = |id: &&String| state.agents.get(id).is_some_and(|agent| agent.may_run(uid));
        asked.iter().filter(may_run).cloned().collect()
    }
}
