//! What charges name: their idempotency keys and references, their codes' devices and payers.

use serde::{Deserialize, Serialize};
use wallet_core::code::Mark;
use wallet_core::{DeviceKeyId, Step};

use super::{PayerColumns, input, insert_payer};
use crate::domain::command::{AuthenticCode, Charge, Verdict};
use crate::domain::limits::Day;
use crate::domain::snapshot::{Device, Snapshot, TakenReference};
use crate::store::StoreError;
use crate::store::hex::Hex;
use crate::store::rows::{KeyRow, ReferenceRow};
use crate::store::settlement::answers::{Answers, KeptColumns, Subject};
use crate::store::sql::{Sql, sql};

const CHARGES: Sql = sql!(input { caller_kind: text, caller: blob, mode: text, key: text,
        merchant: blob, reference: text, device: blob, payer: blob, day: int }
    "select i.n, k.request_hash, k.answer, k.subject, \
        case when r.merchant is null then 0 else 1 end as taken, r.fingerprint, r.payment, \
        case when d.key_id is null then 0 else 1 end as enrolled, d.mark_step, d.mark_seq, \
        case when d.revoked_at is null then 0 else 1 end as revoked, \
        p.mode as payer_mode, p.account, p.currency, \
        case when p.state = 'active' then 1 else 0 end as active, b.available, \
        (select coalesce(sum(s.spent), 0) from daily_spending s \
            where s.payer = p.id and s.day = i.day and s.currency = p.currency) as spent, \
        (select coalesce(sum(s.count), 0) from daily_spending s \
            where s.payer = p.id and s.day = i.day and s.currency = p.currency) as count \
     from input i \
     left join idempotency_keys k on k.caller_kind = i.caller_kind and k.caller = i.caller \
        and k.mode = i.mode and k.key = i.key \
     left join payment_references r on r.merchant = i.merchant and r.mode = i.mode \
        and r.reference = i.reference \
     left join devices d on d.key_id = i.device \
     left join payers p on p.id = i.payer \
     left join balances b on b.account = p.account and b.shard = 0"
    => { n: int, request_hash: blob, answer: text, subject: blob, taken: int, fingerprint: blob,
        payment: blob, enrolled: int, mark_step: int, mark_seq: int, revoked: int,
        payer_mode: text, account: blob, currency: int, active: int, available: int, spent: int,
        count: int });

#[derive(Serialize)]
pub(super) struct Names<'a> {
    #[serde(flatten)]
    key: KeyRow<'a>,
    merchant: Hex<16>,
    reference: &'a str,
    device: Option<Hex<8>>,
    payer: Option<Hex<16>>,
    day: i32,
}

#[derive(Deserialize)]
pub(super) struct ChargeRow {
    n: usize,
    #[serde(flatten)]
    kept: KeptColumns,
    taken: u8,
    fingerprint: Option<Hex<32>>,
    payment: Option<Hex<16>>,
    enrolled: u8,
    mark_step: Option<u32>,
    mark_seq: Option<u8>,
    revoked: u8,
    #[serde(flatten)]
    payer: PayerColumns,
    spent: i64,
    count: i64,
}

impl ChargeRow {
    /// The payments and top-ups that its answers are about.
    pub(super) fn named(&self) -> impl Iterator<Item = Subject> + use<> {
        let payment = self.payment.map(|id| Subject::Payment(id.0));
        self.kept.subject().into_iter().chain(payment)
    }
}

/// The question about charges.
pub(super) fn question<'a>(charges: &[&'a Charge], today: Day) -> (&'static Sql, Vec<Names<'a>>) {
    (&CHARGES, charges.iter().map(|charge| names(charge, today)).collect())
}

/// Puts devices and payers into the snapshot.
pub(super) fn parties(
    rows: &[ChargeRow],
    charges: &[&Charge],
    snapshot: &mut Snapshot,
) -> Result<(), StoreError> {
    for row in rows {
        let Some(code) = as_code(input(charges, row.n)?) else { continue };
        if row.enrolled != 0 {
            let mark = row.mark_step.zip(row.mark_seq);
            let mark = mark.map(|(step, seq)| Mark { step: Step::from_number(step), seq });
            let device = Device { revoked: row.revoked != 0, mark };
            snapshot.devices.insert(code.device, device);
        }
        if let Some(payer) = row.payer.payer()? {
            insert_payer(snapshot, code.payer, payer, row.spent, row.count);
        }
    }
    Ok(())
}

fn names(charge: &Charge, today: Day) -> Names<'_> {
    let ReferenceRow { merchant, reference, .. } = ReferenceRow::new(&charge.reference);
    let code = as_code(charge);
    let device = |code: &AuthenticCode| Hex(*DeviceKeyId::as_bytes(&code.device));
    Names {
        key: KeyRow::new(&charge.key),
        merchant,
        reference,
        device: code.map(device),
        payer: code.map(|code| Hex(*code.payer.as_bytes())),
        day: today.0,
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
            let taken = match (row.fingerprint, row.payment) {
                (Some(fingerprint), Some(payment)) => {
                    let payment = Box::new(answers.payment(payment.0)?);
                    TakenReference::Payment(fingerprint.0, payment)
                }
                _ => TakenReference::Tombstone,
            };
            snapshot.references.insert(charge.reference.clone(), taken);
        }
    }
    Ok(())
}

/// Every statement of this file, for the test that prepares them on both databases.
#[cfg(test)]
pub(super) const STATEMENTS: &[(&str, &Sql)] = &[("load::CHARGES", &CHARGES)];
