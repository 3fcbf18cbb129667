//! Withdrawals that are to come to their end.

use serde::{Deserialize, Serialize};
use wallet_core::receipt::{RECORD_LENGTH, Record};

use crate::domain::command::{Command, FinishWithdrawal, WithdrawalEnd};
use crate::domain::ids::{PayerId, WithdrawalId};
use crate::domain::snapshot::{OpenWithdrawal, People};
use crate::store::StoreError;
use crate::store::connection::Transaction;
use crate::store::hex::Hex;
use crate::store::merchants::mode;
use crate::store::sql::{Sql, sql};

const WITHDRAWALS: Sql = sql!(input { id: blob }
    "select w.id, w.payer, e.record from input i join withdrawals w on w.id = i.id \
     join events e on e.batch = w.last_batch and e.n = w.last_event"
    => { id: blob, payer: blob, record: blob });

#[derive(Serialize)]
struct Id {
    id: Hex<16>,
}

#[derive(Deserialize)]
struct WithdrawalRow {
    id: Hex<16>,
    payer: Hex<16>,
    record: Hex<RECORD_LENGTH>,
}

const PAID: Sql = sql!(input { mode: text, external_reference: text }
    "select w.mode, w.external_reference from input i join withdrawals w \
        on w.mode = i.mode and w.external_reference = i.external_reference"
    => { mode: text, external_reference: text });

#[derive(Serialize)]
struct Reference<'a> {
    mode: &'static str,
    external_reference: &'a str,
}

#[derive(Deserialize)]
struct PaidRow {
    mode: String,
    external_reference: String,
}

/// Puts what commands name into the snapshot.
pub(super) async fn read(
    transaction: &mut Transaction,
    commands: &[Command],
    people: &mut People,
) -> Result<(), StoreError> {
    let finished: Vec<&FinishWithdrawal> = commands.iter().filter_map(as_finish).collect();
    let ids: Vec<Id> = finished.iter().map(|it| Id { id: Hex(*it.id.as_bytes()) }).collect();
    let rows: Vec<WithdrawalRow> = transaction.read(&WITHDRAWALS, &ids).await?;
    for row in rows {
        let open = OpenWithdrawal {
            payer: PayerId::from_bytes(row.payer.0),
            record: Record::from_bytes(&row.record.0).map_err(|_| StoreError::Corrupt("record"))?,
        };
        people.withdrawals.insert(WithdrawalId::from_bytes(row.id.0), open);
    }
    let references: Vec<Reference<'_>> = finished.iter().copied().filter_map(reference).collect();
    let rows: Vec<PaidRow> = transaction.read(&PAID, &references).await?;
    for row in rows {
        people.paid_references.insert((mode(&row.mode)?, row.external_reference));
    }
    Ok(())
}

fn as_finish(command: &Command) -> Option<&FinishWithdrawal> {
    if let Command::FinishWithdrawal(finish) = command { Some(finish) } else { None }
}

/// The bank's reference that a withdrawal is to have.
fn reference(finish: &FinishWithdrawal) -> Option<Reference<'_>> {
    let WithdrawalEnd::Paid { external_reference } = &finish.end else { return None };
    Some(Reference { mode: finish.request.key.mode.as_str(), external_reference })
}

/// Every statement of this file, for the test that prepares them on both databases.
#[cfg(test)]
pub(super) const STATEMENTS: &[(&str, &Sql)] =
    &[("load_people::WITHDRAWALS", &WITHDRAWALS), ("load_people::PAID", &PAID)];
