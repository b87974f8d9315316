//! Rules about a spec as it comes in a request, besides those of the spec
//! itself.

use kafka2oss_domain::ErrorCode;
use kafka2oss_domain::spec::prefixes;
use kafka2oss_domain::violation::Violations;

use super::checks::Checks;
use super::secrets;
use crate::v1;

/// Checks what a request to create or preview `connector_id` has to fulfil
/// besides being a legal spec: the task consumer group is
/// `connect-{connector_id}`, and no secret is withheld, since there is no
/// earlier value that it could stand for. Expects a filled spec; paths are
/// relative to it.
pub fn check_request(spec: &v1::ConnectorSpec, connector_id: &str) -> Violations {
    let mut checks = Checks::default();
    let credentials = spec.destination.as_ref().and_then(|to| to.credentials.as_ref());
    if let Some(credentials) = credentials {
        let mut within = Violations::new();
        within.add_within("destination.credentials", check_given(credentials));
        checks.append(within);
    }
    let expected = format!("{}{connector_id}", prefixes::TASK_GROUP);
    if let Some(resources) = &spec.resources
        && resources.task_consumer_group != expected
    {
        checks.invalid(
            "resources.task_consumer_group",
            format!("is always `{expected}`; leave it out"),
        );
    }
    checks.into_violations()
}

/// Checks that no secret of `credentials` from a request is withheld: that
/// stands in answers only. Paths are relative to the credentials.
pub fn check_given(credentials: &v1::StoreCredentials) -> Violations {
    let mut checks = Checks::default();
    secrets::visit_credentials(credentials, &mut |path, secret| {
        if matches!(secret.source, Some(v1::secret::Source::Withheld(true))) {
            checks.add(
                path,
                ErrorCode::FieldRequired,
                "is `withheld`, which stands in answers only; give the value or a reference",
            );
        }
    });
    checks.into_violations()
}
