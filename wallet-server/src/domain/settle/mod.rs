//! Settlement: decides a batch of commands, one after the other.
//!
//! Pure and deterministic. It gets the rows that the commands name, decides each command against
//! the rows as the ones before it left them, and returns what to write. A refused command
//! changes nothing for its neighbours. Its only caller is the batcher.
//!
//! The path of a payment ends here: `charge` is the list of rules in their order.

mod charge;
mod top_up;

use wallet_core::Timestamp;

use super::command::{Command, KeyRef};
use super::limits::{Calendar, Limits};
use super::outcome::{Answer, Outcome, Refusal};
use super::plan::{AnswerRef, NewKeptAnswer, Plan};
use super::snapshot::{KeptAnswer, Snapshot};

/// The issuer's rules.
#[derive(Clone, Debug)]
pub struct Rules {
    /// Where days begin.
    pub calendar: Calendar,
    /// What every payer may spend.
    pub limits: Limits,
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
            Command::TopUp(top_up) => top_up::decide(&mut books, top_up),
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
    fn known_key(&self, key: &KeyRef, request_hash: [u8; 32]) -> Option<Outcome> {
        let kept = self.rows.answers.get(key)?;
        Some(if kept.request_hash == request_hash {
            Outcome::Answered { answer: kept.answer.clone(), replayed: true }
        } else {
            Outcome::Refused(Refusal::KeyReused)
        })
    }

    /// Keeps an answer under the key of the request that it answers.
    fn keep(&mut self, key: &KeyRef, request_hash: [u8; 32], answer: &Answer) {
        let name = match answer {
            Answer::Payment(payment) => AnswerRef::Payment(payment.id),
            Answer::Rejected(rejection) => AnswerRef::Rejected(*rejection),
            Answer::TopUp(top_up) => AnswerRef::TopUp(top_up.id),
        };
        let kept = KeptAnswer { request_hash, answer: answer.clone() };
        self.rows.answers.insert(key.clone(), kept);
        self.plan.kept_answers.push(NewKeptAnswer { key: key.clone(), request_hash, answer: name });
    }
}

#[cfg(test)]
mod tests;
