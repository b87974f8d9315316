//! What a connector does.

use kafka2oss_domain::spec::{ConnectorSpec, MAX_KEY_BYTES, longest_key};
use kafka2oss_domain::violation::Violations;

use super::checks::Checks;
use super::resources;
use crate::v1;

impl TryFrom<v1::ConnectorSpec> for ConnectorSpec {
    type Error = Violations;

    fn try_from(wire: v1::ConnectorSpec) -> Result<Self, Violations> {
        let mut together = Checks::default();
        check_together(&mut together, &wire);
        let v1::ConnectorSpec { task_type, source, destination, runtime, resources, output } = wire;
        let mut checks = Checks::default();
        match v1::TaskType::try_from(task_type) {
            Ok(v1::TaskType::Kafka2oss) => {}
            Ok(v1::TaskType::Unspecified) => checks.required("task_type"),
            Err(_) => checks.invalid("task_type", format!("has no value {task_type}")),
        }
        let source = checks.part("source", source);
        let destination = checks.part("destination", destination);
        let runtime = checks.part("runtime", runtime);
        let resources = checks.part("resources", resources);
        let output = checks.part("output", output);
        checks.append(together.into_violations());
        let (Some(source), Some(destination), Some(runtime), Some(resources), Some(output)) =
            (source, destination, runtime, resources, output)
        else {
            return Err(checks.into_violations());
        };
        checks.finish(Self { source, destination, runtime, resources, output })
    }
}

/// Rules about several parts. On the wire type, so that they are checked
/// whatever else is wrong.
fn check_together(checks: &mut Checks, wire: &v1::ConnectorSpec) {
    let Some(source) = wire.source.as_ref().filter(|source| !source.topic.is_empty()) else {
        return;
    };
    if let Some(resources) = &wire.resources {
        for (field, topic) in resources::topics(resources) {
            if topic.is_some_and(|topic| topic.name == source.topic) {
                checks.invalid(
                    &format!("resources.{field}.name"),
                    format!("is `{}`, which is the source topic", source.topic),
                );
            }
        }
    }
    let layout = wire.output.as_ref().and_then(|output| output.layout.as_ref());
    if let Some(prefix) = layout.map(|layout| layout.prefix.as_str()) {
        let longest = longest_key(prefix, &source.topic);
        // A prefix or topic that is too long by itself is said there.
        if longest > MAX_KEY_BYTES && prefix.len() <= 512 && source.topic.len() <= 249 {
            checks.invalid(
                "output.layout.prefix",
                format!(
                    "makes keys of up to {longest} bytes with this topic; stores take \
                     {MAX_KEY_BYTES}"
                ),
            );
        }
    }
}

impl From<&ConnectorSpec> for v1::ConnectorSpec {
    fn from(spec: &ConnectorSpec) -> Self {
        let ConnectorSpec { source, destination, runtime, resources, output } = spec;
        Self {
            task_type: v1::TaskType::Kafka2oss.into(),
            source: Some(source.into()),
            destination: Some(destination.into()),
            runtime: Some(runtime.into()),
            resources: Some(resources.into()),
            output: Some(output.into()),
        }
    }
}
