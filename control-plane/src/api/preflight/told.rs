//! What was told of a preflight, and what all of it came to.

use std::collections::BTreeSet;

use kafka2oss_domain::ErrorCode;
use kafka2oss_domain::preflight::{Check, Part};
use kafka2oss_proto::v1::{self, PreflightStatus as Status};
use tokio::sync::mpsc;

use crate::text::shorten;

/// Checks of an agent in one preflight: more than any cluster has brokers that are asked.
const MOST: usize = 500;
/// Length of a text in bytes.
const MAX_TEXT: usize = 2_000;

/// Tells a caller one check after the other.
pub(super) struct Told<'a> {
    sender: &'a mpsc::Sender<Result<v1::ValidateConnectorResponse, tonic::Status>>,
    summary: v1::PreflightSummary,
    seen: BTreeSet<Check>,
    left: usize,
}

impl<'a> Told<'a> {
    pub(super) fn new(
        sender: &'a mpsc::Sender<Result<v1::ValidateConnectorResponse, tonic::Status>>,
    ) -> Self {
        let summary = v1::PreflightSummary::default();
        Self { sender, summary, seen: BTreeSet::new(), left: MOST }
    }

    /// The agent that is asked.
    pub(super) fn by(&mut self, agent: &str) {
        self.summary.agent = format!("agents/{agent}");
    }

    /// Tells a check.
    pub(super) async fn tell(&mut self, check: v1::PreflightCheck) {
        self.seen.extend(check.name.parse::<Check>());
        count(&mut self.summary, check.status());
        self.send(v1::validate_connector_response::Event::Check(check)).await;
    }

    /// Tells a check of an agent's, as far as it is one.
    pub(super) async fn tell_of_agent(&mut self, check: v1::PreflightCheck) {
        let Some(check) = of_agent(check) else {
            return tracing::debug!("an agent told of a check that this version does not know");
        };
        match self.left.checked_sub(1) {
            Some(left) => {
                self.left = left;
                self.tell(check).await;
            }
            None => tracing::debug!("an agent told of more checks than there can be"),
        }
    }

    /// The checks of an agent of which nothing was told.
    pub(super) fn missing(&self) -> Vec<Check> {
        let of_agents = Check::ALL.iter().filter(|check| check.part() != Part::Service);
        of_agents.filter(|check| !self.seen.contains(check)).copied().collect()
    }

    /// Tells the summary.
    pub(super) async fn finish(mut self) {
        let summary = std::mem::take(&mut self.summary);
        self.send(v1::validate_connector_response::Event::Summary(summary)).await;
    }

    async fn send(&self, event: v1::validate_connector_response::Event) {
        let answer = v1::ValidateConnectorResponse { event: Some(event) };
        // Fails once the caller has gone, which ends the work.
        let _ = self.sender.send(Ok(answer)).await;
    }
}

fn count(summary: &mut v1::PreflightSummary, status: Status) {
    match status {
        Status::Pass => summary.passed += 1,
        Status::Skipped => summary.skipped += 1,
        Status::Warn => summary.warned += 1,
        Status::Fail => summary.failed += 1,
        Status::Unspecified => {}
    }
    // Their numbers rise from the best to the worst.
    summary.status = summary.status.max(status.into());
}

/// A check as an agent may tell it: one of its own, with a status, and in few words. What
/// helps is taken from this version's catalogue.
fn of_agent(mut check: v1::PreflightCheck) -> Option<v1::PreflightCheck> {
    let known = check.name.parse::<Check>().ok()?;
    if known.part() == Part::Service || check.status() == Status::Unspecified {
        return None;
    }
    for text in [&mut check.subject, &mut check.code, &mut check.detail] {
        shorten(text, MAX_TEXT);
    }
    let code = check.code.parse::<ErrorCode>();
    check.remedy = code.map_or_else(|_| String::new(), |code| code.remedy().to_owned());
    Some(check)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(name: &str, status: i32) -> v1::PreflightCheck {
        v1::PreflightCheck { name: name.to_owned(), status, ..v1::PreflightCheck::default() }
    }

    #[test]
    fn an_agent_tells_of_its_own_checks_only_and_in_few_words() {
        let pass = Status::Pass.into();
        for (name, status) in
            [("pool.agents", pass), ("kafka.moon", pass), ("kafka.topic", 0), ("kafka.topic", 9)]
        {
            assert_eq!(of_agent(check(name, status)), None, "{name} {status}");
        }
        let long = v1::PreflightCheck {
            code: "KAFKA_TOPIC_NOT_FOUND".to_owned(),
            detail: "x".repeat(100_000),
            remedy: "send money".to_owned(),
            ..check("kafka.topic", Status::Fail.into())
        };
        let kept = of_agent(long).expect("its own");
        assert_eq!(kept.detail.len(), MAX_TEXT);
        assert_eq!(kept.remedy, ErrorCode::KafkaTopicNotFound.remedy());
        let unknown = v1::PreflightCheck { code: "NEW".to_owned(), ..kept };
        assert_eq!(of_agent(unknown).expect("its own").remedy, "");
    }

    #[tokio::test]
    async fn the_summary_counts_what_was_told_and_no_more_than_the_most() {
        let (sender, mut receiver) = mpsc::channel(MOST + 3);
        let mut told = Told::new(&sender);
        told.by("a");
        told.tell(check("spec", Status::Warn.into())).await;
        told.tell(check("pool.agents", Status::Skipped.into())).await;
        for _ in 0..2 * MOST {
            told.tell_of_agent(check("kafka.broker", Status::Pass.into())).await;
        }
        let missing = told.missing();
        assert!(missing.contains(&Check::KafkaTopic) && !missing.contains(&Check::KafkaBroker));
        assert!(missing.iter().all(|check| check.part() != Part::Service));
        told.finish().await;
        drop(sender);
        let mut answers = Vec::new();
        while let Some(answer) = receiver.recv().await {
            answers.push(answer.expect("no error").event.expect("an event"));
        }
        assert_eq!(answers.len(), MOST + 3);
        let summary = v1::PreflightSummary {
            status: Status::Warn.into(),
            passed: i32::try_from(MOST).expect("few"),
            skipped: 1,
            warned: 1,
            failed: 0,
            agent: "agents/a".to_owned(),
        };
        let last = answers.pop().expect("the summary");
        assert_eq!(last, v1::validate_connector_response::Event::Summary(summary));
    }
}
