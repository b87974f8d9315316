//! What lists and watches show, and in which order: expressions of users, read
//! against the fields of a resource. Pure, without the wire.
//!
//! ```text
//! text -> scan -> parse (a tree) -> check (against a schema) -> evaluate (on a resource)
//! text -> scan -> order
//! ```
//!
//! A filter is a subset of AIP-160 (<https://google.aip.dev/160>), an order is
//! AIP-132's `order_by` (<https://google.aip.dev/132#ordering>):
//!
//! ```text
//! filter     = [ all ]
//! all        = any { [ "AND" ] any }
//! any        = term { "OR" term }
//! term       = [ "NOT" | "-" ] ( comparison | "(" all ")" )
//! comparison = field [ "." key ] operator value
//! operator   = "=" | "!=" | "<" | "<=" | ">" | ">=" | ":"
//! order_by   = [ field [ "asc" | "desc" ] { "," field [ "asc" | "desc" ] } ]
//! ```
//!
//! `OR` binds tighter than `AND`, as in AIP-160: `a AND b OR c` is `a AND (b OR c)`.
//! What a text may hold is bounded ([`MAX_BYTES`], [`MAX_COMPARISONS`],
//! [`MAX_DEPTH`]), so that reading and evaluating it is, too.

mod check;
mod evaluate;
mod invalid;
mod order;
mod parse;
mod pattern;
mod scan;
mod schema;
mod tree;

pub use evaluate::{Filter, Resource, Value};
pub use invalid::Invalid;
pub use order::{Key, MAX_KEYS, Order};
pub use parse::{MAX_COMPARISONS, MAX_DEPTH, parse};
pub use pattern::Pattern;
pub use scan::MAX_BYTES;
pub use schema::{Enumeration, Field, Kind, Schema};
pub use tree::{Comparison, Node, Operator};

#[cfg(test)]
mod tests;
