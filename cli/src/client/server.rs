//! `kafka2oss server`.

use kafka2oss_proto::v1;

use super::{Client, Failure, text};
use crate::args::{ServerArgs, ServerCommand};
use crate::output;

/// Runs one command.
pub(crate) async fn run(args: ServerArgs) -> Result<(), Failure> {
    let client = Client::connect(&args.options).await?;
    match args.command {
        ServerCommand::Info => {
            let request = client.request(v1::GetServerInfoRequest {});
            show(&client, &client.server().get_server_info(request).await?.into_inner())
        }
    }
}

fn show(client: &Client, info: &v1::ServerInfo) -> Result<(), Failure> {
    if client.is_json() {
        return client.print_json(info);
    }
    let limits = info.limits.clone().unwrap_or_default();
    let mut rows = vec![
        ("Version", text::or_none(&info.version)),
        ("Agents' protocol", protocol(info)),
        ("Store", text::or_none(&info.store_id)),
        ("Store epoch", info.store_epoch.to_string()),
        ("Started", text::time(info.start_time.as_ref())),
        ("Features", text::or_none(&info.features.join(", "))),
    ];
    rows.extend(shown(&limits));
    Ok(client.out.table(&output::properties(rows))?)
}

/// The versions of the agents' protocol.
fn protocol(info: &v1::ServerInfo) -> String {
    let (least, most) = (info.min_agent_protocol_version, info.max_agent_protocol_version);
    if least == most { least.to_string() } else { format!("{least} to {most}") }
}

fn shown(limits: &v1::ServerLimits) -> Vec<(&'static str, String)> {
    let of_peer = |all: i32, of_peer: i32| {
        format!("{}, {} of one address", text::count(all), text::count(of_peer))
    };
    let concurrency: Vec<_> = limits.allowed_concurrency.iter().map(i32::to_string).collect();
    let time = |duration: &Option<prost_types::Duration>| text::duration(duration.as_ref());
    let calls = of_peer(limits.max_calls, limits.max_calls_of_peer);
    let page = (text::count(limits.default_page_size), text::count(limits.max_page_size));
    let request_ids = text::count(limits.max_request_ids);
    vec![
        ("Thread concurrency", text::or_none(&concurrency.join(", "))),
        ("Agents' lease", time(&limits.agent_lease)),
        ("Heartbeat interval", time(&limits.heartbeat_interval)),
        ("Rebalance interval", time(&limits.rebalance_interval)),
        ("Page size", format!("{}, at most {}", page.0, page.1)),
        ("Request", format!("at most {}", text::bytes(limits.max_request_bytes))),
        ("Message", format!("at most {}", text::bytes(limits.max_message_bytes))),
        ("Test message", format!("key, value: {}", text::bytes(limits.max_test_message_bytes))),
        ("Requests at a time", text::count(limits.max_requests)),
        ("Request timeout", {
            let (given, most) = (&limits.request_timeout, &limits.max_request_timeout);
            format!("{}, at most {}", time(given), time(most))
        }),
        ("Calls", format!("{calls}, {} of a connection", limits.max_calls_of_connection)),
        ("Connections", of_peer(limits.max_connections, limits.max_connections_of_peer)),
        ("Watches", of_peer(limits.max_watches, limits.max_watches_of_peer)),
        ("Preflights", {
            let (most, timeout) =
                (limits.max_commands_of_preflight_agent, &limits.preflight_timeout);
            format!("{most} commands of an agent, {} each", time(timeout))
        }),
        ("Request IDs", {
            let lifetime = time(&limits.request_id_lifetime);
            let bytes = text::bytes(limits.max_request_id_bytes);
            format!("{request_ids} for {lifetime}, at most {bytes} each")
        }),
        ("Log lines", format!("{} of a connector", text::count(limits.max_log_lines))),
        ("Dead letters", format!("{} of a connector", text::count(limits.max_dead_letters))),
    ]
}
