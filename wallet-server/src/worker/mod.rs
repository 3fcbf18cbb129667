//! What runs beside the requests: bounded queues, one loop a file.

mod batcher;
mod devices;
mod engine;
mod expiry;
mod leases;
mod notifier;
mod retention;
mod sequencer;

#[cfg(test)]
pub(crate) use batcher::BatcherParts;
pub use batcher::{BATCH_MAX, Batcher, Unsettled};
pub use devices::{Devices, Unanswered};
pub use engine::{Engine, EngineError, EngineParts};
pub use expiry::{Expiry, ExpiryParts};
#[cfg(test)]
pub(crate) use notifier::Announcer;
pub use notifier::{Notifier, Waiter};
pub use retention::Retention;
