//! Payers that do what a test wants: how one has to stand so that its code comes to an outcome.
//!
//! Settlement knows nothing of them. A payer with an empty wallet has insufficient funds, whoever
//! made it, so what a test sees is what a till will see. Only what a payer *does* (confirms,
//! refuses) and an answer that gets lost are done for it, from outside.

use wallet_core::{Currency, Money, STEP_SECONDS};

use super::limits::{LimitRules, OwnLimits};
use crate::domain::named::named;

/// What charging a code comes to.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum TestOutcome {
    /// The payment is made.
    Succeeded,
    /// The wallet is empty.
    InsufficientFunds,
    /// The payer allows nothing.
    DeclinedByLimit,
    /// The payer is frozen.
    PayerUnavailable,
    /// The device was revoked.
    DeviceRevoked,
    /// The code allows next to nothing.
    OverCodeLimit,
    /// The code is for another currency.
    CurrencyMismatch,
    /// The payer must confirm, and a test decides.
    RequiresConfirmation,
    /// The payer must confirm, and does so a moment later.
    Confirmed,
    /// The payer must confirm, and refuses a moment later.
    Refused,
    /// The payer must confirm, and does nothing.
    ConfirmationTimeout,
    /// The code is too old.
    CodeExpired,
    /// A newer code of the same device was presented before.
    CodeUsed,
    /// No device that is enrolled signed it.
    InvalidCode,
    /// The code is from the future.
    ClockSkew,
    /// The payment is made, but the first answer is lost.
    LostAnswer,
}

named!(TestOutcome {
    Succeeded => "succeeded",
    InsufficientFunds => "insufficient_funds",
    DeclinedByLimit => "declined_by_limit",
    PayerUnavailable => "payer_unavailable",
    DeviceRevoked => "device_revoked",
    OverCodeLimit => "over_code_limit",
    CurrencyMismatch => "currency_mismatch",
    RequiresConfirmation => "requires_confirmation",
    Confirmed => "confirmed",
    Refused => "refused",
    ConfirmationTimeout => "confirmation_timeout",
    CodeExpired => "code_expired",
    CodeUsed => "code_used",
    InvalidCode => "invalid_code",
    ClockSkew => "clock_skew",
    LostAnswer => "lost_answer",
});

impl TestOutcome {
    /// What it is, for people.
    #[must_use]
    pub const fn description(self) -> &'static str {
        match self {
            Self::Succeeded => "The payment is made.",
            Self::InsufficientFunds => "Declined: there is not enough money in the wallet.",
            Self::DeclinedByLimit => "Declined: it is more than the payer may spend.",
            Self::PayerUnavailable => "Declined: the wallet is frozen.",
            Self::DeviceRevoked => "Declined: the device was revoked.",
            Self::OverCodeLimit => "Declined: the code allows no more than the smallest amount.",
            Self::CurrencyMismatch => "Declined: the code is for another currency.",
            Self::RequiresConfirmation => "Waits for the payer; you decide.",
            Self::Confirmed => "Waits for the payer, who confirms a moment later.",
            Self::Refused => "Waits for the payer, who refuses a moment later.",
            Self::ConfirmationTimeout => "Waits for the payer, who does nothing.",
            Self::CodeExpired => "No payment: the code is too old.",
            Self::CodeUsed => "No payment: the code was presented before.",
            Self::InvalidCode => "No payment: the code is not authentic.",
            Self::ClockSkew => "No payment: the code is from the future.",
            Self::LostAnswer => {
                "The payment is made, but the first answer says that the outcome is not known."
            }
        }
    }

    /// Whether the payer does something later, or an answer is lost: what does not follow from how
    /// the payer stands.
    #[must_use]
    pub const fn acts(self) -> bool {
        matches!(self, Self::Confirmed | Self::Refused | Self::LostAnswer)
    }
}

/// What the code of a test payer is like beside its limit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Flaw {
    /// Nothing is wrong.
    None,
    /// It was made this long before the present (negative) or after it.
    Shifted(i64),
    /// The payer is frozen.
    Frozen,
    /// The device was revoked.
    Revoked,
    /// A newer one was presented before.
    Presented,
    /// Nobody has enrolled the key that signs it.
    Unknown,
}

/// How a payer has to stand, and what its code has to say.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TestPayer {
    /// The payer's own limits.
    pub limits: OwnLimits,
    /// What is in the wallet; nothing, perhaps.
    pub money: Money,
    /// The most that the code allows.
    pub code_limit: Money,
    /// What is wrong with the code.
    pub flaw: Flaw,
}

/// Why there is no such payer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NoTestPayer {
    /// The issuer's rules leave no amount that comes to this outcome.
    Impossible,
    /// It comes to this outcome up to another amount.
    AboveMost(Money),
}

/// A code that is so old is refused, whatever the moment within its step.
const OLD_STEPS: i64 = 2;
/// A clock that is ahead by more than anybody would put up with.
const AHEAD_MILLIS: i64 = 60 * 60 * 1000;

impl TestPayer {
    /// The payer whose code comes to an outcome, for charges of up to `limit`, or as much as can be.
    ///
    /// # Errors
    /// [`NoTestPayer`].
    pub fn new(
        outcome: TestOutcome,
        rules: &LimitRules,
        limit: Option<Money>,
    ) -> Result<Self, NoTestPayer> {
        let most = match outcome {
            TestOutcome::Succeeded | TestOutcome::LostAnswer => most_unasked(rules),
            _ => most_asked(rules),
        };
        if !most.is_positive() {
            return Err(NoTestPayer::Impossible);
        }
        let smallest = Money::from_minor(1, most.currency());
        let code_limit = match (outcome, limit) {
            (_, Some(limit)) if limit.minor() > most.minor() => {
                return Err(NoTestPayer::AboveMost(most));
            }
            (_, Some(limit)) => limit,
            (TestOutcome::OverCodeLimit, None) => smallest,
            (_, None) => most,
        };
        let normal = Self {
            limits: as_much_as_may_be(rules),
            money: Money::zero(most.currency()),
            code_limit,
            flaw: Flaw::None,
        };
        let flawed = |flaw| Self { flaw, ..normal };
        Ok(match outcome {
            TestOutcome::Succeeded | TestOutcome::LostAnswer => {
                Self { money: code_limit, ..normal }
            }
            TestOutcome::RequiresConfirmation
            | TestOutcome::Confirmed
            | TestOutcome::Refused
            | TestOutcome::ConfirmationTimeout => {
                let limits = OwnLimits { without_pin: Some(0), ..normal.limits };
                Self { limits, money: code_limit, ..normal }
            }
            TestOutcome::DeclinedByLimit => {
                Self { limits: OwnLimits { payment: Some(0), ..normal.limits }, ..normal }
            }
            // An amount that the code does allow is then not in the wallet.
            TestOutcome::InsufficientFunds | TestOutcome::OverCodeLimit => normal,
            TestOutcome::CurrencyMismatch => {
                let other = Money::from_minor(code_limit.minor(), other(code_limit.currency()));
                Self { code_limit: other, ..normal }
            }
            TestOutcome::PayerUnavailable => flawed(Flaw::Frozen),
            TestOutcome::DeviceRevoked => flawed(Flaw::Revoked),
            TestOutcome::CodeExpired => {
                flawed(Flaw::Shifted(-OLD_STEPS * i64::from(STEP_SECONDS) * 1000))
            }
            TestOutcome::ClockSkew => flawed(Flaw::Shifted(AHEAD_MILLIS)),
            TestOutcome::CodeUsed => flawed(Flaw::Presented),
            TestOutcome::InvalidCode => flawed(Flaw::Unknown),
        })
    }
}

/// A payer who has chosen to spend as much as the issuer lets anybody.
fn as_much_as_may_be(rules: &LimitRules) -> OwnLimits {
    let issuer = &rules.issuer;
    OwnLimits {
        payment: Some(issuer.payment.minor()),
        day: Some(issuer.day.minor()),
        month: Some(issuer.month.minor()),
        without_pin: Some(issuer.without_pin.minor()),
        without_pin_count: Some(issuer.without_pin_count),
    }
}

/// The most that such a payer, who has spent nothing yet, pays with the PIN.
fn most_asked(rules: &LimitRules) -> Money {
    let issuer = &rules.issuer;
    least([issuer.payment, issuer.day, issuer.month, rules.proof.pin])
}

/// The most that such a payer pays without it.
fn most_unasked(rules: &LimitRules) -> Money {
    let issuer = &rules.issuer;
    if issuer.without_pin_count == 0 {
        return Money::zero(issuer.payment.currency());
    }
    least([most_asked(rules), issuer.without_pin, rules.proof.code, issuer.payment])
}

fn least(amounts: [Money; 4]) -> Money {
    let [first, rest @ ..] = amounts;
    rest.into_iter().fold(first, |least, one| if one.minor() < least.minor() { one } else { least })
}

/// A currency that is not this one.
fn other(currency: Currency) -> Currency {
    let others = ["EUR", "USD"].map(|code| Currency::from_code(code).unwrap_or(currency));
    others.into_iter().find(|other| *other != currency).unwrap_or(currency)
}

#[cfg(test)]
mod tests;
