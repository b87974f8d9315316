//! What the control plane has answered is on the disk: through kills, power cuts, full and
//! failing disks. And what it says where it is not there any more.

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use kafka2oss_proto::v1;
use kafka2oss_proto::v1::connector_service_client::ConnectorServiceClient;
use kafka2oss_tests::lossy_disk::{Fault, LossyDisk};
use kafka2oss_tests::scratch::Scratch;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tonic::transport::Channel;
use tonic::{Code, Status};
use tonic_types::StatusExt;

use crate::deployment::{Deployment, LIMIT, Settings, Surroundings};
use crate::requests::{Refusal, create, instance};
use crate::rules::given;
use crate::world::{INSTANCE, register};

/// How often the control plane is killed, by this variable; in any case it is not begun
/// again after a while.
const KILLS: &str = "KAFKA2OSS_TEST_KILLS";
const DEFAULT_KILLS: u64 = 20;
const LONGEST: Duration = Duration::from_secs(90);
/// Each kill comes within so many answers.
const ANSWERS: usize = 60;
const POWER_CUTS: u64 = 5;
/// Clients that write at the same time.
const WRITERS: u64 = 8;

fn without_agents(surroundings: Surroundings) -> Settings {
    Settings { agents: 0, surroundings, ..Settings::default() }
}

/// What was answered.
#[derive(Debug, Default)]
struct Answered {
    names: BTreeSet<String>,
    /// The last value of a label that is raised again and again.
    count: u64,
}

type Client = ConnectorServiceClient<Channel>;

enum Answer {
    Created(String),
    Counted(u64),
}

/// Creates connectors until the control plane is gone; some are large.
async fn write(mut client: Client, id: String, answers: mpsc::UnboundedSender<Answer>) {
    for number in 0.. {
        let labels = if number % 4 == 0 { large() } else { BTreeMap::new() };
        let request = creation(format!("{id}-{number}"), labels);
        let Ok(created) = client.create_connector(request).await else { return };
        let _ = answers.send(Answer::Created(created.into_inner().name));
    }
}

fn creation(id: String, labels: BTreeMap<String, String>) -> v1::CreateConnectorRequest {
    v1::CreateConnectorRequest {
        parent: INSTANCE.into(),
        connector_id: id,
        connector: Some(v1::Connector { spec: Some(given()), labels, ..Default::default() }),
        ..Default::default()
    }
}

/// As many labels as are allowed: where records are so large, sled has files of their own
/// for pages of them.
fn large() -> BTreeMap<String, String> {
    (0..64).map(|number| (format!("{number:063}"), "v".repeat(63))).collect()
}

fn counted() -> String {
    format!("{INSTANCE}/connectors/counted")
}

/// Raises a label until the control plane is gone.
async fn count(mut client: Client, from: u64, answers: mpsc::UnboundedSender<Answer>) {
    for count in from.. {
        let request = v1::UpdateConnectorRequest {
            connector: Some(v1::Connector {
                name: counted(),
                labels: BTreeMap::from([("count".to_owned(), count.to_string())]),
                ..Default::default()
            }),
            update_mask: Some(prost_types::FieldMask { paths: vec!["labels".into()] }),
            ..Default::default()
        };
        if client.update_connector(request).await.is_err() {
            return;
        }
        let _ = answers.send(Answer::Counted(count));
    }
}

/// Writes with many clients, and kills the control plane after some answers.
async fn kill_while_writing(
    deployment: &mut Deployment,
    round: u64,
    answered: &mut Answered,
) -> Result<()> {
    let (sender, mut answers) = mpsc::unbounded_channel();
    let mut writers = JoinSet::new();
    for writer in 0..WRITERS {
        let id = format!("c-{round}-{writer}");
        writers.spawn(write(deployment.connectors(), id, sender.clone()));
    }
    writers.spawn(count(deployment.connectors(), answered.count + 1, sender));
    let mut left = fastrand::usize(1..ANSWERS);
    while let Some(answer) = answers.recv().await {
        match answer {
            Answer::Created(name) => {
                answered.names.insert(name);
            }
            Answer::Counted(count) => answered.count = count,
        }
        left = left.saturating_sub(1);
        if left == 0 {
            // The others meet it at whatever they are.
            deployment.kill_control_plane()?;
        }
    }
    ensure!(left == 0, "the writers ended before the kill\n{}", deployment.logs());
    Ok(())
}

/// Fails unless everything is there that was answered.
async fn all_is_there(deployment: &Deployment, answered: &Answered) -> Result<()> {
    let mut found = BTreeSet::new();
    let mut count = 0;
    let mut page_token = String::new();
    loop {
        let request = v1::ListConnectorsRequest {
            parent: INSTANCE.into(),
            page_size: 200,
            page_token,
            ..Default::default()
        };
        let page = deployment.connectors().list_connectors(request).await?.into_inner();
        for connector in page.connectors {
            if connector.name == counted() {
                count = connector.labels.get("count").map_or(Ok(0), |count| count.parse())?;
            }
            found.insert(connector.name);
        }
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    let missing: Vec<_> = answered.names.difference(&found).collect();
    ensure!(missing.is_empty(), "{} of {}: {missing:?}", missing.len(), answered.names.len());
    ensure!(count >= answered.count, "{count} is below {}", answered.count);
    Ok(())
}

async fn begin(deployment: &Deployment) -> Result<Answered> {
    register(deployment, INSTANCE, instance()).await?;
    create(deployment, INSTANCE, "counted").await?;
    Ok(Answered { names: BTreeSet::from([counted()]), count: 0 })
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_was_answered_before_a_kill_among_many_writes_is_there_after_it() -> Result<()> {
    let kills = match env::var(KILLS) {
        Ok(kills) => kills.parse().with_context(|| format!("{KILLS} is {kills:?}"))?,
        Err(_) => DEFAULT_KILLS,
    };
    let mut deployment = Deployment::start(without_agents(Surroundings::default())).await?;
    let mut answered = begin(&deployment).await?;
    let begun = Instant::now();
    for kill in 0..kills {
        kill_while_writing(&mut deployment, kill, &mut answered).await?;
        deployment.start_control_plane_again().await?;
        all_is_there(&deployment, &answered).await.with_context(|| format!("kill {kill}"))?;
        if kills == DEFAULT_KILLS && begun.elapsed() > LONGEST {
            break;
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_was_answered_before_a_power_cut_is_there_after_it() -> Result<()> {
    let data = Scratch::new("control-plane-data")?;
    let disk = LossyDisk::new(data.path())?;
    let on_disk = Surroundings { environment: disk.environment(), ..Surroundings::default() };
    let mut deployment = Deployment::start_at(data, without_agents(on_disk)).await?;
    let mut answered = begin(&deployment).await?;
    for cut in 0..POWER_CUTS {
        kill_while_writing(&mut deployment, cut, &mut answered).await?;
        disk.cut_power()?;
        deployment.start_control_plane_again().await?;
        all_is_there(&deployment, &answered).await.with_context(|| format!("power cut {cut}"))?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_comes_after_the_files_are_synced_once_for_many() -> Result<()> {
    let trace = Scratch::new("trace")?;
    let trace = trace.join("trace");
    // -D: what is started is the control plane; the tracer is a process beside it.
    let strace = ["strace", "-D", "-f", "-y", "-e", "trace=fsync,fdatasync", "-o"];
    let under = strace.into_iter().map(str::to_owned).chain([trace.display().to_string()]);
    let traced = Surroundings { under: under.collect(), ..Surroundings::default() };
    let deployment = Deployment::start(without_agents(traced)).await?;
    let synced = |from: usize| Syncs::of(&trace, from);
    let folder = synced(0)?.lines.iter().any(|line| {
        line.contains("fsync(") && line.contains(&format!("<{}>", deployment.data.path().display()))
    });
    ensure!(folder, "the names in a new store's folder are synced: {:?}", synced(0)?.lines);

    // when one is created
    register(&deployment, INSTANCE, instance()).await?;
    let before = synced(0)?.lines.len();
    create(&deployment, INSTANCE, "one").await?;

    // then both files have been synced, the batch first
    let one = synced(before)?;
    assert_eq!((one.begun("/db>"), one.begun("/last-batch>")), (1, 1), "{:?}", one.lines);
    ensure!(one.first("/db>") < one.first("/last-batch>"), "{:?}", one.lines);
    ensure!(one.ended() >= 2, "{:?}", one.lines);

    // and when many are created at once
    let before = synced(0)?.lines.len();
    let mut creates = JoinSet::new();
    for number in 0..64 {
        let mut client = deployment.connectors();
        let request = creation(format!("many-{number}"), BTreeMap::new());
        creates.spawn(async move { client.create_connector(request).await });
    }
    while let Some(created) = creates.join_next().await {
        created??;
    }

    // then syncs are shared
    let many = synced(before)?.begun("/db>");
    ensure!((1..=32).contains(&many), "{many} syncs for 64 creates");
    Ok(())
}

/// What strace has written from a line on.
struct Syncs {
    lines: Vec<String>,
}

impl Syncs {
    fn of(trace: &Path, from: usize) -> Result<Self> {
        let text = fs::read_to_string(trace)?;
        Ok(Self { lines: text.lines().skip(from).map(str::to_owned).collect() })
    }

    /// Calls for a file that were begun.
    fn begun(&self, file: &str) -> usize {
        self.lines.iter().filter(|line| line.contains("sync(") && line.contains(file)).count()
    }

    fn first(&self, file: &str) -> Option<usize> {
        self.lines.iter().position(|line| line.contains("sync(") && line.contains(file))
    }

    /// Calls that have succeeded.
    fn ended(&self) -> usize {
        self.lines.iter().filter(|line| line.trim_end().ends_with("= 0")).count()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_is_full_or_fails_is_told_as_such_and_gone_on_with_when_it_is_mended()
-> Result<()> {
    for (fault, reason, remedy) in [
        (Fault::Full, "STORAGE_FULL", "room"),
        (Fault::Failing, "STORAGE_FAILED", "disk of --data-dir"),
    ] {
        let data = Scratch::new("control-plane-data")?;
        let disk = LossyDisk::new(data.path())?;
        let on_disk = Surroundings { environment: disk.environment(), ..Surroundings::default() };
        let mut deployment = Deployment::start_at(data, without_agents(on_disk)).await?;
        let mut answered = begin(&deployment).await?;

        // when
        disk.begin(fault)?;
        let refused = create(&deployment, INSTANCE, "refused").await.expect_err("no room");

        // then who asked is told what to mend
        let refusal = Refusal::of(&refused);
        assert_eq!((refusal.code, &refusal.reason[..]), (Code::Unavailable, reason));
        ensure!(remedy_of(&refused).contains(remedy), "{}", remedy_of(&refused));

        // so is who runs it
        let ended = deployment.control_plane.wait_exit(LIMIT).await?;
        assert_eq!(ended.code(), Some(74), "{ended}");
        let log = deployment.control_plane.log()?;
        ensure!(log.contains(remedy), "{log}");

        // and what was not synced is gone, not believed
        disk.end(fault)?;
        disk.cut_power()?;
        deployment.start_control_plane_again().await?;
        all_is_there(&deployment, &answered).await?;
        answered.names.insert(create(&deployment, INSTANCE, "later").await?.into_inner().name);
        deployment.kill_control_plane()?;
        disk.cut_power()?;
        deployment.start_control_plane_again().await?;
        all_is_there(&deployment, &answered).await?;
    }
    Ok(())
}

fn remedy_of(status: &Status) -> String {
    let info = status.get_details_error_info();
    info.and_then(|info| info.metadata.get("remedy").cloned()).unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_has_lost_data_is_not_served_until_that_is_accepted() -> Result<()> {
    // given the log of a store as it was before the last connectors
    let mut deployment = Deployment::start(without_agents(Surroundings::default())).await?;
    let mut answered = begin(&deployment).await?;
    deployment.kill_control_plane()?;
    let log = deployment.data.join("db");
    let older = fs::read(&log)?;
    deployment.start_control_plane_again().await?;
    for number in 0..10 {
        create(&deployment, INSTANCE, &format!("c-{number}")).await?;
    }
    deployment.kill_control_plane()?;
    fs::write(&log, older)?;

    // when it is started, then it ends, and says why and how to go on
    for _ in 0..2 {
        ensure!(deployment.start_control_plane_again().await.is_err(), "it serves");
        let ended = deployment.control_plane.wait_exit(LIMIT).await?;
        assert_eq!(ended.code(), Some(65), "{ended}");
        let log = deployment.control_plane.log()?;
        for part in ["STORAGE_LOST", "has lost data", "--accept-loss"] {
            ensure!(log.contains(part), "{part}: {log}");
        }
    }

    // and when that is accepted, then it goes on with what is left, in any case
    let accepting = vec![("KAFKA2OSS_ACCEPT_LOSS", "true".to_owned())];
    deployment.surround(Surroundings { environment: accepting, ..Surroundings::default() });
    deployment.start_control_plane_again().await?;
    ensure!(deployment.control_plane.log()?.contains("the loss is accepted"), "it is logged");
    all_is_there(&deployment, &answered).await?;
    answered.names.insert(create(&deployment, INSTANCE, "later").await?.into_inner().name);
    deployment.kill_control_plane()?;
    deployment.surround(Surroundings::default());
    deployment.start_control_plane_again().await?;
    all_is_there(&deployment, &answered).await
}
