//! `kafka2oss connectors`.

mod create;
mod dead_letters;
mod entries;
mod flush;
mod list;
mod logs;
mod progress;
mod reset_offsets;
mod resume_partition;
mod spec;
mod test_message;
mod transitions;
mod update;
mod validate;
mod watch;

use super::{Client, Failure};
use crate::args::{ConnectorsArgs, ConnectorsCommand, DeadLettersCommand};
pub(super) use dead_letters::table as dead_letter_table;
pub(super) use list::table as list_table;
pub(super) use logs::log_line;
pub(super) use progress::table as progress_table;
pub(super) use resume_partition::commands as resume_commands;
pub(super) use spec::credentials;
pub(super) use transitions::{await_connector, await_gone};

/// Runs one command.
pub(crate) async fn run(args: ConnectorsArgs) -> Result<(), Failure> {
    let client = Client::connect(&args.options).await?;
    match args.command {
        ConnectorsCommand::Create(args) => create::create(&client, *args).await,
        ConnectorsCommand::Preview(args) => create::preview(&client, *args).await,
        ConnectorsCommand::Validate(args) => validate::run(&client, *args).await,
        ConnectorsCommand::Get { name, watch } => list::get(&client, name, watch.watch).await,
        ConnectorsCommand::List { instance, states, list, watch } => {
            list::list(&client, instance, &states, list, watch.watch).await
        }
        ConnectorsCommand::Update(args) => update::run(&client, *args).await,
        ConnectorsCommand::Deploy(args) => transitions::deploy(&client, args).await,
        ConnectorsCommand::Pause(args) => transitions::pause(&client, args).await,
        ConnectorsCommand::Resume(args) => transitions::resume(&client, args).await,
        ConnectorsCommand::Flush(args) => flush::run(&client, args).await,
        ConnectorsCommand::ResumePartition(args) => resume_partition::run(&client, args).await,
        ConnectorsCommand::ResetOffsets(args) => reset_offsets::run(&client, args).await,
        ConnectorsCommand::Delete(args) => transitions::delete(&client, args).await,
        ConnectorsCommand::Watch(args) => watch::run(&client, args).await,
        ConnectorsCommand::Logs(args) => logs::run(&client, args).await,
        ConnectorsCommand::DeadLetters(DeadLettersCommand::List(args)) => {
            dead_letters::list(&client, args).await
        }
        ConnectorsCommand::DeadLetters(DeadLettersCommand::Tail(args)) => {
            dead_letters::tail(&client, args).await
        }
        ConnectorsCommand::Test(args) => test_message::run(&client, args).await,
        ConnectorsCommand::Progress { name, watch } => {
            progress::run(&client, name, watch.watch).await
        }
    }
}
