//! The merchants of a batch, and the API keys that they use.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use wallet_core::Timestamp;

use crate::domain::command::Command;
use crate::domain::fee::FeeRule;
use crate::domain::ids::{AccountId, ApiKeyId, MerchantId};
use crate::domain::ledger::Shard;
use crate::domain::snapshot::{Merchant, Snapshot};
use crate::store::StoreError;
use crate::store::accounts::currency;
use crate::store::hex::Hex;
use crate::store::merchants::mode;
use crate::store::sql::{Sql, sql};

// A key whose time is over is like a revoked one.
const MERCHANTS: Sql = sql!(each "select m.id, m.mode, m.account, m.currency, m.fee_basis_points, m.fee_fixed, \
        case when m.state = 'active' then 1 else 0 end as active, :api_key as api_key, \
        case when k.revoked_at is null and (k.expires_at is null or k.expires_at > :now) \
            then 0 else 1 end as revoked, \
        case when b.account is null then 0 else 1 end as opened \
    from merchants m left join api_keys k on k.id = :api_key \
    left join balances b on b.account = m.account and b.shard = :shard where m.id = :merchant"
    input { merchant: blob, api_key: blob, shard: int, now: int }
    "select m.id, m.mode, m.account, m.currency, m.fee_basis_points, m.fee_fixed, \
        case when m.state = 'active' then 1 else 0 end as active, i.api_key, \
        case when k.revoked_at is null and (k.expires_at is null or k.expires_at > i.now) \
            then 0 else 1 end as revoked, \
        case when b.account is null then 0 else 1 end as opened \
     from input i join merchants m on m.id = i.merchant left join api_keys k on k.id = i.api_key \
     left join balances b on b.account = m.account and b.shard = i.shard"
    => { id: blob, mode: text, account: blob, currency: int, fee_basis_points: int, fee_fixed: int,
        active: int, api_key: blob, revoked: int, opened: int });

#[derive(Serialize, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct MerchantKey {
    merchant: Hex<16>,
    api_key: Option<Hex<16>>,
    shard: u16,
    now: i64,
}

#[derive(Deserialize)]
pub(super) struct MerchantRow {
    id: Hex<16>,
    mode: String,
    account: Hex<16>,
    currency: u16,
    fee_basis_points: u16,
    fee_fixed: i64,
    active: u8,
    api_key: Option<Hex<16>>,
    revoked: u8,
    opened: u8,
}

/// The question about the merchants that commands name.
pub(super) fn question(
    commands: &[Command],
    shard: Shard,
    now: Timestamp,
) -> (&'static Sql, Vec<MerchantKey>) {
    let keys: BTreeSet<MerchantKey> = commands
        .iter()
        .filter_map(Command::merchant)
        .map(|(merchant, api_key)| MerchantKey {
            merchant: Hex(*merchant.as_bytes()),
            api_key: api_key.map(|id| Hex(*id.as_bytes())),
            shard: shard.0,
            now: now.unix_millis(),
        })
        .collect();
    (&MERCHANTS, keys.into_iter().collect())
}

/// Puts the merchants into the snapshot, and returns the accounts that have no row in its shard.
pub(super) fn known(
    rows: Vec<MerchantRow>,
    snapshot: &mut Snapshot,
) -> Result<Vec<AccountId>, StoreError> {
    let mut unopened = BTreeSet::new();
    for row in rows {
        if let Some(key) = row.api_key.filter(|_| row.revoked != 0) {
            snapshot.revoked_keys.insert(ApiKeyId::from_bytes(key.0));
        }
        let account = AccountId::from_bytes(row.account.0);
        if row.opened == 0 {
            unopened.insert(account);
        }
        let merchant = Merchant {
            mode: mode(&row.mode)?,
            account,
            currency: currency(row.currency)?,
            fee: FeeRule::new(row.fee_basis_points, row.fee_fixed)
                .ok_or(StoreError::Corrupt("fee"))?,
            active: row.active != 0,
        };
        snapshot.merchants.insert(MerchantId::from_bytes(row.id.0), merchant);
    }
    Ok(unopened.into_iter().collect())
}

/// Every statement of this file, for the test that prepares them on both databases.
#[cfg(test)]
pub(super) const STATEMENTS: &[(&str, &Sql)] = &[("load::MERCHANTS", &MERCHANTS)];
