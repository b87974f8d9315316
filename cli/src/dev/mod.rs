//! `kafka2oss dev`: Kafka, object store, control plane and an agent in one
//! process.
//!
//! [`settings`] says what is asked for; [`services`] starts and stops it, of
//! [`kafka`] and [`store`], which are embedded or real; [`banner`] tells how to
//! reach it; [`demo`] shows it at work, as a client like any other.

mod banner;
mod bucket;
mod demo;
mod embedded_admin;
mod interrupt;
mod kafka;
mod logging;
mod screen;
mod services;
mod settings;
mod store;

use std::time::Instant;

use demo::Demo;
use interrupt::Interrupt;
use screen::Screen;
use services::Services;
use settings::Settings;

use crate::args::DevArgs;
use crate::client::Failure;

/// Runs until Ctrl-C, or to the end of the demo.
pub(crate) async fn run(args: DevArgs) -> Result<(), Failure> {
    let screen = Screen::since(Instant::now());
    let settings = Settings::try_from(args)?;
    logging::start(settings.verbose);
    carry_out(screen, settings).await.map_err(|error| Failure::Failed(format!("{error:#}")))
}

async fn carry_out(screen: Screen, settings: Settings) -> anyhow::Result<()> {
    let mut interrupt = Interrupt::listen()?;
    screen.title("kafka2oss dev: everything in this process; Ctrl-C stops it")?;
    // Interrupted in the middle: what has started stops when it is dropped.
    let services = tokio::select! {
        services = Services::start(&settings) => services?,
        () = interrupt.next() => return Ok(()),
    };
    let result = serve(screen, &settings, &services, &mut interrupt).await;
    interrupt.end_at_once_from_now_on();
    if services.forgets_what_kafka_keeps() {
        // Only words: not being able to say them changes nothing.
        let _ = services.show_what_stays(screen).await;
    }
    let stopped = services.stop(screen).await;
    result.and(stopped)
}

async fn serve(
    screen: Screen,
    settings: &Settings,
    services: &Services,
    interrupt: &mut Interrupt,
) -> anyhow::Result<()> {
    banner::show(screen, services, &settings.topics)?;
    let Some(request) = &settings.demo else {
        banner::show_create_line(screen, services, &settings.topics)?;
        return tokio::select! {
            ended = services.one_failed() => Err(ended),
            () = interrupt.next() => Ok(()),
        };
    };
    let demo = Demo::new(screen, services, request.records);
    let result = tokio::select! {
        result = demo.run(request.exit) => result,
        ended = services.one_failed() => Err(ended),
        // Whoever asked for the judgement did not get it.
        () = interrupt.next() => match request.exit {
            true => Err(anyhow::anyhow!("interrupted before the end of the demo")),
            false => Ok(()),
        },
    };
    // The control plane forgets it; a real Kafka would not.
    if services.forgets_what_kafka_keeps() {
        tokio::select! {
            () = demo.clean_up() => {}
            () = interrupt.next() => {}
        }
    }
    result
}
