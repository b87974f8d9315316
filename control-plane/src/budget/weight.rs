//! What a message takes in memory once it is decoded: of two bytes a decoder may make an empty
//! message of hundreds, so that length alone bounds nothing. Found by walking over it as its
//! declaration says, before anything is made of it.

use std::collections::HashMap;

use prost::Message as _;
use prost_types::FileDescriptorSet;
use prost_types::field_descriptor_proto::Type;

/// Memory of a field that a message may have, of a text without its characters, and of an
/// entry of a list: a vector's three words.
const FIELD: usize = 24;
/// Memory of a number in a packed list.
const NUMBER: usize = 8;
/// Nothing that is declared is nested so deeply; prost decodes no more than 100.
const DEPTH: usize = 32;

/// How the messages are declared that services take.
#[derive(Debug)]
pub(crate) struct Declarations {
    messages: Vec<Declared>,
    /// What each method takes, by its path.
    inputs: HashMap<String, usize>,
}

#[derive(Debug, Default)]
struct Declared {
    /// Memory of an empty one.
    bytes: usize,
    fields: HashMap<u64, Holds>,
}

/// What a field holds that takes more memory than its bytes.
#[derive(Debug, Clone, Copy)]
enum Holds {
    /// A message.
    Message(usize),
    /// Numbers, one after the other.
    Numbers,
}

impl Declarations {
    /// Reads descriptors, which this program is built with.
    pub(crate) fn read(descriptors: &[&[u8]]) -> Self {
        let files: Vec<_> = descriptors
            .iter()
            .flat_map(|set| FileDescriptorSet::decode(*set).expect("protox wrote them").file)
            .collect();
        let mut all = Vec::new();
        for file in &files {
            let package = format!(".{}", file.package());
            let mut open: Vec<_> =
                file.message_type.iter().map(|message| (package.clone(), message)).collect();
            while let Some((within, message)) = open.pop() {
                let name = format!("{within}.{}", message.name());
                open.extend(message.nested_type.iter().map(|nested| (name.clone(), nested)));
                all.push((name, message));
            }
        }
        let numbers: HashMap<_, _> =
            all.iter().enumerate().map(|(number, (name, _))| (name.as_str(), number)).collect();
        let declared = |(_, message): &(String, &prost_types::DescriptorProto)| Declared {
            bytes: FIELD * (1 + message.field.len()),
            fields: message
                .field
                .iter()
                .filter_map(|field| {
                    let holds = match field.r#type() {
                        Type::Message => Holds::Message(*numbers.get(field.type_name())?),
                        Type::String | Type::Bytes => return None,
                        _ => Holds::Numbers,
                    };
                    Some((u64::try_from(field.number()).ok()?, holds))
                })
                .collect(),
        };
        let messages = all.iter().map(declared).collect();
        let mut inputs = HashMap::new();
        for file in &files {
            for service in &file.service {
                for method in &service.method {
                    let path = format!("/{}.{}/{}", file.package(), service.name(), method.name());
                    inputs.extend(numbers.get(method.input_type()).map(|input| (path, *input)));
                }
            }
        }
        Self { messages, inputs }
    }

    /// About what the message that a method takes becomes of these bytes, at least as much as
    /// they are. Of a method that is not known that is all, and of bytes that are no message:
    /// nothing more is made of those. What weighs more than `most` is looked at no further.
    pub(crate) fn weigh(&self, method: &str, message: &[u8], most: usize) -> usize {
        let walk = |input: &usize| self.walk(*input, message, 0, most);
        message.len().saturating_add(self.inputs.get(method).map_or(0, walk))
    }

    fn walk(&self, declared: usize, mut bytes: &[u8], depth: usize, most: usize) -> usize {
        let declared = &self.messages[declared];
        let mut weight = declared.bytes;
        while weight <= most
            && let Some(Field { number, value, rest }) = Field::first(bytes)
        {
            bytes = rest;
            weight = weight.saturating_add(match (value, declared.fields.get(&number)) {
                (Some(value), Some(Holds::Message(inner))) if depth < DEPTH => {
                    self.walk(*inner, value, depth + 1, most - weight)
                }
                (Some(value), Some(Holds::Numbers)) => value.len().saturating_mul(NUMBER),
                (Some(_), _) => FIELD,
                (None, _) => NUMBER,
            });
        }
        weight
    }
}

/// A field of a message as it is encoded.
struct Field<'a> {
    number: u64,
    /// What it holds, if that has a length.
    value: Option<&'a [u8]>,
    /// What follows it.
    rest: &'a [u8],
}

impl<'a> Field<'a> {
    /// The first one.
    fn first(bytes: &'a [u8]) -> Option<Self> {
        let (key, rest) = varint(bytes)?;
        let number = key >> 3;
        let plain = |rest| Some(Self { number, value: None, rest });
        match key & 7 {
            0 => plain(varint(rest)?.1),
            1 => plain(rest.get(8..)?),
            2 => {
                let (length, rest) = varint(rest)?;
                let (value, rest) = rest.split_at_checked(usize::try_from(length).ok()?)?;
                Some(Self { number, value: Some(value), rest })
            }
            5 => plain(rest.get(4..)?),
            // Groups, which nothing here has.
            _ => None,
        }
    }
}

fn varint(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let mut value = 0;
    for (place, byte) in bytes.iter().take(10).enumerate() {
        value |= u64::from(byte & 0x7f) << (7 * place);
        if byte & 0x80 == 0 {
            return Some((value, &bytes[place + 1..]));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use kafka2oss_proto::agent::v1::connect_request::Message as Said;
    use kafka2oss_proto::{agent, v1};

    use super::*;

    const CONNECT: &str = "/kafka2oss.agent.v1.AgentControlService/Connect";

    fn declarations() -> Declarations {
        Declarations::read(&[agent::FILE_DESCRIPTOR_SET, kafka2oss_proto::FILE_DESCRIPTOR_SET])
    }

    fn weigh(message: Said) -> (usize, usize) {
        let bytes = agent::v1::ConnectRequest { message: Some(message) }.encode_to_vec();
        (bytes.len(), declarations().weigh(CONNECT, &bytes, usize::MAX))
    }

    #[test]
    fn empty_entries_weigh_what_they_take_in_memory() {
        let entries = vec![v1::LogEntry::default(); 1_000];
        let (length, weight) = weigh(Said::Logs(agent::v1::LogBatch { entries, dropped: 0 }));
        assert!(length < 2_100);
        let memory = 1_000 * size_of::<v1::LogEntry>();
        assert!((memory / 2..3 * memory).contains(&weight), "{memory} {weight}");
    }

    #[test]
    fn so_do_those_at_any_depth() {
        let partitions = vec![v1::PartitionProgress::default(); 100];
        let connectors = vec![agent::v1::ConnectorReport { partitions, ..Default::default() }; 10];
        let report = agent::v1::StatusReport { connectors, ..Default::default() };
        let (_, weight) = weigh(Said::StatusReport(report));
        let memory = 1_000 * size_of::<v1::PartitionProgress>();
        assert!((memory / 2..3 * memory).contains(&weight), "{memory} {weight}");
    }

    #[test]
    fn what_weighs_too_much_is_not_walked_over_to_its_end() {
        let entries = vec![v1::LogEntry::default(); 100_000];
        let message = Said::Logs(agent::v1::LogBatch { entries, dropped: 0 });
        let bytes = agent::v1::ConnectRequest { message: Some(message) }.encode_to_vec();
        let weight = declarations().weigh(CONNECT, &bytes, 100_000);
        assert!((100_000 + bytes.len()..102_000 + bytes.len()).contains(&weight), "{weight}");
    }

    #[test]
    fn a_long_text_weighs_little_more_than_its_length() {
        let message = "x".repeat(1 << 20);
        let entries = vec![v1::LogEntry { message, ..v1::LogEntry::default() }];
        let (length, weight) = weigh(Said::Logs(agent::v1::LogBatch { entries, dropped: 0 }));
        assert!(weight < length + 2_000, "{length} {weight}");
    }

    #[test]
    fn what_is_no_message_weighs_its_length_and_little_more() {
        let declarations = declarations();
        for bytes in [&[0xff; 1_000][..], &[0x0b; 1_000], &[]] {
            assert!(
                declarations.weigh(CONNECT, bytes, usize::MAX) <= 2 * bytes.len() + 200 * FIELD
            );
            assert_eq!(declarations.weigh("/unknown", bytes, usize::MAX), bytes.len());
        }
    }
}
