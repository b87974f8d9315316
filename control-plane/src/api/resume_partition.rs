//! ResumePartition: a decision about a partition that has stopped, durable
//! before the answer.

use std::sync::Arc;

use kafka2oss_domain::ErrorCode;
use kafka2oss_domain::names::ConnectorName;
use kafka2oss_domain::violation::Violations;
use kafka2oss_proto::{agent, v1};

use super::context::Api;
use super::error::ApiError;
use super::once::{Identified, Once};
use super::{act, etag, request};
use crate::catalog::Change;
use crate::model::lifecycle::Action;
use crate::store::connectors::ConnectorRecord;

/// Problems of the log, the chain or the position: no record is in the way.
const OF_NO_RECORD: [ErrorCode; 5] = [
    ErrorCode::KafkaTopicRecreated,
    ErrorCode::KafkaLogTruncated,
    ErrorCode::PositionLost,
    ErrorCode::EpochAhead,
    ErrorCode::StoreObjectForeign,
];

/// A request that breaks no rule by itself.
#[derive(Debug)]
struct Asked {
    name: ConnectorName,
    partition: i32,
    /// The record to leave out; none is a retry.
    skip_offset: Option<i64>,
    etag: String,
    validate_only: bool,
}

/// Takes the decision in; the agents get it with their assignments. The
/// generation stays: neither spec nor desired state change.
pub(super) async fn resume(
    api: Arc<Api>,
    request: v1::ResumePartitionRequest,
) -> Result<v1::Connector, ApiError> {
    let whole = request.clone();
    let Asked { name, partition, skip_offset, etag, validate_only } = read(request)?;
    let id = &whole.request_id;
    let identified = Identified::new(name.instance(), id, "ResumePartition", &whole);
    let once = Once::lock(&api, identified.filter(|_| !validate_only)).await;
    let _lock = api.known.catalog.lock(&name.to_string()).await;
    if let Some(resumed) = once.connector(&api, &name)? {
        return Ok(resumed);
    }
    let record = request::connector(&api, &name)?;
    act::check_state(&record, Action::ResumePartition)?;
    etag::check(record.name(), &record.connector().etag, &etag)?;
    // A retry that was asked for twice may be a second one, of a partition that
    // has stopped again: it does no harm.
    if skip_offset.is_some() && is_pending(&record, partition, skip_offset) {
        return once.unchanged(&api, &record).await;
    }
    match stopped_at(&api, &record, partition) {
        Err(_) if is_pending(&record, partition, skip_offset) => {
            return once.unchanged(&api, &record).await;
        }
        Err(refusal) => return Err(refusal),
        Ok(stopped) => check_skip(record.name(), partition, stopped, skip_offset)?,
    }

    if validate_only {
        return Ok(api.observed.shown(&record, false));
    }
    let mut changed = ConnectorRecord::clone(&record);
    changed.last_resume += 1;
    let decision =
        agent::v1::PartitionResume { partition, number: changed.last_resume, skip_offset };
    changed.resumes.retain(|earlier| earlier.partition != partition);
    changed.resumes.push(decision);
    changed.resumes.sort_by_key(|resume| resume.partition);
    let mut changes = once.remember(&api, changed.uid());
    changes.push(Change::connector(changed.clone()));
    api.known.catalog.apply(changes).await?;
    let message = match skip_offset {
        Some(offset) => format!("partition {partition} is to go on without offset {offset}"),
        None => format!("partition {partition} is to try again"),
    };
    tracing::info!(connector = changed.name(), decision = message, "partition resumed");
    api.observed.log(&changed, v1::LogSeverity::Info, None, message);
    api.inbox.written(&changed);
    Ok(api.observed.shown(&changed, false))
}

fn read(request: v1::ResumePartitionRequest) -> Result<Asked, ApiError> {
    let action = request.action();
    let v1::ResumePartitionRequest {
        name,
        partition,
        action: number,
        offset,
        etag,
        validate_only,
        request_id,
    } = request;
    let mut violations = Violations::new();
    request::check_request_id(&request_id, &mut violations);
    let name = request::field("name", &name, str::parse, &mut violations);
    match partition {
        None => violations.add("partition", ErrorCode::FieldRequired, "is required"),
        Some(below) if below < 0 => {
            violations.add("partition", ErrorCode::FieldInvalid, "is below 0");
        }
        Some(_) => {}
    }
    match (action, offset) {
        (v1::ResumeAction::Skip, None) => {
            violations.add("offset", ErrorCode::FieldRequired, "is required with SKIP");
        }
        (v1::ResumeAction::Skip, Some(below)) if below < 0 => {
            violations.add("offset", ErrorCode::FieldInvalid, "is below 0");
        }
        (v1::ResumeAction::Retry, Some(_)) => {
            violations.add("offset", ErrorCode::FieldInvalid, "has a meaning with SKIP only");
        }
        (v1::ResumeAction::Skip, Some(_)) | (v1::ResumeAction::Retry, None) => {}
        (v1::ResumeAction::Unspecified, _) if number == 0 => {
            violations.add("action", ErrorCode::FieldRequired, "is required: RETRY or SKIP");
        }
        (v1::ResumeAction::Unspecified, _) => {
            let message = format!("has no value {number}");
            violations.add("action", ErrorCode::FieldInvalid, message);
        }
    }
    match (name, partition) {
        (Some(name), Some(partition)) if violations.is_empty() => {
            Ok(Asked { name, partition, skip_offset: offset, etag, validate_only })
        }
        _ => Err(ApiError::Invalid(violations)),
    }
}

fn is_pending(record: &ConnectorRecord, partition: i32, skip_offset: Option<i64>) -> bool {
    let mut pending = record.resumes.iter().filter(|resume| resume.partition == partition);
    pending.any(|resume| resume.skip_offset == skip_offset)
}

/// What a partition has stopped at.
struct Stopped {
    /// The offset at which it stands.
    position: Option<i64>,
    /// Why.
    code: Option<ErrorCode>,
}

/// What the partition has stopped at, which it must have, as far as its last report
/// says.
fn stopped_at(api: &Api, record: &ConnectorRecord, partition: i32) -> Result<Stopped, ApiError> {
    let name = record.name();
    let status = api.observed.current(record);
    let mut reported = status.partitions.iter();
    let Some(seen) = reported.find(|seen| seen.partition == partition) else {
        let message = format!("no agent has reported partition {partition} of {name} yet");
        return Err(ApiError::wrong_state(name, message));
    };
    if seen.state() != v1::PartitionState::Stopped {
        let message = format!(
            "partition {partition} of {name} has not stopped: it is {}",
            seen.state().as_str_name().trim_start_matches("PARTITION_STATE_")
        );
        return Err(ApiError::wrong_state(name, message));
    }
    Ok(Stopped { position: seen.position, code: seen.error_code.parse().ok() })
}

fn check_skip(
    name: &str,
    partition: i32,
    Stopped { position, code }: Stopped,
    skip_offset: Option<i64>,
) -> Result<(), ApiError> {
    let Some(skipped) = skip_offset else { return Ok(()) };
    if let Some(code) = code.filter(|code| OF_NO_RECORD.contains(code)) {
        let why = format!(
            "partition {partition} of {name} has stopped with {code}: no record is in the way, \
             and leaving one out does not help"
        );
        return Err(ApiError::wrong_state(name, why));
    }
    if position == Some(skipped) {
        return Ok(());
    }
    let at = position.map_or("an offset that is not known".to_owned(), |at| format!("offset {at}"));
    let why = format!("partition {partition} of {name} has stopped at {at}, not at {skipped}");
    Err(ApiError::wrong_state(name, why))
}
