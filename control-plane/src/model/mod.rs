//! Decisions, and nothing else: no I/O, no clock, no async. What is known
//! comes in as values, time too; what follows from it goes out as values.
//!
//! - [`lifecycle`]: which action is allowed in which desired state.
//! - [`rules`]: rules of a spec that need its instance and settings.
//! - [`placement`]: which agent runs which task, and how many move at once.
//! - [`lease`]: which agents have not been heard of for too long.
//! - [`deletion`]: whom a deletion waits for.
//! - [`lessons`]: what reports teach for good.
//! - [`positions`]: which partitions there can be; where they go on that a reset does not name.
//! - [`status`]: what is shown of a connector.
//! - [`progress`]: how far each partition is, from several agents' reports.
//! - [`flush`]: whether what stood in a topic stands in objects, and in which.
//! - [`flowing`]: whether each partition flows.
//! - [`fields`]: by what lists and watches filter and order.
//!
//! Nothing here depends on another module of the control plane. What agents report and what
//! is shown are messages in which neither side has a choice, so that they come in and go out
//! as they are: statuses of 20,000 partitions are made once and copied nowhere.

pub(crate) mod deletion;
pub(crate) mod drain;
pub(crate) mod fields;
pub(crate) mod flowing;
pub(crate) mod flush;
pub(crate) mod lease;
pub(crate) mod lessons;
pub(crate) mod lifecycle;
pub(crate) mod placement;
pub(crate) mod positions;
pub(crate) mod progress;
pub(crate) mod rules;
pub(crate) mod status;
pub(crate) mod totals;
pub(crate) mod version;
