//! The same meaning, worked out from the text of every value.

use crate::{Comparison, Node, Operator, Pattern};

use super::*;

/// Whether an expression that was checked means a thing.
pub(super) fn matches(node: &Node<Comparison>, thing: &Thing) -> bool {
    match node {
        Node::Compare(comparison) => compare(comparison, thing),
        Node::Not(node) => !matches(node, thing),
        Node::All(nodes) => nodes.iter().filter(|node| !matches(node, thing)).count() == 0,
        Node::Any(nodes) => nodes.iter().filter(|node| matches(node, thing)).count() > 0,
    }
}

fn compare(comparison: &Comparison, thing: &Thing) -> bool {
    let Comparison { field, key, operator, value, .. } = comparison;
    let optional = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
    let values: Vec<String> = match (field.as_str(), key) {
        ("name", _) => optional(&thing.name).into_iter().collect(),
        ("tags", _) => thing.tags.clone(),
        ("labels", Some(key)) => thing.labels.get(key).cloned().into_iter().collect(),
        ("labels", None) => thing.labels.keys().cloned().collect(),
        ("lag", _) => thing.lag.iter().map(u64::to_string).collect(),
        ("made", _) => thing.made.iter().map(|time| time.to_string()).collect(),
        ("ready", _) => vec![thing.ready.to_string()],
        _ => state(thing.state).filter(|_| thing.state != 0).map(short).into_iter().collect(),
    };
    let equal = || values.iter().any(|one| is_equal(field, one, value));
    let ordered = |wanted: fn(std::cmp::Ordering) -> bool| {
        values.iter().any(|one| wanted(rank(field, one).cmp(&rank(field, exact(value)))))
    };
    match operator {
        Operator::Equal | Operator::Has => equal(),
        Operator::NotEqual => !equal(),
        Operator::Less => ordered(std::cmp::Ordering::is_lt),
        Operator::LessOrEqual => ordered(std::cmp::Ordering::is_le),
        Operator::Greater => ordered(std::cmp::Ordering::is_gt),
        Operator::GreaterOrEqual => ordered(std::cmp::Ordering::is_ge),
    }
}

fn is_equal(field: &str, one: &str, value: &Pattern) -> bool {
    match value.as_exact() {
        Some(text) => rank(field, one) == rank(field, text),
        None => value.matches(one),
    }
}

fn exact(value: &Pattern) -> &str {
    value.as_exact().expect("only what is exact has an order")
}

fn short(name: &str) -> String {
    name.replace("STATE_", "")
}

/// In the order of numbers for numbers and times, and of texts for others.
fn rank(field: &str, text: &str) -> (i128, String) {
    match field {
        "lag" => (text.parse().expect("a number"), String::new()),
        "made" => {
            let seconds = text
                .parse::<i128>()
                .or_else(|_| text.parse::<jiff::Timestamp>().map(|time| time.as_second().into()));
            (seconds.expect("a time"), String::new())
        }
        "state" => (0, short(text)),
        _ => (0, text.to_owned()),
    }
}
