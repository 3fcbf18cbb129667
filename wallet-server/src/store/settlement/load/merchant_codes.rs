//! Orders and plates that are paid, or come to their end.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::domain::command::{Command, MerchantCodeId, PayMerchantCode};
use crate::domain::ids::{MerchantId, OrderId, PlateId};
use crate::domain::snapshot::{KnownPlate, MerchantCodes};
use crate::store::StoreError;
use crate::store::accounts::currency;
use crate::store::connection::Transaction;
use crate::store::hex::Hex;
use crate::store::merchants::mode;
use crate::store::orders::{OrderRow, orders_sql};
use crate::store::plates::fixed_amount;
use crate::store::sql::{Sql, sql};

const ORDERS: Sql = orders_sql!(input { id: blob }
    "select o.* from input i join orders o on o.id = i.id");

const PLATES: Sql = sql!(input { id: blob }
    "select p.*, case when p.state = 'active' then 1 else 0 end as active \
     from input i join plates p on p.id = i.id"
    => { id: blob, mode: text, merchant: blob, currency: int, amount: int, active: int });

#[derive(Serialize)]
struct Id {
    id: Hex<16>,
}

#[derive(Deserialize)]
struct PlateRow {
    id: Hex<16>,
    mode: String,
    merchant: Hex<16>,
    currency: u16,
    amount: Option<i64>,
    active: u8,
}

/// Puts what commands name into the snapshot.
pub(super) async fn read(
    transaction: &mut Transaction,
    commands: &[Command],
    codes: &mut MerchantCodes,
) -> Result<(), StoreError> {
    let orders: BTreeSet<OrderId> = commands.iter().filter_map(Command::order).collect();
    let ids: Vec<Id> = orders.into_iter().map(|id| Id { id: Hex(*id.as_bytes()) }).collect();
    let rows: Vec<OrderRow> = transaction.read(&ORDERS, &ids).await?;
    for row in rows {
        let order = row.order()?;
        codes.orders.insert(order.id, order);
    }
    let plates: BTreeSet<PlateId> = commands.iter().filter_map(plate).collect();
    let ids: Vec<Id> = plates.into_iter().map(|id| Id { id: Hex(*id.as_bytes()) }).collect();
    let rows: Vec<PlateRow> = transaction.read(&PLATES, &ids).await?;
    for row in rows {
        let currency = currency(row.currency)?;
        let plate = KnownPlate {
            merchant: MerchantId::from_bytes(row.merchant.0),
            mode: mode(&row.mode)?,
            currency,
            amount: fixed_amount(row.amount, currency)?,
            active: row.active != 0,
        };
        codes.plates.insert(PlateId::from_bytes(row.id.0), plate);
    }
    Ok(())
}

/// The plate that a command pays.
fn plate(command: &Command) -> Option<PlateId> {
    if let Command::PayMerchantCode(PayMerchantCode { code: MerchantCodeId::Plate(id), .. }) =
        command
    {
        Some(*id)
    } else {
        None
    }
}

/// Every statement of this file, for the test that prepares them on both databases.
#[cfg(test)]
pub(super) const STATEMENTS: &[(&str, &Sql)] =
    &[("load_merchant_codes::ORDERS", &ORDERS), ("load_merchant_codes::PLATES", &PLATES)];
