//! Answers about money that does not go to a merchant: between payers, and out of the books.

use wallet_core::receipt::Record;
use wallet_core::{Currency, Money};

use crate::domain::limits::{LimitName, OverLimit};

/// A transfer between payers, a withdrawal, a red envelope or a share of one, a payout, as the
/// journal recorded it at some time.
///
/// The record and what was kept with the answer are all that is shown, so that it can be written
/// again to the byte.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MovementAnswer {
    /// What the journal says.
    pub record: Record,
    /// Which share it is of its envelope, from 1, if it is one.
    pub share: Option<u16>,
    /// What is shown beside it, encrypted.
    pub shown: Vec<u8>,
}

/// Why money did not move that a payer sent or a merchant would have given back or paid out; in
/// order of precedence.
///
/// It is kept under the idempotency key: otherwise a repeat that was late on its way could move
/// money that the caller was told would not move.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NotMoved {
    /// The payer is frozen or closed.
    PayerUnavailable,
    /// There is no such payer to pay to.
    UnknownRecipient,
    /// The payer would pay to the own wallet.
    SamePayer,
    /// The recipient is frozen or closed.
    RecipientUnavailable,
    /// The wallets and the request are not in one currency.
    CurrencyMismatch,
    /// More than the payer may spend.
    OverLimit(OverLimit),
    /// More than the payer has.
    InsufficientFunds,
    /// The payer would claim from an envelope of their own.
    OwnEnvelope,
    /// The payer has claimed a share already.
    EnvelopeClaimed,
    /// Every share is claimed.
    EnvelopeEmpty,
    /// Nobody may claim any more.
    EnvelopeExpired,
    /// The sender is frozen.
    SenderUnavailable,
    /// The payment was made too long ago to be refunded.
    RefundTooLate,
    /// The payment has as many refunds as one may have.
    TooManyRefunds,
    /// More than is left of the payment: this much is.
    RefundExceedsPayment(Money),
    /// The merchant has less than it would give back or have paid out.
    BalanceInsufficient,
    /// The order is paid.
    OrderPaid,
    /// Its merchant has closed the order.
    OrderCanceled,
    /// It is too late to pay the order.
    OrderExpired,
    /// Its merchant has closed the plate.
    PlateClosed,
    /// The merchant is closed.
    MerchantUnavailable,
    /// The operator knows no account to which the merchant's money could go.
    PayoutDestinationMissing,
    /// Less than the least that a payout may be: this much.
    PayoutTooSmall(Money),
}

impl NotMoved {
    /// Those that have nothing beside their code.
    const PLAIN: [(Self, &'static str); 20] = [
        (Self::PayerUnavailable, "payer_unavailable"),
        (Self::UnknownRecipient, "unknown_recipient"),
        (Self::SamePayer, "same_payer"),
        (Self::RecipientUnavailable, "recipient_unavailable"),
        (Self::CurrencyMismatch, "currency_mismatch"),
        (Self::InsufficientFunds, "insufficient_funds"),
        (Self::OwnEnvelope, "own_envelope"),
        (Self::EnvelopeClaimed, "envelope_claimed"),
        (Self::EnvelopeEmpty, "envelope_empty"),
        (Self::EnvelopeExpired, "envelope_expired"),
        (Self::SenderUnavailable, "sender_unavailable"),
        (Self::RefundTooLate, "refund_too_late"),
        (Self::TooManyRefunds, "too_many_refunds"),
        (Self::BalanceInsufficient, "balance_insufficient"),
        (Self::OrderPaid, "order_paid"),
        (Self::OrderCanceled, "order_canceled"),
        (Self::OrderExpired, "order_expired"),
        (Self::PlateClosed, "plate_closed"),
        (Self::MerchantUnavailable, "merchant_unavailable"),
        (Self::PayoutDestinationMissing, "payout_destination_missing"),
    ];
    const OVER_LIMIT: &'static str = "declined_by_limit";
    const EXCEEDS: &'static str = "refund_exceeds_payment";
    const TOO_SMALL: &'static str = "payout_too_small";

    /// The stable code of the API.
    #[must_use]
    pub fn code(&self) -> &'static str {
        if matches!(self, Self::RefundExceedsPayment(_)) {
            return Self::EXCEEDS;
        }
        if matches!(self, Self::PayoutTooSmall(_)) {
            return Self::TOO_SMALL;
        }
        let plain = Self::PLAIN.iter().find(|entry| entry.0 == *self);
        plain.map_or(Self::OVER_LIMIT, |entry| entry.1)
    }

    /// All of it as a text: the code, and what belongs to it after blanks.
    #[must_use]
    pub fn to_text(&self) -> String {
        if let Self::OverLimit(OverLimit { limit, left }) = self {
            let (currency, minor) = (left.currency().numeric(), left.minor());
            return format!("{} {} {currency} {minor}", Self::OVER_LIMIT, limit.as_str());
        }
        if let Self::RefundExceedsPayment(money) | Self::PayoutTooSmall(money) = self {
            return format!("{} {} {}", self.code(), money.currency().numeric(), money.minor());
        }
        self.code().to_owned()
    }

    /// Reads what [`to_text`](Self::to_text) wrote.
    #[must_use]
    pub fn from_text(text: &str) -> Option<Self> {
        if let Some(plain) = Self::PLAIN.iter().find(|entry| entry.1 == text) {
            return Some(plain.0);
        }
        let mut words = text.split(' ');
        let read = match words.next()? {
            Self::OVER_LIMIT => {
                let limit = LimitName::from_name(words.next()?)?;
                Self::OverLimit(OverLimit { limit, left: money(&mut words)? })
            }
            Self::EXCEEDS => Self::RefundExceedsPayment(money(&mut words)?),
            Self::TOO_SMALL => Self::PayoutTooSmall(money(&mut words)?),
            _ => return None,
        };
        words.next().is_none().then_some(read)
    }
}

/// Reads a currency's number and minor units.
fn money<'a>(words: &mut impl Iterator<Item = &'a str>) -> Option<Money> {
    let currency = Currency::from_numeric(words.next()?.parse().ok()?).ok()?;
    Some(Money::from_minor(words.next()?.parse().ok()?, currency))
}

#[cfg(test)]
mod tests {
    use wallet_core::{Currency, Money};

    use super::NotMoved;
    use crate::domain::limits::{LimitName, OverLimit};

    #[test]
    fn why_nothing_moved_reads_back_from_its_text_and_from_no_other() {
        let yuan = Currency::from_code("CNY").unwrap();
        let mut all: Vec<NotMoved> = NotMoved::PLAIN.iter().map(|entry| entry.0).collect();
        for limit in [LimitName::Payment, LimitName::Day, LimitName::Month, LimitName::Proof] {
            let left = Money::from_minor(1_234, yuan);
            all.push(NotMoved::OverLimit(OverLimit { limit, left }));
        }
        all.push(NotMoved::RefundExceedsPayment(Money::from_minor(1_234, yuan)));
        all.push(NotMoved::PayoutTooSmall(Money::from_minor(100, yuan)));
        for not_moved in all {
            let text = not_moved.to_text();
            assert_eq!(NotMoved::from_text(&text), Some(not_moved), "{text}");
            assert!(text.starts_with(not_moved.code()), "{text}");
            assert_eq!(NotMoved::from_text(&format!("{text} ")), None, "{text}");
        }
        for text in [
            "",
            "declined_by_limit",
            "declined_by_limit day 156",
            "refund_exceeds_payment 156",
            "payout_too_small",
            "succeeded",
        ] {
            assert_eq!(NotMoved::from_text(text), None, "{text}");
        }
    }
}
