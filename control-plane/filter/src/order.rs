//! In which order a list has its resources.

use std::cmp::Ordering;

use crate::scan::Scanner;
use crate::schema::Kind;
use crate::{Invalid, Resource, Schema, Value};

/// An order has up to this many fields.
pub const MAX_KEYS: usize = 8;

/// An order by fields of a schema, one after the other; by none of them all are equal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order<F>(Vec<(F, Direction)>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Direction {
    Ascending,
    Descending,
}

/// The value that a resource is ordered by, kept apart from it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Key {
    /// The field is not set.
    Unset,
    /// Of a text.
    Text(String),
    /// Of a number.
    Number(i128),
    /// Nanoseconds since 1970.
    Time(i128),
    /// Of what is true or false.
    Boolean(bool),
    /// The number of one of an enumeration.
    Enumeration(i32),
}

impl<F: Copy> Order<F> {
    /// Reads an order; an empty text has no fields.
    ///
    /// # Errors
    ///
    /// The first place where it is no order by these fields.
    pub fn parse(text: &str, schema: &Schema<F>) -> Result<Self, Invalid> {
        let mut scanner = Scanner::new(text)?;
        let mut keys = Vec::new();
        let mut names = Vec::new();
        if !scanner.skip_space() {
            return Ok(Self(keys));
        }
        loop {
            scanner.skip_space();
            let at = scanner.at();
            let found = scanner.found();
            let name = scanner.take_name();
            if name.is_empty() {
                return Err(Invalid::new(at, format!("expected a field; {found}")));
            }
            let field = schema.field(name, at)?;
            if matches!(field.kind, Kind::Texts | Kind::Map) {
                let message = format!("`{name}` is {}, which has no order", field.kind.noun());
                return Err(Invalid::new(at, message));
            }
            if names.contains(&name) {
                return Err(Invalid::new(at, format!("`{name}` stands there twice")));
            }
            if keys.len() == MAX_KEYS {
                return Err(Invalid::new(at, format!("expected at most {MAX_KEYS} fields")));
            }
            names.push(name);
            keys.push((field.id, direction(&mut scanner)));
            if !scanner.skip_space() {
                return Ok(Self(keys));
            }
            if !scanner.take(",") {
                let message =
                    format!("expected `asc`, `desc`, `,` or the end; {}", scanner.found());
                return Err(Invalid::new(scanner.at(), message));
            }
        }
    }

    /// Whether it has no fields.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Which of two resources comes first. What is not set comes last, in either
    /// direction.
    pub fn compare<R: Resource<F>>(&self, one: &R, other: &R) -> Ordering {
        let fields = self.0.iter();
        let mut orders = fields
            .map(|(field, direction)| direction.compare(value(one, *field), value(other, *field)));
        orders.find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
    }

    /// What a resource is ordered by, to find its place again.
    pub fn keys(&self, resource: &impl Resource<F>) -> Vec<Key> {
        self.0.iter().map(|(field, _)| Key::of(value(resource, *field))).collect()
    }

    /// Where a resource stands to the place of such keys. Keys that are missing are
    /// none that decide.
    pub fn compare_to(&self, resource: &impl Resource<F>, keys: &[Key]) -> Ordering {
        let mut orders = self.0.iter().zip(keys).map(|((field, direction), key)| {
            direction.compare(value(resource, *field), key.value())
        });
        orders.find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
    }
}

fn direction(scanner: &mut Scanner<'_>) -> Direction {
    scanner.skip_space();
    if scanner.take_word("desc") {
        return Direction::Descending;
    }
    scanner.take_word("asc");
    Direction::Ascending
}

/// The value of a field that has one at most.
fn value<F: Copy, R: Resource<F>>(resource: &R, field: F) -> Option<Value<'_>> {
    let mut found = None;
    resource.any(field, &mut |value| {
        found = Some(value);
        true
    });
    found
}

impl Direction {
    fn compare(self, one: Option<Value<'_>>, other: Option<Value<'_>>) -> Ordering {
        match (one, other) {
            (Some(one), Some(other)) => match self {
                Self::Ascending => one.cmp(&other),
                Self::Descending => other.cmp(&one),
            },
            // `true` comes after `false`.
            (one, other) => one.is_none().cmp(&other.is_none()),
        }
    }
}

impl Key {
    fn of(value: Option<Value<'_>>) -> Self {
        match value {
            None => Self::Unset,
            Some(Value::Text(text)) => Self::Text(text.to_owned()),
            Some(Value::Number(number)) => Self::Number(number),
            Some(Value::Time(time)) => Self::Time(time),
            Some(Value::Boolean(value)) => Self::Boolean(value),
            Some(Value::Enumeration(number)) => Self::Enumeration(number),
        }
    }

    fn value(&self) -> Option<Value<'_>> {
        Some(match self {
            Self::Unset => return None,
            Self::Text(text) => Value::Text(text),
            Self::Number(number) => Value::Number(*number),
            Self::Time(time) => Value::Time(*time),
            Self::Boolean(value) => Value::Boolean(*value),
            Self::Enumeration(number) => Value::Enumeration(*number),
        })
    }

    /// In a form that [`Key::decode`] reads.
    pub fn encode(&self) -> String {
        match self {
            Self::Unset => String::new(),
            Self::Text(text) => format!("s{text}"),
            Self::Number(number) => format!("n{number}"),
            Self::Time(time) => format!("t{time}"),
            Self::Boolean(value) => format!("b{value}"),
            Self::Enumeration(number) => format!("e{number}"),
        }
    }

    /// What [`Key::encode`] has written.
    pub fn decode(text: &str) -> Option<Self> {
        let Some(kind) = text.chars().next() else { return Some(Self::Unset) };
        let rest = &text[kind.len_utf8()..];
        match kind {
            's' => Some(Self::Text(rest.to_owned())),
            'n' => rest.parse().ok().map(Self::Number),
            't' => rest.parse().ok().map(Self::Time),
            'b' => rest.parse().ok().map(Self::Boolean),
            'e' => rest.parse().ok().map(Self::Enumeration),
            _ => None,
        }
    }
}
