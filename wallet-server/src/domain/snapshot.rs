//! What settlement may know: exactly the rows that a batch of commands names.

mod merchant_codes;
mod merchants;
mod payouts;
mod people;

use std::collections::{HashMap, HashSet};

use wallet_core::code::Mark;
use wallet_core::{Currency, DeviceKeyId, Mode, Money, TerminalId, Timestamp};

use super::command::{KeyRef, ReferenceRef};
use super::fee::FeeRule;
use super::ids::{AccountId, ApiKeyId, MerchantId, PayerId, PaymentId, SuspenseId};
use super::ledger::{AccountKind, Shard};
use super::limits::{OwnLimits, Today, Usage};
use super::outcome::{Answer, TopUpAnswer};
use crate::domain::request_hash::RequestHash;

pub use merchant_codes::{KnownPlate, MerchantCodes};
pub use merchants::{OpenPayment, OpenSuspense, Refunded, TakenReference};
pub use payouts::{KnownPayout, Payouts};
pub use people::{OpenEnvelope, OpenWithdrawal, People, Share};

/// The rows, by the keys that commands name them with. What is not there does not exist.
#[derive(Clone, Default, Debug)]
pub struct Snapshot {
    /// Answers given before.
    pub answers: HashMap<KeyRef, KeptAnswer>,
    /// References taken before.
    pub references: HashMap<ReferenceRef, TakenReference>,
    /// Top-ups credited before, by mode and external reference.
    pub top_ups: HashMap<(Mode, String), TopUpAnswer>,
    /// Those of the API keys in use that have been revoked, or whose time is over.
    pub revoked_keys: HashSet<ApiKeyId>,
    /// Merchants that may be charged for.
    pub merchants: HashMap<MerchantId, Merchant>,
    /// Devices.
    pub devices: HashMap<DeviceKeyId, Device>,
    /// Payers.
    pub payers: HashMap<PayerId, Payer>,
    /// The day on which the snapshot was taken, in the issuer's time zone.
    pub today: Today,
    /// Payments that go on, are called off or are given back.
    pub payments: HashMap<PaymentId, OpenPayment>,
    /// What merchants have that may have to give money back or have it paid out, over all shards.
    pub merchant_balances: HashMap<MerchantId, Money>,
    /// Money whose owner could not have it.
    pub suspense: HashMap<SuspenseId, OpenSuspense>,
    /// Those of the bank's references that stand for such money already.
    pub suspense_references: HashSet<(Mode, String)>,
    /// Money between payers, and money that payers take out.
    pub people: People,
    /// Codes that merchants show.
    pub merchant_codes: MerchantCodes,
    /// Money that merchants have paid out.
    pub payouts: Payouts,
    /// The issuer's own accounts.
    pub own_accounts: HashMap<(AccountKind, Mode, Currency), AccountId>,
    /// The balance row in which this process counts accounts that have several.
    pub shard: Shard,
}

/// An answer kept under an idempotency key.
#[derive(Clone, Debug)]
pub struct KeptAnswer {
    /// The hash of the request that it answers.
    pub request_hash: RequestHash,
    /// The answer.
    pub answer: Answer,
}

/// A merchant.
#[derive(Clone, Copy, Debug)]
pub struct Merchant {
    /// Live or test.
    pub mode: Mode,
    /// Its account, and the currency it is in.
    pub account: AccountId,
    /// The currency.
    pub currency: Currency,
    /// What it pays.
    pub fee: FeeRule,
    /// Whether it may take payments.
    pub active: bool,
}

/// A device.
#[derive(Clone, Copy, Debug)]
pub struct Device {
    /// Whether it was revoked.
    pub revoked: bool,
    /// Until when it is new to its payer.
    pub new_until: Option<Timestamp>,
    /// The highest code that it presented, and where.
    pub presented: Option<Presented>,
}

impl Device {
    /// Whether it is new to its payer.
    #[must_use]
    pub fn is_new(&self, now: Timestamp) -> bool {
        self.new_until.is_some_and(|until| now < until)
    }
}

/// A code that was presented.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Presented {
    /// Its position in the device's sequence.
    pub mark: Mark,
    /// Where; not known of codes that came before this was kept.
    pub at: Option<PresentedAt>,
}

/// Where a code was presented.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PresentedAt {
    /// Who presented it.
    pub merchant: MerchantId,
    /// At which till.
    pub terminal: Option<TerminalId>,
    /// When.
    pub time: Timestamp,
    /// What was paid, in minor units of the wallet's currency; nothing if it was declined.
    pub paid: Option<i64>,
}

/// A payer.
#[derive(Clone, Copy, Debug)]
pub struct Payer {
    /// Live or test.
    pub mode: Mode,
    /// The wallet.
    pub account: AccountId,
    /// What is in it and free to be spent.
    pub available: Money,
    /// Whether it may pay: neither frozen nor closed.
    pub active: bool,
    /// What has been spent.
    pub usage: Usage,
    /// The limits that the payer has chosen.
    pub own_limits: OwnLimits,
    /// Until when every payment needs the PIN.
    pub suspected_until: Option<Timestamp>,
}
