//! Payers and devices, and, for everything but charges, which ask for them themselves, the
//! idempotency keys.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use wallet_core::code::Mark;
use wallet_core::{DeviceKeyId, Money, Step, TerminalId, Timestamp};

use super::input;
use crate::domain::command::{Command, KeyRef};
use crate::domain::ids::{AccountId, MerchantId, PayerId};
use crate::domain::snapshot::{Device, Payer, Presented, PresentedAt, Snapshot};
use crate::store::StoreError;
use crate::store::accounts::currency;
use crate::store::connection::Transaction;
use crate::store::hex::Hex;
use crate::store::merchants::mode;
use crate::store::rows::KeyRow;
use crate::store::settlement::answers::{Answers, KeptColumns, Subject};
use crate::store::spending::SpendingColumns;
use crate::store::sql::{Sql, sql};

/// A payer as a statement reads it; nothing of it is there if there is no such payer.
#[derive(Deserialize)]
pub(super) struct PayerColumns {
    payer_mode: Option<String>,
    account: Option<Hex<16>>,
    currency: Option<u16>,
    active: u8,
    available: Option<i64>,
    #[serde(flatten)]
    spending: Option<SpendingColumns>,
    suspected_until: Option<i64>,
}

impl PayerColumns {
    pub(super) fn payer(&self) -> Result<Option<Payer>, StoreError> {
        let (Some(mode_name), Some(account), Some(numeric)) =
            (&self.payer_mode, self.account, self.currency)
        else {
            return Ok(None);
        };
        let available = self.available.ok_or(StoreError::Corrupt("a payer without a balance"))?;
        let spending = self.spending.as_ref().ok_or(StoreError::Corrupt("a payer's spending"))?;
        Ok(Some(Payer {
            mode: mode(mode_name)?,
            account: AccountId::from_bytes(account.0),
            available: Money::from_minor(available, currency(numeric)?),
            active: self.active != 0,
            usage: spending.usage(),
            own_limits: spending.own_limits(),
            suspected_until: self.suspected_until.map(Timestamp::from_unix_millis),
        }))
    }
}

/// A device as a statement reads it.
#[derive(Deserialize)]
pub(super) struct DeviceColumns {
    mark_step: Option<u32>,
    mark_seq: Option<u8>,
    mark_merchant: Option<Hex<16>>,
    mark_terminal: Option<Hex<16>>,
    mark_amount: Option<i64>,
    mark_at: Option<i64>,
    new_until: Option<i64>,
    revoked: u8,
}

impl DeviceColumns {
    pub(super) fn device(&self) -> Device {
        let at = self.mark_merchant.zip(self.mark_at).map(|(merchant, time)| PresentedAt {
            merchant: MerchantId::from_bytes(merchant.0),
            terminal: self.mark_terminal.map(|id| TerminalId::from_bytes(id.0)),
            time: Timestamp::from_unix_millis(time),
            paid: self.mark_amount,
        });
        let presented = self
            .mark_step
            .zip(self.mark_seq)
            .map(|(step, seq)| Presented { mark: Mark { step: Step::from_number(step), seq }, at });
        Device {
            revoked: self.revoked != 0,
            new_until: self.new_until.map(Timestamp::from_unix_millis),
            presented,
        }
    }
}

const KEYS: Sql = sql!(input { caller_kind: text, caller: blob, mode: text, key: text }
    "select i.n, substr(k.request_hash, 1, 16) as request_hash, k.answer, k.subject, k.batch, k.event, k.shown from input i \
     join idempotency_keys k on k.caller_kind = i.caller_kind and k.caller = i.caller \
        and k.mode = i.mode and k.key = i.key"
    => { n: int, request_hash: blob, answer: text, subject: blob, batch: blob, event: int,
        shown: blob });

#[derive(Deserialize)]
pub(super) struct KeptRow {
    n: usize,
    #[serde(flatten)]
    kept: KeptColumns,
}

const PAYERS: Sql = sql!(input { payer: blob }
    "select p.id, p.mode as payer_mode, p.account, p.currency, \
        case when p.state = 'active' then 1 else 0 end as active, b.available, \
        p.day, p.day_static, p.day_code, p.day_pin, p.day_without_pin, p.month_start, \
        p.month_spent, p.limit_payment, p.limit_day, p.limit_month, p.limit_without_pin, \
        p.limit_without_pin_count, p.suspected_until \
     from input i join payers p on p.id = i.payer \
     join balances b on b.account = p.account and b.shard = 0"
    => { id: blob, payer_mode: text, account: blob, currency: int, active: int, available: int,
        day: int, day_static: int, day_code: int, day_pin: int, day_without_pin: int,
        month_start: int, month_spent: int, limit_payment: int, limit_day: int, limit_month: int,
        limit_without_pin: int, limit_without_pin_count: int, suspected_until: int });

#[derive(Serialize)]
struct PayerId16 {
    payer: Hex<16>,
}

#[derive(Deserialize)]
struct PayerRow {
    id: Hex<16>,
    #[serde(flatten)]
    payer: PayerColumns,
}

const DEVICES: Sql = sql!(input { device: blob }
    "select d.key_id, d.mark_step, d.mark_seq, d.mark_merchant, d.mark_terminal, d.mark_amount, \
        d.mark_at, d.new_until, case when d.revoked_at is null then 0 else 1 end as revoked \
     from input i join devices d on d.key_id = i.device and d.approved_at is not null"
    => { key_id: blob, mark_step: int, mark_seq: int, mark_merchant: blob, mark_terminal: blob,
        mark_amount: int, mark_at: int, new_until: int, revoked: int });

#[derive(Serialize)]
struct DeviceId8 {
    device: Hex<8>,
}

#[derive(Deserialize)]
struct DeviceRow {
    key_id: Hex<8>,
    #[serde(flatten)]
    device: DeviceColumns,
}

/// The keys of commands that are no charges.
pub(super) fn keys(commands: &[Command]) -> Vec<&KeyRef> {
    let others = commands.iter().filter(|command| !matches!(command, Command::Charge(_)));
    others.filter_map(Command::key).collect()
}

/// What was answered under these keys.
pub(super) async fn kept(
    transaction: &mut Transaction,
    keys: &[&KeyRef],
) -> Result<Vec<KeptRow>, StoreError> {
    let rows: Vec<KeyRow<'_>> = keys.iter().map(|key| KeyRow::new(key)).collect();
    transaction.read(&KEYS, &rows).await
}

impl KeptRow {
    /// What its answer is about.
    pub(super) fn named(&self) -> Option<Subject> {
        self.kept.subject()
    }
}

/// Puts what was answered before into the snapshot.
pub(super) fn known(
    rows: &[KeptRow],
    keys: &[&KeyRef],
    answers: &Answers,
    snapshot: &mut Snapshot,
) -> Result<(), StoreError> {
    for row in rows {
        if let Some(kept) = answers.kept(&row.kept)? {
            snapshot.answers.insert((*input(keys, row.n)?).clone(), kept);
        }
    }
    Ok(())
}

/// Puts those payers and devices into the snapshot that no charge has asked for.
pub(super) async fn read(
    transaction: &mut Transaction,
    commands: &[Command],
    snapshot: &mut Snapshot,
) -> Result<(), StoreError> {
    let others = || commands.iter().filter(|command| !matches!(command, Command::Charge(_)));
    let wanted: BTreeSet<PayerId> = others()
        .flat_map(Command::payers)
        .filter(|payer| !snapshot.payers.contains_key(payer))
        .collect();
    let input: Vec<PayerId16> =
        wanted.iter().map(|id| PayerId16 { payer: Hex(*id.as_bytes()) }).collect();
    let rows: Vec<PayerRow> = transaction.read(&PAYERS, &input).await?;
    for row in rows {
        if let Some(payer) = row.payer.payer()? {
            snapshot.payers.insert(PayerId::from_bytes(row.id.0), payer);
        }
    }
    let input: Vec<DeviceId8> = others()
        .filter_map(Command::device)
        .map(|device| DeviceId8 { device: Hex(*device.as_bytes()) })
        .collect();
    let rows: Vec<DeviceRow> = transaction.read(&DEVICES, &input).await?;
    for row in rows {
        let id = DeviceKeyId::from_bytes(row.key_id.0);
        snapshot.devices.insert(id, row.device.device());
    }
    Ok(())
}

/// Every statement of this file, for the test that prepares them on both databases.
#[cfg(test)]
pub(super) const STATEMENTS: &[(&str, &Sql)] =
    &[("load::KEYS", &KEYS), ("load::PAYERS", &PAYERS), ("load::DEVICES", &DEVICES)];
