//! The locks that a batch takes before it reads, where a transaction does not lock everything.
//!
//! A payer's balance row stands for the payer: whoever decides about a payer's money, marks or
//! daily spending holds it. Batches take these rows in the order of their accounts, in a
//! statement of its own, because a statement sees what was committed before it began, and one
//! that waited would read the rest as it was before the wait.
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

#[derive(Serialize)]
struct PayerRow {
    payer: Hex<16>,
}

#[derive(Deserialize)]
struct LockedRow {}

/// Locks the payers whom the commands concern.
pub(super) async fn payers(
    transaction: &mut Transaction,
    commands: &[Command],
) -> Result<(), StoreError> {
    if transaction.dialect() == Dialect::Sqlite {
        // Its one writing transaction holds everything.
        return Ok(());
    }
    let payers: BTreeSet<_> = commands.iter().flat_map(Command::payers).collect();
    let rows: Vec<PayerRow> =
        payers.into_iter().map(|id| PayerRow { payer: Hex(*id.as_bytes()) }).collect();
    let _locked: Vec<LockedRow> = transaction.read(&PAYERS, &rows).await?;
    Ok(())
}

/// Every statement of this file, for the test that prepares them.
#[cfg(test)]
pub(in crate::store) const STATEMENTS: &[(&str, &Sql)] = &[("lock::PAYERS", &PAYERS)];
