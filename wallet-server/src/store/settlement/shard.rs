//! The balance rows in which one settling loop counts.
//!
//! Every payment touches its merchant's account and the fee account. If each of them were one
//! row, payments in different processes would wait for one another there. So such an account has
//! a row for each shard, each settling loop counts in a shard of its own, and the account's
//! balance is the sum.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use wallet_core::{Currency, Mode};

use crate::domain::ids::AccountId;
use crate::domain::ledger::{AccountKind, Shard};
use crate::store::StoreError;
use crate::store::accounts::currency;
use crate::store::connection::{Store, Transaction};
use crate::store::hex::Hex;
use crate::store::merchants::mode;
use crate::store::sql::{Sql, sql};

/// A shard, and the issuer's own accounts, which every batch needs and which never change.
#[derive(Clone, Default, Debug)]
pub struct OwnShard {
    pub(super) shard: Shard,
    pub(super) accounts: HashMap<(AccountKind, Mode, Currency), AccountId>,
}

const OWN_ACCOUNTS: Sql = sql!(input { shard: int }
    "select a.id, a.mode, a.kind, a.currency from input i join accounts a on a.owner is null"
    => { id: blob, mode: text, kind: text, currency: int });

#[derive(Serialize)]
struct ShardNumber {
    shard: u16,
}

#[derive(Deserialize)]
struct OwnAccountRow {
    id: Hex<16>,
    mode: String,
    kind: String,
    currency: u16,
}

const OPEN: Sql = sql!(input { account: blob, shard: int }
    "insert into balances (account, shard, available, held, floored) \
     select account, shard, 0, 0, 0 from input where true on conflict do nothing");

#[derive(Serialize)]
struct OpenRow {
    account: Hex<16>,
    shard: u16,
}

/// Opens balance rows of accounts in a shard, where they are missing.
pub(super) async fn open(
    transaction: &mut Transaction,
    accounts: impl IntoIterator<Item = AccountId>,
    shard: Shard,
) -> Result<(), StoreError> {
    let mut rows: Vec<OpenRow> = accounts
        .into_iter()
        .map(|account| OpenRow { account: Hex(*account.as_bytes()), shard: shard.0 })
        .collect();
    // In one order in every process, so that none waits for another that waits for it.
    rows.sort_by_key(|row| row.account);
    transaction.write(&OPEN, &rows).await?;
    Ok(())
}

impl Store {
    /// Makes a shard ready to be counted in.
    pub async fn open_shard(&self, shard: Shard) -> Result<OwnShard, StoreError> {
        let input = [ShardNumber { shard: shard.0 }];
        let rows: Vec<OwnAccountRow> = self.read(&OWN_ACCOUNTS, &input).await?;
        let mut accounts = HashMap::new();
        for row in rows {
            let kind =
                AccountKind::from_name(&row.kind).ok_or(StoreError::Corrupt("account kind"))?;
            let key = (kind, mode(&row.mode)?, currency(row.currency)?);
            accounts.insert(key, AccountId::from_bytes(row.id.0));
        }
        let mut transaction = self.begin().await?;
        open(&mut transaction, accounts.values().copied(), shard).await?;
        transaction.commit().await?;
        Ok(OwnShard { shard, accounts })
    }
}

/// Every statement of this file, for the test that prepares them on both databases.
#[cfg(test)]
pub(in crate::store) const STATEMENTS: &[(&str, &Sql)] =
    &[("shard::OWN_ACCOUNTS", &OWN_ACCOUNTS), ("shard::OPEN", &OPEN)];
