//! The reference backend of the wallet: verifies codes, decides, and settles payments in a
//! double-entry ledger, at once, exactly once, durably.
//!
//! Follow a payment: [`http`] reads the request, [`service`] verifies the code, [`worker`]
//! batches it, [`domain::settle`] decides, [`store`] writes.

pub mod clock;
pub mod domain;
pub mod entropy;
pub mod http;
pub mod issuer;
pub mod logging;
pub mod metrics;
pub mod outbound;
mod priority;
mod private_file;
mod server;
pub mod service;
mod settings;
pub mod store;
#[cfg(test)]
mod wished;
pub mod worker;

pub use server::{OperatorEndpoint, Server, StartError};
pub use settings::{
    DEFAULT_TOML, DeviceSettings, EnvelopeSettings, JournalSettings, LimitSettings, LogFormat,
    LogSettings, MerchantCodeSettings, PinSettings, RateLimitSettings, RateSettings, Registration,
    Settings, SettingsError, WebhookSettings,
};
