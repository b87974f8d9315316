//! The checks of what the control plane knows by itself. Pure but for reading it.

use kafka2oss_domain::error_code::Problem;
use kafka2oss_domain::preflight::{Check, Finding};
use kafka2oss_domain::spec::Warning;
use kafka2oss_domain::{ErrorCode, feature};

use super::Subject;
use crate::api::context::Api;

/// Features that this control plane may ask for.
pub(crate) const FEATURES: [&str; 3] = [feature::OWN_KEYS, feature::PREFLIGHT, feature::FLUSH];

/// Agents that one text names.
const NAMED: usize = 5;

/// What is known of a connector's instance and pool.
#[derive(Debug, Default, Clone)]
pub(super) struct Facts {
    pub(super) warnings: Vec<Warning>,
    pub(super) instance: String,
    pub(super) connectors_disabled: bool,
    pub(super) pool: String,
    /// The connected agents of the pool, and what each can do.
    pub(super) agents: Vec<(String, Vec<String>)>,
    /// Those of them that take tasks.
    pub(super) takers: usize,
    /// Tasks that they take beyond those that they have.
    pub(super) room: u64,
    /// Tasks of the connector.
    pub(super) tasks: u64,
    /// Those of them that are placed.
    pub(super) placed: u64,
}

/// Reads it.
pub(super) fn facts(api: &Api, subject: &Subject) -> Facts {
    let (known, pool) = (&api.known, subject.pool());
    let takers = known.fleet.takers(pool);
    let loads = known.catalog.loads(takers.iter().map(|(id, _)| id.as_str()));
    let room = takers
        .iter()
        .zip(loads)
        .map(|((_, most), load)| u64::try_from(most.saturating_sub(load)).unwrap_or_default());
    let placement = known.catalog.placement(&subject.name.to_string());
    let placement = placement.filter(|placement| placement.uid == subject.uid);
    Facts {
        warnings: subject.warnings.clone(),
        instance: subject.name.instance().to_string(),
        connectors_disabled: subject.instance.connectors_disabled,
        pool: pool.to_string(),
        agents: known.fleet.abilities(pool),
        takers: takers.len(),
        room: room.sum(),
        tasks: u64::from(subject.spec.source.spread),
        placed: placement.map_or(0, |placement| placement.tasks.len() as u64),
    }
}

/// What follows.
pub(super) fn checks(facts: &Facts) -> Vec<Finding> {
    let mut findings = spec(facts);
    findings.extend([instance(facts), agents(facts), capacity(facts), features(facts)]);
    findings
}

fn spec(facts: &Facts) -> Vec<Finding> {
    if facts.warnings.is_empty() {
        return vec![Finding::pass(Check::Spec, "", "nothing is to be said against it")];
    }
    let warn = |warning: &Warning| {
        let Warning { field, message } = warning;
        let problem = Problem::new(ErrorCode::FieldInvalid, message);
        // It is allowed: there is nothing of the catalogue to say.
        Finding { code: None, ..Finding::warn(Check::Spec, field, problem) }
    };
    facts.warnings.iter().map(warn).collect()
}

fn instance(facts: &Facts) -> Finding {
    let (check, instance) = (Check::InstanceEnabled, &facts.instance);
    if facts.connectors_disabled {
        let message = format!("connectors are disabled on {instance}");
        let problem = Problem::new(ErrorCode::InstanceConnectorsDisabled, message);
        return Finding::fail(check, instance, problem);
    }
    Finding::pass(check, instance, "the instance takes connectors")
}

fn agents(facts: &Facts) -> Finding {
    let (check, pool) = (Check::PoolAgents, &facts.pool);
    match facts.agents.len() {
        0 => {
            let message = format!("no agent is connected in pool {pool}");
            Finding::fail(check, pool, Problem::new(ErrorCode::AgentNoneInPool, message))
        }
        count => Finding::pass(check, pool, format!("{count} agents are connected")),
    }
}

fn capacity(facts: &Facts) -> Finding {
    let (check, pool) = (Check::PoolCapacity, &facts.pool);
    let Facts { takers, room, tasks, placed, .. } = facts;
    if facts.agents.is_empty() {
        return Finding::skipped(check, pool, "pool.agents failed");
    }
    let needed = tasks.saturating_sub(*placed);
    if *room < needed {
        let message = format!(
            "{takers} agents of pool {pool} have room for {room} tasks more, and the connector \
             needs {needed}"
        );
        return Finding::fail(check, pool, Problem::new(ErrorCode::AgentNoneInPool, message));
    }
    let detail = format!("{takers} agents have room for {room} tasks more; {needed} are needed");
    Finding::pass(check, pool, detail)
}

fn features(facts: &Facts) -> Finding {
    let (check, pool) = (Check::PoolFeatures, &facts.pool);
    if facts.agents.is_empty() {
        return Finding::skipped(check, pool, "pool.agents failed");
    }
    let lacking = |(id, features): &(String, Vec<String>)| {
        let lacks = |feature: &&str| !features.iter().any(|one| one == feature);
        let lacking: Vec<_> = FEATURES.into_iter().filter(lacks).collect();
        (!lacking.is_empty()).then(|| format!("agents/{id} lacks {}", lacking.join(" and ")))
    };
    let old: Vec<String> = facts.agents.iter().filter_map(lacking).collect();
    if old.is_empty() {
        return Finding::pass(check, pool, "every agent can do what may be asked for");
    }
    let named = old.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", ");
    let message = format!("{} agents of the pool are too old: {named}", old.len());
    Finding::warn(check, pool, Problem::new(ErrorCode::AgentUnsupported, message))
}

#[cfg(test)]
mod tests {
    use kafka2oss_domain::preflight::Verdict;

    use super::*;

    fn good() -> Facts {
        let features = FEATURES.map(str::to_owned).to_vec();
        Facts {
            instance: "instances/i".to_owned(),
            pool: "vpc-1/vsw-1".to_owned(),
            agents: vec![("a".to_owned(), features)],
            takers: 1,
            room: 2,
            tasks: 2,
            ..Facts::default()
        }
    }

    fn verdict(facts: &Facts, check: Check) -> Verdict {
        let findings = checks(facts);
        findings.iter().find(|one| one.check == check).expect("it is checked").verdict
    }

    #[test]
    fn a_pool_with_an_agent_and_room_passes_every_check() {
        let findings = checks(&good());
        assert!(findings.iter().all(|one| one.verdict == Verdict::Pass), "{findings:?}");
        assert_eq!(findings.len(), 5);
    }

    #[test]
    fn each_thing_that_is_wrong_is_one_check() {
        let mut warned = good();
        warned.warnings = vec![Warning::new("runtime.vswitch_id", "not seen")];
        assert_eq!(verdict(&warned, Check::Spec), Verdict::Warn);
        let disabled = Facts { connectors_disabled: true, ..good() };
        assert_eq!(verdict(&disabled, Check::InstanceEnabled), Verdict::Fail);
        let full = Facts { room: 1, ..good() };
        assert_eq!(verdict(&full, Check::PoolCapacity), Verdict::Fail);
        let running = Facts { room: 0, placed: 2, ..good() };
        assert_eq!(verdict(&running, Check::PoolCapacity), Verdict::Pass);
        let old = Facts { agents: vec![("a".to_owned(), Vec::new())], ..good() };
        assert_eq!(verdict(&old, Check::PoolFeatures), Verdict::Warn);
    }

    #[test]
    fn without_an_agent_there_is_no_room_to_speak_of() {
        let empty = Facts { agents: Vec::new(), takers: 0, room: 0, ..good() };
        assert_eq!(verdict(&empty, Check::PoolAgents), Verdict::Fail);
        assert_eq!(verdict(&empty, Check::PoolCapacity), Verdict::Skipped);
        assert_eq!(verdict(&empty, Check::PoolFeatures), Verdict::Skipped);
    }
}
