use super::*;

const WINDOW: Duration = Duration::from_millis(100);

fn pin(name: &str) -> Pin {
    Pin::new(name.to_owned(), name.contains("own"))
}

/// As the owner commits it.
fn commit(position: impl Into<LogPosition>, key: Option<&str>) -> Commit {
    Commit { position: position.into(), pin: key.map(pin), owners: 8, tally: Tally::default() }
}

fn found(position: impl Into<LogPosition>, key: Option<&str>) -> Commit {
    Commit { owners: 7, ..commit(position, key) }
}

fn owner_at(position: i64, key: Option<&str>) -> Owner {
    Owner::new(found(position, key), WINDOW, true, Keys::Shared)
}

fn checkpoint(position: impl Into<LogPosition>, key: Option<&str>, before: u64) -> Step {
    Step::Checkpoint { commit: commit(position, key), before: Moment(before) }
}

#[test]
fn a_link_is_announced_checkpointed_put_and_committed() {
    let mut owner = owner_at(10, None);
    let next = |owner: &Owner| owner.step(Moment(0), Some(&pin("a")), None);

    assert_eq!(next(&owner), Step::Commit(commit(10, Some("a"))));
    owner.committed(commit(10, Some("a")), Moment(0));
    assert_eq!(next(&owner), checkpoint(10, Some("a"), 100));
    owner.checkpointed();
    assert_eq!(next(&owner), Step::Put { pin: pin("a"), before: Moment(100) });
    owner.created(15);
    assert_eq!(next(&owner), Step::Commit(commit(15, None)));
    owner.committed(commit(15, None), Moment(1));
    assert_eq!(owner.standing(), &commit(15, None));
    assert_eq!(owner.step(Moment(2), None, None), checkpoint(15, None, 101));
    owner.checkpointed();
    assert_eq!(owner.step(Moment(2), None, None), Step::Rest);
}

#[test]
fn the_next_announcement_rides_on_the_commit() {
    let mut owner = owner_at(10, None);
    owner.committed(commit(10, Some("a")), Moment(0));
    owner.checkpointed();
    owner.created(15);
    let (a, b) = (pin("a"), pin("b"));

    let step = owner.step(Moment(5), Some(&a), Some((15, &b)));
    assert_eq!(step, Step::Commit(commit(15, Some("b"))));
    owner.committed(commit(15, Some("b")), Moment(5));
    let step = owner.step(Moment(6), Some(&b), None);
    assert_eq!(step, checkpoint(15, Some("b"), 105));
}

#[test]
fn a_key_for_another_offset_does_not_ride() {
    let mut owner = owner_at(10, None);
    owner.created(12);
    let b = pin("b");
    let step = owner.step(Moment(5), None, Some((15, &b)));
    assert_eq!(step, Step::Commit(commit(12, None)));
}

#[test]
fn an_announcement_of_an_earlier_owner_is_asked_for_and_kept() {
    let mut owner = owner_at(10, Some("old"));
    let proposal = pin("new");
    assert_eq!(owner.step(Moment(0), None, None), Step::Ask(pin("old")));

    let mut adopted = owner.clone();
    adopted.asked(Some(13.into()));
    assert_eq!(adopted.step(Moment(0), None, None), Step::Commit(commit(13, None)));

    owner.asked(None);
    assert_eq!(owner.step(Moment(0), None, None), Step::Rest);
    // Not before this assignment has announced it itself.
    let step = owner.step(Moment(0), Some(&proposal), None);
    assert_eq!(step, Step::Commit(commit(10, Some("old"))));
}

#[test]
fn after_the_put_window_the_announcement_is_repeated() {
    let mut owner = owner_at(10, None);
    owner.committed(commit(10, Some("a")), Moment(50));
    owner.checkpointed();
    let proposal = pin("b");
    let step = |owner: &Owner, now| owner.step(Moment(now), Some(&proposal), None);

    assert_eq!(step(&owner, 149), Step::Put { pin: pin("a"), before: Moment(150) });
    assert_eq!(step(&owner, 150), Step::Commit(commit(10, Some("a"))));
    owner.committed(commit(10, Some("a")), Moment(150));
    // What the checkpoint says still holds.
    assert_eq!(step(&owner, 150), Step::Put { pin: pin("a"), before: Moment(250) });
}

#[test]
fn no_checkpoint_is_sent_after_the_put_window() {
    let mut owner = owner_at(10, None);
    owner.committed(commit(10, Some("a")), Moment(0));
    let proposal = pin("a");
    let step = |owner: &Owner, now| owner.step(Moment(now), Some(&proposal), None);
    assert_eq!(step(&owner, 99), checkpoint(10, Some("a"), 100));
    assert_eq!(step(&owner, 100), Step::Commit(commit(10, Some("a"))));
    owner.committed(commit(10, Some("a")), Moment(100));
    assert_eq!(step(&owner, 100), checkpoint(10, Some("a"), 200));

    owner.checkpointed();
    owner.created(15);
    owner.committed(commit(15, None), Moment(150));
    assert_eq!(owner.step(Moment(250), None, None), Step::Commit(commit(15, None)));
}

#[test]
fn a_bare_end_is_checkpointed_only_while_nothing_follows() {
    let mut owner = owner_at(10, Some("a"));
    owner.asked(Some(15.into()));
    owner.committed(commit(15, None), Moment(0));
    let b = pin("b");
    assert_eq!(owner.step(Moment(1), None, Some((15, &b))), Step::Rest);
    assert_eq!(owner.step(Moment(1), None, None), checkpoint(15, None, 100));
    // An owner who has committed nothing has nothing to say.
    assert_eq!(owner_at(15, None).step(Moment(1), None, None), Step::Rest);
    owner.without_checkpoints();
    assert_eq!(owner.step(Moment(1), None, None), Step::Rest);
}

#[test]
fn a_bare_end_that_only_the_offset_topic_holds_is_committed_at_once() {
    let mut owner = Owner::restoring(found(15, None), WINDOW, true, Keys::Shared);
    let next = |owner: &Owner| owner.step(Moment(1), None, None);
    assert_eq!(next(&owner), Step::Commit(commit(15, None)));
    owner.committed(commit(15, None), Moment(1));
    assert_eq!(next(&owner), checkpoint(15, None, 101));
    owner.checkpointed();
    assert_eq!(next(&owner), Step::Rest);
}

#[test]
fn what_exists_is_asked_for_and_put_again_when_it_is_gone() {
    let mut owner = owner_at(10, None);
    owner.committed(commit(10, Some("a")), Moment(0));
    owner.checkpointed();
    owner.exists();
    let proposal = pin("a");
    let step = |owner: &Owner| owner.step(Moment(1), Some(&proposal), None);
    assert_eq!(step(&owner), Step::Ask(pin("a")));
    owner.asked(None);
    assert_eq!(step(&owner), Step::Put { pin: pin("a"), before: Moment(100) });
}

#[test]
fn a_store_that_does_not_tell_what_is_absent_is_asked_by_the_put() {
    let mut owner = owner_at(10, Some("old"));
    assert_eq!(owner.step(Moment(0), None, None), Step::Ask(pin("old")));
    assert!(!owner.not_told());
    assert_eq!(owner.step(Moment(0), None, None), Step::Rest);
    // Neither adopted nor given up: announced by this assignment, then put.
    let proposal = pin("new");
    let step = |owner: &Owner| owner.step(Moment(1), Some(&proposal), None);
    assert_eq!(step(&owner), Step::Commit(commit(10, Some("old"))));
    owner.committed(commit(10, Some("old")), Moment(0));
    owner.checkpointed();
    assert_eq!(step(&owner), Step::Put { pin: pin("old"), before: Moment(100) });

    // The put has told that it is there: nothing but the object itself says more.
    owner.exists();
    assert!(owner.not_told());
    assert_eq!(step(&owner), Step::Ask(pin("old")));
    owner.asked(Some(13.into()));
    assert_eq!(step(&owner), Step::Commit(commit(13, None)));
}

/// On a store that overwrites.
fn owner_with_own_keys(position: i64, key: Option<&str>) -> Owner {
    Owner::new(found(position, key), WINDOW, true, Keys::Own)
}

#[test]
fn an_attempt_puts_under_its_own_key_whatever_was_announced_before() {
    let mine = "my own";
    for announced in [Some("shared"), Some("their own"), None] {
        let mut owner = owner_with_own_keys(10, announced);
        owner.asked(None);
        assert_eq!(owner.pin(), None, "no key binds it");
        let proposal = pin(mine);
        let step = |owner: &Owner| owner.step(Moment(1), Some(&proposal), None);
        assert_eq!(step(&owner), Step::Commit(commit(10, Some(mine))));
        owner.committed(commit(10, Some(mine)), Moment(0));
        assert_eq!(step(&owner), checkpoint(10, Some(mine), 100));
        owner.checkpointed();
        assert_eq!(step(&owner), Step::Put { pin: proposal.clone(), before: Moment(100) });

        // Another body, and so another key: it is announced before it is put.
        let other = owner.step(Moment(1), Some(&pin("my next own")), None);
        assert_eq!(other, Step::Commit(commit(10, Some("my next own"))));
    }
}

#[test]
fn what_another_attempt_has_put_under_its_own_key_is_adopted() {
    for keys in [Keys::Shared, Keys::Own] {
        let mut owner = Owner::new(found(10, Some("their own")), WINDOW, true, keys);
        assert_eq!(owner.step(Moment(0), None, None), Step::Ask(pin("their own")));
        owner.asked(Some(13.into()));
        assert_eq!(owner.step(Moment(0), None, None), Step::Commit(commit(13, None)));
    }
}

#[test]
fn what_stands_under_a_shared_key_may_be_overwritten_and_is_not_adopted() {
    let owner = owner_with_own_keys(10, Some("shared"));
    assert_eq!(owner.step(Moment(0), None, None), Step::Rest);
    let step = owner.step(Moment(0), Some(&pin("my own")), None);
    assert_eq!(step, Step::Commit(commit(10, Some("my own"))));
}

#[test]
fn an_own_key_that_rides_is_the_next_ones() {
    let (first, second) = (pin("first own"), pin("second own"));
    let mut owner = owner_with_own_keys(10, None);
    owner.committed(commit(10, Some("first own")), Moment(0));
    owner.checkpointed();
    owner.created(15);
    let step = owner.step(Moment(5), Some(&first), Some((15, &second)));
    assert_eq!(step, Step::Commit(commit(15, Some("second own"))));
    owner.committed(commit(15, Some("second own")), Moment(5));
    let step = owner.step(Moment(6), Some(&second), None);
    assert_eq!(step, checkpoint(15, Some("second own"), 105));
}

/// By an agent that does not know yet that the store overwrites, say.
#[test]
fn nobody_puts_another_body_under_the_own_key_of_an_attempt() {
    let mut owner = owner_at(10, Some("their own"));
    owner.asked(None);
    assert_eq!(owner.pin(), None);
    let step = owner.step(Moment(1), Some(&pin("shared")), None);
    assert_eq!(step, Step::Commit(commit(10, Some("shared"))));
    owner.committed(commit(10, Some("shared")), Moment(0));
    assert_eq!(owner.pin(), Some(&pin("shared")));
}

#[test]
fn whatever_is_committed_says_of_which_leader_the_record_before_was() {
    let at = |offset, leader_epoch| LogPosition { offset, leader_epoch: Some(leader_epoch) };
    let mut owner = Owner::new(found(at(10, 3), None), WINDOW, true, Keys::Shared);
    let next = |owner: &Owner| owner.step(Moment(0), Some(&pin("a")), None);

    let announcement = commit(at(10, 3), Some("a"));
    assert_eq!(next(&owner), Step::Commit(announcement.clone()));
    owner.committed(announcement, Moment(0));
    assert_eq!(next(&owner), checkpoint(at(10, 3), Some("a"), 100));
    owner.created(at(15, 4));
    assert_eq!(next(&owner), Step::Commit(commit(at(15, 4), None)));
    owner.committed(commit(at(15, 4), None), Moment(1));
    assert_eq!(owner.position(), at(15, 4));
}

#[test]
fn without_an_offset_topic_nothing_waits_for_a_checkpoint() {
    let mut owner = Owner::new(found(10, None), WINDOW, false, Keys::Shared);
    owner.committed(commit(10, Some("a")), Moment(0));
    let step = owner.step(Moment(1), Some(&pin("a")), None);
    assert_eq!(step, Step::Put { pin: pin("a"), before: Moment(100) });
}

#[test]
fn each_link_is_counted_once_with_its_commit() {
    let tally = |records| Tally { records, objects: 1, ..Tally::default() };
    let mut owner =
        Owner::new(Commit { tally: tally(5), ..found(10, None) }, WINDOW, false, Keys::Shared);
    let announced = Commit { tally: tally(5), ..commit(10, Some("a")) };
    assert_eq!(owner.step(Moment(0), Some(&pin("a")), None), Step::Commit(announced.clone()));
    owner.committed(announced.clone(), Moment(0));
    owner.created(Link { end: 15.into(), tally: tally(4) });
    let counted = Tally { records: 9, objects: 2, ..Tally::default() };
    let linked = Commit { tally: counted, ..commit(15, None) };
    assert_eq!(owner.step(Moment(0), None, None), Step::Commit(linked.clone()));
    // As long as it is not acknowledged, it is in no commit.
    assert_eq!(owner.standing(), &announced);
    owner.committed(linked.clone(), Moment(1));
    assert_eq!(owner.standing(), &linked);

    // Whoever comes before that commit adopts the link, and counts it.
    let mut next = Owner::new(announced, WINDOW, false, Keys::Shared);
    next.asked(Some(Link { end: 15.into(), tally: tally(4) }));
    let Step::Commit(commit) = next.step(Moment(0), None, None) else { panic!("it commits") };
    assert_eq!(commit.tally, counted);
}
