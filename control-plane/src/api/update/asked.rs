//! What an UpdateConnector asks for.

use std::collections::BTreeMap;

use kafka2oss_domain::names::ConnectorName;
use kafka2oss_domain::violation::Violations;
use kafka2oss_domain::{ErrorCode, spec};
use kafka2oss_proto::v1;

use super::super::error::ApiError;
use super::super::{create, request};
use super::field_mask::{Mask, Masked};
use super::updatable;

/// The path that stands for all of them.
const EVERYTHING: &str = "*";

/// A request that breaks no rule by itself.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) name: ConnectorName,
    pub(super) etag: String,
    pub(super) labels: BTreeMap<String, String>,
    pub(super) description: String,
    pub(super) spec: v1::ConnectorSpec,
    desired_state: v1::DesiredState,
    /// As they were named.
    pub(super) paths: Vec<String>,
    /// What is set.
    pub(super) mask: Mask,
    pub(super) validate_only: bool,
    /// The credentials that are given are the stored ones.
    pub(super) keeps_credentials: bool,
}

impl Asked {
    /// Reads a request; all that is wrong with it in one answer.
    pub(super) fn read(
        request: v1::UpdateConnectorRequest,
        trusted: bool,
    ) -> Result<Self, ApiError> {
        let v1::UpdateConnectorRequest {
            connector,
            update_mask,
            allow_missing: _,
            validate_only,
            request_id,
        } = request;
        let mut violations = Violations::new();
        request::check_request_id(&request_id, &mut violations);
        if connector.is_none() {
            violations.add("connector", ErrorCode::FieldRequired, "is required");
        }
        let connector = connector.unwrap_or_default();
        let name = request::field("connector.name", &connector.name, str::parse, &mut violations);
        let desired_state = create::desired_state(&connector, &mut violations);
        let named = update_mask.map(|mask| mask.paths).unwrap_or_default();
        let (paths, mask) = what_is_set(named, &connector, &mut violations);
        let v1::Connector { etag, labels, description, spec, .. } = connector;
        let spec = spec.unwrap_or_default();
        let asked = name.map(|name| Self {
            name,
            etag,
            labels,
            description,
            spec,
            desired_state,
            paths,
            mask,
            validate_only,
            keeps_credentials: false,
        });
        if let Some(asked) = &asked {
            asked.check(trusted, &mut violations);
        }
        match asked {
            Some(asked) if violations.is_empty() => Ok(asked),
            _ => Err(ApiError::Invalid(violations)),
        }
    }

    fn check(&self, trusted: bool, violations: &mut Violations) {
        if self.sets_labels() {
            violations.add_within("connector", spec::check_labels(&self.labels));
        }
        if self.sets_description() {
            violations.add_within("connector", spec::check_description(&self.description));
        }
        if self.mask.at("desired_state").is_everything()
            && self.desired_state == v1::DesiredState::Unspecified
            && violations.is_empty()
        {
            let message = "is required, since the mask names it: CREATED, RUNNING or PAUSED";
            violations.add("connector.desired_state", ErrorCode::FieldRequired, message);
        }
        if self.sets_credentials() {
            let path = format!("connector.{}", updatable::CREDENTIALS);
            match self.spec.destination.as_ref().and_then(|to| to.credentials.as_ref()) {
                Some(given) => create::refuse_plain(given, trusted, &path, violations),
                None => violations.add(path, ErrorCode::FieldRequired, "is required"),
            }
        }
    }

    /// Whether labels are set.
    pub(super) fn sets_labels(&self) -> bool {
        self.mask.at("labels").is_everything()
    }

    /// Whether the description is set.
    pub(super) fn sets_description(&self) -> bool {
        self.mask.at("description").is_everything()
    }

    /// Whether credentials are set.
    pub(super) fn sets_credentials(&self) -> bool {
        self.mask.at("spec").at("destination").at("credentials").is_everything()
    }

    /// The desired state that is set; UNSPECIFIED where none is.
    pub(super) fn desired_state(&self) -> v1::DesiredState {
        match self.mask.at("desired_state").is_everything() {
            true => self.desired_state,
            false => v1::DesiredState::Unspecified,
        }
    }

    /// The credentials that are set.
    pub(super) fn credentials_mut(&mut self) -> Option<&mut v1::StoreCredentials> {
        if !self.sets_credentials() {
            return None;
        }
        self.spec.destination.as_mut()?.credentials.as_mut()
    }
}

/// The paths that a mask names, and the fields that are set by it.
fn what_is_set(
    mut named: Vec<String>,
    connector: &v1::Connector,
    violations: &mut Violations,
) -> (Vec<String>, Mask) {
    if named.is_empty() {
        let given = given(connector);
        if given.is_empty() {
            let message = "is required where nothing is given: paths such as `spec.output`";
            violations.add("update_mask", ErrorCode::FieldRequired, message);
        }
        // Fields that stay what they are may be among them.
        let parts = ["spec", "labels", "description", "desired_state"].map(str::to_owned);
        let mask = Mask::of(given.iter().map(String::as_str));
        return (parts.into_iter().filter(|part| *mask.at(part) != Mask::Nothing).collect(), mask);
    }
    if named.iter().any(|path| path == EVERYTHING) {
        if named.len() > 1 {
            let message = "`*` stands for all paths: it stands alone";
            violations.add("update_mask", ErrorCode::FieldInvalid, message);
        }
        named = ["spec", "labels", "description"].map(str::to_owned).to_vec();
        if connector.desired_state != v1::DesiredState::Unspecified as i32 {
            named.push("desired_state".to_owned());
        }
    }
    for path in named.iter_mut().filter(|path| *path == "credentials") {
        *path = updatable::CREDENTIALS.to_owned();
    }
    named.sort_unstable();
    named.dedup();
    // What is unknown goes no further: a path could be of any depth.
    let (paths, unknown): (Vec<_>, Vec<_>) =
        named.into_iter().partition(|path| updatable::is_known(path));
    for path in &unknown {
        refuse(path, violations);
    }
    let mask = Mask::of(paths.iter().map(String::as_str));
    (paths, mask)
}

/// Paths of the fields that are given.
fn given(connector: &v1::Connector) -> Vec<String> {
    let mut given = Vec::new();
    if !connector.labels.is_empty() {
        given.push("labels".to_owned());
    }
    if !connector.description.is_empty() {
        given.push("description".to_owned());
    }
    if connector.desired_state != v1::DesiredState::Unspecified as i32 {
        given.push("desired_state".to_owned());
    }
    if let Some(spec) = &connector.spec {
        v1::ConnectorSpec::default().differences(spec, "spec", &mut given);
    }
    given
}

/// Adds the violation of a path that cannot be changed.
pub(super) fn refuse(path: &str, violations: &mut Violations) {
    let message = format!("`{path}` cannot be changed");
    violations.add("update_mask", ErrorCode::FieldNotUpdatable, message);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(named: &[&str], connector: &v1::Connector) -> (Vec<String>, Mask, bool) {
        let mut violations = Violations::new();
        let named = named.iter().map(|path| (*path).to_owned()).collect();
        let (paths, mask) = what_is_set(named, connector, &mut violations);
        (paths, mask, violations.is_empty())
    }

    #[test]
    fn without_a_mask_what_is_given_is_set_and_nothing_else() {
        let source = v1::KafkaSource { spread: Some(3), ..Default::default() };
        let spec = v1::ConnectorSpec { source: Some(source), ..Default::default() };
        let given = v1::Connector { spec: Some(spec), ..Default::default() };
        let (paths, mask, is_right) = set(&[], &given);
        assert_eq!((paths, is_right), (vec!["spec".to_owned()], true));
        assert_eq!(mask, Mask::of(["spec.source.spread"]));
        assert!(!set(&[], &v1::Connector::default()).2);
    }

    #[test]
    fn a_star_is_everything_that_can_be_given_and_the_state_only_where_one_is() {
        let mut given = v1::Connector::default();
        assert_eq!(
            set(&["*"], &given),
            (
                paths(&["description", "labels", "spec"]),
                mask(&["description", "labels", "spec"]),
                true
            )
        );
        given.set_desired_state(v1::DesiredState::Paused);
        let all = ["description", "desired_state", "labels", "spec"];
        assert_eq!(set(&["*"], &given), (paths(&all), mask(&all), true));
        assert!(!set(&["*", "labels"], &given).2);
    }

    fn paths(paths: &[&str]) -> Vec<String> {
        paths.iter().map(|path| (*path).to_owned()).collect()
    }

    fn mask(paths: &[&str]) -> Mask {
        Mask::of(paths.iter().copied())
    }
}
