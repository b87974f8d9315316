//! The fields by which lists, watches and tails filter and order what they show. For users
//! they stand in `docs/filters.md`, which a test here compares.

mod agents;
mod connectors;
mod entries;
mod instances;

use kafka2oss_filter::Value;
use prost_types::Timestamp;

pub(crate) use agents::{AGENTS, AgentField};
pub(crate) use connectors::{CONNECTORS, ConnectorField, connector_any, connector_entry};
pub(crate) use entries::{DEAD_LETTERS, LOG_LINES};
pub(crate) use instances::INSTANCES;

/// What asks about a value.
type Test<'a, 't> = &'t mut dyn FnMut(Value<'a>) -> bool;

fn text<'a>(text: &'a str, test: Test<'a, '_>) -> bool {
    !text.is_empty() && test(Value::Text(text))
}

/// A resource's name, or only the last part of it.
fn name<'a>(name: &'a str, test: Test<'a, '_>) -> bool {
    text(name, test) || text(id(name), test)
}

/// The last part of a resource's name.
fn id(name: &str) -> &str {
    name.rsplit('/').next().unwrap_or_default()
}

fn time<'a>(time: Option<&Timestamp>, test: Test<'a, '_>) -> bool {
    let Some(Timestamp { seconds, nanos }) = time else { return false };
    test(Value::Time(i128::from(*seconds) * 1_000_000_000 + i128::from(*nanos)))
}

/// 0 is what is not specified.
fn specified<'a>(number: i32, test: Test<'a, '_>) -> bool {
    number != 0 && test(Value::Enumeration(number))
}

/// The values of a generated enumeration.
macro_rules! enumeration {
    ($name:ident = $enumeration:ty, $prefix:literal) => {
        static $name: kafka2oss_filter::Enumeration = kafka2oss_filter::Enumeration {
            prefix: $prefix,
            number: |name| <$enumeration>::from_str_name(name).map(i32::from),
            name: |number| <$enumeration>::try_from(number).ok().map(|it| it.as_str_name()),
        };
    };
}
use enumeration;

#[cfg(test)]
mod tests;
