//! What is refused, and for which place.

use crate::{MAX_BYTES, MAX_COMPARISONS, MAX_DEPTH};

use super::*;

#[track_caller]
fn refused(text: &str, at: usize, words: &str) {
    let invalid = Filter::parse(text, &SCHEMA).expect_err(text);
    assert_eq!(invalid.at, at, "{text}: {invalid}");
    assert!(invalid.message.contains(words), "{text}: {invalid}");
}

#[test]
fn a_stray_or_missing_token_is_named_with_its_place() {
    refused("name", 4, "`>=` or `:` after `name`; found the end");
    refused("name orders", 5, "after `name`; found `orders`");
    refused("name = ", 7, "expected a value, found the end");
    refused("name = AND lag = 1", 7, "expected a value, found `AND`");
    refused("name = a = b", 9, "expected a comparison");
    refused("name == a", 6, "expected a value, found `=`");
    refused("AND name = a", 0, "expected a comparison, as `field = value`; found `AND`");
    refused("name = a AND", 12, "expected a comparison, as `field = value`; found the end");
    refused("name = a OR OR lag = 1", 12, "found `OR`");
    refused("NOT NOT name = a", 4, "found `NOT`");
    refused("(name = a", 0, "expected a `)` that closes this `(`");
    refused("name = a)", 8, "no `(` is open here; found `)`");
    refused("()", 1, "expected a comparison");
    refused("name = \"a", 7, "expected a `\"` that closes this one");
    refused("name = \"a\\", 7, "expected a `\"`");
    refused(r#"name = "a\d""#, 9, "after a `\\`");
    refused("name = a*b", 7, "`*` at the beginning or the end");
    refused("é = 1", 0, "found `é`");
    refused("labels. = 1", 7, "expected a key");
    refused("labels.'*' = 1", 7, "a key has no wildcards");
}

#[test]
fn what_a_field_does_not_have_is_named_with_what_there_is() {
    refused(
        "lag > 1 AND size = 2",
        12,
        "`size` is no field; there are name, tags, labels, lag, made, ready, state",
    );
    refused("lag > many", 6, "expected a whole number; found \"many\"");
    refused("lag = 1*", 6, "expected a whole number");
    refused("lag < *", 6, "expected a whole number");
    refused("lag = 1.5", 6, "expected a whole number");
    refused("made > 2026-01-31", 7, "RFC 3339");
    refused("ready = yes", 8, "expected true or false");
    refused("state = ASLEEP", 8, "expected one of RUNNING, FAILED; found \"ASLEEP\"");
    refused("state = RUN*", 8, "expected one of RUNNING, FAILED");
    refused("state > RUNNING", 0, "use `=` or `!=`");
    refused("tags < a", 0, "`tags` is a list of texts");
    refused("ready < true", 0, "use `=` or `!=`");
    refused("name.x = 1", 0, "`name` is a text and has no keys");
    refused("labels = x", 0, "`labels` is a map: use `labels.KEY = ...`");
    refused("labels:x*", 7, "expected a whole key");
    refused("name < a*", 7, "expected a value without `*` after `<`");
    refused("labels.a >= *", 12, "expected a value without `*`");
}

#[test]
fn length_number_and_depth_are_bounded() {
    let open = |depth: usize| format!("{}name = a{}", "(".repeat(depth), ")".repeat(depth));
    assert!(Filter::parse(&open(MAX_DEPTH), &SCHEMA).is_ok());
    refused(&open(MAX_DEPTH + 1), MAX_DEPTH, "at most 32 parentheses");
    refused(&"(".repeat(MAX_BYTES), MAX_DEPTH, "at most 32 parentheses");
    refused(&"-(".repeat(MAX_BYTES / 2), MAX_DEPTH * 2 + 1, "at most 32 parentheses");

    let many = |count: usize| vec!["lag = 1"; count].join(" ");
    assert!(Filter::parse(&many(MAX_COMPARISONS), &SCHEMA).is_ok());
    refused(&many(MAX_COMPARISONS + 1), 8 * MAX_COMPARISONS, "at most 64 comparisons");

    let long = |bytes: usize| format!("name = {}", "é".repeat(bytes));
    assert!(Filter::parse(&long((MAX_BYTES - 7) / 2), &SCHEMA).is_ok());
    refused(&long(MAX_BYTES), MAX_BYTES - 1, "2048 are allowed");
}
