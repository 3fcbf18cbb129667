//! What a payer has spent and chosen to be able to spend, as it stands.

use serde::{Deserialize, Serialize};
use wallet_core::Timestamp;

use super::connection::Store;
use super::error::StoreError;
use super::hex::Hex;
use super::sql::{Sql, sql};
use crate::domain::ids::PayerId;
use crate::domain::limits::{Day, OwnLimits, Usage};

const SPENDING: Sql = sql!(input { payer: blob }
    "select p.* from input i join payers p on p.id = i.payer"
    => { day: int, day_static: int, day_code: int, day_pin: int, day_without_pin: int,
        month_start: int, month_spent: int, limit_payment: int, limit_day: int, limit_month: int,
        limit_without_pin: int, limit_without_pin_count: int });

#[derive(Serialize)]
struct Payer {
    payer: Hex<16>,
}

/// The columns of a payer that are about spending.
#[derive(Deserialize)]
pub(super) struct SpendingColumns {
    day: i32,
    day_static: i64,
    day_code: i64,
    day_pin: i64,
    day_without_pin: i64,
    month_start: i32,
    month_spent: i64,
    limit_payment: Option<i64>,
    limit_day: Option<i64>,
    limit_month: Option<i64>,
    limit_without_pin: Option<i64>,
    limit_without_pin_count: Option<i64>,
}

impl SpendingColumns {
    pub(super) fn usage(&self) -> Usage {
        Usage {
            day: Day(self.day),
            day_static: self.day_static,
            day_code: self.day_code,
            day_pin: self.day_pin,
            day_without_pin: self.day_without_pin,
            month_start: Day(self.month_start),
            month: self.month_spent,
        }
    }

    pub(super) fn own_limits(&self) -> OwnLimits {
        OwnLimits {
            payment: self.limit_payment,
            day: self.limit_day,
            month: self.limit_month,
            without_pin: self.limit_without_pin,
            without_pin_count: self.limit_without_pin_count,
        }
    }
}

impl Store {
    /// What a payer has spent, and the limits that the payer has chosen.
    pub async fn spending(&self, payer: PayerId) -> Result<Option<(Usage, OwnLimits)>, StoreError> {
        let input = Payer { payer: Hex(*payer.as_bytes()) };
        let rows: Vec<SpendingColumns> = self.read(&SPENDING, &[input]).await?;
        Ok(rows.first().map(|row| (row.usage(), row.own_limits())))
    }
}

const SUSPECTED: Sql = sql!(input { payer: blob }
    "select p.suspected_until from input i join payers p on p.id = i.payer"
    => { suspected_until: int });

#[derive(Deserialize)]
struct SuspectedRow {
    suspected_until: Option<i64>,
}

impl Store {
    /// Until when every payment of a payer needs the PIN.
    pub async fn suspected_until(&self, payer: PayerId) -> Result<Option<Timestamp>, StoreError> {
        let input = Payer { payer: Hex(*payer.as_bytes()) };
        let rows: Vec<SuspectedRow> = self.read(&SUSPECTED, &[input]).await?;
        let until = rows.first().and_then(|row| row.suspected_until);
        Ok(until.map(Timestamp::from_unix_millis))
    }
}

/// Every statement of this file, for the test that prepares them on both databases.
#[cfg(test)]
pub(super) const STATEMENTS: &[(&str, &Sql)] =
    &[("spending::SPENDING", &SPENDING), ("spending::SUSPECTED", &SUSPECTED)];
