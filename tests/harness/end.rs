//! Nothing outlives the tests, however their process ends.
//!
//! A test cannot watch its own process end, so it starts this same test binary
//! again, as an inner process that only starts a server, and ends that.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;
use std::{env, fs, future};

use anyhow::{Context, Result};
use kafka2oss_tests::child::ChildProcess;
use kafka2oss_tests::minio::shared_minio;
use kafka2oss_tests::scratch::Scratch;
use kafka2oss_tests::wait::eventually;

const LIMIT: Duration = Duration::from_secs(60);
/// Where the inner process writes what it started, and the sign that it may end.
const REPORT: &str = "HARNESS_TEST_REPORT";

/// What the inner process does.
async fn start_a_server(report: PathBuf) {
    let minio = shared_minio().await.unwrap();
    let server = minio.process();
    let folder = server.log_path().parent().unwrap();
    let text = format!("{} {}", server.pid(), folder.display());
    fs::write(report.with_extension("partial"), text).unwrap();
    fs::rename(report.with_extension("partial"), &report).unwrap();
    if env::var_os("HARNESS_TEST_STAYS").is_some() {
        future::pending::<()>().await;
    }
}

/// An inner test process, the server that it started and that one's folder.
struct Inner {
    process: ChildProcess,
    server: u32,
    folder: PathBuf,
}

async fn inner(scratch: &Scratch, stays: bool) -> Result<Inner> {
    let report = scratch.join("report");
    let mut command = Command::new(env::current_exe()?);
    command
        .args(["--exact", "end::a_shared_server_and_its_files_go_when_the_tests_end"])
        .env(REPORT, &report);
    if stays {
        command.env("HARNESS_TEST_STAYS", "yes");
    }
    let mut process = ChildProcess::spawn("inner test", command, scratch.join("log"))?;
    let text = eventually("the inner test has started its server", LIMIT, async || {
        Ok(Some(fs::read_to_string(&report)?))
    })
    .await
    .with_context(|| process.log_tail());
    if text.is_err() {
        process.kill9()?;
    }
    let text = text?;
    let (server, folder) = text.split_once(' ').context("pid and folder")?;
    Ok(Inner { process, server: server.parse()?, folder: folder.into() })
}

async fn gone(path: &Path) -> Result<()> {
    eventually(format!("{} is gone", path.display()), LIMIT, async || {
        Ok((!path.exists()).then_some(()))
    })
    .await
}

fn proc_entry(pid: u32) -> PathBuf {
    Path::new("/proc").join(pid.to_string())
}

#[tokio::test]
async fn a_shared_server_and_its_files_go_when_the_tests_end() {
    if let Some(report) = env::var_os(REPORT) {
        return start_a_server(report.into()).await;
    }
    let scratch = Scratch::new("end").unwrap();

    let mut inner = inner(&scratch, false).await.unwrap();
    let status = inner.process.wait_exit(LIMIT).await.unwrap();

    assert!(status.success(), "{}", inner.process.log_tail());
    assert!(!proc_entry(inner.server).exists());
    assert!(!inner.folder.exists());
}

#[tokio::test]
async fn a_shared_server_goes_when_the_tests_are_killed_and_its_files_with_the_next_run() {
    let scratch = Scratch::new("end").unwrap();
    let mut killed = inner(&scratch, true).await.unwrap();

    killed.process.kill9().unwrap();

    gone(&proc_entry(killed.server)).await.unwrap();
    let next = Scratch::new("next").unwrap();
    let mut next = inner(&next, false).await.unwrap();
    next.process.wait_exit(LIMIT).await.unwrap();
    assert!(!killed.folder.exists());
}
