//! Fields of agents.

use kafka2oss_filter::{Field, Kind, Resource, Schema, Value};
use kafka2oss_proto::v1;

use super::{enumeration, id, specified, text, time};

/// By which agents are filtered and ordered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AgentField {
    Name,
    Id,
    State,
    DrainState,
    VpcId,
    VswitchId,
    RegionId,
    Version,
    Capacity,
    Tasks,
    Connector,
    ConnectTime,
    LastSeenTime,
}

enumeration!(STATES = v1::AgentState, "AGENT_STATE_");
enumeration!(DRAIN_STATES = v1::AgentDrainState, "AGENT_DRAIN_STATE_");

/// All of them.
pub(crate) static AGENTS: Schema<AgentField> = Schema {
    fields: &[
        Field { name: "name", kind: Kind::Text, id: AgentField::Name },
        Field { name: "id", kind: Kind::Text, id: AgentField::Id },
        Field { name: "state", kind: Kind::Enumeration(&STATES), id: AgentField::State },
        Field {
            name: "drain_state",
            kind: Kind::Enumeration(&DRAIN_STATES),
            id: AgentField::DrainState,
        },
        Field { name: "vpc_id", kind: Kind::Text, id: AgentField::VpcId },
        Field { name: "vswitch_id", kind: Kind::Text, id: AgentField::VswitchId },
        Field { name: "region_id", kind: Kind::Text, id: AgentField::RegionId },
        Field { name: "version", kind: Kind::Text, id: AgentField::Version },
        Field { name: "capacity", kind: Kind::Number, id: AgentField::Capacity },
        Field { name: "tasks", kind: Kind::Number, id: AgentField::Tasks },
        Field { name: "connector", kind: Kind::Texts, id: AgentField::Connector },
        Field { name: "connect_time", kind: Kind::Time, id: AgentField::ConnectTime },
        Field { name: "last_seen_time", kind: Kind::Time, id: AgentField::LastSeenTime },
    ],
};

impl Resource<AgentField> for v1::Agent {
    fn any<'a>(&'a self, field: AgentField, test: &mut dyn FnMut(Value<'a>) -> bool) -> bool {
        match field {
            AgentField::Name => text(&self.name, test),
            AgentField::Id => text(id(&self.name), test),
            AgentField::State => specified(self.state, test),
            AgentField::DrainState => {
                self.drain.as_ref().is_some_and(|drain| specified(drain.state, test))
            }
            AgentField::VpcId => text(&self.vpc_id, test),
            AgentField::VswitchId => text(&self.vswitch_id, test),
            AgentField::RegionId => text(&self.region_id, test),
            AgentField::Version => text(&self.version, test),
            AgentField::Capacity => test(Value::Number(self.capacity.into())),
            AgentField::Tasks => test(Value::Number(self.tasks.into())),
            AgentField::Connector => self.connectors.iter().any(|one| text(one, test)),
            AgentField::ConnectTime => time(self.connect_time.as_ref(), test),
            AgentField::LastSeenTime => time(self.last_seen_time.as_ref(), test),
        }
    }

    /// Agents have no maps.
    fn entry(&self, _: AgentField, _: &str) -> Option<&str> {
        None
    }
}
