//! `kafka2oss agents`.

use std::collections::BTreeMap;

use comfy_table::Table;
use kafka2oss_proto::v1;

use v1::watch_agents_response::Event;

use super::live::{self, Change};
use super::selection::quoted;
use super::watching::{self, Lines};
use super::{Client, Failure, Selection, names, paging, text};
use crate::args::{AgentsArgs, AgentsCommand, ListFlags, RebalanceArgs};
use crate::output;

/// Runs one command.
pub(crate) async fn run(args: AgentsArgs) -> Result<(), Failure> {
    let client = Client::connect(&args.options).await?;
    match args.command {
        AgentsCommand::List { list: flags, watch } => {
            let selection = Selection::new(flags, &[]);
            match watch.watch {
                true => watch_all(&client, &selection).await,
                false => list(&client, &selection).await,
            }
        }
        AgentsCommand::Watch { filter } => {
            let flags = ListFlags { filter, ..ListFlags::default() };
            watch(&client, &Selection::new(flags, &[])).await
        }
        AgentsCommand::Get { name, watch } => {
            let name = names::agent(&name)?.to_string();
            if watch.watch {
                let one = [format!("name = {}", quoted(&name))];
                return watch_all(&client, &Selection::new(ListFlags::default(), &one)).await;
            }
            let request = client.request(v1::GetAgentRequest { name });
            show(&client, &client.agents().get_agent(request).await?.into_inner())
        }
        AgentsCommand::Drain { name, repeat } => {
            let name = names::agent(&name)?.to_string();
            let request = client.request(v1::DrainAgentRequest { name, request_id: repeat.id() });
            changed(&client, &client.agents().drain_agent(request).await?.into_inner())
        }
        AgentsCommand::Undrain { name, repeat } => {
            let name = names::agent(&name)?.to_string();
            let request = client.request(v1::UndrainAgentRequest { name, request_id: repeat.id() });
            changed(&client, &client.agents().undrain_agent(request).await?.into_inner())
        }
        AgentsCommand::Forget { name, repeat } => {
            let name = names::agent(&name)?.to_string();
            let request = client
                .request(v1::ForgetAgentRequest { name: name.clone(), request_id: repeat.id() });
            client.agents().forget_agent(request).await?;
            if client.is_json() {
                Ok(())
            } else {
                Ok(client.out.line(format_args!("{name} forgotten"))?)
            }
        }
        AgentsCommand::Rebalance(args) => rebalance(&client, args).await,
    }
}

async fn list(client: &Client, selection: &Selection) -> Result<(), Failure> {
    let agents = paging::all(async |page_token| {
        let request = v1::ListAgentsRequest {
            page_size: paging::PAGE_SIZE,
            page_token,
            filter: selection.filter.clone(),
            order_by: selection.order_by.clone(),
        };
        let page = client.agents().list_agents(client.request(request)).await?.into_inner();
        Ok((page.agents, page.next_page_token))
    })
    .await
    .map_err(|status| selection.failure(status))?;
    if client.print_names(agents.iter().map(|agent| agent.name.as_str()))? {
        return Ok(());
    }
    if client.is_json() {
        return client.print_json(&v1::ListAgentsResponse { agents, ..Default::default() });
    }
    Ok(client.out.table(&table(&agents, client.is_wide()))?)
}

const COLUMNS: [&str; 9] =
    ["AGENT", "STATE", "VPC", "VSWITCH", "REGION", "TASKS", "CONNECTORS", "LAST SEEN", "VERSION"];

/// What a wide table has behind the other columns.
const MORE: [&str; 6] = ["PARTITIONS", "BUDGET", "CPU", "CONNECTED", "DRAIN", "FEATURES"];

/// One row for each agent.
pub(super) fn table<'a>(agents: impl IntoIterator<Item = &'a v1::Agent>, is_wide: bool) -> Table {
    let more: &[&str] = if is_wide { &MORE } else { &[] };
    let mut table = output::table(&[&COLUMNS, more].concat());
    for agent in agents {
        let mut row = vec![
            id(&agent.name),
            state(agent),
            text::or_none(&agent.vpc_id),
            text::or_none(&agent.vswitch_id),
            text::or_none(&agent.region_id),
            format!("{}/{}", agent.tasks, agent.capacity),
            agent.connectors.len().to_string(),
            text::age(agent.last_seen_time.as_ref()),
            version(agent),
        ];
        if is_wide {
            row.extend([
                text::optional(agent.partitions),
                text::optional(agent.load.as_ref().map(budget)),
                text::optional(agent.load.as_ref().map(processors)),
                text::age(agent.connect_time.as_ref()),
                text::or_none(agent.drain.as_ref().map_or("", |drain| &drain.message)),
                text::or_none(&agent.features.join(",")),
            ]);
        }
        table.add_row(row);
    }
    table
}

/// What a list has, as a table that is rewritten in place on a terminal, else as lines.
async fn watch_all(client: &Client, selection: &Selection) -> Result<(), Failure> {
    selection.has_no_order()?;
    if !client.is_live() {
        return watch(client, selection).await;
    }
    let open = async |resume_token| {
        let filter = selection.filter.clone();
        client.agents().watch_agents(v1::WatchAgentsRequest { resume_token, filter }).await
    };
    let change = |message: v1::WatchAgentsResponse| {
        Ok(match message.event {
            Some(Event::Upsert(agent)) => Change::Upsert(agent.name.clone(), agent),
            Some(Event::Deleted(deleted)) => Change::Drop(deleted.name),
            Some(Event::Reset(())) => Change::Reset,
            Some(Event::Synced(())) => Change::Synced,
            Some(Event::Heartbeat(())) | None => Change::Nothing,
        })
    };
    let rows = |rows: &BTreeMap<_, _>| table(rows.values(), client.is_wide());
    live::show(client, selection, open, |message| &message.resume_token, change, rows).await
}

async fn watch(client: &Client, selection: &Selection) -> Result<(), Failure> {
    if !client.is_json() {
        client.out.line(header())?;
    }
    let open = async |resume_token| {
        let filter = selection.filter.clone();
        client.agents().watch_agents(v1::WatchAgentsRequest { resume_token, filter }).await
    };
    let mut lines = Lines::default();
    let take = |message| show_event(client, &mut lines, message);
    let lost = watching::note_lost;
    watching::follow(selection, open, |message| &message.resume_token, take, lost).await
}

fn show_event(
    client: &Client,
    lines: &mut Lines,
    message: v1::WatchAgentsResponse,
) -> Result<(), Failure> {
    if client.is_json() {
        return client.print_json_line(&message);
    }
    match message.event {
        Some(Event::Upsert(agent)) => {
            let line = line(&agent);
            lines.print(client, agent.name, line)
        }
        Some(Event::Deleted(deleted)) => {
            let line = format!("{:<32}  {}", id(&deleted.name), text::dropped(deleted.reason()));
            lines.print(client, deleted.name, line)
        }
        Some(Event::Reset(()) | Event::Synced(()) | Event::Heartbeat(())) | None => Ok(()),
    }
}

fn header() -> String {
    format!(
        "{:<8}  {:<32}  {:<12}  {:>9}  {:>10}  {:>10}  {:<12}  {}",
        "TIME", "AGENT", "STATE", "TASKS", "CONNECTORS", "PARTITIONS", "VERSION", "DRAIN"
    )
}

fn line(agent: &v1::Agent) -> String {
    let drain = agent.drain.as_ref().map(|drain| drain.message.as_str());
    let line = format!(
        "{:<32}  {:<12}  {:>9}  {:>10}  {:>10}  {:<12}  {}",
        id(&agent.name),
        state(agent),
        format!("{}/{}", agent.tasks, agent.capacity),
        agent.connectors.len(),
        text::optional(agent.partitions),
        version(agent),
        drain.unwrap_or_default(),
    );
    line.trim_end().to_owned()
}

fn show(client: &Client, agent: &v1::Agent) -> Result<(), Failure> {
    if client.print_names(std::iter::once(agent.name.as_str()))? {
        return Ok(());
    }
    if client.is_json() {
        return client.print_json(agent);
    }
    Ok(client.out.table(&output::properties(properties(agent)))?)
}

/// All that is known of it, for people.
pub(super) fn properties(agent: &v1::Agent) -> Vec<(&'static str, String)> {
    let connectors: Vec<_> = agent.connectors.iter().map(|name| names::short(name)).collect();
    let mut rows = vec![
        ("Name", agent.name.clone()),
        ("State", state(agent)),
        ("VPC", text::or_none(&agent.vpc_id)),
        ("vSwitch", text::or_none(&agent.vswitch_id)),
        ("Region", text::or_none(&agent.region_id)),
        ("Tasks", format!("{} of at most {}", agent.tasks, agent.capacity)),
        ("Partitions", text::optional(agent.partitions)),
        ("Connectors", text::or_none(&connectors.join(", "))),
        ("Version", version(agent)),
        ("Features", text::or_none(&agent.features.join(", "))),
        ("Connected", text::time(agent.connect_time.as_ref())),
        ("Last seen", text::time(agent.last_seen_time.as_ref())),
    ];
    if let Some(load) = &agent.load {
        rows.push(("Memory budget", budget(load)));
        if load.resident_bytes > 0 {
            rows.push(("Resident memory", text::bytes(load.resident_bytes)));
        }
        rows.push(("CPU", processors(load)));
    }
    if let Some(drain) = &agent.drain {
        rows.push(("Drains since", text::time(drain.start_time.as_ref())));
        rows.push(("Drain", drain.message.clone()));
    }
    rows
}

/// What of its memory budget is in use: `12 MiB of 256 MiB`.
fn budget(load: &v1::AgentLoad) -> String {
    let (used, all) = (load.memory_used_bytes, load.memory_budget_bytes);
    format!("{} of {}", text::bytes(used), text::bytes(all))
}

/// Processors that it keeps busy: `1.5 of 4`, or `1.5` where nobody knows of how many.
fn processors(load: &v1::AgentLoad) -> String {
    match load.cpu_count {
        0 => format!("{:.2}", load.cpu_cores),
        count => format!("{:.2} of {count}", load.cpu_cores),
    }
}

/// Says what has become of an agent.
fn changed(client: &Client, agent: &v1::Agent) -> Result<(), Failure> {
    if client.is_json() {
        return client.print_json(agent);
    }
    let what = match &agent.drain {
        Some(drain) => format!("{}: {}", state(agent), drain.message),
        None => "takes tasks".to_owned(),
    };
    Ok(client.out.line(format_args!("{} {what}", agent.name))?)
}

/// Whether it is there, and how far it has drained.
fn state(agent: &v1::Agent) -> String {
    let state = text::agent_state(agent.state);
    let drain = agent.drain.as_ref().map(|drain| text::agent_drain_state(drain.state));
    match drain {
        None => state,
        Some(drain) if agent.state() == v1::AgentState::Connected => drain,
        Some(drain) => format!("{state}, {drain}"),
    }
}

/// Its version, and how that differs from the control plane's.
fn version(agent: &v1::Agent) -> String {
    let version = text::or_none(&agent.version);
    match agent.version_skew() {
        v1::AgentVersionSkew::Older => format!("{version} (older)"),
        v1::AgentVersionSkew::Newer => format!("{version} (newer)"),
        v1::AgentVersionSkew::Same | v1::AgentVersionSkew::Unspecified => version,
    }
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
    let tasks = text::plural(answer.move_count, "task");
    let what = if plan { "would move; none does" } else { "move, a few at a time" };
    Ok(client.out.line(format_args!("{tasks} {what}"))?)
}

/// The bare ID.
fn id(name: &str) -> String {
    name.strip_prefix("agents/").unwrap_or(name).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wide_table_has_more_columns_behind_the_others() {
        let agent = v1::Agent {
            name: "agents/a".to_owned(),
            state: v1::AgentState::Connected.into(),
            partitions: Some(6),
            load: Some(v1::AgentLoad {
                memory_budget_bytes: 256 << 20,
                memory_used_bytes: 3 << 19,
                resident_bytes: 64 << 20,
                cpu_cores: 1.5,
                cpu_count: 4,
            }),
            features: vec!["x".to_owned(), "y".to_owned()],
            ..Default::default()
        };
        let lines: Vec<_> = table([&agent], true).lines().collect();
        assert!(lines[0].contains(
            "VERSION  PARTITIONS  BUDGET              CPU        CONNECTED  DRAIN  FEATURES"
        ));
        assert!(
            lines[1].contains(
                "-        6           1.5 MiB of 256 MiB  1.50 of 4  -          -      x,y"
            ),
            "{}",
            lines[1]
        );
        let rows = properties(&agent);
        assert!(rows.contains(&("Resident memory", "64 MiB".to_owned())), "{rows:?}");
        assert_eq!(
            table([&agent], false).lines().next().map(|line| line.contains("DRAIN")),
            Some(false)
        );
    }

    #[test]
    fn lines_of_a_watch_stand_under_the_header() {
        let drain = v1::AgentDrain {
            state: v1::AgentDrainState::Draining.into(),
            message: "2 tasks stay".to_owned(),
            ..Default::default()
        };
        let line = line(&v1::Agent {
            name: "agents/a".to_owned(),
            state: v1::AgentState::Connected.into(),
            tasks: 2,
            capacity: 64,
            version: "0.1.0".to_owned(),
            drain: Some(drain),
            ..Default::default()
        });
        let line = format!("12:00:00  {line}");
        let column = |name: &str| header().find(name).expect("a column");
        assert!(line[column("AGENT")..].starts_with("a "), "{line}");
        assert!(line[column("STATE")..].starts_with("DRAINING"), "{line}");
        assert!(line[..column("TASKS") + "TASKS".len()].ends_with("2/64"), "{line}");
        assert!(line[column("VERSION")..].starts_with("0.1.0"), "{line}");
        assert!(line[column("DRAIN")..].starts_with("2 tasks stay"), "{line}");
    }
}
