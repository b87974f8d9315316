//! The sink against stores: the OSS emulator (`oss`, `oss_failures`), MinIO
//! (`minio`, which `tests/run` puts in place), reading back on both (`reading`),
//! and single answers that no store gives on demand (`answers`).

// In a test, an unwrap is its failure.
#![allow(clippy::unwrap_used)]

mod answers;
mod minio;
mod oss;
mod oss_failures;
mod reading;
mod support;
