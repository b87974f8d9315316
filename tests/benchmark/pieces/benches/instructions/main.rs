//! How many instructions the pieces take, by callgrind, and how often they
//! allocate, by DHAT, held against `limits.rs`: `tests/benchmark/pieces/run`.
//!
//! Instructions are counted on the CPU that Valgrind shows to a program, so that
//! they are the same on a busy machine as on an idle one, and nearly the same on
//! all of an architecture. It has no SHA extensions and no AVX-512: what SHA-256
//! costs is left to `benches/time`.

#![allow(missing_docs, unused_qualifications)] // of what the macros make

use std::collections::HashMap;
use std::hint::black_box;

use gungraun::prelude::*;
use kafka2oss_chain::{Commit, CommitMetadata, Pin, TimeBucket};
use kafka2oss_format::{Compression, Format};
use kafka2oss_pieces::Plane;
use kafka2oss_pieces::chain::{Chain, Keys, TIMESTAMP, announcement};
use kafka2oss_pieces::object::FullBody;
use kafka2oss_pieces::records::{Batch, Content};

use crate::limits::{limits, steady};

mod limits;

/// Records of a batch: the counts divided by it are those of a record.
const RECORDS: usize = 100;

/// Bytes of a body that is closed: enough that what comes once an object is small.
const BODY_BYTES: usize = 1 << 20;

fn lines(content: Content, size: usize) -> Batch {
    Batch::new(Format::JsonLines, content, size, RECORDS)
}

fn array(content: Content, size: usize) -> Batch {
    Batch::new(Format::JsonArray, content, size, RECORDS)
}

fn to_close(compression: Compression) -> (FullBody, Compression) {
    (FullBody::new(Content::Json, BODY_BYTES), compression)
}

fn announced() -> (Chain, Pin) {
    let chain = Chain::new(Keys::HourlyWithHash);
    let pin = chain.key(7);
    (chain, pin)
}

fn committed() -> String {
    let (chain, commit) = announcing();
    chain.commit_metadata(&commit)
}

fn announcing() -> (Chain, Commit) {
    let (chain, pin) = announced();
    (chain, announcement(7, pin))
}

#[library_benchmark(setup = lines)]
#[bench::plain_100(args = (Content::Plain, 100), config = limits("append_lines plain_100"))]
#[bench::plain_1k(args = (Content::Plain, 1_000), config = limits("append_lines plain_1k"))]
#[bench::plain_10k(args = (Content::Plain, 10_000), config = limits("append_lines plain_10k"))]
#[bench::json_100(args = (Content::Json, 100), config = limits("append_lines json_100"))]
#[bench::json_1k(args = (Content::Json, 1_000), config = limits("append_lines json_1k"))]
#[bench::json_10k(args = (Content::Json, 10_000), config = limits("append_lines json_10k"))]
#[bench::chinese_100(args = (Content::Chinese, 100), config = limits("append_lines chinese_100"))]
#[bench::chinese_1k(args = (Content::Chinese, 1_000), config = limits("append_lines chinese_1k"))]
#[bench::chinese_10k(args = (Content::Chinese, 10_000), config = limits("append_lines chinese_10k"))]
#[bench::binary_100(args = (Content::Binary, 100), config = limits("append_lines binary_100"))]
#[bench::binary_1k(args = (Content::Binary, 1_000), config = limits("append_lines binary_1k"))]
#[bench::binary_10k(args = (Content::Binary, 10_000), config = limits("append_lines binary_10k"))]
#[bench::headers_100(args = (Content::PlainWithHeaders, 100), config = limits("append_lines headers_100"))]
fn append_lines(mut batch: Batch) -> Batch {
    black_box(batch.append());
    batch
}

#[library_benchmark(setup = array)]
#[bench::plain_100(args = (Content::Plain, 100), config = limits("append_array plain_100"))]
#[bench::plain_1k(args = (Content::Plain, 1_000), config = limits("append_array plain_1k"))]
#[bench::plain_10k(args = (Content::Plain, 10_000), config = limits("append_array plain_10k"))]
fn append_array(mut batch: Batch) -> Batch {
    black_box(batch.append());
    batch
}

#[library_benchmark(setup = to_close)]
#[bench::none(args = (Compression::None), config = limits("close none"))]
#[bench::gzip(args = (Compression::Gzip), config = limits("close gzip"))]
#[bench::zstd(args = (Compression::Zstd), config = limits("close zstd"))]
fn close((body, compression): (FullBody, Compression)) -> (Vec<u8>, u64) {
    body.close(compression)
}

#[library_benchmark(setup = Chain::new)]
#[bench::flat(args = (Keys::Flat), config = limits("add_link flat"))]
#[bench::hourly(args = (Keys::HourlyWithHash), config = limits("add_link hourly"))]
fn add_link(mut chain: Chain) -> Chain {
    black_box(chain.add_link());
    chain
}

#[library_benchmark(setup = Chain::new)]
#[bench::flat(args = (Keys::Flat), config = limits("bucket flat"))]
#[bench::hourly(args = (Keys::HourlyWithHash), config = limits("bucket hourly"))]
fn bucket(chain: Chain) -> Option<TimeBucket> {
    (0..RECORDS as i64).map(|record| chain.bucket(black_box(TIMESTAMP + record))).max().flatten()
}

#[library_benchmark(setup = Chain::new)]
#[bench::flat(args = (Keys::Flat), config = limits("key flat"))]
#[bench::hourly(args = (Keys::HourlyWithHash), config = limits("key hourly"))]
fn key(chain: Chain) -> Pin {
    chain.key(black_box(7))
}

#[library_benchmark(setup = announced)]
#[bench::hourly(args = (), config = limits("read_key hourly"))]
fn read_key((chain, pin): (Chain, Pin)) -> Option<Pin> {
    chain.read_key(black_box(pin.key()), 7)
}

#[library_benchmark(setup = announcing)]
#[bench::hourly(args = (), config = limits("write_commit_metadata hourly"))]
fn write_commit_metadata((chain, commit): (Chain, Commit)) -> String {
    chain.commit_metadata(black_box(&commit))
}

#[library_benchmark(setup = committed)]
#[bench::hourly(args = (), config = limits("read_commit_metadata hourly"))]
fn read_commit_metadata(metadata: String) -> Option<CommitMetadata> {
    CommitMetadata::decode(black_box(metadata.as_bytes()))
}

#[library_benchmark(setup = Chain::new)]
#[bench::flat(args = (Keys::Flat), config = limits("object_metadata flat"))]
fn object_metadata(chain: Chain) -> HashMap<String, String> {
    chain.object_metadata(black_box(7))
}

fn paused(connectors: usize) -> Plane {
    let mut plane = Plane::new(connectors);
    plane.pause_one();
    plane
}

#[library_benchmark(setup = paused)]
#[bench::of_1k(args = (1_000), config = steady("reconcile of_1k"))]
#[bench::of_10k(args = (10_000), config = steady("reconcile of_10k"))]
fn reconcile(mut plane: Plane) -> Plane {
    plane.reconcile();
    plane
}

#[library_benchmark(setup = Plane::new)]
#[bench::of_1k(args = (1_000), config = steady("take_report of_1k"))]
#[bench::of_10k(args = (10_000), config = steady("take_report of_10k"))]
fn take_report(mut plane: Plane) -> Plane {
    plane.take_report();
    plane
}

library_benchmark_group!(name = records, benchmarks = [append_lines, append_array, bucket]);
library_benchmark_group!(name = objects, benchmarks = [close]);
library_benchmark_group!(
    name = links,
    benchmarks =
        [add_link, key, read_key, write_commit_metadata, read_commit_metadata, object_metadata]
);

library_benchmark_group!(name = control_plane, benchmarks = [reconcile, take_report]);

main!(library_benchmark_groups = [records, objects, links, control_plane]);
