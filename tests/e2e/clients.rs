//! The example clients in other languages, each built from the .proto files by its own
//! tools, and run where these are there.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Result, ensure};
use kafka2oss_tests::environment;
use kafka2oss_tests::name::unique;
use kafka2oss_tests::process::run;

use crate::deployment::LIMIT;
use crate::world::{INSTANCE, World};

/// For a client whose parts have to be fetched and built first.
const BUILD: Duration = Duration::from_secs(300);

#[tokio::test(flavor = "multi_thread")]
async fn a_client_in_python_does_the_wizards_procedure() -> Result<()> {
    procedure("python", &[&["python3", "-c", "import ensurepip, venv"]]).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_in_go_does_the_wizards_procedure() -> Result<()> {
    procedure("go", &[&["go", "version"]]).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_in_typescript_does_the_wizards_procedure() -> Result<()> {
    procedure("typescript", &[&["node", "--version"], &["npm", "--version"]]).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_in_java_does_the_wizards_procedure() -> Result<()> {
    procedure("java", &[&["javac", "-version"], &["mvn", "--version"]]).await
}

/// Runs the client of a language; where one of the tools that it is built with is not on
/// this machine, as these commands show, says so.
async fn procedure(language: &str, tools: &[&[&str]]) -> Result<()> {
    for tool in tools {
        let mut shows = Command::new(tool[0]);
        shows.args(&tool[1..]);
        if !run(shows, LIMIT).await.is_ok_and(|output| output.status.success()) {
            let tool = tool.join(" ");
            eprintln!("`{tool}` fails on this machine: the client in {language} is not tried");
            return Ok(());
        }
    }
    let world = World::new(1).await?;
    let id = unique("client");

    let output = run(client(&world, language, &id)?, BUILD).await?;

    let said = String::from_utf8_lossy(&output.stdout);
    ensure!(output.status.success(), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
    assert!(said.contains("CONNECTOR_STATE_RUNNING: 2 of 2 tasks"), "{said}");
    let keys = world.bucket.keys(&world.topic).await?;
    let [key] = &keys[..] else { panic!("{keys:?}") };
    assert!(said.contains(&format!("offset 0 of partition 0 is in {key}")), "{said}");

    // and it says why it is refused
    let output = run(client(&world, language, "No_ID")?, BUILD).await?;
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("`No_ID` is not of the form `{connector_id}`"), "{said}");
    Ok(())
}

fn client(world: &World, language: &str, id: &str) -> Result<Command> {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples");
    let access = world.store.access();
    let instance = INSTANCE.trim_start_matches("instances/");
    let mut command = Command::new(examples.join(language).join("run"));
    command.args([world.deployment.address().as_str(), id]).env("BUF", environment::buf()?).envs([
        ("KAFKA2OSS_EXAMPLE_INSTANCE", instance),
        ("KAFKA2OSS_EXAMPLE_TOPIC", &world.topic),
        ("KAFKA2OSS_EXAMPLE_BUCKET", world.bucket.name()),
        ("KAFKA2OSS_EXAMPLE_ENDPOINT", &access.endpoint),
        ("KAFKA2OSS_EXAMPLE_ACCESS_KEY_ID", &access.access_key),
        ("KAFKA2OSS_EXAMPLE_ACCESS_KEY_SECRET", &access.secret_key),
    ]);
    Ok(command)
}
