//! The locks that a batch takes before it reads, where a transaction does not lock everything.
//!
//! A payer's balance row stands for the payer: whoever decides about a payer's money, marks or
//! daily spending holds it. Batches take these rows in the order of their accounts, in a
//! statement of its own, because a statement sees what was committed before it began, and one
//! that waited would read the rest as it was before the wait.
//!
//! Other accounts have a row for each shard, and whoever only adds to one locks nothing before. A
//! merchant who gives money back must not go below zero, over all shards together: then all of them
//! are locked with the payers' rows, in the same order.
//!
//! Rows that are not there yet cannot be locked: an idempotency key, a reference. If two processes
//! write the same one, the later finds out when it writes, and its batch is run again; then it
//! finds the other's answer. That is rare, because requests that share a key share a code, and so
//! a payer.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::domain::command::Command;
use crate::store::StoreError;
use crate::store::connection::Transaction;
use crate::store::hex::Hex;
use crate::store::sql::{Dialect, Sql, sql};

const PAYERS: Sql = sql!(postgres input { payer: blob }
    "select b.account from input i join payers p on p.id = i.payer \
     join balances b on b.account = p.account and b.shard = 0 \
     order by b.account for no key update of b" => { account: blob });

// The parties are accounts of payers and of merchants, in one order for both.
const PARTIES: Sql = sql!(postgres input { payer: blob, merchant: blob }
    "select b.account from (select p.account from input i join payers p on p.id = i.payer \
        union select m.account from input i join merchants m on m.id = i.merchant) a \
     join balances b on b.account = a.account \
     order by b.account, b.shard for no key update of b" => { account: blob });

#[derive(Serialize)]
struct PartyRow {
    payer: Option<Hex<16>>,
    merchant: Option<Hex<16>>,
}

#[derive(Deserialize)]
struct LockedRow {}

/// Locks the payers whom the commands concern, and the merchants who may have to give money back.
pub(super) async fn parties(
    transaction: &mut Transaction,
    commands: &[Command],
) -> Result<(), StoreError> {
    if transaction.dialect() == Dialect::Sqlite {
        // Its one writing transaction holds everything.
        return Ok(());
    }
    let payers: BTreeSet<_> = commands.iter().flat_map(Command::payers).collect();
    let payers = payers.into_iter().map(|id| (Some(Hex(*id.as_bytes())), None));
    let debtors: BTreeSet<_> = commands.iter().filter_map(Command::debtor).collect();
    let statement = if debtors.is_empty() { &PAYERS } else { &PARTIES };
    let debtors = debtors.into_iter().map(|id| (None, Some(Hex(*id.as_bytes()))));
    let rows: Vec<PartyRow> =
        payers.chain(debtors).map(|(payer, merchant)| PartyRow { payer, merchant }).collect();
    let _locked: Vec<LockedRow> = transaction.read(statement, &rows).await?;
    Ok(())
}

/// Every statement of this file, for the test that prepares them.
#[cfg(test)]
pub(in crate::store) const STATEMENTS: &[(&str, &Sql)] =
    &[("lock::PAYERS", &PAYERS), ("lock::PARTIES", &PARTIES)];
