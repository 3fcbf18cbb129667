//! The database: SQL, rows and constraint names, and no rules.
//!
//! [`settlement`](Settlement) is the path of a payment; the other modules read, or write what
//! moves no money.

mod accounts;
pub(crate) mod again;
mod api_keys;
mod audit;
mod balance_transactions;
mod checks;
mod claimed;
mod confirmations;
mod connection;
mod envelopes;
mod error;
mod events;
mod hex;
mod identity;
mod issuer;
mod journal;
mod journal_log;
mod leases;
mod merchant_events;
mod merchant_feed;
mod merchants;
mod nonces;
mod orders;
mod payers;
mod payments;
mod payouts;
mod pins;
mod plates;
mod population;
mod recipients;
mod refunds;
mod retention;
mod row;
mod rows;
mod settlement;
mod spending;
mod sql;
mod suspense;
mod test_payers;
mod webhooks;
mod withdrawals;

pub use accounts::{Balance, LedgerLine};
pub(crate) use again::again;
pub(crate) use api_keys::hour_of;
pub use api_keys::{
    ApiKey, ApiKeyEvent, ApiKeyState, KeptSecret, KeyUse, KeyUseCursor, KeyUseOutcome, KeyUseRow,
    KnownApiKey, NewApiKey, NotRotated,
};
pub use audit::{AUDIT_PAGE, AuditCursor, AuditedBalance, PlacedBatch, Question};
pub use balance_transactions::{
    BalanceTransaction, BalanceTransactionPage, StatementDay, StatementRange, TransactionFilter,
};
pub use checks::{Finding, Measure};
pub use claimed::ClaimedShare;
pub use confirmations::{Confirmation, Overdue, PaymentOwners};
pub use connection::{Backup, BackupError, Isolation, Store, backup};
pub use envelopes::{Claim, Envelope, FoundEnvelope};
pub use error::{Remedy, StoreError};
pub use events::{Between, Cursor, Direction, PayerEvent};
pub use identity::{
    Account, DeviceState, HandleChange, Invitation, KeyOwner, OwnDevice, PayerChange,
    PayerStanding, TotpState, handles_kept_since,
};
pub use journal::STEP_MAX;
pub use journal_log::{KeptCheckpoint, PlacedRecord};
pub use leases::Holder;
pub use merchant_events::{MerchantEvent, MerchantEventPage, MerchantSubject};
pub use merchant_feed::{FeedPart, FeedPlace, FeedStep};
pub use merchants::{Merchant, MerchantPlace, MerchantWithKey, Terminal};
pub use nonces::Nonce;
pub use payers::{Approval, Device, NewDevice, Payer};
pub use payments::{Payment, PaymentFilter, ReferenceHolder};
pub use payouts::{
    NewPayoutBatch, PAYOUT_BATCH_MAX, Payout, PayoutBatch, PayoutFilter, ReferenceClaim,
};
pub use pins::{KeptPin, LOCK_TOLD, PinTry};
pub use plates::Plate;
pub use population::PayerWithDevice;
pub use recipients::{HiddenPerson, RECEIVE_TOKEN_LENGTH, Recipient};
pub use retention::{FORGET_MAX, Old};
pub use settlement::{OwnShard, Settlement};
pub use suspense::{Suspense, SuspenseState};
pub use test_payers::{Deciding, TestPaymentPayer};
pub use webhooks::{
    AttemptMade, DueDelivery, EndpointAfter, EndpointChange, EventPlace, Followed,
    ListedDeliveries, NewEndpoint, Terms, WantedEvent, WantedPart, WebhookAttempt, WebhookDelivery,
    WebhookEndpoint,
};
pub use withdrawals::Withdrawal;

#[cfg(test)]
mod tests;
