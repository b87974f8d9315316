//! What is shown: of each connector and each agent as it is, to those who watch what
//! changes, and of a connector's last log lines and dead letters.
//!
//! ```text
//! facts -> publish -> board (a row a connector, what changed) -> lists
//!                                                             -> watcher -> message
//! agents -> publish -> board (a row an agent, what changed) -> watcher -> message
//! ```
//!
//! A status is worked out once a change, by `publish`, from what `facts` gathers;
//! whoever reads or watches shares what the board keeps, down to the bytes.

mod agenda;
mod agents;
mod board;
mod changes;
mod facts;
mod followers;
mod message;
mod observed;
mod publish;
mod shown;
mod tape;
mod tapes;
mod touched;
mod watchable;
mod watcher;

pub(crate) use board::Board;
pub(crate) use message::Message;
pub(crate) use observed::Observed;
pub(crate) use publish::{publish, publish_agents};
pub(crate) use shown::{Partitions, Shown};
pub(crate) use tape::{KEPT, Piece, Read};
pub(crate) use tapes::{Follower, Keeper, Tapes};
pub(crate) use watchable::Row;
pub(crate) use watcher::{Watched, Watcher};
