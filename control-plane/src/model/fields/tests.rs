use kafka2oss_filter::{Filter, Kind, Order, Schema};
use kafka2oss_proto::v1;

use super::*;

const PAGE: &str = include_str!("../../../../docs/filters.md");

/// The lines of the code blocks of a kind.
fn examples(kind: &str) -> Vec<&'static str> {
    let fence = format!("```{kind}\n");
    let blocks = PAGE.split(&fence[..]).skip(1);
    let lines: Vec<_> =
        blocks.flat_map(|block| block.split("```").next().unwrap_or_default().lines()).collect();
    assert!(!lines.is_empty(), "no examples of {kind}");
    lines
}

#[track_caller]
fn check<F: Copy>(title: &str, schema: &Schema<F>) {
    let section = PAGE.split(&format!("\n## {title}\n")[..]).nth(1).expect("a section");
    let section = section.split("\n## ").next().unwrap_or_default();
    let rows: Vec<_> =
        section.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next()).collect();
    let fields: Vec<_> = schema.fields.iter().map(|field| field.name).collect();
    assert_eq!(rows, fields, "the table of {title}");
    for field in schema.fields {
        if let Kind::Enumeration(enumeration) = field.kind {
            for name in enumeration.names() {
                assert!(section.contains(&format!("`{name}`")), "{} has {name}", field.name);
            }
        }
    }
    let kind = title.to_lowercase();
    for line in examples(&format!("filter {kind}")) {
        assert!(Filter::parse(line, schema).expect(line).is_some(), "{line}");
    }
}

#[track_caller]
fn check_orders<F: Copy>(title: &str, schema: &Schema<F>) {
    for line in examples(&format!("order {}", title.to_lowercase())) {
        assert!(!Order::parse(line, schema).expect(line).is_empty(), "{line}");
    }
}

#[test]
fn the_page_has_each_field_and_each_name_and_its_examples_are_taken() {
    check("Connectors", &CONNECTORS);
    check("Instances", &INSTANCES);
    check("Agents", &AGENTS);
    check("Log lines", &LOG_LINES);
    check("Dead letters", &DEAD_LETTERS);
    check_orders("Connectors", &CONNECTORS);
    check_orders("Instances", &INSTANCES);
    check_orders("Agents", &AGENTS);
}

#[test]
fn the_page_says_what_is_refused_as_it_is() {
    let [text, answer] = examples("refused")[..] else { panic!("a filter and an answer") };
    let invalid = Filter::parse(text, &CONNECTORS).expect_err("refused").to_string();
    assert!(invalid.starts_with(answer.trim_end_matches("...")), "{invalid}");
}

/// A connector, what it has and what is seen of it.
struct Seen(v1::Connector, v1::ConnectorStatus);

impl kafka2oss_filter::Resource<ConnectorField> for Seen {
    fn any<'a>(&'a self, field: ConnectorField, test: Test<'a, '_>) -> bool {
        connector_any(&self.0, &self.1, field, test)
    }

    fn entry(&self, field: ConnectorField, key: &str) -> Option<&str> {
        connector_entry(&self.0, field, key)
    }
}

fn seen() -> Seen {
    let connector = v1::Connector {
        name: "instances/i-1/connectors/orders".to_owned(),
        uid: "U1".to_owned(),
        create_time: Some(Timestamp { seconds: 1, nanos: 1 }),
        update_time: Some(Timestamp { seconds: 2, nanos: 0 }),
        labels: [("env".to_owned(), "prod".to_owned())].into(),
        generation: 3,
        desired_state: v1::DesiredState::Paused.into(),
        effective_spec: Some(Box::new(v1::ConnectorSpec {
            source: Some(v1::KafkaSource { topic: "t.orders".to_owned(), ..Default::default() }),
            destination: Some(v1::ObjectStoreDestination {
                bucket: "lake".to_owned(),
                ..Default::default()
            }),
            runtime: Some(v1::ConnectorRuntime {
                vpc_id: "vpc-1".to_owned(),
                vswitch_id: "vsw-1".to_owned(),
                ..Default::default()
            }),
            ..Default::default()
        })),
        ..Default::default()
    };
    let reason = |reason: &str| v1::Condition { reason: reason.to_owned(), ..Default::default() };
    let status = v1::ConnectorStatus {
        state: v1::ConnectorState::Degraded.into(),
        total_lag: Some(70),
        conditions: vec![reason("NotDeployed"), reason("STORE_UNREACHABLE"), reason("")],
        tasks: vec![v1::TaskStatus {
            agent: "agents/a-1".to_owned(),
            error_code: "KAFKA_UNREACHABLE".to_owned(),
            ..Default::default()
        }],
        partitions: vec![v1::PartitionProgress {
            error_code: "RECORD_TOO_LARGE".to_owned(),
            ..Default::default()
        }],
        ..Default::default()
    };
    Seen(connector, status)
}

#[track_caller]
fn told_apart<F: Copy>(
    schema: &Schema<F>,
    resource: &impl kafka2oss_filter::Resource<F>,
    cases: &[(&str, &str)],
) {
    for field in schema.fields {
        let is_of = |text: &str| text.split([' ', '.', ':']).next() == Some(field.name);
        assert!(cases.iter().any(|(yes, _)| is_of(yes)), "no case of {}", field.name);
    }
    for (yes, no) in cases {
        let matches = |text: &str| {
            Filter::parse(text, schema).expect(text).expect("not empty").matches(resource)
        };
        assert!(matches(yes), "{yes}");
        assert!(!matches(no), "{no}");
    }
}

#[test]
fn each_field_of_a_connector_has_its_value() {
    told_apart(
        &CONNECTORS,
        &seen(),
        &[
            ("name = instances/i-1/connectors/orders", "name = orders"),
            ("id = orders", "id = order"),
            ("instance = i-1", "instance = i-2"),
            ("instance = instances/i-1", "instance = instances/i"),
            ("uid = U1", "uid = U2"),
            ("state = DEGRADED", "state = CONNECTOR_STATE_RUNNING"),
            ("desired_state = PAUSED", "desired_state = RUNNING"),
            ("labels.env = prod", "labels.env = dev"),
            ("labels:env", "labels:team"),
            ("topic = *.orders", "topic = orders"),
            ("bucket = lake", "bucket = *house"),
            ("vpc_id = vpc-1", "vpc_id = vpc-2"),
            ("vswitch_id = vsw-1", "vswitch_id = vsw-2"),
            ("agent:a-1", "agent:a"),
            ("agent = agents/a-1", "agent = agents/a-2"),
            ("error_code = STORE_*", "error_code = NotDeployed"),
            ("error_code:KAFKA_UNREACHABLE", "error_code:KAFKA"),
            ("error_code = RECORD_TOO_LARGE", "-error_code:*"),
            ("total_lag > 69", "total_lag > 70"),
            ("generation = 3", "generation = 4"),
            ("create_time > 1970-01-01T00:00:01Z", "create_time <= 1970-01-01T00:00:01Z"),
            ("update_time = 1970-01-01T00:00:02Z", "update_time < 1970-01-01T00:00:02Z"),
        ],
    );
}

#[test]
fn each_field_of_an_instance_has_its_value() {
    let instance = v1::Instance {
        name: "instances/i-1".to_owned(),
        uid: "U1".to_owned(),
        create_time: Some(Timestamp { seconds: 1, nanos: 0 }),
        update_time: Some(Timestamp { seconds: 2, nanos: 0 }),
        labels: [("env".to_owned(), "prod".to_owned())].into(),
        region_id: "cn-hangzhou".to_owned(),
        bootstrap_servers: vec!["a:9092".to_owned(), "b:9092".to_owned()],
        security_protocol: v1::SecurityProtocol::SaslSsl.into(),
        vpc_id: "vpc-1".to_owned(),
        vswitch_id: "vsw-1".to_owned(),
        connectors_disabled: true,
        kafka_cluster_id: "K".to_owned(),
        ..Default::default()
    };
    told_apart(
        &INSTANCES,
        &instance,
        &[
            ("name = instances/i-1", "name = i-1"),
            ("id = i-1", "id = i"),
            ("uid = U1", "uid = U2"),
            ("region_id = cn-*", "region_id = eu-*"),
            ("labels.env = prod", "labels.env = dev"),
            ("bootstrap_server:b:9092", "bootstrap_server:c:9092"),
            ("security_protocol = SASL_SSL", "security_protocol = SSL"),
            ("vpc_id = vpc-1", "vpc_id = vpc-2"),
            ("vswitch_id = vsw-1", "vswitch_id = vsw-2"),
            ("connectors_disabled = true", "connectors_disabled = false"),
            ("kafka_cluster_id = K", "kafka_cluster_id = L"),
            ("create_time = 1970-01-01T00:00:01Z", "create_time > 1970-01-01T00:00:01Z"),
            ("update_time = 1970-01-01T00:00:02Z", "update_time < 1970-01-01T00:00:02Z"),
        ],
    );
}

#[test]
fn each_field_of_an_agent_has_its_value() {
    let agent = v1::Agent {
        name: "agents/a-1".to_owned(),
        state: v1::AgentState::Gone.into(),
        vpc_id: "vpc-1".to_owned(),
        vswitch_id: "vsw-1".to_owned(),
        region_id: "cn-hangzhou".to_owned(),
        version: "0.1.0".to_owned(),
        capacity: 64,
        tasks: 0,
        connect_time: Some(Timestamp { seconds: 1, nanos: 0 }),
        last_seen_time: Some(Timestamp { seconds: 2, nanos: 0 }),
        connectors: vec!["instances/i/connectors/c".to_owned()],
        drain: Some(v1::AgentDrain {
            state: v1::AgentDrainState::Drained.into(),
            ..Default::default()
        }),
        ..Default::default()
    };
    told_apart(
        &AGENTS,
        &agent,
        &[
            ("name = agents/a-1", "name = a-1"),
            ("id = a-1", "id = a"),
            ("state = GONE", "state = CONNECTED"),
            ("drain_state = DRAINED", "drain_state = DRAINING"),
            ("vpc_id = vpc-1", "vpc_id = vpc-2"),
            ("vswitch_id = vsw-1", "vswitch_id = vsw-2"),
            ("region_id:*", "region_id = eu"),
            ("version = 0.1.*", "version = 0.2.*"),
            ("capacity >= 64", "capacity > 64"),
            ("tasks = 0", "tasks > 0"),
            ("connector = */connectors/c", "connector = c"),
            ("connect_time = 1970-01-01T00:00:01Z", "connect_time > 1970-01-01T00:00:01Z"),
            ("last_seen_time = 1970-01-01T00:00:02Z", "last_seen_time < 1970-01-01T00:00:02Z"),
        ],
    );
}

#[test]
fn each_field_of_a_log_line_has_its_value() {
    let line = v1::LogEntry {
        time: Some(Timestamp { seconds: 1, nanos: 0 }),
        severity: v1::LogSeverity::Warn.into(),
        agent: "agents/a-1".to_owned(),
        task_index: Some(0),
        partition: Some(0),
        offset: Some(7),
        error_code: "STORE_UNREACHABLE".to_owned(),
        message: "the store is away".to_owned(),
        ..Default::default()
    };
    let cases = [
        ("time = 1970-01-01T00:00:01Z", "time > 1970-01-01T00:00:01Z"),
        ("severity = WARN", "severity = ERROR"),
        ("agent = a-1", "agent = a"),
        ("agent = agents/a-1", "agent = agents/a"),
        ("task_index = 0", "task_index > 0"),
        ("partition = 0", "partition != 0"),
        ("offset >= 7", "offset > 7"),
        ("error_code = STORE_*", "error_code = KAFKA_*"),
        ("message = \"*is away\"", "message = *here"),
    ];
    told_apart(&LOG_LINES, &line, &cases);
    let told = Filter::parse("partition:*", &LOG_LINES).expect("a filter").expect("not empty");
    assert!(!told.matches(&v1::LogEntry::default()), "of no partition");
}

#[test]
fn each_field_of_a_dead_letter_has_its_value() {
    let letter = v1::DeadLetter {
        time: Some(Timestamp { seconds: 2, nanos: 0 }),
        topic: "orders".to_owned(),
        partition: 1,
        offset: 7,
        timestamp: Some(Timestamp { seconds: 1, nanos: 0 }),
        error_code: "RECORD_NOT_UTF8".to_owned(),
        error_message: "the value is not UTF-8".to_owned(),
        error_topic: "connect-error-a".to_owned(),
        ..Default::default()
    };
    let cases = [
        ("time = 1970-01-01T00:00:02Z", "time < 1970-01-01T00:00:02Z"),
        ("topic = orders", "topic = order"),
        ("partition = 1", "partition = 0"),
        ("offset < 8", "offset < 7"),
        ("timestamp = 1970-01-01T00:00:01Z", "timestamp > 1970-01-01T00:00:01Z"),
        ("error_code = RECORD_*", "error_code = RECORD"),
        ("error_message = *UTF-8", "error_message = *UTF-16"),
        ("error_topic = connect-error-*", "error_topic = orders"),
    ];
    told_apart(&DEAD_LETTERS, &letter, &cases);
}
