//! Merchants have money paid out, and the operator says what became of it.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tokio::task::JoinSet;
use wallet_core::{Mode, PositiveMoney, Timestamp};

use super::App;
use super::charge::field;
use super::payments::{merchants_key, optional_money};
use super::people::TextKind;
use super::transfers::{nothing_done, optional};
use crate::domain::command::{
    Caller, Command, FinishPayout, KeyRef, PayoutAsker, PayoutEnd, Request, RequestPayout,
};
use crate::domain::ids::{MerchantId, PayoutBatchId, PayoutId};
use crate::domain::outcome::{Outcome, Refusal};
use crate::domain::payout::PayoutDestination;
use crate::store::{
    ApiKey, Merchant, NewPayoutBatch, Payout, PayoutBatch, ReferenceClaim, StoreError, again,
};
use crate::worker::Unsettled;

/// What is asked for.
#[derive(Clone)]
pub struct PayoutRequest {
    /// The idempotency key.
    pub key: String,
    /// How much; none for all that is available.
    pub amount: Option<PositiveMoney>,
    /// For the merchant to read.
    pub description: Option<String>,
    /// The merchant's own data: a JSON object in its canonical form.
    pub metadata: Option<String>,
}

/// Without what the merchant says about its business.
impl fmt::Debug for PayoutRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PayoutRequest")
            .field("key", &self.key)
            .field("amount", &self.amount)
            .finish_non_exhaustive()
    }
}

/// What becomes of all payouts of a batch.
#[derive(Clone, Debug)]
pub enum PayoutBatchEnd {
    /// The bank has paid it as one order, under this reference. A payout's own is this one, a
    /// slash, and its line.
    Paid {
        /// The reference.
        external_reference: String,
    },
    /// The bank cannot pay it, or has sent all of it back.
    Returned {
        /// Why, for the merchants to read.
        reason: String,
        /// Whether also what was paid: the bank has sent it back.
        include_paid: bool,
    },
}

/// An account as it is kept, before it is encrypted.
#[derive(Serialize, Deserialize)]
struct KeptDestination {
    holder: String,
    account: String,
    bank: Option<String>,
}

/// Who may decide about a payout.
#[derive(Clone, Copy, Debug)]
pub enum PayoutActor<'a> {
    /// Its merchant.
    Merchant(&'a ApiKey),
    /// The operator.
    Operator,
}

impl App {
    /// Has money of a merchant paid out, as the merchant asks.
    ///
    /// # Errors
    /// [`Unsettled`], when nothing is known to have been decided.
    pub async fn request_payout(
        self: &Arc<Self>,
        api_key: &ApiKey,
        request: PayoutRequest,
    ) -> Result<Outcome, Unsettled> {
        let key = merchants_key(api_key, request.key.clone());
        self.ask_payout(api_key.merchant, PayoutAsker::Merchant(api_key.id), key, request).await
    }

    /// Has money of a merchant paid out on its behalf.
    ///
    /// # Errors
    /// [`Unsettled`], when nothing is known to have been decided.
    pub async fn request_payout_for(
        self: &Arc<Self>,
        merchant: MerchantId,
        request: PayoutRequest,
    ) -> Result<Outcome, Unsettled> {
        let found = self.store.merchant(merchant).await.map_err(|error| nothing_done(&error))?;
        let Some(Merchant { mode, .. }) = found else {
            return Ok(Outcome::Refused(Refusal::UnknownMerchant));
        };
        let key = KeyRef { caller: Caller::Operator, mode, key: request.key.clone() };
        self.ask_payout(merchant, PayoutAsker::Operator, key, request).await
    }

    async fn ask_payout(
        self: &Arc<Self>,
        merchant: MerchantId,
        by: PayoutAsker,
        key: KeyRef,
        request: PayoutRequest,
    ) -> Result<Outcome, Unsettled> {
        let mut hash = Sha256::new();
        field(&mut hash, b"payout");
        field(&mut hash, merchant.as_bytes());
        optional_money(&mut hash, request.amount);
        optional(&mut hash, request.description.as_deref());
        optional(&mut hash, request.metadata.as_deref());
        let now = self.now();
        let id: PayoutId = self.entropy.id(now);
        let destination = self.payout_destination(merchant).await;
        let destination = destination.map_err(|error| nothing_done(&error))?;
        // The payout goes to the account that the operator knows now, whatever it knows later.
        let destination = destination.map(|it| self.hide_destination(*id.as_bytes(), &it.0));
        let command = Command::RequestPayout(RequestPayout {
            id,
            merchant,
            by,
            amount: request.amount,
            destination,
            description: request.description,
            metadata: request.metadata,
            transfer: self.entropy.id(now),
            request: Request { key, hash: hash.into() },
        });
        self.settle(command).await
    }

    /// Decides what becomes of a payout.
    ///
    /// # Errors
    /// [`Unsettled`], when nothing is known to have been decided.
    pub async fn finish_payout(
        self: &Arc<Self>,
        id: PayoutId,
        actor: PayoutActor<'_>,
        end: PayoutEnd,
        key: String,
    ) -> Result<Outcome, Unsettled> {
        let found = self.store.payout(id).await.map_err(|error| nothing_done(&error))?;
        let Some(payout) = found else { return Ok(Outcome::Refused(Refusal::UnknownPayout)) };
        let key = match actor {
            PayoutActor::Merchant(api_key)
                if (payout.merchant, payout.record.mode) != (api_key.merchant, api_key.mode) =>
            {
                return Ok(Outcome::Refused(Refusal::UnknownPayout));
            }
            PayoutActor::Merchant(api_key) => merchants_key(api_key, key),
            PayoutActor::Operator => {
                KeyRef { caller: Caller::Operator, mode: payout.record.mode, key }
            }
        };
        self.settle(self.finishing(&payout, end, key)).await
    }

    fn finishing(&self, payout: &Payout, end: PayoutEnd, key: KeyRef) -> Command {
        let mut hash = Sha256::new();
        field(&mut hash, payout.id.as_bytes());
        match &end {
            PayoutEnd::Canceled { .. } => field(&mut hash, b"cancel payout"),
            PayoutEnd::Paid { external_reference } => {
                field(&mut hash, b"pay payout");
                field(&mut hash, external_reference.as_bytes());
            }
            PayoutEnd::Returned { reason, include_paid } => {
                let what: &[u8] =
                    if *include_paid { b"return payout" } else { b"return unpaid payout" };
                field(&mut hash, what);
                field(&mut hash, reason.as_bytes());
            }
        }
        Command::FinishPayout(FinishPayout {
            id: payout.id,
            merchant: payout.merchant,
            transfer: self.entropy.id(self.now()),
            request: Request { key, hash: hash.into() },
            end,
        })
    }

    /// Puts the oldest open payouts that are in no batch into a new one; nothing if there are none.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn make_payout_batch(
        &self,
        mode: Mode,
        size: usize,
    ) -> Result<Option<PayoutBatch>, StoreError> {
        let now = self.now();
        let new = NewPayoutBatch { id: self.entropy.id(now), mode, currency: self.currency, size };
        again!(self.store.make_payout_batch(new, now))
    }

    /// Decides what becomes of all payouts of a batch of which something can: those that have come
    /// to their end before are left as they are.
    ///
    /// Each payout is decided about under a key of its own, which no caller can choose; so a repeat
    /// finds what was decided, and goes on with the rest.
    ///
    /// # Errors
    /// [`Unsettled`], when some of them may not have been decided about.
    pub async fn finish_payout_batch(
        self: &Arc<Self>,
        id: PayoutBatchId,
        end: &PayoutBatchEnd,
        key: &str,
    ) -> Result<BatchOutcome, Unsettled> {
        let failed = |error: StoreError| nothing_done(&error);
        let Some(batch) = self.store.payout_batch(id).await.map_err(failed)? else {
            return Ok(BatchOutcome::Unknown);
        };
        if let PayoutBatchEnd::Paid { external_reference } = end {
            // The bank's reference stays with the batch, so it must not go to one that is over.
            if batch.authorized == 0 && batch.external_reference.is_none() {
                return Ok(BatchOutcome::Refused(Refusal::PayoutClosed));
            }
            let claim = again!(self.store.refer_payout_batch(&batch, external_reference));
            if claim.map_err(failed)? == ReferenceClaim::Conflict {
                return Ok(BatchOutcome::Refused(Refusal::ReferenceConflict));
            }
        }
        let mut deciding = JoinSet::new();
        for payout in self.store.payouts_of(id).await.map_err(failed)? {
            let Some((_, line)) = payout.batch else { continue };
            // Callers' keys have no blanks.
            let key = format!("{id} {line} {key}");
            let key = KeyRef { caller: Caller::Operator, mode: batch.mode, key };
            let end = match end {
                PayoutBatchEnd::Paid { external_reference } => {
                    PayoutEnd::Paid { external_reference: format!("{external_reference}/{line}") }
                }
                PayoutBatchEnd::Returned { reason, include_paid } => {
                    PayoutEnd::Returned { reason: reason.clone(), include_paid: *include_paid }
                }
            };
            let (app, command) = (Arc::clone(self), self.finishing(&payout, end, key));
            deciding.spawn(async move { app.settle(command).await });
        }
        summary(deciding.join_all().await)
    }

    /// Says where a merchant's payouts go to from now on.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn set_payout_destination(
        &self,
        merchant: MerchantId,
        destination: &PayoutDestination,
    ) -> Result<(), StoreError> {
        let hidden = self.hide_destination(*merchant.as_bytes(), destination);
        let now = self.now();
        again!(self.store.set_payout_destination(merchant, hidden.clone(), now))
    }

    /// Where a merchant's payouts go to, and since when; nothing if the operator does not know.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn payout_destination(
        &self,
        merchant: MerchantId,
    ) -> Result<Option<(PayoutDestination, Timestamp)>, StoreError> {
        let Some((hidden, changed_at)) = self.store.payout_destination(merchant).await? else {
            return Ok(None);
        };
        let destination = self.reveal_destination(*merchant.as_bytes(), &hidden)?;
        Ok(Some((destination, changed_at)))
    }

    /// Where a payout goes to.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`], when it cannot be read.
    pub fn destination_of(&self, payout: &Payout) -> Result<PayoutDestination, StoreError> {
        self.reveal_destination(*payout.id.as_bytes(), &payout.destination)
    }

    fn hide_destination(&self, id: [u8; 16], destination: &PayoutDestination) -> Vec<u8> {
        let kept = KeptDestination {
            holder: destination.holder().to_owned(),
            account: destination.account().to_owned(),
            bank: destination.bank().map(str::to_owned),
        };
        // Texts always have a JSON form.
        let text = serde_json::to_string(&kept).unwrap_or_default();
        self.hide_text(TextKind::Destination, id, &text)
    }

    fn reveal_destination(
        &self,
        id: [u8; 16],
        hidden: &[u8],
    ) -> Result<PayoutDestination, StoreError> {
        let text = self.reveal_text(TextKind::Destination, id, hidden);
        let kept = text.and_then(|text| serde_json::from_str::<KeptDestination>(&text).ok());
        let kept = kept.ok_or(StoreError::Corrupt("where a payout goes to"))?;
        PayoutDestination::new(kept.holder, kept.account, kept.bank)
            .map_err(|_| StoreError::Corrupt("where a payout goes to"))
    }
}

/// What came of deciding about a whole batch.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BatchOutcome {
    /// There is no such batch.
    Unknown,
    /// Everything that could be decided was, perhaps by an earlier request.
    Decided {
        /// Whether an earlier request did all of it.
        replayed: bool,
    },
    /// Something was in the way of a payout, and this request decided about none.
    Refused(Refusal),
    /// Something was in the way of a payout, and this request decided about others.
    PartlyRefused(Refusal),
}

fn summary(outcomes: Vec<Result<Outcome, Unsettled>>) -> Result<BatchOutcome, Unsettled> {
    let (mut decided, mut again, mut refused) = (0, 0, None);
    for outcome in outcomes {
        match outcome {
            Ok(Outcome::Answered { replayed, .. }) => {
                decided += 1;
                again += i32::from(replayed);
            }
            Ok(Outcome::Refused(Refusal::PayoutClosed)) => {}
            Ok(Outcome::Refused(refusal)) => refused = Some(refusal),
            // Some may have been decided about, and some not: the same request finds out.
            Err(_) => return Err(Unsettled::Unknown),
        }
    }
    Ok(match refused {
        Some(refusal) if decided > again => BatchOutcome::PartlyRefused(refusal),
        Some(refusal) => BatchOutcome::Refused(refusal),
        None if decided == 0 => BatchOutcome::Refused(Refusal::PayoutClosed),
        None => BatchOutcome::Decided { replayed: decided == again },
    })
}
