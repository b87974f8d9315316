//! `kafka2oss agents`.

use kafka2oss_proto::v1;

use super::{Client, Failure, names, paging, text};
use crate::args::{AgentsArgs, AgentsCommand, RebalanceArgs};
use crate::output;

/// Runs one command.
pub(crate) async fn run(args: AgentsArgs) -> Result<(), Failure> {
    let client = Client::connect(&args.options).await?;
    match args.command {
        AgentsCommand::List => list(&client).await,
        AgentsCommand::Rebalance(args) => rebalance(&client, args).await,
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
            id(&agent.name),
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

async fn rebalance(client: &Client, args: RebalanceArgs) -> Result<(), Failure> {
    let RebalanceArgs { vpc_id, vswitch_id, plan } = args;
    let pool = (vpc_id.is_some() || vswitch_id.is_some()).then(|| v1::AgentPool {
        vpc_id: vpc_id.unwrap_or_default(),
        vswitch_id: vswitch_id.unwrap_or_default(),
    });
    let request = client.request(v1::RebalanceRequest { pool, validate_only: plan });
    let answer = client.agents().rebalance(request).await?.into_inner();
    if client.is_json() {
        return client.print_json(&answer);
    }
    if answer.move_count == 0 {
        return Ok(client.out.line("nothing to move")?);
    }
    let mut table = output::table(&["CONNECTOR", "TASK", "FROM", "TO"]);
    for one in &answer.moves {
        table.add_row([
            names::short(&one.connector),
            one.index.to_string(),
            id(&one.from_agent),
            id(&one.to_agent),
        ]);
    }
    client.out.table(&table)?;
    let tasks = text::plural(answer.move_count.into(), "task");
    let what = if plan { "would move; none does" } else { "move, a few at a time" };
    Ok(client.out.line(format_args!("{tasks} {what}"))?)
}

/// The bare ID.
fn id(name: &str) -> String {
    name.strip_prefix("agents/").unwrap_or(name).to_owned()
}
