//! Conditions, numbers, and what is carried over.

use kafka2oss_proto::v1::ResourceRole;

use super::*;

#[test]
fn what_preparation_comes_to_is_shown_with_its_code_and_what_helps() {
    use ConnectorState as State;

    let unprepared = || {
        running().with(|k| {
            k.ready = false;
            k.reports.clear();
        })
    };
    assert_eq!(unprepared().with(|k| k.attempted = false).state(), State::Deploying);
    assert_eq!(
        unprepared().with(|k| k.attempted = false).condition("Prepared"),
        (ConditionStatus::Unknown, "Preparing".to_owned())
    );
    for (cause, state) in [
        (ErrorCode::KafkaResourceMissing, State::Deploying),
        (ErrorCode::StoreBucketNotFound, State::Failed),
        (ErrorCode::KafkaUnreachable, State::Failed),
        (ErrorCode::CredentialsRequired, State::CredentialsRequired),
    ] {
        let known = unprepared().with(|k| k.problems = vec![problem(cause)]);
        assert_eq!(known.state(), state, "{cause}");
        for kind in ["Prepared", "Ready"] {
            assert_eq!(known.condition(kind), (ConditionStatus::False, code(cause)), "{cause}");
        }
        assert_eq!(known.status().conditions[1].remedy, cause.remedy());
    }
    let lost = unprepared().with(|k| k.credentials_lost = true);
    assert_eq!(lost.state(), State::CredentialsRequired);
    assert_eq!(lost.condition("Prepared").1, code(ErrorCode::CredentialsRequired));
}

#[test]
fn missing_resources_are_shown_until_they_exist() {
    let missing = v1::PlannedResource {
        roles: vec![ResourceRole::OffsetTopic.into()],
        name: "connect-offset-c".to_owned(),
        ..Default::default()
    };
    let known = running().with(|k| {
        k.ready = false;
        k.reports.clear();
        k.missing = vec![missing];
    });
    assert_eq!(known.status().missing_resources.len(), 1);
    assert_eq!(known.condition("Prepared").1, code(ErrorCode::KafkaResourceMissing));
    assert!(known.status().conditions[1].message.contains("connect-offset-c"));
    assert!(known.with(|k| k.ready = true).status().missing_resources.is_empty());
}

#[test]
fn a_code_of_a_newer_agent_is_shown_as_it_is() {
    let unknown = agent::v1::Problem { code: "NEW_CODE".to_owned(), message: "new".to_owned() };
    let known = running().with(|k| {
        k.ready = false;
        k.reports.clear();
        k.problems = vec![unknown];
    });
    assert_eq!(known.condition("Prepared"), (ConditionStatus::False, "NEW_CODE".to_owned()));
}

#[test]
fn a_task_without_an_agent_says_so() {
    let known = running().with(|k| {
        k.placed.clear();
        k.reports.clear();
    });
    assert_eq!(
        known.condition("Placed"),
        (ConditionStatus::False, code(ErrorCode::AgentNoneInPool))
    );
    assert_eq!(known.condition("Ready").1, code(ErrorCode::AgentNoneInPool));
    let task = &known.status().tasks[0];
    assert_eq!((task.agent.as_str(), task.state()), ("", TaskState::Unplaced));
    assert_eq!(task.error_code, code(ErrorCode::AgentNoneInPool));
}

#[test]
fn an_agent_that_does_not_answer_its_assignments_is_named_after_a_lease() {
    let asked = |seconds| running().with(|k| k.unanswered = seconds);
    assert_eq!(asked(29).state(), ConnectorState::Running);
    let late = asked(30);
    assert_eq!(late.state(), ConnectorState::Degraded);
    let reason = code(ErrorCode::AgentUnresponsive);
    assert_eq!(late.condition("Ready"), (ConditionStatus::False, reason.clone()));
    let task = &late.status().tasks[0];
    assert_eq!((task.state(), &task.error_code), (TaskState::Running, &reason));
    assert!(task.error_message.contains("agent a"), "{}", task.error_message);

    let starting = late.clone().with(|k| k.reports.clear());
    assert_eq!(starting.status().tasks[0].error_code, reason);
    // One that is away is told by that.
    let away = late.with(|k| k.placed[0].2 = Liveness::Disconnected);
    assert_eq!(away.status().tasks[0].error_code, "");
}

#[test]
fn tasks_that_wait_for_preparation_miss_no_agent_while_there_is_one() {
    let waiting = running().with(|k| {
        k.attempted = false;
        k.placed.clear();
        k.reports.clear();
    });
    assert_eq!(waiting.state(), ConnectorState::Deploying);
    assert_eq!(waiting.condition("Placed"), (ConditionStatus::Unknown, "Preparing".to_owned()));
    assert_eq!(waiting.condition("Ready"), (ConditionStatus::False, "Preparing".to_owned()));
    assert_eq!(waiting.status().tasks[0].error_code, "");

    let alone = waiting.with(|k| k.pool_has_agent = false);
    assert_eq!(alone.state(), ConnectorState::Deploying);
    for kind in ["Placed", "Ready"] {
        let none = (ConditionStatus::False, code(ErrorCode::AgentNoneInPool));
        assert_eq!(alone.condition(kind), none, "{kind}");
    }
    assert_eq!(alone.status().tasks[0].error_code, code(ErrorCode::AgentNoneInPool));
}

#[test]
fn what_has_come_to_rest_though_something_is_down_says_what() {
    let paused = running()
        .with(|k| k.desired = DesiredState::Paused)
        .tasks([TaskState::Paused, TaskState::Paused]);
    let ready = |known: &Known| {
        let mut conditions = known.status().conditions.into_iter();
        conditions.find(|condition| condition.r#type == "Ready").unwrap()
    };
    let quiet = ready(&paused);
    assert_eq!((quiet.message.as_str(), quiet.remedy.as_str()), ("paused, as asked", ""));

    let kafka = paused.clone().with(|k| {
        k.task(0).problem = Some(problem(ErrorCode::KafkaUnreachable));
    });
    let store = paused.with(|k| {
        k.partitions(&[PartitionState::Paused, PartitionState::Paused]);
        k.reports[0].2.partitions[1].error_code = code(ErrorCode::StoreUnavailable);
    });
    for (known, cause) in
        [(kafka, ErrorCode::KafkaUnreachable), (store, ErrorCode::StoreUnavailable)]
    {
        assert_eq!(known.state(), ConnectorState::Paused);
        let ready = ready(&known);
        assert_eq!(ready.reason, "Paused");
        assert!(ready.message.contains(cause.as_str()), "{}", ready.message);
        assert_eq!(ready.remedy, cause.remedy());
    }
}

#[test]
fn the_time_of_a_condition_changes_with_its_status_only() {
    let time = |known: &Known, kind: usize| {
        known.status().conditions[kind].last_transition_time.unwrap().seconds
    };
    let first = running();
    assert_eq!(time(&first, 3), 1_000);
    let later = first.clone().with(|k| {
        k.previous = Some(first.status());
        k.now = 2_000;
    });
    assert_eq!(time(&later, 3), 1_000);
    let failing = later.with(|k| k.task(0).state = TaskState::Failed.into());
    assert_eq!((time(&failing, 0), time(&failing, 3)), (1_000, 2_000));
}

#[test]
fn numbers_are_summed_over_agents_and_kept_while_there_is_no_report() {
    let totals = |records| v1::ConnectorTotals { records, objects: 1, ..Default::default() };
    let known = running().with(|k| {
        k.partitions(&[PartitionState::Running, PartitionState::Stopped]);
        k.reports[0].2.totals = Some(totals(5));
        k.reports[1].2.totals = Some(totals(7));
    });
    let status = known.status();
    assert_eq!((status.partitions_assigned, status.partitions_stopped), (2, 1));
    assert_eq!(status.total_lag, Some(20));
    let sum = status.totals.unwrap();
    assert_eq!((sum.records, sum.objects), (12, 2));

    let moved = known.with(|k| {
        k.previous = Some(status.clone());
        k.reports.clear();
    });
    assert_eq!(moved.status().total_lag, Some(20));
    assert_eq!(moved.status().last_report_time, status.last_report_time);
    assert_eq!(running().status().total_lag, None, "no partition has a known lag");
}

#[test]
fn a_reply_that_breaks_the_guarantee_lowers_it_at_once() {
    let lowered = running().with(|k| {
        k.reports[1].2.delivery_guarantee = DeliveryGuarantee::AtLeastOnce.into();
        k.reports[1].2.delivery_guarantee_reason = "a version id came back".to_owned();
    });
    let status = lowered.status();
    assert_eq!(status.delivery_guarantee(), DeliveryGuarantee::AtLeastOnce);
    assert_eq!(status.delivery_guarantee_reason, "a version id came back");

    let probed = running().with(|k| k.guarantee = DeliveryGuarantee::AtLeastOnce);
    assert_eq!(probed.status().delivery_guarantee_reason, "versioning is on");
    assert_eq!(running().status().delivery_guarantee_reason, "");
}
