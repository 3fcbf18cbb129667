//! What a presented code changes: its device's mark, and what its payer spent today.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::domain::plan::Plan;
use crate::store::StoreError;
use crate::store::connection::Changes;
use crate::store::hex::Hex;
use crate::store::sql::{Sql, sql};

const MARKS: Sql = sql!(input { key_id: blob, step: int, seq: int }
    "update devices set mark_step = i.step, mark_seq = i.seq from input i \
     where devices.key_id = i.key_id");

#[derive(Serialize)]
struct MarkRow {
    key_id: Hex<8>,
    step: u32,
    seq: u8,
}

pub(super) fn marks(changes: &mut Changes, plan: &Plan) -> Result<(), StoreError> {
    // Several codes of one device in a batch: only the last one counts, and it is the highest.
    let last: BTreeMap<_, _> = plan.marks.iter().copied().collect();
    let rows: Vec<MarkRow> = last
        .into_iter()
        .map(|(device, mark)| MarkRow {
            key_id: Hex(*device.as_bytes()),
            step: mark.step.number(),
            seq: mark.seq,
        })
        .collect();
    changes.add_to_existing(&MARKS, &rows, "a device")
}

const SPENDING: Sql = sql!(input { payer: blob, day: int, currency: int, amount: int }
    "insert into daily_spending (payer, day, currency, proof, spent, count) \
     select payer, day, currency, 'code', sum(amount), count(*) from input where true \
     group by payer, day, currency \
     on conflict (payer, day, currency, proof) do update \
     set spent = daily_spending.spent + excluded.spent, \
         count = daily_spending.count + excluded.count");

#[derive(Serialize)]
struct SpendingRow {
    payer: Hex<16>,
    day: i32,
    currency: u16,
    amount: i64,
}

pub(super) fn spending(changes: &mut Changes, plan: &Plan) -> Result<(), StoreError> {
    let rows: Vec<SpendingRow> = plan
        .spending
        .iter()
        .map(|spending| SpendingRow {
            payer: Hex(*spending.payer.as_bytes()),
            day: spending.day.0,
            currency: spending.amount.currency().numeric(),
            amount: spending.amount.minor(),
        })
        .collect();
    changes.add(&SPENDING, &rows)
}

/// Every statement of this file, for the test that prepares them on both databases.
#[cfg(test)]
pub(super) const STATEMENTS: &[(&str, &Sql)] =
    &[("codes::MARKS", &MARKS), ("codes::SPENDING", &SPENDING)];
