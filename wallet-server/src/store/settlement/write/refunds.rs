//! Money that merchants gave back, and money in suspense.

use serde::Serialize;
use wallet_core::Timestamp;

use crate::domain::ids::BatchId;
use crate::domain::plan::{EndedSuspense, NewRefund, NewSuspense, Plan, SuspenseSubject};
use crate::store::StoreError;
use crate::store::connection::Changes;
use crate::store::hex::Hex;
use crate::store::sql::{Sql, sql};

/// Everything that was decided about it.
pub(super) fn changes(
    changes: &mut Changes,
    batch: BatchId,
    plan: &Plan,
    now: Timestamp,
) -> Result<(), StoreError> {
    let rows: Vec<_> = plan.refunds.iter().map(|new| RefundRow::new(batch, new)).collect();
    changes.add(&REFUNDS, &rows)?;
    let rows: Vec<_> = plan.suspense.iter().map(|new| SuspenseRow::new(batch, new)).collect();
    // The money has moved: a row that found no payer must not be missed.
    changes.add_to_existing(&SUSPENSE, &rows, "a payer of money in suspense")?;
    let ended = plan.ended_suspense.iter();
    let rows: Vec<_> = ended.map(|ended| EndedRow::new(batch, ended, now)).collect();
    changes.add_to_existing(&ENDED, &rows, "money in suspense")
}

const REFUNDS: Sql = sql!(input { id: blob, mode: text, merchant: blob, payment: blob, payer: blob,
        currency: int, amount: int, fee_returned: int, reason: text, metadata: text,
        transfer: blob, batch: blob, event: int, created_at: int }
    "insert into refunds (id, mode, merchant, payment, payer, currency, amount, fee_returned, \
        reason, metadata, transfer, batch, event, created_at) \
     select id, mode, merchant, payment, payer, currency, amount, fee_returned, reason, metadata, \
        transfer, batch, event, created_at from input");

#[derive(Serialize)]
struct RefundRow<'a> {
    id: Hex<16>,
    mode: &'static str,
    merchant: Hex<16>,
    payment: Hex<16>,
    payer: Hex<16>,
    currency: u16,
    amount: i64,
    fee_returned: i64,
    reason: Option<&'a str>,
    metadata: Option<&'a str>,
    transfer: Hex<16>,
    batch: Hex<16>,
    event: usize,
    created_at: i64,
}

impl<'a> RefundRow<'a> {
    fn new(batch: BatchId, new: &'a NewRefund) -> Self {
        let answer = &new.answer;
        Self {
            id: Hex(*answer.id.as_bytes()),
            mode: answer.record.mode.as_str(),
            merchant: Hex(*answer.merchant.as_bytes()),
            payment: Hex(*answer.payment.as_bytes()),
            payer: Hex(*new.payer.as_bytes()),
            currency: answer.record.asked.currency().numeric(),
            amount: answer.record.asked.minor(),
            fee_returned: answer.fee_returned.minor(),
            reason: answer.reason.as_deref(),
            metadata: answer.metadata.as_deref(),
            transfer: Hex(*new.transfer.as_bytes()),
            batch: Hex(*batch.as_bytes()),
            event: new.event,
            created_at: answer.record.decided_at.unix_millis(),
        }
    }
}

const SUSPENSE: Sql = sql!(input { id: blob, kind: text, subject: blob, payer: blob, currency: int,
        amount: int, transfer: blob, batch: blob, created_at: int }
    "insert into suspense (id, mode, kind, subject, payer, currency, amount, state, transfer, batch, \
        created_at) \
     select i.id, p.mode, i.kind, i.subject, i.payer, i.currency, i.amount, 'open', i.transfer, \
        i.batch, i.created_at \
     from input i join payers p on p.id = i.payer");

#[derive(Serialize)]
struct SuspenseRow {
    id: Hex<16>,
    kind: &'static str,
    subject: Hex<16>,
    payer: Hex<16>,
    currency: u16,
    amount: i64,
    transfer: Hex<16>,
    batch: Hex<16>,
    created_at: i64,
}

impl SuspenseRow {
    fn new(batch: BatchId, new: &NewSuspense) -> Self {
        let (kind, subject) = match new.subject {
            SuspenseSubject::Refund(id) => ("refund", *id.as_bytes()),
            SuspenseSubject::Payment(id) => ("payment", *id.as_bytes()),
        };
        Self {
            id: Hex(*new.id.as_bytes()),
            kind,
            subject: Hex(subject),
            payer: Hex(*new.payer.as_bytes()),
            currency: new.amount.currency().numeric(),
            amount: new.amount.minor(),
            transfer: Hex(*new.transfer.as_bytes()),
            batch: Hex(*batch.as_bytes()),
            created_at: new.created_at.unix_millis(),
        }
    }
}

const ENDED: Sql = sql!(input { id: blob, state: text, external_reference: text, transfer: blob,
        batch: blob, ended_at: int }
    "update suspense set state = i.state, external_reference = i.external_reference, \
        closing_transfer = i.transfer, closing_batch = i.batch, ended_at = i.ended_at \
     from input i where suspense.id = i.id and suspense.state = 'open'");

#[derive(Serialize)]
struct EndedRow<'a> {
    id: Hex<16>,
    state: &'static str,
    external_reference: Option<&'a str>,
    transfer: Hex<16>,
    batch: Hex<16>,
    ended_at: i64,
}

impl<'a> EndedRow<'a> {
    fn new(batch: BatchId, ended: &'a EndedSuspense, now: Timestamp) -> Self {
        let external_reference = ended.external_reference.as_deref();
        Self {
            id: Hex(*ended.id.as_bytes()),
            state: if external_reference.is_some() { "paid_out" } else { "released" },
            external_reference,
            transfer: Hex(*ended.transfer.as_bytes()),
            batch: Hex(*batch.as_bytes()),
            ended_at: now.unix_millis(),
        }
    }
}

/// Every statement of this file, for the test that prepares them on both databases.
#[cfg(test)]
pub(super) const STATEMENTS: &[(&str, &Sql)] = &[
    ("write_refunds::REFUNDS", &REFUNDS),
    ("write_refunds::SUSPENSE", &SUSPENSE),
    ("write_refunds::ENDED", &ENDED),
];
