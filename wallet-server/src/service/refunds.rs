//! Merchants give money back, and the operator decides about what its owners could not have.

use std::fmt;
use std::sync::Arc;

use sha2::{Digest, Sha256};
use wallet_core::PositiveMoney;

use super::App;
use super::charge::field;
use super::payments::{merchants_key, optional_money, owned_by};
use super::transfers::{nothing_done, optional};
use crate::domain::command::{Caller, Command, EndSuspense, KeyRef, Refund, Request, SuspenseEnd};
use crate::domain::ids::{PaymentId, SuspenseId};
use crate::domain::outcome::{Outcome, Refusal};
use crate::store::ApiKey;
use crate::worker::Unsettled;

/// What a merchant asks for.
#[derive(Clone)]
pub struct RefundRequest {
    /// The idempotency key.
    pub key: String,
    /// The payment.
    pub payment: PaymentId,
    /// How much; none for all that is left.
    pub amount: Option<PositiveMoney>,
    /// Why, in the merchant's words.
    pub reason: Option<String>,
    /// The merchant's own data: a JSON object in its canonical form.
    pub metadata: Option<String>,
}

/// Without what the merchant says about its customer.
impl fmt::Debug for RefundRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RefundRequest")
            .field("key", &self.key)
            .field("payment", &self.payment)
            .field("amount", &self.amount)
            .finish_non_exhaustive()
    }
}

impl App {
    /// Gives money of a payment back.
    ///
    /// # Errors
    /// [`Unsettled`], when nothing is known to have been decided.
    pub async fn refund(
        self: &Arc<Self>,
        api_key: &ApiKey,
        request: RefundRequest,
    ) -> Result<Outcome, Unsettled> {
        let mut hash = Sha256::new();
        field(&mut hash, b"refund");
        field(&mut hash, request.payment.as_bytes());
        optional_money(&mut hash, request.amount);
        optional(&mut hash, request.reason.as_deref());
        optional(&mut hash, request.metadata.as_deref());
        // Who they are never changes; everything else is read in the transaction that decides.
        let owners = self.store.payment_owners(request.payment).await;
        let owners = owners.map_err(|error| nothing_done(&error))?;
        let Some(owners) = owners.filter(owned_by(api_key)) else {
            return Ok(Outcome::Refused(Refusal::UnknownPayment));
        };
        let now = self.now();
        let command = Command::Refund(Refund {
            id: self.entropy.id(now),
            payment: request.payment,
            payer: owners.payer,
            merchant: owners.merchant,
            amount: request.amount,
            reason: request.reason,
            metadata: request.metadata,
            transfer: self.entropy.id(now),
            api_key: api_key.id,
            request: Request { key: merchants_key(api_key, request.key), hash: hash.into() },
        });
        self.settle(command).await
    }

    /// Decides about money in suspense, as the operator says.
    ///
    /// # Errors
    /// [`Unsettled`], when nothing is known to have been decided.
    pub async fn end_suspense(
        self: &Arc<Self>,
        id: SuspenseId,
        end: SuspenseEnd,
        key: String,
    ) -> Result<Outcome, Unsettled> {
        let found = self.store.suspense(id).await.map_err(|error| nothing_done(&error))?;
        let Some(suspense) = found else {
            return Ok(Outcome::Refused(Refusal::UnknownSuspense));
        };
        let mut hash = Sha256::new();
        field(&mut hash, id.as_bytes());
        match &end {
            SuspenseEnd::Released => field(&mut hash, b"release"),
            SuspenseEnd::PaidOut { external_reference } => {
                field(&mut hash, b"pay out");
                field(&mut hash, external_reference.as_bytes());
            }
        }
        let key = KeyRef { caller: Caller::Operator, mode: suspense.mode, key };
        let command = Command::EndSuspense(EndSuspense {
            id,
            payer: suspense.payer,
            transfer: self.entropy.id(self.now()),
            request: Request { key, hash: hash.into() },
            end,
        });
        self.settle(command).await
    }
}
