//! A payer takes money out, and the operator says what became of it.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use wallet_core::{PositiveMoney, Timestamp};

use super::App;
use super::charge::field;
use super::people::TextKind;
use super::transfers::{money, nothing_done};
use crate::domain::command::{Caller, Command, FinishWithdrawal, KeyRef, Withdraw, WithdrawalEnd};
use crate::domain::ids::{PayerId, WithdrawalId};
use crate::domain::outcome::{Answer, MovementAnswer, Outcome, Refusal};
use crate::store::{Device, StoreError, Withdrawal};
use crate::worker::Unsettled;

/// What a payer asks for.
#[derive(Clone, Debug)]
pub struct WithdrawalRequest {
    /// The idempotency key.
    pub key: String,
    /// How much.
    pub amount: PositiveMoney,
    /// Where to, for the operator to read.
    pub destination: String,
}

/// What an answer shows beside its record.
#[derive(Serialize, Deserialize)]
struct Shown {
    payer: [u8; 16],
    destination: Option<String>,
    external_reference: Option<String>,
    /// Unix milliseconds; none in the first answer, whose record says it.
    created_at: Option<i64>,
}

/// A withdrawal, with what is kept of it decrypted.
#[derive(Clone, Debug)]
pub struct ShownWithdrawal {
    /// Whose money it is.
    pub payer: PayerId,
    /// Where to; nothing once it was erased.
    pub destination: Option<String>,
    /// The bank's reference, if it was paid.
    pub external_reference: Option<String>,
    /// When it was asked for.
    pub created_at: Timestamp,
}

impl App {
    /// Sets money aside that a payer takes out. The PIN was right.
    ///
    /// # Errors
    /// [`Unsettled`], when nothing is known to have been decided.
    pub async fn withdraw(
        self: &Arc<Self>,
        device: &Device,
        request: WithdrawalRequest,
    ) -> Result<Outcome, Unsettled> {
        let now = self.now();
        let id: WithdrawalId = self.entropy.id(now);
        let mut hash = Sha256::new();
        field(&mut hash, b"withdraw");
        money(&mut hash, request.amount);
        field(&mut hash, request.destination.as_bytes());
        let shown = Shown {
            payer: *device.payer.as_bytes(),
            destination: Some(request.destination.clone()),
            external_reference: None,
            created_at: None,
        };
        let shown = self.hide_shown(*id.as_bytes(), &shown);
        let command = Command::Withdraw(Withdraw {
            by: self.asked_by(device, request.key, hash, Some(shown)),
            id,
            transfer: self.entropy.id(now),
            amount: request.amount,
            destination: self.hide_text(
                TextKind::Destination,
                *id.as_bytes(),
                &request.destination,
            ),
        });
        self.settle(command).await
    }

    /// Ends a withdrawal, as the operator says.
    ///
    /// # Errors
    /// [`Unsettled`], when nothing is known to have been decided.
    pub async fn finish_withdrawal(
        self: &Arc<Self>,
        id: WithdrawalId,
        end: WithdrawalEnd,
        key: String,
    ) -> Result<Outcome, Unsettled> {
        let found = self.store.withdrawal(id).await.map_err(|error| nothing_done(&error))?;
        let Some(withdrawal) = found else {
            return Ok(Outcome::Refused(Refusal::UnknownWithdrawal));
        };
        let mut hash = Sha256::new();
        field(&mut hash, id.as_bytes());
        let external_reference = match &end {
            WithdrawalEnd::Paid { external_reference } => {
                field(&mut hash, b"pay");
                field(&mut hash, external_reference.as_bytes());
                Some(external_reference.clone())
            }
            WithdrawalEnd::Returned => {
                field(&mut hash, b"return");
                None
            }
        };
        let shown = Shown {
            payer: *withdrawal.payer.as_bytes(),
            destination: self.destination(&withdrawal),
            external_reference,
            created_at: Some(withdrawal.created_at.unix_millis()),
        };
        let shown = self.hide_shown(*id.as_bytes(), &shown);
        let key = KeyRef { caller: Caller::Operator, mode: withdrawal.record.mode, key };
        let command = Command::FinishWithdrawal(FinishWithdrawal {
            id,
            payer: withdrawal.payer,
            transfer: self.entropy.id(self.now()),
            request: self.keyed(key, hash),
            shown: shown.clone(),
            end,
        });
        let mut outcome = self.settle(command).await?;
        // What was kept is erased with the payer's account; the destination is gone from both.
        if let Outcome::Answered { answer: Answer::Movement(answer), .. } = &mut outcome
            && answer.shown.is_empty()
        {
            answer.shown = shown;
        }
        Ok(outcome)
    }

    /// A withdrawal as it was answered.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`], when what was kept cannot be read.
    pub fn answered_withdrawal(
        &self,
        answer: &MovementAnswer,
    ) -> Result<ShownWithdrawal, StoreError> {
        let shown: Shown = self.shown(answer)?;
        let created_at = shown.created_at.map(Timestamp::from_unix_millis);
        Ok(ShownWithdrawal {
            payer: PayerId::from_bytes(shown.payer),
            destination: shown.destination,
            external_reference: shown.external_reference,
            created_at: created_at.unwrap_or(answer.record.decided_at),
        })
    }

    /// A withdrawal as it is now.
    #[must_use]
    pub fn shown_withdrawal(&self, withdrawal: &Withdrawal) -> ShownWithdrawal {
        ShownWithdrawal {
            payer: withdrawal.payer,
            destination: self.destination(withdrawal),
            external_reference: withdrawal.external_reference.clone(),
            created_at: withdrawal.created_at,
        }
    }

    fn destination(&self, withdrawal: &Withdrawal) -> Option<String> {
        let hidden = withdrawal.destination.as_deref()?;
        self.reveal_text(TextKind::Destination, *withdrawal.id.as_bytes(), hidden)
    }
}
