//! Fields of connectors.

use kafka2oss_filter::{Field, Kind, Schema, Value};
use kafka2oss_proto::v1;

use super::{Test, enumeration, id, name, specified, text, time};

/// By which connectors are filtered and ordered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ConnectorField {
    Name,
    Id,
    Instance,
    Uid,
    State,
    DesiredState,
    Labels,
    Topic,
    Bucket,
    VpcId,
    VswitchId,
    Agent,
    ErrorCode,
    TotalLag,
    Generation,
    CreateTime,
    UpdateTime,
}

enumeration!(STATES = v1::ConnectorState, "CONNECTOR_STATE_");
enumeration!(DESIRED_STATES = v1::DesiredState, "DESIRED_STATE_");

/// All of them.
pub(crate) static CONNECTORS: Schema<ConnectorField> = Schema {
    fields: &[
        Field { name: "name", kind: Kind::Text, id: ConnectorField::Name },
        Field { name: "id", kind: Kind::Text, id: ConnectorField::Id },
        Field { name: "instance", kind: Kind::Text, id: ConnectorField::Instance },
        Field { name: "uid", kind: Kind::Text, id: ConnectorField::Uid },
        Field { name: "state", kind: Kind::Enumeration(&STATES), id: ConnectorField::State },
        Field {
            name: "desired_state",
            kind: Kind::Enumeration(&DESIRED_STATES),
            id: ConnectorField::DesiredState,
        },
        Field { name: "labels", kind: Kind::Map, id: ConnectorField::Labels },
        Field { name: "topic", kind: Kind::Text, id: ConnectorField::Topic },
        Field { name: "bucket", kind: Kind::Text, id: ConnectorField::Bucket },
        Field { name: "vpc_id", kind: Kind::Text, id: ConnectorField::VpcId },
        Field { name: "vswitch_id", kind: Kind::Text, id: ConnectorField::VswitchId },
        Field { name: "agent", kind: Kind::Texts, id: ConnectorField::Agent },
        Field { name: "error_code", kind: Kind::Texts, id: ConnectorField::ErrorCode },
        Field { name: "total_lag", kind: Kind::Number, id: ConnectorField::TotalLag },
        Field { name: "generation", kind: Kind::Number, id: ConnectorField::Generation },
        Field { name: "create_time", kind: Kind::Time, id: ConnectorField::CreateTime },
        Field { name: "update_time", kind: Kind::Time, id: ConnectorField::UpdateTime },
    ],
};

/// Whether `test` holds for one of the values that a field of a connector has, of which
/// the status is kept apart. Copies nothing.
pub(crate) fn connector_any<'a>(
    connector: &'a v1::Connector,
    status: &'a v1::ConnectorStatus,
    field: ConnectorField,
    test: Test<'a, '_>,
) -> bool {
    let spec = connector.effective_spec.as_deref();
    let source = spec.and_then(|spec| spec.source.as_ref());
    let destination = spec.and_then(|spec| spec.destination.as_ref());
    let runtime = spec.and_then(|spec| spec.runtime.as_ref());
    match field {
        ConnectorField::Name => text(&connector.name, test),
        ConnectorField::Id => text(id(&connector.name), test),
        ConnectorField::Instance => {
            let parts = connector.name.split_once("/connectors/");
            parts.is_some_and(|(instance, _)| name(instance, test))
        }
        ConnectorField::Uid => text(&connector.uid, test),
        ConnectorField::State => specified(status.state, test),
        ConnectorField::DesiredState => specified(connector.desired_state, test),
        ConnectorField::Labels => false,
        ConnectorField::Topic => source.is_some_and(|source| text(&source.topic, test)),
        ConnectorField::Bucket => destination.is_some_and(|to| text(&to.bucket, test)),
        ConnectorField::VpcId => runtime.is_some_and(|runtime| text(&runtime.vpc_id, test)),
        ConnectorField::VswitchId => runtime.is_some_and(|runtime| text(&runtime.vswitch_id, test)),
        ConnectorField::Agent => status.tasks.iter().any(|task| name(&task.agent, test)),
        ConnectorField::ErrorCode => error_codes(status).any(|code| text(code, test)),
        ConnectorField::TotalLag => {
            status.total_lag.is_some_and(|lag| test(Value::Number(lag.into())))
        }
        ConnectorField::Generation => test(Value::Number(connector.generation.into())),
        ConnectorField::CreateTime => time(connector.create_time.as_ref(), test),
        ConnectorField::UpdateTime => time(connector.update_time.as_ref(), test),
    }
}

/// What a connector has under a key.
pub(crate) fn connector_entry<'a>(
    connector: &'a v1::Connector,
    field: ConnectorField,
    key: &str,
) -> Option<&'a str> {
    match field {
        ConnectorField::Labels => connector.labels.get(key).map(String::as_str),
        _ => None,
    }
}

/// Of conditions, tasks and partitions. Other reasons of conditions are one word in camel
/// case.
fn error_codes(status: &v1::ConnectorStatus) -> impl Iterator<Item = &str> {
    let is_code = |reason: &&str| !reason.bytes().any(|byte| byte.is_ascii_lowercase());
    let conditions = status.conditions.iter().map(|one| one.reason.as_str()).filter(is_code);
    let tasks = status.tasks.iter().map(|task| task.error_code.as_str());
    let partitions = status.partitions.iter().map(|partition| partition.error_code.as_str());
    conditions.chain(tasks).chain(partitions)
}
