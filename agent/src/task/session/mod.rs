//! One consumer's life: it joins the group, takes up and gives up partitions
//! as the group says, commits for their loops, and ends.
//!
//! The only place that handles rebalances and commits: a revocation is
//! acknowledged only when the loops of its partitions have ended and every
//! commit of them has its answer.

mod abandoned;
mod end;
mod events;
mod exits;
mod looks;
mod moves;
mod revocation;
mod searches;
mod unfetchable;

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::CString;
use std::sync::Arc;
use std::time::{Duration, Instant};

use kafka2oss_domain::ErrorCode;
use kafka2oss_domain::error_code::Problem;
use kafka2oss_kafka::{BrokerAdmin, Calls, Shared};
use tokio::sync::{Notify, mpsc, watch};
use tokio::task::JoinSet;

use self::moves::Deferred;
use self::revocation::Revocation;
use self::searches::Found;
use self::unfetchable::Suspicion;
use crate::partition::{CommitRequest, PAUSE_LIMIT};
use crate::report::Severity;
use crate::task::backlog::first_wait;
use crate::task::board::Board;
use crate::task::checkpoints::CheckpointTopic;
use crate::task::commits::PendingCommits;
use crate::task::consumer;
use crate::task::fetch_limit::FetchLimit;
use crate::task::fetch_wait::{FetchWait, WaitChoice};
use crate::task::group_look::Schedule;
use crate::task::partitions::Partitions;
use crate::task::prefetch::Prefetch;
use crate::task::renewal::{Absence, Renewals};
use crate::task::settings::Fetching;
use crate::task::starving::Starving;
use crate::task::stopping::Stopping;
use crate::task::task_consumer::TaskConsumer;
use crate::task::{
    Guidance, Incarnation, Membership, Mode, StopMode, TaskEnvironment, TaskSpec, TaskState,
};

/// How often the consumer is looked after when nothing wakes its actor.
const TICK: Duration = Duration::from_secs(1);

/// From one look at whether the group has been left to the next.
const LEAVE_LOOK: Duration = Duration::from_millis(5);

/// A trouble that librdkafka does not repeat for this long is over, for who has joined
/// the group: it does not repeat why it cannot.
const TROUBLE_PASSES: Duration = Duration::from_secs(30);

/// From a consumer's start to the removal of earlier owners' checkpoints.
const TIDY_AFTER: Duration = Duration::from_secs(10);

/// Commits that wait for the actor: one a partition at most.
const COMMIT_QUEUE: usize = 64;

/// Why a session ended.
pub(super) enum End {
    /// It was told to.
    Stopped,
    /// It is to join the group again, and to fetch with this wait.
    Rejoin(FetchWait),
    /// It was without its group for too long: another one is to join it at once.
    Lost,
    /// Another consumer is needed.
    Failed(Problem),
}

/// What steers a task.
#[derive(Clone)]
pub(super) struct Steering {
    /// What the task is told.
    pub guidance: watch::Receiver<Guidance>,
    /// Set once, to stop.
    pub stop: watch::Receiver<Option<StopMode>>,
}

/// What a task keeps from one consumer to the next.
pub(super) struct Lasting {
    /// Whether the topic is the epoch's.
    pub incarnation: Arc<Incarnation>,
    /// How its consumers follow one another.
    pub renewals: Arc<Renewals>,
    /// Calls of its consumers that wait.
    pub calls: Arc<Calls>,
}

struct Session {
    spec: Arc<TaskSpec>,
    board: Arc<Board>,
    consumer: TaskConsumer,
    partitions: Partitions,
    commits: PendingCommits,
    revocation: Option<Revocation>,
    /// What waits for the end of a revocation.
    deferred: Vec<Deferred>,
    /// Partitions of which a pause has given up what was open, until no commit of theirs
    /// is under way.
    abandoned: BTreeSet<i32>,
    incarnation: Arc<Incarnation>,
    admin: Arc<Shared<BrokerAdmin>>,
    checkpoints: Arc<CheckpointTopic>,
    membership: Membership,
    guidance: Guidance,
    /// When it was told to pause, if it was, or has begun.
    paused_at: Instant,
    /// The decision about each partition under which it was last taken up.
    resumed: BTreeMap<i32, u64>,
    /// Searches for positions that the group does not hold, and checks.
    searches: JoinSet<Found>,
    /// The group was seen to keep what commits carry besides their offset.
    metadata_checked: bool,
    /// When it is looked who has the partitions of the topic.
    group_looks: Schedule,
    /// Where partitions ended when it was last looked.
    looked_ends: BTreeMap<i32, i64>,
    /// Partitions that ask for records and get none.
    starving: Starving,
    renewals: Arc<Renewals>,
    /// It ends only to join the group again, and to fetch with this wait.
    rejoins: Option<FetchWait>,
    /// How long its fetches wait.
    wait_choice: WaitChoice,
    /// How large an answer to a fetch may be.
    fetch_limit: FetchLimit,
    suspicion: Suspicion,
    /// When what earlier owners have left in the offset topic is removed.
    tidy_at: Option<Instant>,
    stopping: Option<Stopping>,
    /// The group has given an assignment, which was not lost since.
    joined: bool,
    /// It has given partitions back, and the group's next assignment is to come.
    rejoins_group: bool,
    had_joined: bool,
    absence: Absence,
    /// When it is seen whether the consumer's own thread serves it; `None` while it is.
    ask_at: Option<Instant>,
    is_lost: bool,
    troubled: Option<Instant>,
    topic: CString,
}

/// Runs a consumer until it is told to stop or is of no more use.
pub(super) async fn run(
    spec: &Arc<TaskSpec>,
    environment: &TaskEnvironment,
    board: &Arc<Board>,
    lasting: &Lasting,
    needed: Option<FetchWait>,
    steering: &mut Steering,
) -> End {
    board.starting(steering.guidance.borrow().mode);
    let Lasting { incarnation, renewals, calls } = lasting;
    let topic = match CString::new(spec.spec.source.topic.clone()) {
        Ok(topic) => topic,
        Err(_) => {
            let message = "the topic's name has a zero byte";
            return End::Failed(Problem::new(ErrorCode::FieldInvalid, message));
        }
    };
    let topics = environment.clients.internal_topics.of(&spec.instance);
    let checkpoints = Arc::new(CheckpointTopic::new(spec.clone(), topics));
    checkpoints.prepare();
    let wait = async {
        match needed {
            Some(needed) => needed,
            None => first_wait(spec, environment).await,
        }
    };
    let (confirmed, wait) = tokio::join!(incarnation.confirm(Instant::now()), wait);
    if let Err(problem) = confirmed {
        return End::Failed(problem);
    }
    let wake = Arc::new(Notify::new());
    let prefetch = Prefetch::reserve(&environment.memory, spec);
    let limit = prefetch.limit;
    let fetching = Fetching { ahead: prefetch.partition_bytes, wait, limit };
    let membership = environment.membership;
    let joined = consumer::join_group(spec, membership, fetching, wake.clone(), calls).await;
    let consumer = match joined {
        Ok(consumer) => consumer,
        Err(problem) => return End::Failed(problem),
    };
    let (commit_sender, commit_requests) = mpsc::channel(COMMIT_QUEUE);
    let guidance = steering.guidance.borrow_and_update().clone();
    let mut session = Session {
        partitions: Partitions::new(
            spec.clone(),
            environment.clone(),
            board.clone(),
            commit_sender,
            incarnation.clone(),
            checkpoints.clone(),
            prefetch,
        ),
        commits: PendingCommits::new(spec.spec.source.topic.clone(), consumer::identity(spec)),
        spec: spec.clone(),
        board: board.clone(),
        consumer: consumer.clone(),
        revocation: None,
        deferred: Vec::new(),
        abandoned: BTreeSet::new(),
        incarnation: incarnation.clone(),
        admin: environment.clients.admins.of(&spec.instance),
        stopping: None,
        checkpoints,
        membership,
        resumed: BTreeMap::new(),
        guidance,
        paused_at: Instant::now(),
        searches: JoinSet::new(),
        metadata_checked: false,
        group_looks: Schedule::default(),
        looked_ends: BTreeMap::new(),
        starving: Starving::default(),
        renewals: renewals.clone(),
        rejoins: None,
        wait_choice: WaitChoice::new(wait, needed.is_some(), Instant::now()),
        fetch_limit: limit,
        suspicion: Suspicion::default(),
        tidy_at: Some(Instant::now() + TIDY_AFTER),
        joined: false,
        rejoins_group: false,
        had_joined: false,
        absence: Absence::begin(renewals.patience(), Instant::now()),
        is_lost: false,
        ask_at: Some(Instant::now()),
        troubled: None,
        topic,
    };
    let end = session.serve(&wake, commit_requests, steering).await;
    let (rejoins, is_lost) = (session.rejoins, session.is_lost);
    match session.had_joined {
        true => renewals.joined(),
        false if is_lost => renewals.in_vain(),
        false => {}
    }
    session.partitions.abort_all().await;
    session.searches.shutdown().await;
    drop(session);
    consumer::close(consumer).await;
    match end {
        Ok(()) => rejoins.map_or(End::Stopped, End::Rejoin),
        Err(_) if is_lost => End::Lost,
        Err(problem) => End::Failed(problem),
    }
}

impl Session {
    async fn serve(
        &mut self,
        wake: &Notify,
        mut requests: mpsc::Receiver<CommitRequest>,
        steering: &mut Steering,
    ) -> Result<(), Problem> {
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = wake.notified() => {}
                // Nothing tells when it has left.
                () = tokio::time::sleep(LEAVE_LOOK), if self.leaves() => {}
                _ = tick.tick() => self.look_after()?,
                Some(request) = requests.recv() => self.commit(request),
                ended = self.partitions.ended() => self.ended(ended).await?,
                Some(found) = self.searches.join_next() => self.found(found).await?,
                Ok(()) = steering.guidance.changed(), if self.stopping.is_none() => {
                    let guidance = steering.guidance.borrow_and_update().clone();
                    self.guide(guidance).await?;
                }
                Ok(()) = steering.stop.changed(), if self.may_be_stopped() => {
                    if let Some(mode) = *steering.stop.borrow_and_update() {
                        self.stop(mode);
                    }
                }
            }
            self.poll().await?;
            self.finish_revocation().await?;
            self.take_up_abandoned().await?;
            self.publish_state();
            if self.has_stopped().await? {
                return Ok(());
            }
        }
    }

    /// What is due from time to time.
    fn look_after(&mut self) -> Result<(), Problem> {
        if let Some(problem) = self.commits.overdue(self.answer_timeout()) {
            return Err(problem);
        }
        self.look_for_the_group()?;
        self.see_whether_it_lives();
        self.send_refused_again();
        self.board.lives();
        self.look_at_group();
        if self.tidy_at.is_some_and(|at| at <= Instant::now()) {
            self.tidy_at = None;
            let checkpoints = self.checkpoints.clone();
            self.searches.spawn(async move {
                checkpoints.remove_lower().await;
                Found::Nothing
            });
        }
        if self.joined && self.troubled.is_some_and(|since| since.elapsed() > TROUBLE_PASSES) {
            self.untroubled();
        }
        self.look_at_wait();
        self.look_at_ends();
        self.look_for_unfetchable();
        self.board.tell_positions();
        Ok(())
    }

    fn untroubled(&mut self) {
        if self.troubled.take().is_some() {
            self.board.log(Severity::Info, None, None, None, "recovered".to_owned());
            self.board.untroubled();
        }
    }

    fn publish_state(&self) {
        let rests = self.revocation.is_none() && self.board.all_paused();
        // A group that cannot be joined holds up no pause: nothing is open.
        let need_not_join = || self.board.is_paused() || self.paused_at.elapsed() >= PAUSE_LIMIT;
        let state = match self.guidance.mode {
            Mode::Pause if rests && (self.joined || need_not_join()) => TaskState::Paused,
            _ if !self.joined => TaskState::Starting,
            _ => TaskState::Running,
        };
        self.board.state(state);
    }
}
