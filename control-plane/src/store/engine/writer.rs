//! One batch after the other into sled, and all of them onto the disk at once.

use std::io;

use super::contents::Contents;
use super::database;
use super::durable::Durable;
use super::last_batch::LastBatch;
use super::marker::Marker;
use crate::clock;
use crate::store::error::Failure;
use crate::store::medium::RowChange;

/// Log that may be written before it is made durable: half of one of sled's segments.
/// sled writes over a segment once what was in it stands in later ones, by what it has
/// written and not by what is durable, with two whole segments between: so nothing is
/// written over before its copy is on the disk.
const UNSYNCED: usize = 256 << 10;

/// What writes to the store. It is used by one thread.
#[derive(Debug)]
pub(super) struct Writer {
    database: sled::Db,
    durable: Durable,
    last_batch: LastBatch,
    contents: Contents,
    marker: Marker,
    /// Bytes of log that were flushed since the last sync.
    unsynced: usize,
}

impl Writer {
    /// Goes on after `marker`, with which the database holds `contents`.
    pub(super) fn new(
        database: sled::Db,
        durable: Durable,
        last_batch: LastBatch,
        contents: Contents,
        marker: Marker,
    ) -> Self {
        Self { database, durable, last_batch, contents, marker, unsynced: 0 }
    }

    /// The database, to be read.
    pub(super) fn database(&self) -> &sled::Db {
        &self.database
    }

    /// Hands a batch to sled.
    pub(super) fn apply(&mut self, changes: Vec<RowChange>) -> Result<(), Failure> {
        self.contents.apply(&changes);
        self.marker = self.marker.next(&self.contents, clock::now());
        database::apply(&self.database, changes, &self.marker)?;
        self.durable.sync_new().map_err(|error| not_synced(&error))
    }

    /// Has sled write what it was handed.
    pub(super) fn flush(&mut self) -> Result<(), Failure> {
        self.unsynced += self.database.flush().map_err(database::failure)?;
        Ok(())
    }

    /// Whether so much is written that it must be made durable before more is.
    pub(super) fn must_sync(&self) -> bool {
        self.unsynced >= UNSYNCED
    }

    /// Makes durable what sled has written, and then says so in the second place.
    pub(super) fn sync(&mut self) -> Result<(), Failure> {
        self.durable.sync().map_err(|error| not_synced(&error))?;
        self.unsynced = 0;
        self.last_batch
            .write(&self.marker)
            .map_err(|error| Failure::of_io("cannot write the file last-batch", &error))
    }

    /// Writes one batch, durably.
    pub(super) fn write(&mut self, changes: Vec<RowChange>) -> Result<(), Failure> {
        self.apply(changes)?;
        self.flush()?;
        self.sync()
    }
}

fn not_synced(error: &io::Error) -> Failure {
    Failure::of_io("cannot make what was written durable", error)
}
