//! The operator credits money that a payer paid into the bank account.

use std::sync::Arc;

use sha2::{Digest, Sha256};
use wallet_core::{Mode, PositiveMoney};

use super::App;
use super::charge::field;
use crate::domain::command::{Caller, Command, KeyRef, TopUp};
use crate::domain::ids::PayerId;
use crate::domain::outcome::Outcome;
use crate::worker::Unsettled;

/// What the operator asks for.
#[derive(Clone, Debug)]
pub struct TopUpRequest {
    /// The idempotency key.
    pub key: String,
    /// Whose wallet, and its mode.
    pub payer: PayerId,
    /// Live or test.
    pub mode: Mode,
    /// How much.
    pub amount: PositiveMoney,
    /// The bank's reference.
    pub external_reference: String,
}

impl App {
    /// Credits a payer, once for each external reference.
    ///
    /// # Errors
    /// [`Unsettled`], when nothing is known to have been decided.
    pub async fn top_up(self: &Arc<Self>, request: TopUpRequest) -> Result<Outcome, Unsettled> {
        let app = Arc::clone(self);
        let task = tokio::spawn(async move {
            let now = app.now();
            let amount = request.amount.money();
            let mut hash = Sha256::new();
            field(&mut hash, request.payer.as_bytes());
            field(&mut hash, &amount.minor().to_be_bytes());
            field(&mut hash, &amount.currency().numeric().to_be_bytes());
            field(&mut hash, request.external_reference.as_bytes());
            let top_up = TopUp {
                id: app.entropy.id(now),
                transfer: app.entropy.id(now),
                key: KeyRef { caller: Caller::Operator, mode: request.mode, key: request.key },
                request_hash: hash.into(),
                payer: request.payer,
                amount: request.amount,
                external_reference: request.external_reference,
            };
            app.batcher.settle(Command::TopUp(top_up), app.deadline()).await
        });
        task.await.unwrap_or(Err(Unsettled::Unknown))
    }
}
