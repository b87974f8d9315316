//! `kafka2oss agents`.

use kafka2oss_proto::v1;

use super::{Client, Failure, text};
use crate::args::{AgentsArgs, AgentsCommand};
use crate::output;

/// Runs one command.
pub(crate) async fn run(args: AgentsArgs) -> Result<(), Failure> {
    let client = Client::connect(&args.options).await?;
    match args.command {
        AgentsCommand::List => list(&client).await,
    }
}

async fn list(client: &Client) -> Result<(), Failure> {
    let mut all = v1::ListAgentsResponse::default();
    loop {
        let request = client
            .request(v1::ListAgentsRequest { page_size: 1_000, page_token: all.next_page_token });
        let page = client.agents().list_agents(request).await?.into_inner();
        all.agents.extend(page.agents);
        all.next_page_token = page.next_page_token;
        if all.next_page_token.is_empty() {
            break;
        }
    }
    if client.is_json() {
        return client.print_json(&all);
    }
    let mut table = output::table(&[
        "AGENT",
        "STATE",
        "VPC",
        "VSWITCH",
        "REGION",
        "TASKS",
        "CONNECTORS",
        "LAST SEEN",
        "VERSION",
    ]);
    for agent in &all.agents {
        table.add_row([
            agent.name.strip_prefix("agents/").unwrap_or(&agent.name).to_owned(),
            text::agent_state(agent.state),
            text::or_none(&agent.vpc_id),
            text::or_none(&agent.vswitch_id),
            text::or_none(&agent.region_id),
            format!("{}/{}", agent.tasks, agent.capacity),
            agent.connectors.len().to_string(),
            text::age(agent.last_seen_time.as_ref()),
            text::or_none(&agent.version),
        ]);
    }
    Ok(client.out.table(&table)?)
}
