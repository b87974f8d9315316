//! `reset-offsets`.

use kafka2oss_proto::v1;
use v1::offset_reset::To;

use crate::args::ResetOffsetsArgs;
use crate::client::{Client, Failure, input, names};

pub(super) async fn run(client: &Client, args: ResetOffsetsArgs) -> Result<(), Failure> {
    let request = client.request(request(args)?);
    let connector = client.connectors().reset_offsets(request).await?.into_inner();
    if client.is_json() {
        return client.print_json(&connector);
    }
    let name = names::short(&connector.name);
    Ok(client.out.line(format_args!(
        "{name} starts anew; let it go on with: kafka2oss connectors resume {name}"
    ))?)
}

fn request(args: ResetOffsetsArgs) -> Result<v1::ResetOffsetsRequest, Failure> {
    let ResetOffsetsArgs { name, earliest, latest, timestamp, offsets, etag, repeat } = args;
    let to = match timestamp {
        Some(time) => To::Timestamp(timestamp_message(time)),
        None if earliest => To::Earliest(()),
        None if latest => To::Latest(()),
        None => To::Offsets(v1::PartitionOffsets {
            offsets: input::by_partition(offsets)?.into_iter().collect(),
        }),
    };
    Ok(v1::ResetOffsetsRequest {
        name: names::connector(&name.name, name.instance.as_deref())?.to_string(),
        reset: Some(v1::OffsetReset { to: Some(to) }),
        etag: etag.unwrap_or_default(),
        request_id: repeat.id(),
        ..Default::default()
    })
}

/// A message counts the nanoseconds from the second below, also before 1970.
fn timestamp_message(time: jiff::Timestamp) -> prost_types::Timestamp {
    let (seconds, nanos) = (time.as_second(), time.subsec_nanosecond());
    if nanos < 0 {
        prost_types::Timestamp { seconds: seconds - 1, nanos: nanos + 1_000_000_000 }
    } else {
        prost_types::Timestamp { seconds, nanos }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::{Cli, Command, ConnectorsArgs, ConnectorsCommand};
    use clap::Parser;

    fn parse(flags: &[&str]) -> Result<ResetOffsetsArgs, clap::Error> {
        let args = ["kafka2oss", "connectors", "reset-offsets", "dev/a"].iter().chain(flags);
        match Cli::try_parse_from(args)?.command {
            Command::Connectors(ConnectorsArgs {
                command: ConnectorsCommand::ResetOffsets(args),
                ..
            }) => Ok(args),
            _ => panic!("another command"),
        }
    }

    #[test]
    fn each_way_to_say_where_reaches_the_message() {
        let at = prost_types::Timestamp { seconds: 1_769_900_400, nanos: 500_000_000 };
        let before_1970 = prost_types::Timestamp { seconds: -1, nanos: 500_000_000 };
        let offsets = v1::PartitionOffsets { offsets: [(0, 7), (3, 0)].into() };
        for (flags, to) in [
            (&["--earliest"][..], To::Earliest(())),
            (&["--latest"], To::Latest(())),
            (&["--timestamp=2026-01-31T23:00:00.5Z"], To::Timestamp(at)),
            (&["--timestamp=1969-12-31T23:59:59.5Z"], To::Timestamp(before_1970)),
            (&["--offset=0=7", "--offset=3=0", "--offset=0=7"], To::Offsets(offsets)),
        ] {
            let request = request(parse(flags).expect("it parses")).expect("it is built");
            assert_eq!(request.reset.and_then(|reset| reset.to), Some(to), "{flags:?}");
        }
    }

    #[test]
    fn one_way_is_named_and_no_partition_twice() {
        for flags in [&[][..], &["--earliest", "--latest"], &["--latest", "--offset=0=1"]] {
            assert!(parse(flags).is_err(), "{flags:?}");
        }
        let twice = parse(&["--offset=0=1", "--offset=0=2"]).expect("it parses");
        assert_eq!(request(twice).expect_err("it is refused").exit_status(), 2);
    }
}
