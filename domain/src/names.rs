//! Resource names, as AIP-122 has them: `instances/{instance}`,
//! `instances/{instance}/connectors/{connector}`, `agents/{agent}`.

use std::fmt;
use std::str::FromStr;

/// A string that is not a resource name of the kind asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{given}` is not of the form `{form}`: {rule}")]
pub struct InvalidName {
    given: String,
    form: &'static str,
    rule: &'static str,
}

/// ID of an instance: 1-64 of `A-Za-z0-9_-` that do not start with `-`, which by itself
/// stands for all instances.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct InstanceName(String);

/// Name of a connector: its instance, and 1-48 of `a-z0-9-` that do not start
/// with `-`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ConnectorName {
    instance: InstanceName,
    connector_id: String,
}

/// ID of an agent: 1-64 of `A-Za-z0-9_.-` that do not start with `.` or `-`: it may be
/// part of a path, an argument or a label.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AgentName(String);

/// The rule for instance IDs, for people.
pub const INSTANCE_ID_RULE: &str =
    "1 to 64 characters of A-Z, a-z, 0-9, `_` and `-`, not starting with `-`";
/// The rule for connector IDs, for people.
pub const CONNECTOR_ID_RULE: &str = "1 to 48 characters of a-z, 0-9 and `-`, not starting with `-`";
/// The rule for agent IDs, for people.
pub const AGENT_ID_RULE: &str =
    "1 to 64 characters of A-Z, a-z, 0-9, `_`, `.` and `-`, not starting with `.` or `-`";

impl InstanceName {
    /// From a bare ID.
    pub fn from_id(id: &str) -> Result<Self, InvalidName> {
        let legal = (1..=64).contains(&id.len())
            && !id.starts_with('-')
            && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
        legal.then(|| Self(id.to_owned())).ok_or_else(|| InvalidName {
            given: id.to_owned(),
            form: "{instance_id}",
            rule: INSTANCE_ID_RULE,
        })
    }

    /// The bare ID.
    pub fn id(&self) -> &str {
        &self.0
    }
}

impl ConnectorName {
    /// From an instance and a bare ID.
    pub fn from_id(instance: InstanceName, id: &str) -> Result<Self, InvalidName> {
        let legal = (1..=48).contains(&id.len())
            && !id.starts_with('-')
            && id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        legal.then(|| Self { instance, connector_id: id.to_owned() }).ok_or_else(|| InvalidName {
            given: id.to_owned(),
            form: "{connector_id}",
            rule: CONNECTOR_ID_RULE,
        })
    }

    /// The instance that it reads from.
    pub fn instance(&self) -> &InstanceName {
        &self.instance
    }

    /// The bare ID, from which the names of its topics and groups are made.
    pub fn id(&self) -> &str {
        &self.connector_id
    }
}

impl AgentName {
    /// From a bare ID.
    pub fn from_id(id: &str) -> Result<Self, InvalidName> {
        let legal = (1..=64).contains(&id.len())
            && !id.starts_with(['.', '-'])
            && id.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-'));
        legal.then(|| Self(id.to_owned())).ok_or_else(|| InvalidName {
            given: id.to_owned(),
            form: "{agent_id}",
            rule: AGENT_ID_RULE,
        })
    }

    /// The bare ID.
    pub fn id(&self) -> &str {
        &self.0
    }
}

impl FromStr for InstanceName {
    type Err = InvalidName;

    fn from_str(name: &str) -> Result<Self, InvalidName> {
        name.strip_prefix("instances/").and_then(|id| Self::from_id(id).ok()).ok_or_else(|| {
            InvalidName {
                given: name.to_owned(),
                form: "instances/{instance_id}",
                rule: INSTANCE_ID_RULE,
            }
        })
    }
}

impl FromStr for ConnectorName {
    type Err = InvalidName;

    fn from_str(name: &str) -> Result<Self, InvalidName> {
        let parse = || {
            let (instance, id) = name.split_once("/connectors/")?;
            Self::from_id(instance.parse().ok()?, id).ok()
        };
        parse().ok_or_else(|| InvalidName {
            given: name.to_owned(),
            form: "instances/{instance_id}/connectors/{connector_id}",
            rule: CONNECTOR_ID_RULE,
        })
    }
}

impl FromStr for AgentName {
    type Err = InvalidName;

    fn from_str(name: &str) -> Result<Self, InvalidName> {
        name.strip_prefix("agents/").and_then(|id| Self::from_id(id).ok()).ok_or_else(|| {
            InvalidName { given: name.to_owned(), form: "agents/{agent_id}", rule: AGENT_ID_RULE }
        })
    }
}

impl fmt::Display for InstanceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "instances/{}", self.0)
    }
}

impl fmt::Display for ConnectorName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/connectors/{}", self.instance, self.connector_id)
    }
}

impl fmt::Display for AgentName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "agents/{}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_printed_as_it_was_read() {
        for name in
            ["instances/alikafka_pre-cn-1/connectors/kafka-oss-sink", "instances/A/connectors/0"]
        {
            let read: ConnectorName = name.parse().expect("a legal name");
            assert_eq!(read.to_string(), name);
        }
    }

    #[test]
    fn illegal_connector_ids_are_refused() {
        let instance = InstanceName::from_id("i").expect("a legal id");
        let long = "a".repeat(49);
        for id in ["", "-a", "A", "a_b", "a.b", "a/b", "ü", long.as_str()] {
            assert!(ConnectorName::from_id(instance.clone(), id).is_err(), "{id}");
        }
        assert!(ConnectorName::from_id(instance, &"a".repeat(48)).is_ok());
    }

    #[test]
    fn an_id_that_means_something_else_elsewhere_is_refused() {
        for id in ["", ".", "..", ".hidden", "-", "-rf", "a/b", "a b", "a\n", &"a".repeat(65)] {
            assert!(AgentName::from_id(id).is_err(), "{id:?}");
            assert!(InstanceName::from_id(id).is_err(), "{id:?}");
        }
        for id in ["a", "host-1.example", "_", "a..", &"a".repeat(64)] {
            assert!(AgentName::from_id(id).is_ok(), "{id:?}");
        }
        assert!("instances/-".parse::<InstanceName>().is_err(), "it stands for all of them");
    }

    #[test]
    fn names_of_another_kind_are_refused() {
        assert!("connectors/a".parse::<ConnectorName>().is_err());
        assert!("instances/a/connectors/b/c".parse::<ConnectorName>().is_err());
        assert!("agents/a".parse::<InstanceName>().is_err());
        assert!("instances/a/b".parse::<InstanceName>().is_err());
    }
}
