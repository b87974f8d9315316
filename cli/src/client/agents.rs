//! `kafka2oss agents`.

use kafka2oss_proto::v1;

use super::{Client, Failure, paging, text};
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
    let agents = paging::all(async |page_token| {
        let request = v1::ListAgentsRequest { page_size: paging::PAGE_SIZE, page_token };
        let page = client.agents().list_agents(client.request(request)).await?.into_inner();
        Ok((page.agents, page.next_page_token))
    })
    .await?;
    if client.is_json() {
        return client.print_json(&v1::ListAgentsResponse { agents, ..Default::default() });
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
    for agent in &agents {
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
