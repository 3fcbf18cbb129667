//! What charges name: their idempotency keys and references, their codes' devices and payers.

use serde::{Deserialize, Serialize};
use wallet_core::DeviceKeyId;

use super::input;
use super::parties::{DeviceColumns, PayerColumns};
use super::payments::HolderColumns;
use crate::domain::command::{AuthenticCode, Charge, Verdict};
use crate::domain::snapshot::Snapshot;
use crate::store::StoreError;
use crate::store::hex::Hex;
use crate::store::rows::{KeyRow, ReferenceRow};
use crate::store::settlement::LastEvents;
use crate::store::settlement::answers::{Answers, KeptColumns, Subject};
use crate::store::sql::{Sql, sql};

const CHARGES: Sql = sql!(each input { caller_kind: text, caller: blob, mode: text, key: text,
        merchant: blob, reference: text, device: blob, payer: blob }
    "select i.n, substr(k.request_hash, 1, 16) as request_hash, k.answer, k.subject, k.batch, k.event, \
        case when r.merchant is null then 0 else 1 end as taken, substr(r.fingerprint, 1, 16) as fingerprint, r.payment, r.order_id, \
        case when h.state = 'canceled' then 1 else 0 end as canceled, \
        case when d.key_id is null then 0 else 1 end as enrolled, d.mark_step, d.mark_seq, \
        d.mark_merchant, d.mark_terminal, d.mark_amount, d.mark_at, d.new_until, \
        case when d.revoked_at is null then 0 else 1 end as revoked, \
        p.mode as payer_mode, p.account, p.currency, \
        case when p.state = 'active' then 1 else 0 end as active, b.available, \
        p.day, p.day_static, p.day_code, p.day_pin, p.day_without_pin, p.month_start, \
        p.month_spent, p.limit_payment, p.limit_day, p.limit_month, p.limit_without_pin, \
        p.limit_without_pin_count, p.suspected_until, p.last_batch, p.last_event \
     from input i \
     left join idempotency_keys k on k.caller_kind = i.caller_kind and k.caller = i.caller \
        and k.mode = i.mode and k.key = i.key \
     left join payment_references r on r.merchant = i.merchant and r.mode = i.mode \
        and r.reference = i.reference \
     left join payments h on h.id = r.payment \
     left join devices d on d.key_id = i.device and d.approved_at is not null \
     left join payers p on p.id = i.payer \
     left join balances b on b.account = p.account and b.shard = 0"
    => { n: int, request_hash: blob, answer: text, subject: blob, batch: blob, event: int,
        taken: int, fingerprint: blob, payment: blob, order_id: blob, canceled: int, enrolled: int,
        mark_step: int, mark_seq: int, mark_merchant: blob, mark_terminal: blob, mark_amount: int, mark_at: int,
        new_until: int, revoked: int, payer_mode: text, account: blob, currency: int, active: int,
        available: int, day: int, day_static: int, day_code: int, day_pin: int,
        day_without_pin: int, month_start: int, month_spent: int, limit_payment: int,
        limit_day: int, limit_month: int, limit_without_pin: int, limit_without_pin_count: int,
        suspected_until: int, last_batch: blob, last_event: int });

#[derive(Serialize)]
pub(super) struct Names<'a> {
    #[serde(flatten)]
    key: KeyRow<'a>,
    merchant: Hex<16>,
    reference: &'a str,
    device: Option<Hex<8>>,
    payer: Option<Hex<16>>,
}

#[derive(Deserialize)]
pub(super) struct ChargeRow {
    n: usize,
    #[serde(flatten)]
    kept: KeptColumns,
    taken: u8,
    #[serde(flatten)]
    holder: HolderColumns,
    enrolled: u8,
    #[serde(flatten)]
    device: DeviceColumns,
    #[serde(flatten)]
    payer: PayerColumns,
    last_batch: Option<Hex<16>>,
    last_event: Option<i64>,
}

impl ChargeRow {
    /// The payments and top-ups that its answers are about.
    pub(super) fn named(&self) -> impl Iterator<Item = Subject> + use<> {
        self.kept.subject().into_iter().chain(self.holder.named())
    }
}

/// The question about charges.
pub(super) fn question<'a>(charges: &[&'a Charge]) -> (&'static Sql, Vec<Names<'a>>) {
    (&CHARGES, charges.iter().map(|charge| names(charge)).collect())
}

/// Puts devices and payers into the snapshot, and what happened to the payers last.
pub(super) fn parties(
    rows: &[ChargeRow],
    charges: &[&Charge],
    snapshot: &mut Snapshot,
    last_events: &mut LastEvents,
) -> Result<(), StoreError> {
    for row in rows {
        let Some(code) = as_code(input(charges, row.n)?) else { continue };
        if row.enrolled != 0 {
            snapshot.devices.insert(code.device, row.device.device());
        }
        if let Some(payer) = row.payer.payer()? {
            snapshot.payers.insert(code.payer, payer);
        }
        last_events.extend(row.last_batch.zip(row.last_event).map(|last| (code.payer, last)));
    }
    Ok(())
}

fn names(charge: &Charge) -> Names<'_> {
    let ReferenceRow { merchant, reference, .. } = ReferenceRow::new(&charge.reference);
    let code = as_code(charge);
    let device = |code: &AuthenticCode| Hex(*DeviceKeyId::as_bytes(&code.device));
    Names {
        key: KeyRow::new(&charge.key),
        merchant,
        reference,
        device: code.map(device),
        payer: code.map(|code| Hex(*code.payer.as_bytes())),
    }
}

fn as_code(charge: &Charge) -> Option<&AuthenticCode> {
    match &charge.verdict {
        Verdict::Authentic(code) => Some(code),
        Verdict::Invalid => None,
    }
}

/// Puts what was answered before into the snapshot: by key, and by reference.
pub(super) fn known(
    rows: Vec<ChargeRow>,
    charges: &[&Charge],
    answers: &Answers,
    snapshot: &mut Snapshot,
) -> Result<(), StoreError> {
    for row in rows {
        let charge = input(charges, row.n)?;
        if let Some(kept) = answers.kept(&row.kept)? {
            snapshot.answers.insert(charge.key.clone(), kept);
        }
        if row.taken != 0 {
            let taken = row.holder.taken(answers)?;
            snapshot.references.insert(charge.reference.clone(), taken);
        }
    }
    Ok(())
}

/// Every statement of this file, for the test that prepares them on both databases.
#[cfg(test)]
pub(super) const STATEMENTS: &[(&str, &Sql)] = &[("load::CHARGES", &CHARGES)];
