//! The sink against stores: the OSS emulator (`oss`, `oss_failures`), MinIO
//! (`minio`, `permissions`), reading back on both (`reading`), each error with its
//! remedy (`remedies`), and single answers that no store gives on demand (`answers`).

// In a test, an unwrap is its failure.
#![allow(clippy::unwrap_used)]

mod answers;
mod minio;
mod oss;
mod oss_failures;
mod permissions;
mod preflight;
mod reading;
mod remedies;
mod support;
