//! What the owner of a partition does, in which order, to add links to its
//! chain.

use std::time::Duration;

use crate::{LogPosition, Pin};

/// A moment of a clock that goes on while the machine sleeps, in milliseconds
/// since whenever.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Moment(pub u64);

/// A position of the chain, for the group.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Commit {
    /// The chain's position.
    pub position: LogPosition,
    /// Key of the link that starts there, if it is known by then.
    pub pin: Option<Pin>,
}

/// What is to be done next.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Step {
    /// Ask for the object of this key, then say [`Owner::asked`] or
    /// [`Owner::not_told`].
    Ask(Pin),
    /// Commit, then say [`Owner::committed`]. Without a definitive answer the
    /// owner is one no more.
    Commit(Commit),
    /// Write a checkpoint, then say [`Owner::checkpointed`].
    Checkpoint {
        /// The chain's position.
        position: LogPosition,
        /// Key of the link that starts there.
        pin: Pin,
    },
    /// Sign a put of the object under this key and, if it is earlier than
    /// `before` by then, send it; then say [`Owner::created`] or
    /// [`Owner::exists`]. After any other outcome take the next step.
    Put {
        /// The object's key.
        pin: Pin,
        /// When the position was announced too long ago.
        before: Moment,
    },
    /// Nothing: there is no object to put.
    Rest,
}

/// The owner of a partition's chain, for as long as one assignment lasts.
///
/// A link is added so: its key is announced as part of the committed offset
/// (unless that has been done), a checkpoint of that is written, the object is
/// put, its end is committed. Nothing is put before the announcement of its key
/// is acknowledged, nor later than the put window after the last acknowledged
/// commit was sent.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Owner {
    position: LogPosition,
    pin: Option<Pin>,
    /// When this assignment's last acknowledged commit was sent.
    announced: Option<Moment>,
    checkpoint: CheckpointState,
    /// The object under the pin may be there.
    asking: bool,
    /// A put has found it there.
    stands: bool,
    /// End of the link that stands at the position.
    linked: Option<LogPosition>,
    /// Milliseconds.
    window: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum CheckpointState {
    /// There is no offset topic to write it to.
    Impossible,
    Due,
    Written,
}

impl Owner {
    /// Takes the chain over at `position`. `window` is the put window;
    /// `checkpoints` says whether there is an offset topic.
    pub fn new(
        position: impl Into<LogPosition>,
        pin: Option<Pin>,
        window: Duration,
        checkpoints: bool,
    ) -> Self {
        Self {
            position: position.into(),
            // Whoever has announced it may have put it.
            asking: pin.is_some(),
            pin,
            announced: None,
            checkpoint: match checkpoints {
                true => CheckpointState::Due,
                false => CheckpointState::Impossible,
            },
            stands: false,
            linked: None,
            window: u64::try_from(window.as_millis()).unwrap_or(u64::MAX),
        }
    }

    /// Where the next link starts: the committed offset.
    pub fn position(&self) -> LogPosition {
        self.position
    }

    /// Key of the next link, once it is announced.
    pub fn pin(&self) -> Option<&Pin> {
        self.pin.as_ref()
    }

    /// What is to be done at `now`. `proposal` is the key that the next link
    /// would have by this owner's own layout, if there is an object to put;
    /// `following` the key of the link after it, from that one's offset on, if
    /// its first record is known.
    pub fn step(
        &self,
        now: Moment,
        proposal: Option<&Pin>,
        following: Option<(i64, &Pin)>,
    ) -> Step {
        if let Some(position) = self.linked {
            let following = following.filter(|(first, _)| *first == position.offset);
            let pin = following.map(|(_, pin)| pin.clone());
            return Step::Commit(Commit { position, pin });
        }
        if let (true, Some(pin)) = (self.asking, &self.pin) {
            return Step::Ask(pin.clone());
        }
        let Some(proposal) = proposal else { return Step::Rest };
        let position = self.position;
        let announced = self.announced.map(|sent| Moment(sent.0.saturating_add(self.window)));
        match (&self.pin, announced) {
            (Some(pin), Some(before)) if now < before => match self.checkpoint {
                CheckpointState::Due => Step::Checkpoint { position, pin: pin.clone() },
                _ => Step::Put { pin: pin.clone(), before },
            },
            (pin, _) => {
                let pin = Some(pin.as_ref().unwrap_or(proposal).clone());
                Step::Commit(Commit { position, pin })
            }
        }
    }

    /// The offset topic takes no checkpoints: from now on none is written.
    pub fn without_checkpoints(&mut self) {
        self.checkpoint = CheckpointState::Impossible;
    }

    /// The object under the pin was asked for: it is the link, up to this
    /// position, or there is none.
    pub fn asked(&mut self, link: Option<LogPosition>) {
        (self.asking, self.stands) = (false, false);
        self.linked = link;
    }

    /// The store does not tell whether an object stands under the pin: the put will.
    /// Returns whether it has to be asked again, since the put has told that one does.
    pub fn not_told(&mut self) -> bool {
        self.asking = self.stands;
        self.asking
    }

    /// The put has created the link up to `next`.
    pub fn created(&mut self, next: impl Into<LogPosition>) {
        self.linked = Some(next.into());
    }

    /// The put found an object under its key.
    pub fn exists(&mut self) {
        (self.asking, self.stands) = (true, true);
    }

    /// The commit, which was sent at `sent`, is acknowledged.
    pub fn committed(&mut self, commit: Commit, sent: Moment) {
        let Commit { position, pin } = commit;
        if (position, &pin) != (self.position, &self.pin)
            && self.checkpoint == CheckpointState::Written
        {
            self.checkpoint = CheckpointState::Due;
        }
        (self.position, self.pin, self.linked) = (position, pin, None);
        self.announced = Some(sent);
    }

    /// The checkpoint of the position and its pin is acknowledged.
    pub fn checkpointed(&mut self) {
        self.checkpoint = CheckpointState::Written;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOW: Duration = Duration::from_millis(100);

    fn pin(name: &str) -> Pin {
        Pin::new(name.to_owned())
    }

    fn commit(position: impl Into<LogPosition>, key: Option<&str>) -> Commit {
        Commit { position: position.into(), pin: key.map(pin) }
    }

    fn owner_at(position: i64, key: Option<&str>) -> Owner {
        Owner::new(position, key.map(pin), WINDOW, true)
    }

    #[test]
    fn a_link_is_announced_checkpointed_put_and_committed() {
        let mut owner = owner_at(10, None);
        let next = |owner: &Owner| owner.step(Moment(0), Some(&pin("a")), None);

        assert_eq!(next(&owner), Step::Commit(commit(10, Some("a"))));
        owner.committed(commit(10, Some("a")), Moment(0));
        assert_eq!(next(&owner), Step::Checkpoint { position: 10.into(), pin: pin("a") });
        owner.checkpointed();
        assert_eq!(next(&owner), Step::Put { pin: pin("a"), before: Moment(100) });
        owner.created(15);
        assert_eq!(next(&owner), Step::Commit(commit(15, None)));
        owner.committed(commit(15, None), Moment(1));
        assert_eq!((owner.position(), owner.pin()), (15.into(), None));
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
        assert_eq!(step, Step::Checkpoint { position: 15.into(), pin: pin("b") });
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

    #[test]
    fn whatever_is_committed_says_of_which_leader_the_record_before_was() {
        let at = |offset, leader_epoch| LogPosition { offset, leader_epoch: Some(leader_epoch) };
        let mut owner = Owner::new(at(10, 3), None, WINDOW, true);
        let next = |owner: &Owner| owner.step(Moment(0), Some(&pin("a")), None);

        let announcement = commit(at(10, 3), Some("a"));
        assert_eq!(next(&owner), Step::Commit(announcement.clone()));
        owner.committed(announcement, Moment(0));
        assert_eq!(next(&owner), Step::Checkpoint { position: at(10, 3), pin: pin("a") });
        owner.created(at(15, 4));
        assert_eq!(next(&owner), Step::Commit(commit(at(15, 4), None)));
        owner.committed(commit(at(15, 4), None), Moment(1));
        assert_eq!(owner.position(), at(15, 4));
    }

    #[test]
    fn without_an_offset_topic_nothing_waits_for_a_checkpoint() {
        let mut owner = Owner::new(10, None, WINDOW, false);
        owner.committed(commit(10, Some("a")), Moment(0));
        let step = owner.step(Moment(1), Some(&pin("a")), None);
        assert_eq!(step, Step::Put { pin: pin("a"), before: Moment(100) });
    }
}
