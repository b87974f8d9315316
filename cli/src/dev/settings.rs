//! What is asked for, checked as far as the command line alone can be.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use kafka2oss_proto::v1::{self, secret::Source};

use crate::args::{DevArgs, Store};
use crate::client::Failure;

const ID_VARIABLE: &str = "AWS_ACCESS_KEY_ID";
const SECRET_VARIABLE: &str = "AWS_SECRET_ACCESS_KEY";
const TOKEN_VARIABLE: &str = "AWS_SESSION_TOKEN";
/// What stores that have no regions call theirs.
const DEFAULT_REGION: &str = "us-east-1";

/// What is asked for.
#[derive(Debug)]
pub(super) struct Settings {
    /// Where to serve gRPC; the usual port, or a free one, by default.
    pub(super) listen: Option<SocketAddr>,
    /// A real Kafka instead of the embedded one.
    pub(super) kafka: Option<String>,
    /// A real store instead of the emulator.
    pub(super) store: Option<RealStore>,
    /// Where to keep everything; a temporary directory by default.
    pub(super) keep: Option<PathBuf>,
    /// Topics to make where they are missing, with their partitions.
    pub(super) topics: Vec<(String, u32)>,
    pub(super) demo: Option<DemoRequest>,
    pub(super) verbose: bool,
}

#[derive(Debug)]
pub(super) struct DemoRequest {
    /// Records to produce.
    pub(super) records: u64,
    /// End after it.
    pub(super) exit: bool,
}

/// A bucket that exists.
#[derive(Debug, Clone)]
pub(super) struct RealStore {
    pub(super) store_type: v1::StoreType,
    pub(super) endpoint: String,
    pub(super) bucket: String,
    pub(super) region: String,
    /// References, which the agent in this process resolves.
    pub(super) access_key_id: v1::Secret,
    pub(super) access_key_secret: v1::Secret,
    pub(super) session_token: Option<v1::Secret>,
}

impl TryFrom<DevArgs> for Settings {
    type Error = Failure;

    fn try_from(args: DevArgs) -> Result<Self, Failure> {
        let DevArgs {
            demo,
            exit,
            records,
            topics,
            listen,
            kafka,
            endpoint,
            store_type,
            bucket,
            region,
            access_key_id_file,
            access_key_secret_file,
            keep,
            verbose,
        } = args;
        if listen.is_some_and(|listen| !listen.ip().is_loopback()) {
            return Err(Failure::Usage("--listen: dev serves loopback addresses only".to_owned()));
        }
        if let Some(kafka) = &kafka
            && !kafka.split(',').all(|server| server.contains(':'))
        {
            return Err(Failure::Usage(format!("--kafka `{kafka}` is not of the form HOST:PORT")));
        }
        let store = match (endpoint, bucket) {
            (Some(endpoint), Some(bucket)) => {
                let (access_key_id, access_key_secret, session_token) =
                    access_key(access_key_id_file.as_deref(), access_key_secret_file.as_deref())?;
                let store_type = match store_type {
                    Store::Oss => v1::StoreType::Oss,
                    Store::S3 => v1::StoreType::S3,
                };
                if store_type == v1::StoreType::Oss && region.is_none() {
                    return Err(Failure::Usage(
                        "--store-type oss needs --region, for example cn-hangzhou".to_owned(),
                    ));
                }
                Some(RealStore {
                    store_type,
                    endpoint,
                    bucket,
                    region: region.unwrap_or_else(|| DEFAULT_REGION.to_owned()),
                    access_key_id,
                    access_key_secret,
                    session_token,
                })
            }
            _ => None,
        };
        let keep = keep.as_deref().map(absolute).transpose()?;
        let demo = demo.then_some(DemoRequest { records, exit });
        Ok(Self { listen, kafka, store, keep, topics, demo, verbose })
    }
}

fn access_key(
    id: Option<&Path>,
    secret: Option<&Path>,
) -> Result<(v1::Secret, v1::Secret, Option<v1::Secret>), Failure> {
    if let (Some(id), Some(secret)) = (id, secret) {
        return Ok((file(id)?, file(secret)?, None));
    }
    let is_set = |variable: &str| std::env::var_os(variable).is_some_and(|value| !value.is_empty());
    for variable in [ID_VARIABLE, SECRET_VARIABLE] {
        if !is_set(variable) {
            return Err(Failure::Usage(format!(
                "--endpoint needs the AccessKey: set {ID_VARIABLE} and {SECRET_VARIABLE}, or give \
                 --access-key-id-file and --access-key-secret-file"
            )));
        }
    }
    let variable = |name: &str| reference(Source::Environment(name.to_owned()));
    let token = is_set(TOKEN_VARIABLE).then(|| variable(TOKEN_VARIABLE));
    Ok((variable(ID_VARIABLE), variable(SECRET_VARIABLE), token))
}

fn reference(source: Source) -> v1::Secret {
    v1::Secret { source: Some(source) }
}

fn file(path: &Path) -> Result<v1::Secret, Failure> {
    let absolute = absolute(path)?;
    absolute
        .to_str()
        .map(|path| reference(Source::File(path.to_owned())))
        .ok_or_else(|| Failure::Usage(format!("{} is not UTF-8", path.display())))
}

fn absolute(path: &Path) -> Result<PathBuf, Failure> {
    std::path::absolute(path)
        .map_err(|error| Failure::Usage(format!("{}: {error}", path.display())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::{Cli, Command};
    use clap::Parser;

    fn parsed(flags: &[&str]) -> Result<Settings, String> {
        let args = ["kafka2oss", "dev"].iter().chain(flags);
        let cli = Cli::try_parse_from(args).map_err(|error| error.to_string())?;
        let Command::Dev(args) = cli.command else { panic!("another command") };
        Settings::try_from(args).map_err(|failure| failure.to_string())
    }

    #[test]
    fn without_flags_everything_is_embedded() {
        let settings = parsed(&[]).expect("it is legal");
        assert!(settings.kafka.is_none() && settings.store.is_none() && settings.keep.is_none());
        assert!(settings.demo.is_none());
    }

    #[test]
    fn flags_that_make_no_sense_together_are_refused() {
        for (flags, word) in [
            (&["--keep=d"][..], "--kafka"),
            (&["--exit"], "--demo"),
            (&["--records=5"], "--demo"),
            (&["--endpoint=http://h:1"], "--bucket"),
            (&["--bucket=b"], "--endpoint"),
            (&["--kafka=host"], "HOST:PORT"),
            (&["--listen=0.0.0.0:7250"], "loopback"),
            (
                &["--endpoint=http://h:1", "--bucket=b", "--access-key-id-file=/id"],
                "--access-key-secret-file",
            ),
            (
                &[
                    "--endpoint=http://h:1",
                    "--bucket=b",
                    "--store-type=oss",
                    "--access-key-id-file=/id",
                    "--access-key-secret-file=/secret",
                ],
                "--region",
            ),
        ] {
            let error = parsed(flags).expect_err("it is refused");
            assert!(error.contains(word), "{flags:?}: {error}");
        }
    }

    #[test]
    fn a_real_store_is_s3_in_the_usual_region_unless_said_otherwise() {
        let settings = parsed(&[
            "--endpoint=http://127.0.0.1:9000",
            "--bucket=b",
            "--access-key-id-file=/id",
            "--access-key-secret-file=/secret",
        ])
        .expect("it is legal");
        let store = settings.store.expect("a real store");
        assert_eq!(store.store_type, v1::StoreType::S3);
        assert_eq!(store.region, "us-east-1");
        assert_eq!(store.access_key_secret, reference(Source::File("/secret".to_owned())));
    }

    #[test]
    fn a_real_kafka_may_be_kept() {
        let settings = parsed(&["--kafka=h:9092", "--keep=d"]).expect("it is legal");
        assert!(settings.keep.expect("a directory").is_absolute());
    }
}
