//! UpdateInstance: what may change while connectors run, and what may not.

use std::collections::BTreeSet;
use std::sync::Arc;

use kafka2oss_domain::ErrorCode;
use kafka2oss_domain::names::InstanceName;
use kafka2oss_domain::violation::Violations;
use kafka2oss_proto::v1;

use super::context::Api;
use super::create_instance::{create_missing, with_defaults};
use super::error::ApiError;
use super::once::{Identified, Once};
use super::{etag, request};
use crate::catalog::Change;
use crate::clock;
use crate::store::instances::InstanceRecord;

/// The mask's path that stands for every field.
const ALL: &str = "*";

/// A field that can be set.
struct Field {
    name: &'static str,
    /// Connectors depend on it: it stays as it is while there are any.
    is_fixed: bool,
    /// Takes it from the second instance into the first.
    take: fn(&mut v1::Instance, &v1::Instance),
}

impl Field {
    /// Whether it differs between the two.
    fn differs(&self, one: &v1::Instance, other: &v1::Instance) -> bool {
        let mut changed = one.clone();
        (self.take)(&mut changed, other);
        changed != *one
    }
}

/// Every field of an instance stands in one of the three lists: a new one does not compile
/// before somebody has decided.
macro_rules! fields {
    (
        free { $($free:ident),* $(,)? }
        fixed { $($fixed:ident),* $(,)? }
        output { $($output:ident),* $(,)? }
    ) => {
        const FIELDS: &[Field] = &[
            $(Field {
                name: stringify!($free),
                is_fixed: false,
                take: |to, from| to.$free.clone_from(&from.$free),
            },)*
            $(Field {
                name: stringify!($fixed),
                is_fixed: true,
                take: |to, from| to.$fixed.clone_from(&from.$fixed),
            },)*
        ];

        const _: fn(&v1::Instance) =
            |v1::Instance { $($free: _,)* $($fixed: _,)* $($output: _,)* }| ();
    };
}

fields! {
    free {
        labels,
        description,
        max_connectors,
        max_tasks,
        bootstrap_servers,
        security_protocol,
        sasl_mechanism,
        kafka_credentials,
        ca_certificate,
        client_certificate,
        oauth_token,
        vswitch_id,
        connectors_disabled,
        allow_shared_cluster,
    }
    fixed { region_id, vpc_id }
    output { name, uid, create_time, update_time, etag, kafka_cluster_id }
}

/// A request that breaks no rule by itself.
struct Asked {
    name: InstanceName,
    given: v1::Instance,
    fields: Vec<&'static Field>,
}

/// Changes what the mask names, or registers the instance where that is allowed.
pub(super) async fn update(
    api: Arc<Api>,
    request: v1::UpdateInstanceRequest,
) -> Result<v1::Instance, ApiError> {
    let whole = request.clone();
    let v1::UpdateInstanceRequest {
        instance,
        update_mask,
        validate_only,
        request_id,
        allow_missing,
    } = request;
    let asked = read(instance, update_mask, &request_id)?;
    let method = "UpdateInstance";
    let identified =
        Identified::with_secrets(&api, &asked.name, &request_id, method, &whole, |it| {
            it.instance.as_mut()
        });
    // Exclusive: no connector comes into being meanwhile.
    let _lock = api.known.catalog.lock(&asked.name.to_string()).await;
    let once = Once::lock(&api, identified.filter(|_| !validate_only)).await;
    if let Some(updated) = once.instance(&api, &asked.name)? {
        return Ok(updated);
    }
    if allow_missing && api.known.catalog.instance(&asked.name).is_none() {
        let Asked { name, given, .. } = asked;
        return create_missing(&api, &name, given, &once, validate_only).await;
    }
    let record = request::instance(&api, &asked.name)?;
    let before = record.instance.clone().unwrap_or_default();
    etag::check(&before.name, &before.etag, &asked.given.etag)?;
    let mut after = updated(&before, &asked, api.known.catalog.connectors_of(&asked.name).len())?;
    if after == before {
        api.known.catalog.apply(once.remember(&api, &before.uid)).await?;
        return Ok(before);
    }
    after.etag = etag::next_of_instance(&before);
    after.update_time = Some(clock::now());
    if validate_only {
        return Ok(after);
    }
    let changed = InstanceRecord { form: 0, instance: Some(after.clone()) };
    let mut changes = once.remember(&api, &after.uid);
    changes.push(Change::Instance(after.name.clone(), Some(Arc::new(changed))));
    api.known.catalog.apply(changes).await?;
    let names = asked.fields.iter().map(|field| field.name).collect::<Vec<_>>().join(", ");
    tracing::info!(instance = after.name, fields = names, "instance updated");
    // Their agents get it with what they are to run.
    for connector in api.known.catalog.connectors_of(&asked.name) {
        api.inbox.connector(connector.name());
    }
    Ok(after)
}

fn read(
    instance: Option<v1::Instance>,
    mask: Option<prost_types::FieldMask>,
    request_id: &str,
) -> Result<Asked, ApiError> {
    let mut violations = Violations::new();
    request::check_request_id(request_id, &mut violations);
    if instance.is_none() {
        violations.add("instance", ErrorCode::FieldRequired, "is required");
    }
    let given = instance.unwrap_or_default();
    let name = request::field("instance.name", &given.name, str::parse, &mut violations);
    let paths: BTreeSet<String> =
        mask.map(|mask| mask.paths).unwrap_or_default().into_iter().collect();
    let is_known = |path: &String| path == ALL || FIELDS.iter().any(|field| field.name == path);
    for path in paths.iter().filter(|path| !is_known(path)) {
        let message = format!("`{path}` cannot be changed");
        violations.add("update_mask", ErrorCode::FieldNotUpdatable, message);
    }
    let is_named = |field: &&Field| match paths.is_empty() {
        true => field.differs(&v1::Instance::default(), &given),
        false => paths.contains(ALL) || paths.contains(field.name),
    };
    let fields: Vec<_> = FIELDS.iter().filter(is_named).collect();
    if paths.is_empty() && fields.is_empty() {
        let message = "is required where the instance has no new value";
        violations.add("update_mask", ErrorCode::FieldRequired, message);
    }
    match name {
        Some(name) if violations.is_empty() => Ok(Asked { name, given, fields }),
        _ => Err(ApiError::Invalid(violations)),
    }
}

/// The instance with what is asked for, and with every default; all that is wrong with it in
/// one answer.
fn updated(
    before: &v1::Instance,
    asked: &Asked,
    connectors: usize,
) -> Result<v1::Instance, ApiError> {
    let mut after = before.clone();
    let mut violations = Violations::new();
    for field in &asked.fields {
        if field.is_fixed && connectors > 0 && field.differs(before, &asked.given) {
            let message = format!(
                "cannot be changed while the instance has connectors, of which there are \
                 {connectors}"
            );
            let path = format!("instance.{}", field.name);
            violations.add(path, ErrorCode::FieldNotUpdatable, message);
        } else {
            (field.take)(&mut after, &asked.given);
        }
    }
    let after = with_defaults(after, &mut violations);
    violations.into_result(after).map_err(ApiError::Invalid)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn instance() -> v1::Instance {
        v1::Instance {
            name: "instances/i".to_owned(),
            region_id: "cn-hangzhou".to_owned(),
            bootstrap_servers: vec!["a:9092".to_owned()],
            security_protocol: v1::SecurityProtocol::Plaintext.into(),
            vpc_id: "vpc-1".to_owned(),
            ..v1::Instance::default()
        }
    }

    fn ask(given: v1::Instance, paths: &[&str]) -> Result<Asked, ApiError> {
        let paths = paths.iter().map(|path| (*path).to_owned()).collect();
        read(Some(given), Some(prost_types::FieldMask { paths }), "")
    }

    #[test]
    fn a_mask_names_fields_and_without_one_those_that_are_given_are() {
        let given = v1::Instance {
            name: "instances/i".to_owned(),
            bootstrap_servers: vec!["b:9092".to_owned()],
            connectors_disabled: true,
            etag: "e".to_owned(),
            ..v1::Instance::default()
        };
        let names = |paths: &[&str]| {
            let asked = ask(given.clone(), paths).expect("legal");
            asked.fields.iter().map(|field| field.name).collect::<Vec<_>>()
        };
        assert_eq!(names(&[]), ["bootstrap_servers", "connectors_disabled"]);
        assert_eq!(names(&["labels", "vpc_id", "labels"]), ["labels", "vpc_id"]);
        assert_eq!(names(&["*"]).len(), FIELDS.len());
    }

    #[test]
    fn what_is_named_and_not_given_becomes_its_default() {
        let mut before = instance();
        before.labels = [("team".to_owned(), "a".to_owned())].into();
        let given = v1::Instance { name: before.name.clone(), ..v1::Instance::default() };
        let asked = ask(given, &["labels", "vpc_id"]).expect("legal");
        let after = updated(&before, &asked, 0).expect("legal");
        let expected = v1::Instance { vpc_id: String::new(), ..instance() };
        assert_eq!(after, expected);
    }

    #[test]
    fn fields_on_which_connectors_depend_stay_while_there_are_any() {
        let before = instance();
        let given = v1::Instance { vpc_id: "vpc-2".to_owned(), ..before.clone() };
        let asked = ask(given.clone(), &["*"]).expect("legal");
        let Err(ApiError::Invalid(violations)) = updated(&before, &asked, 3) else {
            panic!("it is taken")
        };
        let told: Vec<_> = violations.iter().map(|one| (one.field.as_str(), one.code)).collect();
        assert_eq!(told, [("instance.vpc_id", ErrorCode::FieldNotUpdatable)]);
        assert_eq!(updated(&before, &asked, 0).expect("legal"), given);
        // One that is named and stays the same is no change.
        let asked = ask(before.clone(), &["*"]).expect("legal");
        assert_eq!(updated(&before, &asked, 3).expect("legal"), before);
    }
}
