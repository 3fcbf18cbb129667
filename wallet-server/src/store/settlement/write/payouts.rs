//! Money that merchants have paid out.

use serde::Serialize;
use wallet_core::Timestamp;

use crate::domain::ids::{BatchId, PayoutId, TransferId};
use crate::domain::plan::{NewPayout, PayoutChange, PayoutChanges};
use crate::store::StoreError;
use crate::store::connection::Changes;
use crate::store::hex::{Bytes, Hex};
use crate::store::sql::{Sql, sql};

/// Everything that was decided about it.
pub(super) fn changes(
    changes: &mut Changes,
    batch: BatchId,
    payouts: &PayoutChanges,
) -> Result<(), StoreError> {
    let rows: Vec<_> = payouts.requested.iter().map(|new| PayoutRow::new(batch, new)).collect();
    changes.add(&PAYOUTS, &rows)?;
    let changed = payouts.changed.iter();
    let rows: Vec<_> = changed.map(|(id, change)| ChangedRow::new(batch, *id, change)).collect();
    changes.add_to_existing(&CHANGED, &rows, "a payout")
}

const PAYOUTS: Sql = sql!(input { id: blob, mode: text, merchant: blob, currency: int, amount: int,
        destination: blob, description: text, metadata: text, transfer: blob, batch: blob,
        event: int, created_at: int }
    "insert into payouts (id, mode, merchant, currency, amount, destination, description, \
        metadata, state, transfer, batch, event, last_batch, last_event, created_at) \
     select id, mode, merchant, currency, amount, destination, description, metadata, \
        'authorized', transfer, batch, event, batch, event, created_at from input");

#[derive(Serialize)]
struct PayoutRow<'a> {
    id: Hex<16>,
    mode: &'static str,
    merchant: Hex<16>,
    currency: u16,
    amount: i64,
    destination: Bytes,
    description: Option<&'a str>,
    metadata: Option<&'a str>,
    transfer: Hex<16>,
    batch: Hex<16>,
    event: usize,
    created_at: i64,
}

impl<'a> PayoutRow<'a> {
    fn new(batch: BatchId, new: &'a NewPayout) -> Self {
        Self {
            id: Hex(*new.id.as_bytes()),
            mode: new.record.mode.as_str(),
            merchant: Hex(*new.merchant.as_bytes()),
            currency: new.record.asked.currency().numeric(),
            amount: new.record.asked.minor(),
            destination: Bytes(new.destination.clone()),
            description: new.description.as_deref(),
            metadata: new.metadata.as_deref(),
            transfer: Hex(*new.transfer.as_bytes()),
            batch: Hex(*batch.as_bytes()),
            event: new.event,
            created_at: new.record.decided_at.unix_millis(),
        }
    }
}

// Whoever writes holds the merchant's lock, and read the row under it.
const CHANGED: Sql = sql!(input { id: blob, state: text, external_reference: text, paid_at: int,
        return_reason: text, closing: blob, reversal: blob, batch: blob, event: int }
    "update payouts set state = i.state, \
        external_reference = coalesce(i.external_reference, payouts.external_reference), \
        paid_at = coalesce(i.paid_at, payouts.paid_at), return_reason = i.return_reason, \
        closing_transfer = coalesce(i.closing, payouts.closing_transfer), \
        closing_batch = case when i.closing is null then payouts.closing_batch else i.batch end, \
        reversal_transfer = i.reversal, \
        reversal_batch = case when i.reversal is null then null else i.batch end, \
        last_batch = i.batch, last_event = i.event \
     from input i where payouts.id = i.id");

#[derive(Serialize)]
struct ChangedRow<'a> {
    id: Hex<16>,
    state: &'static str,
    external_reference: Option<&'a str>,
    paid_at: Option<i64>,
    return_reason: Option<&'a str>,
    closing: Option<Hex<16>>,
    reversal: Option<Hex<16>>,
    batch: Hex<16>,
    event: usize,
}

impl<'a> ChangedRow<'a> {
    fn new(batch: BatchId, id: PayoutId, change: &'a PayoutChange) -> Self {
        let transfer = |id: Option<TransferId>| id.map(|id| Hex(*id.as_bytes()));
        Self {
            id: Hex(*id.as_bytes()),
            state: change.record.state.as_str(),
            external_reference: change.external_reference.as_deref(),
            paid_at: change.paid_at.map(Timestamp::unix_millis),
            return_reason: change.return_reason.as_deref(),
            closing: transfer(change.closing),
            reversal: transfer(change.reversal),
            batch: Hex(*batch.as_bytes()),
            event: change.event,
        }
    }
}

/// Every statement of this file, for the test that prepares them on both databases.
#[cfg(test)]
pub(super) const STATEMENTS: &[(&str, &Sql)] =
    &[("write_payouts::PAYOUTS", &PAYOUTS), ("write_payouts::CHANGED", &CHANGED)];
