//! What the .proto files say to gateways and generators: how each RPC stands in a REST API,
//! and what each field of a request is.

use std::collections::BTreeMap;

use kafka2oss_proto::FILE_DESCRIPTOR_SET;
use prost_reflect::{DescriptorPool, DynamicMessage, MessageDescriptor, Value};

const PACKAGE: &str = "kafka2oss.v1";

fn pool() -> DescriptorPool {
    DescriptorPool::decode(FILE_DESCRIPTOR_SET).expect("the descriptors are whole")
}

pub(crate) fn option(pool: &DescriptorPool, options: &DynamicMessage, name: &str) -> Value {
    let extension = pool.get_extension_by_name(name).expect("an annotation");
    options.get_extension(&extension).into_owned()
}

fn text(message: &DynamicMessage, field: &str) -> String {
    let value = message.get_field_by_name(field).expect("a field");
    value.as_str().expect("a text").to_owned()
}

/// Method and path of HTTP, and the body.
pub(crate) fn rule(
    pool: &DescriptorPool,
    options: &DynamicMessage,
) -> Option<(String, String, String)> {
    let value = option(pool, options, "google.api.http");
    let rule = value.as_message()?;
    let methods = ["get", "put", "post", "delete", "patch"];
    let method = methods.into_iter().find(|method| rule.has_field_by_name(method))?;
    Some((method.to_owned(), text(rule, method), text(rule, "body")))
}

/// The fields that a path names, each with what it matches.
fn variables(path: &str) -> Vec<(&str, &str)> {
    let parts = path.split('{').skip(1).filter_map(|part| part.split('}').next());
    parts.map(|part| part.split_once('=').unwrap_or((part, "*"))).collect()
}

/// Whether `path` leads to a text from a message.
fn leads_to_a_text(message: &MessageDescriptor, path: &str) -> bool {
    match path.split_once('.') {
        None => message.get_field_by_name(path).is_some_and(|field| {
            !field.is_list() && matches!(field.kind(), prost_reflect::Kind::String)
        }),
        Some((first, rest)) => message
            .get_field_by_name(first)
            .and_then(|field| field.kind().as_message().cloned())
            .is_some_and(|inner| leads_to_a_text(&inner, rest)),
    }
}

#[test]
fn each_rpc_has_a_place_of_its_own_in_a_rest_api() {
    let pool = pool();
    let mut places: BTreeMap<(String, String), String> = BTreeMap::new();
    let services = pool.services().filter(|service| service.package_name() == PACKAGE);
    for method in services.flat_map(|service| service.methods().collect::<Vec<_>>()) {
        let name = method.full_name();
        let (verb, path, body) = rule(&pool, &method.options()).expect(name);
        let input = method.input();
        for (field, pattern) in variables(&path) {
            assert!(leads_to_a_text(&input, field), "{name}: {field} of {path}");
            assert!(!pattern.is_empty(), "{name}: {path}");
        }
        match (verb.as_str(), body.as_str()) {
            ("get" | "delete", "") | ("post", "*") => {}
            ("post" | "patch", field) => {
                assert!(input.get_field_by_name(field).is_some(), "{name}: no field {field}");
            }
            other => panic!("{name}: {other:?}"),
        }
        // What differs in the names of variables alone is one place.
        let place = variables(&path).into_iter().fold(path.clone(), |path, (field, pattern)| {
            path.replace(&format!("{{{field}={pattern}}}"), pattern)
        });
        if let Some(other) = places.insert((verb, place), name.to_owned()) {
            panic!("{name} and {other} are at {path}");
        }
    }
    assert!(places.len() > 25, "{places:?}");
}

#[test]
fn each_field_of_a_request_says_whether_it_has_to_be_given() {
    let pool = pool();
    let requests = pool
        .all_messages()
        .filter(|message| message.package_name() == PACKAGE && message.name().ends_with("Request"));
    for field in requests.flat_map(|message| message.fields().collect::<Vec<_>>()) {
        let behavior = option(&pool, &field.options(), "google.api.field_behavior");
        let numbers: Vec<_> =
            behavior.as_list().expect("a list").iter().filter_map(Value::as_enum_number).collect();
        // OPTIONAL or REQUIRED.
        assert!(matches!(numbers[..], [1 | 2]), "{}: {numbers:?}", field.full_name());
    }
}

#[test]
fn each_resource_has_a_type_and_the_pattern_of_its_names() {
    let pool = pool();
    for (name, pattern) in [
        ("Instance", "instances/{instance}"),
        ("Connector", "instances/{instance}/connectors/{connector}"),
        ("Agent", "agents/{agent}"),
    ] {
        let message = pool.get_message_by_name(&format!("{PACKAGE}.{name}")).expect(name);
        let value = option(&pool, &message.options(), "google.api.resource");
        let resource = value.as_message().expect("a resource");
        assert_eq!(text(resource, "type"), format!("kafka2oss.internal/{name}"));
        let patterns = resource.get_field_by_name("pattern").expect("a field");
        let patterns: Vec<_> =
            patterns.as_list().expect("a list").iter().filter_map(Value::as_str).collect();
        assert_eq!(patterns, [pattern]);
    }
}
