//! What the owner of a partition does, in which order, to add links to its
//! chain.

use std::time::Duration;

use crate::{Link, LogPosition, Pin, Tally};

/// A moment of a clock that goes on while the machine sleeps, in milliseconds
/// since whenever.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Moment(pub u64);

impl Moment {
    /// So long after it.
    #[must_use]
    pub fn after(self, time: Duration) -> Self {
        let millis = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        Self(self.0.saturating_add(millis))
    }
}

/// Where a chain stands: what the group and the offset topic hold of it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Commit {
    /// The chain's position.
    pub position: LogPosition,
    /// Key of the link that starts there, if it is announced.
    pub pin: Option<Pin>,
    /// How many owners the chain has had, with the one who has committed it.
    /// Neither a clock nor a name tells who came later.
    pub owners: u64,
    /// What it has come to.
    pub tally: Tally,
}

impl Commit {
    /// Of a chain that nobody has owned yet: it starts at `position`.
    pub fn start(position: impl Into<LogPosition>) -> Self {
        Self { position: position.into(), pin: None, owners: 0, tally: Tally::default() }
    }
}

/// Under which key a link is put.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Keys {
    /// Whoever makes a link puts it under the key that was announced for it, unless that
    /// is the own one of an attempt. The store refuses all but the first.
    Shared,
    /// Each attempt puts it under a key of its own, whatever was announced before:
    /// the store overwrites, so that of two under one key the later would replace
    /// the one that was committed. A record may stand in several objects then.
    Own,
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
    /// Send a checkpoint of what is committed, if it is earlier than `before` by
    /// then, and say [`Owner::checkpointed`] once it is acknowledged. After any
    /// other outcome take the next step.
    Checkpoint {
        /// What is committed.
        commit: Commit,
        /// When it was committed too long ago.
        before: Moment,
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
/// put, its end is committed; where that announces nothing, since no further
/// record is known, a checkpoint of the bare end is written. Nothing is put before
/// the announcement of its key is acknowledged; no put and no checkpoint is sent
/// later than the put window after the last acknowledged commit was sent.
///
/// An attempt's own key has one body for ever: whoever proposes it proposes no other
/// body under it, and nobody else puts anything there. So what stands there can be
/// adopted whatever the store does, and what stands under a key that others share
/// cannot where it overwrites.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Owner {
    /// What is committed, and the own number.
    at: Commit,
    keys: Keys,
    /// When this assignment's last acknowledged commit was sent.
    announced: Option<Moment>,
    checkpoint: CheckpointState,
    /// The object under the pin may be there.
    asking: bool,
    /// A put has found it there.
    stands: bool,
    /// The link that stands at the position.
    linked: Option<Link>,
    /// The group holds no offset: it gets this one, also where there is nothing to put.
    restores: bool,
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
    /// Takes the chain over from whoever has committed `found`. `window` is the put
    /// window; `checkpoints` says whether there is an offset topic.
    pub fn new(found: Commit, window: Duration, checkpoints: bool, keys: Keys) -> Self {
        let owners = found.owners.saturating_add(1);
        // Whoever has announced it may have put it. Where the store overwrites, what
        // stands under a key that others share may be another object by tomorrow.
        let is_lasting = |pin: &Pin| keys == Keys::Shared || pin.is_own();
        Self {
            asking: found.pin.as_ref().is_some_and(is_lasting),
            at: Commit { owners, ..found },
            keys,
            announced: None,
            checkpoint: match checkpoints {
                true => CheckpointState::Due,
                false => CheckpointState::Impossible,
            },
            stands: false,
            linked: None,
            restores: false,
            window: u64::try_from(window.as_millis()).unwrap_or(u64::MAX),
        }
    }

    /// The same, of which only the offset topic has told.
    pub fn restoring(found: Commit, window: Duration, checkpoints: bool, keys: Keys) -> Self {
        Self { restores: true, ..Self::new(found, window, checkpoints, keys) }
    }

    /// Where the next link starts: the committed offset.
    pub fn position(&self) -> LogPosition {
        self.at.position
    }

    /// Key that the next link has to have, whoever makes it: what was announced, unless
    /// that is an attempt's own, or each has one.
    pub fn pin(&self) -> Option<&Pin> {
        self.at.pin.as_ref().filter(|pin| self.shares(pin))
    }

    fn shares(&self, pin: &Pin) -> bool {
        self.keys == Keys::Shared && !pin.is_own()
    }

    /// Under which key the next link is put.
    pub fn keys(&self) -> Keys {
        self.keys
    }

    /// Where the chain stands, for the owner after this one.
    pub fn standing(&self) -> &Commit {
        &self.at
    }

    /// What is to be done at `now`. `proposal` is the key that the next link
    /// would have by this owner's own layout, if there is an object to put;
    /// `following` the key of a link of which the first record is known, from that
    /// one's offset on.
    pub fn step(
        &self,
        now: Moment,
        proposal: Option<&Pin>,
        following: Option<(i64, &Pin)>,
    ) -> Step {
        if let Some(Link { end: position, tally }) = self.linked {
            let pin = following.filter(|(first, _)| *first == position.offset);
            let pin = pin.map(|(_, pin)| pin.clone());
            let (owners, tally) = (self.at.owners, self.at.tally.plus(tally));
            return Step::Commit(Commit { position, pin, owners, tally });
        }
        if let (true, Some(pin)) = (self.asking, &self.at.pin) {
            return Step::Ask(pin.clone());
        }
        let before = self.announced.map(|sent| Moment(sent.0.saturating_add(self.window)));
        let before = before.filter(|before| now < *before);
        let is_due = self.checkpoint == CheckpointState::Due;
        match (proposal, &self.at.pin) {
            (Some(proposal), Some(pin)) if self.shares(pin) || pin == proposal => match before {
                Some(before) if is_due => self.write_checkpoint(before),
                Some(before) => Step::Put { pin: pin.clone(), before },
                None => Step::Commit(self.at.clone()),
            },
            (Some(proposal), _) => {
                Step::Commit(Commit { pin: Some(proposal.clone()), ..self.at.clone() })
            }
            (None, None) if self.restores && self.announced.is_none() => {
                Step::Commit(self.at.clone())
            }
            // The next announcement is checkpointed in its place.
            (None, None) if is_due && self.announced.is_some() && following.is_none() => before
                .map_or_else(
                    || Step::Commit(self.at.clone()),
                    |before| self.write_checkpoint(before),
                ),
            (None, _) => Step::Rest,
        }
    }

    fn write_checkpoint(&self, before: Moment) -> Step {
        Step::Checkpoint { commit: self.at.clone(), before }
    }

    /// The offset topic takes no checkpoints: from now on none is written.
    pub fn without_checkpoints(&mut self) {
        self.checkpoint = CheckpointState::Impossible;
    }

    /// The object under the pin was asked for: it is this link, or there is none.
    pub fn asked(&mut self, link: Option<Link>) {
        (self.asking, self.stands) = (false, false);
        self.linked = link;
    }

    /// The store does not tell whether an object stands under the pin: the put will.
    /// Returns whether it has to be asked again, since the put has told that one does.
    pub fn not_told(&mut self) -> bool {
        self.asking = self.stands;
        self.asking
    }

    /// The put has created the link.
    pub fn created(&mut self, link: impl Into<Link>) {
        self.linked = Some(link.into());
    }

    /// The put found an object under its key.
    pub fn exists(&mut self) {
        (self.asking, self.stands) = (true, true);
    }

    /// The commit, which was sent at `sent`, is acknowledged.
    pub fn committed(&mut self, commit: Commit, sent: Moment) {
        if commit != self.at && self.checkpoint == CheckpointState::Written {
            self.checkpoint = CheckpointState::Due;
        }
        (self.at, self.linked) = (commit, None);
        self.announced = Some(sent);
    }

    /// The checkpoint of what is committed is acknowledged.
    pub fn checkpointed(&mut self) {
        self.checkpoint = CheckpointState::Written;
    }
}

#[cfg(test)]
mod tests;
