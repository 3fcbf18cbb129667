//! A merchant charges a shown code.
//!
//! ```text
//! request ─► verify (off the async threads) ─► queue ─► batch: load ─► settle ─► write ─► commit ─► answer
//! ```

use std::fmt;
use std::sync::Arc;

use sha2::{Digest, Sha256};
use wallet_core::{PositiveMoney, TerminalId};

use super::App;
use super::verify::Presented;
use crate::domain::command::{Caller, Capture, Charge, CodeSource, Command, KeyRef, ReferenceRef};
use crate::domain::ids::PaymentId;
use crate::domain::outcome::Outcome;
use crate::domain::request_hash::RequestHash;
use crate::store::ApiKey;
use crate::worker::Unsettled;

/// What a till asks for.
#[derive(Clone)]
pub struct ChargeRequest {
    /// The idempotency key.
    pub key: String,
    /// The digits that were scanned.
    pub code: String,
    /// When the merchant gets the money.
    pub capture: Capture,
    /// How they reached the till.
    pub code_source: CodeSource,
    /// How much.
    pub amount: PositiveMoney,
    /// The merchant's reference.
    pub reference: String,
    /// Where the code was scanned: one of the merchant's own terminals.
    pub terminal: Option<TerminalId>,
    /// For the payer to read.
    pub description: Option<String>,
    /// The merchant's own data: a JSON object in its canonical form.
    pub metadata: Option<String>,
}

impl App {
    /// Charges a code. Runs to its end even if nobody waits for the answer any more.
    ///
    /// # Errors
    /// [`Unsettled`], when nothing is known to have been decided.
    pub async fn charge(
        self: &Arc<Self>,
        api_key: &ApiKey,
        request: ChargeRequest,
    ) -> Result<Outcome, Unsettled> {
        let place = Arc::clone(&self.own.charges).try_acquire_owned();
        let place = place.map_err(|_| Unsettled::Overloaded)?;
        let app = Arc::clone(self);
        let api_key = api_key.clone();
        // Spawning moves a future three times, and this one is kilobytes long.
        let task = tokio::spawn(Box::pin(async move {
            let outcome = app.charge_now(&api_key, request).await;
            drop(place);
            outcome
        }));
        task.await.unwrap_or(Err(Unsettled::Unknown))
    }

    async fn charge_now(
        self: &Arc<Self>,
        api_key: &ApiKey,
        request: ChargeRequest,
    ) -> Result<Outcome, Unsettled> {
        let deadline = self.deadline();
        let now = self.now();
        let id: PaymentId = self.entropy.id(now);
        let (request_hash, fingerprint) = request.hashes();
        let presented = Presented {
            code: request.code,
            api_key,
            terminal: request.terminal,
            payment: id,
            deadline,
        };
        let verdict = self.verify(presented).await?;
        let test_payer = Self::payer_in_test(api_key.mode, &verdict);
        let charge = Charge {
            id,
            transfer: self.entropy.id(now),
            key: KeyRef {
                caller: Caller::Merchant(api_key.merchant),
                mode: api_key.mode,
                key: request.key,
            },
            request_hash,
            api_key: api_key.id,
            reference: ReferenceRef {
                merchant: api_key.merchant,
                mode: api_key.mode,
                reference: request.reference,
            },
            fingerprint,
            amount: request.amount,
            capture: request.capture,
            code_source: request.code_source,
            terminal: request.terminal,
            description: request.description,
            metadata: request.metadata,
            verdict,
        };
        let settled = self.batcher.settle(Command::Charge(charge), deadline).await;
        match test_payer {
            Some(payer) => self.lose_answer(payer, settled).await,
            None => settled,
        }
    }
}

/// Without the code, which is as good as money until it is settled, and without what the merchant
/// says about its customer.
impl fmt::Debug for ChargeRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChargeRequest")
            .field("key", &self.key)
            .field("code_source", &self.code_source)
            .field("amount", &self.amount)
            .field("reference", &self.reference)
            .field("terminal", &self.terminal)
            .finish_non_exhaustive()
    }
}

impl ChargeRequest {
    /// The hash of the whole request, and that of what makes it the same payment.
    fn hashes(&self) -> (RequestHash, RequestHash) {
        let amount = self.amount.money();
        let mut fingerprint = Sha256::new();
        field(&mut fingerprint, self.code.as_bytes());
        field(&mut fingerprint, &amount.minor().to_be_bytes());
        field(&mut fingerprint, &amount.currency().numeric().to_be_bytes());
        let fingerprint: [u8; 32] = fingerprint.finalize().into();

        let mut whole = Sha256::new();
        field(&mut whole, &fingerprint);
        field(&mut whole, self.reference.as_bytes());
        field(&mut whole, self.code_source.as_str().as_bytes());
        // Requests from before there was a choice keep their hashes.
        if self.capture == Capture::Manual {
            field(&mut whole, self.capture.as_str().as_bytes());
        }
        for optional in [
            self.terminal.as_ref().map(|id| id.as_bytes().as_slice()),
            self.description.as_deref().map(str::as_bytes),
            self.metadata.as_deref().map(str::as_bytes),
        ] {
            whole.update([u8::from(optional.is_some())]);
            field(&mut whole, optional.unwrap_or_default());
        }
        (whole.into(), fingerprint.into())
    }
}

/// Hashes a field with its length before it, so that no two requests run together.
pub(super) fn field(hash: &mut Sha256, bytes: &[u8]) {
    hash.update(u64::try_from(bytes.len()).unwrap_or(u64::MAX).to_be_bytes());
    hash.update(bytes);
}
