//! With every rule in place each record stands in exactly one object, or in one at
//! least where the store overwrites.

use kafka2oss_model::{Bounds, Taken};

use crate::search::{harms_nothing, holds};

const ZOMBIE: Bounds = Bounds::ZOMBIE;

#[test]
fn of_owners_that_never_stop() {
    holds("three owners", Bounds { records: 3, assignments: 3, ..ZOMBIE }, 50_000);
    holds("four owners", Bounds { assignments: 4, ..ZOMBIE }, 200_000);
}

#[test]
fn when_answers_to_puts_are_lost() {
    let bounds = Bounds { assignments: 3, lost_put_answers: 2, ticks: 1, ..ZOMBIE };
    holds("lost answers to puts", bounds, 500_000);
}

#[test]
fn when_commits_are_late_or_doubled() {
    let bounds = Bounds { records: 3, assignments: 3, lost_commit_answers: 2, ..ZOMBIE };
    holds("late commits", bounds, 100_000);
}

#[test]
fn when_the_partition_moves() {
    let bounds =
        Bounds { assignments: 3, moves: 2, lost_commit_answers: 1, lost_put_answers: 1, ..ZOMBIE };
    holds("moves", bounds, 300_000);
    let bounds = Bounds { assignments: 4, moves: 3, ..ZOMBIE };
    holds("moves there and back", bounds, 800_000);
}

#[test]
fn when_pauses_give_up_what_is_open() {
    let bounds = Bounds { assignments: 3, give_ups: 1, ..ZOMBIE };
    let lost = Bounds { lost_put_answers: 1, lost_commit_answers: 1, ..bounds };
    holds("pauses that give up", lost, 100_000);
    holds("pauses that give up again", Bounds { give_ups: 2, ..bounds }, 10_000);
    let expired = Bounds { expiries: 1, purges: true, ..bounds };
    holds("pauses that give up, and an expired offset", expired, 100_000);
    let late = Bounds { records: 1, lost_checkpoint_answers: 1, expiries: 1, ..bounds };
    holds("pauses that give up, and late checkpoints", late, 10_000);
    holds("pauses that give up before another epoch", Bounds { resets: 1, ..bounds }, 10_000);
    holds("pauses that give up, and moves", Bounds { moves: 1, ..bounds }, 10_000);
}

#[test]
fn when_retention_is_faster_than_the_owner() {
    let bounds = Bounds { records: 3, assignments: 3, retention: 2, ..ZOMBIE };
    holds("retention", bounds, 300_000);
    holds("retention without a start", Bounds { in_start_vector: false, ..bounds }, 300_000);
}

#[test]
fn when_the_groups_offset_is_forgotten() {
    let bounds = Bounds { assignments: 3, purges: true, ..ZOMBIE };
    holds("an expired offset", Bounds { expiries: 2, ticks: 1, ..bounds }, 100_000);
    holds("a deleted offset", Bounds { deletions: 1, ticks: 2, ..bounds }, 400_000);
}

#[test]
fn when_checkpoints_are_late_or_doubled() {
    let bounds = Bounds { records: 1, lost_checkpoint_answers: 1, purges: true, ..ZOMBIE };
    let three = Bounds { assignments: 3, expiries: 2, ..bounds };
    holds("late checkpoints", three, 1_000);
    let deleted = Bounds { records: 2, deletions: 1, ticks: 1, ..bounds };
    holds("late checkpoints, a deleted offset", deleted, 1_000);
    let frozen = Bounds { frozen_checkpoints: true, ..three };
    harms_nothing("frozen checkpoints", frozen, 1_000);
}

#[test]
fn when_objects_are_moved_away() {
    let bounds = Bounds { lifecycle: 1, lost_put_answers: 1, ..ZOMBIE };
    holds("moved objects", Bounds { expiries: 1, ..bounds }, 1_000);
    holds("moved objects, a deleted offset", Bounds { deletions: 1, ticks: 1, ..bounds }, 1_000);
}

#[test]
fn when_another_epoch_begins() {
    let bounds = Bounds { assignments: 3, resets: 1, ..ZOMBIE };
    holds("epochs", Bounds { lost_commit_answers: 1, ..bounds }, 250_000);
    holds("an expired offset of an epoch", Bounds { expiries: 1, ..bounds }, 200_000);
    holds("a deleted offset of an epoch", Bounds { deletions: 1, ticks: 1, ..bounds }, 500_000);
}

#[test]
fn when_the_topic_is_created_again() {
    let bounds = Bounds { assignments: 3, resets: 1, recreations: 1, ..ZOMBIE };
    holds("a recreated topic", bounds, 250_000);
    let several = Bounds { records: 1, assignments: 4, ..bounds };
    holds("a recreated topic of one record", several, 500_000);
    holds("a recreated topic and an expired offset", Bounds { expiries: 1, ..bounds }, 500_000);
}

#[test]
fn when_several_things_go_wrong() {
    let bounds = Bounds {
        moves: 1,
        ticks: 1,
        lost_put_answers: 1,
        lost_commit_answers: 1,
        retention: 1,
        expiries: 1,
        deletions: 1,
        purges: true,
        ..ZOMBIE
    };
    holds("several things", bounds, 150_000);
    let bounds =
        Bounds { resets: 2, recreations: 1, retention: 1, lost_commit_answers: 1, ..ZOMBIE };
    holds("three epochs", bounds, 400_000);
}

#[test]
fn of_a_store_that_overwrites_when_each_attempt_has_a_key_of_its_own() {
    let overwrites = Bounds { taken: Taken::Overwritten, ..ZOMBIE };
    holds("overwritten", Bounds { assignments: 3, ..overwrites }, 1_000);
    let lost = Bounds { lost_put_answers: 2, ticks: 1, ..overwrites };
    holds("overwritten, lost answers to puts", lost, 1_000);
    let commits = Bounds { lost_commit_answers: 1, moves: 1, assignments: 3, ..overwrites };
    holds("overwritten, late commits", commits, 1_000);
    let gone = Bounds { expiries: 1, lost_put_answers: 1, purges: true, ..overwrites };
    holds("overwritten, an expired offset", gone, 1_000);
    holds("overwritten, retention", Bounds { retention: 1, records: 3, ..overwrites }, 1_000);
}

#[test]
fn of_a_store_that_began_to_overwrite() {
    let bounds = Bounds { taken: Taken::OverwrittenUnknown, assignments: 3, ..ZOMBIE };
    holds("overwritten unknown to some", bounds, 1_000);
    let lost = Bounds { lost_put_answers: 1, layouts: 1, ..bounds };
    holds("overwritten unknown to some, lost answers to puts", lost, 1_000);
}
