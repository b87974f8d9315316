//! CreateInstance, and UpdateInstance of one that is not there yet.

use std::sync::Arc;

use kafka2oss_domain::names::InstanceName;
use kafka2oss_domain::spec;
use kafka2oss_domain::violation::Violations;
use kafka2oss_proto::spec::defaults;
use kafka2oss_proto::v1;

use super::context::Api;
use super::error::ApiError;
use super::once::{Identified, Once};
use super::{etag, request};
use crate::catalog::Change;
use crate::chance;
use crate::clock;
use crate::store::instances::InstanceRecord;

/// Registers an instance.
pub(super) async fn create(
    api: Arc<Api>,
    request: v1::CreateInstanceRequest,
) -> Result<v1::Instance, ApiError> {
    let whole = request.clone();
    let v1::CreateInstanceRequest { instance_id, instance, validate_only, request_id } = request;
    let mut violations = Violations::new();
    request::check_request_id(&request_id, &mut violations);
    let read = request::field("instance_id", &instance_id, InstanceName::from_id, &mut violations);
    let instance = with_defaults(instance.unwrap_or_default(), &mut violations);
    let Some(name) = read.filter(|_| violations.is_empty()) else {
        return Err(ApiError::Invalid(violations));
    };

    let method = "CreateInstance";
    let identified = Identified::with_secrets(&api, &name, &request_id, method, &whole, |it| {
        it.instance.as_mut()
    });
    let _lock = api.known.catalog.lock(&name.to_string()).await;
    let once = Once::lock(&api, identified.filter(|_| !validate_only)).await;
    if let Some(made) = once.instance(&api, &name)? {
        return Ok(made);
    }
    if api.known.catalog.instance(&name).is_some() {
        return Err(ApiError::Exists(name.to_string()));
    }
    register(&api, &name, instance, &once, validate_only).await
}

/// Registers one of which an update finds nothing. The caller holds the lock of the name.
pub(super) async fn create_missing(
    api: &Api,
    name: &InstanceName,
    given: v1::Instance,
    once: &Once,
    validate_only: bool,
) -> Result<v1::Instance, ApiError> {
    if !given.etag.is_empty() {
        return Err(ApiError::EtagMismatch(name.to_string()));
    }
    let mut violations = Violations::new();
    let instance = with_defaults(given, &mut violations);
    let instance = violations.into_result(instance).map_err(ApiError::Invalid)?;
    register(api, name, instance, once, validate_only).await
}

/// One with every default, and what is wrong with it then.
pub(super) fn with_defaults(
    mut instance: v1::Instance,
    violations: &mut Violations,
) -> v1::Instance {
    defaults::fill_instance(&mut instance);
    if let Err(wrong) = spec::Instance::try_from(instance.clone()) {
        violations.add_within("instance", wrong);
    }
    instance
}

async fn register(
    api: &Api,
    name: &InstanceName,
    instance: v1::Instance,
    once: &Once,
    validate_only: bool,
) -> Result<v1::Instance, ApiError> {
    let uid = chance::ulid().to_string();
    let now = clock::now();
    let instance = v1::Instance {
        name: name.to_string(),
        etag: etag::first(&uid),
        uid,
        create_time: Some(now),
        update_time: Some(now),
        kafka_cluster_id: String::new(),
        ..instance
    };
    if !validate_only {
        let record = InstanceRecord { form: 0, instance: Some(instance.clone()) };
        let mut changes = once.remember(api, &instance.uid);
        changes.push(Change::Instance(name.to_string(), Some(Arc::new(record))));
        api.known.catalog.apply(changes).await?;
        tracing::info!(instance = %name, "instance registered");
    }
    Ok(instance)
}
