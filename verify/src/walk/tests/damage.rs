//! Chains as they should be, and what may be wrong with one.

use proptest::prelude::*;
use proptest::sample::Index;

use super::*;

/// A topic with gaps, and the chain that it should have.
pub(super) fn sound() -> impl Strategy<Value = (Vec<SourceRecord>, Vec<Link>)> {
    let topic = prop::collection::vec(1_i64..4, 1..25);
    (topic, 0_i64..5, prop::collection::vec(1_i64..8, 1..10)).prop_map(|(gaps, start, extents)| {
        let offsets = gaps.iter().scan(start - 1, |offset, gap| {
            *offset += gap;
            Some(*offset)
        });
        let topic: Vec<_> = offsets.map(original).collect();
        let mut first = start;
        let links = extents.iter().map(|length| {
            let next = first + length;
            let records: Vec<_> = topic
                .iter()
                .filter(|record| (first..next).contains(&record.offset))
                .map(copy)
                .collect();
            let metadata = metadata(first, next, records.len());
            first = next;
            Link { metadata, records, damaged: false, is_own: false }
        });
        let links = links.collect();
        (topic, links)
    })
}

#[derive(Debug, Clone)]
pub(super) enum Damage {
    DropLink(Index),
    RepeatLink(Index),
    ShiftStart(Index, i64),
    CutOff(Index, Index),
    DropRecord(Index, Index, bool),
    RepeatRecord(Index, Index, Index),
    SwapRecords(Index, Index, Index),
    Alter(Index, Index),
    Renumber(Index, Index, i64),
    DropOriginal(Index),
    MoveRecord(Index, Index, Index),
    /// Another attempt has put a part of it.
    Repeat(Index, Index),
    GiveOwnKey(Index),
}

pub(super) fn damage() -> impl Strategy<Value = Damage> {
    let index = any::<Index>;
    prop_oneof![
        index().prop_map(Damage::DropLink),
        index().prop_map(Damage::RepeatLink),
        (index(), -3_i64..4).prop_map(|(link, by)| Damage::ShiftStart(link, by)),
        (index(), index()).prop_map(|(link, at)| Damage::CutOff(link, at)),
        (index(), index(), any::<bool>()).prop_map(|(l, r, told)| Damage::DropRecord(l, r, told)),
        (index(), index(), index()).prop_map(|(l, r, to)| Damage::RepeatRecord(l, r, to)),
        (index(), index(), index()).prop_map(|(l, one, two)| Damage::SwapRecords(l, one, two)),
        (index(), index()).prop_map(|(link, record)| Damage::Alter(link, record)),
        (index(), index(), 0_i64..60).prop_map(|(l, r, offset)| Damage::Renumber(l, r, offset)),
        index().prop_map(Damage::DropOriginal),
        (index(), index(), index()).prop_map(|(l, r, to)| Damage::MoveRecord(l, r, to)),
        (index(), index()).prop_map(|(link, at)| Damage::Repeat(link, at)),
        index().prop_map(Damage::GiveOwnKey),
    ]
}

impl Damage {
    pub(super) fn apply(&self, links: &mut Vec<Link>, topic: &mut Vec<SourceRecord>) {
        match self {
            Self::DropOriginal(at) if !topic.is_empty() => {
                topic.remove(at.index(topic.len()));
            }
            _ if links.is_empty() => {}
            Self::DropLink(link) => {
                links.remove(link.index(links.len()));
            }
            Self::RepeatLink(link) => {
                let link = link.index(links.len());
                links.insert(link, links[link].clone());
            }
            Self::ShiftStart(link, by) => {
                let metadata = &mut link.get_mut(links).metadata;
                let first = metadata.first_offset + by;
                if (0..metadata.next_offset).contains(&first) {
                    metadata.first_offset = first;
                }
                links.sort_by_key(|link| link.metadata.first_offset);
            }
            Self::CutOff(link, at) => {
                let link = link.get_mut(links);
                link.records.truncate(at.index(link.records.len() + 1));
                link.damaged = true;
            }
            Self::RepeatRecord(link, record, to) => {
                if let Some((records, record)) = pick(links, link, record) {
                    let copy = records[record].clone();
                    records.insert(to.index(records.len() + 1), copy);
                }
            }
            Self::DropRecord(link, record, told) => {
                if let Some((records, record)) = pick(links, link, record) {
                    records.remove(record);
                    let records = &mut link.get_mut(links).metadata.records;
                    *records = records.saturating_sub(u64::from(*told));
                }
            }
            Self::SwapRecords(link, one, two) => {
                if let Some((records, one)) = pick(links, link, one) {
                    let two = two.index(records.len());
                    records.swap(one, two);
                }
            }
            Self::Alter(link, record) => {
                if let Some((records, record)) = pick(links, link, record) {
                    records[record].timestamp += 1;
                }
            }
            Self::Renumber(link, record, offset) => {
                if let Some((records, record)) = pick(links, link, record) {
                    records[record].offset = *offset;
                }
            }
            Self::MoveRecord(link, record, to) => {
                if let Some((records, record)) = pick(links, link, record) {
                    let record = records.remove(record);
                    to.get_mut(links).records.push(record);
                }
            }
            Self::GiveOwnKey(link) => link.get_mut(links).is_own = true,
            Self::Repeat(link, at) => {
                let link = link.index(links.len());
                links.insert(link, attempt(&links[link], at));
            }
            Self::DropOriginal(_) => {}
        }
    }
}

/// The same link by another attempt, under its own key and perhaps shorter.
pub(super) fn attempt(link: &Link, at: &Index) -> Link {
    let mut other = Link { is_own: true, ..link.clone() };
    let ObjectMetadata { first_offset, next_offset, .. } = other.metadata;
    let length = usize::try_from(next_offset - first_offset).expect("it is short");
    let next = first_offset + 1 + i64::try_from(at.index(length.max(1))).expect("it is short");
    other.records.retain(|record| record.offset < next);
    other.metadata = metadata(first_offset, next, other.records.len());
    other
}

fn pick<'a>(
    links: &'a mut [Link],
    link: &Index,
    record: &Index,
) -> Option<(&'a mut Vec<DecodedRecord>, usize)> {
    let records = &mut link.get_mut(links).records;
    let record = (!records.is_empty()).then(|| record.index(records.len()))?;
    Some((records, record))
}
