//! Kafka Connect's own runtime, with the sink that costs it the least: a lower
//! bound of what any of its connectors costs.

use std::fs::{self, File};
use std::io::{ErrorKind, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use kafka2oss_tests::child::ChildProcess;
use kafka2oss_tests::kafka::{KafkaServer, java_program};
use kafka2oss_tests::name;
use kafka2oss_tests::scratch::Scratch;
use tokio::task::spawn_blocking;
use tokio::time;

use crate::measure::{Measured, Meter};

/// What Apache Kafka's `bin/connect-standalone.sh` and `bin/kafka-run-class.sh`
/// give the Java machine.
const JAVA: [&str; 8] = [
    "-Xms256M",
    "-Xmx2G",
    "-server",
    "-XX:+UseG1GC",
    "-XX:MaxGCPauseMillis=20",
    "-XX:InitiatingHeapOccupancyPercent=35",
    "-XX:+ExplicitGCInvokesConcurrent",
    "-Djava.awt.headless=true",
];

/// How often the file's size is looked at: by so much a run may seem longer.
const INTERVAL: Duration = Duration::from_millis(20);

/// After as many looks at the same size the file's lines are counted.
const LOOKS_AT_REST: u32 = 10;

/// A run whose file does not grow for as long has failed.
const STALLED: Duration = Duration::from_secs(60);

/// What a run of Kafka Connect took.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ConnectRun {
    /// From the start of the process to the last record in the file.
    pub(crate) whole: Measured,
    /// Of that, until the connector's task had started: the start of the Java
    /// machine and of Connect.
    pub(crate) start_up: Measured,
}

/// Has a new worker (`ConnectStandalone`) copy a topic's `records` records, whose
/// values are text of one line each, to a file by a `FileStreamSink` of a new
/// group.
///
/// The settings are Connect's defaults (more records a poll made nothing cheaper)
/// but for these, each of which makes it cheaper:
/// - `StringConverter` for values. It is the only one by which this sink writes
///   the values themselves: it prints what the converter returns, which for
///   `ByteArrayConverter` would be the name of an array. Values are decoded from
///   UTF-8 and encoded again, nothing else. Keys and headers are taken as bytes.
/// - One task for all partitions. All tasks of a connector write to the same file,
///   and six took more CPU than one (of 1 KB: 10 seconds a million records instead
///   of 9, of 100 B: 3.4 instead of 2.7, without the start) at no higher rate on two
///   cores that the broker shares.
/// - Plugins are found by their manifests alone, which makes the start quicker.
///
/// Nothing is read while the file grows: its lines are counted when it rests, and
/// the run ends with the last look at which it had grown. The Java machine's start
/// takes 2.5 CPU seconds, so that few records make a run dear.
///
/// # Errors
/// When the worker ends, when nothing comes for a minute, or when the file has
/// more lines than there are records.
pub(crate) async fn run(kafka: &KafkaServer, topic: &str, records: u64) -> Result<ConnectRun> {
    let scratch = Scratch::new("connect")?;
    let file = scratch.join("records.txt");
    let worker = scratch.join("worker.properties");
    fs::write(&worker, worker_properties(kafka, &scratch))?;
    let connector = scratch.join("connector.properties");
    fs::write(&connector, connector_properties(topic, &file))?;

    let class = "org.apache.kafka.connect.cli.ConnectStandalone";
    let mut command = java_program(&scratch, class, &JAVA)?;
    command.arg(worker).arg(connector);
    let started = Instant::now();
    let mut child = ChildProcess::spawn("Kafka Connect", command, scratch.join("connect.log"))?;
    let meter = Meter::start(child.pid())?;
    let outcome = follow(&mut child, &meter, started, &file, records).await;
    outcome.with_context(|| child.log_tail())
}

fn worker_properties(kafka: &KafkaServer, scratch: &Scratch) -> String {
    let bootstrap = kafka.bootstrap();
    let offsets = scratch.join("offsets").display().to_string();
    format!(
        "bootstrap.servers={bootstrap}\n\
         key.converter=org.apache.kafka.connect.converters.ByteArrayConverter\n\
         header.converter=org.apache.kafka.connect.converters.ByteArrayConverter\n\
         value.converter=org.apache.kafka.connect.storage.StringConverter\n\
         consumer.auto.offset.reset=earliest\n\
         offset.storage.file.filename={offsets}\n\
         plugin.discovery=service_load\n\
         listeners=http://127.0.0.1:0\n"
    )
}

fn connector_properties(topic: &str, file: &Path) -> String {
    let (name, file) = (name::unique("connect-file"), file.display());
    format!(
        "name={name}\n\
         connector.class=org.apache.kafka.connect.file.FileStreamSinkConnector\n\
         tasks.max=1\n\
         topics={topic}\n\
         file={file}\n"
    )
}

/// Looks at the file until all records are in it.
async fn follow(
    child: &mut ChildProcess,
    meter: &Meter,
    started: Instant,
    file: &Path,
    records: u64,
) -> Result<ConnectRun> {
    let mut start_up = None;
    let mut lines = Lines::of(file);
    let (mut length, mut grown, mut looks) = (0, Instant::now(), 0);
    let mut whole = meter.read(0.0)?;
    let mut ticks = time::interval(INTERVAL);
    ticks.set_missed_tick_behavior(time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        if let Some(status) = child.exit_status()? {
            bail!("Kafka Connect has ended: {status}");
        }
        ensure!(
            grown.elapsed() < STALLED,
            "no record has come for {STALLED:?}: {} of {records} are in the file",
            lines.counted
        );
        let Some(now_long) = length_of(file)? else { continue };
        // The task makes the file when it starts.
        let start_up = match start_up {
            Some(start_up) => start_up,
            None => *start_up.insert(meter.read(started.elapsed().as_secs_f64())?),
        };
        if now_long > length {
            whole = meter.read(started.elapsed().as_secs_f64())?;
            (length, grown, looks) = (now_long, Instant::now(), 0);
            continue;
        }
        looks += 1;
        if looks == LOOKS_AT_REST {
            lines = spawn_blocking(|| lines.count()).await??;
            ensure!(
                lines.counted <= records,
                "the file has {} lines, more than the {records} records",
                lines.counted
            );
            if lines.counted == records {
                return Ok(ConnectRun { whole, start_up });
            }
        }
    }
}

/// The length of a file in bytes; `None` where there is none.
fn length_of(file: &Path) -> Result<Option<u64>> {
    match fs::metadata(file) {
        Ok(metadata) => Ok(Some(metadata.len())),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("cannot look at {}", file.display())),
    }
}

/// The lines of a file that grows, each read once.
#[derive(Debug)]
struct Lines {
    path: PathBuf,
    read: u64,
    counted: u64,
}

impl Lines {
    fn of(path: &Path) -> Self {
        Self { path: path.to_owned(), read: 0, counted: 0 }
    }

    /// With what has come since.
    fn count(mut self) -> Result<Self> {
        let mut file = File::open(&self.path)?;
        file.seek(SeekFrom::Start(self.read))?;
        let mut buffer = vec![0; 1 << 20];
        loop {
            let length = file.read(&mut buffer)?;
            if length == 0 {
                return Ok(self);
            }
            self.read += length as u64;
            self.counted += buffer[..length].iter().filter(|byte| **byte == b'\n').count() as u64;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::io::Write as _;

    use kafka2oss_tests::scratch::Scratch;

    use super::Lines;

    #[test]
    fn lines_that_come_later_are_counted_once() {
        let scratch = Scratch::new("lines").expect("a folder");
        let path = scratch.join("records.txt");
        let mut file = File::create(&path).expect("a file");
        let mut lines = Lines::of(&path);
        for (text, expected) in [("one\ntw", 1), ("o\n", 2), ("", 2), ("three\nfour\n", 4)] {
            file.write_all(text.as_bytes()).expect("a file takes text");

            lines = lines.count().expect("the file is there");

            assert_eq!(lines.counted, expected, "{text:?}");
        }
    }
}
