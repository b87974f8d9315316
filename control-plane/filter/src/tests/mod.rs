//! A resource with one field of each kind.

mod cases;
mod naive;
mod orders;
mod properties;
mod refusals;

use std::collections::BTreeMap;

use crate::{Enumeration, Field, Filter, Kind, Resource, Schema, Value};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Is {
    Name,
    Tags,
    Labels,
    Lag,
    Made,
    Ready,
    State,
}

static STATES: Enumeration = Enumeration {
    prefix: "STATE_",
    number: |name| (0..3).find(|number| state(*number) == Some(name)),
    name: state,
};

fn state(number: i32) -> Option<&'static str> {
    let names = ["STATE_UNSPECIFIED", "STATE_RUNNING", "STATE_FAILED"];
    names.get(usize::try_from(number).ok()?).copied()
}

static SCHEMA: Schema<Is> = Schema {
    fields: &[
        Field { name: "name", kind: Kind::Text, id: Is::Name },
        Field { name: "tags", kind: Kind::Texts, id: Is::Tags },
        Field { name: "labels", kind: Kind::Map, id: Is::Labels },
        Field { name: "lag", kind: Kind::Number, id: Is::Lag },
        Field { name: "made", kind: Kind::Time, id: Is::Made },
        Field { name: "ready", kind: Kind::Boolean, id: Is::Ready },
        Field { name: "state", kind: Kind::Enumeration(&STATES), id: Is::State },
    ],
};

#[derive(Debug, Clone, Default)]
struct Thing {
    name: String,
    tags: Vec<String>,
    labels: BTreeMap<String, String>,
    lag: Option<u64>,
    /// Seconds since 1970.
    made: Option<i32>,
    ready: bool,
    state: i32,
}

impl Resource<Is> for Thing {
    fn any<'a>(&'a self, field: Is, test: &mut dyn FnMut(Value<'a>) -> bool) -> bool {
        match field {
            Is::Name => !self.name.is_empty() && test(Value::Text(&self.name)),
            Is::Tags => self.tags.iter().any(|tag| test(Value::Text(tag))),
            Is::Labels => false,
            Is::Lag => self.lag.is_some_and(|lag| test(Value::Number(lag.into()))),
            Is::Made => {
                self.made.is_some_and(|time| test(Value::Time(i128::from(time) * 1_000_000_000)))
            }
            Is::Ready => test(Value::Boolean(self.ready)),
            Is::State => self.state != 0 && test(Value::Enumeration(self.state)),
        }
    }

    fn entry(&self, field: Is, key: &str) -> Option<&str> {
        assert_eq!(field, Is::Labels, "there is no other map");
        self.labels.get(key).map(String::as_str)
    }
}

fn filter(text: &str) -> Filter<Is> {
    Filter::parse(text, &SCHEMA).expect(text).expect("not empty")
}
