//! An object's content, record by record, into a walk.

use std::io::{self, BufRead, Read};

use crc_fast::{CrcAlgorithm, Digest};
use kafka2oss_domain::error_code::Problem;
use kafka2oss_format::{DecodeError, Decoder, Encoding, Fault, reader};

use crate::walk::{Before, Ending, SourceEvent, Walk};

/// A partition of the topic.
pub(crate) trait Source {
    /// The next record at `start` or behind it, or what there is instead.
    fn next(&mut self, start: i64) -> Result<SourceEvent, Problem>;
}

/// Carries out what a walk asks for: [`Walk::take_checks`].
pub(crate) type Chores<'a> = dyn FnMut(&mut Walk<'_>) -> Result<(), Problem> + 'a;

/// Reads the content of the link that the walk has begun, and the topic beside
/// it. `chores` are done after each step, so that none pile up.
///
/// # Errors
/// A [`Problem`] within an error of `content`: the content could not be fetched,
/// which says nothing about it. Those of `source` and `chores`.
pub(crate) fn read_object(
    walk: &mut Walk<'_>,
    encoding: Encoding,
    content: impl BufRead,
    source: &mut impl Source,
    chores: &mut Chores<'_>,
) -> Result<(), Problem> {
    let mut content = Summed { content, sum: Digest::new(CrcAlgorithm::Crc64Xz) };
    let ending = match read_records(walk, encoding, &mut content, source, chores)? {
        // Decoders end where their content does.
        None => Ending::Whole { crc64: content.sum.finalize() },
        Some(DecodeError { record, fault }) => {
            Ending::Damaged(format!("record {record}: {}", damage(fault)?))
        }
    };
    walk.end(ending);
    Ok(())
}

/// Feeds the topic's records that are wanted after the last object.
///
/// # Errors
/// Those of `source` and `chores`.
pub(crate) fn read_to_end(
    walk: &mut Walk<'_>,
    source: &mut impl Source,
    chores: &mut Chores<'_>,
) -> Result<(), Problem> {
    feed(walk, Before::End, source, chores)
}

fn read_records(
    walk: &mut Walk<'_>,
    encoding: Encoding,
    content: impl BufRead,
    source: &mut impl Source,
    chores: &mut Chores<'_>,
) -> Result<Option<DecodeError>, Problem> {
    let body = match reader(encoding.compression, content) {
        Ok(body) => body,
        Err(error) => return Ok(Some(DecodeError { record: 1, fault: Fault::Read(error) })),
    };
    for record in Decoder::new(encoding.format, body) {
        let record = match record {
            Ok(record) => record,
            Err(error) => return Ok(Some(error)),
        };
        feed(walk, Before::Record(&record), source, chores)?;
        walk.record(&record);
        chores(walk)?;
    }
    Ok(None)
}

fn feed(
    walk: &mut Walk<'_>,
    before: Before<'_>,
    source: &mut impl Source,
    chores: &mut Chores<'_>,
) -> Result<(), Problem> {
    while walk.wants(before) {
        walk.source(source.next(walk.source_start())?);
        chores(walk)?;
    }
    Ok(())
}

/// What is wrong with a content, unless it is its fetching that went wrong.
fn damage(fault: Fault) -> Result<String, Problem> {
    match fault {
        Fault::Read(error) => match error.downcast::<Problem>() {
            Ok(problem) => Err(problem),
            Err(error) => Ok(Fault::Read(error).to_string()),
        },
        fault => Ok(fault.to_string()),
    }
}

/// Sums up what is read.
struct Summed<R> {
    content: R,
    sum: Digest,
}

impl<R: BufRead> Read for Summed<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let available = self.fill_buf()?;
        let length = available.len().min(buffer.len());
        buffer[..length].copy_from_slice(&available[..length]);
        self.consume(length);
        Ok(length)
    }
}

impl<R: BufRead> BufRead for Summed<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.content.fill_buf()
    }

    fn consume(&mut self, amount: usize) {
        // What the last fill_buf has returned is there until it is consumed, and
        // asking for it again costs nothing.
        if amount > 0
            && let Ok(available) = self.content.fill_buf()
        {
            self.sum.update(&available[..amount.min(available.len())]);
        }
        self.content.consume(amount);
    }
}
