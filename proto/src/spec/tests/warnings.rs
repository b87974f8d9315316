//! What is allowed and perhaps not meant.

use kafka2oss_domain::spec::{ConnectorSpec, warnings};

use super::{ID, filled};
use crate::v1;

fn fields(spec: v1::ConnectorSpec) -> Vec<String> {
    let spec = ConnectorSpec::try_from(spec).unwrap();
    warnings(&spec, ID).into_iter().map(|warning| warning.field).collect()
}

#[test]
fn the_defaults_give_no_warning() {
    assert!(fields(filled()).is_empty());
}

#[test]
fn names_and_partitions_other_than_recommended_are_told() {
    let mut spec = filled();
    let resources = spec.resources.as_mut().unwrap();
    resources.connector_consumer_group = "g".repeat(65);
    resources.offset_topic.as_mut().unwrap().name = "offsets".to_owned();
    resources.config_topic.as_mut().unwrap().name = "configs".to_owned();
    resources.status_topic.as_mut().unwrap().name = "statuses".to_owned();
    resources.status_topic.as_mut().unwrap().partitions = Some(5);
    for topic in [&mut resources.abnormal_data_topic, &mut resources.dead_letter_queue_topic] {
        topic.as_mut().unwrap().name = "errors".to_owned();
        topic.as_mut().unwrap().partitions = Some(7);
    }
    let expected = [
        "resources.connector_consumer_group",
        "resources.offset_topic.name",
        "resources.config_topic.name",
        "resources.status_topic.name",
        "resources.abnormal_data_topic.name",
        "resources.dead_letter_queue_topic.name",
        "resources.connector_consumer_group",
        "resources.status_topic.partitions",
        "resources.abnormal_data_topic.partitions",
        "resources.dead_letter_queue_topic.partitions",
    ];
    assert_eq!(fields(spec), expected);
}

#[test]
fn doubtful_endpoints_are_told() {
    for (endpoint, store_type, count) in [
        ("http://minio.example.com", v1::StoreType::S3, 1),
        ("http://minio.localhost:9000", v1::StoreType::S3, 0),
        ("https://bucket-test.example.com", v1::StoreType::S3, 1),
        ("https://s3.oss-cn-hangzhou-internal.aliyuncs.com", v1::StoreType::S3, 1),
        ("https://s3.oss-cn-hangzhou.aliyuncs.com", v1::StoreType::Oss, 1),
    ] {
        let mut spec = filled();
        let destination = spec.destination.as_mut().unwrap();
        destination.endpoint = endpoint.to_owned();
        destination.store_type = store_type.into();
        if store_type == v1::StoreType::S3 {
            destination.addressing_style = v1::AddressingStyle::Path.into();
        }
        assert_eq!(fields(spec), vec!["destination.endpoint"; count], "{endpoint}");
    }
}

#[test]
fn an_idle_time_that_never_comes_is_told() {
    let mut spec = filled();
    let rotation = spec.output.as_mut().unwrap().rotation.as_mut().unwrap();
    rotation.idle = rotation.max_age;
    assert_eq!(fields(spec), ["output.rotation.idle"]);
}
