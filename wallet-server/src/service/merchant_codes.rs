//! Codes that merchants show: orders and plates are made, closed, looked at and paid.
//!
//! ```text
//! the merchant: order or plate ─► its code, signed ─► a screen, a print
//! the payer:    scan ─► read (signature) ─► what is it? ─► pay ─► queue ─► settle
//! ```
//!
//! The code says which order or plate it is, and that the issuer made it; everything else is read
//! from the books, in the transaction that decides.

use std::sync::Arc;
use std::time::Duration;

use sha2::{Digest, Sha256};
use wallet_core::merchant_code::{
    City, Country, Label, MerchantCategory, MerchantCode, MerchantName, PrintedAmount, Purpose,
    Reading, Suspicion,
};
use wallet_core::requests::SignedEvidence;
use wallet_core::{Currency, Mode, PositiveMoney, Timestamp};

use super::App;
use super::charge::field;
use super::payments::{merchants_key, optional_money};
use super::transfers::{nothing_done, optional};
use crate::domain::command::{
    Command, EndOrder, MakeOrder, MerchantCodeId, OrderEnd, PayMerchantCode, ReferenceRef, Request,
};
use crate::domain::ids::{MerchantId, OrderId, PaymentId, PlateId};
use crate::domain::outcome::{OrderAnswer, OrderState, Outcome};
use crate::domain::request_hash::RequestHash;
use crate::domain::settle::{Standing, pin_reason};
use crate::issuer::Purpose as KeyPurpose;
use crate::store::{ApiKey, Device, Merchant, Plate, StoreError};
use crate::worker::Unsettled;

/// What encrypted evidence of a request is tied to, behind the payment's id: it cannot stand in the
/// place of an opened code.
const EVIDENCE_SUBJECT: &[u8] = b"request";

/// What the encrypted request of a payment is tied to.
pub(super) fn evidence_subject(id: PaymentId) -> Vec<u8> {
    [id.as_bytes().as_slice(), EVIDENCE_SUBJECT].concat()
}

/// What codes say about merchants of whom nothing else is known.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MerchantCodeDefaults {
    /// What they sell.
    pub category: MerchantCategory,
    /// Where.
    pub country: Country,
    /// The city.
    pub city: City,
}

/// What a merchant asks to be paid.
#[derive(Clone, Debug)]
pub struct OrderRequest {
    /// The idempotency key.
    pub key: String,
    /// How much.
    pub amount: PrintedAmount,
    /// The merchant's reference.
    pub reference: String,
    /// For the payer to read.
    pub description: Option<String>,
    /// The merchant's own data: a JSON object in its canonical form.
    pub metadata: Option<String>,
    /// For how long it can be paid.
    pub life_seconds: i64,
}

/// What a payer pays.
#[derive(Clone, Debug)]
pub struct MerchantCodePayment {
    /// The idempotency key.
    pub key: String,
    /// The text of the code.
    pub text: String,
    /// What it is.
    pub code: SignedMerchantCode,
    /// How much, where the payer said so.
    pub amount: Option<PositiveMoney>,
    /// Whether the payer typed the PIN, which was right.
    pub with_pin: bool,
    /// The payer's request.
    pub evidence: SignedEvidence,
}

/// A code whose signature is right.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SignedMerchantCode {
    /// What it stands for.
    pub id: MerchantCodeId,
    /// Whose it is.
    pub merchant: MerchantId,
}

/// Why a text is no code that can be paid here.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum NoMerchantCode {
    /// It is nobody's: this is the rule that it breaks.
    Malformed(String),
    /// Another issuer's, another scheme's, or the other mode's.
    Foreign,
    /// It says that it is this issuer's, and has no signature.
    Unsigned,
    /// It says that it is this issuer's, which did not sign it.
    Forged,
}

/// What a code stands for, as the books have it.
#[derive(Clone, Debug)]
pub enum KnownMerchantCode {
    /// An order.
    Order(Box<OrderAnswer>),
    /// A plate.
    Plate(Box<Plate>),
}

impl KnownMerchantCode {
    /// The amount, if it is always the same.
    #[must_use]
    pub fn amount(&self) -> Option<PositiveMoney> {
        match self {
            Self::Order(order) => Some(order.amount),
            Self::Plate(plate) => plate.amount,
        }
    }

    /// The currency.
    #[must_use]
    pub fn currency(&self) -> Currency {
        match self {
            Self::Order(order) => order.amount.money().currency(),
            Self::Plate(plate) => plate.currency,
        }
    }

    fn owner(&self) -> (MerchantId, Mode) {
        match self {
            Self::Order(order) => (order.merchant, order.mode),
            Self::Plate(plate) => (plate.merchant, plate.mode),
        }
    }
}

/// A code that a payer looks at.
#[derive(Debug)]
pub struct ScannedCode {
    /// What it stands for.
    pub code: KnownMerchantCode,
    /// Whose it is.
    pub merchant: Merchant,
    /// Whether paying it takes the PIN, as things stand.
    pub pin_needed: bool,
}

impl App {
    /// Makes an order.
    ///
    /// # Errors
    /// [`Unsettled`], when nothing is known to have been decided.
    pub async fn make_order(
        self: &Arc<Self>,
        api_key: &ApiKey,
        request: OrderRequest,
    ) -> Result<Outcome, Unsettled> {
        let hash = request.hash();
        let merchant = self.own_merchant(api_key).await.map_err(|error| nothing_done(&error))?;
        let now = self.now();
        let id: OrderId = self.entropy.id(now);
        let payload =
            self.payload(&merchant, MerchantCodeId::Order(id), request.amount.into(), None);
        let payload = payload.map_err(|error| nothing_done(&error))?;
        let amount = PositiveMoney::new(request.amount.money());
        let amount = amount.map_err(|_| nothing_done(&StoreError::Corrupt("an amount")))?;
        let command = Command::MakeOrder(MakeOrder {
            id,
            reference: ReferenceRef {
                merchant: api_key.merchant,
                mode: api_key.mode,
                reference: request.reference,
            },
            amount,
            description: request.description,
            metadata: request.metadata,
            payload,
            expires_at: now.plus_millis(request.life_seconds.saturating_mul(1000)),
            api_key: api_key.id,
            request: Request { key: merchants_key(api_key, request.key), hash },
        });
        self.settle(command).await
    }

    /// The merchant closes an order: nobody pays it from now on.
    ///
    /// # Errors
    /// [`Unsettled`], when nothing is known to have been decided.
    pub async fn close_order(
        self: &Arc<Self>,
        api_key: &ApiKey,
        order: OrderId,
        key: String,
    ) -> Result<Outcome, Unsettled> {
        let mut hash = Sha256::new();
        field(&mut hash, b"close order");
        field(&mut hash, order.as_bytes());
        let request = Request { key: merchants_key(api_key, key), hash: hash.into() };
        let by = OrderEnd::Merchant { api_key: api_key.id, request };
        self.settle(Command::EndOrder(EndOrder { order, merchant: api_key.merchant, by })).await
    }

    /// A merchant's order: now, or as soon as it is not open any more.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn order_when_ended(
        &self,
        api_key: &ApiKey,
        id: OrderId,
        wait: Duration,
    ) -> Result<Option<OrderAnswer>, StoreError> {
        let look = async || {
            let order = self.store.order(id).await?;
            Ok(order.filter(|it| (it.merchant, it.mode) == own(api_key)))
        };
        let ended = |order: &Option<OrderAnswer>| {
            order.as_ref().is_none_or(|order| order.state != OrderState::Open)
        };
        self.wait_until(api_key.merchant, wait, look, ended).await
    }

    /// Makes a plate; none for a merchant that is closed.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn create_plate(
        &self,
        api_key: &ApiKey,
        label: String,
        amount: Option<PrintedAmount>,
    ) -> Result<Option<Plate>, StoreError> {
        let merchant = self.own_merchant(api_key).await?;
        if merchant.closed {
            return Ok(None);
        }
        let now = self.now();
        let id: PlateId = self.entropy.id(now);
        let asked = amount.map_or(Asked::Open(merchant.currency), Asked::Fixed);
        let payload = self.payload(&merchant, MerchantCodeId::Plate(id), asked, Some(&label))?;
        let amount = amount.map(|amount| PositiveMoney::new(amount.money()));
        let plate = Plate {
            id,
            merchant: merchant.id,
            mode: merchant.mode,
            label,
            currency: merchant.currency,
            amount: amount.transpose().map_err(|_| StoreError::Corrupt("an amount"))?,
            payload,
            created_at: now,
            closed_at: None,
        };
        self.store.create_plate(&plate).await?;
        Ok(Some(plate))
    }

    /// A merchant's plate.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn plate(&self, api_key: &ApiKey, id: PlateId) -> Result<Option<Plate>, StoreError> {
        let plate = self.store.plate(id).await?;
        Ok(plate.filter(|plate| (plate.merchant, plate.mode) == own(api_key)))
    }

    /// A merchant closes a plate: nobody pays it from now on. Closing it again changes nothing.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn close_plate(
        &self,
        api_key: &ApiKey,
        id: PlateId,
    ) -> Result<Option<Plate>, StoreError> {
        if self.plate(api_key, id).await?.is_none() {
            return Ok(None);
        }
        self.store.close_plate(id, self.now()).await?;
        self.plate(api_key, id).await
    }

    /// Reads the text of a code that a payer of this mode scanned, on a thread for computing.
    ///
    /// # Errors
    /// [`Unsettled`], when there was no room for it.
    pub async fn read_merchant_code(
        self: &Arc<Self>,
        mode: Mode,
        text: &str,
    ) -> Result<Result<SignedMerchantCode, NoMerchantCode>, Unsettled> {
        let (app, text) = (Arc::clone(self), text.to_owned());
        self.compute(self.deadline(), move || app.read_code(mode, &text)).await
    }

    fn read_code(&self, mode: Mode, text: &str) -> Result<SignedMerchantCode, NoMerchantCode> {
        let keys = self.keys.public();
        let reading = MerchantCode::read(text, &keys.issuer_id, &keys.signing, mode);
        let reading = reading.map_err(|broken| NoMerchantCode::Malformed(broken.to_string()))?;
        match reading {
            Reading::Signed(code) => {
                let id = match code.purpose {
                    Purpose::Order(_) => MerchantCodeId::Order(OrderId::from_bytes(code.id)),
                    Purpose::FixedPlate(_) | Purpose::OpenPlate(_) => {
                        MerchantCodeId::Plate(PlateId::from_bytes(code.id))
                    }
                };
                let merchant = MerchantId::from_bytes(code.merchant);
                Ok(SignedMerchantCode { id, merchant })
            }
            Reading::OtherIssuer(_)
            | Reading::OtherScheme(_)
            | Reading::Suspicious(Suspicion::OtherMode) => Err(NoMerchantCode::Foreign),
            Reading::Suspicious(Suspicion::Unsigned) => Err(NoMerchantCode::Unsigned),
            Reading::Suspicious(
                Suspicion::UnknownKey | Suspicion::WronglySigned | Suspicion::Malformed,
            ) => Err(NoMerchantCode::Forged),
        }
    }

    /// What a code stands for, and whether this payer needs the PIN for it. Nothing moves.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn look_at_merchant_code(
        &self,
        device: &Device,
        signed: SignedMerchantCode,
        amount: Option<PositiveMoney>,
    ) -> Result<Option<ScannedCode>, StoreError> {
        let code = match signed.id {
            MerchantCodeId::Order(id) => {
                let order = self.store.order(id).await?;
                order.map(|order| KnownMerchantCode::Order(Box::new(order)))
            }
            MerchantCodeId::Plate(id) => {
                let plate = self.store.plate(id).await?;
                plate.map(|plate| KnownMerchantCode::Plate(Box::new(plate)))
            }
        };
        let code = code.filter(|code| code.owner() == (signed.merchant, device.mode));
        let merchant = self.store.merchant(signed.merchant).await?;
        let Some((code, merchant)) = code.zip(merchant) else { return Ok(None) };
        let pin_needed = self.pin_needed(device, code.amount().or(amount), code.currency()).await?;
        Ok(Some(ScannedCode { code, merchant, pin_needed }))
    }

    /// Whether an amount takes the PIN; if it is not known, whether every amount does.
    async fn pin_needed(
        &self,
        device: &Device,
        amount: Option<PositiveMoney>,
        currency: Currency,
    ) -> Result<bool, StoreError> {
        let (limits, usage) = self.limits_of_device(device).await?;
        let suspected_until = self.store.suspected_until(device.payer).await?;
        let now = self.now();
        let before = |until: Option<Timestamp>| until.is_some_and(|until| now < until);
        let standing = Standing {
            new_device: before(device.new_until),
            suspected: before(suspected_until),
            usage,
            limits,
        };
        let smallest = wallet_core::Money::from_minor(1, currency);
        let amount = amount.map_or(smallest, PositiveMoney::money);
        Ok(pin_reason(&self.rules, &standing, amount).is_some())
    }

    /// A payer pays a code. Runs to its end whether or not anybody waits for the answer.
    ///
    /// # Errors
    /// [`Unsettled`], when nothing is known to have been decided.
    pub async fn pay_merchant_code(
        self: &Arc<Self>,
        device: &Device,
        request: MerchantCodePayment,
    ) -> Result<Outcome, Unsettled> {
        let now = self.now();
        let id: PaymentId = self.entropy.id(now);
        // Not the PIN: a request that lacked it is repeated with it, under the same key.
        let mut hash = Sha256::new();
        field(&mut hash, b"pay merchant code");
        field(&mut hash, request.text.as_bytes());
        optional_money(&mut hash, request.amount);
        let subject = evidence_subject(id);
        let evidence = request.evidence.to_bytes();
        let command = Command::PayMerchantCode(PayMerchantCode {
            by: self.asked_by(device, request.key, hash, None),
            id,
            transfer: self.entropy.id(now),
            code: request.code.id,
            merchant: request.code.merchant,
            amount: request.amount,
            with_pin: request.with_pin,
            evidence: self.keys.hide(KeyPurpose::Evidence, &subject, &evidence),
        });
        self.settle(command).await
    }

    /// The text of a code, signed.
    fn payload(
        &self,
        merchant: &Merchant,
        id: MerchantCodeId,
        asked: Asked,
        label: Option<&str>,
    ) -> Result<String, StoreError> {
        let (place, defaults) = (&merchant.place, &self.merchant_codes);
        let purpose = match (id, asked) {
            (MerchantCodeId::Order(_), Asked::Fixed(amount)) => Purpose::Order(amount),
            (MerchantCodeId::Plate(_), Asked::Fixed(amount)) => Purpose::FixedPlate(amount),
            (MerchantCodeId::Plate(_), Asked::Open(currency)) => Purpose::OpenPlate(currency),
            (MerchantCodeId::Order(_), Asked::Open(_)) => {
                return Err(StoreError::Corrupt("an order without an amount"));
            }
        };
        let name = MerchantName::parse(&merchant.name);
        let code = MerchantCode {
            purpose,
            id: *id.as_bytes(),
            merchant: *merchant.id.as_bytes(),
            name: name.map_err(|_| StoreError::Corrupt("the name of a merchant"))?,
            category: place.category.clone().unwrap_or_else(|| defaults.category.clone()),
            country: place.country.clone().unwrap_or_else(|| defaults.country.clone()),
            city: place.city.clone().unwrap_or_else(|| defaults.city.clone()),
            // What other alphabets say stands in the books alone.
            label: label.and_then(|label| Label::parse(label).ok()),
        };
        Ok(self.keys.sign_merchant_code(&code, merchant.mode, self.now()))
    }

    async fn own_merchant(&self, api_key: &ApiKey) -> Result<Merchant, StoreError> {
        let merchant = self.store.merchant(api_key.merchant).await?;
        merchant.ok_or(StoreError::Corrupt("the merchant of an API key"))
    }
}

/// What a code asks for.
#[derive(Clone, Copy)]
enum Asked {
    Fixed(PrintedAmount),
    Open(Currency),
}

impl From<PrintedAmount> for Asked {
    fn from(amount: PrintedAmount) -> Self {
        Self::Fixed(amount)
    }
}

fn own(api_key: &ApiKey) -> (MerchantId, Mode) {
    (api_key.merchant, api_key.mode)
}

impl OrderRequest {
    /// The hash of the whole request.
    fn hash(&self) -> RequestHash {
        let mut hash = Sha256::new();
        field(&mut hash, b"order");
        let amount = self.amount.money();
        field(&mut hash, &amount.minor().to_be_bytes());
        field(&mut hash, &amount.currency().numeric().to_be_bytes());
        field(&mut hash, self.reference.as_bytes());
        optional(&mut hash, self.description.as_deref());
        optional(&mut hash, self.metadata.as_deref());
        field(&mut hash, &self.life_seconds.to_be_bytes());
        hash.into()
    }
}
