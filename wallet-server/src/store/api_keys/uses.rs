//! What API keys were used for: counts by key, hour, operation and outcome.
//!
//! Servers add what they counted in memory, so several of them make one trail.

use serde::{Deserialize, Serialize};
use wallet_core::Timestamp;

use crate::domain::ids::ApiKeyId;
use crate::domain::named::named;
use crate::store::again::again;
use crate::store::connection::{Changes, Store};
use crate::store::error::StoreError;
use crate::store::hex::Hex;
use crate::store::sql::{Sql, sql};

const MILLIS_OF_HOUR: i64 = 60 * 60 * 1000;

/// How a request with an API key ended.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum KeyUseOutcome {
    /// It did what it was to do.
    Succeeded,
    /// A payment was declined.
    Declined,
    /// The request was refused for what it asked.
    Refused,
    /// The key was revoked, or its time was over.
    KeyRefused,
    /// The key lacks the scope.
    ScopeMissing,
    /// Too many requests came with the key.
    RateLimited,
    /// The server failed, or was too busy.
    Failed,
    /// Whoever asked did not wait for the answer. What was begun went on.
    Unanswered,
}

named!(KeyUseOutcome {
    Succeeded => "succeeded",
    Declined => "declined",
    Refused => "refused",
    KeyRefused => "key_refused",
    ScopeMissing => "scope_missing",
    RateLimited => "rate_limited",
    Failed => "failed",
    Unanswered => "unanswered",
});

/// Uses of a key in one hour, for one thing, that ended alike.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct KeyUse {
    /// The key.
    pub api_key: ApiKeyId,
    /// Hours since 1970.
    pub hour: i64,
    /// A method and a route.
    pub operation: String,
    /// How they ended.
    pub outcome: KeyUseOutcome,
    /// How many.
    pub count: u64,
    /// When the last one was.
    pub last_at: Timestamp,
}

/// The hour in which something happens.
#[must_use]
pub(crate) fn hour_of(at: Timestamp) -> i64 {
    at.unix_millis().div_euclid(MILLIS_OF_HOUR)
}

/// What the trail of a key shows.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
pub struct KeyUseRow {
    hour: i64,
    /// A method and a route.
    pub operation: String,
    /// How the uses ended.
    pub outcome: String,
    /// How many there were.
    pub count: u64,
    last_at: i64,
}

impl KeyUseRow {
    /// When the hour began.
    #[must_use]
    pub fn hour(&self) -> Timestamp {
        Timestamp::from_unix_millis(self.hour.saturating_mul(MILLIS_OF_HOUR))
    }

    /// When the last use was.
    #[must_use]
    pub fn last_at(&self) -> Timestamp {
        Timestamp::from_unix_millis(self.last_at)
    }

    /// Where the trail goes on after this row.
    #[must_use]
    pub fn cursor(&self) -> KeyUseCursor {
        let Self { hour, operation, outcome, .. } = self.clone();
        KeyUseCursor { hour, operation, outcome }
    }
}

/// A place in the trail of a key.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct KeyUseCursor {
    /// Hours since 1970.
    pub hour: i64,
    /// A method and a route.
    pub operation: String,
    /// How the uses ended.
    pub outcome: String,
}

// In order, so that two servers that add to the same rows do not wait for each other.
const ADD: Sql = sql!(input { api_key: blob, hour: int, operation: text, outcome: text, count: int,
        last_at: int }
    "insert into api_key_uses (api_key, hour, operation, outcome, count, last_at) \
     select api_key, hour, operation, outcome, count, last_at from input where true \
     order by api_key, hour, operation, outcome \
     on conflict (api_key, hour, operation, outcome) do update set \
        count = api_key_uses.count + excluded.count, \
        last_at = case when excluded.last_at > api_key_uses.last_at then excluded.last_at \
            else api_key_uses.last_at end");

const USED: Sql = sql!(input { api_key: blob, last_at: int }
    "update api_keys set last_used_at = i.last_at from input i where api_keys.id = i.api_key \
        and (api_keys.last_used_at is null or api_keys.last_used_at < i.last_at)");

const USES: Sql = sql!(input { api_key: blob, hour: int, operation: text, outcome: text, size: int }
    "select u.hour, u.operation, u.outcome, u.count, u.last_at from api_key_uses u \
     where u.api_key = (select api_key from input) and (u.hour, u.operation, u.outcome) \
        < ((select hour from input), (select operation from input), (select outcome from input)) \
     order by u.hour desc, u.operation desc, u.outcome desc limit (select size from input)"
    => { hour: int, operation: text, outcome: text, count: int, last_at: int });

#[derive(Serialize)]
struct AddRow<'a> {
    api_key: Hex<16>,
    hour: i64,
    operation: &'a str,
    outcome: &'static str,
    count: u64,
    last_at: i64,
}

#[derive(Serialize)]
struct UsedRow {
    api_key: Hex<16>,
    last_at: i64,
}

#[derive(Serialize)]
struct UsesPage<'a> {
    api_key: Hex<16>,
    hour: i64,
    operation: &'a str,
    outcome: &'a str,
    size: usize,
}

impl Store {
    /// Adds uses to the trail, and moves the time at which each of these keys was last used.
    pub async fn add_key_uses(&self, uses: &[KeyUse]) -> Result<(), StoreError> {
        again!(self.try_add_key_uses(uses))
    }

    async fn try_add_key_uses(&self, uses: &[KeyUse]) -> Result<(), StoreError> {
        let rows: Vec<_> = uses.iter().map(AddRow::new).collect();
        let transaction = self.begin().await?;
        let mut changes = Changes::new(transaction.dialect());
        changes.add(&ADD, &rows)?;
        changes.add_last(&USED, &last_used(uses))?;
        transaction.commit_with(changes).await
    }

    /// The trail of a key, newest hour first, before this place.
    pub async fn key_uses(
        &self,
        id: ApiKeyId,
        before: Option<&KeyUseCursor>,
        size: usize,
    ) -> Result<Vec<KeyUseRow>, StoreError> {
        let input = UsesPage {
            api_key: Hex(*id.as_bytes()),
            hour: before.map_or(i64::MAX, |before| before.hour),
            operation: before.map_or("", |before| &before.operation),
            outcome: before.map_or("", |before| &before.outcome),
            size,
        };
        self.read(&USES, &[input]).await
    }
}

impl<'a> AddRow<'a> {
    fn new(key_use: &'a KeyUse) -> Self {
        Self {
            api_key: Hex(*key_use.api_key.as_bytes()),
            hour: key_use.hour,
            operation: &key_use.operation,
            outcome: key_use.outcome.as_str(),
            count: key_use.count,
            last_at: key_use.last_at.unix_millis(),
        }
    }
}

/// When each key last let a request in: a key that was refused was tried, not used.
fn last_used(uses: &[KeyUse]) -> Vec<UsedRow> {
    let mut last = std::collections::BTreeMap::new();
    for key_use in uses.iter().filter(|it| it.outcome != KeyUseOutcome::KeyRefused) {
        let last_at = last.entry(*key_use.api_key.as_bytes()).or_insert(i64::MIN);
        *last_at = (*last_at).max(key_use.last_at.unix_millis());
    }
    let row = |(api_key, last_at)| UsedRow { api_key: Hex(api_key), last_at };
    last.into_iter().map(row).collect()
}

/// Every statement of this file.
#[cfg(test)]
pub(super) const STATEMENTS: &[(&str, &Sql)] =
    &[("api_keys::ADD", &ADD), ("api_keys::USED", &USED), ("api_keys::USES", &USES)];
