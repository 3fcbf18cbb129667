//! Whose books these are.

use serde::{Deserialize, Serialize};
use wallet_core::{Currency, IssuerId, Timestamp};

use super::connection::Store;
use super::error::StoreError;
use super::hex::Hex;
use super::sql::{Sql, sql};

const CLAIM: Sql = sql!(input { id: blob, currency: int, created_at: int }
    "insert into issuer (one, id, currency, created_at) \
     select 1, id, currency, created_at from input where true on conflict (one) do nothing");

#[derive(Serialize)]
struct ClaimRow {
    id: Hex<32>,
    currency: u16,
    created_at: i64,
}

const ISSUER: Sql = sql!(input { one: int }
    "select s.id from input i join issuer s on s.one = i.one" => { id: blob });

#[derive(Serialize)]
struct One {
    one: u8,
}

#[derive(Deserialize)]
struct IssuerRow {
    id: Hex<32>,
}

impl Store {
    /// The issuer whose books these are; none if they are new.
    pub async fn issuer(&self) -> Result<Option<IssuerId>, StoreError> {
        let rows: Vec<IssuerRow> = self.read(&ISSUER, &[One { one: 1 }]).await?;
        Ok(rows.first().map(|row| IssuerId::from_bytes(row.id.0)))
    }

    /// Makes new books those of this issuer; books that are somebody's already stay so.
    pub async fn claim_for_issuer(
        &self,
        id: IssuerId,
        currency: Currency,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let row = ClaimRow {
            id: Hex(*id.as_bytes()),
            currency: currency.numeric(),
            created_at: now.unix_millis(),
        };
        let mut transaction = self.begin().await?;
        transaction.write(&CLAIM, &[row]).await?;
        transaction.commit().await
    }
}

/// Every statement of this file, for the test that prepares them on both databases.
#[cfg(test)]
pub(super) const STATEMENTS: &[(&str, &Sql)] =
    &[("issuer::CLAIM", &CLAIM), ("issuer::ISSUER", &ISSUER)];
