//! Who takes part: merchants, devices, payers and the issuer's own accounts.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use wallet_core::code::Mark;
use wallet_core::{DeviceKeyId, Money, Step};

use super::as_code;
use crate::domain::command::{Charge, TopUp};
use crate::domain::fee::FeeRule;
use crate::domain::ids::{AccountId, ApiKeyId, MerchantId, PayerId};
use crate::domain::ledger::AccountKind;
use crate::domain::limits::{Day, Usage};
use crate::domain::snapshot::{Device, Merchant, Payer, Snapshot};
use crate::store::StoreError;
use crate::store::accounts::currency;
use crate::store::connection::Transaction;
use crate::store::hex::Hex;
use crate::store::merchants::mode;
use crate::store::sql::{Sql, sql};

const MERCHANTS: Sql = sql!(input { merchant: blob, api_key: blob }
    "select m.id, m.mode, m.account, m.currency, m.fee_basis_points, m.fee_fixed, \
        case when m.state = 'active' then 1 else 0 end as active, i.api_key, \
        case when k.revoked_at is null then 0 else 1 end as revoked \
     from input i join merchants m on m.id = i.merchant join api_keys k on k.id = i.api_key"
    => { id: blob, mode: text, account: blob, currency: int, fee_basis_points: int, fee_fixed: int,
        active: int, api_key: blob, revoked: int });

#[derive(Serialize, PartialEq, Eq, PartialOrd, Ord)]
struct MerchantKey {
    merchant: Hex<16>,
    api_key: Hex<16>,
}

#[derive(Deserialize)]
struct MerchantRow {
    id: Hex<16>,
    mode: String,
    account: Hex<16>,
    currency: u16,
    fee_basis_points: u16,
    fee_fixed: i64,
    active: u8,
    api_key: Hex<16>,
    revoked: u8,
}

pub(super) async fn merchants(
    transaction: &mut Transaction,
    charges: &[&Charge],
    snapshot: &mut Snapshot,
) -> Result<(), StoreError> {
    let keys: BTreeSet<MerchantKey> = charges
        .iter()
        .map(|charge| MerchantKey {
            merchant: Hex(*charge.reference.merchant.as_bytes()),
            api_key: Hex(*charge.api_key.as_bytes()),
        })
        .collect();
    let rows: Vec<MerchantRow> =
        transaction.read(&MERCHANTS, &keys.into_iter().collect::<Vec<_>>()).await?;
    for row in rows {
        if row.revoked != 0 {
            snapshot.revoked_keys.insert(ApiKeyId::from_bytes(row.api_key.0));
        }
        let merchant = Merchant {
            mode: mode(&row.mode)?,
            account: AccountId::from_bytes(row.account.0),
            currency: currency(row.currency)?,
            fee: FeeRule::new(row.fee_basis_points, row.fee_fixed)
                .ok_or(StoreError::Corrupt("fee"))?,
            active: row.active != 0,
        };
        snapshot.merchants.insert(MerchantId::from_bytes(row.id.0), merchant);
    }
    Ok(())
}

const DEVICES: Sql = sql!(input { key_id: blob }
    "select d.key_id, d.mark_step, d.mark_seq, case when d.revoked_at is null then 0 else 1 end as revoked \
     from input i join devices d on d.key_id = i.key_id"
    => { key_id: blob, mark_step: int, mark_seq: int, revoked: int });

#[derive(Serialize)]
struct DeviceKey {
    key_id: Hex<8>,
}

#[derive(Deserialize)]
struct DeviceRow {
    key_id: Hex<8>,
    mark_step: Option<u32>,
    mark_seq: Option<u8>,
    revoked: u8,
}

pub(super) async fn devices(
    transaction: &mut Transaction,
    charges: &[&Charge],
    snapshot: &mut Snapshot,
) -> Result<(), StoreError> {
    let keys: BTreeSet<DeviceKeyId> =
        charges.iter().copied().filter_map(as_code).map(|code| code.device).collect();
    let keys: Vec<DeviceKey> =
        keys.into_iter().map(|id| DeviceKey { key_id: Hex(*id.as_bytes()) }).collect();
    let rows: Vec<DeviceRow> = transaction.read(&DEVICES, &keys).await?;
    for row in rows {
        let mark = row.mark_step.zip(row.mark_seq);
        let mark = mark.map(|(step, seq)| Mark { step: Step::from_number(step), seq });
        let device = Device { revoked: row.revoked != 0, mark };
        snapshot.devices.insert(DeviceKeyId::from_bytes(row.key_id.0), device);
    }
    Ok(())
}

const PAYERS: Sql = sql!(input { id: blob, day: int }
    "select p.id, p.mode, p.account, p.currency, case when p.state = 'active' then 1 else 0 end as active, b.available, \
        coalesce(sum(s.spent), 0) as spent, coalesce(sum(s.count), 0) as count \
     from input i join payers p on p.id = i.id \
     join balances b on b.account = p.account and b.shard = 0 \
     left join daily_spending s on s.payer = p.id and s.day = i.day and s.currency = p.currency \
     group by p.id, p.mode, p.account, p.currency, p.state, b.available"
    => { id: blob, mode: text, account: blob, currency: int, active: int, available: int,
        spent: int, count: int });

#[derive(Serialize)]
struct PayerKey {
    id: Hex<16>,
    day: i32,
}

#[derive(Deserialize)]
struct PayerRow {
    id: Hex<16>,
    mode: String,
    account: Hex<16>,
    currency: u16,
    active: u8,
    available: i64,
    spent: i64,
    count: i64,
}

pub(super) async fn payers(
    transaction: &mut Transaction,
    charges: &[&Charge],
    top_ups: &[&TopUp],
    today: Day,
    snapshot: &mut Snapshot,
) -> Result<(), StoreError> {
    let paying = charges.iter().copied().filter_map(as_code).map(|code| code.payer);
    let keys: BTreeSet<PayerId> = paying.chain(top_ups.iter().map(|top_up| top_up.payer)).collect();
    let keys: Vec<PayerKey> =
        keys.into_iter().map(|id| PayerKey { id: Hex(*id.as_bytes()), day: today.0 }).collect();
    let rows: Vec<PayerRow> = transaction.read(&PAYERS, &keys).await?;
    for row in rows {
        let currency = currency(row.currency)?;
        let id = PayerId::from_bytes(row.id.0);
        let payer = Payer {
            mode: mode(&row.mode)?,
            account: AccountId::from_bytes(row.account.0),
            available: Money::from_minor(row.available, currency),
            active: row.active != 0,
        };
        let usage = Usage { spent: Money::from_minor(row.spent, currency), count: row.count };
        snapshot.payers.insert(id, payer);
        snapshot.usage.insert(id, usage);
    }
    Ok(())
}

const OWN_ACCOUNTS: Sql = sql!(input { kind: text }
    "select a.id, a.mode, a.kind, a.currency from input i join accounts a on a.kind = i.kind \
     where a.owner is null"
    => { id: blob, mode: text, kind: text, currency: int });

#[derive(Serialize)]
struct Kind {
    kind: &'static str,
}

#[derive(Deserialize)]
struct OwnAccountRow {
    id: Hex<16>,
    mode: String,
    kind: String,
    currency: u16,
}

pub(super) async fn own_accounts(
    transaction: &mut Transaction,
    snapshot: &mut Snapshot,
) -> Result<(), StoreError> {
    let kinds = [AccountKind::Fees, AccountKind::Bank].map(|kind| Kind { kind: kind.as_str() });
    let rows: Vec<OwnAccountRow> = transaction.read(&OWN_ACCOUNTS, &kinds).await?;
    for row in rows {
        let kind = AccountKind::from_name(&row.kind).ok_or(StoreError::Corrupt("account kind"))?;
        let mode = mode(&row.mode)?;
        let key = (kind, mode, currency(row.currency)?);
        snapshot.own_accounts.insert(key, AccountId::from_bytes(row.id.0));
    }
    Ok(())
}

/// Every statement of this file, for the test that prepares them on both databases.
#[cfg(test)]
pub(super) const STATEMENTS: &[(&str, &Sql)] = &[
    ("parties::MERCHANTS", &MERCHANTS),
    ("parties::DEVICES", &DEVICES),
    ("parties::PAYERS", &PAYERS),
    ("parties::OWN_ACCOUNTS", &OWN_ACCOUNTS),
];
