//! UpdateConnector: credentials so far.

use std::sync::Arc;

use kafka2oss_proto::names::ConnectorName;
use kafka2oss_proto::spec;
use kafka2oss_proto::violation::Violations;
use kafka2oss_proto::{ErrorCode, v1};

use super::error::ApiError;
use super::{act, create, etag, request};
use crate::catalog::Change;
use crate::core::Core;
use crate::model::lifecycle::Action;

/// Paths that may be in the mask; both mean the credentials.
const UPDATABLE: [&str; 2] = ["credentials", "spec.destination.credentials"];
/// Where the credentials stand in the request.
const CREDENTIALS: &str = "connector.spec.destination.credentials";

/// Replaces the credentials of the connector's store.
pub(super) async fn update(
    core: Arc<Core>,
    request: v1::UpdateConnectorRequest,
    trusted: bool,
) -> Result<v1::Connector, ApiError> {
    let (name, given_etag, mut credentials) = check(request, trusted)?;
    let _lock = core.catalog.lock(&name.to_string()).await;
    let record = request::connector(&core, &name)?;
    act::check_state(&record, Action::UpdateCredentials)?;
    etag::check(record.name(), &record.connector().etag, &given_etag)?;

    let has_plain = spec::has_plain(&credentials);
    let (mut changed, mut connector) = act::next_generation(&record);
    let held = core.secrets.replace(record.uid(), &mut credentials);
    let destination = connector.spec.get_or_insert_default().destination.get_or_insert_default();
    // Of a plain value it cannot be told whether it is the same.
    if !has_plain && destination.credentials.as_ref() == Some(&credentials) {
        return Ok(core.shown(&record, false));
    }
    destination.credentials = Some(credentials);
    changed.connector = Some(connector);
    let change = Change::Connector(name.to_string(), Some(changed.clone()));
    if let Err(error) = core.catalog.apply(vec![change]).await {
        core.secrets.put_back(record.uid(), held);
        return Err(error.into());
    }
    tracing::info!(connector = %name, "credentials changed");
    core.log(&changed, v1::LogSeverity::Info, None, "credentials changed");
    core.changed(&changed);
    Ok(core.shown(&changed, false))
}

fn check(
    request: v1::UpdateConnectorRequest,
    trusted: bool,
) -> Result<(ConnectorName, String, v1::StoreCredentials), ApiError> {
    let v1::UpdateConnectorRequest { connector, update_mask } = request;
    let mut violations = Violations::new();
    if connector.is_none() {
        violations.add("connector", ErrorCode::FieldRequired, "is required");
    }
    let connector = connector.unwrap_or_default();
    let name = request::field("connector.name", &connector.name, str::parse, &mut violations);
    let paths = update_mask.map(|mask| mask.paths).unwrap_or_default();
    if paths.is_empty() {
        let message = format!("is required: {}", UPDATABLE.join(" or "));
        violations.add("update_mask", ErrorCode::FieldRequired, message);
    }
    for path in paths.iter().filter(|path| !UPDATABLE.contains(&path.as_str())) {
        let message = format!("`{path}` cannot be changed; {} can", UPDATABLE[1]);
        violations.add("update_mask", ErrorCode::FieldNotUpdatable, message);
    }
    let credentials = connector
        .spec
        .and_then(|spec| spec.destination)
        .and_then(|destination| destination.credentials);
    if let Some(credentials) = &credentials {
        violations.add_within(CREDENTIALS, spec::check_given(credentials));
        create::refuse_plain(credentials, trusted, CREDENTIALS, &mut violations);
        if let Err(wrong) = spec::AccessKey::try_from(credentials.clone()) {
            violations.add_within(CREDENTIALS, wrong);
        }
    } else if paths.iter().any(|path| UPDATABLE.contains(&path.as_str())) {
        violations.add(CREDENTIALS, ErrorCode::FieldRequired, "is required");
    }
    match (name, credentials) {
        (Some(name), Some(credentials)) if violations.is_empty() => {
            Ok((name, connector.etag, credentials))
        }
        _ => Err(ApiError::Invalid(violations)),
    }
}
