//! The first message of an agent.

use kafka2oss_domain::MAX_BOOT_NONCE;
use kafka2oss_domain::names::AgentName;
use kafka2oss_proto::agent;

use super::Refusal;
use crate::clock;
use crate::store::agents::AgentRecord;

/// The version of the protocol that this control plane speaks.
pub(crate) const PROTOCOL_VERSION: u32 = 1;
/// Length of the texts of a Hello.
const MAX_TEXT: usize = 256;
/// Length of the names of its features together.
const MAX_TEXTS: usize = 4_096;
/// Names of features in a Hello.
const MAX_FEATURES: usize = 256;
/// Connectors that an agent may run.
const MAX_HELD: usize = 20_000;

/// A Hello that was understood.
#[derive(Debug)]
pub(super) struct Greeting {
    /// The agent's bare ID.
    pub(super) id: String,
    /// What is remembered of it.
    pub(super) record: AgentRecord,
    /// Uids of the connectors that it runs.
    pub(super) held: Vec<String>,
}

impl Greeting {
    pub(super) fn read(hello: agent::v1::Hello) -> Result<Self, Refusal> {
        let agent::v1::Hello {
            agent_id,
            boot_nonce,
            vpc_id,
            vswitch_id,
            region_id,
            capacity,
            protocol_version,
            features,
            version,
            // The agent decides what to do about tasks of another store.
            store_id: _,
            held,
        } = hello;
        let refuse = |reason: String| Err(Refusal::Hello(reason));
        let id = match AgentName::from_id(&agent_id) {
            Ok(name) => name.id().to_owned(),
            Err(invalid) => return refuse(format!("agent_id: {invalid}")),
        };
        if protocol_version != PROTOCOL_VERSION {
            return refuse(format!(
                "protocol version {protocol_version} is not spoken here, {PROTOCOL_VERSION} is: \
                 upgrade the agent or the control plane"
            ));
        }
        if boot_nonce == 0 {
            return refuse("boot_nonce is missing".to_owned());
        }
        if boot_nonce > MAX_BOOT_NONCE {
            return refuse(format!(
                "boot_nonce {boot_nonce} is above {MAX_BOOT_NONCE}: no agent starts so late"
            ));
        }
        let texts = [&vpc_id, &vswitch_id, &region_id, &version];
        if texts.into_iter().chain(&features).any(|text| text.len() > MAX_TEXT) {
            return refuse(format!("a text of Hello is longer than {MAX_TEXT} bytes"));
        }
        if texts.into_iter().chain(&features).any(|text| text.chars().any(char::is_control)) {
            return refuse("a text of Hello holds a control character".to_owned());
        }
        if features.iter().map(String::len).sum::<usize>() > MAX_TEXTS {
            return refuse(format!("the features of Hello are longer than {MAX_TEXTS} bytes"));
        }
        if features.len() > MAX_FEATURES {
            return refuse(format!("Hello names more than {MAX_FEATURES} features"));
        }
        let record = AgentRecord {
            form: 0,
            boot_nonce,
            vpc_id,
            vswitch_id,
            region_id,
            version,
            capacity: capacity.max(0),
            features,
            connect_time: Some(clock::now()),
            gone_time: None,
            // Not the agent's to say: whoever lets it in knows.
            drain_time: None,
        };
        if held.len() > MAX_HELD {
            return refuse(format!("Hello names more than {MAX_HELD} connectors"));
        }
        let held = held.into_iter().map(|held| held.uid).collect();
        Ok(Self { id, record, held })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hello() -> agent::v1::Hello {
        agent::v1::Hello {
            agent_id: "a".to_owned(),
            boot_nonce: 1,
            protocol_version: 1,
            capacity: 4,
            ..agent::v1::Hello::default()
        }
    }

    #[test]
    fn a_legal_hello_is_understood() {
        let greeting = Greeting::read(hello()).expect("legal");
        assert_eq!((greeting.id.as_str(), greeting.record.capacity), ("a", 4));
    }

    #[test]
    fn what_is_not_understood_is_refused_with_the_reason() {
        type Change = fn(&mut agent::v1::Hello);
        let cases: [(&str, Change); 8] = [
            ("agent_id", |hello| hello.agent_id = "a/b".to_owned()),
            ("protocol version 9", |hello| hello.protocol_version = 9),
            ("boot_nonce", |hello| hello.boot_nonce = 0),
            ("above 9007199254740992", |hello| hello.boot_nonce = u64::MAX),
            ("longer than", |hello| hello.vpc_id = "v".repeat(257)),
            ("control character", |hello| hello.region_id = "a\nb".to_owned()),
            ("20000 connectors", |hello| {
                hello.held = vec![agent::v1::HeldAssignment::default(); 20_001];
            }),
            ("more than", |hello| hello.features = vec![String::new(); 257]),
        ];
        for (reason, change) in cases {
            let mut wrong = hello();
            change(&mut wrong);
            let refusal = Greeting::read(wrong).expect_err("refused").to_string();
            assert!(refusal.contains(reason), "{refusal}");
        }
    }
}
