//! Reading the rows that a batch of commands names, and no others.

mod known;
mod parties;

use crate::domain::command::{AuthenticCode, Charge, Command, TopUp, Verdict};
use crate::domain::limits::Day;
use crate::domain::snapshot::Snapshot;
use crate::store::StoreError;
use crate::store::connection::Transaction;
#[cfg(test)]
use crate::store::sql::Sql;

/// Reads everything that `commands` name.
pub(super) async fn snapshot(
    transaction: &mut Transaction,
    commands: &[Command],
    today: Day,
) -> Result<Snapshot, StoreError> {
    let charges: Vec<&Charge> = commands.iter().filter_map(as_charge).collect();
    let top_ups: Vec<&TopUp> = commands.iter().filter_map(as_top_up).collect();
    let mut snapshot = Snapshot { today, ..Snapshot::default() };
    known::known(transaction, commands, &charges, &top_ups, &mut snapshot).await?;
    parties::merchants(transaction, &charges, &mut snapshot).await?;
    parties::devices(transaction, &charges, &mut snapshot).await?;
    parties::payers(transaction, &charges, &top_ups, today, &mut snapshot).await?;
    parties::own_accounts(transaction, &mut snapshot).await?;
    Ok(snapshot)
}

fn as_charge(command: &Command) -> Option<&Charge> {
    match command {
        Command::Charge(charge) => Some(charge),
        Command::TopUp(_) => None,
    }
}

fn as_top_up(command: &Command) -> Option<&TopUp> {
    match command {
        Command::TopUp(top_up) => Some(top_up),
        Command::Charge(_) => None,
    }
}

fn as_code(charge: &Charge) -> Option<&AuthenticCode> {
    match &charge.verdict {
        Verdict::Authentic(code) => Some(code),
        Verdict::Invalid => None,
    }
}

/// Every statement of this folder.
#[cfg(test)]
pub(super) fn statements() -> impl Iterator<Item = &'static (&'static str, &'static Sql)> {
    [known::STATEMENTS, parties::STATEMENTS].into_iter().flatten()
}
