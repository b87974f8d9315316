//! The assignments on disk, so that a restart goes on without the control
//! plane. No plain secret gets there.

use std::io;
use std::path::{Path, PathBuf};

use kafka2oss_domain::names::{AgentName, ConnectorName};
use kafka2oss_domain::spec::Pool;
use kafka2oss_proto::agent;
use prost::Message;
use tokio::io::AsyncWriteExt;

use super::{Assignment, Assignments, credentials};
use crate::options::Identity;

const FILE: &str = "assignments.pb";

/// Raised when a field takes another meaning; files of other versions are left
/// aside.
const FORMAT_VERSION: u32 = 1;

/// The content of the file.
#[derive(Clone, PartialEq, Message)]
struct Content {
    #[prost(uint32, tag = "1")]
    format_version: u32,
    // An agent that was given another id or pool does not run what was another's.
    #[prost(string, tag = "2")]
    agent: String,
    #[prost(string, tag = "3")]
    vpc_id: String,
    #[prost(string, tag = "4")]
    vswitch_id: String,
    #[prost(string, tag = "5")]
    store_id: String,
    #[prost(uint64, tag = "6")]
    store_epoch: u64,
    #[prost(message, repeated, tag = "7")]
    connectors: Vec<agent::v1::ConnectorAssignment>,
}

/// Which store of a control plane assignments come from.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct StoreIdentity {
    /// Empty when none is known.
    pub(crate) id: String,
    /// Raised when the store was restored from a backup.
    pub(crate) epoch: u64,
}

/// What an earlier process left.
#[derive(Debug, Default)]
pub(crate) struct Cached {
    pub(crate) store: StoreIdentity,
    /// Those that can run as they are.
    pub(crate) assignments: Assignments,
}

/// The file with the assignments, if they are kept at all.
#[derive(Debug)]
pub(crate) struct AssignmentCache {
    directory: Option<PathBuf>,
    agent: AgentName,
    pool: Pool,
    /// What the file holds, as far as this process knows.
    written: Option<Content>,
}

impl AssignmentCache {
    /// The cache in this directory, which is made when missing.
    ///
    /// # Errors
    /// The directory cannot be made.
    pub(crate) async fn open(directory: Option<&Path>, identity: &Identity) -> io::Result<Self> {
        if let Some(directory) = directory {
            tokio::fs::create_dir_all(directory).await?;
        }
        Ok(Self {
            directory: directory.map(Path::to_owned),
            agent: identity.agent.clone(),
            pool: identity.pool.clone(),
            written: None,
        })
    }

    /// What an earlier process of this agent left. A file that cannot be used
    /// is told in the log and is as good as none: the control plane has it all.
    pub(crate) async fn load(&mut self) -> Cached {
        let Some(directory) = &self.directory else { return Cached::default() };
        let path = directory.join(FILE);
        match tokio::fs::read(&path).await {
            Ok(bytes) => self.decode(&bytes),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Cached::default(),
            Err(error) => {
                tracing::warn!(path = %path.display(), %error, "cannot read the assignment cache");
                Cached::default()
            }
        }
    }

    fn decode(&mut self, bytes: &[u8]) -> Cached {
        let content = match Content::decode(bytes) {
            Ok(content) if content.format_version == FORMAT_VERSION => content,
            Ok(Content { format_version, .. }) => {
                tracing::warn!(format_version, "the assignment cache is of another version");
                return Cached::default();
            }
            Err(error) => {
                tracing::warn!(%error, "the assignment cache is damaged");
                return Cached::default();
            }
        };
        self.written = Some(content.clone());
        let Content { agent, vpc_id, vswitch_id, store_id, store_epoch, connectors, .. } = content;
        if agent != self.agent.id() || (Pool { vpc_id, vswitch_id }) != self.pool {
            tracing::warn!(agent, "the assignment cache is of another agent or pool");
            return Cached::default();
        }
        let assignments = connectors.into_iter().filter_map(runnable).collect();
        Cached { store: StoreIdentity { id: store_id, epoch: store_epoch }, assignments }
    }

    /// Replaces the file, if there is something new. A failure is told in the
    /// log: tasks run without it.
    pub(crate) async fn save(&mut self, store: &StoreIdentity, assignments: &Assignments) {
        let Some(directory) = &self.directory else { return };
        let content = Content {
            format_version: FORMAT_VERSION,
            agent: self.agent.id().to_owned(),
            vpc_id: self.pool.vpc_id.clone(),
            vswitch_id: self.pool.vswitch_id.clone(),
            store_id: store.id.clone(),
            store_epoch: store.epoch,
            connectors: assignments.values().map(Assignment::to_cache).collect(),
        };
        if self.written.as_ref() == Some(&content) {
            return;
        }
        match replace(directory, FILE, &content.encode_to_vec()).await {
            Ok(()) => self.written = Some(content),
            Err(error) => {
                let directory = directory.display();
                tracing::warn!(%directory, %error, "cannot write the assignment cache");
            }
        }
    }
}

/// The assignment, if it needs nothing that only the control plane has.
fn runnable(wire: agent::v1::ConnectorAssignment) -> Option<(ConnectorName, Assignment)> {
    let connector = wire.connector.clone();
    if wire.spec.as_ref().is_some_and(credentials::has_withheld) {
        tracing::info!(connector, "a cached assignment waits for its inline credentials");
        return None;
    }
    match Assignment::from_cache(wire) {
        Ok(assignment) => Some((assignment.connector.clone(), assignment)),
        Err(problem) => {
            tracing::warn!(connector, %problem, "a cached assignment cannot run");
            None
        }
    }
}

/// Writes beside the file and renames, so that a crash leaves the old file or
/// the new one.
pub(crate) async fn replace(directory: &Path, file_name: &str, bytes: &[u8]) -> io::Result<()> {
    let new = directory.join(format!("{file_name}.new"));
    let mut file = tokio::fs::File::create(&new).await?;
    file.write_all(bytes).await?;
    file.sync_all().await?;
    tokio::fs::rename(&new, directory.join(file_name)).await?;
    // The rename itself is durable with the directory.
    tokio::fs::File::open(directory).await?.sync_all().await
}
