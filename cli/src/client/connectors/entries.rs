//! Which of a connector's lines or dead letters are asked for.

use crate::args::ListFlags;
use crate::client::selection::Selection;

/// What a flag says, and of `more` one, too.
pub(super) fn selection(filter: Option<String>, more: &[String]) -> Selection {
    Selection::new(ListFlags { filter, sort: None }, more)
}

pub(super) fn to_wire(time: jiff::Timestamp) -> prost_types::Timestamp {
    prost_types::Timestamp { seconds: time.as_second(), nanos: time.subsec_nanosecond() }
}
