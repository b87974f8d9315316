//! The codec of methods whose answers are put together from bytes that are encoded
//! already: the generated servers would have each answer made whole, and encode it anew.

use std::marker::PhantomData;

use prost::Message;
use tonic::Status;
use tonic::codec::{BufferSettings, Codec, EncodeBuf, Encoder};
use tonic_prost::ProstDecoder;

use crate::encoded::Encoded;

/// Reads `Request`, writes `Answer`.
#[derive(Debug)]
pub(super) struct Parts<Request, Answer>(PhantomData<fn(Request) -> Answer>);

impl<Request, Answer> Default for Parts<Request, Answer> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

impl<Request, Answer> Codec for Parts<Request, Answer>
where
    Request: Message + Default + 'static,
    Answer: Encoded + Send + 'static,
{
    type Encode = Answer;
    type Decode = Request;
    type Encoder = Self;
    type Decoder = ProstDecoder<Request>;

    fn encoder(&mut self) -> Self::Encoder {
        Self::default()
    }

    fn decoder(&mut self) -> Self::Decoder {
        ProstDecoder::new(BufferSettings::default())
    }
}

impl<Request, Answer: Encoded> Encoder for Parts<Request, Answer> {
    type Item = Answer;
    type Error = Status;

    fn encode(&mut self, answer: Answer, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buffer.reserve(answer.len());
        answer.put(buffer);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::{agent_control, watch};

    #[test]
    fn the_paths_are_those_of_the_methods() {
        let sets =
            [kafka2oss_proto::FILE_DESCRIPTOR_SET, kafka2oss_proto::agent::FILE_DESCRIPTOR_SET];
        let sets =
            sets.map(|set| prost_types::FileDescriptorSet::decode(set).expect("descriptors"));
        let paths: Vec<_> = sets
            .iter()
            .flat_map(|set| &set.file)
            .flat_map(|file| {
                file.service.iter().map(move |service| (file.package(), service)).flat_map(
                    |(package, service)| {
                        service.method.iter().map(move |method| {
                            format!("/{package}.{}/{}", service.name(), method.name())
                        })
                    },
                )
            })
            .collect();
        for path in watch::PATHS.into_iter().chain([agent_control::PATH]) {
            assert!(paths.iter().any(|known| known == path), "{path} is none of {paths:?}");
        }
    }
}
