//! Settlement: decides a batch of commands, one after the other.
//!
//! Pure and deterministic. It gets the rows that the commands name, decides each command against
//! the rows as the ones before it left them, and returns what to write. A refused command
//! changes nothing for its neighbours. Its only caller is the batcher.
//!
//! The path of a payment ends here: `charge` is the list of rules in their order, `confirmation`
//! says when the payer is asked, `resolve` what becomes of a payment afterwards, `reference` how
//! one is undone that nobody knows the id of, and `refund` how money is given back. `order` and
//! `merchant_code` are the other way round: the merchant shows a code, and the payer pays it.

mod charge;
mod confirmation;
mod envelope;
mod give_back;
mod merchant_code;
mod order;
mod payout;
mod person;
mod reference;
mod refund;
mod resolve;
mod sale;
mod suspense;
mod top_up;
mod transfer;
mod withdrawal;

use wallet_core::{Money, Timestamp};

use super::command::{Command, KeyRef};
use super::ids::{PayerId, PaymentId};
use super::limits::{Calendar, LimitRules, Usage};
use super::outcome::{Answer, Outcome, Refusal};
use super::plan::{AnswerRef, Event, NewKeptAnswer, PayerChange, PaymentChange, Plan};
use super::snapshot::{KeptAnswer, Payer, Snapshot};
use crate::domain::request_hash::RequestHash;

pub use confirmation::{ConfirmationRules, Standing, pin_reason};
pub use payout::PayoutRules;

/// The issuer's rules.
#[derive(Clone, Debug)]
pub struct Rules {
    /// Where days begin.
    pub calendar: Calendar,
    /// What payers may spend.
    pub limits: LimitRules,
    /// When payers are asked.
    pub confirmation: ConfirmationRules,
    /// What may happen to payments after they were made.
    pub payments: PaymentRules,
    /// What merchants may have paid out.
    pub payouts: PayoutRules,
}

/// What may happen to payments after they were made.
#[derive(Clone, Copy, Debug)]
pub struct PaymentRules {
    /// How long what a merchant has not captured stays held.
    pub hold_millis: i64,
    /// How long after the capture a payment can still be called off.
    pub cancel_millis: i64,
    /// How long after it was made a payment can be refunded.
    pub refund_millis: i64,
    /// How many refunds a payment may have.
    pub refunds_max: u32,
    /// Whether a refund gives the merchant its share of the fee back.
    pub fees_returned: bool,
}

/// Decides `commands` in their order at `now`.
///
/// `snapshot` holds the rows that the commands name, read in the transaction that will write the
/// plan, and `now` was read in that transaction as well. The snapshot is consumed, because each
/// command changes it for the next one.
#[must_use]
pub fn settle(snapshot: Snapshot, rules: &Rules, commands: &[Command], now: Timestamp) -> Plan {
    let mut books = Books { rows: snapshot, plan: Plan::default(), rules, now };
    for command in commands {
        let outcome = match command {
            Command::Charge(charge) => charge::decide(&mut books, charge),
            Command::Resolve(resolve) => resolve::decide(&mut books, resolve),
            Command::CancelReference(cancel) => reference::decide(&mut books, cancel),
            Command::Refund(refund) => refund::decide(&mut books, refund),
            Command::EndSuspense(end) => suspense::decide(&mut books, end),
            Command::TopUp(top_up) => top_up::decide(&mut books, top_up),
            Command::Transfer(transfer) => transfer::decide(&mut books, transfer),
            Command::Withdraw(withdraw) => withdrawal::decide(&mut books, withdraw),
            Command::FinishWithdrawal(finish) => withdrawal::finish(&mut books, finish),
            Command::MakeEnvelope(make) => envelope::make(&mut books, make),
            Command::ClaimShare(claim) => envelope::claim(&mut books, claim),
            Command::EndEnvelope(end) => envelope::end(&mut books, end),
            Command::MakeOrder(make) => order::make(&mut books, make),
            Command::EndOrder(end) => order::end(&mut books, end),
            Command::PayMerchantCode(pay) => merchant_code::pay(&mut books, pay),
            Command::RequestPayout(ask) => payout::ask(&mut books, ask),
            Command::FinishPayout(finish) => payout::finish(&mut books, finish),
        };
        books.plan.outcomes.push(outcome);
    }
    books.plan
}

/// The rows as the commands so far left them, and what they want written.
struct Books<'a> {
    rows: Snapshot,
    plan: Plan,
    rules: &'a Rules,
    now: Timestamp,
}

impl Books<'_> {
    /// What a known idempotency key says: its answer again, or that it stands for another request.
    fn known_key(&self, key: &KeyRef, request_hash: RequestHash) -> Option<Outcome> {
        let kept = self.rows.answers.get(key)?;
        Some(if kept.request_hash == request_hash {
            Outcome::Answered { answer: kept.answer.clone(), replayed: true }
        } else {
            Outcome::Refused(Refusal::KeyReused)
        })
    }

    /// Keeps an answer under the key of the request that it answers. `name` says what it can be
    /// written again from.
    fn keep(&mut self, key: &KeyRef, request_hash: RequestHash, answer: &Answer, name: AnswerRef) {
        let kept = KeptAnswer { request_hash, answer: answer.clone() };
        self.rows.answers.insert(key.clone(), kept);
        self.plan.kept_answers.push(NewKeptAnswer { key: key.clone(), request_hash, answer: name });
    }

    /// Writes down what becomes of a payment, after what the batch has made of it before.
    fn change_payment(&mut self, id: PaymentId, change: PaymentChange) {
        let changes = &mut self.plan.changed_payments;
        let change = match changes.remove(&id) {
            Some(before) => change.after(&before),
            None => change,
        };
        changes.insert(id, change);
    }

    /// Writes an event, and says where.
    fn event(&mut self, event: Event) -> usize {
        self.plan.events.push(event);
        self.plan.events.len() - 1
    }

    /// What a payer has from now on, and has spent.
    fn set_payer(&mut self, id: PayerId, payer: &Payer, available: Money, usage: Usage) {
        self.update_payer(id, Payer { available, usage, ..*payer });
    }

    /// What is known about a payer from now on.
    fn update_payer(&mut self, id: PayerId, payer: Payer) {
        let Payer { usage, suspected_until, .. } = payer;
        self.plan.payers.insert(id, PayerChange { usage, suspected_until });
        self.rows.payers.insert(id, payer);
    }
}

#[cfg(test)]
mod tests;
