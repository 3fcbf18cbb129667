//! Payments that are to be decided.

use serde::{Deserialize, Serialize};
use wallet_core::DeviceKeyId;

use crate::domain::command::{Command, Resolve};
use crate::domain::ids::PayerId;
use crate::domain::limits::{Day, Proof};
use crate::domain::snapshot::{OpenPayment, Snapshot};
use crate::store::StoreError;
use crate::store::connection::Transaction;
use crate::store::hex::Hex;
use crate::store::payments::{PaymentRow, payments_sql};
use crate::store::sql::Sql;

const PAYMENTS: Sql = payments_sql!(input { id: blob }
    "select p.*, e.record from input i join payments p on p.id = i.id \
     join events e on e.batch = p.last_batch and e.n = p.last_event"
    => { payer: blob, device: blob, proof: text, day: int });

#[derive(Serialize)]
struct Id {
    id: Hex<16>,
}

#[derive(Deserialize)]
struct OpenRow {
    #[serde(flatten)]
    payment: PaymentRow,
    payer: Hex<16>,
    device: Hex<8>,
    proof: String,
    day: i32,
}

/// Puts the payments that are to be decided into the snapshot.
pub(super) async fn read(
    transaction: &mut Transaction,
    commands: &[Command],
    snapshot: &mut Snapshot,
) -> Result<(), StoreError> {
    let resolved = |command: &Command| {
        let Command::Resolve(Resolve { payment, .. }) = command else { return None };
        Some(Id { id: Hex(*payment.as_bytes()) })
    };
    let input: Vec<Id> = commands.iter().filter_map(resolved).collect();
    let rows: Vec<OpenRow> = transaction.read(&PAYMENTS, &input).await?;
    for row in rows {
        let answer = row.payment.payment()?.answer;
        let open = OpenPayment {
            payer: PayerId::from_bytes(row.payer.0),
            device: DeviceKeyId::from_bytes(row.device.0),
            proof: Proof::from_name(&row.proof).ok_or(StoreError::Corrupt("proof"))?,
            day: Day(row.day),
            answer,
        };
        snapshot.payments.insert(open.answer.id, open);
    }
    Ok(())
}

/// Every statement of this file, for the test that prepares them on both databases.
#[cfg(test)]
pub(super) const STATEMENTS: &[(&str, &Sql)] = &[("load::PAYMENTS", &PAYMENTS)];
