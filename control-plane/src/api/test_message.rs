//! SendTestMessage.

use std::time::Duration;

use kafka2oss_domain::ErrorCode;
use kafka2oss_domain::error_code::Problem;
use kafka2oss_domain::names::ConnectorName;
use kafka2oss_domain::violation::Violations;
use kafka2oss_proto::agent::v1::command::Command;
use kafka2oss_proto::agent::v1::command_result::Result as Outcome;
use kafka2oss_proto::v1::test_message_payload::Content;
use kafka2oss_proto::{agent, v1};

use super::context::Api;
use super::error::ApiError;
use super::{act, request};
use crate::chance;
use crate::fleet::asking::{self, Unanswered};
use crate::model::lifecycle::Action;
use crate::model::progress::{Visible, visible};
use crate::store::connectors::ConnectorRecord;

/// Key and value are up to 1 MiB each.
pub(super) const MAX_PAYLOAD: usize = 1 << 20;
/// Time that an agent has to write the record.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Writes one record to the connector's source topic by an agent of its pool.
pub(super) async fn send(
    api: &Api,
    request: v1::SendTestMessageRequest,
) -> Result<v1::SendTestMessageResponse, ApiError> {
    let name = check(&request)?;
    let record = request::connector(api, &name)?;
    act::check_state(&record, Action::SendTestMessage)?;
    if !record.start_is_fixed() {
        return Err(ApiError::StartNotFixed(name.to_string()));
    }
    let v1::SendTestMessageRequest { name: _, partition, key, value, request_id, wait } = request;
    let agent = agent(api, &record)?;
    let instance = request::instance(api, name.instance())?.instance.clone();
    let source = record.spec().source.clone().unwrap_or_default();
    let id = match request_id.is_empty() {
        true => format!("test-{}-{}", record.uid(), chance::ulid()),
        // The same request is the same command, which the agent does not repeat.
        false => format!("test-{}-{request_id}", record.uid()),
    };
    let asked = agent::v1::WriteTestMessage { partition, key, value, ..Default::default() };
    let reused = || {
        let why = format!("request_id `{request_id}` was used with another message");
        ApiError::RequestIdReused(why)
    };
    let this = match request_id.is_empty() {
        true => None,
        false => Some(api.test_messages.begin(&id, &asked).ok_or_else(reused)?),
    };
    let again = this.is_some_and(|this| this.again);
    let command = Command::WriteTestMessage(agent::v1::WriteTestMessage {
        connector: record.name().to_owned(),
        instance,
        topic: source.topic,
        again,
        ..asked
    });
    let answer = asking::send(&api.known.fleet, &agent, id.clone(), command, TIMEOUT).await;
    let written = match answer {
        Ok(Outcome::WriteTestMessage(written)) => written,
        Ok(_) => return Err(ApiError::Agent(asking::unexpected(&agent))),
        Err(unanswered) => {
            if let Some(this) = this
                && certainly_nothing(&unanswered, again)
            {
                api.test_messages.came_to_nothing(&id, this);
            }
            return Err(ApiError::Agent(problem(unanswered)));
        }
    };
    let object_key =
        if wait { object(api, &name, record.uid(), &written).await? } else { String::new() };
    let agent::v1::WriteTestMessageResult { partition, offset, timestamp } = written;
    Ok(v1::SendTestMessageResponse { partition, offset, timestamp, object_key })
}

/// Whether the message was certainly not written, by this try or, where it comes `again`,
/// by one before.
fn certainly_nothing(unanswered: &Unanswered, again: bool) -> bool {
    match unanswered {
        // It says nothing about a try before.
        Unanswered::NotSent(_) => !again,
        Unanswered::Silent(_) => false,
        Unanswered::Refused(problem) => match problem.code.parse() {
            Ok(ErrorCode::TooManyRequests) => !again,
            // Agents that knew no TEST_MESSAGE_UNCERTAIN said that they ran out of time.
            Ok(ErrorCode::TestMessageUncertain | ErrorCode::AgentTimeout) => false,
            // Of a command that comes again an agent only says what became of the first.
            _ => true,
        },
    }
}

/// What is wrong, for the caller.
fn problem(unanswered: Unanswered) -> agent::v1::Problem {
    match unanswered {
        Unanswered::Silent(agent::v1::Problem { message, .. }) => {
            let message = format!("it is not known whether the message was written: {message}");
            Problem::new(ErrorCode::TestMessageUncertain, message).into()
        }
        known => known.into(),
    }
}

fn check(request: &v1::SendTestMessageRequest) -> Result<ConnectorName, ApiError> {
    let mut violations = Violations::new();
    let name = request::field("name", &request.name, str::parse, &mut violations);
    request::check_request_id(&request.request_id, &mut violations);
    if request.partition.is_some_and(|partition| partition < 0) {
        violations.add("partition", ErrorCode::FieldInvalid, "is below 0");
    }
    for (field, payload) in [("key", &request.key), ("value", &request.value)] {
        let size = match payload.as_ref().and_then(|payload| payload.content.as_ref()) {
            Some(Content::Text(text)) => text.len(),
            Some(Content::Data(data)) => data.len(),
            None => 0,
        };
        if size > MAX_PAYLOAD {
            let message = format!("has {size} bytes; {MAX_PAYLOAD} are allowed");
            violations.add(field, ErrorCode::FieldInvalid, message);
        }
    }
    match name {
        Some(name) if violations.is_empty() => Ok(name),
        _ => Err(ApiError::Invalid(violations)),
    }
}

/// The agent that writes: one that has a task of the connector where there is
/// one, and for a repeated request the same one as long as nothing changed.
fn agent(api: &Api, record: &ConnectorRecord) -> Result<String, ApiError> {
    let pool = record.pool();
    let placement = api.known.catalog.placement(record.name());
    let placed = placement.iter().flat_map(|placement| placement.agents());
    let agent = api.known.fleet.first_connected(&pool, placed);
    agent.ok_or_else(|| ApiError::NoAgent(pool.to_string()))
}

/// Waits until the record stands in an object, and returns the key of that where it is
/// known; the request's deadline ends it.
async fn object(
    api: &Api,
    name: &ConnectorName,
    uid: &str,
    written: &agent::v1::WriteTestMessageResult,
) -> Result<String, ApiError> {
    let mut touches = api.observed.board.follow_touches(&name.to_string());
    loop {
        touches.borrow_and_update();
        let record = request::connector(api, name)?;
        if record.uid() != uid {
            return Err(ApiError::NotFound(name.to_string()));
        }
        act::check_state(&record, Action::SendTestMessage)?;
        let status = api.observed.current(&record);
        let partition =
            status.partitions.into_iter().find(|one| one.partition == written.partition);
        match partition.as_ref().map(|partition| visible(partition, written.offset)) {
            Some(Visible::In(key)) => return Ok(key.to_owned()),
            Some(Visible::Somewhere) => return Ok(String::new()),
            Some(Visible::NotYet) | None => {}
        }
        let ended = tokio::select! {
            biased;
            () = api.stop.cancelled() => true,
            touched = touches.changed() => touched.is_err(),
        };
        if ended {
            return Err(ApiError::Internal);
        }
    }
}
