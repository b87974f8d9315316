//! An inline secret is in the memory of processes and nowhere else.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use kafka2oss_proto::v1;
use kafka2oss_tests::name::unique;
use kafka2oss_tests::produce::numbered;
use prost::Message;

use crate::spec::{Parts, access_key, plain};
use crate::world::{INSTANCE, World};

#[tokio::test(flavor = "multi_thread")]
async fn an_inline_secret_is_not_on_disk_not_in_logs_and_not_in_answers() -> Result<()> {
    // given a connector whose credentials stand nowhere else, under way for a
    // while, also with wrong ones
    let (key, wrong, right) = (unique("key-id"), unique("wrong-secret"), unique("right-secret"));
    let mut world = World::new(1).await?;
    world.oss().set_access_key(&key, &right);
    let connector = world
        .connector_with(|spec| {
            spec.destination().credentials = Some(access_key(plain(&key), plain(&wrong)));
        })
        .await?;
    connector.deploy().await?;
    connector.shows("STORE_CREDENTIALS_INVALID").await?;
    connector.update_credentials(access_key(plain(&key), plain(&right))).await?;
    connector.is(v1::ConnectorState::Running).await?;
    let produced = world.produce(numbered("r", 0..100, 1)).await?;
    connector.delivered(&produced).await?;

    // when everything is asked for
    let got = connector.get().await?;
    let list = v1::ListConnectorsRequest { parent: INSTANCE.into(), ..Default::default() };
    let listed = connector.client().list_connectors(list).await?.into_inner();
    let mut spec = world.spec();
    spec.destination().credentials = Some(access_key(plain(&key), plain(&right)));
    let preview = v1::PreviewConnectorRequest {
        parent: INSTANCE.into(),
        connector_id: "another".into(),
        connector: Some(v1::Connector { spec: Some(spec), ..Default::default() }),
    };
    let previewed = connector.client().preview_connector(preview).await?.into_inner();
    let tail = v1::TailLogsRequest {
        parent: connector.name.clone(),
        no_follow: true,
        ..Default::default()
    };
    let mut lines = connector.client().tail_logs(tail).await?.into_inner();
    let mut logged = Vec::new();
    while let Some(response) = lines.message().await? {
        response.encode(&mut logged)?;
    }

    // then no answer has them
    let secrets = [&key[..], &wrong, &right];
    for (what, answer) in [
        ("Get", got.encode_to_vec()),
        ("List", listed.encode_to_vec()),
        ("Preview", previewed.encode_to_vec()),
        ("TailLogs", logged),
    ] {
        assert!(!answer.is_empty(), "{what}");
        assert_none(&secrets, what, &answer);
    }
    // and no object, no topic of the connector
    for object in world.bucket.keys("").await? {
        assert_none(&secrets[1..], &object, &world.bucket.get(&object).await?.bytes);
    }
    for topic in world.admin()?.topics().await?.into_keys().filter(|t| t.ends_with(&connector.id)) {
        for record in world.read(&topic).await? {
            assert_none(&secrets[1..], &topic, &record.value.unwrap_or_default());
        }
    }
    // and no file or log, also after a kill
    world.deployment.kill_control_plane()?;
    let mut agent = world.deployment.take_agent("agent-0");
    agent.process.kill9()?;
    for folder in [world.deployment.data.path(), agent.state.path()] {
        let files = files(folder)?;
        assert!(!files.is_empty(), "{} is empty", folder.display());
        for file in files {
            assert_none(&secrets, &file.0, &file.1);
        }
    }
    assert_none(
        &secrets[1..],
        "the control plane's log",
        world.deployment.control_plane.log()?.as_bytes(),
    );
    assert_none(&secrets[1..], "the agent's log", agent.process.log()?.as_bytes());
    Ok(())
}

fn assert_none(secrets: &[&str], place: &str, bytes: &[u8]) {
    for secret in secrets {
        let found = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
        assert!(!found, "{secret} is in {place}");
    }
}

/// Every file below a folder, with its path.
fn files(folder: &Path) -> Result<Vec<(String, Vec<u8>)>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(files(&path)?);
        } else {
            found.push((path.display().to_string(), fs::read(&path)?));
        }
    }
    Ok(found)
}
