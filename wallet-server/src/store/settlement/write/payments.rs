//! Payments and top-ups, and the references that they take.

use serde::Serialize;
use wallet_core::{Money, Timestamp};

use crate::domain::ids::{BatchId, TransferId};
use crate::domain::outcome::{ConfirmationReason, DeclineCode};
use crate::domain::plan::{Evidence, NewHolder, NewPayment, NewReference, Plan};
use crate::store::StoreError;
use crate::store::connection::Changes;
use crate::store::hex::{Bytes, Hex};
use crate::store::rows::ReferenceRow;
use crate::store::sql::{Sql, sql};

const PAYMENTS: Sql = sql!(each input { id: blob, mode: text, merchant: blob, reference: text,
        state: text, decline_code: text, currency: int, amount: int, amount_settled: int,
        settled_currency: int, fee: int, capture: text, code_source: text, terminal: blob, description: text,
        metadata: text, payer: blob, device: blob, code_step: int, code_seq: int, code_limit: int,
        code_currency: int, limit_payment: int, limit_day: int, limit_month: int, proof: text,
        counted: int, reason: text, decline_limit: text, decline_left: int, day: int,
        transfer: blob, evidence: blob, merchant_code: blob, request_evidence: blob, batch: blob, event: int, created_at: int,
        expires_at: int, hold_expires_at: int }
    "insert into payments (id, mode, merchant, reference, state, decline_code, capture, currency, \
        amount, settled_currency, amount_settled, amount_refunded, fee, first_fee, code_source, \
        terminal, description, metadata, payer, device, code_step, code_seq, code_limit, \
        code_currency, evidence, merchant_code, request_evidence, limit_payment, limit_day, \
        limit_month, proof, counted, confirmation_reason, decline_limit, decline_left, day, transfer, batch, event, \
        last_batch, last_event, created_at, expires_at, hold_expires_at) \
     select id, mode, merchant, reference, state, decline_code, capture, currency, \
        amount, settled_currency, amount_settled, 0, fee, fee, code_source, \
        terminal, description, metadata, payer, device, code_step, code_seq, code_limit, \
        code_currency, evidence, merchant_code, request_evidence, limit_payment, limit_day, \
        limit_month, proof, counted, reason, decline_limit, decline_left, day, transfer, batch, event, \
        batch, event, created_at, expires_at, hold_expires_at from input");

#[derive(Serialize)]
struct PaymentRow<'a> {
    id: Hex<16>,
    mode: &'static str,
    merchant: Hex<16>,
    reference: &'a str,
    state: &'static str,
    decline_code: Option<&'static str>,
    currency: u16,
    amount: i64,
    settled_currency: u16,
    amount_settled: i64,
    fee: i64,
    capture: &'static str,
    code_source: &'static str,
    terminal: Option<Hex<16>>,
    description: Option<&'a str>,
    metadata: Option<&'a str>,
    payer: Hex<16>,
    device: Hex<8>,
    code_step: Option<u32>,
    code_seq: Option<u8>,
    code_limit: Option<i64>,
    code_currency: Option<u16>,
    limit_payment: i64,
    limit_day: i64,
    limit_month: i64,
    proof: &'static str,
    counted: i64,
    reason: Option<&'static str>,
    decline_limit: Option<&'static str>,
    decline_left: Option<i64>,
    day: i32,
    transfer: Option<Hex<16>>,
    evidence: Option<Bytes>,
    #[serde(skip_serializing_if = "Option::is_none")]
    merchant_code: Option<Hex<16>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_evidence: Option<Bytes>,
    batch: Hex<16>,
    event: usize,
    created_at: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hold_expires_at: Option<i64>,
}

impl<'a> PaymentRow<'a> {
    fn new(batch: BatchId, payment: &'a NewPayment) -> Self {
        let answer = &payment.answer;
        let record = &answer.record;
        let evidence = Bytes(payment.evidence.bytes().to_vec());
        let (code, evidence, request_evidence) = match payment.evidence {
            Evidence::Code { mark, limit, .. } => (Some((mark, limit)), Some(evidence), None),
            Evidence::Request { .. } => (None, None, Some(evidence)),
        };
        Self {
            id: Hex(*answer.id.as_bytes()),
            mode: answer.mode.as_str(),
            merchant: Hex(*answer.merchant.as_bytes()),
            reference: &answer.reference,
            state: record.state.as_str(),
            decline_code: answer.decline_code.map(DeclineCode::as_str),
            currency: record.asked.currency().numeric(),
            amount: record.asked.minor(),
            settled_currency: record.settled.currency().numeric(),
            amount_settled: record.settled.minor(),
            fee: answer.fee.minor(),
            capture: answer.capture.as_str(),
            code_source: answer.code_source.as_str(),
            terminal: answer.terminal.map(|id| Hex(*id.as_bytes())),
            description: answer.description.as_deref(),
            metadata: answer.metadata.as_deref(),
            payer: Hex(*payment.payer.as_bytes()),
            device: Hex(*payment.device.as_bytes()),
            code_step: code.map(|(mark, _)| mark.step.number()),
            code_seq: code.map(|(mark, _)| mark.seq),
            code_limit: code.map(|(_, limit)| limit.minor()),
            code_currency: code.map(|(_, limit)| limit.currency().numeric()),
            limit_payment: payment.limits.payment.minor(),
            limit_day: payment.limits.day.minor(),
            limit_month: payment.limits.month.minor(),
            proof: payment.proof.as_str(),
            counted: payment.counted,
            reason: payment.reason.map(ConfirmationReason::as_str),
            decline_limit: payment.over_limit.map(|over| over.limit.as_str()),
            decline_left: payment.over_limit.map(|over| over.left.minor()),
            day: payment.day.0,
            transfer: payment.transfer.map(|id| Hex(*id.as_bytes())),
            evidence,
            merchant_code: answer.merchant_code.map(|id| Hex(*id.as_bytes())),
            request_evidence,
            batch: Hex(*batch.as_bytes()),
            event: payment.event,
            created_at: answer.created_at.unix_millis(),
            expires_at: answer.expires_at.map(Timestamp::unix_millis),
            hold_expires_at: answer.hold_expires_at.map(Timestamp::unix_millis),
        }
    }
}

pub(super) fn payments(
    changes: &mut Changes,
    batch: BatchId,
    plan: &Plan,
) -> Result<(), StoreError> {
    let rows: Vec<_> =
        plan.payments.iter().map(|payment| PaymentRow::new(batch, payment)).collect();
    changes.add(&PAYMENTS, &rows)
}

const CHANGED: Sql = sql!(input { id: blob, state: text, decline_code: text, amount_settled: int,
        fee: int, amount_refunded: int, fee_returned: int, refunds: int, counted: int,
        closing_transfer: blob, reversal_transfer: blob, hold_expires_at: int, batch: blob,
        event: int }
    "update payments set state = i.state, \
        decline_code = coalesce(i.decline_code, payments.decline_code), \
        amount_settled = coalesce(i.amount_settled, payments.amount_settled), \
        fee = coalesce(i.fee, payments.fee), amount_refunded = i.amount_refunded, \
        fee_returned = i.fee_returned, refunds = i.refunds, \
        counted = coalesce(i.counted, payments.counted), \
        closing_transfer = coalesce(i.closing_transfer, payments.closing_transfer), \
        closing_batch = case when i.closing_transfer is null then payments.closing_batch \
            else i.batch end, \
        reversal_transfer = coalesce(i.reversal_transfer, payments.reversal_transfer), \
        reversal_batch = case when i.reversal_transfer is null then payments.reversal_batch \
            else i.batch end, \
        hold_expires_at = coalesce(i.hold_expires_at, payments.hold_expires_at), \
        last_batch = i.batch, last_event = i.event \
     from input i where payments.id = i.id");

#[derive(Serialize)]
struct ChangedRow {
    id: Hex<16>,
    state: &'static str,
    decline_code: Option<&'static str>,
    amount_settled: Option<i64>,
    fee: Option<i64>,
    amount_refunded: i64,
    fee_returned: i64,
    refunds: u32,
    counted: Option<i64>,
    closing_transfer: Option<Hex<16>>,
    reversal_transfer: Option<Hex<16>>,
    hold_expires_at: Option<i64>,
    batch: Hex<16>,
    event: usize,
}

/// Payments that were made before and have changed.
pub(super) fn changed(
    changes: &mut Changes,
    batch: BatchId,
    plan: &Plan,
) -> Result<(), StoreError> {
    let transfer = |id: TransferId| Hex(*id.as_bytes());
    let rows: Vec<ChangedRow> = plan
        .changed_payments
        .iter()
        .map(|(id, change)| ChangedRow {
            id: Hex(*id.as_bytes()),
            state: change.record.state.as_str(),
            decline_code: change.decline_code.map(DeclineCode::as_str),
            amount_settled: change.captured.map(Money::minor),
            fee: change.fee.map(Money::minor),
            amount_refunded: change.refunded.amount.minor(),
            fee_returned: change.refunded.fee.minor(),
            refunds: change.refunded.count,
            counted: change.counted,
            closing_transfer: change.closing.map(transfer),
            reversal_transfer: change.reversal.map(transfer),
            hold_expires_at: change.hold_expires_at.map(Timestamp::unix_millis),
            batch: Hex(*batch.as_bytes()),
            event: change.event,
        })
        .collect();
    changes.add_to_existing(&CHANGED, &rows, "a payment")
}

const REFERENCES: Sql = sql!(each "insert into payment_references (merchant, mode, reference, fingerprint, payment, \
        order_id, created_at) \
        values (:merchant, :mode, :reference, :fingerprint, :payment, :order_id, :created_at)"
    input { merchant: blob, mode: text, reference: text,
        fingerprint: blob, payment: blob, order_id: blob, created_at: int }
    "insert into payment_references (merchant, mode, reference, fingerprint, payment, order_id, \
        created_at) \
     select merchant, mode, reference, fingerprint, payment, order_id, created_at from input \
     order by merchant, mode, reference");

#[derive(Serialize)]
struct NewReferenceRow<'a> {
    #[serde(flatten)]
    reference: ReferenceRow<'a>,
    fingerprint: Option<Hex<16>>,
    payment: Option<Hex<16>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    order_id: Option<Hex<16>>,
    created_at: i64,
}

impl<'a> NewReferenceRow<'a> {
    fn new(NewReference { reference, holder }: &'a NewReference, now: Timestamp) -> Self {
        let (payment, order) = match holder {
            NewHolder::Payment(id, fingerprint) => (Some((id, fingerprint)), None),
            NewHolder::Order(id) => (None, Some(id)),
            NewHolder::Nothing => (None, None),
        };
        Self {
            reference: ReferenceRow::new(reference),
            fingerprint: payment.map(|(_, fingerprint)| Hex(*fingerprint.as_bytes())),
            payment: payment.map(|(id, _)| Hex(*id.as_bytes())),
            order_id: order.map(|id| Hex(*id.as_bytes())),
            created_at: now.unix_millis(),
        }
    }
}

pub(super) fn references(
    changes: &mut Changes,
    plan: &Plan,
    now: Timestamp,
) -> Result<(), StoreError> {
    let rows: Vec<_> = plan.references.iter().map(|new| NewReferenceRow::new(new, now)).collect();
    changes.add(&REFERENCES, &rows)
}

const TOP_UPS: Sql = sql!(input { id: blob, mode: text, payer: blob, external_reference: text,
        currency: int, amount: int, transfer: blob, batch: blob, event: int, created_at: int }
    "insert into top_ups (id, mode, payer, external_reference, currency, amount, transfer, batch, \
        event, created_at) \
     select id, mode, payer, external_reference, currency, amount, transfer, batch, \
        event, created_at from input order by mode, external_reference");

#[derive(Serialize)]
struct TopUpRow<'a> {
    id: Hex<16>,
    mode: &'static str,
    payer: Hex<16>,
    external_reference: &'a str,
    currency: u16,
    amount: i64,
    transfer: Hex<16>,
    batch: Hex<16>,
    event: usize,
    created_at: i64,
}

pub(super) fn top_ups(
    changes: &mut Changes,
    batch: BatchId,
    plan: &Plan,
) -> Result<(), StoreError> {
    let rows: Vec<TopUpRow<'_>> = plan
        .top_ups
        .iter()
        .map(|new| TopUpRow {
            id: Hex(*new.answer.id.as_bytes()),
            mode: new.answer.record.mode.as_str(),
            payer: Hex(*new.answer.payer.as_bytes()),
            external_reference: &new.answer.external_reference,
            currency: new.answer.record.asked.currency().numeric(),
            amount: new.answer.record.asked.minor(),
            transfer: Hex(*new.transfer.as_bytes()),
            batch: Hex(*batch.as_bytes()),
            event: new.event,
            created_at: new.answer.record.decided_at.unix_millis(),
        })
        .collect();
    changes.add(&TOP_UPS, &rows)
}

/// Every statement of this file, for the test that prepares them on both databases.
#[cfg(test)]
pub(super) const STATEMENTS: &[(&str, &Sql)] = &[
    ("write_payments::PAYMENTS", &PAYMENTS),
    ("write_payments::CHANGED", &CHANGED),
    ("write_payments::REFERENCES", &REFERENCES),
    ("write_payments::TOP_UPS", &TOP_UPS),
];
