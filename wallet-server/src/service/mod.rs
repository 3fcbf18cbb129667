//! Use cases, one a file: what a request means, in terms of the rules and the books.

mod account;
mod api_keys;
pub mod audit;
pub mod books_export;
mod charge;
mod confirmations;
mod devices;
mod enrol;
mod envelopes;
mod factor;
mod identity;
mod journal;
mod lookups;
mod merchant_codes;
mod merchants;
mod payers;
mod payments;
mod payouts;
mod people;
mod pin;
mod rates;
mod readiness;
mod refunds;
mod register;
mod secrets;
mod set_pin;
mod standing;
mod statements;
mod test_clock;
mod test_codes;
mod test_decisions;
#[cfg(test)]
mod tests;
mod top_up;
mod totp;
mod transfers;
mod verifiers;
mod verify;
mod waiting;
mod webhooks;
mod withdrawals;

use std::sync::Arc;

use tokio::sync::Semaphore;
use wallet_core::code::CodePrefix;
use wallet_core::{Currency, DeviceKeyId, Timestamp};

use crate::clock::Clock;
use crate::domain::ids::ApiKeyId;
use crate::domain::settle::Rules;
use crate::entropy::Entropy;
use crate::issuer::IssuerKeys;
use crate::metrics::Metrics;
use crate::outbound::Client;
use crate::store::{ApiKey, Device, Nonce, Store};
use crate::worker::{Batcher, Devices, KeyUses, Nonces, Notifier, Pins, PinsParts, Unanswered};
use lookups::Lookups;
use rates::Buckets;
use readiness::Readiness;
use verifiers::Verifiers;

pub use account::Handle;
pub use api_keys::{ApiKeyScope, KeyRefused, Rotated};
pub use charge::ChargeRequest;
pub use devices::DeviceRules;
pub use enrol::{Enrolled, Joining};
pub use envelopes::{ClaimShown, EnvelopeRequest, EnvelopeShown};
pub use factor::{FactorRefused, SecondFactor};
pub use identity::ChangeRefused;
pub use journal::{NotProved, ProvedReceipt};
pub use merchant_codes::{
    KnownMerchantCode, MerchantCodeDefaults, MerchantCodePayment, NoMerchantCode, OrderRequest,
    ScannedCode, SignedMerchantCode,
};
pub use merchants::{NewMerchant, WithSecret};
pub use payers::payer_name;
pub use payouts::{BatchOutcome, PayoutActor, PayoutBatchEnd, PayoutRequest};
pub use people::{Person, RecipientName};
pub use pin::{Pin, PinRefused};
pub use rates::{RateLimit, RateLimits};
pub use readiness::NotReady;
pub use refunds::RefundRequest;
pub use register::Registering;
pub use secrets::{Secret, secret_hash};
pub use set_pin::PinProof;
pub use statements::{Statement, StatementOf};
pub use test_clock::{AHEAD_SECONDS_MAX, NotAdvanced, TestClock, TestTime};
pub use test_codes::{NoTestCode, TestCode};
pub use test_decisions::{NotDecided, TestDecision};
pub use top_up::TopUpRequest;
pub use transfers::{TransferRequest, TransferShown};
pub use webhooks::{
    EndpointWithSecret, NoEndpoint, NotReplayed, WEBHOOK_ENDPOINTS_MAX, WebhookRequest,
};
pub use withdrawals::{ShownWithdrawal, WithdrawalRequest};

/// How long a request to move money may wait before it is settled. A till gives up after some
/// seconds; what has not begun by then must not happen behind its back.
const DEADLINE_MILLIS: i64 = 10_000;

/// The most charges under way: as many as may wait for settlement and be in a batch. Whoever comes
/// later is told to come back before anything is computed or remembered for it.
const CHARGES_MAX: usize = 4096 + 512;

/// How many devices' keys are remembered: at 200 bytes each, 20 MB.
const DEVICES_REMEMBERED: usize = 100_000;

/// How long a nonce is kept after it was signed: far longer than the minute in which its signature
/// is taken, so that it is there still when another server's clock lags or ours is set back.
const NONCE_KEPT_MILLIS: i64 = 60 * 60 * 1000;

/// How many API keys are remembered: at 200 bytes each, 2 MB.
const API_KEYS_REMEMBERED: usize = 10_000;

/// Everything that use cases work with.
pub struct App {
    /// The books.
    pub store: Arc<Store>,
    /// The issuer's secrets.
    pub keys: Arc<dyn IssuerKeys>,
    /// The way into the ledger.
    pub batcher: Batcher,
    /// Wakes those who wait for events.
    pub notifier: Notifier,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// The same, if tests may move it.
    pub test_clock: Option<TestClock>,
    /// Randomness.
    pub entropy: Arc<Entropy>,
    /// The issuer's rules.
    pub rules: Rules,
    /// The issuer's rules for devices.
    pub device_rules: DeviceRules,
    /// How long shares of a red envelope can be claimed.
    pub envelope_life_millis: i64,
    /// What codes say about merchants of whom nothing else is known.
    pub merchant_codes: MerchantCodeDefaults,
    /// The issuer's currency.
    pub currency: Currency,
    /// What codes begin with.
    pub prefix: CodePrefix,
    /// Under which names devices reach the server, in lower case; empty for any.
    pub public_authorities: Vec<String>,
    /// The way to what merchants name.
    pub outbound: Client,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// What this process keeps to itself.
    pub(crate) own: Own,
}

/// What a process keeps in memory: nothing that the books depend on.
pub(crate) struct Own {
    /// Public keys never change once enrolled, and checking one costs as much as a signature.
    /// Whether a device is revoked is read where it matters, in the settling transaction.
    devices: quick_cache::sync::Cache<DeviceKeyId, Arc<Device>>,
    /// Where those that are not remembered are looked up.
    wanted_devices: Devices,
    /// Where nonces are used up.
    nonces: Nonces,
    /// Where PINs are checked.
    pins: Pins,
    /// Who an API key belongs to never changes. Whether it is revoked or over is read where it
    /// matters.
    api_keys: quick_cache::sync::Cache<[u8; 32], ApiKey>,
    /// How many requests each API key has left.
    api_key_buckets: Buckets<ApiKeyId>,
    /// How many requests each device has left.
    device_buckets: Buckets<DeviceKeyId>,
    /// What API keys are used for.
    key_uses: KeyUses,
    /// Where codes and signatures are checked.
    verifiers: Verifiers,
    /// How often devices look for other payers.
    lookups: Lookups,
    /// What the database last answered to whoever asked whether payments can be settled.
    readiness: Readiness,
    /// See [`CHARGES_MAX`].
    charges: Arc<Semaphore>,
}

impl Own {
    /// Nothing remembered, and threads that wait for work.
    ///
    /// # Errors
    /// When there cannot be another thread.
    pub(crate) fn start(parts: PinsParts, rates: RateLimits) -> std::io::Result<Self> {
        Ok(Self {
            devices: quick_cache::sync::Cache::new(DEVICES_REMEMBERED),
            wanted_devices: Devices::start(Arc::clone(&parts.store), &parts.alarm),
            nonces: Nonces::start(Arc::clone(&parts.store), &parts.alarm),
            key_uses: KeyUses::new(Arc::clone(&parts.store)),
            pins: Pins::start(parts)?,
            api_keys: quick_cache::sync::Cache::new(API_KEYS_REMEMBERED),
            api_key_buckets: Buckets::new(rates.api_keys, API_KEYS_REMEMBERED),
            device_buckets: Buckets::new(rates.devices, DEVICES_REMEMBERED),
            verifiers: Verifiers::start()?,
            lookups: Lookups::new(),
            readiness: Readiness::default(),
            charges: Arc::new(Semaphore::new(CHARGES_MAX)),
        })
    }
}

impl Own {
    /// Where uses of API keys are counted.
    pub(crate) fn key_uses(&self) -> &KeyUses {
        &self.key_uses
    }
}

impl App {
    /// The present.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// When a request that arrives now is too old to be settled.
    pub(crate) fn deadline(&self) -> Timestamp {
        self.now().plus_millis(DEADLINE_MILLIS)
    }

    /// Uses up the nonce of a signature of this time; false when it was used before.
    ///
    /// # Errors
    /// [`Unanswered`]: it may be used now, so the device must sign anew.
    pub(crate) async fn use_nonce(
        &self,
        device: DeviceKeyId,
        nonce: &str,
        signed_at: Timestamp,
    ) -> Result<bool, Unanswered> {
        let expires_at = signed_at.plus_millis(NONCE_KEPT_MILLIS);
        self.own.nonces.use_up(Nonce { device, text: nonce.to_owned(), expires_at }).await
    }

    /// The device with this key, from memory or from the database.
    ///
    /// Only its key, payer, mode and currency are certain to be up to date.
    pub(crate) async fn device(
        &self,
        key_id: DeviceKeyId,
    ) -> Result<Option<Arc<Device>>, Unanswered> {
        if let Some(device) = self.own.devices.get(&key_id) {
            return Ok(Some(device));
        }
        let device = self.own.wanted_devices.find(key_id).await?;
        if let Some(device) = &device {
            self.own.devices.insert(key_id, Arc::clone(device));
        }
        Ok(device)
    }
}
