//! UpdateConnector: spec, credentials, labels, description and desired state, by a mask.

mod asked;
mod field_mask;
mod respec;
mod updatable;

use std::sync::Arc;

use kafka2oss_domain::names::ConnectorName;
use kafka2oss_proto::spec::{has_plain, redact};
use kafka2oss_proto::v1;

use super::context::Api;
use super::error::ApiError;
use super::once::{Identified, Once};
use super::quota::{self, Quota};
use super::{act, create, etag, request};
use crate::catalog::Change;
use crate::clock;
use crate::model::lifecycle::Action;
use crate::secrets;
use crate::store::connectors::ConnectorRecord;
use asked::Asked;
use respec::Respec;

/// How often it is looked whether there is a connector, where it may be missing: somebody
/// else may make or remove it each time.
const LOOKS: usize = 3;

/// Changes what the mask names, or creates the connector where that is allowed.
pub(super) async fn update(
    api: Arc<Api>,
    request: v1::UpdateConnectorRequest,
    trusted: bool,
) -> Result<v1::Connector, ApiError> {
    let identified = identified(&api, &request);
    if !request.allow_missing {
        return Box::pin(change(&api, Asked::read(request, trusted)?, identified)).await;
    }
    let mut outcome = Err(ApiError::Internal);
    for _ in 0..LOOKS {
        let asked = Asked::read(request.clone(), trusted)?;
        outcome = match api.known.catalog.connector(&asked.name.to_string()) {
            Some(_) => Box::pin(change(&api, asked, identified.clone())).await,
            None => {
                let (request, identified) = (request.clone(), identified.clone());
                Box::pin(create_missing(&api, &asked, request, trusted, identified)).await
            }
        };
        if !matches!(outcome, Err(ApiError::NotFound(_) | ApiError::Exists(_))) {
            break;
        }
    }
    outcome
}

/// The request by its ID, if it has one.
fn identified(api: &Api, request: &v1::UpdateConnectorRequest) -> Option<Identified> {
    let name = &request.connector.as_ref()?.name;
    // One whose name is illegal is refused before.
    let name: ConnectorName = name.parse().ok()?;
    let (id, method) = (&request.request_id, "UpdateConnector");
    let identified = Identified::with_secrets(api, name.instance(), id, method, request, |it| {
        it.connector.as_mut()
    });
    identified.filter(|_| !request.validate_only)
}

async fn create_missing(
    api: &Arc<Api>,
    asked: &Asked,
    request: v1::UpdateConnectorRequest,
    trusted: bool,
    identified: Option<Identified>,
) -> Result<v1::Connector, ApiError> {
    if !asked.etag.is_empty() {
        return Err(ApiError::EtagMismatch(asked.name.to_string()));
    }
    let request = v1::CreateConnectorRequest {
        parent: asked.name.instance().to_string(),
        connector_id: asked.name.id().to_owned(),
        connector: request.connector,
        validate_only: request.validate_only,
        request_id: request.request_id,
    };
    create::create_once(Arc::clone(api), request, trusted, identified).await
}

/// Changes what the mask names. The generation rises with a change of what the tasks run
/// or of the desired state, and with nothing else.
async fn change(
    api: &Api,
    mut asked: Asked,
    identified: Option<Identified>,
) -> Result<v1::Connector, ApiError> {
    let quota = Quota::of(api, asked.name.instance()).await;
    let once = Once::lock(api, identified).await;
    let _lock = api.known.catalog.lock(&asked.name.to_string()).await;
    if let Some(updated) = once.connector(api, &asked.name)? {
        return Ok(updated);
    }
    let record = request::connector(api, &asked.name)?;
    act::check_state(&record, Action::Update)?;
    etag::check(record.name(), &record.connector().etag, &asked.etag)?;

    keep_known_secrets(api, &record, &mut asked);
    let Respec { mut given, mut effective } = respec::respec(api, &asked, &record)?;
    // Stored ones are never plain: given ones that are differ from them.
    let sets_secrets = credentials(&effective) != credentials(record.spec());
    let sets_labels = asked.sets_labels() && asked.labels != record.connector().labels;
    let sets_description =
        asked.sets_description() && asked.description != record.connector().description;
    redact(&mut given);
    quota.check(api, 0, quota::spread(&effective) - quota::spread(record.spec()))?;

    let mut changed = ConnectorRecord::clone(&record);
    let is_granted = act::grant(&mut changed, asked.desired_state())?;
    let spec_changes = effective != *record.spec();
    let sets_words = sets_labels || sets_description;
    if !(is_granted || spec_changes || sets_words || given != *record.given()) {
        return once.unchanged(api, &record).await;
    }
    let connector = changed.connector.get_or_insert_default();
    connector.generation += i64::from(is_granted || spec_changes);
    connector.etag = etag::next(record.connector());
    connector.update_time = Some(clock::now());
    if sets_labels {
        connector.labels.clone_from(&asked.labels);
    }
    if sets_description {
        connector.description.clone_from(&asked.description);
    }
    let generation = connector.generation;
    changed.given = Some(given);
    if asked.validate_only {
        redact(&mut effective);
        changed.set_spec(effective);
        return Ok(api.observed.shown(&changed, false));
    }
    if sets_secrets {
        api.known.secrets.take(record.uid(), generation, &mut effective);
        changed.secrets_id = secrets::new_id(&effective);
    }
    changed.set_spec(effective);
    let mut changes = once.remember(api, changed.uid());
    changes.push(Change::connector(changed.clone()));
    if let Err(error) = api.known.catalog.apply(changes).await {
        if sets_secrets {
            api.known.secrets.take_back(record.uid(), generation);
        }
        return Err(error.into());
    }
    api.known.secrets.settle(record.uid(), generation);
    let paths = asked.paths.join(", ");
    tracing::info!(connector = changed.name(), paths, "connector updated");
    api.observed.log(&changed, v1::LogSeverity::Info, None, format!("updated {paths}"));
    api.inbox.written(&changed);
    Ok(api.observed.shown(&changed, false))
}

fn credentials(spec: &v1::ConnectorSpec) -> Option<&v1::StoreCredentials> {
    spec.destination.as_ref().and_then(|to| to.credentials.as_ref())
}

/// Puts the stored credentials in the place of given ones that are the same: withheld, as
/// they were read, or with the values that this process has. So nothing changes by them.
fn keep_known_secrets(api: &Api, record: &ConnectorRecord, asked: &mut Asked) {
    let Some(stored) = credentials(record.given()) else { return };
    let Some(given) = asked.credentials_mut() else { return };
    let mut without_values = given.clone();
    redact(&mut without_values);
    if without_values != *stored {
        return;
    }
    if has_plain(given) {
        let mut whole = stored.clone();
        api.known.secrets.restore(record.uid(), record.connector().generation, &mut whole);
        let (ours, theirs) = (api.digests.of(&whole), api.digests.of(given));
        redact(&mut whole);
        if secrets::compare(ours.as_ref(), theirs.as_ref()) != secrets::Same::Yes {
            return;
        }
    }
    redact(given);
    given.clone_from(stored);
    asked.keeps_credentials = true;
}
