//! Payments that wait for their payer: what waits, and who decides.

use std::sync::Arc;
use std::time::Duration;

use sha2::{Digest, Sha256};
use wallet_core::Mode;
use wallet_core::receipt::PaymentState;

use super::App;
use super::charge::field;
use crate::domain::command::{Caller, Command, KeyRef, Request, Resolve, Resolver};
use crate::domain::ids::{MerchantId, PaymentId};
use crate::domain::outcome::{Outcome, Refusal};
use crate::store::{ApiKey, Confirmation, Device, Payment, PaymentOwners, StoreError};
use crate::worker::Unsettled;

impl App {
    /// The payments that wait for a payer, oldest first: now, or as soon as there is one.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn confirmations(
        &self,
        device: &Device,
        wait: Duration,
    ) -> Result<Vec<Confirmation>, StoreError> {
        let now = self.now();
        let look = || self.store.confirmations(device.payer, now);
        self.wait_until(device.payer, wait, look, |found| !found.is_empty()).await
    }

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

    /// The payer decides: confirms, having shown the PIN, or refuses.
    ///
    /// # Errors
    /// [`Unsettled`], when nothing is known to have been decided.
    pub async fn decide_confirmation(
        self: &Arc<Self>,
        device: &Device,
        payment: PaymentId,
        confirmed: bool,
        key: String,
    ) -> Result<Outcome, Unsettled> {
        let mut hash = Sha256::new();
        field(&mut hash, payment.as_bytes());
        field(&mut hash, if confirmed { b"confirm" } else { b"refuse" });
        let key = KeyRef { caller: Caller::Payer(device.payer), mode: device.mode, key };
        let request = Request { key, hash: hash.finalize().into() };
        let by = Resolver::Payer { device: device.key_id, confirmed, request };
        let own = |owners: &PaymentOwners| owners.payer == device.payer;
        self.resolve(payment, own, by).await
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
        let (merchant, mode) = (api_key.merchant, api_key.mode);
        let key = KeyRef { caller: Caller::Merchant(merchant), mode, key };
        let request = Request { key, hash: hash.finalize().into() };
        let by = Resolver::Merchant { api_key: api_key.id, request };
        let own = move |owners: &PaymentOwners| (owners.merchant, owners.mode) == (merchant, mode);
        self.resolve(payment, own, by).await
    }

    /// Settles it in a task of its own: it is decided whether or not anybody waits for the answer.
    async fn resolve(
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

    /// Settles a command in a task of its own.
    ///
    /// # Errors
    /// [`Unsettled`], when nothing is known to have been decided.
    pub(super) async fn settle(self: &Arc<Self>, command: Command) -> Result<Outcome, Unsettled> {
        let app = Arc::clone(self);
        let deadline = self.deadline();
        let task = tokio::spawn(async move { app.batcher.settle(command, deadline).await });
        task.await.unwrap_or(Err(Unsettled::Unknown))
    }
}
