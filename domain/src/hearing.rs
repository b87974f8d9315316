//! How what a command makes or removes is kept from what came after it under the same names.

use std::time::Duration;

/// An agent makes or removes something only so long after it has asked whether the control
/// plane listens on the stream of the command, by a clock that goes on while it stands still.
pub const HEARD_FOR: Duration = Duration::from_secs(10);
