//! What a caller is told of a flush, in messages of a bounded size.

use kafka2oss_proto::v1::flush_connector_response::Event;
use kafka2oss_proto::{Count, v1};
use prost::Message;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tonic::Status;

use crate::api::error::ApiError;
use crate::model::flush::Barrier;

/// Partitions of a message.
const PARTITIONS: usize = 500;
/// Bytes of objects from which on a message goes out.
const OBJECT_BYTES: usize = 256 << 10;

/// Tells a caller of a flush.
pub(super) struct Told<'a> {
    sender: &'a mpsc::Sender<Result<v1::FlushConnectorResponse, Status>>,
    last: Instant,
}

impl<'a> Told<'a> {
    pub(super) fn new(
        sender: &'a mpsc::Sender<Result<v1::FlushConnectorResponse, Status>>,
    ) -> Self {
        Self { sender, last: Instant::now() }
    }

    /// When it was told something last.
    pub(super) fn last(&self) -> Instant {
        self.last
    }

    /// Tells which partitions have changed.
    pub(super) async fn progress(&mut self, barrier: &mut Barrier) {
        let changes = barrier.changes();
        let (partitions_total, partitions_reached) = counts(barrier);
        for partitions in changes.chunks(PARTITIONS) {
            let partitions = partitions.to_vec();
            let progress = v1::FlushProgress { partitions, partitions_total, partitions_reached };
            self.send(Event::Progress(progress)).await;
        }
    }

    /// Tells that the stream is alive.
    pub(super) async fn heartbeat(&mut self) {
        self.send(Event::Heartbeat(())).await;
    }

    /// Tells the objects and the summary.
    pub(super) async fn finish(mut self, barrier: &Barrier) -> Result<(), ApiError> {
        let (mut objects, mut objects_complete) = (0, true);
        let (mut message, mut bytes) = (Vec::new(), 0);
        for v1::FlushedObjects { partition, objects: its, complete } in barrier.objects() {
            objects += i64::from(its.len().to_wire());
            objects_complete &= complete;
            let part = |objects| v1::FlushedObjects { partition, objects, complete };
            let mut some = Vec::new();
            for object in its {
                bytes += object.encoded_len();
                some.push(object);
                if bytes >= OBJECT_BYTES {
                    message.push(part(std::mem::take(&mut some)));
                    self.objects(std::mem::take(&mut message)).await;
                    bytes = 0;
                }
            }
            // Without any where none is known.
            message.push(part(some));
        }
        if !message.is_empty() {
            self.objects(message).await;
        }
        let (partitions_total, partitions_reached) = counts(barrier);
        let summary = v1::FlushSummary {
            complete: partitions_total == partitions_reached,
            partitions_total,
            partitions_reached,
            unreached: barrier.unreached().take(PARTITIONS).collect(),
            objects,
            objects_complete,
        };
        self.send(Event::Summary(summary)).await;
        Ok(())
    }

    async fn objects(&mut self, partitions: Vec<v1::FlushedObjects>) {
        self.send(Event::Objects(v1::FlushObjects { partitions })).await;
    }

    async fn send(&mut self, event: Event) {
        let answer = v1::FlushConnectorResponse { event: Some(event) };
        // Fails once the caller has gone, which ends the work.
        let _ = self.sender.send(Ok(answer)).await;
        self.last = Instant::now();
    }
}

/// How many partitions there are, and are reached.
fn counts(barrier: &Barrier) -> (i32, i32) {
    let (total, reached) = barrier.counts();
    (total.to_wire(), reached.to_wire())
}
