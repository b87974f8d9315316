//! `kafka2oss connectors`.

mod create;
mod list;
mod progress;
mod spec;
mod tail;
mod test_message;
mod transitions;
mod watch;

use super::{Client, Failure};
use crate::args::{ConnectorsArgs, ConnectorsCommand};

/// Runs one command.
pub(crate) async fn run(args: ConnectorsArgs) -> Result<(), Failure> {
    let client = Client::connect(&args.options).await?;
    match args.command {
        ConnectorsCommand::Create(args) => create::create(&client, *args).await,
        ConnectorsCommand::Preview(args) => create::preview(&client, *args).await,
        ConnectorsCommand::Get(args) => list::get(&client, args).await,
        ConnectorsCommand::List { instance, states } => list::list(&client, instance, states).await,
        ConnectorsCommand::Update(args) => transitions::update(&client, args).await,
        ConnectorsCommand::Deploy(args) => transitions::deploy(&client, args).await,
        ConnectorsCommand::Pause(args) => transitions::pause(&client, args).await,
        ConnectorsCommand::Resume(args) => transitions::resume(&client, args).await,
        ConnectorsCommand::Delete(args) => transitions::delete(&client, args).await,
        ConnectorsCommand::Watch(args) => watch::run(&client, args).await,
        ConnectorsCommand::Logs(args) => tail::logs(&client, args).await,
        ConnectorsCommand::DeadLetters(args) => tail::dead_letters(&client, args).await,
        ConnectorsCommand::Test(args) => test_message::run(&client, args).await,
        ConnectorsCommand::Progress(args) => progress::run(&client, args).await,
    }
}
