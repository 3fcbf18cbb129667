//! What is kept for a time and then forgotten, in small steps: idempotency keys, the nonces of
//! signed requests, whose a handle was, what API keys were used for, and how webhooks went.

use serde::Serialize;
use wallet_core::Timestamp;

use super::api_keys::hour_of;
use super::connection::Store;
use super::error::StoreError;
use super::sql::{Sql, sql};
use crate::domain::limits::Day;

// Found through the index on the day. A step locks few rows for a short time.
const FORGET: Sql = sql!(input { before: int, size: int }
    "delete from idempotency_keys where (caller_kind, caller, mode, key) in ( \
        select k.caller_kind, k.caller, k.mode, k.key from idempotency_keys k \
        where k.created_day < (select before from input) \
        order by k.created_day limit (select size from input))");

// Found through the index on the time.
const FORGET_NONCES: Sql = sql!(input { before: int, size: int }
    "delete from device_nonces where (device, nonce) in ( \
        select d.device, d.nonce from device_nonces d \
        where d.expires_at < (select before from input) \
        order by d.expires_at limit (select size from input))");

// Found through the index on the time.
const FORGET_HANDLES: Sql = sql!(input { before: int, size: int }
    "delete from former_handles where (mode, handle_hash) in ( \
        select f.mode, f.handle_hash from former_handles f \
        where f.released_at < (select before from input) \
        order by f.released_at limit (select size from input))");

// Found through the index on the hour.
const FORGET_USES: Sql = sql!(input { before: int, size: int }
    "delete from api_key_uses where (api_key, hour, operation, outcome) in ( \
        select u.api_key, u.hour, u.operation, u.outcome from api_key_uses u \
        where u.hour < (select before from input) \
        order by u.hour limit (select size from input))");

// Found through the index on the time.
const FORGET_DELIVERIES: Sql = sql!(input { before: int, size: int }
    "delete from webhook_deliveries where (position, n, endpoint) in ( \
        select d.position, d.n, d.endpoint from webhook_deliveries d \
        where d.created_at < (select before from input) \
        order by d.created_at limit (select size from input))");

// Found through the index on the time.
const FORGET_ATTEMPTS: Sql = sql!(input { before: int, size: int }
    "delete from webhook_attempts where (position, n, endpoint, number) in ( \
        select a.position, a.n, a.endpoint, a.number from webhook_attempts a \
        where a.attempted_at < (select before from input) \
        order by a.attempted_at limit (select size from input))");

#[derive(Serialize)]
struct Before {
    before: i64,
    size: u32,
}

/// How many rows one transaction forgets.
pub const FORGET_MAX: u32 = 1000;

/// What is no longer needed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Old {
    /// Idempotency keys of days before this one.
    Keys(Day),
    /// Nonces whose time was over before this.
    Nonces(Timestamp),
    /// Whose handles were that were given up before this.
    Handles(Timestamp),
    /// What API keys were used for in hours that began before this.
    KeyUses(Timestamp),
    /// What webhooks were to tell since before this, whatever became of it.
    WebhookDeliveries(Timestamp),
    /// Attempts of webhooks that failed before this.
    WebhookAttempts(Timestamp),
}

impl Store {
    /// Forgets up to [`FORGET_MAX`] rows; says how many.
    pub async fn forget(&self, old: Old) -> Result<u64, StoreError> {
        let (sql, before) = match old {
            Old::Keys(day) => (&FORGET, i64::from(day.0)),
            Old::Nonces(time) => (&FORGET_NONCES, time.unix_millis()),
            Old::Handles(time) => (&FORGET_HANDLES, time.unix_millis()),
            Old::KeyUses(time) => (&FORGET_USES, hour_of(time)),
            Old::WebhookDeliveries(time) => (&FORGET_DELIVERIES, time.unix_millis()),
            Old::WebhookAttempts(time) => (&FORGET_ATTEMPTS, time.unix_millis()),
        };
        let mut transaction = self.begin().await?;
        let forgotten = transaction.write(sql, &[Before { before, size: FORGET_MAX }]).await?;
        transaction.commit().await?;
        Ok(forgotten)
    }
}

/// Every statement of this file, for the test that prepares them on both databases.
#[cfg(test)]
pub(super) const STATEMENTS: &[(&str, &Sql)] = &[
    ("retention::FORGET", &FORGET),
    ("retention::FORGET_NONCES", &FORGET_NONCES),
    ("retention::FORGET_HANDLES", &FORGET_HANDLES),
    ("retention::FORGET_USES", &FORGET_USES),
    ("retention::FORGET_DELIVERIES", &FORGET_DELIVERIES),
    ("retention::FORGET_ATTEMPTS", &FORGET_ATTEMPTS),
];
