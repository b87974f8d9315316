//! ResetOffsets: another epoch, which starts elsewhere.

use std::collections::BTreeMap;
use std::sync::Arc;

use kafka2oss_domain::ErrorCode;
use kafka2oss_domain::names::ConnectorName;
use kafka2oss_domain::violation::Violations;
use kafka2oss_proto::v1;
use kafka2oss_proto::v1::offset_reset::To;

use super::context::Api;
use super::error::ApiError;
use super::once::{Identified, Once};
use super::{act, etag, request};
use crate::catalog::Change;
use crate::model::lifecycle::Action;
use crate::model::positions::{self, Ending};
use crate::model::progress::{self, AgentProgress};
use crate::store::connectors::{ConnectorRecord, Preparation, Reset, Superseded};

/// The last second of the year 9999, the last that a Timestamp may be.
const LAST_SECOND: i64 = 253_402_300_799;

/// Opens an epoch. Its start is read by an agent, as after Deploy; meanwhile
/// the tasks of the epoch before hold their partitions, paused.
///
/// The generation rises although spec and desired state stay: where the
/// connector is to read from is the user's intent, too, and a client that
/// read the connector before must not act on it as if it were the same.
pub(super) async fn reset(
    api: Arc<Api>,
    request: v1::ResetOffsetsRequest,
) -> Result<v1::Connector, ApiError> {
    let validate_only = request.validate_only;
    let whole = request.clone();
    let (name, asked, given_etag) = read(request)?;
    let id = &whole.request_id;
    let identified = Identified::new(name.instance(), id, "ResetOffsets", &whole);
    let once = Once::lock(&api, identified.filter(|_| !validate_only)).await;
    let _lock = api.known.catalog.lock(&name.to_string()).await;
    if let Some(reset) = once.connector(&api, &name)? {
        return Ok(reset);
    }
    let record = request::connector(&api, &name)?;
    act::check_state(&record, Action::ResetOffsets)?;
    let pending = record.reset.as_ref().filter(|_| !record.start_is_fixed());
    if pending.is_some_and(|pending| pending.asked.as_ref() == Some(&asked)) {
        etag::check_repeated(record.connector(), &given_etag)?;
        return once.unchanged(&api, &record).await;
    }
    etag::check(record.name(), &record.connector().etag, &given_etag)?;
    let status = api.observed.current(&record);
    if status.state() != v1::ConnectorState::Paused {
        let why = format!(
            "{} has not come to rest: {} of {} tasks have reported that they are paused",
            record.name(),
            status.tasks_ready,
            status.tasks_desired
        );
        return Err(ApiError::wrong_state(record.name(), why));
    }

    let superseded = superseded(&record);
    let kept = match &asked.to {
        Some(To::Offsets(named)) => kept(&api, &record, named)?,
        _ => BTreeMap::new(),
    };
    let (mut changed, connector) = act::next_generation(&record);
    let number = record.epoch_number() + 1;
    changed.connector = Some(connector);
    changed.epoch = Some(v1::Epoch { number, ..v1::Epoch::default() });
    changed.preparation = None;
    changed.superseded = superseded;
    changed.reset = Some(Reset { asked: Some(asked), kept });
    changed.committed_partitions.clear();
    changed.resumes.clear();
    if validate_only {
        return Ok(api.observed.shown(&changed, false));
    }
    let mut changes = once.remember(&api, changed.uid());
    changes.push(Change::connector(changed.clone()));
    api.known.catalog.apply(changes).await?;
    tracing::info!(connector = changed.name(), epoch = number, "offsets reset");
    let message = format!("offsets are reset: epoch {number} is open");
    api.observed.log(&changed, v1::LogSeverity::Info, None, message);
    api.inbox.written(&changed);
    Ok(api.observed.shown(&changed, false))
}

fn read(
    request: v1::ResetOffsetsRequest,
) -> Result<(ConnectorName, v1::OffsetReset, String), ApiError> {
    let v1::ResetOffsetsRequest { name, reset, etag, validate_only: _, request_id } = request;
    let mut violations = Violations::new();
    request::check_request_id(&request_id, &mut violations);
    let name = request::field("name", &name, str::parse, &mut violations);
    let reset = reset.unwrap_or_default();
    match &reset.to {
        None => {
            let message = "is required: earliest, latest, timestamp or offsets";
            violations.add("reset", ErrorCode::FieldRequired, message);
        }
        Some(To::Earliest(()) | To::Latest(())) => {}
        Some(To::Timestamp(time)) => {
            let prost_types::Timestamp { seconds, nanos } = time;
            if !(0..=LAST_SECOND).contains(seconds) || !(0..1_000_000_000).contains(nanos) {
                let message = "is no time from 1970 to 9999";
                violations.add("reset.timestamp", ErrorCode::FieldInvalid, message);
            }
        }
        Some(To::Offsets(named)) => check_offsets(named, &mut violations),
    }
    match name {
        Some(name) if violations.is_empty() => Ok((name, reset, etag)),
        _ => Err(ApiError::Invalid(violations)),
    }
}

fn check_offsets(named: &v1::PartitionOffsets, violations: &mut Violations) {
    const FIELD: &str = "reset.offsets.offsets";

    if named.offsets.is_empty() {
        violations.add(FIELD, ErrorCode::FieldRequired, "names no partition");
    }
    for (partition, offset) in &named.offsets {
        let field = || format!("{FIELD}[{partition}]");
        if !positions::is_partition(*partition) {
            let most = positions::MAX_PARTITIONS - 1;
            let message = format!("is no partition: they are 0 to {most}");
            violations.add(field(), ErrorCode::FieldInvalid, message);
        }
        if *offset < 0 {
            let message = format!("is {offset}, which is below 0");
            violations.add(field(), ErrorCode::FieldInvalid, message);
        }
    }
}

/// The epoch whose tasks are there: the current one, or the one before it if
/// no task of the current one was ever assigned.
fn superseded(record: &ConnectorRecord) -> Option<Superseded> {
    if !record.is_prepared() {
        return record.superseded.clone();
    }
    let preparation = record.preparation.as_ref();
    Some(Superseded {
        epoch: record.epoch.clone(),
        committed_partitions: record.committed_partitions.clone(),
        delivery_guarantee: preparation.map_or(0, |known| known.delivery_guarantee),
        store_refuses_existing: preparation.is_some_and(Preparation::store_refuses_existing),
    })
}

/// Where the partitions that are not named go on: in the epoch that is open,
/// or in the one before it while its start is not fixed. Nothing is to go on
/// where there is neither.
fn kept(
    api: &Api,
    record: &ConnectorRecord,
    named: &v1::PartitionOffsets,
) -> Result<BTreeMap<i32, i64>, ApiError> {
    let before = record.superseded.as_ref();
    let (epoch, committed_partitions) = if record.start_is_fixed() {
        (record.epoch.as_ref(), &record.committed_partitions[..])
    } else {
        let committed = before.map_or(&[][..], |before| &before.committed_partitions);
        (before.and_then(|before| before.epoch.as_ref()), committed)
    };
    let Some(epoch) = epoch else { return Ok(BTreeMap::new()) };
    // The epoch before is remembered only if tasks of it were assigned.
    let has_run = !record.start_is_fixed() || record.is_prepared();
    let seen = api.known.fleet.seen(record.name(), record.uid());
    let reports: Vec<_> = seen
        .iter()
        .filter_map(|seen| Some((seen, seen.report.as_deref()?)))
        .filter(|(_, report)| report.epoch == epoch.number)
        .map(|(seen, report)| AgentProgress {
            agent: &seen.agent,
            placement_version: report.placement_version,
            partitions: &report.partitions,
        })
        .collect();
    let partitions = progress::merge(&reports, &[]);
    let ending = Ending { epoch, has_run, committed_partitions, partitions: &partitions };
    positions::kept(&ending, |partition| named.offsets.contains_key(&partition)).map_err(
        |unknown| {
            let unknown: Vec<_> = unknown.iter().map(i32::to_string).collect();
            let why = format!(
                "it is not known where partitions {} of {} stand: name their offsets, too, or wait \
                 until their tasks and their store tell",
                unknown.join(", "),
                record.name()
            );
            ApiError::wrong_state(record.name(), why)
        },
    )
}
