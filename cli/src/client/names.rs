//! Names as people type them: `INSTANCE/CONNECTOR` or the whole resource name.

use kafka2oss_domain::names::{AgentName, ConnectorName, InstanceName};

use super::Failure;

/// `ID` or `instances/ID`.
pub(super) fn instance(given: &str) -> Result<InstanceName, Failure> {
    let name = if given.contains('/') { given.parse() } else { InstanceName::from_id(given) };
    name.map_err(|error| Failure::Usage(error.to_string()))
}

/// `ID` or `agents/ID`.
pub(super) fn agent(given: &str) -> Result<AgentName, Failure> {
    let name = if given.contains('/') { given.parse() } else { AgentName::from_id(given) };
    name.map_err(|error| Failure::Usage(error.to_string()))
}

/// The parent of a list: all instances without one.
pub(super) fn parent(given: Option<&str>) -> Result<String, Failure> {
    match given {
        None | Some("-") => Ok("instances/-".to_owned()),
        Some(given) => Ok(instance(given)?.to_string()),
    }
}

/// A connector's name, which must be legal.
pub(super) fn connector(given: &str, instance: Option<&str>) -> Result<ConnectorName, Failure> {
    let (parent, id) = split(given, instance)?;
    format!("{parent}/connectors/{id}")
        .parse()
        .map_err(|error: kafka2oss_domain::names::InvalidName| Failure::Usage(error.to_string()))
}

/// Parent (`instances/{instance}`) and connector ID, not checked: when a
/// connector is created, the control plane names what is wrong with them
/// together with everything else.
pub(super) fn split(given: &str, instance: Option<&str>) -> Result<(String, String), Failure> {
    let (in_name, id) = match given.strip_prefix("instances/") {
        Some(rest) => match rest.split_once("/connectors/") {
            Some((instance, id)) => (Some(instance), id),
            None => {
                return Err(Failure::Usage(format!(
                    "`{given}` is not of the form `instances/INSTANCE/connectors/CONNECTOR`"
                )));
            }
        },
        None => match given.split_once('/') {
            Some((instance, id)) => (Some(instance), id),
            None => (None, given),
        },
    };
    let instance = instance.map(|given| given.strip_prefix("instances/").unwrap_or(given));
    match (in_name, instance) {
        (Some(one), Some(other)) if one != other => Err(Failure::Usage(format!(
            "`{given}` is of instance `{one}`, but --instance says `{other}`"
        ))),
        (Some(one), _) | (None, Some(one)) => Ok((format!("instances/{one}"), id.to_owned())),
        (None, None) => Err(Failure::Usage(format!(
            "`{given}` does not say its instance: write INSTANCE/{given}, or add --instance INSTANCE"
        ))),
    }
}

/// `INSTANCE/CONNECTOR` of a resource name, as tables show it.
pub(crate) fn short(name: &str) -> String {
    match name.parse::<ConnectorName>() {
        Ok(name) => format!("{}/{}", name.instance().id(), name.id()),
        Err(_) => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connector_is_named_in_three_ways() {
        let whole = "instances/dev/connectors/orders";
        for (given, instance) in [
            ("dev/orders", None),
            (whole, None),
            ("orders", Some("dev")),
            ("orders", Some("instances/dev")),
            ("dev/orders", Some("dev")),
        ] {
            let name = connector(given, instance).expect(given);
            assert_eq!(name.to_string(), whole, "{given}");
            assert_eq!(short(whole), "dev/orders");
        }
    }

    #[test]
    fn a_name_without_or_with_another_instance_is_refused() {
        for (given, instance) in [
            ("orders", None),
            ("dev/orders", Some("prod")),
            ("instances/dev", None),
            ("dev/connectors/orders", None),
            ("dev/Orders", None),
            ("", Some("dev")),
        ] {
            assert!(connector(given, instance).is_err(), "{given}");
        }
    }

    #[test]
    fn for_create_an_illegal_id_is_left_to_the_control_plane() {
        let parts = split("dev/Bad_Name", None).expect("it is split");
        assert_eq!(parts, ("instances/dev".to_owned(), "Bad_Name".to_owned()));
    }

    #[test]
    fn an_instance_is_named_by_its_id_or_its_name() {
        for given in ["alikafka_pre-1", "instances/alikafka_pre-1"] {
            assert_eq!(instance(given).expect(given).to_string(), "instances/alikafka_pre-1");
        }
        assert!(instance("a/b").is_err());
    }

    #[test]
    fn without_an_instance_a_list_is_of_all() {
        assert_eq!(parent(None).expect("all"), "instances/-");
        assert_eq!(parent(Some("dev")).expect("one"), "instances/dev");
    }
}
