//! Settlement: decides a batch of commands, one after the other.
//!
//! Pure and deterministic. It gets the rows that the commands name, decides each command against
//! the rows as the ones before it left them, and returns what to write. A refused command
//! changes nothing for its neighbours. Its only caller is the batcher.
//!
//! The path of a payment ends here: [`charge`] is the list of rules in their order.

mod charge;
mod top_up;

use wallet_core::Timestamp;

use super::command::Command;
use super::limits::{Calendar, Limits};
use super::plan::Plan;
use super::snapshot::Snapshot;

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
/// plan, and `now` was read in that transaction as well.
#[must_use]
pub fn settle(snapshot: &Snapshot, rules: &Rules, commands: &[Command], now: Timestamp) -> Plan {
    let mut books = Books { rows: snapshot.clone(), plan: Plan::default(), rules, now };
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

#[cfg(test)]
mod tests;
