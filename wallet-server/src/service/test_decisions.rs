//! What becomes of a payment that waits in test mode: a test is the payer's phone, or the time.

use std::sync::Arc;

use sha2::{Digest, Sha256};
use wallet_core::Mode;

use super::App;
use super::charge::field;
use crate::domain::command::{Caller, Command, KeyRef, Request, Resolve, Resolver};
use crate::domain::ids::PaymentId;
use crate::domain::outcome::{Outcome, Refusal};
use crate::store::{ApiKey, StoreError};
use crate::worker::Unsettled;

/// What a test has happen.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TestDecision {
    /// The payer confirms.
    Confirm,
    /// The payer refuses.
    Refuse,
    /// The time is over.
    Expire,
}

impl TestDecision {
    const fn label(self) -> &'static [u8] {
        match self {
            Self::Confirm => b"test confirm",
            Self::Refuse => b"test refuse",
            Self::Expire => b"test expire",
        }
    }
}

/// Why it does not happen.
#[derive(Debug)]
pub enum NotDecided {
    /// The payer was not made for a test and has a phone, on which to decide.
    PayerDecides,
    /// The payment could not be looked up.
    Store(StoreError),
    /// Nothing is known to have been decided.
    Unsettled(Unsettled),
}

impl App {
    /// Decides about a payment of this merchant in test mode.
    ///
    /// # Errors
    /// [`NotDecided`].
    pub async fn decide_in_test(
        self: &Arc<Self>,
        api_key: &ApiKey,
        payment: PaymentId,
        decision: TestDecision,
        key: String,
    ) -> Result<Outcome, NotDecided> {
        let found = self.store.test_payment_payer(api_key.merchant, payment).await;
        let Some(found) = found.map_err(NotDecided::Store)? else {
            return Ok(Outcome::Refused(Refusal::UnknownPayment));
        };
        let mut hash = Sha256::new();
        field(&mut hash, payment.as_bytes());
        field(&mut hash, decision.label());
        let caller = Caller::Merchant(api_key.merchant);
        let key = KeyRef { caller, mode: Mode::Test, key };
        let request = Request { key, hash: hash.into() };
        let by = match (decision, found.device) {
            (TestDecision::Expire, _) => Resolver::TimeOfTest { request },
            (_, Some(device)) if found.is_test_payer => {
                let confirmed = decision == TestDecision::Confirm;
                Resolver::Payer { device, confirmed, request }
            }
            (TestDecision::Confirm | TestDecision::Refuse, _) => {
                return Err(NotDecided::PayerDecides);
            }
        };
        let command = Command::Resolve(Resolve {
            payment,
            payer: found.payer,
            merchant: api_key.merchant,
            transfer: self.entropy.id(self.now()),
            by,
        });
        self.settle(command).await.map_err(NotDecided::Unsettled)
    }
}
