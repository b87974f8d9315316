//! The searches through the object chain's model.

mod holds;
mod search;
mod without_a_rule;
