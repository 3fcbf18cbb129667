//! A small world and builders for what happens in it: everything has a number, which is its id.

use std::fmt::Debug;

use sha2::{Digest, Sha256};
use wallet_core::code::Mark;
use wallet_core::receipt::PaymentState;
use wallet_core::{Currency, DeviceKeyId, Mode, Money, PositiveMoney, Step, TerminalId, Timestamp};

use crate::domain::command::{
    AuthenticCode, Caller, Charge, CodeSource, Command, KeyRef, ReferenceRef, Request, Resolve,
    Resolver, TopUp, Verdict,
};
use crate::domain::ids::{ApiKeyId, MerchantId, PayerId, PaymentId, TopUpId, TransferId};
use crate::domain::limits::{Calendar, LimitRules, Limits, ProofLimits};
use crate::domain::outcome::{Answer, DeclineCode, Outcome, Refusal, Rejection};
use crate::domain::settle::{ConfirmationRules, Rules};

/// Payers: number, mode and currency of the wallet.
pub(super) const PAYERS: [(u32, Mode, &str); 4] = [
    (1, Mode::Live, "CNY"),
    (2, Mode::Live, "CNY"),
    (3, Mode::Test, "CNY"),
    (4, Mode::Live, "USD"),
];

/// Devices: number and payer.
pub(super) const DEVICES: [(u32, u32); 5] = [(1, 1), (2, 1), (3, 2), (4, 3), (5, 4)];

/// Merchants: number, mode, currency, fee in basis points and fixed fee.
pub(super) const MERCHANTS: [(u32, Mode, &str, u16, i64); 5] = [
    (1, Mode::Live, "CNY", 0, 0),
    (2, Mode::Live, "CNY", 60, 1),
    (3, Mode::Test, "CNY", 250, 0),
    (4, Mode::Live, "USD", 0, 0),
    (5, Mode::Live, "JPY", 100, 0),
];

/// The currencies in which the issuer has accounts of its own.
pub(super) const OWN_CURRENCIES: [&str; 2] = ["CNY", "USD"];

/// The most for one payment and for one day, in fen.
pub(super) const PAYMENT_LIMIT: i64 = 200;
pub(super) const DAY_LIMIT: i64 = 500;

/// One minute before a midnight, so that the clock soon crosses it.
const START_SECONDS: i64 = 86_400 * 20_000 - 60;

pub(super) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_unix_seconds(START_SECONDS + seconds)
}

pub(super) fn currency(code: &str) -> Currency {
    Currency::from_code(code).unwrap()
}

pub(super) fn yuan(minor: i64) -> Money {
    Money::from_minor(minor, currency("CNY"))
}

pub(super) fn dollars(minor: i64) -> Money {
    Money::from_minor(minor, currency("USD"))
}

/// The most for one month, in fen.
pub(super) const MONTH_LIMIT: i64 = 1400;

/// When [`asking_rules`] ask, in fen and payments a day, and for how long they wait, in seconds.
pub(super) const WITHOUT_PIN: i64 = 150;
pub(super) const WITHOUT_PIN_COUNT: i64 = 3;
pub(super) const DAY_WITHOUT_PIN: i64 = 300;
pub(super) const WAIT: i64 = 60;
/// For how long the same amount is suspicious, and a payer whose code was shown at two tills.
pub(super) const SAME_AMOUNT: i64 = 20;
pub(super) const SUSPECTED: i64 = 100;

/// Rules under which no payment is confirmed.
pub(super) fn rules() -> Rules {
    let limits = Limits {
        payment: yuan(PAYMENT_LIMIT),
        day: yuan(DAY_LIMIT),
        month: yuan(MONTH_LIMIT),
        without_pin: yuan(PAYMENT_LIMIT),
        without_pin_count: i64::MAX,
    };
    let day = yuan(DAY_LIMIT);
    Rules {
        calendar: Calendar::new(jiff::tz::TimeZone::UTC),
        limits: LimitRules {
            issuer: limits,
            new_payers: limits,
            new_device_payment: yuan(50),
            new_device_day: yuan(80),
            proof: ProofLimits { static_code: day, code: day, pin: day },
        },
        confirmation: ConfirmationRules {
            wait_millis: WAIT * 1000,
            same_amount_millis: 0,
            suspected_millis: 0,
            typed: false,
        },
    }
}

/// Rules under which payers are asked for every reason there is.
pub(super) fn asking_rules() -> Rules {
    let mut rules = rules();
    let (without_pin, without_pin_count) = (yuan(WITHOUT_PIN), WITHOUT_PIN_COUNT);
    rules.limits.issuer = Limits { without_pin, without_pin_count, ..rules.limits.issuer };
    rules.limits.proof.code = yuan(DAY_WITHOUT_PIN);
    rules.confirmation = ConfirmationRules {
        same_amount_millis: SAME_AMOUNT * 1000,
        suspected_millis: SUSPECTED * 1000,
        typed: true,
        ..rules.confirmation
    };
    rules
}

pub(super) fn id_bytes(number: u32) -> [u8; 16] {
    u128::from(number).to_be_bytes()
}

pub(super) fn number_of(id: &[u8; 16]) -> u32 {
    u32::try_from(u128::from_be_bytes(*id)).unwrap()
}

pub(super) fn device_id(number: u32) -> DeviceKeyId {
    DeviceKeyId::from_bytes(u64::from(number).to_be_bytes())
}

pub(super) fn merchant_id(number: u32) -> MerchantId {
    MerchantId::from_bytes(id_bytes(number))
}

pub(super) fn payer_id(number: u32) -> PayerId {
    PayerId::from_bytes(id_bytes(number))
}

fn digest(content: &impl Debug) -> [u8; 32] {
    Sha256::digest(format!("{content:?}")).into()
}

/// A merchant charges a code: builds a [`Charge`] with the hashes that its content has.
#[derive(Clone, Debug)]
pub(super) struct Sale {
    /// Tells the ids of payment and transfer.
    pub(super) number: u32,
    pub(super) mode: Mode,
    pub(super) merchant: u32,
    pub(super) api_key: u32,
    pub(super) key: u32,
    pub(super) reference: u32,
    pub(super) amount: Money,
    /// Whether the code opens and its signature holds.
    pub(super) genuine: bool,
    pub(super) device: u32,
    /// The code's step, counted from the step of `at(0)`.
    pub(super) step: i64,
    pub(super) seq: u8,
    pub(super) limit: Money,
    pub(super) description: Option<&'static str>,
    pub(super) typed: bool,
    pub(super) terminal: Option<u8>,
}

/// A sale of 10 yuan by merchant 1 to device 1; of two, the one with the higher number shows the
/// newer code.
pub(super) fn sale(number: u32) -> Sale {
    Sale {
        number,
        mode: Mode::Live,
        merchant: 1,
        api_key: 1,
        key: number,
        reference: number,
        amount: yuan(10),
        genuine: true,
        device: 1,
        step: 0,
        seq: u8::try_from(number).unwrap(),
        limit: yuan(150),
        description: Some("tea"),
        typed: false,
        terminal: None,
    }
}

impl From<Sale> for Command {
    fn from(sale: Sale) -> Self {
        let first_step = i64::from(at(0).step().number());
        let step = Step::from_number(u32::try_from(first_step + sale.step).unwrap());
        let mark = Mark { step, seq: sale.seq };
        let code = (sale.genuine, sale.device, mark, sale.limit);
        let payer = DEVICES.iter().find(|device| device.0 == sale.device).map_or(1, |it| it.1);
        let authentic = AuthenticCode {
            device: device_id(sale.device),
            payer: payer_id(payer),
            mark,
            limit: sale.limit,
            evidence: digest(&code).to_vec(),
        };
        let merchant = merchant_id(sale.merchant);
        let reference = format!("order {}", sale.reference);
        Self::Charge(Charge {
            id: PaymentId::from_bytes(id_bytes(sale.number)),
            transfer: TransferId::from_bytes(id_bytes(sale.number)),
            key: KeyRef {
                caller: Caller::Merchant(merchant),
                mode: sale.mode,
                key: format!("key {}", sale.key),
            },
            request_hash: digest(&(code, sale.amount, &reference, sale.description, sale.typed)),
            api_key: ApiKeyId::from_bytes(id_bytes(sale.api_key)),
            reference: ReferenceRef { merchant, mode: sale.mode, reference },
            fingerprint: digest(&(code, sale.amount)),
            amount: PositiveMoney::new(sale.amount).unwrap(),
            code_source: if sale.typed { CodeSource::Typed } else { CodeSource::Scan },
            terminal: sale.terminal.map(|number| TerminalId::from_bytes([number; 16])),
            description: sale.description.map(str::to_owned),
            metadata: Some(r#"{"table":7}"#.to_owned()),
            verdict: if sale.genuine { Verdict::Authentic(authentic) } else { Verdict::Invalid },
        })
    }
}

/// Money that a payer paid in: builds a [`TopUp`].
#[derive(Clone, Debug)]
pub(super) struct Deposit {
    /// Tells the ids of top-up and transfer.
    pub(super) number: u32,
    pub(super) mode: Mode,
    pub(super) key: u32,
    pub(super) payer: u32,
    pub(super) amount: Money,
    pub(super) reference: u32,
}

pub(super) fn deposit(number: u32, payer: u32, amount: Money) -> Deposit {
    Deposit { number, mode: Mode::Live, key: number, payer, amount, reference: number }
}

impl From<Deposit> for Command {
    fn from(deposit: Deposit) -> Self {
        let payer = payer_id(deposit.payer);
        let external_reference = format!("bank {}", deposit.reference);
        Self::TopUp(TopUp {
            id: TopUpId::from_bytes(id_bytes(deposit.number)),
            transfer: TransferId::from_bytes(id_bytes(deposit.number)),
            key: KeyRef {
                caller: Caller::Operator,
                mode: deposit.mode,
                key: format!("key {}", deposit.key),
            },
            request_hash: digest(&(payer, deposit.amount, &external_reference)),
            payer,
            amount: PositiveMoney::new(deposit.amount).unwrap(),
            external_reference,
        })
    }
}

/// A payment that may be waiting is decided: builds a [`Resolve`].
#[derive(Clone, Debug)]
pub(super) struct Decision {
    /// Tells the id of the transfer.
    pub(super) number: u32,
    pub(super) key: u32,
    /// The payment's number, and whose it is said to be.
    pub(super) payment: u32,
    pub(super) mode: Mode,
    pub(super) payer: u32,
    pub(super) merchant: u32,
    pub(super) by: By,
}

/// Who decides.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum By {
    /// A device confirms.
    Confirm(u32),
    /// A device refuses.
    Refuse(u32),
    /// The merchant cancels with an API key.
    Cancel(u32),
    Time,
}

impl Decision {
    /// What somebody decides about a sale.
    pub(super) fn of(number: u32, sale: &Sale, by: By) -> Self {
        let payer = DEVICES.iter().find(|device| device.0 == sale.device).map_or(1, |it| it.1);
        let Sale { number: payment, mode, merchant, .. } = *sale;
        Self { number, key: number, payment, mode, payer, merchant, by }
    }
}

impl From<Decision> for Command {
    fn from(decision: Decision) -> Self {
        let (payer, merchant) = (payer_id(decision.payer), merchant_id(decision.merchant));
        let payment = PaymentId::from_bytes(id_bytes(decision.payment));
        let request = |caller| Request {
            key: KeyRef { caller, mode: decision.mode, key: format!("key {}", decision.key) },
            hash: digest(&(payment, format!("{:?}", decision.by))),
        };
        let by_payer = |device, confirmed| Resolver::Payer {
            device: device_id(device),
            confirmed,
            request: request(Caller::Payer(payer)),
        };
        let by = match decision.by {
            By::Confirm(device) => by_payer(device, true),
            By::Refuse(device) => by_payer(device, false),
            By::Cancel(api_key) => Resolver::Merchant {
                api_key: ApiKeyId::from_bytes(id_bytes(api_key)),
                request: request(Caller::Merchant(merchant)),
            },
            By::Time => Resolver::Time,
        };
        let transfer = TransferId::from_bytes(id_bytes(decision.number));
        Self::Resolve(Resolve { payment, payer, merchant, transfer, by })
    }
}

/// What happens beside settlement.
#[derive(Clone, Copy, Debug)]
pub(super) enum Change {
    PayerActive(u32, bool),
    MerchantActive(u32, bool),
    RevokeDevice(u32),
    RevokeKey(u32),
    /// A merchant calls off a live reference; this counts unless a payment has taken it.
    CancelReference(u32, u32),
}

/// An outcome in few words, with numbers for ids.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Seen {
    New(What),
    Again(What),
    Refused(Refusal),
}

/// What an answer says.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum What {
    Paid(u32),
    /// Waits for its payer.
    Waits(u32),
    Canceled(u32),
    Expired(u32),
    Declined(u32, DeclineCode),
    Rejected(Rejection),
    Credited(u32),
}

impl From<&Outcome> for Seen {
    fn from(outcome: &Outcome) -> Self {
        let (answer, replayed) = match outcome {
            Outcome::Refused(refusal) => return Self::Refused(*refusal),
            Outcome::Answered { answer, replayed } => (answer, *replayed),
        };
        let what = match answer {
            Answer::Payment(payment) => {
                let number = number_of(payment.id.as_bytes());
                match payment.record.state {
                    PaymentState::RequiresConfirmation => What::Waits(number),
                    PaymentState::Succeeded => What::Paid(number),
                    PaymentState::Declined => What::Declined(number, payment.decline_code.unwrap()),
                    PaymentState::Canceled => What::Canceled(number),
                    PaymentState::Expired => What::Expired(number),
                    state => panic!("no rule leads to {}", state.as_str()),
                }
            }
            Answer::Rejected(rejection) => What::Rejected(*rejection),
            Answer::TopUp(top_up) => What::Credited(number_of(top_up.id.as_bytes())),
            Answer::Movement(_) | Answer::NotMoved(_) => panic!("not played here"),
        };
        if replayed { Self::Again(what) } else { Self::New(what) }
    }
}
