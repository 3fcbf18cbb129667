//! Reading the rows that a batch of commands names, and no others: a statement for what charges
//! name and one for the merchants, asked together; and, only where something else than a charge is
//! in the batch or is repeated, one for each kind of row that this concerns.

mod charges;
mod envelopes;
mod merchant_codes;
mod merchants;
mod parties;
mod payments;
mod payouts;
mod people;
mod suspense;
mod top_ups;

use wallet_core::Timestamp;

use super::LastEvents;
use super::answers::{Answers, Named};
use super::shard::OwnShard;
use crate::domain::command::{Charge, Command, TopUp};
use crate::domain::ids::AccountId;
use crate::domain::limits::Today;
use crate::domain::snapshot::Snapshot;
use crate::store::StoreError;
use crate::store::connection::Transaction;
#[cfg(test)]
use crate::store::sql::Sql;

/// What the commands name, and the merchants' accounts that have no row in the shard yet.
pub(super) struct Loaded {
    pub(super) snapshot: Snapshot,
    pub(super) last_events: LastEvents,
    pub(super) unopened: Vec<AccountId>,
}

/// Reads everything that `commands` name.
pub(super) async fn snapshot(
    transaction: &mut Transaction,
    own: &OwnShard,
    commands: &[Command],
    today: Today,
    now: Timestamp,
) -> Result<Loaded, StoreError> {
    let charges: Vec<&Charge> = commands.iter().filter_map(as_charge).collect();
    let top_ups: Vec<&TopUp> = commands.iter().filter_map(as_top_up).collect();
    let mut snapshot = Snapshot {
        today,
        shard: own.shard,
        own_accounts: own.accounts.clone(),
        ..Snapshot::default()
    };
    let (about_charges, names) = charges::question(&charges);
    let (about_merchants, merchants) = merchants::question(commands, own.shard, now);
    let (charge_rows, merchant_rows) =
        transaction.read_both((about_charges, &names), (about_merchants, &merchants)).await?;
    let mut last_events = LastEvents::new();
    charges::parties(&charge_rows, &charges, &mut snapshot, &mut last_events)?;
    let unopened = merchants::known(merchant_rows, &mut snapshot)?;
    parties::read(transaction, commands, &mut snapshot).await?;
    payments::read(transaction, commands, &mut snapshot).await?;
    payments::merchant_balances(transaction, commands, &mut snapshot).await?;
    suspense::read(transaction, commands, &mut snapshot).await?;
    people::read(transaction, commands, &mut snapshot.people).await?;
    payouts::read(transaction, commands, &mut snapshot.payouts).await?;
    envelopes::read(transaction, commands, &mut snapshot.people).await?;
    merchant_codes::read(transaction, commands, &mut snapshot.merchant_codes).await?;

    // References before keys: where no lock is taken, another process may commit both in between,
    // and whoever finds its own reference taken must find the answer under its key as well.
    let references = payments::references(commands);
    let holder_rows = payments::holders(transaction, &references).await?;
    let keys = parties::keys(commands);
    let key_rows = parties::kept(transaction, &keys).await?;
    let top_up_rows = top_ups::read(transaction, &top_ups).await?;
    let named = charge_rows.iter().flat_map(charges::ChargeRow::named);
    let named = named.chain(key_rows.iter().filter_map(parties::KeptRow::named));
    let named = named.chain(holder_rows.iter().filter_map(payments::HolderRow::named));
    let named: Named = named.chain(top_up_rows.iter().map(top_ups::TopUpRow::named)).collect();
    let answers = Answers::read(transaction, named).await?;
    charges::known(charge_rows, &charges, &answers, &mut snapshot)?;
    payments::known(&holder_rows, &references, &answers, &mut snapshot)?;
    parties::known(&key_rows, &keys, &answers, &mut snapshot)?;
    top_ups::known(top_up_rows, &top_ups, &answers, &mut snapshot)?;
    Ok(Loaded { snapshot, last_events, unopened })
}

fn as_charge(command: &Command) -> Option<&Charge> {
    if let Command::Charge(charge) = command { Some(charge) } else { None }
}

fn as_top_up(command: &Command) -> Option<&TopUp> {
    if let Command::TopUp(top_up) = command { Some(top_up) } else { None }
}

/// The input row that an answer is about.
fn input<'a, T>(rows: &[&'a T], n: usize) -> Result<&'a T, StoreError> {
    rows.get(n).copied().ok_or(StoreError::Corrupt("row number"))
}

/// Every statement of this folder.
#[cfg(test)]
pub(super) fn statements() -> impl Iterator<Item = &'static (&'static str, &'static Sql)> {
    [
        charges::STATEMENTS,
        envelopes::STATEMENTS,
        merchant_codes::STATEMENTS,
        merchants::STATEMENTS,
        parties::STATEMENTS,
        payments::STATEMENTS,
        payouts::STATEMENTS,
        people::STATEMENTS,
        suspense::STATEMENTS,
        top_ups::STATEMENTS,
    ]
    .into_iter()
    .flatten()
}
