//! What runs beside the requests: bounded queues, one loop a file.

mod alarm;
mod batcher;
#[cfg(test)]
mod claims;
mod complaint;
mod database_log;
mod devices;
mod engine;
mod expiry;
mod journal_log;
mod key_uses;
mod leases;
mod merchant_feed;
mod nonces;
mod notifier;
mod pins;
mod retention;
mod sequencer;
mod test_payers;
mod trusted_clock;
mod webhooks;

pub use alarm::Alarm;
#[cfg(test)]
pub(crate) use batcher::BatcherParts;
pub use batcher::{BATCH_MAX, Batcher, Unsettled};
pub use devices::{Devices, Unanswered};
pub use engine::{Engine, EngineError, EngineParts};
pub use expiry::{Expiry, ExpiryParts};
pub use journal_log::{JournalLog, JournalLogParts};
pub use key_uses::{KeyUses, KeyUsesWriter, UsedKey};
pub use merchant_feed::{MerchantFeed, MerchantFeedParts};
pub use nonces::Nonces;
#[cfg(test)]
pub(crate) use notifier::Announcer;
pub use notifier::{Notifier, Party, Waiter};
pub use pins::{PinRules, PinUnanswered, Pins, PinsParts, Trier};
pub use retention::Retention;
pub use test_payers::{TestPayers, TestPayersParts};
pub use webhooks::{EventText, EventTexts, Webhooks, WebhooksParts};
