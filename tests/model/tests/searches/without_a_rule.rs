//! Each rule is needed: without it, a search finds harm within bounds that are
//! safe with it.

use kafka2oss_model::{Bounds, Rule, Taken};

use crate::search::needs;

const ZOMBIE: Bounds = Bounds::ZOMBIE;
/// The store overwrites, which some learn from its answers only.
const UNKNOWN: Bounds = Bounds { taken: Taken::OverwrittenUnknown, ..ZOMBIE };

#[test]
fn offsets_that_are_anothers_are_none() {
    needs(Rule::WhoseOffset, Bounds { resets: 1, ..ZOMBIE });
}

#[test]
fn the_pin_is_committed_before_the_put() {
    needs(Rule::Pin, ZOMBIE);
}

#[test]
fn nothing_is_overwritten() {
    needs(Rule::CreateOnly, ZOMBIE);
}

#[test]
fn what_exists_is_asked_for() {
    needs(Rule::Conflict, ZOMBIE);
}

#[test]
fn the_commit_follows_the_put() {
    needs(Rule::Order, ZOMBIE);
}

#[test]
fn fenced_members_commit_nothing() {
    needs(Rule::FencedCommits, ZOMBIE);
}

#[test]
fn a_revocation_waits_for_the_loop() {
    needs(Rule::Revocation, Bounds { assignments: 3, moves: 1, ..ZOMBIE });
}

#[test]
fn after_an_unknown_outcome_the_member_is_fenced() {
    needs(Rule::NoLateCommits, Bounds { lost_commit_answers: 1, ..ZOMBIE });
}

#[test]
fn a_pause_gives_up_only_what_has_no_commit_under_way() {
    let bounds = Bounds { assignments: 3, give_ups: 1, lost_commit_answers: 1, ..ZOMBIE };
    needs(Rule::SettledCommits, bounds);
}

#[test]
fn puts_have_a_window() {
    needs(Rule::PutWindow, Bounds { expiries: 1, ..ZOMBIE });
}

#[test]
fn checkpoints_of_one_offset_are_told_apart_by_their_owners() {
    let frozen =
        Bounds { records: 1, lost_checkpoint_answers: 1, frozen_checkpoints: true, ..ZOMBIE };
    needs(Rule::OwnersCount, Bounds { assignments: 3, expiries: 2, ..frozen });
}

#[test]
fn a_checkpoint_of_unknown_outcome_keeps_its_key() {
    needs(Rule::FreshKey, Bounds { lost_checkpoint_answers: 1, deletions: 1, ticks: 1, ..ZOMBIE });
}

#[test]
fn a_bare_end_is_checkpointed_before_its_object_may_go() {
    needs(Rule::BareEnd, Bounds { lifecycle: 1, expiries: 1, ..ZOMBIE });
}

#[test]
fn checkpoints_outlive_the_groups_offset() {
    needs(Rule::NoOffset, Bounds { expiries: 1, ..ZOMBIE });
}

#[test]
fn on_a_store_that_overwrites_each_attempt_has_a_key_of_its_own() {
    needs(Rule::OwnKeys, Bounds { taken: Taken::Overwritten, ..ZOMBIE });
}

#[test]
fn an_own_key_has_one_body() {
    needs(Rule::OneBody, Bounds { taken: Taken::Overwritten, lost_put_answers: 1, ..ZOMBIE });
}

#[test]
fn what_stands_under_a_shared_key_is_not_adopted_where_it_may_be_overwritten() {
    needs(Rule::SharedKeysLeft, Bounds { assignments: 3, layouts: 1, ..UNKNOWN });
}

#[test]
fn under_the_own_key_of_an_attempt_nobody_else_puts_anything() {
    needs(Rule::OthersKeys, Bounds { assignments: 3, layouts: 1, ..UNKNOWN });
}

#[test]
fn an_answer_that_shows_that_the_store_overwrites_is_heard() {
    needs(Rule::Answers, UNKNOWN);
}
