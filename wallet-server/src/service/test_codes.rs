//! Codes for tests: each of a payer and a device of its own, which stand so that charging the code
//! comes to what the test wants.
//!
//! ```text
//! payer, wallet, device ─► top-up, if the payer is to pay ─► a code, signed and sealed ─► its key is forgotten
//! ```
//!
//! Everything is as if the operator had taken the payer on and a phone had made the code, so the
//! charge goes the way of every charge, and the books hold nothing that they would not hold
//! otherwise. A payer for each code, because limits, marks and suspicions stay with a payer: those
//! of one test would be found by the next.

use std::sync::Arc;

use wallet_core::code::{CodeLimit, CodeTerms, IssuerProfile, PayerDevice};
use wallet_core::{DeviceKey, DeviceKeyId, Mode, Money, PositiveMoney, Timestamp};

use super::{App, ChargeRequest, TopUpRequest};
use crate::domain::command::{Capture, CodeSource, Verdict};
use crate::domain::fee::FeeRule;
use crate::domain::ids::{ApiKeyId, MerchantId, PayerId};
use crate::domain::outcome::{Answer, Outcome};
use crate::domain::test_payer::{Flaw, NoTestPayer, TestOutcome, TestPayer};
use crate::issuer::Purpose;
use crate::store::{
    ApiKey, Approval, KeptSecret, Merchant, MerchantPlace, NewApiKey, NewDevice, Payer,
    PayerStanding, StoreError, again,
};
use crate::worker::Unsettled;

/// The merchant at whose till codes were presented before, made when it is first needed. Its id is
/// older than all others, and the same everywhere, so that two processes do not make two.
const TEST_TILL: [u8; 16] = [0, 0, 0, 0, 0, 0, 0x70, 0, 0x80, 0, 0, 0, 0, 0, 0, 1];
const TEST_TILL_NAME: &str = "Till of tests";

/// A code for a test.
pub struct TestCode {
    /// What is to be scanned.
    pub digits: String,
    /// The most that it allows.
    pub limit: Money,
    /// Until when it can be charged.
    pub expires_at: Timestamp,
}

/// Why there is no code.
#[derive(Debug)]
pub enum NoTestCode {
    /// The rules are against it.
    NoPayer(NoTestPayer),
    /// The database failed.
    Store(StoreError),
    /// Settlement did not do its part.
    Unsettled(Unsettled),
    /// The code could not be made: the issuer's key is at fault.
    Code(wallet_core::Error),
}

impl From<StoreError> for NoTestCode {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<Unsettled> for NoTestCode {
    fn from(unsettled: Unsettled) -> Self {
        Self::Unsettled(unsettled)
    }
}

/// Whom a code is made for.
struct New {
    payer: PayerId,
    key_id: DeviceKeyId,
    key: DeviceKey,
}

impl App {
    /// Makes a code of a new payer, for a test of this merchant.
    ///
    /// # Errors
    /// [`NoTestCode`].
    pub async fn make_test_code(
        self: &Arc<Self>,
        api_key: &ApiKey,
        outcome: TestOutcome,
        limit: Option<Money>,
    ) -> Result<TestCode, NoTestCode> {
        let plan = TestPayer::new(outcome, &self.rules.limits, limit);
        let plan = plan.map_err(NoTestCode::NoPayer)?;
        let new = New {
            payer: self.entropy.id(self.now()),
            key_id: DeviceKeyId::from_bytes(self.entropy.bytes()),
            key: DeviceKey::generate(&mut self.entropy.shared()),
        };
        if plan.flaw != Flaw::Unknown {
            again!(self.take_on(api_key.merchant, outcome, &plan, &new))?;
        }
        if let Ok(amount) = PositiveMoney::new(plan.money) {
            self.fill(new.payer, amount).await?;
        }
        let payer = new.payer;
        let (shown, newer) = self.make_codes(new, plan).await?;
        if plan.flaw == Flaw::Presented {
            self.present(payer, newer, plan.code_limit).await?;
        }
        Ok(shown)
    }

    /// Takes on the payer, with the device, as it has to stand.
    async fn take_on(
        &self,
        merchant: MerchantId,
        outcome: TestOutcome,
        plan: &TestPayer,
        new: &New,
    ) -> Result<(), StoreError> {
        let now = self.now();
        let hide =
            |subject: &[u8], name: &str| self.keys.hide(Purpose::Names, subject, name.as_bytes());
        let name = format!("Test: {}", outcome.as_str());
        let payer = Payer {
            id: new.payer,
            mode: Mode::Test,
            name: hide(new.payer.as_bytes(), &name),
            state: "active".to_owned(),
            currency: self.currency,
            created_at: now,
        };
        let device = NewDevice {
            key_id: new.key_id,
            public_key: new.key.public_key(),
            name: hide(new.key_id.as_bytes(), &name),
            approval: Approval::Given { new_until: None },
        };
        let change = self.store.begin_registration(&payer, self.entropy.id(now), &device).await?;
        let mut change = change.ok_or(StoreError::Corrupt("a new key that is enrolled"))?;
        change.set_limits(&plan.limits).await?;
        change.keep_test_payer(merchant, outcome, now).await?;
        match plan.flaw {
            Flaw::Frozen => change.set_standing(PayerStanding::FrozenByOperator).await?,
            Flaw::Revoked => drop(change.revoke(new.key_id, now).await?),
            Flaw::None | Flaw::Shifted(_) | Flaw::Presented | Flaw::Unknown => {}
        }
        self.commit(change).await
    }

    /// Puts money into the wallet, out of the bank account of test mode.
    async fn fill(
        self: &Arc<Self>,
        payer: PayerId,
        amount: PositiveMoney,
    ) -> Result<(), Unsettled> {
        let key = format!("test-{payer}");
        let external_reference = key.clone();
        let request = TopUpRequest { key, payer, mode: Mode::Test, amount, external_reference };
        match self.top_up(request).await? {
            Outcome::Answered { .. } => Ok(()),
            Outcome::Refused(refusal) => {
                tracing::error!(?refusal, "a test payer was not topped up");
                Err(Unsettled::Unknown)
            }
        }
    }

    /// Makes the code and a newer one, and forgets the key.
    async fn make_codes(
        self: &Arc<Self>,
        new: New,
        plan: TestPayer,
    ) -> Result<(TestCode, String), NoTestCode> {
        let app = Arc::clone(self);
        let make = move || {
            let public = app.keys.public();
            // There is one at least.
            let current = public.sealing.last().copied();
            let current = current.ok_or(StoreError::Corrupt("no sealing key"))?;
            let profile = IssuerProfile {
                id: public.issuer_id,
                mode: Mode::Test,
                prefix: app.prefix,
                slot: current.slot,
                sealing_key: current.key,
                sealing_key_retires_at: current.retires_at,
            };
            let shifted = if let Flaw::Shifted(millis) = plan.flaw { millis } else { 0 };
            let at = app.now().plus_millis(shifted);
            let device = PayerDevice::new(new.key, new.key_id, profile);
            let terms =
                CodeTerms::up_to(CodeLimit::new(plan.code_limit).map_err(NoTestCode::Code)?);
            let code = |seq| device.make_code(at, seq, &terms, &mut app.entropy.shared());
            let shown = TestCode {
                digits: code(0).map_err(NoTestCode::Code)?.digits().to_owned(),
                limit: plan.code_limit,
                // Codes of the step before the present one are taken.
                expires_at: at.step().ends_at().step().ends_at(),
            };
            let newer = code(1).map_err(NoTestCode::Code)?.digits().to_owned();
            Ok((shown, newer))
        };
        self.compute(self.deadline(), make).await?
    }

    /// Has a code presented: the payer, who has nothing, is declined, and all older codes are
    /// burned.
    async fn present(
        self: &Arc<Self>,
        payer: PayerId,
        code: String,
        amount: Money,
    ) -> Result<(), NoTestCode> {
        let till = self.test_till().await?;
        let amount = PositiveMoney::new(amount).map_err(NoTestCode::Code)?;
        let reference = payer.to_string();
        let request = ChargeRequest {
            key: reference.clone(),
            code,
            code_source: CodeSource::Scan,
            amount,
            capture: Capture::Automatic,
            reference,
            terminal: None,
            description: None,
            metadata: None,
        };
        match self.charge(&till, request).await? {
            Outcome::Answered { answer: Answer::Payment(_), .. } => Ok(()),
            outcome => {
                tracing::error!(?outcome, "a test code was not presented");
                Err(Unsettled::Unknown.into())
            }
        }
    }

    /// The key of the merchant at whose till codes were presented before. Nobody has its secret.
    async fn test_till(&self) -> Result<ApiKey, StoreError> {
        let merchant = MerchantId::from_bytes(TEST_TILL);
        let now = self.now();
        let key = ApiKey {
            id: ApiKeyId::from_bytes(TEST_TILL),
            merchant,
            mode: Mode::Test,
            scopes: "charge".to_owned(),
            created_at: now,
            expires_at: None,
        };
        if self.store.merchant(merchant).await?.is_some() {
            return Ok(key);
        }
        let till = Merchant {
            id: merchant,
            mode: Mode::Test,
            name: TEST_TILL_NAME.to_owned(),
            currency: self.currency,
            fee: FeeRule::FREE,
            place: MerchantPlace::default(),
            created_at: now,
            closed: false,
        };
        let secret = KeptSecret { hash: self.entropy.bytes(), end: String::new() };
        let new = NewApiKey { key: key.clone(), name: None, secret };
        let made = self.store.create_merchant(&till, self.entropy.id(now), &new).await;
        // Perhaps somebody else was faster.
        if made.is_err() && self.store.merchant(merchant).await?.is_none() {
            made?;
        }
        Ok(key)
    }

    /// The payer of a test, if the code that was charged is one of test mode.
    pub(super) fn payer_in_test(mode: Mode, verdict: &Verdict) -> Option<PayerId> {
        match verdict {
            Verdict::Authentic(code) if mode == Mode::Test => Some(code.payer),
            Verdict::Authentic(_) | Verdict::Invalid => None,
        }
    }

    /// Loses the first answer about a payment of a payer who was made for that.
    pub(super) async fn lose_answer(
        &self,
        payer: PayerId,
        settled: Result<Outcome, Unsettled>,
    ) -> Result<Outcome, Unsettled> {
        if !matches!(settled, Ok(Outcome::Answered { replayed: false, .. })) {
            return settled;
        }
        match self.lose_once(payer).await {
            Ok(true) => Err(Unsettled::Unknown),
            Ok(false) => settled,
            Err(error) => {
                tracing::warn!(%error, "an answer is not lost");
                settled
            }
        }
    }

    /// Whether an answer about this payer is to be lost, which it is once.
    async fn lose_once(&self, payer: PayerId) -> Result<bool, StoreError> {
        let lost = TestOutcome::LostAnswer;
        // Most are not, and looking is cheaper than writing.
        Ok(self.store.test_payer_due(payer).await? == Some(lost)
            && self.store.test_payer_has_acted(payer, lost).await?)
    }
}
