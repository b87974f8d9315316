//! An OSS emulator: an S3 server that differs from S3 where OSS's S3-compatible
//! API does.
//!
//! A request's way, in order: `server` (connections) -> `front` (addressing,
//! faults, the request log, OSS's error form) -> s3s (protocol and Signature V4)
//! -> `service` (the operations) -> `store` (memory or a directory).
//!
//! What it does as OSS does, and AWS S3 does not:
//! - virtual-hosted addressing only; path style is `SecondLevelDomainForbidden`;
//! - `x-oss-forbid-overwrite: true` makes a PUT create-only (`FileAlreadyExists`),
//!   unless versioning of the bucket is enabled or suspended: then the header is
//!   ignored, and the reply carries a version id;
//! - `If-None-Match` on a PUT is `NotImplemented`;
//! - aws-chunked bodies with trailers are `InvalidArgument`; DeleteObjects without
//!   Content-MD5 is `MissingArgument`;
//! - ETags are upper-case MD5, and replies carry `x-oss-hash-crc64ecma`
//!   (CRC-64/XZ, decimal) and `x-oss-request-id`;
//! - keys are 1-1023 bytes without a leading `/` or `\`, buckets 3-63 of `a-z0-9-`.
//!
//! What it leaves out (`NotImplemented`): multipart uploads, copies, ListObjects
//! version 1, ACLs, tags, lifecycle, reading of older versions (only the newest
//! is kept), STS tokens. A plain `x-amz-checksum-*` header is ignored: what OSS
//! does with it is not known.

mod access_keys;
mod address;
mod emulator;
mod fault;
mod faults;
mod front;
mod hold;
mod integrity;
mod listing;
mod naming;
mod operation;
mod refusal;
mod request_log;
mod server;
mod service;
mod store;

pub use emulator::{OssEmulator, OssOptions, StartError, Storage};
pub use fault::{Fault, Occurrence, RequestMatch, ThrottleCode};
pub use faults::{Faults, InjectedFault};
pub use hold::{HeldRequest, Hold};
pub use operation::Operation;
pub use request_log::{Counters, Outcome, RequestRecord};
pub use store::{ObjectMeta, StoreError, StoredObject, Versioning};
