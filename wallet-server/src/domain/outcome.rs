//! What settlement answers: an answer that is kept, or a refusal that leaves no trace.

mod movement;
mod order;
mod refund;

use wallet_core::receipt::Record;
use wallet_core::{Mode, Money, TerminalId, Timestamp};

use super::command::{Capture, CodeSource, MerchantCodeId};
use super::ids::{MerchantId, PayerId, PaymentId, TopUpId};
use crate::domain::named::named;

pub use movement::{MovementAnswer, NotMoved};
pub use order::{OrderAnswer, OrderState};
pub use refund::RefundAnswer;

/// The outcome of one command.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// Decided, and kept under the idempotency key: repeats get the same.
    Answered {
        /// The answer.
        answer: Answer,
        /// Whether it was decided by an earlier request.
        replayed: bool,
    },
    /// This request did nothing.
    Refused(Refusal),
}

/// An answer that is kept.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Answer {
    /// A payment was made, declined ones included.
    Payment(Box<PaymentAnswer>),
    /// The code was authentic but is no longer any use.
    Rejected(Rejection),
    /// Money was credited.
    TopUp(Box<TopUpAnswer>),
    /// Money of a payment was given back.
    Refund(Box<RefundAnswer>),
    /// Nothing stood under a reference, and nothing ever will.
    ReferenceCanceled,
    /// Money went from a payer to another one, was set aside to be paid out, or came back.
    Movement(Box<MovementAnswer>),
    /// It did not, and under this key it never will.
    NotMoved(NotMoved),
    /// A merchant asks to be paid, or does not any more.
    Order(Box<OrderAnswer>),
}

/// Why an authentic code made no payment.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Rejection {
    /// Older than one step.
    CodeExpired,
    /// At or below the device's mark.
    CodeUsed,
}

named!(Rejection {
    CodeExpired => "code_expired",
    CodeUsed => "code_used",
});

/// Why nothing was done; in order of precedence.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Refusal {
    /// The API key has been revoked since the request came in.
    KeyRevoked,
    /// The idempotency key stands for another request.
    KeyReused,
    /// The reference was called off before a payment came.
    ReferenceCanceled,
    /// The reference stands for another payment.
    ReferenceConflict,
    /// The merchant has no account in this currency, or is closed.
    MerchantUnavailable,
    /// Not a code of ours.
    InvalidCode,
    /// A code from the future: one clock is wrong.
    ClockSkew,
    /// No such payer.
    UnknownPayer,
    /// The payer is frozen or closed.
    PayerUnavailable,
    /// The payer's wallet is in another currency.
    WrongCurrency,
    /// More than one top-up may be, or a balance would not fit into 64 bits.
    TooLarge,
    /// No such payment of this merchant or payer.
    UnknownPayment,
    /// Another device than the one whose code was charged.
    OtherDevice,
    /// The payer did not confirm in time.
    ConfirmationExpired,
    /// It still waits for its payer.
    PaymentWaiting,
    /// What was held was not captured in time.
    HoldExpired,
    /// It has been decided already.
    PaymentClosed,
    /// Nothing of it can be given back, because nothing is the merchant's.
    NotRefundable,
    /// It was captured too long ago to be called off.
    CancelTooLate,
    /// More than is held.
    CaptureTooLarge,
    /// The merchant has less than it would give back.
    BalanceInsufficient,
    /// A reference has got a payment since it was looked up. The server looks again.
    ReferenceMoved,
    /// The device has been revoked since the request came in.
    DeviceRevoked,
    /// No such withdrawal.
    UnknownWithdrawal,
    /// It has been paid or returned already.
    WithdrawalClosed,
    /// No such money in suspense.
    UnknownSuspense,
    /// It has been released or paid out already.
    SuspenseClosed,
    /// No envelope that this payer may claim from.
    UnknownEnvelope,
    /// No such order of this merchant.
    UnknownOrder,
    /// It cannot be closed: somebody has paid it.
    OrderPaid,
    /// It has come to its end already.
    OrderEnded,
    /// A code that is signed, and stands for nothing that this payer can pay.
    UnknownMerchantCode,
    /// Another amount than the code's.
    WrongAmount,
    /// The code leaves the amount to the payer, who has said none.
    AmountMissing,
    /// The payer has to type the PIN for this.
    PinRequired,
    /// No such merchant.
    UnknownMerchant,
    /// No such payout.
    UnknownPayout,
    /// It is in a batch, of which the bank may have been told.
    PayoutBatched,
    /// It has been paid, returned or called off already.
    PayoutClosed,
}

impl Refusal {
    /// The stable code of the API.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::KeyRevoked | Self::DeviceRevoked => "unauthorized",
            Self::KeyReused => "idempotency_key_reused",
            Self::ReferenceCanceled => "reference_canceled",
            Self::ReferenceConflict => "reference_conflict",
            Self::MerchantUnavailable => "currency_not_accepted",
            Self::InvalidCode => "invalid_code",
            Self::ClockSkew => "clock_skew",
            Self::UnknownPayer => "unknown_payer",
            Self::PayerUnavailable => "payer_unavailable",
            Self::WrongCurrency => "currency_mismatch",
            Self::TooLarge | Self::CaptureTooLarge => "amount_too_large",
            Self::UnknownPayment
            | Self::UnknownWithdrawal
            | Self::UnknownSuspense
            | Self::UnknownOrder
            | Self::UnknownMerchant
            | Self::UnknownPayout => "not_found",
            Self::OtherDevice => "other_device",
            Self::ConfirmationExpired => "confirmation_expired",
            Self::PaymentWaiting => "payment_waiting",
            Self::HoldExpired => "hold_expired",
            Self::PaymentClosed => "payment_closed",
            Self::NotRefundable => "payment_not_refundable",
            Self::CancelTooLate => "cancel_too_late",
            Self::BalanceInsufficient => "balance_insufficient",
            Self::ReferenceMoved => "overloaded",
            Self::WithdrawalClosed => "withdrawal_closed",
            Self::SuspenseClosed => "suspense_closed",
            Self::UnknownEnvelope => "unknown_envelope",
            Self::OrderPaid => "order_paid",
            Self::OrderEnded => "order_closed",
            Self::UnknownMerchantCode => "unknown_merchant_code",
            Self::WrongAmount => "wrong_amount",
            Self::AmountMissing => "amount_missing",
            Self::PinRequired => "pin_required",
            Self::PayoutBatched => "payout_batched",
            Self::PayoutClosed => "payout_closed",
        }
    }
}

/// Why a payment was declined; in order of precedence.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum DeclineCode {
    /// The device was revoked.
    DeviceRevoked,
    /// The payer is frozen or closed.
    PayerUnavailable,
    /// The code, the wallet and the request are not in one currency.
    CurrencyMismatch,
    /// More than the payer allowed with this code.
    OverCodeLimit,
    /// More than the payer may spend at once or today; which one is the payer's business.
    DeclinedByLimit,
    /// More than the payer has.
    InsufficientFunds,
    /// The payer was asked and said no.
    RefusedByPayer,
}

named!(DeclineCode {
    DeviceRevoked => "device_revoked",
    PayerUnavailable => "payer_unavailable",
    CurrencyMismatch => "currency_mismatch",
    OverCodeLimit => "over_code_limit",
    DeclinedByLimit => "declined_by_limit",
    InsufficientFunds => "insufficient_funds",
    RefusedByPayer => "refused_by_payer",
});

/// Why the payer must confirm a payment on the phone; the first that applies.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum ConfirmationReason {
    /// The code was keyed in by hand.
    Typed,
    /// The device is new to its payer.
    NewDevice,
    /// Somebody else has shown a code of this payer lately.
    Suspected,
    /// The same amount at the same merchant a moment ago: it may be somebody else's goods.
    SameAmount,
    /// More than the payer spends without the PIN at once.
    Amount,
    /// More payments without the PIN than a day may have.
    Count,
    /// More than a day may have without the PIN.
    Day,
}

named!(ConfirmationReason {
    Typed => "typed",
    NewDevice => "new_device",
    Suspected => "suspected",
    SameAmount => "same_amount",
    Amount => "amount",
    Count => "count",
    Day => "day",
});

/// A payment as it was answered at some time.
///
/// Beside the record of that time it holds only what never changes, so that every answer can be
/// written again to the byte from the payment's row and a journal record.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PaymentAnswer {
    /// Its id.
    pub id: PaymentId,
    /// Whose it is.
    pub merchant: MerchantId,
    /// Live or test.
    pub mode: Mode,
    /// When it was made.
    pub created_at: Timestamp,
    /// Until when the payer may confirm it, if that is needed.
    pub expires_at: Option<Timestamp>,
    /// Until when the merchant may capture it, once it is authorized.
    pub hold_expires_at: Option<Timestamp>,
    /// What the journal said then: state, amounts, time.
    pub record: Record,
    /// What the merchant pays for it; nothing while nothing is the merchant's.
    pub fee: Money,
    /// Why it was declined, if it was.
    pub decline_code: Option<DeclineCode>,
    /// The merchant's reference.
    pub reference: String,
    /// When the merchant gets the money.
    pub capture: Capture,
    /// How the code reached the till.
    pub code_source: CodeSource,
    /// What the payer scanned, if it was not the merchant who did.
    pub merchant_code: Option<MerchantCodeId>,
    /// Where the code was scanned.
    pub terminal: Option<TerminalId>,
    /// For the payer to read.
    pub description: Option<String>,
    /// The merchant's own data, as JSON.
    pub metadata: Option<String>,
}

/// A top-up as it was answered.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TopUpAnswer {
    /// Its id.
    pub id: TopUpId,
    /// Whose wallet was credited.
    pub payer: PayerId,
    /// How much, and when: what the journal says.
    pub record: Record,
    /// The bank's reference.
    pub external_reference: String,
}
