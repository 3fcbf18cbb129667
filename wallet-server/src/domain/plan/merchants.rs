//! What is to be written about payments after they were made.

use wallet_core::receipt::Record;
use wallet_core::{Money, Timestamp};

use crate::domain::ids::{PayerId, PaymentId, RefundId, SuspenseId, TransferId};
use crate::domain::outcome::{DeclineCode, RefundAnswer};
use crate::domain::snapshot::Refunded;

/// A payment as it is from now on. Several commands of a batch may change one; the last one counts,
/// and what moved before is kept.
#[derive(Clone, Debug)]
pub struct PaymentChange {
    /// Its state, and what the merchant has.
    pub record: Record,
    /// Why not, if not.
    pub decline_code: Option<DeclineCode>,
    /// What the merchant pays for it, from when it is captured.
    pub fee: Option<Money>,
    /// What was captured, from then on.
    pub captured: Option<Money>,
    /// What was given back.
    pub refunded: Refunded,
    /// How much of it counts against its day's limits; none if that has not changed.
    pub counted: Option<i64>,
    /// The movement of what was held, if it moved.
    pub closing: Option<TransferId>,
    /// The movement of what was captured and given back as a whole.
    pub reversal: Option<TransferId>,
    /// Until when it may be captured, from when it is authorized.
    pub hold_expires_at: Option<Timestamp>,
    /// The position of its last event in [`Plan::events`](super::Plan::events).
    pub event: usize,
}

impl PaymentChange {
    /// A change of the state, and of nothing else.
    #[must_use]
    pub fn of(record: Record, refunded: Refunded, event: usize) -> Self {
        Self {
            record,
            decline_code: None,
            fee: None,
            captured: None,
            refunded,
            counted: None,
            closing: None,
            reversal: None,
            hold_expires_at: None,
            event,
        }
    }

    /// This change after an earlier one of the same batch.
    #[must_use]
    pub fn after(self, before: &Self) -> Self {
        Self {
            decline_code: self.decline_code.or(before.decline_code),
            fee: self.fee.or(before.fee),
            captured: self.captured.or(before.captured),
            counted: self.counted.or(before.counted),
            closing: self.closing.or(before.closing),
            reversal: self.reversal.or(before.reversal),
            hold_expires_at: self.hold_expires_at.or(before.hold_expires_at),
            ..self
        }
    }
}

/// A refund to be written.
#[derive(Debug)]
pub struct NewRefund {
    /// What was answered.
    pub answer: RefundAnswer,
    /// Who had paid.
    pub payer: PayerId,
    /// The movement of money.
    pub transfer: TransferId,
    /// The position of its event in [`Plan::events`](super::Plan::events).
    pub event: usize,
}

/// Money that came back for a payer who could not have it.
#[derive(Debug)]
pub struct NewSuspense {
    /// Its id.
    pub id: SuspenseId,
    /// What gave it back: a refund, or a payment that was called off.
    pub subject: SuspenseSubject,
    /// Whose it is.
    pub payer: PayerId,
    /// How much.
    pub amount: Money,
    /// The movement that set it aside.
    pub transfer: TransferId,
    /// Since when.
    pub created_at: Timestamp,
}

/// What gave money back that its owner could not have.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SuspenseSubject {
    /// A refund.
    Refund(RefundId),
    /// A payment that was called off.
    Payment(PaymentId),
}

/// Money in suspense that was released or paid out.
#[derive(Debug)]
pub struct EndedSuspense {
    /// Which.
    pub id: SuspenseId,
    /// The bank's reference, if it was paid out.
    pub external_reference: Option<String>,
    /// The movement of money.
    pub transfer: TransferId,
    /// The position of its event in [`Plan::events`](super::Plan::events).
    pub event: usize,
}

#[cfg(test)]
mod tests {
    use wallet_core::receipt::{PaymentState, Record, RecordKind};
    use wallet_core::{Currency, Mode, Money, Timestamp};

    use super::PaymentChange;
    use crate::domain::ids::TransferId;
    use crate::domain::outcome::DeclineCode;
    use crate::domain::snapshot::Refunded;

    const NOW: Timestamp = Timestamp::from_unix_seconds(1_800_000_000);

    fn money(minor: i64) -> Money {
        Money::from_minor(minor, Currency::from_code("CNY").unwrap())
    }

    fn change(state: PaymentState, event: usize) -> PaymentChange {
        let record = Record {
            mode: Mode::Live,
            kind: RecordKind::Payment,
            state,
            subject: [1; 16],
            merchant: [2; 16],
            decided_at: NOW,
            asked: money(1250),
            settled: money(0),
            reference_hash: [0; 32],
            books_hash: [0; 32],
        };
        PaymentChange::of(record, Refunded { amount: money(0), fee: money(0), count: 0 }, event)
    }

    #[test]
    fn of_two_changes_in_one_batch_the_last_counts_and_keeps_what_the_first_moved() {
        let first = PaymentChange {
            decline_code: Some(DeclineCode::ALL[0]),
            fee: Some(money(3)),
            captured: Some(money(1250)),
            counted: Some(1250),
            closing: Some(TransferId::from_bytes([3; 16])),
            reversal: Some(TransferId::from_bytes([4; 16])),
            hold_expires_at: Some(NOW),
            ..change(PaymentState::Succeeded, 5)
        };
        let nothing_more = change(PaymentState::Canceled, 7).after(&first);
        assert_eq!((nothing_more.record.state, nothing_more.event), (PaymentState::Canceled, 7));
        assert_eq!(nothing_more.decline_code, first.decline_code);
        assert_eq!((nothing_more.fee, nothing_more.captured), (first.fee, first.captured));
        assert_eq!(nothing_more.counted, first.counted);
        assert_eq!((nothing_more.closing, nothing_more.reversal), (first.closing, first.reversal));
        assert_eq!(nothing_more.hold_expires_at, first.hold_expires_at);
        let both = PaymentChange { counted: Some(0), ..change(PaymentState::Canceled, 7) };
        assert_eq!(both.after(&first).counted, Some(0));
    }
}
