//! How to reach what runs.

use std::path::{Path, PathBuf};

use kafka2oss_proto::v1::{self, secret::Source};
use v1::store_credentials::Kind;

use super::screen::Screen;
use super::services::{INSTANCE, Services};
use crate::client::text;
use crate::output::{self, Closed};

/// Shows what runs where, and two lines to try.
pub(super) fn show(
    screen: Screen,
    services: &Services,
    topics: &[(String, u32)],
) -> Result<(), Closed> {
    let destination = &services.store.destination;
    let kafka = if services.kafka.is_embedded() { "embedded, in memory" } else { "yours" };
    let store = match (services.store.is_emulator(), services.keeps()) {
        (true, false) => "OSS emulator, in memory".to_owned(),
        (true, true) => "OSS emulator, kept".to_owned(),
        (false, _) => format!("yours, {}", text::store_type(destination.store_type)),
    };
    let mut rows = vec![
        ("Kafka", format!("{}  ({kafka})", services.kafka.bootstrap())),
        ("Object store", format!("{}  ({store})", destination.endpoint)),
        ("Bucket", destination.bucket.clone()),
    ];
    if let Some((id, secret)) = services.store.emulator_access_key() {
        rows.push(("AccessKey", format!("{id} / {secret}")));
    }
    rows.push(("Control plane", format!("{}  (gRPC, with reflection)", services.address)));
    rows.push(("Agent", "dev, in pool default".to_owned()));
    rows.push(("Instance", format!("{INSTANCE}  (this Kafka, registered)")));
    if !topics.is_empty() {
        let topics: Vec<_> = topics.iter().map(|(topic, _)| topic.as_str()).collect();
        rows.push(("Topics", topics.join(", ")));
    }
    screen.table(&output::properties(rows))?;

    screen.title("From another terminal")?;
    let program = program(services);
    screen.line(format_args!("{program} connectors list"))?;
    screen.line(format_args!(
        "grpcurl -plaintext -d '{{\"parent\": \"instances/-\"}}' {} \
         kafka2oss.v1.ConnectorService/ListConnectors",
        services.address
    ))
}

/// Shows a line that creates a connector, whole.
pub(super) fn show_create_line(
    screen: Screen,
    services: &Services,
    topics: &[(String, u32)],
) -> Result<(), Closed> {
    let destination = &services.store.destination;
    let program = program(services);
    let store = text::store_type(destination.store_type).to_lowercase();
    let topic = topics.first().map_or("TOPIC", |(topic, _)| topic);
    screen.line(format_args!("{program} connectors create {INSTANCE}/NAME --topic {topic} \\"))?;
    screen.line(format_args!(
        "    --store-type {store} --endpoint {} --signing-region {} --bucket {} \\",
        destination.endpoint, destination.signing_region, destination.bucket
    ))?;
    if let Some(v1::StoreCredentials { kind: Some(Kind::AccessKey(key)) }) =
        &destination.credentials
    {
        screen.line(format_args!(
            "    {} {}",
            flag("--access-key-id", key.id.as_ref()),
            flag("--access-key-secret", key.secret.as_ref())
        ))?;
    }
    screen.line(format_args!("{program} connectors deploy {INSTANCE}/NAME --wait"))
}

fn flag(name: &str, secret: Option<&v1::Secret>) -> String {
    match secret.and_then(|secret| secret.source.as_ref()) {
        Some(Source::File(path)) => format!("{name}-file {path}"),
        Some(Source::Environment(variable)) => format!("{name}-env {variable}"),
        _ => String::new(),
    }
}

/// This program as it can be typed, with the address where it is needed.
pub(super) fn program(services: &Services) -> String {
    let here = std::env::current_dir().unwrap_or_default();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let program = match std::env::current_exe() {
        Ok(this) => typed(&this, &here, std::env::split_paths(&path)),
        Err(_) => "kafka2oss".to_owned(),
    };
    if services.is_found_by_clients() {
        program
    } else {
        format!("KAFKA2OSS_ADDRESS={} {program}", services.address)
    }
}

/// The name alone where the shell finds this very program by it, else the
/// shorter of the paths to it.
fn typed(this: &Path, here: &Path, path: impl Iterator<Item = PathBuf>) -> String {
    let name = this.file_name().unwrap_or(this.as_os_str());
    let found = path
        .map(|folder| folder.join(name))
        .find(|candidate| candidate.is_file())
        .and_then(|candidate| candidate.canonicalize().ok());
    if found.is_some_and(|found| this.canonicalize().is_ok_and(|this| this == found)) {
        return name.to_string_lossy().into_owned();
    }
    match this.strip_prefix(here) {
        Ok(relative) if relative.components().count() > 1 => relative.display().to_string(),
        Ok(relative) => format!("./{}", relative.display()),
        Err(_) => this.display().to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_program_is_named_as_it_can_be_typed() {
        let folder = tempfile::tempdir().expect("a folder");
        let root = folder.path().canonicalize().expect("it exists");
        let target = root.join("target").join("release");
        std::fs::create_dir_all(&target).expect("created");
        let this = target.join("kafka2oss");
        std::fs::write(&this, "").expect("written");

        assert_eq!(typed(&this, &root, [target.clone()].into_iter()), "kafka2oss");
        assert_eq!(typed(&this, &root, std::iter::empty()), "target/release/kafka2oss");
        assert_eq!(typed(&this, &target, std::iter::empty()), "./kafka2oss");
        let elsewhere = typed(&this, Path::new("/nowhere"), std::iter::empty());
        assert_eq!(elsewhere, this.display().to_string());
    }
}
