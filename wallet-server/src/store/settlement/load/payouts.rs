//! Payouts that are to go on or back.

use serde::{Deserialize, Serialize};
use wallet_core::receipt::{RECORD_LENGTH, Record};

use crate::domain::command::{Command, FinishPayout, PayoutEnd};
use crate::domain::ids::{MerchantId, PayoutId};
use crate::domain::snapshot::{KnownPayout, Payouts};
use crate::store::StoreError;
use crate::store::connection::Transaction;
use crate::store::hex::Hex;
use crate::store::merchants::mode;
use crate::store::sql::{Sql, sql};

const PAYOUTS: Sql = sql!(input { id: blob }
    "select p.id, p.merchant, case when p.payout_batch is null then 0 else 1 end as batched, \
        e.record \
     from input i join payouts p on p.id = i.id \
     join events e on e.batch = p.last_batch and e.n = p.last_event"
    => { id: blob, merchant: blob, batched: int, record: blob });

#[derive(Serialize)]
struct Id {
    id: Hex<16>,
}

#[derive(Deserialize)]
struct PayoutRow {
    id: Hex<16>,
    merchant: Hex<16>,
    batched: u8,
    record: Hex<RECORD_LENGTH>,
}

const PAID: Sql = sql!(input { mode: text, external_reference: text }
    "select p.mode, p.external_reference from input i join payouts p \
        on p.mode = i.mode and p.external_reference = i.external_reference"
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
    payouts: &mut Payouts,
) -> Result<(), StoreError> {
    let finished: Vec<&FinishPayout> = commands.iter().filter_map(as_finish).collect();
    let ids: Vec<Id> = finished.iter().map(|it| Id { id: Hex(*it.id.as_bytes()) }).collect();
    let rows: Vec<PayoutRow> = transaction.read(&PAYOUTS, &ids).await?;
    for row in rows {
        let known = KnownPayout {
            merchant: MerchantId::from_bytes(row.merchant.0),
            batched: row.batched != 0,
            record: Record::from_bytes(&row.record.0).map_err(|_| StoreError::Corrupt("record"))?,
        };
        payouts.open.insert(PayoutId::from_bytes(row.id.0), known);
    }
    let references: Vec<Reference<'_>> = finished.iter().copied().filter_map(reference).collect();
    let rows: Vec<PaidRow> = transaction.read(&PAID, &references).await?;
    for row in rows {
        payouts.paid_references.insert((mode(&row.mode)?, row.external_reference));
    }
    Ok(())
}

fn as_finish(command: &Command) -> Option<&FinishPayout> {
    if let Command::FinishPayout(finish) = command { Some(finish) } else { None }
}

/// The bank's reference that a payout is to have.
fn reference(finish: &FinishPayout) -> Option<Reference<'_>> {
    let PayoutEnd::Paid { external_reference } = &finish.end else { return None };
    Some(Reference { mode: finish.request.key.mode.as_str(), external_reference })
}

/// Every statement of this file, for the test that prepares them on both databases.
#[cfg(test)]
pub(super) const STATEMENTS: &[(&str, &Sql)] =
    &[("load_payouts::PAYOUTS", &PAYOUTS), ("load_payouts::PAID", &PAID)];
