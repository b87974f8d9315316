use kafka2oss_proto::v1;
use proptest::prelude::*;

use super::*;
use crate::model::fields::{AGENTS, AgentField};

fn asked(page_size: i32, page_token: &str, filter: &str, order_by: &str) -> Asked {
    let [page_token, filter, order_by] = [page_token, filter, order_by].map(str::to_owned);
    Asked { page_size, page_token, filter, order_by }
}

fn read(asked: &Asked) -> Result<Listing<AgentField>, Violations> {
    let mut violations = Violations::new();
    let listing = Listing::read(asked, &["p"], &AGENTS, &mut violations);
    listing.filter(|_| violations.is_empty()).ok_or(violations)
}

fn agent((number, tasks): (usize, i32)) -> v1::Agent {
    v1::Agent { name: format!("agents/{number:03}"), tasks, ..Default::default() }
}

/// All pages, one after the other.
fn pages(all: &[v1::Agent], size: i32, filter: &str, order_by: &str) -> Vec<Vec<String>> {
    let (mut pages, mut token) = (Vec::new(), String::new());
    loop {
        let listing = read(&asked(size, &token, filter, order_by)).expect("a page");
        let found = if listing.is_plain() {
            let after = all.iter().filter(|one| one.name.as_str() > listing.after_name());
            listing.first(after.take(listing.enough()).collect(), all.len())
        } else {
            listing.choose(all.iter().collect(), |one| &one.name, |one| *one)
        };
        token = listing.next_token(&found, |one| &one.name, |one| *one);
        pages.push(found.items.iter().map(|one| one.name.clone()).collect());
        if token.is_empty() {
            return pages;
        }
    }
}

proptest! {
    #[test]
    fn pages_follow_one_another_without_gap_or_overlap(
        tasks in proptest::collection::vec(0..4_i32, 0..20),
        size in 1..7_i32,
        filter in proptest::sample::select(&["", "tasks != 2", "tasks > 9"][..]),
        order_by in proptest::sample::select(&["", "tasks", "tasks desc", "name desc"][..]),
    ) {
        let all: Vec<_> = tasks.into_iter().enumerate().map(agent).collect();
        let pages = pages(&all, size, filter, order_by);
        let full = usize::try_from(size).expect("above 0");
        let rest = pages.split_last().map_or(&[][..], |(_, rest)| rest);
        prop_assert!(rest.iter().all(|page| page.len() == full));
        let mut expected: Vec<_> = all
            .iter()
            .filter(|one| match filter {
                "" => true,
                "tasks != 2" => one.tasks != 2,
                _ => one.tasks > 9,
            })
            .collect();
        // Stable: of equal ones the order of the names stays.
        expected.sort_by(|one, other| match order_by {
            "" => one.name.cmp(&other.name),
            "tasks" => one.tasks.cmp(&other.tasks),
            "tasks desc" => other.tasks.cmp(&one.tasks),
            _ => other.name.cmp(&one.name),
        });
        let expected: Vec<_> = expected.into_iter().map(|one| one.name.clone()).collect();
        prop_assert_eq!(pages.concat(), expected);
    }
}

#[test]
fn every_wrong_field_is_told_at_once() {
    let wrong = read(&asked(-1, "", "size = 1", "tasks,tasks")).expect_err("wrong");
    let told: Vec<_> = wrong.iter().map(|one| (one.field.as_str(), one.code.as_str())).collect();
    assert_eq!(
        told,
        [
            ("page_size", "SPEC_FIELD_INVALID"),
            ("filter", "EXPRESSION_INVALID"),
            ("order_by", "EXPRESSION_INVALID")
        ]
    );
    let messages: Vec<_> = wrong.iter().map(|one| one.message.as_str()).collect();
    assert!(messages[1].starts_with("at byte 0: `size` is no field"), "{messages:?}");
    assert!(messages[2].starts_with("at byte 6: "), "{messages:?}");
}

#[test]
fn a_token_is_refused_for_another_request() {
    let all: Vec<_> = (0..3).map(|number| agent((number, 1))).collect();
    let listing = read(&asked(1, "", "tasks = 1", "tasks")).expect("a page");
    let found = listing.choose(all, |one| &one.name, |one| one);
    assert!(found.more && found.total == 3);
    let token = listing.next_token(&found, |one| &one.name, |one| one);
    assert!(read(&asked(2, &token, "tasks = 1", "tasks")).is_ok(), "of another size");
    for (token, filter, order_by) in [
        (&*token, "tasks = 2", "tasks"),
        (&*token, "tasks = 1", ""),
        (&token[1..], "tasks = 1", "tasks"),
        ("agents/000", "", ""),
    ] {
        let wrong = read(&asked(1, token, filter, order_by)).expect_err("refused");
        let fields: Vec<_> = wrong.iter().map(|one| one.field.as_str()).collect();
        assert_eq!(fields, ["page_token"], "{filter}");
    }
    let mut violations = Violations::new();
    let asked = asked(1, &token, "tasks = 1", "tasks");
    assert!(Listing::read(&asked, &["q"], &AGENTS, &mut violations).is_none(), "of another parent");
}
