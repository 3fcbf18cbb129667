//! Reading the rows that a batch of commands names, and no others.

use std::collections::{BTreeSet, HashMap};

use serde::{Deserialize, Serialize};
use wallet_core::code::Mark;
use wallet_core::{Currency, DeviceKeyId, Mode, Money, Step};

use super::answers::{self, Id};
use crate::domain::command::Verdict;
use crate::domain::command::{AuthenticCode, Charge, Command, KeyRef, ReferenceRef, TopUp};
use crate::domain::fee::FeeRule;
use crate::domain::ids::{AccountId, ApiKeyId, MerchantId, PayerId};
use crate::domain::ledger::AccountKind;
use crate::domain::limits::{Day, Usage};
use crate::domain::outcome::{Answer, PaymentAnswer, Rejection, TopUpAnswer};
use crate::domain::snapshot::{Device, KeptAnswer, Merchant, Payer, Snapshot, TakenReference};
use crate::store::StoreError;
use crate::store::connection::Transaction;
use crate::store::hex::Hex;
use crate::store::rows::{KeyRow, ReferenceRow};
use crate::store::sql::{Sql, sql};

/// Reads everything that `commands` name.
pub(super) async fn snapshot(
    transaction: &mut Transaction,
    commands: &[Command],
    today: Day,
) -> Result<Snapshot, StoreError> {
    let charges: Vec<&Charge> = commands.iter().filter_map(as_charge).collect();
    let top_ups: Vec<&TopUp> = commands.iter().filter_map(as_top_up).collect();
    let mut snapshot = Snapshot { today, ..Snapshot::default() };
    known(transaction, commands, &charges, &top_ups, &mut snapshot).await?;
    merchants(transaction, &charges, &mut snapshot).await?;
    devices(transaction, &charges, &mut snapshot).await?;
    payers(transaction, &charges, &top_ups, today, &mut snapshot).await?;
    own_accounts(transaction, &mut snapshot).await?;
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

const ANSWERS: Sql = sql!(input { caller_kind: text, caller: blob, mode: text, key: text }
    "select i.n, k.request_hash, k.answer, k.subject from input i \
     join idempotency_keys k on k.caller_kind = i.caller_kind and k.caller = i.caller \
        and k.mode = i.mode and k.key = i.key"
    => { n: int, request_hash: blob, answer: text, subject: blob });

#[derive(Deserialize)]
struct AnswerRow {
    n: usize,
    request_hash: Hex<32>,
    answer: String,
    subject: Option<Hex<16>>,
}

const REFERENCES: Sql = sql!(input { merchant: blob, mode: text, reference: text }
    "select i.n, r.fingerprint, r.payment from input i \
     join payment_references r on r.merchant = i.merchant and r.mode = i.mode \
        and r.reference = i.reference"
    => { n: int, fingerprint: blob, payment: blob });

#[derive(Deserialize)]
struct TakenRow {
    n: usize,
    fingerprint: Option<Hex<32>>,
    payment: Option<Hex<16>>,
}

const TOP_UP_REFERENCES: Sql = sql!(input { mode: text, external_reference: text }
    "select i.n, t.id from input i \
     join top_ups t on t.mode = i.mode and t.external_reference = i.external_reference"
    => { n: int, id: blob });

#[derive(Serialize)]
struct TopUpReference<'a> {
    mode: &'a str,
    external_reference: &'a str,
}

#[derive(Deserialize)]
struct TopUpKnown {
    n: usize,
    id: Hex<16>,
}

/// What was answered before: by key, by reference, by external reference.
async fn known(
    transaction: &mut Transaction,
    commands: &[Command],
    charges: &[&Charge],
    top_ups: &[&TopUp],
    snapshot: &mut Snapshot,
) -> Result<(), StoreError> {
    let keys: Vec<&KeyRef> = commands.iter().map(Command::key).collect();
    let key_rows: Vec<KeyRow<'_>> = keys.iter().map(|key| KeyRow::new(key)).collect();
    let kept: Vec<AnswerRow> = transaction.read(&ANSWERS, &key_rows).await?;

    let references: Vec<&ReferenceRef> = charges.iter().map(|charge| &charge.reference).collect();
    let reference_rows: Vec<_> = references.iter().map(|r| ReferenceRow::new(r)).collect();
    let taken: Vec<TakenRow> = transaction.read(&REFERENCES, &reference_rows).await?;

    let external: Vec<TopUpReference<'_>> = top_ups
        .iter()
        .map(|top_up| TopUpReference {
            mode: top_up.key.mode.as_str(),
            external_reference: &top_up.external_reference,
        })
        .collect();
    let credited: Vec<TopUpKnown> = transaction.read(&TOP_UP_REFERENCES, &external).await?;

    let of_kind = |kind: &'static str| {
        kept.iter().filter(move |row| row.answer == kind).filter_map(|row| row.subject)
    };
    let payments = ids(of_kind("payment").chain(taken.iter().filter_map(|row| row.payment)));
    let payments: HashMap<[u8; 16], PaymentAnswer> = answers::payments(transaction, &payments)
        .await?
        .into_iter()
        .map(|payment| (*payment.id.as_bytes(), payment))
        .collect();
    let credits = ids(of_kind("top_up").chain(credited.iter().map(|row| row.id)));
    let credits: HashMap<[u8; 16], TopUpAnswer> = answers::top_ups(transaction, &credits)
        .await?
        .into_iter()
        .map(|top_up| (*top_up.id.as_bytes(), top_up))
        .collect();

    for row in kept {
        let answer = answer(&row, &payments, &credits)?;
        let kept = KeptAnswer { request_hash: row.request_hash.0, answer };
        snapshot.answers.insert(named(&keys, row.n)?.clone(), kept);
    }
    for row in taken {
        let taken = match (row.fingerprint, row.payment) {
            (Some(fingerprint), Some(payment)) => {
                let payment = payments.get(&payment.0).ok_or(StoreError::Corrupt("reference"))?;
                TakenReference::Payment(fingerprint.0, Box::new(payment.clone()))
            }
            _ => TakenReference::Tombstone,
        };
        snapshot.references.insert(named(&references, row.n)?.clone(), taken);
    }
    for row in credited {
        let top_up = named(top_ups, row.n)?;
        let known = credits.get(&row.id.0).ok_or(StoreError::Corrupt("top-up"))?;
        let reference = (top_up.key.mode, top_up.external_reference.clone());
        snapshot.top_ups.insert(reference, known.clone());
    }
    Ok(())
}

/// The input row that an answer is about.
fn named<'a, T>(input: &[&'a T], n: usize) -> Result<&'a T, StoreError> {
    input.get(n).copied().ok_or(StoreError::Corrupt("row number"))
}

fn ids(found: impl Iterator<Item = Hex<16>>) -> Vec<Id> {
    let unique: BTreeSet<[u8; 16]> = found.map(|id| id.0).collect();
    unique.into_iter().map(|id| Id { id: Hex(id) }).collect()
}

fn answer(
    row: &AnswerRow,
    payments: &HashMap<[u8; 16], PaymentAnswer>,
    credits: &HashMap<[u8; 16], TopUpAnswer>,
) -> Result<Answer, StoreError> {
    const LOST: StoreError = StoreError::Corrupt("the subject of a kept answer");
    let subject = row.subject.map(|id| id.0).unwrap_or_default();
    match row.answer.as_str() {
        "payment" => payments.get(&subject).cloned().map(Box::new).map(Answer::Payment).ok_or(LOST),
        "top_up" => credits.get(&subject).cloned().map(Box::new).map(Answer::TopUp).ok_or(LOST),
        other => {
            Rejection::from_name(other).map(Answer::Rejected).ok_or(StoreError::Corrupt("answer"))
        }
    }
}

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

async fn merchants(
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
            mode: Mode::from_name(&row.mode).ok_or(StoreError::Corrupt("mode"))?,
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

async fn devices(
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

async fn payers(
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
            mode: Mode::from_name(&row.mode).ok_or(StoreError::Corrupt("mode"))?,
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

async fn own_accounts(
    transaction: &mut Transaction,
    snapshot: &mut Snapshot,
) -> Result<(), StoreError> {
    let kinds = [AccountKind::Fees, AccountKind::Bank].map(|kind| Kind { kind: kind.as_str() });
    let rows: Vec<OwnAccountRow> = transaction.read(&OWN_ACCOUNTS, &kinds).await?;
    for row in rows {
        let kind = AccountKind::from_name(&row.kind).ok_or(StoreError::Corrupt("account kind"))?;
        let mode = Mode::from_name(&row.mode).ok_or(StoreError::Corrupt("mode"))?;
        let key = (kind, mode, currency(row.currency)?);
        snapshot.own_accounts.insert(key, AccountId::from_bytes(row.id.0));
    }
    Ok(())
}

fn currency(numeric: u16) -> Result<Currency, StoreError> {
    Currency::from_numeric(numeric).map_err(|_| StoreError::Corrupt("currency"))
}

/// Every statement of this file, for the test that prepares them on both databases.
#[cfg(test)]
pub(in crate::store) const STATEMENTS: &[(&str, &Sql)] = &[
    ("settlement/load::ANSWERS", &ANSWERS),
    ("settlement/load::REFERENCES", &REFERENCES),
    ("settlement/load::TOP_UP_REFERENCES", &TOP_UP_REFERENCES),
    ("settlement/load::MERCHANTS", &MERCHANTS),
    ("settlement/load::DEVICES", &DEVICES),
    ("settlement/load::PAYERS", &PAYERS),
    ("settlement/load::OWN_ACCOUNTS", &OWN_ACCOUNTS),
];
