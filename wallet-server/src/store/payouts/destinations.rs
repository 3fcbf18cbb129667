//! Where merchants' payouts go to.

use serde::{Deserialize, Serialize};
use wallet_core::Timestamp;

use crate::domain::ids::MerchantId;
use crate::store::connection::Store;
use crate::store::error::StoreError;
use crate::store::hex::{Bytes, Hex};
use crate::store::sql::{Sql, sql};

const SET: Sql = sql!(input { merchant: blob, destination: blob, changed_at: int }
    "insert into payout_destinations (merchant, destination, changed_at) \
     select merchant, destination, changed_at from input where true \
     on conflict (merchant) do update set destination = excluded.destination, \
        changed_at = excluded.changed_at");

#[derive(Serialize)]
struct NewRow {
    merchant: Hex<16>,
    destination: Bytes,
    changed_at: i64,
}

const OF_MERCHANT: Sql = sql!(input { merchant: blob }
    "select d.destination, d.changed_at from input i \
     join payout_destinations d on d.merchant = i.merchant"
    => { destination: blob, changed_at: int });

#[derive(Serialize)]
struct Merchant16 {
    merchant: Hex<16>,
}

#[derive(Deserialize)]
struct DestinationRow {
    destination: Bytes,
    changed_at: i64,
}

impl Store {
    /// Says where a merchant's payouts go to from now on, encrypted.
    pub async fn set_payout_destination(
        &self,
        merchant: MerchantId,
        destination: Vec<u8>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let row = NewRow {
            merchant: Hex(*merchant.as_bytes()),
            destination: Bytes(destination),
            changed_at: now.unix_millis(),
        };
        let mut transaction = self.begin().await?;
        transaction.write(&SET, &[row]).await?;
        transaction.commit().await
    }

    /// Where a merchant's payouts go to, encrypted, and since when; nothing if the operator does not
    /// know.
    pub async fn payout_destination(
        &self,
        merchant: MerchantId,
    ) -> Result<Option<(Vec<u8>, Timestamp)>, StoreError> {
        let input = Merchant16 { merchant: Hex(*merchant.as_bytes()) };
        let rows: Vec<DestinationRow> = self.read(&OF_MERCHANT, &[input]).await?;
        let read =
            |row: DestinationRow| (row.destination.0, Timestamp::from_unix_millis(row.changed_at));
        Ok(rows.into_iter().next().map(read))
    }
}

/// Every statement of this file, for the test that prepares them on both databases.
#[cfg(test)]
pub(super) const STATEMENTS: &[(&str, &Sql)] =
    &[("payout_destinations::SET", &SET), ("payout_destinations::OF_MERCHANT", &OF_MERCHANT)];
