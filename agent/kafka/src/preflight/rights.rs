//! Which operations are allowed, by name. No I/O.

use kafka2oss_domain::ErrorCode;
use kafka2oss_domain::error_code::Problem;
use kafka2oss_domain::preflight::{Check, Finding};

use crate::admin::Operations;
use crate::plan::Kind;
use crate::right::Right;

/// What the brokers say of the operations that they allow; `None` where they do not tell.
pub(super) type Allowed = Result<Option<Operations>, Problem>;

/// What follows where an operation is not allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Need {
    /// The connector does not run.
    ToRun,
    /// It runs.
    Besides,
}

/// The rights on the source topic.
pub(super) fn of_source(topic: &str, allowed: &Allowed) -> Vec<Finding> {
    [
        (Check::KafkaTopicRead, "READ", Need::ToRun),
        (Check::KafkaTopicDescribeConfigs, "DESCRIBE_CONFIGS", Need::Besides),
        (Check::KafkaTopicWrite, "WRITE", Need::Besides),
    ]
    .into_iter()
    .map(|(check, operation, need)| on_topic(check, topic, &[operation], need, allowed))
    .collect()
}

/// The rights on a topic that exists and that the connector writes to.
pub(super) fn of_resource(kind: Kind, topic: &str, allowed: &Allowed) -> Option<Finding> {
    let (check, operations, need): (_, &[&'static str], _) = match kind {
        Kind::Internal => (Check::KafkaInternalTopicWrite, &["READ", "WRITE"], Need::Besides),
        Kind::Error => (Check::KafkaErrorTopicWrite, &["WRITE"], Need::ToRun),
        Kind::Group => return None,
    };
    Some(on_topic(check, topic, operations, need, allowed))
}

/// The same of one that is not there.
pub(super) fn of_none(kind: Kind, topic: &str, why: &str) -> Option<Finding> {
    let check = match kind {
        Kind::Internal => Check::KafkaInternalTopicWrite,
        Kind::Error => Check::KafkaErrorTopicWrite,
        Kind::Group => return None,
    };
    Some(Finding::skipped(check, topic, why))
}

/// The right on the group, where it could be described.
pub(super) fn of_group(group: &str, allowed: Option<&Operations>) -> Finding {
    let rights = [Right::on_group("READ", group)];
    let code = ErrorCode::KafkaGroupAuthorizationFailed;
    decide(Check::KafkaGroupRead, group, &["READ"], &rights, code, Need::ToRun, allowed)
}

/// The right on the group, where that could not even be asked.
pub(super) fn refused_group(group: &str, problem: Problem, needs: &Right) -> Finding {
    match problem.code {
        ErrorCode::KafkaGroupAuthorizationFailed => {
            let message = format!("{needs} is not allowed: {}", problem.message);
            let problem = Problem::new(problem.code, message);
            Finding::fail(Check::KafkaGroupRead, group, problem)
        }
        _ => Finding::skipped(Check::KafkaGroupRead, group, problem.message),
    }
}

fn on_topic(
    check: Check,
    topic: &str,
    operations: &[&'static str],
    need: Need,
    allowed: &Allowed,
) -> Finding {
    let allowed = match allowed {
        Ok(allowed) => allowed.as_ref(),
        Err(problem) => return Finding::skipped(check, topic, problem.message.clone()),
    };
    let rights: Vec<_> = operations.iter().map(|one| Right::on_topic(one, topic)).collect();
    let code = ErrorCode::KafkaTopicAuthorizationFailed;
    decide(check, topic, operations, &rights, code, need, allowed)
}

fn decide(
    check: Check,
    subject: &str,
    operations: &[&str],
    rights: &[Right],
    code: ErrorCode,
    need: Need,
    allowed: Option<&Operations>,
) -> Finding {
    let Some(allowed) = allowed else {
        let why = "the brokers do not tell which operations they allow";
        return Finding::skipped(check, subject, why);
    };
    let missing: Vec<String> = operations
        .iter()
        .zip(rights)
        .filter(|(operation, _)| !allowed.contains(**operation))
        .map(|(_, right)| right.to_string())
        .collect();
    if missing.is_empty() {
        return Finding::pass(check, subject, format!("allowed: {}", operations.join(", ")));
    }
    let problem = Problem::new(code, format!("not allowed: {}", missing.join(", ")));
    match need {
        Need::ToRun => Finding::fail(check, subject, problem),
        Need::Besides => Finding::warn(check, subject, problem),
    }
}

#[cfg(test)]
mod tests {
    use kafka2oss_domain::preflight::Verdict;

    use super::*;

    fn allowed(operations: &[&str]) -> Allowed {
        Ok(Some(operations.iter().map(|one| (*one).to_owned()).collect()))
    }

    fn verdicts(findings: &[Finding]) -> Vec<(&'static str, Verdict)> {
        findings.iter().map(|one| (one.check.as_str(), one.verdict)).collect()
    }

    #[test]
    fn each_operation_on_the_source_has_its_own_check() {
        let all = ["DESCRIBE", "DESCRIBE_CONFIGS", "READ", "WRITE"];
        let (read, configs, write) =
            ("kafka.topic.read", "kafka.topic.describe_configs", "kafka.topic.write");
        for (missing, expected) in [
            ("", [Verdict::Pass, Verdict::Pass, Verdict::Pass]),
            ("READ", [Verdict::Fail, Verdict::Pass, Verdict::Pass]),
            ("DESCRIBE_CONFIGS", [Verdict::Pass, Verdict::Warn, Verdict::Pass]),
            ("WRITE", [Verdict::Pass, Verdict::Pass, Verdict::Warn]),
        ] {
            let left: Vec<_> = all.into_iter().filter(|one| *one != missing).collect();
            let found = of_source("t", &allowed(&left));
            let expected: Vec<_> = [read, configs, write].into_iter().zip(expected).collect();
            assert_eq!(verdicts(&found), expected, "without {missing}");
            for one in found.iter().filter(|one| one.verdict != Verdict::Pass) {
                assert_eq!(one.code, Some(ErrorCode::KafkaTopicAuthorizationFailed));
                assert_eq!(one.detail, format!("not allowed: {missing} on topic `t`"));
            }
        }
    }

    #[test]
    fn what_the_brokers_do_not_tell_is_skipped() {
        let silent = Problem::new(ErrorCode::KafkaUnreachable, "no answer");
        for (allowed, why) in [(Ok(None), "do not tell"), (Err(silent), "no answer")] {
            for finding in of_source("t", &allowed) {
                assert_eq!(finding.verdict, Verdict::Skipped);
                assert!(finding.detail.contains(why), "{finding:?}");
            }
        }
        assert_eq!(of_group("g", None).verdict, Verdict::Skipped);
    }

    #[test]
    fn data_needs_the_error_topics_and_not_the_internal_ones() {
        let read_only = allowed(&["DESCRIBE", "READ"]);
        let error = of_resource(Kind::Error, "e", &read_only).expect("a check");
        let internal = of_resource(Kind::Internal, "i", &read_only).expect("a check");
        assert_eq!((error.verdict, internal.verdict), (Verdict::Fail, Verdict::Warn));
        assert_eq!(internal.detail, "not allowed: WRITE on topic `i`");
        assert_eq!(of_resource(Kind::Group, "g", &read_only), None);
    }

    #[test]
    fn a_group_that_may_not_be_read_fails_whether_it_can_be_described_or_not() {
        let described: Operations = ["DESCRIBE".to_owned()].into();
        let needs = Right::on_group("READ", "g");
        let refused = Problem::new(ErrorCode::KafkaGroupAuthorizationFailed, "refused");
        for found in [of_group("g", Some(&described)), refused_group("g", refused, &needs)] {
            assert_eq!(found.verdict, Verdict::Fail, "{found:?}");
            assert_eq!(found.code, Some(ErrorCode::KafkaGroupAuthorizationFailed));
            assert!(found.detail.contains("READ on group `g`"), "{found:?}");
        }
        let other = Problem::new(ErrorCode::KafkaUnreachable, "no answer");
        assert_eq!(refused_group("g", other, &needs).verdict, Verdict::Skipped);
    }
}
