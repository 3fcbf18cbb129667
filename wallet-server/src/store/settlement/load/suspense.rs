//! Money in suspense that the operator decides about.

use serde::{Deserialize, Serialize};
use wallet_core::Money;

use crate::domain::command::{Command, EndSuspense, SuspenseEnd};
use crate::domain::ids::{PayerId, SuspenseId};
use crate::domain::snapshot::{OpenSuspense, Snapshot};
use crate::store::StoreError;
use crate::store::accounts::currency;
use crate::store::connection::Transaction;
use crate::store::hex::Hex;
use crate::store::merchants::mode;
use crate::store::sql::{Sql, sql};

const SUSPENSE: Sql = sql!(input { id: blob }
    "select s.* from input i join suspense s on s.id = i.id"
    => { id: blob, payer: blob, mode: text, currency: int, amount: int, state: text });

#[derive(Serialize)]
struct Id {
    id: Hex<16>,
}

#[derive(Deserialize)]
struct SuspenseRow {
    id: Hex<16>,
    payer: Hex<16>,
    mode: String,
    currency: u16,
    amount: i64,
    state: String,
}

const PAID: Sql = sql!(input { mode: text, external_reference: text }
    "select s.mode, s.external_reference from input i join suspense s \
        on s.mode = i.mode and s.external_reference = i.external_reference"
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
    snapshot: &mut Snapshot,
) -> Result<(), StoreError> {
    let ended: Vec<&EndSuspense> = commands.iter().filter_map(as_end).collect();
    let ids: Vec<Id> = ended.iter().map(|it| Id { id: Hex(*it.id.as_bytes()) }).collect();
    let rows: Vec<SuspenseRow> = transaction.read(&SUSPENSE, &ids).await?;
    for row in rows {
        let open = OpenSuspense {
            payer: PayerId::from_bytes(row.payer.0),
            mode: mode(&row.mode)?,
            amount: Money::from_minor(row.amount, currency(row.currency)?),
            ended: row.state != "open",
        };
        snapshot.suspense.insert(SuspenseId::from_bytes(row.id.0), open);
    }
    let references: Vec<Reference<'_>> = ended.iter().copied().filter_map(reference).collect();
    let rows: Vec<PaidRow> = transaction.read(&PAID, &references).await?;
    for row in rows {
        snapshot.suspense_references.insert((mode(&row.mode)?, row.external_reference));
    }
    Ok(())
}

fn as_end(command: &Command) -> Option<&EndSuspense> {
    if let Command::EndSuspense(end) = command { Some(end) } else { None }
}

/// The bank's reference that it is to have.
fn reference(end: &EndSuspense) -> Option<Reference<'_>> {
    let SuspenseEnd::PaidOut { external_reference } = &end.end else { return None };
    Some(Reference { mode: end.request.key.mode.as_str(), external_reference })
}

/// Every statement of this file, for the test that prepares them on both databases.
#[cfg(test)]
pub(super) const STATEMENTS: &[(&str, &Sql)] =
    &[("load_suspense::SUSPENSE", &SUSPENSE), ("load_suspense::PAID", &PAID)];
