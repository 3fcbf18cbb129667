//! The locks that a batch takes before it reads, where a transaction does not lock everything.
//!
//! A payer's balance row stands for the payer: whoever decides about a payer's money, marks or
//! daily spending holds it. Batches take these rows in the order of their accounts, in a
//! statement of its own, because a statement sees what was committed before it began, and one
//! that waited would read the rest as it was before the wait.
//!
//! Other accounts have a row for each shard, and whoever only adds to one locks nothing before. A
//! merchant who gives money back, or has it paid out, must not go below zero, over all shards
//! together: then all of them are locked, after the payers' rows and in the order of accounts. So
//! whoever waits for a merchant has its payers, and whoever has a merchant waits for no payer. Such
//! a batch locks the rows that it adds to as well, because it has others that another one may wait
//! for. The same rows stand for a merchant's payouts: whoever decides about one, or puts it into a
//! batch for the bank, holds them.
//!
//! An order is paid by one payment, whoever brings it. So whoever decides about one locks its row: after
//! the payers' and before the merchants', in the order of ids. A batch that adds to a merchant without
//! having locked it does so when it writes, after this; and whoever has locked a merchant has its
//! orders already. So nobody who has an order waits for a payer, and nobody who has a merchant waits
//! for an order.
//!
//! Rows that are not there yet cannot be locked: an idempotency key, a reference. If two processes
//! write the same one, the later finds out when it writes, and its batch is run again; then it
//! finds the other's answer. That is rare, because requests that share a key share a code, and so
//! a payer.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::domain::command::Command;
use crate::domain::ids::MerchantId;
use crate::domain::ledger::Shard;
use crate::store::StoreError;
use crate::store::connection::Transaction;
use crate::store::hex::Hex;
use crate::store::sql::{Dialect, Sql, sql};

const PAYERS: Sql = sql!(postgres input { payer: blob }
    "select b.account from input i join payers p on p.id = i.payer \
     join balances b on b.account = p.account and b.shard = 0 \
     order by b.account for no key update of b" => { account: blob });

// Payers first, as batches that give nothing back have locked them when they add to a merchant.
const PARTIES: Sql = sql!(postgres input { payer: blob, merchant: blob, shard: int }
    "select b.account from ( \
        select 0 as rank, p.account, 0 as shard from input i join payers p on p.id = i.payer \
        union select 1, m.account, i.shard from input i join merchants m on m.id = i.merchant) a \
     join balances b on b.account = a.account and (a.shard is null or b.shard = a.shard) \
     order by a.rank, b.account, b.shard for no key update of b" => { account: blob });

const ORDERS: Sql = sql!(postgres input { id: blob }
    "select o.id from input i join orders o on o.id = i.id order by o.id for no key update of o"
    => { id: blob });

#[derive(Serialize)]
struct OrderId16 {
    id: Hex<16>,
}

#[derive(Serialize)]
struct PartyRow {
    payer: Option<Hex<16>>,
    merchant: Option<Hex<16>>,
    /// The only one of the merchant's rows; none for all of them.
    shard: Option<u16>,
}

#[derive(Deserialize)]
struct LockedRow {}

/// Locks the payers whom the commands concern, and the merchants who may have to give money back or
/// whose payouts are decided about.
pub(super) async fn parties(
    transaction: &mut Transaction,
    own: Shard,
    commands: &[Command],
) -> Result<(), StoreError> {
    if transaction.dialect() == Dialect::Sqlite {
        // Its one writing transaction holds everything.
        return Ok(());
    }
    let payers: BTreeSet<_> = commands.iter().flat_map(Command::payers).collect();
    let mut rows: Vec<PartyRow> = payers
        .into_iter()
        .map(|id| PartyRow { payer: Some(Hex(*id.as_bytes())), merchant: None, shard: None })
        .collect();
    let orders: BTreeSet<_> = commands.iter().filter_map(Command::order).collect();
    if !orders.is_empty() {
        let _locked: Vec<LockedRow> = transaction.read(&PAYERS, &rows).await?;
        rows.clear();
        let orders: Vec<_> =
            orders.into_iter().map(|id| OrderId16 { id: Hex(*id.as_bytes()) }).collect();
        let _locked: Vec<LockedRow> = transaction.read(&ORDERS, &orders).await?;
    }
    let debtors: BTreeSet<_> = commands.iter().filter_map(Command::debtor).collect();
    let statement = if debtors.is_empty() { &PAYERS } else { &PARTIES };
    if !debtors.is_empty() {
        let merchants: BTreeSet<MerchantId> =
            commands.iter().filter_map(Command::merchant).map(|merchant| merchant.0).collect();
        rows.extend(merchants.into_iter().map(|id| PartyRow {
            payer: None,
            merchant: Some(Hex(*id.as_bytes())),
            shard: (!debtors.contains(&id)).then_some(own.0),
        }));
    }
    let _locked: Vec<LockedRow> = transaction.read(statement, &rows).await?;
    Ok(())
}

/// Locks merchants, for whoever changes their payouts outside a settlement.
pub(in crate::store) async fn merchants(
    transaction: &mut Transaction,
    merchants: &BTreeSet<MerchantId>,
) -> Result<(), StoreError> {
    if transaction.dialect() == Dialect::Sqlite {
        return Ok(());
    }
    let row = |id: &MerchantId| PartyRow {
        payer: None,
        merchant: Some(Hex(*id.as_bytes())),
        shard: None,
    };
    let rows: Vec<PartyRow> = merchants.iter().map(row).collect();
    let _locked: Vec<LockedRow> = transaction.read(&PARTIES, &rows).await?;
    Ok(())
}

/// Every statement of this file, for the test that prepares them.
#[cfg(test)]
pub(in crate::store) const STATEMENTS: &[(&str, &Sql)] =
    &[("lock::PAYERS", &PAYERS), ("lock::ORDERS", &ORDERS), ("lock::PARTIES", &PARTIES)];
