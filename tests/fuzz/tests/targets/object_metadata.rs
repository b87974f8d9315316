//! What an object that someone put says about itself.

use std::collections::HashMap;

use bolero::TypeGenerator;
use bolero::generator::produce;
use kafka2oss_chain::{ChainId, Conflict, ObjectMetadata, resolve};
use kafka2oss_fuzz::{Near, Text};

const WORDS: [&str; 12] = [
    "kafka2oss-version",
    "kafka2oss-uid",
    "kafka2oss-next-offset",
    "kafka2oss-",
    "1",
    "0",
    "+",
    "-",
    " ",
    "9223372036854775807",
    "9223372036854775808",
    "18446744073709551615",
];

#[derive(Debug, TypeGenerator)]
struct Given {
    #[generator(0..=i32::MAX)]
    partition: i32,
    #[generator(0..=i64::MAX)]
    first_offset: i64,
    offsets: u16,
    records: u8,
    crc64: u64,
    leader_epoch: Option<i32>,
    /// What becomes of the value whose name has this number in the alphabet.
    #[generator(produce::<Vec<(u8, Near)>>().with().len(0_usize..=3))]
    values: Vec<(u8, Near)>,
    #[generator(produce::<Vec<(Text, Text)>>().with().len(0_usize..=2))]
    more: Vec<(Text, Text)>,
    removed: Option<u8>,
}

#[test]
fn object_metadata_that_is_taken_is_what_it_would_be_written_as() {
    bolero::check!().with_type().for_each(|given: &Given| {
        let pairs = pairs(given);
        let read = ObjectMetadata::decode(&pairs);
        if let Ok(metadata) = &read {
            for (name, value) in metadata.encode() {
                assert_eq!(pairs.get(&name), Some(&value), "{name}");
            }
            let offsets = metadata.next_offset.checked_sub(metadata.first_offset).unwrap();
            assert!(metadata.partition >= 0 && metadata.first_offset >= 0);
            assert!(metadata.records <= u64::try_from(offsets).unwrap());
        }
        let (partition, first) = (given.partition, given.first_offset);
        if let Conflict::Adopt(link) = resolve("k", read, &chain(), partition, first) {
            assert_eq!((link.partition, link.first_offset), (partition, first));
            assert!(link.chain_id == chain() && link.next_offset > first);
        }
    });
}

fn chain() -> ChainId {
    ChainId::parse("abcd2345").unwrap()
}

fn pairs(given: &Given) -> HashMap<String, String> {
    let Given {
        partition,
        first_offset,
        offsets,
        records,
        crc64,
        leader_epoch,
        values,
        more,
        removed,
    } = given;
    let right = ObjectMetadata {
        uid: "01J9-a_b".into(),
        chain_id: chain(),
        partition: *partition,
        first_offset: *first_offset,
        next_offset: first_offset.saturating_add((*offsets).into()),
        records: (*records).into(),
        crc64: *crc64,
        leader_epoch: *leader_epoch,
    };
    let mut pairs = right.encode();
    let mut names: Vec<_> = pairs.keys().cloned().collect();
    names.sort();
    let name = |number: u8| &names[usize::from(number) % names.len()];
    for (number, near) in values {
        let value = pairs.get_mut(name(*number)).expect("only values have changed");
        *value = near.to_text(value, &WORDS);
    }
    pairs.extend(more.iter().map(|(name, value)| (name.of(&WORDS), value.of(&WORDS))));
    if let Some(number) = removed.filter(|number| *number < 32) {
        pairs.remove(name(number));
    }
    pairs
}
