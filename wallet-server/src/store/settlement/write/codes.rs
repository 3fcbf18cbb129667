//! What a presented code changes: its device's mark, and what is known about its payer.

use std::collections::BTreeMap;

use serde::Serialize;
use wallet_core::Timestamp;

use crate::domain::ids::{BatchId, PayerId};
use crate::domain::plan::Plan;
use crate::store::StoreError;
use crate::store::connection::Changes;
use crate::store::hex::Hex;
use crate::store::sql::{Sql, sql};

const MARKS: Sql = sql!(each "update devices set mark_step = :step, mark_seq = :seq, mark_merchant = :merchant, \
        mark_terminal = :terminal, mark_amount = :amount, mark_at = :presented_at \
        where key_id = :key_id"
    input { key_id: blob, step: int, seq: int, merchant: blob, terminal: blob,
        amount: int, presented_at: int }
    "update devices set mark_step = i.step, mark_seq = i.seq, mark_merchant = i.merchant, \
        mark_terminal = i.terminal, mark_amount = i.amount, mark_at = i.presented_at \
     from input i where devices.key_id = i.key_id");

#[derive(Serialize)]
struct MarkRow {
    key_id: Hex<8>,
    step: u32,
    seq: u8,
    merchant: Option<Hex<16>>,
    terminal: Option<Hex<16>>,
    amount: Option<i64>,
    presented_at: Option<i64>,
}

pub(super) fn marks(changes: &mut Changes, plan: &Plan) -> Result<(), StoreError> {
    // Several codes of one device in a batch: only the last one counts, and it is the highest.
    let last: BTreeMap<_, _> = plan.marks.iter().copied().collect();
    let rows: Vec<MarkRow> = last
        .into_iter()
        .map(|(device, presented)| MarkRow {
            key_id: Hex(*device.as_bytes()),
            step: presented.mark.step.number(),
            seq: presented.mark.seq,
            merchant: presented.at.map(|at| Hex(*at.merchant.as_bytes())),
            terminal: presented.at.and_then(|at| at.terminal).map(|id| Hex(*id.as_bytes())),
            amount: presented.at.and_then(|at| at.paid),
            presented_at: presented.at.map(|at| at.time.unix_millis()),
        })
        .collect();
    changes.add_to_existing(&MARKS, &rows, "a device")
}

// Whoever writes holds the payer's lock, and read the row under it.
const PAYERS: Sql = sql!(each "update payers set day = :day, day_static = :day_static, day_code = :day_code, \
        day_pin = :day_pin, day_without_pin = :day_without_pin, month_start = :month_start, \
        month_spent = :month_spent, suspected_until = :suspected_until, \
        last_batch = ifnull(:batch, last_batch), last_event = ifnull(:event, last_event) \
        where id = :payer"
    input { payer: blob, day: int, day_static: int, day_code: int,
        day_pin: int, day_without_pin: int, month_start: int, month_spent: int,
        suspected_until: int, batch: blob, event: int }
    "update payers set day = i.day, day_static = i.day_static, day_code = i.day_code, \
        day_pin = i.day_pin, day_without_pin = i.day_without_pin, month_start = i.month_start, \
        month_spent = i.month_spent, suspected_until = i.suspected_until, \
        last_batch = coalesce(i.batch, payers.last_batch), \
        last_event = coalesce(i.event, payers.last_event) \
     from input i where payers.id = i.payer");

#[derive(Serialize)]
struct PayerRow {
    payer: Hex<16>,
    day: i32,
    day_static: i64,
    day_code: i64,
    day_pin: i64,
    day_without_pin: i64,
    month_start: i32,
    month_spent: i64,
    suspected_until: Option<i64>,
    batch: Option<Hex<16>>,
    event: Option<usize>,
}

// Of whom nothing else changes.
const LAST_EVENTS: Sql = sql!(each "update payers set last_batch = :batch, last_event = :event where id = :payer"
    input { payer: blob, batch: blob, event: int }
    "update payers set last_batch = i.batch, last_event = i.event \
     from input i where payers.id = i.payer");

#[derive(Serialize)]
struct LastEventRow {
    payer: Hex<16>,
    batch: Hex<16>,
    event: usize,
}

/// What payers have spent, and what happened to them last: after their [events](super::books::events).
pub(super) fn payers(changes: &mut Changes, batch: BatchId, plan: &Plan) -> Result<(), StoreError> {
    let happened = plan.events.iter().enumerate();
    let mut last: BTreeMap<PayerId, usize> =
        happened.filter_map(|(n, event)| event.payer.map(|payer| (payer, n))).collect();
    let batch = Hex(*batch.as_bytes());
    let rows: Vec<PayerRow> = plan
        .payers
        .iter()
        .map(|(payer, change)| {
            let event = last.remove(payer);
            PayerRow {
                payer: Hex(*payer.as_bytes()),
                day: change.usage.day.0,
                day_static: change.usage.day_static,
                day_code: change.usage.day_code,
                day_pin: change.usage.day_pin,
                day_without_pin: change.usage.day_without_pin,
                month_start: change.usage.month_start.0,
                month_spent: change.usage.month,
                suspected_until: change.suspected_until.map(Timestamp::unix_millis),
                batch: event.map(|_| batch),
                event,
            }
        })
        .collect();
    changes.add_to_existing(&PAYERS, &rows, "a payer")?;
    let rows: Vec<_> = last
        .into_iter()
        .map(|(payer, event)| LastEventRow { payer: Hex(*payer.as_bytes()), batch, event })
        .collect();
    changes.add_to_existing(&LAST_EVENTS, &rows, "a payer")
}

/// Every statement of this file, for the test that prepares them on both databases.
#[cfg(test)]
pub(super) const STATEMENTS: &[(&str, &Sql)] =
    &[("codes::MARKS", &MARKS), ("codes::PAYERS", &PAYERS), ("codes::LAST_EVENTS", &LAST_EVENTS)];
