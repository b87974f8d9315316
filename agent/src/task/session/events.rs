//! What the consumer has to say, and what is said to it for the loops.

use std::time::Instant;

use kafka2oss_domain::ErrorCode;
use kafka2oss_domain::error_code::Problem;
use kafka2oss_kafka::{Right, classify};
use rdkafka::consumer::Consumer;

use super::Session;
use crate::partition::{CommitError, CommitRequest};
use crate::task::context::Event;
use crate::task::{consumer, task_consumer};

impl Session {
    /// Serves everything that the consumer has to say.
    pub(super) async fn poll(&mut self) -> Result<(), Problem> {
        self.hear()?;
        while let Some(event) = self.consumer.context().next_event() {
            self.handle(event).await?;
        }
        Ok(())
    }

    /// Lets the consumer say what it has to say; events are noted.
    pub(super) fn hear(&mut self) -> Result<(), Problem> {
        while let Some(said) = task_consumer::poll(&self.consumer) {
            match said {
                None => {}
                Some(Ok(message)) => {
                    // Every partition has a queue of its own before it is
                    // assigned.
                    let message = format!(
                        "a record of partition {} came by the main queue",
                        rdkafka::Message::partition(&message)
                    );
                    return Err(Problem::new(ErrorCode::Internal, message));
                }
                Some(Err(error)) => {
                    let problem = self.consumer.context().errors.problem("the consumer", &error);
                    let problem = self.naming_right(problem);
                    // A new consumer reads the secrets anew.
                    let refused = classify::is_refusal(problem.code);
                    if refused || consumer::is_fatal(&error) {
                        return Err(problem);
                    }
                    self.troubled = Some(Instant::now());
                    if problem.code != ErrorCode::KafkaGroupInUse {
                        self.board.troubled(&problem);
                    } else if !self.board.has_trouble(ErrorCode::KafkaGroupInUse) {
                        // By whom shows when the group is looked at.
                        self.group_looks.soon(Instant::now());
                        self.board.troubled(&problem);
                    }
                }
            }
        }
        Ok(())
    }

    /// Names the right that the group's member lacks, if that is the problem.
    fn naming_right(&self, problem: Problem) -> Problem {
        let spec = &self.spec.spec;
        let right = match problem.code {
            ErrorCode::KafkaGroupAuthorizationFailed => {
                Right::on_group("READ", &spec.resources.task_consumer_group)
            }
            _ => Right::on_topic("READ", &spec.source.topic),
        };
        right.named_in(problem)
    }

    async fn handle(&mut self, event: Event) -> Result<(), Problem> {
        tracing::debug!(task = self.spec.index, ?event, "consumer event");
        match event {
            Event::Assigned(partitions) => {
                self.take_up(partitions).await?;
                self.consumer.context().assigned();
                (self.joined, self.had_joined, self.rejoins_group) = (true, true, false);
                self.group_looks.assigned(Instant::now());
                self.board.joined();
                self.untroubled();
                self.send_refused_again();
                Ok(())
            }
            Event::Revoked(partitions) => {
                self.begin_revocation(partitions);
                Ok(())
            }
            Event::Committed { partition, offset, outcome } => {
                if self.commits.answered(&self.consumer, partition, offset, outcome) {
                    self.untroubled();
                    self.check_metadata(partition);
                }
                match self.commits.unheard() {
                    // Its loop was given up meanwhile, and cannot ask for another consumer.
                    Some(problem) if self.stopping.is_none() => Err(problem),
                    _ => Ok(()),
                }
            }
            Event::Failed(error) => {
                Err(self.consumer.context().errors.problem("the group's rebalance failed", &error))
            }
        }
    }

    pub(super) fn commit(&mut self, request: CommitRequest) {
        let CommitRequest { partition, commit, .. } = &request;
        tracing::debug!(
            task = self.spec.index,
            partition,
            offset = commit.position.offset,
            "commit"
        );
        if self.partitions.is_current(request.partition, request.assignment) {
            self.commits.send(&self.consumer, request);
        } else {
            self.commits.answer(request, Err(CommitError::Revoked));
        }
    }

    pub(super) fn send_refused_again(&mut self) {
        let Self { commits, consumer, partitions, .. } = self;
        commits.send_refused_again(consumer, |partition, assignment| {
            partitions.is_current(partition, assignment)
        });
    }
}
