//! Payments that wait for their payer: what waits, and who decides.

use std::sync::Arc;
use std::time::Duration;

use sha2::{Digest, Sha256};

use super::App;
use super::charge::field;
use crate::domain::command::{Caller, Command, KeyRef, Request, Resolver};
use crate::domain::ids::PaymentId;
use crate::domain::outcome::Outcome;
use crate::store::{Confirmation, Device, PaymentOwners, StoreError};
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
        let request = Request { key, hash: hash.into() };
        let by = Resolver::Payer { device: device.key_id, confirmed, request };
        let own = |owners: &PaymentOwners| owners.payer == device.payer;
        self.resolve(payment, own, by).await
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
