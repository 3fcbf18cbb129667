//! Money between payers.

use serde::Serialize;

use crate::domain::ids::BatchId;
use crate::domain::plan::{NewPayerTransfer, PeopleChanges};
use crate::store::StoreError;
use crate::store::connection::Changes;
use crate::store::hex::{Bytes, Hex};
use crate::store::sql::{Sql, sql};

/// Everything that was decided about it.
pub(super) fn changes(
    changes: &mut Changes,
    batch: BatchId,
    people: &PeopleChanges,
) -> Result<(), StoreError> {
    let rows: Vec<_> = people.transfers.iter().map(|new| TransferRow::new(batch, new)).collect();
    changes.add(&TRANSFERS, &rows)
}

const TRANSFERS: Sql = sql!(input { id: blob, mode: text, payer: blob, payee: blob, currency: int,
        amount: int, note: blob, day: int, transfer: blob, batch: blob, event: int,
        created_at: int }
    "insert into payer_transfers (id, mode, payer, payee, currency, amount, note, day, transfer, \
        batch, event, created_at) \
     select id, mode, payer, payee, currency, amount, note, day, transfer, batch, event, \
        created_at from input");

#[derive(Serialize)]
struct TransferRow {
    id: Hex<16>,
    mode: &'static str,
    payer: Hex<16>,
    payee: Hex<16>,
    currency: u16,
    amount: i64,
    note: Option<Bytes>,
    day: i32,
    transfer: Hex<16>,
    batch: Hex<16>,
    event: usize,
    created_at: i64,
}

impl TransferRow {
    fn new(batch: BatchId, new: &NewPayerTransfer) -> Self {
        Self {
            id: Hex(*new.id.as_bytes()),
            mode: new.record.mode.as_str(),
            payer: Hex(*new.payer.as_bytes()),
            payee: Hex(*new.payee.as_bytes()),
            currency: new.record.asked.currency().numeric(),
            amount: new.record.asked.minor(),
            note: new.note.clone().map(Bytes),
            day: new.day.0,
            transfer: Hex(*new.transfer.as_bytes()),
            batch: Hex(*batch.as_bytes()),
            event: new.event,
            created_at: new.record.decided_at.unix_millis(),
        }
    }
}

/// Every statement of this file, for the test that prepares them on both databases.
#[cfg(test)]
pub(super) const STATEMENTS: &[(&str, &Sql)] = &[("write_people::TRANSFERS", &TRANSFERS)];
