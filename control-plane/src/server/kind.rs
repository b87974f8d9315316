//! Kinds of calls: what they may take differs.

/// What kind of a call a request is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// One message in, one out.
    Unary,
    /// One message in, many out, for as long as there are any.
    Stream,
    /// Messages both ways.
    Conversation,
    /// An agent's stream.
    Agent,
    /// Whoever asks whether the control plane lives is answered however much is under way.
    Health,
}

impl Kind {
    /// That of the method with this path.
    pub(super) fn of(path: &str) -> Self {
        if path.starts_with("/grpc.health.v1.Health/") {
            return Self::Health;
        }
        match path.rsplit('/').next().unwrap_or_default() {
            "WatchConnectors" | "WatchAgents" | "TailLogs" | "TailDeadLetters"
            | "ValidateConnector" | "FlushConnector" => Self::Stream,
            "ServerReflectionInfo" => Self::Conversation,
            "Connect" => Self::Agent,
            _ => Self::Unary,
        }
    }
}

#[cfg(test)]
mod tests {
    use prost::Message;

    use super::*;

    #[test]
    fn every_method_is_of_the_kind_that_its_declaration_says() {
        let sets =
            [kafka2oss_proto::FILE_DESCRIPTOR_SET, kafka2oss_proto::agent::FILE_DESCRIPTOR_SET];
        let files = sets
            .into_iter()
            .flat_map(|set| prost_types::FileDescriptorSet::decode(set).expect("descriptors").file);
        let mut methods = 0;
        for file in files {
            for service in &file.service {
                for method in &service.method {
                    let name = method.name();
                    let path = format!("/{}.{}/{name}", file.package(), service.name());
                    let expected = match (method.client_streaming(), method.server_streaming()) {
                        (false, false) => Kind::Unary,
                        (false, true) => Kind::Stream,
                        (true, _) => Kind::Agent,
                    };
                    assert_eq!(Kind::of(&path), expected, "{path}");
                    methods += 1;
                }
            }
        }
        assert!(methods > 20, "{methods}");
        let reflection = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo";
        assert_eq!(Kind::of(reflection), Kind::Conversation);
        assert_eq!(Kind::of("/grpc.health.v1.Health/Check"), Kind::Health);
    }
}
