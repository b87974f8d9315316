//! Specifications of the spec's rules, over the whole message.
#![allow(clippy::unwrap_used)]

mod defaults;
mod instance;
mod rules;
mod warnings;

use kafka2oss_domain::ErrorCode;
use kafka2oss_domain::violation::Violations;

use super::defaults::{Context, fill};
use crate::v1::{self, secret::Source, store_credentials::Kind};

const ID: &str = "kafka-oss-sink";

fn context() -> Context<'static> {
    Context { connector_id: ID, region_id: "cn-hangzhou", vpc_id: "vpc-1", vswitch_id: "vsw-1" }
}

fn environment(name: &str) -> v1::Secret {
    v1::Secret { source: Some(Source::Environment(name.to_owned())) }
}

fn credentials() -> v1::StoreCredentials {
    let (id, secret) = (Some(environment("KEY_ID")), Some(environment("KEY_SECRET")));
    v1::StoreCredentials {
        kind: Some(Kind::AccessKey(v1::AccessKey { id, secret, session_token: None })),
    }
}

/// The shortest legal spec, as a user would give it.
fn given() -> v1::ConnectorSpec {
    v1::ConnectorSpec {
        source: Some(v1::KafkaSource { topic: "oss-test-input".to_owned(), ..Default::default() }),
        destination: Some(v1::ObjectStoreDestination {
            bucket: "bucket-test".to_owned(),
            credentials: Some(credentials()),
            ..Default::default()
        }),
        ..Default::default()
    }
}

/// The same with every default.
fn filled() -> v1::ConnectorSpec {
    let mut spec = given();
    fill(&mut spec, context());
    spec
}

/// Codes and field paths, in order.
fn found(violations: &Violations) -> Vec<(ErrorCode, &str)> {
    violations.iter().map(|violation| (violation.code, violation.field.as_str())).collect()
}
