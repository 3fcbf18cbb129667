//! What runs beside the requests: bounded queues, one loop a file.

mod batcher;
mod leases;
mod notifier;
mod retention;
mod sequencer;

pub use batcher::{BATCH_MAX, Batcher, BatcherParts, Ended, Unsettled};
pub use leases::Leases;
pub use notifier::{Announcer, Notifier, Waiter};
pub use retention::Retention;
pub use sequencer::Sequencer;
