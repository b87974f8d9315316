//! Messages as protobuf's encoding has them, of any fields.

use bolero::TypeGenerator;
use bolero::generator::produce;
use prost::encoding::{WireType, encode_key, encode_varint};

/// A message of any fields, field by field.
#[derive(Debug, TypeGenerator)]
pub(crate) struct Fields(
    #[generator(produce::<Vec<(u8, Field)>>().with().len(0_usize..=24))] Vec<(u8, Field)>,
);

#[derive(Debug, TypeGenerator)]
enum Field {
    Small(u8),
    Number(u64),
    Text(String),
    Bytes(Vec<u8>),
    Four([u8; 4]),
    Eight([u8; 8]),
    /// The next fields are those of a message within.
    Open,
    /// This message is whole.
    Close,
}

impl Fields {
    /// The message's bytes; what is open at the end is closed there.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut outer: Vec<(u32, Vec<u8>)> = Vec::new();
        let mut bytes = Vec::new();
        let Self(fields) = self;
        for (number, field) in fields {
            // As many as our largest message has, and some that none has.
            let number = u32::from(*number) % 20 + 1;
            match field {
                Field::Small(value) => write_number(&mut bytes, number, u64::from(*value)),
                Field::Number(value) => write_number(&mut bytes, number, *value),
                Field::Text(text) => write_bytes(&mut bytes, number, text.as_bytes()),
                Field::Bytes(content) => write_bytes(&mut bytes, number, content),
                Field::Four(content) => {
                    encode_key(number, WireType::ThirtyTwoBit, &mut bytes);
                    bytes.extend(content);
                }
                Field::Eight(content) => {
                    encode_key(number, WireType::SixtyFourBit, &mut bytes);
                    bytes.extend(content);
                }
                Field::Open => outer.push((number, std::mem::take(&mut bytes))),
                Field::Close => close(&mut outer, &mut bytes),
            }
        }
        while !outer.is_empty() {
            close(&mut outer, &mut bytes);
        }
        bytes
    }
}

fn close(outer: &mut Vec<(u32, Vec<u8>)>, bytes: &mut Vec<u8>) {
    if let Some((number, before)) = outer.pop() {
        let within = std::mem::replace(bytes, before);
        write_bytes(bytes, number, &within);
    }
}

fn write_number(bytes: &mut Vec<u8>, number: u32, value: u64) {
    encode_key(number, WireType::Varint, bytes);
    encode_varint(value, bytes);
}

fn write_bytes(bytes: &mut Vec<u8>, number: u32, content: &[u8]) {
    encode_key(number, WireType::LengthDelimited, bytes);
    encode_varint(content.len() as u64, bytes);
    bytes.extend(content);
}
