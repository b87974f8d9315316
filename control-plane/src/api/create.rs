//! CreateConnector and PreviewConnector.

use std::collections::BTreeMap;
use std::sync::Arc;

use kafka2oss_domain::ErrorCode;
use kafka2oss_domain::names::{ConnectorName, InstanceName};
use kafka2oss_domain::spec;
use kafka2oss_domain::violation::Violations;
use kafka2oss_proto::spec::{HasSecrets, check_request, defaults, planned_resources, redact};
use kafka2oss_proto::v1;

use super::context::Api;
use super::error::ApiError;
use super::once::{Identified, Once};
use super::quota::{self, Quota};
use super::{act, etag, request};
use crate::catalog::Change;
use crate::chance;
use crate::clock;
use crate::model::rules;
use crate::secrets;
use crate::store::connectors::ConnectorRecord;

/// Where the spec stands in a request.
const SPEC: &str = "connector.spec";

/// A request that breaks no rule.
pub(super) struct Checked {
    pub(super) name: ConnectorName,
    pub(super) instance: v1::Instance,
    labels: BTreeMap<String, String>,
    description: String,
    desired_state: v1::DesiredState,
    /// As it was given, without its plain secrets.
    given: v1::ConnectorSpec,
    /// With every default filled in, and with its plain secrets.
    pub(super) effective: v1::ConnectorSpec,
    pub(super) spec: spec::ConnectorSpec,
}

/// Shows what Create and Deploy would make of a spec.
pub(super) fn preview(
    api: &Api,
    request: v1::PreviewConnectorRequest,
    trusted: bool,
) -> Result<v1::PreviewConnectorResponse, ApiError> {
    let v1::PreviewConnectorRequest { parent, connector_id, connector } = request;
    let checked = check(api, &parent, &connector_id, connector, trusted, Violations::new())?;
    let warnings = warnings(api, &checked.name, &checked.effective, &checked.spec)
        .into_iter()
        .map(Into::into)
        .collect();
    let mut connector = v1::Connector {
        name: checked.name.to_string(),
        labels: checked.labels,
        description: checked.description,
        desired_state: checked.desired_state.into(),
        spec: Some(checked.given),
        effective_spec: Some(Box::new(checked.effective)),
        ..v1::Connector::default()
    };
    redact(&mut connector);
    Ok(v1::PreviewConnectorResponse {
        connector: Some(connector),
        resources: planned_resources(&checked.spec),
        warnings,
    })
}

/// What a spec holds that is allowed and perhaps not meant.
pub(super) fn warnings(
    api: &Api,
    name: &ConnectorName,
    effective: &v1::ConnectorSpec,
    spec: &spec::ConnectorSpec,
) -> Vec<spec::Warning> {
    let pools = api.known.fleet.pools();
    let of_spec = spec::warnings(spec, name.id()).into_iter();
    let all = of_spec.chain(rules::warnings(effective, &pools));
    all.map(|warning| warning.within(SPEC)).collect()
}

/// Creates a connector; nothing runs before Deploy.
pub(super) async fn create(
    api: Arc<Api>,
    request: v1::CreateConnectorRequest,
    trusted: bool,
) -> Result<v1::Connector, ApiError> {
    let v1::CreateConnectorRequest { parent, request_id, validate_only, .. } = &request;
    let method = "CreateConnector";
    let identified = Identified::with_secrets(&api, parent, request_id, method, &request, |it| {
        it.connector.as_mut()
    })
    .filter(|_| !validate_only);
    create_once(api, request, trusted, identified).await
}

/// The same, as a request that may be one of another method.
pub(super) async fn create_once(
    api: Arc<Api>,
    request: v1::CreateConnectorRequest,
    trusted: bool,
    identified: Option<Identified>,
) -> Result<v1::Connector, ApiError> {
    let v1::CreateConnectorRequest { parent, connector_id, connector, validate_only, request_id } =
        request;
    let mut violations = Violations::new();
    request::check_request_id(&request_id, &mut violations);
    // Always in this order: instance, quota, request ID, connector. The instance stays as the
    // connector is checked against it.
    let instance = parent.parse::<InstanceName>().map(|parent| parent.to_string());
    let _instance = match &instance {
        Ok(instance) => Some(api.known.catalog.lock_shared(instance).await),
        Err(_) => None,
    };
    let checked = check(&api, &parent, &connector_id, connector, trusted, violations)?;
    let quota = Quota::of(&api, checked.name.instance()).await;
    let once = Once::lock(&api, identified).await;
    let name = checked.name.to_string();
    let _connector = api.known.catalog.lock(&name).await;

    if let Some(made) = once.connector(&api, &checked.name)? {
        return Ok(made);
    }
    if api.known.catalog.connector(&name).is_some() {
        return Err(ApiError::Exists(name));
    }
    if checked.instance.connectors_disabled {
        return Err(ApiError::ConnectorsDisabled(parent));
    }

    quota.check(&api, 1, quota::spread(&checked.effective))?;

    let (mut record, mut effective) = new(checked, &name)?;
    let uid = record.uid().to_owned();
    if validate_only {
        redact(&mut effective);
        record.set_spec(effective);
        return Ok(api.observed.shown(&record, false));
    }
    api.known.secrets.take(&uid, record.connector().generation, &mut effective);
    record.secrets_id = secrets::new_id(&effective);
    record.set_spec(effective);
    let mut changes = once.remember(&api, &uid);
    changes.push(Change::connector(record.clone()));
    if let Err(error) = api.known.catalog.apply(changes).await {
        api.known.secrets.forget(&uid);
        return Err(error.into());
    }
    tracing::info!(connector = name, uid, "connector created");
    api.observed.log(&record, v1::LogSeverity::Info, None, "created");
    api.inbox.written(&record);
    Ok(api.observed.shown(&record, false))
}

/// The connector as it is stored first, but for its effective spec, which holds its plain
/// secrets.
fn new(checked: Checked, name: &str) -> Result<(ConnectorRecord, v1::ConnectorSpec), ApiError> {
    let uid = chance::ulid().to_string();
    let now = clock::now();
    let connector = v1::Connector {
        name: name.to_owned(),
        etag: etag::first(&uid),
        uid,
        create_time: Some(now),
        update_time: Some(now),
        labels: checked.labels,
        description: checked.description,
        generation: 1,
        desired_state: v1::DesiredState::Created.into(),
        spec: None,
        status: None,
        effective_spec: None,
    };
    let mut record = ConnectorRecord {
        connector: Some(connector),
        given: Some(checked.given),
        ..ConnectorRecord::default()
    };
    act::grant(&mut record, checked.desired_state)?;
    Ok((record, checked.effective))
}

/// Fills the defaults in and checks every rule; `violations` are those found
/// before. All of them come in one answer.
pub(super) fn check(
    api: &Api,
    parent: &str,
    connector_id: &str,
    connector: Option<v1::Connector>,
    trusted: bool,
    mut violations: Violations,
) -> Result<Checked, ApiError> {
    let parent: Option<InstanceName> =
        request::field("parent", parent, str::parse, &mut violations);
    let instance = match &parent {
        Some(parent) => request::instance(api, parent)?.instance.clone().unwrap_or_default(),
        None => placeholder_instance(),
    };
    let legal_id = |id: &str| {
        let instance = parent.clone().map_or_else(|| InstanceName::from_id("instance"), Ok)?;
        ConnectorName::from_id(instance, id)
    };
    let name = request::field("connector_id", connector_id, legal_id, &mut violations);
    if connector.is_none() {
        violations.add("connector", ErrorCode::FieldRequired, "is required");
    }
    let connector = connector.unwrap_or_default();
    let desired_state = desired_state(&connector, &mut violations);
    let v1::Connector { labels, description, spec, .. } = connector;
    let mut given = spec.unwrap_or_default();
    let mut wire = given.clone();
    redact(&mut given);
    // An illegal ID is told once, not for every name that is made of it.
    let id = name.as_ref().map_or("connector", |name| name.id()).to_owned();
    defaults::fill(
        &mut wire,
        defaults::Context {
            connector_id: &id,
            region_id: &instance.region_id,
            vpc_id: &instance.vpc_id,
            vswitch_id: &instance.vswitch_id,
        },
    );

    violations.add_within("connector", spec::check_labels(&labels));
    violations.add_within("connector", spec::check_description(&description));
    violations.add_within(SPEC, check_request(&wire, &id));
    refuse_plain(&wire, trusted, "connector.spec.destination.credentials", &mut violations);
    let converted = spec::ConnectorSpec::try_from(wire.clone());
    if let Err(wrong) = &converted {
        violations.add_within(SPEC, wrong.clone());
    }
    if parent.is_some()
        && let Ok(instance) = spec::Instance::try_from(instance.clone())
    {
        let allowed_concurrency = api.allowed_concurrency.clone();
        let settings = rules::Settings { allowed_concurrency };
        violations.add_within(SPEC, rules::check(&wire, &instance, &settings));
    }
    match (name, converted) {
        (Some(name), Ok(spec)) if violations.is_empty() => {
            let effective = wire;
            Ok(Checked {
                name,
                instance,
                labels,
                description,
                desired_state,
                given,
                effective,
                spec,
            })
        }
        _ => Err(ApiError::Invalid(violations)),
    }
}

/// The desired state that a client gives, if it gives one that it may.
pub(super) fn desired_state(
    connector: &v1::Connector,
    violations: &mut Violations,
) -> v1::DesiredState {
    let given = v1::DesiredState::try_from(connector.desired_state);
    let wrong = match given {
        Ok(v1::DesiredState::Deleted) => "cannot be given: DeleteConnector deletes".to_owned(),
        Err(_) => format!("has no value {}", connector.desired_state),
        Ok(given) => return given,
    };
    violations.add("connector.desired_state", ErrorCode::FieldInvalid, wrong);
    v1::DesiredState::Unspecified
}

/// Adds a violation for each plain secret that came over a connection that
/// may not carry one.
pub(super) fn refuse_plain(
    message: &impl HasSecrets,
    trusted: bool,
    credentials: &str,
    violations: &mut Violations,
) {
    if trusted {
        return;
    }
    for (path, secret) in message.secrets() {
        if matches!(secret.source, Some(v1::secret::Source::Plain(_))) {
            let code = ErrorCode::SecretInlineRefused;
            violations.add(format!("{credentials}.{path}"), code, code.meaning());
        }
    }
}

/// Stands for the instance where the parent is illegal, so that no default is.
fn placeholder_instance() -> v1::Instance {
    v1::Instance { region_id: "cn-hangzhou".to_owned(), ..v1::Instance::default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_secret_is_refused_with_its_path_where_it_may_not_travel() {
        let secret = |source| Some(v1::Secret { source: Some(source) });
        let credentials = v1::StoreCredentials {
            kind: Some(v1::store_credentials::Kind::AccessKey(v1::AccessKey {
                id: secret(v1::secret::Source::Environment("ID".to_owned())),
                secret: secret(v1::secret::Source::Plain("value".to_owned())),
                session_token: None,
            })),
        };
        let mut violations = Violations::new();
        refuse_plain(&credentials, true, "credentials", &mut violations);
        assert!(violations.is_empty());
        refuse_plain(&credentials, false, "credentials", &mut violations);
        let found: Vec<_> = violations.iter().map(|one| (one.field.as_str(), one.code)).collect();
        assert_eq!(found, [("credentials.access_key.secret", ErrorCode::SecretInlineRefused)]);
    }
}
