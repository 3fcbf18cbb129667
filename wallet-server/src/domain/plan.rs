//! What settlement wants written: everything that one transaction commits, and nothing else.

use wallet_core::code::Mark;
use wallet_core::receipt::Record;
use wallet_core::{DeviceKeyId, Money};

use super::command::{KeyRef, ReferenceRef};
use super::ids::{MerchantId, PayerId, PaymentId, TopUpId, TransferId};
use super::ledger::Transfer;
use super::limits::{Day, Limits};
use super::outcome::{Outcome, PaymentAnswer, TopUpAnswer};

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
    /// Where devices' marks move to.
    pub marks: Vec<(DeviceKeyId, Mark)>,
    /// What counts against daily limits.
    pub spending: Vec<Spending>,
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
    /// The code's position in the device's sequence.
    pub mark: Mark,
    /// What the code allowed.
    pub code_limit: Money,
    /// The issuer's limits in force.
    pub limits: Limits,
    /// The day on which it counted.
    pub day: Day,
    /// The movement of money, if any.
    pub transfer: Option<TransferId>,
    /// The opened code, encrypted.
    pub evidence: Vec<u8>,
    /// The position of its first event in [`Plan::events`].
    pub event: usize,
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

/// A payment's share of a day's limit.
#[derive(Clone, Copy, Debug)]
pub struct Spending {
    /// Who spends.
    pub payer: PayerId,
    /// On which day.
    pub day: Day,
    /// How much.
    pub amount: Money,
}

/// What an idempotency key will answer.
#[derive(Debug)]
pub struct NewKeptAnswer {
    /// The key.
    pub key: KeyRef,
    /// The hash of the request.
    pub request_hash: [u8; 32],
    /// The answer, by what it is about.
    pub answer: AnswerRef,
}

/// An answer by name, from which it is written again.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AnswerRef {
    /// A payment.
    Payment(PaymentId),
    /// A top-up.
    TopUp(TopUpId),
    /// A rejected code.
    Rejected(super::outcome::Rejection),
}

/// A reference that is taken from now on.
#[derive(Debug)]
pub struct NewReference {
    /// The reference.
    pub reference: ReferenceRef,
    /// Of the request that took it.
    pub fingerprint: [u8; 32],
    /// The payment that holds it.
    pub payment: PaymentId,
}

/// Something that happened, for those whom it concerns.
#[derive(Clone, Debug)]
pub struct Event {
    /// What.
    pub record: Record,
    /// The merchant to tell.
    pub merchant: Option<MerchantId>,
    /// The payer to tell.
    pub payer: PayerId,
}

impl Event {
    /// What happened, as subject and state: `payment.succeeded`.
    #[must_use]
    pub fn event_type(&self) -> String {
        format!("{}.{}", self.record.kind.as_str(), self.record.state.as_str())
    }
}
