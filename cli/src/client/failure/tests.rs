//! Failures as they are printed and as exit statuses.

use super::*;
use tonic_types::ErrorDetails;

#[test]
fn every_violation_the_reason_and_the_remedy_are_printed() {
    let mut details = ErrorDetails::with_error_info(
        "REQUEST_INVALID",
        "kafka2oss.internal",
        std::collections::HashMap::<String, String>::new(),
    );
    for (field, description) in
        [("connector_id", "is empty"), ("connector.spec.source.topic", "is required")]
    {
        details.add_bad_request_violation(field, description);
    }
    let status = Status::with_error_details(Code::InvalidArgument, "2 fields are wrong", details);

    assert_eq!(
        Failure::from(status).to_string(),
        "INVALID_ARGUMENT: 2 fields are wrong\n\
         \x20 connector_id: is empty\n\
         \x20 connector.spec.source.topic: is required\n\
         \x20 reason: REQUEST_INVALID\n\
         \x20 remedy: Correct the fields that the violations name and send it again."
    );
}

#[test]
fn a_wrong_expression_is_shown_with_a_mark_at_the_place() {
    let mut details = ErrorDetails::new();
    details.add_bad_request_violation("filter", "at byte 8: expected a state");
    details.add_bad_request_violation("page_size", "is below 0");
    let status = Status::with_error_details(Code::InvalidArgument, "wrong", details);
    let failure = Failure::Expression {
        status: Box::new(status),
        expressions: vec![("filter", "state = X".to_owned()), ("order_by", String::new())],
    };
    assert_eq!(
        failure.to_string(),
        "INVALID_ARGUMENT: wrong\n\
         \x20 filter: at byte 8: expected a state\n\
         \x20   state = X\n\
         \x20           ^\n\
         \x20 page_size: is below 0"
    );
}

#[test]
fn violations_are_not_printed_twice() {
    let mut details = ErrorDetails::new();
    details.add_bad_request_violation("name", "is empty");
    let status = Status::with_error_details(Code::InvalidArgument, "name: is empty", details);
    assert_eq!(
        Failure::from(status).to_string(),
        "INVALID_ARGUMENT: the request breaks 1 rule\n  name: is empty"
    );
}

#[test]
fn a_reason_that_this_version_does_not_know_is_still_printed() {
    let details = ErrorDetails::with_error_info(
        "FROM_THE_FUTURE",
        "kafka2oss.internal",
        std::collections::HashMap::<String, String>::new(),
    );
    let status = Status::with_error_details(Code::Aborted, "no", details);
    assert_eq!(Failure::from(status).to_string(), "ABORTED: no\n  reason: FROM_THE_FUTURE");
}

#[test]
fn a_bare_status_is_one_line() {
    assert_eq!(Failure::from(Status::not_found("x")).to_string(), "NOT_FOUND: x");
    assert_eq!(Failure::from(Status::unavailable("")).to_string(), "UNAVAILABLE");
}

fn not_found(name: &str) -> Status {
    let metadata = [("resource".to_owned(), name.to_owned())];
    let details = ErrorDetails::with_error_info(
        "RESOURCE_NOT_FOUND",
        "kafka2oss.internal",
        std::collections::HashMap::from(metadata),
    );
    Status::with_error_details(Code::NotFound, format!("{name} does not exist"), details)
}

#[test]
fn the_command_that_goes_on_is_printed_last() {
    let failure = Failure::from(not_found("instances/dev/connectors/a"));
    assert_eq!(
        failure.to_string().lines().last(),
        Some("  next: kafka2oss get connectors --instance dev")
    );
}

#[test]
fn programs_get_one_object_with_the_parts_of_the_answer() {
    let failure = Failure::from(not_found("agents/x"));
    let words = failure.to_string();
    assert_eq!(
        failure.to_json(),
        json!({"error": {
            "exitStatus": 4,
            "code": "NOT_FOUND",
            "message": "agents/x does not exist",
            "reason": "RESOURCE_NOT_FOUND",
            "metadata": {"resource": "agents/x"},
            "remedy": "Check the name; List shows what there is.",
            "next": "kafka2oss get agents",
            "text": words,
        }})
    );
    let mut details = ErrorDetails::new();
    details.add_bad_request_violation("name", "is empty");
    let status = Status::with_error_details(Code::InvalidArgument, "wrong", details);
    let error = Failure::Incomparable(Box::new(status.into())).to_json();
    assert_eq!(error["error"]["exitStatus"], 2);
    assert_eq!(error["error"]["violations"], json!([{"field": "name", "description": "is empty"}]));
    let incomplete = Failure::Incomplete { words: "a\nb".to_owned(), is_wrong: false };
    assert_eq!(
        incomplete.to_json(),
        json!({"note": {"exitStatus": 3, "message": "a", "text": "a\nb"}})
    );
}

#[test]
fn each_kind_of_end_has_its_status() {
    for (code, status) in [
        (Code::NotFound, 4),
        (Code::FailedPrecondition, 5),
        (Code::InvalidArgument, 6),
        (Code::OutOfRange, 6),
        (Code::AlreadyExists, 7),
        (Code::Aborted, 7),
        (Code::Unavailable, 8),
        (Code::DeadlineExceeded, 9),
        (Code::PermissionDenied, 10),
        (Code::Unauthenticated, 10),
        (Code::ResourceExhausted, 11),
        (Code::Internal, 1),
        (Code::Unimplemented, 1),
    ] {
        assert_eq!(Failure::from(Status::new(code, "")).exit_status(), status, "{code:?}");
        // What could not be compared is never taken for a difference.
        let cause = Box::new(Failure::from(Status::new(code, "")));
        assert_eq!(Failure::Incomparable(cause).exit_status(), 2);
    }
    assert_eq!(Failure::TimedOut(String::new()).exit_status(), 9);
    assert_eq!(Failure::Gone("dev/a".to_owned()).exit_status(), 4);
}
