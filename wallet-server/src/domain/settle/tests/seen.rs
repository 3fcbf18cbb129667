//! Outcomes in few words, so that a test can say what it expects in one line.

use wallet_core::receipt::{PaymentState, Record, RecordKind};

use super::fixture::number_of;
use crate::domain::outcome::{Answer, DeclineCode, NotMoved, Outcome, Refusal, Rejection};

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
    /// The merchant has this payment's money.
    Paid(u32),
    /// Waits for its payer.
    Waits(u32),
    /// Waits for its merchant.
    Authorized(u32),
    Canceled(u32),
    Expired(u32),
    /// All of the payment was given back before.
    Returned(u32),
    Declined(u32, DeclineCode),
    Rejected(Rejection),
    Credited(u32),
    /// This refund gave back an amount, and to the merchant a part of its fee.
    Refunded(u32, i64, i64),
    /// Nothing stands under the reference, and nothing ever will.
    Buried,
    /// Nothing moved, and nothing ever will under this key; what is left, if it says so.
    Kept(&'static str, i64),
    /// Money in suspense has gone on.
    Ended(u32),
    /// An order, and where it stands.
    Order(u32, &'static str),
    /// This payout's money, so much of it, is held, has left, or is the merchant's again.
    PayoutHeld(u32, i64),
    PayoutPaid(u32, i64),
    PayoutBack(u32, i64),
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
                    PaymentState::Authorized => What::Authorized(number),
                    PaymentState::Succeeded => What::Paid(number),
                    PaymentState::Declined => What::Declined(number, payment.decline_code.unwrap()),
                    PaymentState::Canceled => What::Canceled(number),
                    PaymentState::Expired => What::Expired(number),
                    PaymentState::Refunded => What::Returned(number),
                    PaymentState::PartiallyRefunded => panic!("nobody answers so"),
                }
            }
            Answer::Rejected(rejection) => What::Rejected(*rejection),
            Answer::TopUp(top_up) => What::Credited(number_of(top_up.id.as_bytes())),
            Answer::Refund(refund) => {
                let (amount, fee) = (refund.record.asked.minor(), refund.fee_returned.minor());
                What::Refunded(number_of(refund.id.as_bytes()), amount, fee)
            }
            Answer::ReferenceCanceled => What::Buried,
            Answer::NotMoved(why) => What::Kept(why.code(), left(*why)),
            Answer::Order(order) => {
                What::Order(number_of(order.id.as_bytes()), order.state.as_str())
            }
            Answer::Movement(movement) => movement_seen(&movement.record),
        };
        if replayed { Self::Again(what) } else { Self::New(what) }
    }
}

fn left(why: NotMoved) -> i64 {
    if let NotMoved::RefundExceedsPayment(left) | NotMoved::PayoutTooSmall(left) = why {
        left.minor()
    } else {
        0
    }
}

/// Money in suspense or a payout: no other movement is played here.
fn movement_seen(record: &Record) -> What {
    let (number, amount) = (number_of(&record.subject), record.asked.minor());
    match (record.kind, record.state) {
        (RecordKind::Payout, PaymentState::Authorized) => What::PayoutHeld(number, amount),
        (RecordKind::Payout, PaymentState::Succeeded) => What::PayoutPaid(number, amount),
        (RecordKind::Payout, _) => What::PayoutBack(number, amount),
        _ => What::Ended(number),
    }
}
