//! Where `tests/run` put the programs that the tests start.

use std::env;
use std::path::PathBuf;

use anyhow::{Context, Result, ensure};

/// The folder with Apache Kafka's jars.
pub fn kafka_libs() -> Result<PathBuf> {
    existing("KAFKA2OSS_TEST_KAFKA_LIBS")
}

/// The MinIO program.
pub fn minio() -> Result<PathBuf> {
    existing("KAFKA2OSS_TEST_MINIO")
}

/// The grpcurl program.
pub fn grpcurl() -> Result<PathBuf> {
    existing("KAFKA2OSS_TEST_GRPCURL")
}

/// The buf program.
pub fn buf() -> Result<PathBuf> {
    existing("KAFKA2OSS_TEST_BUF")
}

/// The Java launcher: that of `JAVA_HOME` when set, else the one on the path.
pub(crate) fn java() -> PathBuf {
    match env::var_os("JAVA_HOME") {
        Some(home) => PathBuf::from(home).join("bin/java"),
        None => PathBuf::from("java"),
    }
}

/// The folder of the workspace's built binaries, of the profile in use: that of
/// this program, or the one above it for a test, which cargo puts in
/// `{target}/{profile}/deps/`.
pub(crate) fn binaries() -> Result<PathBuf> {
    let program = env::current_exe().context("cannot tell where this program is")?;
    let folder = program.parent().map(|folder| match folder.file_name() {
        Some(name) if name == "deps" => folder.parent().unwrap_or(folder),
        _ => folder,
    });
    let folder =
        folder.with_context(|| format!("{} is not in cargo's target folder", program.display()))?;
    Ok(folder.to_path_buf())
}

fn existing(variable: &str) -> Result<PathBuf> {
    let path = env::var_os(variable)
        .map(PathBuf::from)
        .with_context(|| format!("{variable} is not set: run the tests by tests/run"))?;
    ensure!(
        path.exists(),
        "{variable} names {}, which does not exist: run the tests by tests/run",
        path.display()
    );
    Ok(path)
}
