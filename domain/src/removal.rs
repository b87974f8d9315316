//! How removing what a deleted connector had is kept from what was made anew under its
//! names.

use std::time::Duration;

/// An agent removes something only so long after it has asked whether the control plane
/// listens on the stream of the command, by a clock that goes on while it stands still.
pub const HEARD_FOR: Duration = Duration::from_secs(10);
