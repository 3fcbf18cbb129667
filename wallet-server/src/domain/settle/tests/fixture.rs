//! A small world: everything has a number, which is its id.

use wallet_core::{Currency, DeviceKeyId, Mode, Money, Timestamp};

use crate::domain::ids::{MerchantId, PayerId};
use crate::domain::limits::{Calendar, LimitRules, Limits, ProofLimits};
use crate::domain::settle::{ConfirmationRules, PaymentRules, PayoutRules, Rules};

pub(super) use super::changes::{By, Decision, Ending, GiveBack, Undo};
pub(super) use super::requests::{Deposit, Sale, deposit, sale};
pub(super) use super::seen::{Seen, What};

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

/// What may happen to payments after they were made: for how long, in seconds, and how often.
pub(super) const HOLD: i64 = 80;
pub(super) const CANCEL: i64 = 40;
pub(super) const REFUND: i64 = 60;
pub(super) const REFUNDS_MAX: u32 = 2;

/// The least that may be paid out at once, in fen.
pub(super) const LEAST_PAYOUT: i64 = 3;

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
        payments: PaymentRules {
            hold_millis: HOLD * 1000,
            cancel_millis: CANCEL * 1000,
            refund_millis: REFUND * 1000,
            refunds_max: REFUNDS_MAX,
            fees_returned: true,
        },
        payouts: PayoutRules { least: yuan(LEAST_PAYOUT) },
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

/// What happens beside settlement.
#[derive(Clone, Copy, Debug)]
pub(super) enum Change {
    PayerActive(u32, bool),
    MerchantActive(u32, bool),
    RevokeDevice(u32),
    RevokeKey(u32),
    /// All that a merchant is owed is paid to its bank account.
    PayMerchant(u32),
    /// The bank is told of all open payouts.
    BatchPayouts,
}
