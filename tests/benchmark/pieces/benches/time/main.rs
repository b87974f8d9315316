//! How long the pieces take here and now: `cargo bench -p kafka2oss-pieces --bench
//! time`. Throughput of records is that of their values' bytes.

#![allow(missing_docs)] // `criterion_group!` makes public functions.

use std::hint::black_box;
use std::time::Duration;

use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use kafka2oss_chain::CommitMetadata;
use kafka2oss_format::{Compression, Format};
use kafka2oss_pieces::chain::{Chain, Keys, TIMESTAMP, announcement};
use kafka2oss_pieces::object::{FullBody, crc32c, crc64, sha256};
use kafka2oss_pieces::records::{Batch, Content};

/// The usual size of an object.
const OBJECT_BYTES: usize = 8 << 20;

/// Values of a batch: more than the inner caches hold.
const BATCH_BYTES: usize = 4 << 20;

fn append(criterion: &mut Criterion) {
    for (format, format_name) in
        [(Format::JsonArray, "append_array"), (Format::JsonLines, "append_lines")]
    {
        let mut group = criterion.benchmark_group(format_name);
        for (content, content_name) in Content::ALL {
            for size in [100, 1_000, 10_000] {
                let mut batch = Batch::new(format, content, size, BATCH_BYTES / size);
                group.throughput(Throughput::ElementsAndBytes {
                    elements: batch.count() as u64,
                    bytes: batch.value_bytes() as u64,
                });
                group.bench_function(BenchmarkId::new(content_name, size), |bencher| {
                    bencher.iter(|| black_box(batch.append()).len());
                });
            }
        }
    }
}

fn close(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("close");
    group.throughput(Throughput::Bytes(OBJECT_BYTES as u64));
    for (compression, name) in
        [(Compression::None, "none"), (Compression::Gzip, "gzip"), (Compression::Zstd, "zstd")]
    {
        let full = FullBody::new(Content::Json, OBJECT_BYTES);
        group.bench_function(name, |bencher| {
            let close = |body: FullBody| body.close(compression);
            bencher.iter_batched(|| full.copy(), close, BatchSize::PerIteration);
        });
    }
}

fn checksum(criterion: &mut Criterion) {
    let body = FullBody::new(Content::Json, OBJECT_BYTES);
    let mut group = criterion.benchmark_group("checksum");
    group.throughput(Throughput::Bytes(OBJECT_BYTES as u64));
    group.bench_function("crc64", |bencher| bencher.iter(|| crc64(body.content())));
    group.bench_function("crc32c", |bencher| bencher.iter(|| crc32c(body.content())));
    group.bench_function("sha256", |bencher| bencher.iter(|| sha256(body.content())));
}

fn chain(criterion: &mut Criterion) {
    for (keys, name) in [(Keys::Flat, "chain_flat"), (Keys::HourlyWithHash, "chain_hourly")] {
        let mut group = criterion.benchmark_group(name);
        let chain = Chain::new(keys);
        let pin = chain.key(7);
        let commit = announcement(7, pin.clone());
        let metadata = chain.commit_metadata(&commit);
        let mut moving = chain.clone();
        group.bench_function("add_link", |bencher| bencher.iter(|| moving.add_link()));
        group.bench_function("bucket", |bencher| {
            bencher.iter(|| chain.bucket(black_box(TIMESTAMP)));
        });
        group.bench_function("key", |bencher| bencher.iter(|| chain.key(black_box(7))));
        group.bench_function("read_key", |bencher| {
            bencher.iter(|| chain.read_key(black_box(pin.key()), 7));
        });
        group.bench_function("write_commit_metadata", |bencher| {
            bencher.iter(|| chain.commit_metadata(black_box(&commit)));
        });
        group.bench_function("read_commit_metadata", |bencher| {
            bencher.iter(|| CommitMetadata::decode(black_box(metadata.as_bytes())));
        });
        group.bench_function("object_metadata", |bencher| {
            bencher.iter(|| chain.object_metadata(black_box(7)));
        });
    }
}

/// Fewer and shorter samples than Criterion's own hundred of five seconds: all
/// the pieces take minutes then, not a quarter of an hour.
fn settings() -> Criterion {
    Criterion::default()
        .sample_size(20)
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2))
}

criterion_group! {
    name = pieces;
    config = settings();
    targets = append, close, checksum, chain
}
criterion_main!(pieces);
