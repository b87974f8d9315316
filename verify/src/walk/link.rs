//! A link: begun where its chain stands, and ended.

use kafka2oss_chain::ObjectMetadata;

use super::{Ending, OpenObject, Walk};
use crate::findings::{Finding, Kind};

impl Walk<'_> {
    /// Begins an object of the chain under `key`, which names `first` as its
    /// first offset and may be an attempt's own. False when it is no link and is not
    /// to be read.
    pub(crate) fn begin(
        &mut self,
        key: &str,
        first: i64,
        is_own: bool,
        metadata: ObjectMetadata,
    ) -> bool {
        self.settle_below(first);
        if let Some(contradiction) = self.contradiction(first, &metadata) {
            self.add(Kind::Foreign, Finding::of_object(key, contradiction));
            return false;
        }
        let next = metadata.next_offset;
        if let Some(position) = self.position.filter(|position| first > *position) {
            self.unread.push((position, first));
            // The connector goes on at the log's start when retention has
            // overtaken it.
            let lost = if first <= self.settings.log_start {
                ", which may be a range that the topic had lost by then"
            } else {
                ""
            };
            let detail =
                format!("the link before ends at {position}, this one starts at {first}{lost}");
            let hole = Finding::of_offsets(position, first - 1, detail).in_object(key);
            self.add(Kind::Hole, hole);
        }
        // Links of other attempts may begin wherever the chain has been.
        let not_before = if is_own { self.report.start } else { self.shared_position };
        if let Some(position) = not_before.filter(|position| first < *position) {
            let detail = format!("the chain was at {position} when this link started at {first}");
            let last = position.min(next) - 1;
            self.add(Kind::Overlap, Finding::of_offsets(first, last, detail).in_object(key));
        }
        self.position = self.position.max(Some(next));
        if !is_own {
            self.shared_position = self.shared_position.max(Some(next));
        }
        self.committed_met |= self.settings.committed == Some(next);
        self.uid.get_or_insert_with(|| metadata.uid.clone());
        self.report.links += 1;
        self.object =
            Some(OpenObject { key: key.into(), is_own, metadata, records: 0, last: None });
        true
    }

    /// Ends the object.
    pub(crate) fn end(&mut self, ending: Ending) {
        let Some(OpenObject { key, is_own: _, metadata, records, last: _ }) = self.object.take()
        else {
            return;
        };
        match ending {
            Ending::Damaged(detail) => {
                self.unread.push((metadata.first_offset, metadata.next_offset));
                self.add(Kind::Damaged, Finding::of_object(&key, detail));
            }
            Ending::Whole { crc64 } => {
                if crc64 != metadata.crc64 {
                    let told = metadata.crc64;
                    let detail = format!("its CRC-64 is {crc64}, its metadata says {told}");
                    self.add(Kind::Damaged, Finding::of_object(&key, detail));
                }
                if records != metadata.records {
                    let told = metadata.records;
                    let detail = format!("it has {records} records, its metadata says {told}");
                    self.add(Kind::Contradictory, Finding::of_object(&key, detail));
                }
            }
        }
    }

    fn contradiction(&self, first: i64, metadata: &ObjectMetadata) -> Option<String> {
        let ObjectMetadata { uid, chain_id, partition, first_offset, next_offset, .. } = metadata;
        if self.settings.chain != Some(*chain_id) || *partition != self.report.partition {
            return Some(format!("its metadata is of chain {chain_id}, partition {partition}"));
        }
        if *first_offset != first || *next_offset <= first {
            return Some(format!("its metadata is of offsets {first_offset} to {next_offset}"));
        }
        let other = self.uid.as_ref().filter(|known| *known != uid);
        other.map(|known| format!("its metadata is of uid {uid}, the chain is of {known}"))
    }
}
