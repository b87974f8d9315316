//! Connectors by number. A thousand are of one instance.

/// Connectors of one instance.
const OF_AN_INSTANCE: u32 = 1_000;

/// ID of the connector.
pub(crate) fn connector_id(number: u32) -> String {
    format!("c-{number:05}")
}

/// Number of the instance that the connector is of.
pub(crate) fn instance_of(number: u32) -> u32 {
    number / OF_AN_INSTANCE
}

/// ID of the instance.
pub(crate) fn instance_id(instance: u32) -> String {
    format!("alikafka_{instance}")
}

/// Full name of the instance.
pub(crate) fn instance(instance: u32) -> String {
    format!("instances/{}", instance_id(instance))
}

/// Full name of the connector.
pub(crate) fn connector(number: u32) -> String {
    format!("{}/connectors/{}", instance(instance_of(number)), connector_id(number))
}

/// Number of the connector of this full name.
pub(crate) fn number(connector: &[u8]) -> Option<u32> {
    let text = std::str::from_utf8(connector).ok()?;
    text.rsplit_once("/c-")?.1.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_tells_its_number() {
        for one in [0, 7, 999, 1_000, 123_456] {
            assert_eq!(number(connector(one).as_bytes()), Some(one));
        }
        assert_eq!(number(b"instances/a/connectors/other"), None);
        assert_eq!(number(&[0xff]), None);
    }
}
