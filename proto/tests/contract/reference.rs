//! The reference of the API, `docs/api.md`: the .proto files with their comments, as a page.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::path::Path;

use prost_reflect::{
    Cardinality, DescriptorPool, DynamicMessage, EnumDescriptor, FieldDescriptor, Kind,
    MessageDescriptor, MethodDescriptor, ServiceDescriptor, Value,
};

use crate::annotations;

const PACKAGE: &str = "kafka2oss.v1";
const HEAD: &str = "\
<!-- Written by `KAFKA2OSS_WRITE_DOCS=1 cargo test --workspace --test contract -- reference`
     from proto/kafka2oss/v1/*.proto; a test compares the two. -->

# API reference

Package `kafka2oss.v1`. Each RPC has its place in a REST API, too, for gateways that read
the annotations of the .proto files: the control plane itself speaks gRPC alone. What
filters look like is in [filters.md](filters.md), clients in several languages are in
[examples/](../examples/README.md).

What is refused is a status with details (`google.rpc`):

| detail | where | what it has |
|---|---|---|
| `ErrorInfo` | always, but where the caller's own time is over | `reason`: a code of [errors.md](errors.md); `domain`: `kafka2oss.internal`; `metadata`: `remedy`, and the parts of the message such as `resource`, `count`, `limit`, `pool` |
| `BadRequest` | INVALID_ARGUMENT | each field that is wrong, with its code as `reason` |
| `ResourceInfo` | NOT_FOUND, ALREADY_EXISTS, ABORTED | the resource |
| `PreconditionFailure` | FAILED_PRECONDITION | the code as `type`, the resource as `subject` |
| `RetryInfo` | RESOURCE_EXHAUSTED, UNAVAILABLE | when to try again |
";

/// Files with their comments.
struct Sources {
    pool: DescriptorPool,
    /// By file and path.
    comments: HashMap<(String, Vec<i32>), String>,
}

impl Sources {
    fn read() -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let folder = std::fs::read_dir(root.join("kafka2oss/v1")).expect("the folder is there");
        let mut files: Vec<_> = folder
            .map(|entry| entry.expect("a file").file_name().to_string_lossy().into_owned())
            .map(|file| format!("kafka2oss/v1/{file}"))
            .collect();
        files.sort();
        let mut compiler = protox::Compiler::new([root]).expect("the folder is there");
        compiler.include_source_info(true).include_imports(true);
        compiler.open_files(files).expect("the files are right");
        let pool = compiler.descriptor_pool();
        let mut comments = HashMap::new();
        for file in pool.files() {
            let info = file.file_descriptor_proto().source_code_info.clone().unwrap_or_default();
            for location in info.location {
                let text = location.leading_comments.unwrap_or_default();
                comments.insert((file.name().to_owned(), location.path), text.trim().to_owned());
            }
        }
        Self { pool, comments }
    }

    fn comment(&self, file: &str, path: &[i32]) -> String {
        let lines = self.comments.get(&(file.to_owned(), path.to_vec()));
        let lines = lines.map(String::as_str).unwrap_or_default().lines().map(str::trim);
        let text = lines.map(|line| if line.is_empty() { "\n\n" } else { line });
        text.collect::<Vec<_>>().join(" ").replace(" \n\n ", "\n\n")
    }

    fn page(&self) -> String {
        let mut page = HEAD.to_owned();
        let services = self.pool.services().filter(|one| one.package_name() == PACKAGE);
        for service in services {
            self.service(&mut page, &service);
        }
        let mut messages: Vec<_> =
            self.pool.all_messages().filter(|one| one.package_name() == PACKAGE).collect();
        messages.retain(|message| !message.is_map_entry());
        messages.sort_by(|one, other| one.full_name().cmp(other.full_name()));
        line(&mut page, "\n## Messages");
        for message in &messages {
            self.message(&mut page, message);
        }
        let mut enums: Vec<_> =
            self.pool.all_enums().filter(|one| one.package_name() == PACKAGE).collect();
        enums.sort_by(|one, other| one.full_name().cmp(other.full_name()));
        line(&mut page, "\n## Enums");
        for one in &enums {
            self.enumeration(&mut page, one);
        }
        page
    }

    fn service(&self, page: &mut String, service: &ServiceDescriptor) {
        let file = service.parent_file();
        line(page, &format!("\n## {}", service.name()));
        line(page, &format!("\n{}", self.comment(file.name(), service.path())));
        for method in service.methods() {
            self.method(page, file.name(), &method);
        }
    }

    fn method(&self, page: &mut String, file: &str, method: &MethodDescriptor) {
        let stream = |is_stream: bool| if is_stream { "stream of " } else { "" };
        line(page, &format!("\n### {}", method.name()));
        line(page, &format!("\n{}", self.comment(file, method.path())));
        line(
            page,
            &format!(
                "\n{}{} → {}{}",
                stream(method.is_client_streaming()),
                link(method.input().full_name()),
                stream(method.is_server_streaming()),
                link(method.output().full_name())
            ),
        );
        if let Some((verb, path, _)) = annotations::rule(&self.pool, &method.options()) {
            line(page, &format!("\n`{} {path}`", verb.to_uppercase()));
        }
    }

    fn message(&self, page: &mut String, message: &MessageDescriptor) {
        let file = message.parent_file();
        line(page, &format!("\n### {}", message.name()));
        line(page, &format!("\n{}", self.comment(file.name(), message.path())));
        if message.fields().len() == 0 {
            return;
        }
        line(page, "\n| field | type | | |\n|---|---|---|---|");
        for field in message.fields() {
            let mut comment = self.comment(file.name(), field.path());
            if let Some(group) = field.containing_oneof()
                && !group.is_synthetic()
            {
                comment = format!("One of `{}`. {comment}", group.name());
            }
            let row = format!(
                "| `{}` | {} | {} | {} |",
                field.name(),
                kind(&field),
                behavior(&self.pool, &field.options()),
                cell(&comment)
            );
            line(page, &row);
        }
    }

    fn enumeration(&self, page: &mut String, one: &EnumDescriptor) {
        let file = one.parent_file();
        line(page, &format!("\n### {}", one.name()));
        line(
            page,
            &format!(
                "\n{}\n\n| value | number | |\n|---|---|---|",
                self.comment(file.name(), one.path())
            ),
        );
        for value in one.values() {
            let comment = cell(&self.comment(file.name(), value.path()));
            line(page, &format!("| `{}` | {} | {comment} |", value.name(), value.number()));
        }
    }
}

fn line(page: &mut String, text: &str) {
    writeln!(page, "{text}").expect("a string is written to memory");
}

/// A text in a cell of a table.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace("\n\n", "<br>")
}

/// A name, with a link to where this page tells of it.
fn link(full_name: &str) -> String {
    match full_name.strip_prefix(PACKAGE).and_then(|name| name.strip_prefix('.')) {
        Some(name) => format!("[{name}](#{})", name.to_lowercase()),
        None => format!("`{full_name}`"),
    }
}

fn kind(field: &FieldDescriptor) -> String {
    let one = |kind: Kind| match kind {
        Kind::Message(message) => link(message.full_name()),
        Kind::Enum(one) => link(one.full_name()),
        other => format!("{other:?}").to_lowercase(),
    };
    if let (true, Kind::Message(entry)) = (field.is_map(), field.kind()) {
        let (key, value) = (entry.map_entry_key_field(), entry.map_entry_value_field());
        return format!("map from {} to {}", one(key.kind()), one(value.kind()));
    }
    match field.cardinality() {
        Cardinality::Repeated => format!("list of {}", one(field.kind())),
        Cardinality::Optional | Cardinality::Required => one(field.kind()),
    }
}

/// What the field is to its users.
fn behavior(pool: &DescriptorPool, options: &DynamicMessage) -> String {
    let value = annotations::option(pool, options, "google.api.field_behavior");
    let known = pool.get_enum_by_name("google.api.FieldBehavior").expect("an annotation");
    let numbers = value.as_list().expect("a list").iter().filter_map(Value::as_enum_number);
    let names = numbers.filter_map(|number| known.get_value(number));
    let words = names.map(|value| value.name().to_lowercase().replace('_', " "));
    words.collect::<Vec<_>>().join(", ")
}

#[test]
fn the_reference_is_of_these_files() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/api.md");
    let page = Sources::read().page();
    if std::env::var_os("KAFKA2OSS_WRITE_DOCS").is_some() {
        std::fs::write(&path, &page).expect("docs/api.md can be written");
    }
    let written = std::fs::read_to_string(&path).expect("docs/api.md is there");
    assert!(written == page, "docs/api.md is not of these .proto files: see its first lines");
}
