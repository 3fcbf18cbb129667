//! What settlement wants written: everything that one transaction commits, and nothing else.

mod envelopes;
mod merchant_codes;
mod merchants;
mod payouts;
mod people;

use std::collections::BTreeMap;

use wallet_core::code::Mark;
use wallet_core::receipt::{Record, RecordKind};
use wallet_core::{DeviceKeyId, Money, Timestamp};

use super::command::{KeyRef, ReferenceRef};
use super::ids::{MerchantId, OrderId, PayerId, PaymentId, RefundId, TopUpId, TransferId};
use super::ledger::Transfer;
use super::limits::{Day, Limits, OverLimit, Proof, Usage};
use super::outcome::{ConfirmationReason, Outcome, PaymentAnswer, TopUpAnswer};
use super::snapshot::Presented;
use crate::domain::request_hash::RequestHash;

pub use envelopes::{EnvelopeChange, NewClaim, NewEnvelope};
pub use merchant_codes::{EndedOrder, MerchantCodeChanges};
pub use merchants::{EndedSuspense, NewRefund, NewSuspense, PaymentChange, SuspenseSubject};
pub use payouts::{NewPayout, PayoutChange, PayoutChanges};
pub use people::{FinishedWithdrawal, NewPayerTransfer, NewWithdrawal, PeopleChanges};

/// The result of [`settle`](super::settle::settle).
#[derive(Default, Debug)]
pub struct Plan {
    /// One for each command, in their order.
    pub outcomes: Vec<Outcome>,
    /// Movements of money.
    pub transfers: Vec<Transfer>,
    /// New payments.
    pub payments: Vec<NewPayment>,
    /// New top-ups.
    pub top_ups: Vec<NewTopUp>,
    /// Where devices' marks move to, and where those codes were presented.
    pub marks: Vec<(DeviceKeyId, Presented)>,
    /// Payments that were made before and have changed, each once.
    pub changed_payments: BTreeMap<PaymentId, PaymentChange>,
    /// New refunds.
    pub refunds: Vec<NewRefund>,
    /// Money that came back for payers who could not have it.
    pub suspense: Vec<NewSuspense>,
    /// What became of such money.
    pub ended_suspense: Vec<EndedSuspense>,
    /// What payers have spent, and whether they are suspected to be somebody else.
    pub payers: BTreeMap<PayerId, PayerChange>,
    /// Money between payers, and money that payers take out.
    pub people: PeopleChanges,
    /// Codes that merchants show.
    pub merchant_codes: MerchantCodeChanges,
    /// Money that merchants have paid out.
    pub payouts: PayoutChanges,
    /// Answers to keep.
    pub kept_answers: Vec<NewKeptAnswer>,
    /// References taken.
    pub references: Vec<NewReference>,
    /// What happened, in order: the outbox and the journal's leaves.
    pub events: Vec<Event>,
}

/// A payment to be written.
#[derive(Debug)]
pub struct NewPayment {
    /// What was answered.
    pub answer: PaymentAnswer,
    /// Who paid, or would have.
    pub payer: PayerId,
    /// With which device.
    pub device: DeviceKeyId,
    /// The limits in force.
    pub limits: Limits,
    /// How sure it is that it was the payer, or will be once confirmed.
    pub proof: Proof,
    /// The day on which it counted.
    pub day: Day,
    /// How much of it counts against that day's limits.
    pub counted: i64,
    /// Why the payer must confirm it.
    pub reason: Option<ConfirmationReason>,
    /// The limit that was in the way.
    pub over_limit: Option<OverLimit>,
    /// The movement of money, if any: to the merchant, or set aside.
    pub transfer: Option<TransferId>,
    /// What proves that it was the payer.
    pub evidence: Evidence,
    /// The position of its first event in [`Plan::events`].
    pub event: usize,
}

/// What proves that it was the payer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Evidence {
    /// The payer showed a code.
    Code {
        /// Its position in the device's sequence.
        mark: Mark,
        /// What it allowed.
        limit: Money,
        /// The opened code, encrypted.
        opened: Vec<u8>,
    },
    /// The payer's device signed a request to pay a code that a merchant showed.
    Request {
        /// The request, encrypted.
        signed: Vec<u8>,
    },
}

impl Evidence {
    /// The bytes, as they are kept.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        match self {
            Self::Code { opened, .. } => opened,
            Self::Request { signed } => signed,
        }
    }
}

/// A top-up to be written.
#[derive(Debug)]
pub struct NewTopUp {
    /// What was answered.
    pub answer: TopUpAnswer,
    /// The movement of money.
    pub transfer: TransferId,
    /// The position of its event in [`Plan::events`].
    pub event: usize,
}

/// What is to be known about a payer from now on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PayerChange {
    /// What was spent.
    pub usage: Usage,
    /// Until when every payment needs the PIN.
    pub suspected_until: Option<Timestamp>,
}

/// What an idempotency key will answer.
#[derive(Debug)]
pub struct NewKeptAnswer {
    /// The key.
    pub key: KeyRef,
    /// The hash of the request.
    pub request_hash: RequestHash,
    /// The answer, by what it is about.
    pub answer: AnswerRef,
}

/// An answer by name, from which it is written again.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum AnswerRef {
    /// A payment, as it was first answered.
    Payment(PaymentId),
    /// A payment, as the event at this position in [`Plan::events`] left it.
    PaymentAt(PaymentId, usize),
    /// A payment that has come to its end, as its last record says: it never has another one.
    EndedPayment(PaymentId),
    /// A top-up.
    TopUp(TopUpId),
    /// A refund.
    Refund(RefundId),
    /// A reference that was called off before a payment came.
    ReferenceCanceled,
    /// A rejected code.
    Rejected(super::outcome::Rejection),
    /// What the event at a position in [`Plan::events`] says.
    Movement {
        /// What it is about.
        kind: RecordKind,
        /// Its id.
        subject: [u8; 16],
        /// The position.
        event: usize,
        /// What is shown beside the record, encrypted.
        shown: Vec<u8>,
    },
    /// Nothing moved.
    NotMoved(super::outcome::NotMoved),
    /// An order, as it was first answered.
    Order(OrderId),
    /// An order that has come to its end, of which nothing changes any more.
    EndedOrder(OrderId),
}

/// A reference that is taken from now on.
#[derive(Debug)]
pub struct NewReference {
    /// The reference.
    pub reference: ReferenceRef,
    /// What holds it from now on.
    pub holder: NewHolder,
}

/// What takes a reference.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NewHolder {
    /// A payment, and the fingerprint of the request that made it.
    Payment(PaymentId, RequestHash),
    /// An order.
    Order(OrderId),
    /// Nothing ever will: it was called off before.
    Nothing,
}

/// Something that happened, for those whom it concerns.
#[derive(Clone, Debug)]
pub struct Event {
    /// What.
    pub record: Record,
    /// What a notice is about, as `code.reused`; other events are named by their records.
    pub notice: Option<&'static str>,
    /// The merchant to tell.
    pub merchant: Option<MerchantId>,
    /// The payer to tell.
    pub payer: Option<PayerId>,
}

impl Event {
    /// What happened, as subject and state: `payment.succeeded`.
    #[must_use]
    pub fn event_type(&self) -> String {
        let Record { kind, state, .. } = self.record;
        self.notice.map_or_else(|| format!("{}.{}", kind.as_str(), state.as_str()), str::to_owned)
    }
}
