//! Filters and orders as clients give them.

use bolero::TypeGenerator;
use kafka2oss_filter::{
    Enumeration, Field, Filter, Key, Kind, Order, Resource, Schema, Value, parse,
};
use kafka2oss_fuzz::{Near, Text};

const RIGHT: &str = "-(state = RUNNING OR labels.\"a b\":* ) AND name = 'x\\*y*' lag >= 70";

const WORDS: [&str; 24] = [
    " AND ",
    " OR ",
    "NOT ",
    "-",
    "(",
    ")",
    "=",
    "!=",
    "<=",
    ":",
    "*",
    "\\*",
    "\"",
    "'",
    "\\",
    ",",
    " desc",
    "é",
    "name",
    "labels.",
    "lag",
    "made",
    "2026-01-31T23:00:00Z",
    "99999999999999999999999999999999999999999",
];

static SCHEMA: Schema<u8> = Schema {
    fields: &[
        Field { name: "name", kind: Kind::Text, id: 0 },
        Field { name: "tags", kind: Kind::Texts, id: 1 },
        Field { name: "labels", kind: Kind::Map, id: 2 },
        Field { name: "lag", kind: Kind::Number, id: 3 },
        Field { name: "made", kind: Kind::Time, id: 4 },
        Field { name: "ready", kind: Kind::Boolean, id: 5 },
        Field { name: "state", kind: Kind::Enumeration(&STATES), id: 6 },
    ],
};

static STATES: Enumeration = Enumeration {
    prefix: "STATE_",
    number: |name| (name == "STATE_RUNNING").then_some(1),
    name: |number| {
        ["STATE_UNSPECIFIED", "STATE_RUNNING"].get(usize::try_from(number).ok()?).copied()
    },
};

#[derive(Debug, TypeGenerator)]
struct Thing {
    name: Text,
    lag: Option<i64>,
    made: i64,
    ready: bool,
    state: bool,
}

/// A thing whose texts are written out.
struct Written<'a>(&'a Thing, String);

impl Resource<u8> for Written<'_> {
    fn any<'a>(&'a self, field: u8, test: &mut dyn FnMut(Value<'a>) -> bool) -> bool {
        let Self(thing, name) = self;
        match field {
            0 | 1 => test(Value::Text(name)),
            3 => thing.lag.is_some_and(|lag| test(Value::Number(lag.into()))),
            4 => test(Value::Time(thing.made.into())),
            5 => test(Value::Boolean(thing.ready)),
            _ => thing.state && test(Value::Enumeration(1)),
        }
    }

    fn entry(&self, _: u8, key: &str) -> Option<&str> {
        (!key.is_empty()).then_some(self.1.as_str())
    }
}

#[derive(Debug, TypeGenerator)]
struct Given {
    near: Near,
    thing: Thing,
}

#[test]
fn a_filter_that_is_taken_is_what_it_would_be_printed_as() {
    bolero::check!().with_type().for_each(|given: &Given| {
        let text = given.near.to_text(RIGHT, &WORDS);
        match parse(&text) {
            Ok(None) => assert!(text.trim().is_empty()),
            Ok(Some(tree)) => {
                let printed = tree.to_string();
                // What is printed has quotes and spaces more, and may be too long for that.
                if let Ok(again) = parse(&printed) {
                    assert_eq!(again.unwrap().to_string(), printed, "{text}");
                } else {
                    assert!(printed.len() > kafka2oss_filter::MAX_BYTES, "{text}: {printed}");
                }
            }
            Err(invalid) => assert!(text.is_char_boundary(invalid.at), "{invalid}"),
        }
        let thing = Written(&given.thing, given.thing.name.of(&WORDS));
        match Filter::parse(&text, &SCHEMA) {
            Ok(filter) => drop(filter.map(|filter| filter.matches(&thing))),
            Err(invalid) => assert!(text.is_char_boundary(invalid.at), "{invalid}"),
        }
    });
}

#[test]
fn an_order_that_is_taken_has_a_place_for_every_resource() {
    bolero::check!().with_type().for_each(|given: &Given| {
        let text = given.near.to_text("lag desc, name,made", &WORDS);
        let thing = Written(&given.thing, given.thing.name.of(&WORDS));
        match Order::parse(&text, &SCHEMA) {
            Ok(order) => {
                let keys = order.keys(&thing);
                let read: Vec<_> =
                    keys.iter().map(|key| Key::decode(&key.encode()).unwrap()).collect();
                assert_eq!(read, keys);
                assert!(order.compare_to(&thing, &read).is_eq());
            }
            Err(invalid) => assert!(text.is_char_boundary(invalid.at), "{invalid}"),
        }
    });
}

#[test]
fn a_key_of_any_token_is_read_or_refused() {
    bolero::check!().with_type().for_each(|near: &Near| {
        let text = near.to_text("n70", &WORDS);
        if let Some(key) = Key::decode(&text) {
            assert_eq!(Key::decode(&key.encode()), Some(key));
        }
    });
}
