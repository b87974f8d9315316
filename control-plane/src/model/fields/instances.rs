//! Fields of instances.

use kafka2oss_filter::{Field, Kind, Resource, Schema, Value};
use kafka2oss_proto::v1;

use super::{enumeration, id, specified, text, time};

/// By which instances are filtered and ordered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum InstanceField {
    Name,
    Id,
    Uid,
    RegionId,
    Labels,
    BootstrapServer,
    SecurityProtocol,
    VpcId,
    VswitchId,
    ConnectorsDisabled,
    KafkaClusterId,
    CreateTime,
    UpdateTime,
}

enumeration!(SECURITY_PROTOCOLS = v1::SecurityProtocol, "SECURITY_PROTOCOL_");

/// All of them.
pub(crate) static INSTANCES: Schema<InstanceField> = Schema {
    fields: &[
        Field { name: "name", kind: Kind::Text, id: InstanceField::Name },
        Field { name: "id", kind: Kind::Text, id: InstanceField::Id },
        Field { name: "uid", kind: Kind::Text, id: InstanceField::Uid },
        Field { name: "region_id", kind: Kind::Text, id: InstanceField::RegionId },
        Field { name: "labels", kind: Kind::Map, id: InstanceField::Labels },
        Field { name: "bootstrap_server", kind: Kind::Texts, id: InstanceField::BootstrapServer },
        Field {
            name: "security_protocol",
            kind: Kind::Enumeration(&SECURITY_PROTOCOLS),
            id: InstanceField::SecurityProtocol,
        },
        Field { name: "vpc_id", kind: Kind::Text, id: InstanceField::VpcId },
        Field { name: "vswitch_id", kind: Kind::Text, id: InstanceField::VswitchId },
        Field {
            name: "connectors_disabled",
            kind: Kind::Boolean,
            id: InstanceField::ConnectorsDisabled,
        },
        Field { name: "kafka_cluster_id", kind: Kind::Text, id: InstanceField::KafkaClusterId },
        Field { name: "create_time", kind: Kind::Time, id: InstanceField::CreateTime },
        Field { name: "update_time", kind: Kind::Time, id: InstanceField::UpdateTime },
    ],
};

impl Resource<InstanceField> for v1::Instance {
    fn any<'a>(&'a self, field: InstanceField, test: &mut dyn FnMut(Value<'a>) -> bool) -> bool {
        match field {
            InstanceField::Name => text(&self.name, test),
            InstanceField::Id => text(id(&self.name), test),
            InstanceField::Uid => text(&self.uid, test),
            InstanceField::RegionId => text(&self.region_id, test),
            InstanceField::Labels => false,
            InstanceField::BootstrapServer => {
                self.bootstrap_servers.iter().any(|server| text(server, test))
            }
            InstanceField::SecurityProtocol => specified(self.security_protocol, test),
            InstanceField::VpcId => text(&self.vpc_id, test),
            InstanceField::VswitchId => text(&self.vswitch_id, test),
            InstanceField::ConnectorsDisabled => test(Value::Boolean(self.connectors_disabled)),
            InstanceField::KafkaClusterId => text(&self.kafka_cluster_id, test),
            InstanceField::CreateTime => time(self.create_time.as_ref(), test),
            InstanceField::UpdateTime => time(self.update_time.as_ref(), test),
        }
    }

    fn entry(&self, field: InstanceField, key: &str) -> Option<&str> {
        match field {
            InstanceField::Labels => self.labels.get(key).map(String::as_str),
            _ => None,
        }
    }
}
