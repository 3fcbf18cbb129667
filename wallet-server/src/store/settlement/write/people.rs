//! Money between payers, and money that payers take out.

use serde::Serialize;

use crate::domain::ids::BatchId;
use crate::domain::plan::{FinishedWithdrawal, NewPayerTransfer, NewWithdrawal, PeopleChanges};
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
    changes.add(&TRANSFERS, &rows)?;
    let rows: Vec<_> =
        people.withdrawals.iter().map(|new| WithdrawalRow::new(batch, new)).collect();
    changes.add(&WITHDRAWALS, &rows)?;
    let rows: Vec<_> = people.finished.iter().map(|it| FinishedRow::new(batch, it)).collect();
    changes.add_to_existing(&FINISHED, &rows, "a withdrawal")
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

const WITHDRAWALS: Sql = sql!(input { id: blob, mode: text, payer: blob, currency: int,
        amount: int, destination: blob, transfer: blob, batch: blob, event: int, created_at: int }
    "insert into withdrawals (id, mode, payer, currency, amount, destination, state, transfer, \
        batch, event, last_batch, last_event, created_at) \
     select id, mode, payer, currency, amount, destination, 'authorized', transfer, batch, event, \
        batch, event, created_at from input");

#[derive(Serialize)]
struct WithdrawalRow {
    id: Hex<16>,
    mode: &'static str,
    payer: Hex<16>,
    currency: u16,
    amount: i64,
    destination: Bytes,
    transfer: Hex<16>,
    batch: Hex<16>,
    event: usize,
    created_at: i64,
}

impl WithdrawalRow {
    fn new(batch: BatchId, new: &NewWithdrawal) -> Self {
        Self {
            id: Hex(*new.id.as_bytes()),
            mode: new.record.mode.as_str(),
            payer: Hex(*new.payer.as_bytes()),
            currency: new.record.asked.currency().numeric(),
            amount: new.record.asked.minor(),
            destination: Bytes(new.destination.clone()),
            transfer: Hex(*new.transfer.as_bytes()),
            batch: Hex(*batch.as_bytes()),
            event: new.event,
            created_at: new.record.decided_at.unix_millis(),
        }
    }
}

const FINISHED: Sql = sql!(input { id: blob, state: text, external_reference: text,
        transfer: blob, batch: blob, event: int }
    "update withdrawals set state = i.state, external_reference = i.external_reference, \
        closing_transfer = i.transfer, last_batch = i.batch, last_event = i.event \
     from input i where withdrawals.id = i.id");

#[derive(Serialize)]
struct FinishedRow<'a> {
    id: Hex<16>,
    state: &'static str,
    external_reference: Option<&'a str>,
    transfer: Hex<16>,
    batch: Hex<16>,
    event: usize,
}

impl<'a> FinishedRow<'a> {
    fn new(batch: BatchId, finished: &'a FinishedWithdrawal) -> Self {
        Self {
            id: Hex(*finished.id.as_bytes()),
            state: finished.record.state.as_str(),
            external_reference: finished.external_reference.as_deref(),
            transfer: Hex(*finished.transfer.as_bytes()),
            batch: Hex(*batch.as_bytes()),
            event: finished.event,
        }
    }
}

/// Every statement of this file, for the test that prepares them on both databases.
#[cfg(test)]
pub(super) const STATEMENTS: &[(&str, &Sql)] = &[
    ("write_people::TRANSFERS", &TRANSFERS),
    ("write_people::WITHDRAWALS", &WITHDRAWALS),
    ("write_people::FINISHED", &FINISHED),
];
