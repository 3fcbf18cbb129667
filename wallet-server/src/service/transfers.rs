//! A payer gives money to another payer.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use wallet_core::PositiveMoney;

use super::App;
use super::charge::field;
use super::people::{Person, RecipientName, TextKind};
use crate::domain::command::{
    Caller, Command, KeyRef, PayerRequest, PayerTransfer, Request as KeyedRequest,
};
use crate::domain::ids::PayerTransferId;
use crate::domain::outcome::Outcome;
use crate::issuer::HashPurpose;
use crate::store::{Device, Recipient, StoreError};
use crate::worker::Unsettled;

/// What a payer asks for.
#[derive(Clone, Debug)]
pub struct TransferRequest {
    /// The idempotency key.
    pub key: String,
    /// To whom.
    pub to: RecipientName,
    /// How much.
    pub amount: PositiveMoney,
    /// For the payee to read.
    pub note: Option<String>,
}

/// What the answer shows beside its record.
#[derive(Debug, Serialize, Deserialize)]
pub struct TransferShown {
    /// Who got it.
    pub to: Person,
    /// For the payee to read.
    pub note: Option<String>,
}

impl App {
    /// Gives money to another payer. The PIN was right.
    ///
    /// # Errors
    /// [`Unsettled`], when nothing is known to have been decided.
    pub async fn transfer(
        self: &Arc<Self>,
        device: &Device,
        request: TransferRequest,
    ) -> Result<Outcome, Unsettled> {
        let found = self.recipient_to_settle(device, &request.to).await?;
        let now = self.now();
        let id: PayerTransferId = self.entropy.id(now);
        let mut hash = Sha256::new();
        field(&mut hash, b"transfer");
        field(&mut hash, &request.to.to_bytes());
        money(&mut hash, request.amount);
        optional(&mut hash, request.note.as_deref());
        let shown = found.as_ref().map(|found| {
            let shown =
                TransferShown { to: self.person(&found.person), note: request.note.clone() };
            self.hide_shown(*id.as_bytes(), &shown)
        });
        let command = Command::Transfer(PayerTransfer {
            by: self.asked_by(device, request.key, hash, shown),
            id,
            transfer: self.entropy.id(now),
            payee: found.map(|found| found.person.payer),
            amount: request.amount,
            note: request.note.map(|note| self.hide_text(TextKind::Note, *id.as_bytes(), &note)),
        });
        self.settle(command).await
    }

    /// The payer whom a request names, if there is one. Nothing has been done if this fails.
    pub(super) async fn recipient_to_settle(
        &self,
        device: &Device,
        name: &RecipientName,
    ) -> Result<Option<Recipient>, Unsettled> {
        self.find_recipient(device.mode, name).await.map_err(|error| nothing_done(&error))
    }

    /// Who asks, with the hash of the whole request.
    pub(super) fn asked_by(
        &self,
        device: &Device,
        key: String,
        hash: Sha256,
        shown: Option<Vec<u8>>,
    ) -> PayerRequest {
        let key = KeyRef { caller: Caller::Payer(device.payer), mode: device.mode, key };
        PayerRequest {
            payer: device.payer,
            device: device.key_id,
            request: self.keyed(key, hash),
            shown: shown.unwrap_or_default(),
        }
    }

    /// A request under its key. The hash is keyed: handles, bank accounts and notes could be
    /// guessed from one that anybody computes.
    pub(super) fn keyed(&self, key: KeyRef, hash: Sha256) -> KeyedRequest {
        let hash = self.keys.keyed_hash(HashPurpose::Requests, &hash.finalize());
        KeyedRequest { key, hash: hash.into() }
    }
}

/// A look-up failed before anything was done.
pub(super) fn nothing_done(error: &StoreError) -> Unsettled {
    tracing::error!(%error, "what a request names cannot be looked up");
    Unsettled::Overloaded
}

/// Hashes an amount.
pub(super) fn money(hash: &mut Sha256, amount: PositiveMoney) {
    field(hash, &amount.money().minor().to_be_bytes());
    field(hash, &amount.money().currency().numeric().to_be_bytes());
}

/// Hashes a text that may be missing.
pub(super) fn optional(hash: &mut Sha256, text: Option<&str>) {
    hash.update([u8::from(text.is_some())]);
    field(hash, text.unwrap_or_default().as_bytes());
}
