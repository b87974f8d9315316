//! Deploy, Pause, Resume and Delete: intent, durable before the answer.

use std::sync::Arc;

use kafka2oss_domain::names::ConnectorName;
use kafka2oss_proto::v1;

use super::context::Api;
use super::error::ApiError;
use super::once::{Identified, Once};
use super::{etag, request};
use crate::catalog::Change;
use crate::clock;
use crate::model::lifecycle::{Action, Decision, DesiredState, Wish, decide, wish};
use crate::reconcile::finish_deletion;
use crate::store::connectors::{ConnectorRecord, Deletion};

/// A request that changes nothing but the desired state.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) name: ConnectorName,
    pub(super) action: Action,
    pub(super) etag: String,
    pub(super) validate_only: bool,
    pub(super) identified: Option<Identified>,
}

/// Carries out Deploy, Pause or Resume.
pub(super) async fn act(api: Arc<Api>, asked: Asked) -> Result<v1::Connector, ApiError> {
    let Asked { name, action, etag, validate_only, identified } = asked;
    let once = Once::lock(&api, identified).await;
    let _lock = api.known.catalog.lock(&name.to_string()).await;
    if let Some(acted) = once.connector(&api, &name)? {
        return Ok(acted);
    }
    let record = request::connector(&api, &name)?;
    match check_state(&record, action)? {
        Decision::Change(desired) => {
            etag::check(record.name(), &record.connector().etag, &etag)?;
            let (mut changed, connector) = next_generation(&record);
            changed.connector = Some(connector);
            set_desired(&mut changed, action, desired);
            match validate_only {
                true => Ok(api.observed.shown(&changed, false)),
                false => store(&api, changed, &once).await,
            }
        }
        Decision::Already | Decision::CarriedOut | Decision::Refused { .. } => {
            etag::check_repeated(record.connector(), &etag)?;
            once.unchanged(&api, &record).await
        }
    }
}

/// Deletes a connector: at once if it was never deployed, else it stays
/// DELETING until its resources are gone.
pub(super) async fn delete(
    api: Arc<Api>,
    request: v1::DeleteConnectorRequest,
) -> Result<v1::Connector, ApiError> {
    let name: ConnectorName = request::identified(&request.name, str::parse, &request.request_id)?;
    let id = &request.request_id;
    let identified = Identified::new(name.instance(), id, "DeleteConnector", &request)
        .filter(|_| !request.validate_only);
    let v1::DeleteConnectorRequest {
        name: _,
        etag,
        delete_error_topics,
        orphan_resources,
        validate_only,
        request_id: _,
    } = request;
    let once = Once::lock(&api, identified).await;
    let _lock = api.known.catalog.lock(&name.to_string()).await;
    if let Some(earlier) = once.earlier(&api)? {
        let record = api.known.catalog.connector(&name.to_string());
        return Ok(match record.filter(|record| record.uid() == earlier.uid) {
            Some(record) => api.observed.shown(&record, false),
            None => gone(&name, &earlier.uid),
        });
    }
    let record = request::connector(&api, &name)?;
    let decision = check_state(&record, Action::Delete)?;
    let mut changed = match decision {
        Decision::Change(desired) => {
            etag::check(record.name(), &record.connector().etag, &etag)?;
            let (mut changed, connector) = next_generation(&record);
            changed.connector = Some(connector);
            set_desired(&mut changed, Action::Delete, desired);
            changed
        }
        // Repeated, perhaps with another wish.
        Decision::Already | Decision::CarriedOut | Decision::Refused { .. } => {
            etag::check_repeated(record.connector(), &etag)?;
            ConnectorRecord::clone(&record)
        }
    };
    let deletion = changed.deletion.get_or_insert_with(Deletion::default);
    deletion.delete_error_topics |= delete_error_topics;
    deletion.orphan_resources |= orphan_resources;
    if validate_only {
        return Ok(api.observed.shown(&changed, false));
    }
    if changed == *record {
        return once.unchanged(&api, &record).await;
    }
    if record.connector().desired_state() == v1::DesiredState::Created {
        let with = once.remember(&api, record.uid());
        finish_deletion(&api.known, &api.observed, &record, with).await?;
        return Ok(api.observed.shown(&changed, false));
    }
    store(&api, changed, &once).await
}

/// What is left to show of a connector whose deletion has come to its end.
fn gone(name: &ConnectorName, uid: &str) -> v1::Connector {
    v1::Connector {
        name: name.to_string(),
        uid: uid.to_owned(),
        desired_state: v1::DesiredState::Deleted.into(),
        ..v1::Connector::default()
    }
}

/// What follows from `action`; an error that names the states that allow it
/// when the connector's does not.
pub(super) fn check_state(record: &ConnectorRecord, action: Action) -> Result<Decision, ApiError> {
    let desired = DesiredState::from_wire(record.connector().desired_state());
    let decision = decide(action, desired);
    if let Decision::Refused { allowed } = decision {
        let allowed: Vec<_> = allowed.iter().map(|state| state.as_str()).collect();
        let (is, allowed) = (desired.as_str(), allowed.join(" and "));
        let why = format!("{} is {is}; {action:?} is allowed in {allowed}", record.name());
        return Err(ApiError::wrong_state(record.name(), why));
    }
    Ok(decision)
}

/// The record with its intent changed: the next generation.
pub(super) fn next_generation(record: &ConnectorRecord) -> (ConnectorRecord, v1::Connector) {
    let mut connector = record.connector().clone();
    connector.generation += 1;
    connector.etag = etag::next(&connector);
    connector.update_time = Some(clock::now());
    (record.clone(), connector)
}

/// What `action` makes of the record: another desired state, and a new epoch where it is
/// deployed.
pub(super) fn set_desired(record: &mut ConnectorRecord, action: Action, desired: DesiredState) {
    record.connector.get_or_insert_default().set_desired_state(desired.into());
    if action == Action::Deploy {
        let number = record.epoch_number() + 1;
        record.epoch = Some(v1::Epoch { number, ..v1::Epoch::default() });
        record.preparation = None;
    }
}

/// Has a record come to the desired state that a client gives, if it gives one: UNSPECIFIED
/// leaves it as it is. Whether that changes anything; it is refused with the states.
pub(super) fn grant(
    record: &mut ConnectorRecord,
    wanted: v1::DesiredState,
) -> Result<bool, ApiError> {
    if wanted == v1::DesiredState::Unspecified {
        return Ok(false);
    }
    let desired = DesiredState::from_wire(record.connector().desired_state());
    let wanted = DesiredState::from_wire(wanted);
    match wish(desired, wanted) {
        Wish::Already => Ok(false),
        Wish::Act(actions) => {
            for action in actions {
                if let Decision::Change(next) = check_state(record, *action)? {
                    set_desired(record, *action, next);
                }
            }
            Ok(true)
        }
        Wish::Refused(why) => {
            let (name, is, wanted) = (record.name(), desired.as_str(), wanted.as_str());
            let why = format!("{name} is {is} and cannot become {wanted}: {why}");
            Err(ApiError::wrong_state(name, why))
        }
    }
}

/// Makes a change durable, tells it and shows it.
async fn store(
    api: &Api,
    changed: ConnectorRecord,
    once: &Once,
) -> Result<v1::Connector, ApiError> {
    let name = changed.name().to_owned();
    let mut changes = once.remember(api, changed.uid());
    changes.push(Change::connector(changed.clone()));
    api.known.catalog.apply(changes).await?;
    let desired = DesiredState::from_wire(changed.connector().desired_state());
    tracing::info!(connector = name, desired = desired.as_str(), "intent changed");
    let message = format!("desired state is {}", desired.as_str());
    api.observed.log(&changed, v1::LogSeverity::Info, None, message);
    api.inbox.written(&changed);
    Ok(api.observed.shown(&changed, false))
}
