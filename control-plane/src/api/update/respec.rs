//! What an update makes of a spec: as it is given, and with every default.

use std::collections::BTreeSet;

use kafka2oss_domain::violation::Violations;
use kafka2oss_domain::{ErrorCode, spec};
use kafka2oss_proto::spec::{check_request, defaults};
use kafka2oss_proto::v1;

use super::super::context::Api;
use super::super::error::ApiError;
use super::super::request;
use super::asked::{Asked, refuse};
use super::field_mask::{Mask, Masked};
use super::updatable;
use crate::model::rules;
use crate::store::connectors::ConnectorRecord;

/// Where the spec stands in the request.
const SPEC: &str = "connector.spec";
/// Folders of time, from the connector.
const TIME_BUCKETS: &str = "spec.output.layout.time_buckets";

/// A spec after an update, with its plain secrets.
#[derive(Debug)]
pub(super) struct Respec {
    /// As it is given.
    pub(super) given: v1::ConnectorSpec,
    /// With every default.
    pub(super) effective: v1::ConnectorSpec,
}

/// The spec with what the mask names; all that is wrong with it in one answer.
pub(super) fn respec(
    api: &Api,
    asked: &Asked,
    record: &ConnectorRecord,
) -> Result<Respec, ApiError> {
    let instance = request::instance(api, asked.name.instance())?;
    let instance = instance.instance.clone().unwrap_or_default();
    let mut given = record.given().clone();
    given.set(&asked.spec, asked.mask.at("spec"));
    let mut effective = given.clone();
    defaults::fill(
        &mut effective,
        defaults::Context {
            connector_id: asked.name.id(),
            region_id: &instance.region_id,
            vpc_id: &instance.vpc_id,
            vswitch_id: &instance.vswitch_id,
        },
    );
    let is_deployed = record.connector().desired_state() != v1::DesiredState::Created;
    if is_deployed {
        keep_defaults(&mut effective, &given, record);
    }

    let mut violations = Violations::new();
    if is_deployed {
        refuse_fixed(asked, record.spec(), &effective, &mut violations);
    }
    // Stored ones are withheld, which is no fault of the request.
    let mut checked = effective.clone();
    if asked.keeps_credentials || !asked.sets_credentials() {
        checked.destination.get_or_insert_default().credentials = None;
    }
    violations.add_within(SPEC, check_request(&checked, asked.name.id()));
    if let Err(wrong) = spec::ConnectorSpec::try_from(effective.clone()) {
        violations.add_within(SPEC, wrong);
    }
    if let Ok(instance) = spec::Instance::try_from(instance) {
        let allowed_concurrency = api.allowed_concurrency.clone();
        let settings = rules::Settings { allowed_concurrency };
        let before = rules::check(record.spec(), &instance, &settings);
        // What is there already, of a time with other settings, may stay.
        for new in rules::check(&effective, &instance, &settings).iter() {
            if !before.iter().any(|old| old == new) {
                violations.add(format!("{SPEC}.{}", new.field), new.code, new.message.clone());
            }
        }
    }
    violations.into_result(Respec { given, effective }).map_err(ApiError::Invalid)
}

/// Defaults of a deployed connector stay what they were: those of its instance, or of this
/// version, may be others by now, and nobody asked for them.
fn keep_defaults(
    effective: &mut v1::ConnectorSpec,
    given: &v1::ConnectorSpec,
    record: &ConnectorRecord,
) {
    let differences = |one: &v1::ConnectorSpec, other: &v1::ConnectorSpec| {
        let mut found = Vec::new();
        one.differences(other, "spec", &mut found);
        found.into_iter().collect::<BTreeSet<_>>()
    };
    let asked_for = differences(record.given(), given);
    let kept = differences(record.spec(), effective);
    let kept = kept.iter().filter(|path| !asked_for.contains(*path));
    // This one is made of another field.
    let kept = kept.filter(|path| *path != "spec.source.spread");
    // A part that is there or not, with a meaning: what is in it comes and goes with it.
    let buckets = has_time_buckets(given) == has_time_buckets(record.given());
    let kept = kept.filter(|path| buckets || !updatable::is_within(path, TIME_BUCKETS));
    let mask = Mask::of(kept.map(String::as_str));
    effective.set(record.spec(), mask.at("spec"));
}

fn has_time_buckets(spec: &v1::ConnectorSpec) -> bool {
    let layout = spec.output.as_ref().and_then(|output| output.layout.as_ref());
    layout.is_some_and(|layout| layout.time_buckets.is_some())
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
