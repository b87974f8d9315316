//! Whether a resource is one that a filter means.

use std::cmp::Ordering;

use crate::check::check;
use crate::{Invalid, Node, Pattern, Schema, parse};

/// A resource, by its fields.
pub trait Resource<F> {
    /// Whether `test` holds for one of a field's values; it has none where it is not
    /// set. A text that is empty is not set.
    fn any<'a>(&'a self, field: F, test: &mut dyn FnMut(Value<'a>) -> bool) -> bool;

    /// What a map has under a key.
    fn entry(&self, field: F, key: &str) -> Option<&str>;
}

/// A value of a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Value<'a> {
    /// Of a text, or one of many.
    Text(&'a str),
    /// Of a number.
    Number(i128),
    /// Nanoseconds since 1970.
    Time(i128),
    /// Of what is true or false.
    Boolean(bool),
    /// The number of one of an enumeration.
    Enumeration(i32),
}

/// What resources have to be, by the fields of a schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filter<F>(Node<Test<F>>);

/// What one comparison asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Test<F> {
    Values { field: F, relation: Relation, operand: Operand },
    Entry { field: F, key: String, relation: Relation, operand: Operand },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Relation {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Operand {
    Anything,
    Text(Pattern),
    Number(i128),
    Time(i128),
    Boolean(bool),
    Enumeration(i32),
}

impl<F: Copy> Filter<F> {
    /// Reads a filter; nothing where it is empty.
    ///
    /// # Errors
    ///
    /// The first place where it is none over these fields.
    pub fn parse(text: &str, schema: &Schema<F>) -> Result<Option<Self>, Invalid> {
        let Some(node) = parse(text)? else { return Ok(None) };
        node.try_map(&mut |comparison| check(comparison, schema)).map(|node| Some(Self(node)))
    }

    /// Whether it means a resource. A comparison with what is not set does not hold,
    /// and `!=` holds where `=` does not; of a list, `=` asks whether one is equal.
    pub fn matches(&self, resource: &impl Resource<F>) -> bool {
        self.0.holds(&|test| test.holds(resource))
    }
}

impl<F: Copy> Test<F> {
    fn holds(&self, resource: &impl Resource<F>) -> bool {
        let (relation, any) = match self {
            Self::Values { field, relation, operand } => {
                let mut test = |value: Value<'_>| relation.holds(value, operand);
                (relation, resource.any(*field, &mut test))
            }
            Self::Entry { field, key, relation, operand } => {
                let entry = resource.entry(*field, key);
                (relation, entry.is_some_and(|text| relation.holds(Value::Text(text), operand)))
            }
        };
        any != matches!(relation, Relation::NotEqual)
    }
}

impl Relation {
    /// Whether it holds; for `!=` whether `=` does.
    fn holds(self, value: Value<'_>, operand: &Operand) -> bool {
        match self {
            Self::Equal | Self::NotEqual => operand.is(value),
            Self::Less => operand.order_of(value).is_some_and(Ordering::is_lt),
            Self::LessOrEqual => operand.order_of(value).is_some_and(Ordering::is_le),
            Self::Greater => operand.order_of(value).is_some_and(Ordering::is_gt),
            Self::GreaterOrEqual => operand.order_of(value).is_some_and(Ordering::is_ge),
        }
    }
}

impl Operand {
    fn is(&self, value: Value<'_>) -> bool {
        match (self, value) {
            (Self::Anything, _) => true,
            (Self::Text(pattern), Value::Text(text)) => pattern.matches(text),
            _ => self.order_of(value).is_some_and(Ordering::is_eq),
        }
    }

    /// How a value stands to it; nothing where they cannot be compared.
    fn order_of(&self, value: Value<'_>) -> Option<Ordering> {
        match (value, self) {
            (Value::Text(text), Self::Text(pattern)) => pattern.as_exact().map(|it| text.cmp(it)),
            (Value::Number(value), Self::Number(it)) | (Value::Time(value), Self::Time(it)) => {
                Some(value.cmp(it))
            }
            (Value::Boolean(value), Self::Boolean(it)) => Some(value.cmp(it)),
            (Value::Enumeration(value), Self::Enumeration(it)) => Some(value.cmp(it)),
            _ => None,
        }
    }
}
