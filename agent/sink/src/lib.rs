//! The edge to the object store: create-only puts, HEAD, reading back, and the
//! probe that decides the delivery guarantee, on OSS and S3.
//!
//! - `client`: [`ObjectStore`], one SDK client a destination over one shared
//!   connection pool; `credentials` and `resolver` are its parts.
//! - `put`, `head`, `get`, `list`, `probe`: one file a function of [`ObjectStore`].
//! - `dialect`: all that differs between OSS and S3.
//! - `reply`, `classify`, `misplaced`, `permission`, `error`: a store's answer,
//!   what it means, and how it is told: [`StoreError`].
//! - `integrity`: the checksums; `payload`: what of them a signature covers.
//! - `gate`: between a request's signature and its sending.
//!
//! A function is one attempt, and whoever calls it decides when the next one comes.
//! Only the probe repeats its requests by itself, for seconds.

mod classify;
mod client;
mod credentials;
mod dialect;
mod error;
mod gate;
mod get;
mod head;
mod integrity;
mod list;
mod misplaced;
mod payload;
mod permission;
mod probe;
mod put;
mod reply;
mod resolver;

pub use client::ObjectStore;
pub use credentials::CredentialsDigest;
pub use error::StoreError;
pub use get::ObjectBody;
pub use head::StoredObject;
pub use integrity::{Content, Sums, crc64};
pub use list::{ListPage, ListedObject, NextPage};
pub use probe::{LeftObject, Probe, Probed, fresh_probe_key};
pub use put::{NewObject, PutOutcome, StillAllowed};
