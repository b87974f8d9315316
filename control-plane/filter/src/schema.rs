//! The fields that a resource can be filtered and ordered by.

use crate::Invalid;

/// The fields of a resource.
#[derive(Debug)]
pub struct Schema<F: 'static> {
    /// In the order in which messages name them.
    pub fields: &'static [Field<F>],
}

/// A field.
#[derive(Debug)]
pub struct Field<F> {
    /// As expressions have it: `A-Za-z0-9_`.
    pub name: &'static str,
    /// What it holds.
    pub kind: Kind,
    /// How the resource knows it.
    pub id: F,
}

/// What a field holds.
#[derive(Debug, Clone, Copy)]
pub enum Kind {
    /// One text.
    Text,
    /// Any number of texts.
    Texts,
    /// Texts by key.
    Map,
    /// A whole number.
    Number,
    /// A time.
    Time,
    /// `true` or `false`.
    Boolean,
    /// One of these.
    Enumeration(&'static Enumeration),
}

/// The values of an enumeration.
#[derive(Debug)]
pub struct Enumeration {
    /// What all full names begin with, for example `CONNECTOR_STATE_`.
    pub prefix: &'static str,
    /// The number of a full name.
    pub number: fn(&str) -> Option<i32>,
    /// The full name of a number. They go on without a gap from 0, which is the one of
    /// what is not specified.
    pub name: fn(i32) -> Option<&'static str>,
}

impl Enumeration {
    /// The number of a name, full or without the prefix.
    pub(crate) fn read(&self, name: &str) -> Option<i32> {
        let full = |name: &str| (self.number)(name);
        full(name).or_else(|| full(&format!("{}{name}", self.prefix)))
    }

    /// The names without the prefix, but for what is not specified.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        let names = (1..).map_while(self.name);
        names.map(|name| name.strip_prefix(self.prefix).unwrap_or(name))
    }
}

impl Kind {
    /// What it is called in messages.
    pub(crate) fn noun(self) -> &'static str {
        match self {
            Self::Text => "a text",
            Self::Texts => "a list of texts",
            Self::Map => "a map",
            Self::Number => "a number",
            Self::Time => "a time",
            Self::Boolean => "true or false",
            Self::Enumeration(_) => "one of a few names",
        }
    }
}

impl<F> Schema<F> {
    /// The field of a name that stands `at` this place.
    pub(crate) fn field(&self, name: &str, at: usize) -> Result<&'static Field<F>, Invalid> {
        self.fields.iter().find(|field| field.name == name).ok_or_else(|| {
            let names: Vec<_> = self.fields.iter().map(|field| field.name).collect();
            let message = format!("`{name}` is no field; there are {}", names.join(", "));
            Invalid::new(at, message)
        })
    }
}
