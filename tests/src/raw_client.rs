//! A client of another make than the product's: single requests over TCP, with record
//! batches (format 2) put together byte by byte. It writes what librdkafka's callers
//! hardly can, and sees what stands in a log without librdkafka: header names with zero
//! bytes, for example.
//!
//! Forms: <https://kafka.apache.org/protocol> (Produce, version 3; Fetch, version 4) and
//! <https://kafka.apache.org/documentation/#recordbatch>.

use std::time::Duration;

use anyhow::{Result, ensure};
use crc_fast::{CrcAlgorithm, checksum};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

const LIMIT: Duration = Duration::from_secs(20);

/// A header: name and value, any bytes.
pub type RawHeader<'a> = (&'a [u8], Option<&'a [u8]>);

/// A record, of any bytes.
#[derive(Debug, Clone, Default)]
pub struct RawRecord<'a> {
    /// The key.
    pub key: Option<&'a [u8]>,
    /// The value.
    pub value: Option<&'a [u8]>,
    /// The headers in order.
    pub headers: Vec<RawHeader<'a>>,
}

/// Writes the records as one batch, all with this timestamp in milliseconds since 1970;
/// the offset of the first.
pub async fn produce(
    broker: &str,
    topic: &str,
    partition: i32,
    timestamp: i64,
    records: &[RawRecord<'_>],
) -> Result<i64> {
    let mut request = Vec::new();
    // Produce, version 3; correlation 1; the client's id is null.
    request.extend([0, 0, 0, 3, 0, 0, 0, 1, 0xff, 0xff]);
    // No transaction; acknowledged by all; time-out; one topic with one partition.
    request.extend([0xff, 0xff, 0xff, 0xff]);
    request.extend(10_000_i32.to_be_bytes());
    request.extend(1_i32.to_be_bytes());
    request.extend(i16::try_from(topic.len())?.to_be_bytes());
    request.extend(topic.as_bytes());
    request.extend(1_i32.to_be_bytes());
    request.extend(partition.to_be_bytes());
    sized(&mut request, &batch(timestamp, records)?)?;
    let answer = timeout(LIMIT, ask(broker, &request)).await??;

    // Correlation; one topic, its name; one partition, its number; code, offset.
    let code = 4 + 4 + 2 + topic.len() + 4 + 4;
    ensure!(answer.len() >= code + 10, "an answer of {} bytes", answer.len());
    let error = i16::from_be_bytes([answer[code], answer[code + 1]]);
    ensure!(error == 0, "the broker refuses the batch with its code {error}");
    Ok(i64::from_be_bytes(answer[code + 2..code + 10].try_into()?))
}

/// What stands in a partition from this offset on, up to a mebibyte: whole record
/// batches, as they are in the log.
pub async fn fetch(broker: &str, topic: &str, partition: i32, offset: i64) -> Result<Vec<u8>> {
    let mut request = Vec::new();
    // Fetch, version 4; correlation 2; the client's id is null; no replica.
    request.extend([0, 1, 0, 4, 0, 0, 0, 2, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]);
    // The longest wait in ms; bytes at least and at most; uncommitted records, too.
    request.extend(1_000_i32.to_be_bytes());
    request.extend(1_i32.to_be_bytes());
    request.extend((1_i32 << 20).to_be_bytes());
    request.push(0);
    request.extend(1_i32.to_be_bytes());
    request.extend(i16::try_from(topic.len())?.to_be_bytes());
    request.extend(topic.as_bytes());
    request.extend(1_i32.to_be_bytes());
    request.extend(partition.to_be_bytes());
    request.extend(offset.to_be_bytes());
    request.extend((1_i32 << 20).to_be_bytes());
    let answer = timeout(LIMIT, ask(broker, &request)).await??;

    // Correlation, throttled for; one topic, its name; one partition, its number; code;
    // the log's and the stable end; no transaction that was aborted; bytes of batches.
    let code = 4 + 4 + 4 + 2 + topic.len() + 4 + 4;
    let records = code + 2 + 8 + 8 + 4 + 4;
    ensure!(answer.len() >= records, "an answer of {} bytes", answer.len());
    let error = i16::from_be_bytes([answer[code], answer[code + 1]]);
    ensure!(error == 0, "the broker refuses the request with its code {error}");
    Ok(answer[records..].to_vec())
}

/// A header as it stands in a record.
pub fn header_bytes((name, value): RawHeader<'_>) -> Vec<u8> {
    let mut all = Vec::new();
    bytes(&mut all, Some(name));
    bytes(&mut all, value);
    all
}

async fn ask(broker: &str, request: &[u8]) -> Result<Vec<u8>> {
    let mut connection = TcpStream::connect(broker).await?;
    let mut framed = Vec::new();
    sized(&mut framed, request)?;
    connection.write_all(&framed).await?;
    let size = usize::try_from(connection.read_i32().await?)?;
    ensure!(size < 4 << 20, "an answer of {size} bytes");
    let mut answer = vec![0; size];
    connection.read_exact(&mut answer).await?;
    Ok(answer)
}

fn batch(timestamp: i64, records: &[RawRecord<'_>]) -> Result<Vec<u8>> {
    let count = i32::try_from(records.len())?;
    // What the checksum is of: attributes, last offset, times, no producer, records.
    let mut summed = Vec::new();
    summed.extend(0_i16.to_be_bytes());
    summed.extend((count - 1).to_be_bytes());
    summed.extend(timestamp.to_be_bytes());
    summed.extend(timestamp.to_be_bytes());
    summed.extend((-1_i64).to_be_bytes());
    summed.extend((-1_i16).to_be_bytes());
    summed.extend((-1_i32).to_be_bytes());
    summed.extend(count.to_be_bytes());
    for (offset, record) in (0_i64..).zip(records) {
        let mut body = vec![0];
        varint(&mut body, 0);
        varint(&mut body, offset);
        bytes(&mut body, record.key);
        bytes(&mut body, record.value);
        varint(&mut body, i64::try_from(record.headers.len())?);
        for header in &record.headers {
            body.extend(header_bytes(*header));
        }
        bytes(&mut summed, Some(&body));
    }
    // The leader's epoch, unknown; format 2; the checksum.
    let mut rest = vec![0xff, 0xff, 0xff, 0xff, 2];
    rest.extend(u32::try_from(checksum(CrcAlgorithm::Crc32Iscsi, &summed))?.to_be_bytes());
    rest.extend(summed);
    let mut batch = 0_i64.to_be_bytes().to_vec();
    sized(&mut batch, &rest)?;
    Ok(batch)
}

fn sized(to: &mut Vec<u8>, bytes: &[u8]) -> Result<()> {
    to.extend(i32::try_from(bytes.len())?.to_be_bytes());
    to.extend(bytes);
    Ok(())
}

/// Bytes behind their length; null has the length -1.
fn bytes(to: &mut Vec<u8>, bytes: Option<&[u8]>) {
    match bytes {
        Some(bytes) => {
            varint(to, i64::try_from(bytes.len()).expect("a slice's length fits"));
            to.extend(bytes);
        }
        None => varint(to, -1),
    }
}

/// A number in zigzag form, seven bits a byte, the lowest first.
fn varint(to: &mut Vec<u8>, number: i64) {
    let mut left = ((number << 1) ^ (number >> 63)).cast_unsigned();
    loop {
        let low = u8::try_from(left & 0x7f).expect("seven bits fit into a byte");
        left >>= 7;
        if left == 0 {
            to.push(low);
            return;
        }
        to.push(low | 0x80);
    }
}
