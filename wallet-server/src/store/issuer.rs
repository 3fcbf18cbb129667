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

const TEST_AHEAD: Sql = sql!(input { one: int }
    "select s.test_ahead_seconds from input i join issuer s on s.one = i.one"
    => { test_ahead_seconds: int });

#[derive(Deserialize)]
struct TestAheadRow {
    test_ahead_seconds: Option<i64>,
}

const SET_TEST_AHEAD: Sql = sql!(input { one: int, seconds: int }
    "update issuer set test_ahead_seconds = i.seconds from input i where issuer.one = i.one");

#[derive(Serialize)]
struct NewTestAhead {
    one: u8,
    seconds: i64,
}

// A merchant or a payer is found soon, if there is one.
const LIVE: Sql = sql!(input { one: int }
    "select case when exists (select 1 from merchants where mode = 'live')         or exists (select 1 from payers where mode = 'live') then 1 else 0 end as live from input"
    => { live: int });

#[derive(Deserialize)]
struct LiveRow {
    live: u8,
}

impl Store {
    /// By how many seconds the clock of these books is ahead of the real one; `None` when nobody
    /// may move it.
    pub async fn test_ahead_seconds(&self) -> Result<Option<i64>, StoreError> {
        let rows: Vec<TestAheadRow> = self.read(&TEST_AHEAD, &[One { one: 1 }]).await?;
        Ok(rows.first().and_then(|row| row.test_ahead_seconds))
    }

    /// Keeps how far the clock of these books is ahead. The database refuses it for live books.
    pub async fn set_test_ahead_seconds(&self, seconds: i64) -> Result<(), StoreError> {
        let mut transaction = self.begin().await?;
        transaction.write(&SET_TEST_AHEAD, &[NewTestAhead { one: 1, seconds }]).await?;
        transaction.commit().await
    }

    /// Whether a merchant or a payer is live.
    pub async fn holds_live(&self) -> Result<bool, StoreError> {
        let rows: Vec<LiveRow> = self.read(&LIVE, &[One { one: 1 }]).await?;
        Ok(rows.first().is_some_and(|row| row.live != 0))
    }

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
pub(super) const STATEMENTS: &[(&str, &Sql)] = &[
    ("issuer::CLAIM", &CLAIM),
    ("issuer::ISSUER", &ISSUER),
    ("issuer::TEST_AHEAD", &TEST_AHEAD),
    ("issuer::SET_TEST_AHEAD", &SET_TEST_AHEAD),
    ("issuer::LIVE", &LIVE),
];
