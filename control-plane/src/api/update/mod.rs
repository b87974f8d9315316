//! UpdateConnector: spec, credentials and labels, by a mask.

mod field_mask;
mod updatable;

use std::collections::BTreeMap;
use std::sync::Arc;

use kafka2oss_domain::names::ConnectorName;
use kafka2oss_domain::violation::Violations;
use kafka2oss_domain::{ErrorCode, spec};
use kafka2oss_proto::spec::{check_given, check_request, defaults};
use kafka2oss_proto::v1;

use super::context::Api;
use super::error::ApiError;
use super::{act, create, etag, request};
use crate::catalog::Change;
use crate::clock;
use crate::model::lifecycle::Action;
use crate::model::rules;
use crate::secrets;
use crate::store::connectors::ConnectorRecord;
use field_mask::{Mask, Masked};

/// Where the spec stands in the request.
const SPEC: &str = "connector.spec";

/// A request that breaks no rule by itself.
struct Asked {
    name: ConnectorName,
    etag: String,
    labels: BTreeMap<String, String>,
    spec: v1::ConnectorSpec,
    paths: Vec<String>,
    mask: Mask,
}

/// Changes what the mask names. The generation rises with a change of the
/// spec, and with nothing else.
pub(super) async fn update(
    api: Arc<Api>,
    request: v1::UpdateConnectorRequest,
    trusted: bool,
) -> Result<v1::Connector, ApiError> {
    let asked = read(request, trusted)?;
    let _lock = api.known.catalog.lock(&asked.name.to_string()).await;
    let record = request::connector(&api, &asked.name)?;
    act::check_state(&record, Action::Update)?;
    etag::check(record.name(), &record.connector().etag, &asked.etag)?;

    let mut spec = updated(&api, &asked, &record)?;
    let has_plain = kafka2oss_proto::spec::has_plain(&spec);
    let sets_labels = sets_labels(&asked.mask);
    // Of a plain value it cannot be told whether it is the same.
    let spec_changes = has_plain || spec != *record.spec();
    let labels_change = sets_labels && asked.labels != record.connector().labels;
    if !spec_changes && !labels_change {
        return Ok(api.observed.shown(&record, false));
    }
    let (mut changed, mut connector) = if spec_changes {
        act::next_generation(&record)
    } else {
        let (etag, update_time) = (etag::next(record.connector()), Some(clock::now()));
        let connector = v1::Connector { etag, update_time, ..record.connector().clone() };
        (ConnectorRecord::clone(&record), connector)
    };
    let generation = connector.generation;
    let sets_secrets = spec_changes && sets_credentials(&asked.mask);
    if sets_secrets {
        api.known.secrets.take(record.uid(), generation, &mut spec);
        changed.secrets_id = secrets::new_id(&spec);
    }
    connector.spec = Some(spec);
    if sets_labels {
        connector.labels = asked.labels;
    }
    changed.connector = Some(connector);
    let change = Change::connector(changed.clone());
    if let Err(error) = api.known.catalog.apply(vec![change]).await {
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

fn read(request: v1::UpdateConnectorRequest, trusted: bool) -> Result<Asked, ApiError> {
    let v1::UpdateConnectorRequest { connector, update_mask } = request;
    let mut violations = Violations::new();
    if connector.is_none() {
        violations.add("connector", ErrorCode::FieldRequired, "is required");
    }
    let connector = connector.unwrap_or_default();
    let name = request::field("connector.name", &connector.name, str::parse, &mut violations);
    let mut paths = update_mask.map(|mask| mask.paths).unwrap_or_default();
    for path in paths.iter_mut().filter(|path| *path == "credentials") {
        *path = updatable::CREDENTIALS.to_owned();
    }
    if paths.is_empty() {
        let message = "is required: paths such as `spec.output` or `labels`";
        violations.add("update_mask", ErrorCode::FieldRequired, message);
    }
    paths.sort_unstable();
    paths.dedup();
    // What is unknown goes no further: a path could be of any depth.
    let (paths, unknown): (Vec<_>, Vec<_>) =
        paths.into_iter().partition(|path| updatable::is_known(path));
    for path in &unknown {
        refuse(path, &mut violations);
    }
    let mask = Mask::of(paths.iter().map(String::as_str));
    if sets_labels(&mask) {
        violations.add_within("connector", spec::check_labels(&connector.labels));
    }
    let v1::Connector { etag, labels, spec, .. } = connector;
    let spec = spec.unwrap_or_default();
    if sets_credentials(&mask) {
        let credentials = spec.destination.as_ref().and_then(|to| to.credentials.as_ref());
        check_credentials(credentials, trusted, &mut violations);
    }
    match name {
        Some(name) if violations.is_empty() => Ok(Asked { name, etag, labels, spec, paths, mask }),
        _ => Err(ApiError::Invalid(violations)),
    }
}

fn sets_labels(mask: &Mask) -> bool {
    mask.at("labels").is_everything()
}

fn sets_credentials(mask: &Mask) -> bool {
    mask.at("spec").at("destination").at("credentials").is_everything()
}

/// What only a request can get wrong about credentials; what they have to be
/// is checked with the whole spec.
fn check_credentials(
    credentials: Option<&v1::StoreCredentials>,
    trusted: bool,
    violations: &mut Violations,
) {
    let path = format!("connector.{}", updatable::CREDENTIALS);
    match credentials {
        Some(credentials) => {
            violations.add_within(&path, check_given(credentials));
            create::refuse_plain(credentials, trusted, &path, violations);
        }
        None => violations.add(path, ErrorCode::FieldRequired, "is required"),
    }
}

fn refuse(path: &str, violations: &mut Violations) {
    let message = format!("`{path}` cannot be changed");
    violations.add("update_mask", ErrorCode::FieldNotUpdatable, message);
}

/// The spec with what the mask names, and with every default; all that is wrong
/// with it in one answer.
fn updated(
    api: &Api,
    asked: &Asked,
    record: &ConnectorRecord,
) -> Result<v1::ConnectorSpec, ApiError> {
    let instance = request::instance(api, asked.name.instance())?;
    let instance = instance.instance.clone().unwrap_or_default();
    let mut spec = record.spec().clone();
    spec.set(&asked.spec, asked.mask.at("spec"));
    defaults::fill(
        &mut spec,
        defaults::Context {
            connector_id: asked.name.id(),
            region_id: &instance.region_id,
            vpc_id: &instance.vpc_id,
            vswitch_id: &instance.vswitch_id,
        },
    );

    let mut violations = Violations::new();
    if record.connector().desired_state() != v1::DesiredState::Created {
        refuse_fixed(asked, record.spec(), &spec, &mut violations);
    }
    // Those of the store are withheld, which is no fault of the request.
    let mut without_credentials = spec.clone();
    without_credentials.destination.get_or_insert_default().credentials = None;
    violations.add_within(SPEC, check_request(&without_credentials, asked.name.id()));
    if let Err(wrong) = spec::ConnectorSpec::try_from(spec.clone()) {
        violations.add_within(SPEC, wrong);
    }
    if let Ok(instance) = spec::Instance::try_from(instance) {
        let allowed_concurrency = api.allowed_concurrency.clone();
        let settings = rules::Settings { allowed_concurrency };
        let before = rules::check(record.spec(), &instance, &settings);
        // What is there already, of a time with other settings, may stay.
        for new in rules::check(&spec, &instance, &settings).iter() {
            if !before.iter().any(|old| old == new) {
                violations.add(format!("{SPEC}.{}", new.field), new.code, new.message.clone());
            }
        }
    }
    violations.into_result(spec).map_err(ApiError::Invalid)
}

/// Adds a violation for each path that holds nothing that can be changed after
/// the first Deploy, and for each field of the other paths that cannot and
/// would.
fn refuse_fixed(
    asked: &Asked,
    before: &v1::ConnectorSpec,
    after: &v1::ConnectorSpec,
    violations: &mut Violations,
) {
    let (refused, others): (Vec<_>, Vec<_>) =
        asked.paths.iter().partition(|path| !updatable::holds_updatable(path));
    for path in &refused {
        refuse(path, violations);
    }
    for field in updatable::fixed_differences(before, after) {
        if others.iter().any(|path| updatable::is_within(&field, path))
            && !refused.iter().any(|path| updatable::is_within(&field, path))
        {
            let message = "cannot be changed after the first Deploy";
            violations.add(format!("connector.{field}"), ErrorCode::FieldNotUpdatable, message);
        }
    }
}
