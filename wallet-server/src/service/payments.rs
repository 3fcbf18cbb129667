//! What becomes of payments: captured or called off, by their id or by their reference.

use std::sync::Arc;
use std::time::Duration;

use sha2::{Digest, Sha256};
use wallet_core::receipt::PaymentState;
use wallet_core::{Mode, PositiveMoney};

use super::App;
use super::charge::field;
use super::transfers::{money, nothing_done};
use crate::domain::command::{
    Caller, CancelReference, Command, KeyRef, ReferenceRef, Request, Resolve, Resolver,
};
use crate::domain::ids::{MerchantId, PaymentId};
use crate::domain::outcome::{Outcome, Refusal};
use crate::store::{ApiKey, Payment, PaymentOwners, StoreError};
use crate::worker::Unsettled;

/// How often a reference is looked up again because a payment took it in between. Once is enough,
/// since a reference never gets another payment.
const LOOKS_MAX: usize = 3;

impl App {
    /// A merchant's payment: now, or as soon as it does not wait for its payer any more.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn payment_when_decided(
        &self,
        merchant: MerchantId,
        mode: Mode,
        id: PaymentId,
        wait: Duration,
    ) -> Result<Option<Payment>, StoreError> {
        let look = || self.store.payment(merchant, mode, id);
        let Some(owners) = self.store.payment_owners(id).await? else { return look().await };
        let decided = |payment: &Option<Payment>| {
            let state = payment.as_ref().map(|payment| payment.answer.record.state);
            state != Some(PaymentState::RequiresConfirmation)
        };
        self.wait_until(owners.payer, wait, look, decided).await
    }

    /// The merchant takes what is held for it, all or a part.
    ///
    /// # Errors
    /// [`Unsettled`], when nothing is known to have been decided.
    pub async fn capture_payment(
        self: &Arc<Self>,
        api_key: &ApiKey,
        payment: PaymentId,
        amount: Option<PositiveMoney>,
        key: String,
    ) -> Result<Outcome, Unsettled> {
        let mut hash = Sha256::new();
        field(&mut hash, payment.as_bytes());
        field(&mut hash, b"capture");
        optional_money(&mut hash, amount);
        let request = Request { key: merchants_key(api_key, key), hash: hash.into() };
        let by = Resolver::Capture { api_key: api_key.id, amount, request };
        self.resolve(payment, owned_by(api_key), by).await
    }

    /// The merchant calls a payment off.
    ///
    /// # Errors
    /// [`Unsettled`], when nothing is known to have been decided.
    pub async fn cancel_payment(
        self: &Arc<Self>,
        api_key: &ApiKey,
        payment: PaymentId,
        key: String,
    ) -> Result<Outcome, Unsettled> {
        let mut hash = Sha256::new();
        field(&mut hash, payment.as_bytes());
        field(&mut hash, b"cancel");
        let request = Request { key: merchants_key(api_key, key), hash: hash.into() };
        let by = Resolver::Merchant { api_key: api_key.id, request };
        self.resolve(payment, owned_by(api_key), by).await
    }

    /// The merchant undoes whatever stands under a reference, or will.
    ///
    /// # Errors
    /// [`Unsettled`], when nothing is known to have been decided.
    pub async fn cancel_reference(
        self: &Arc<Self>,
        api_key: &ApiKey,
        reference: String,
        key: String,
    ) -> Result<Outcome, Unsettled> {
        let mut hash = Sha256::new();
        field(&mut hash, b"cancel reference");
        field(&mut hash, reference.as_bytes());
        let request = Request { key: merchants_key(api_key, key), hash: hash.into() };
        let (merchant, mode) = (api_key.merchant, api_key.mode);
        let reference = ReferenceRef { merchant, mode, reference };
        for _ in 0..LOOKS_MAX {
            let holder = self.store.reference_holder(&reference).await;
            let holder = holder.map_err(|error| nothing_done(&error))?;
            let command = CancelReference {
                reference: reference.clone(),
                holder: holder.payment,
                order: holder.order,
                transfer: self.entropy.id(self.now()),
                api_key: api_key.id,
                request: request.clone(),
            };
            let outcome = self.settle(Command::CancelReference(command)).await?;
            if outcome != Outcome::Refused(Refusal::ReferenceMoved) {
                return Ok(outcome);
            }
        }
        Err(Unsettled::Overloaded)
    }

    /// Settles it in a task of its own: it is decided whether or not anybody waits for the answer.
    pub(super) async fn resolve(
        self: &Arc<Self>,
        payment: PaymentId,
        own: impl Fn(&PaymentOwners) -> bool,
        by: Resolver,
    ) -> Result<Outcome, Unsettled> {
        // Who they are never changes; everything else is read in the transaction that decides.
        let owners = self.store.payment_owners(payment).await;
        let owners = owners.map_err(|error| {
            tracing::error!(%error, "a payment cannot be looked up");
            Unsettled::Overloaded
        })?;
        let Some(PaymentOwners { payer, merchant, .. }) = owners.filter(own) else {
            return Ok(Outcome::Refused(Refusal::UnknownPayment));
        };
        let transfer = self.entropy.id(self.now());
        let command = Command::Resolve(Resolve { payment, payer, merchant, transfer, by });
        self.settle(command).await
    }
}

/// An idempotency key of a merchant's.
pub(super) fn merchants_key(api_key: &ApiKey, key: String) -> KeyRef {
    KeyRef { caller: Caller::Merchant(api_key.merchant), mode: api_key.mode, key }
}

/// Whether a payment is of the API key's merchant and mode.
pub(super) fn owned_by(api_key: &ApiKey) -> impl Fn(&PaymentOwners) -> bool + use<> {
    let own = (api_key.merchant, api_key.mode);
    move |owners| (owners.merchant, owners.mode) == own
}

/// Hashes an amount that may be missing.
pub(super) fn optional_money(hash: &mut Sha256, amount: Option<PositiveMoney>) {
    hash.update([u8::from(amount.is_some())]);
    if let Some(amount) = amount {
        money(hash, amount);
    }
}
