//! What runs beside the requests: bounded queues, one loop a file.

mod batcher;
mod notifier;

pub use batcher::{BATCH_MAX, Batcher, BatcherParts, Unsettled};
pub use notifier::{Notifier, Waiter};
