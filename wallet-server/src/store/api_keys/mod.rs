//! API keys: who a secret belongs to, until when, what was done to a key and what it was used for.

mod changes;
mod uses;

use serde::{Deserialize, Serialize};
use wallet_core::{Mode, Timestamp};

use super::connection::Store;
use super::error::StoreError;
use super::hex::Hex;
use super::merchants::mode;
use super::sql::{Sql, sql};
use crate::domain::ids::{ApiKeyId, MerchantId};

pub(super) use changes::write_api_keys;
pub use changes::{KeptSecret, NewApiKey, NotRotated};
pub(crate) use uses::hour_of;
pub use uses::{KeyUse, KeyUseCursor, KeyUseOutcome, KeyUseRow};

/// An API key, without its secret, which nobody has but the merchant.
#[derive(Clone, Debug)]
pub struct ApiKey {
    /// Its id.
    pub id: ApiKeyId,
    /// Whose it is.
    pub merchant: MerchantId,
    /// Live or test.
    pub mode: Mode,
    /// What it may do, as words separated by spaces.
    pub scopes: String,
    /// Since when.
    pub created_at: Timestamp,
    /// From when on it is refused, as far as that is known.
    pub expires_at: Option<Timestamp>,
}

/// An API key and what became of it.
#[derive(Clone, Debug)]
pub struct KnownApiKey {
    /// The key.
    pub key: ApiKey,
    /// What the operator calls it.
    pub name: Option<String>,
    /// The last characters of its secret; unknown of keys from before that was kept.
    pub secret_end: Option<String>,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
    /// The key that it was rotated to.
    pub replaced_by: Option<ApiKeyId>,
    /// When it last let a request in, give or take the seconds until that is written.
    pub last_used_at: Option<Timestamp>,
}

/// Whether an API key works.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ApiKeyState {
    /// It does.
    Active,
    /// It does, until a time that has been set.
    Expiring,
    /// Its time is over.
    Expired,
    /// It was revoked.
    Revoked,
}

impl KnownApiKey {
    /// Whether it works at this time.
    #[must_use]
    pub fn state(&self, now: Timestamp) -> ApiKeyState {
        match (self.revoked_at, self.key.expires_at) {
            (Some(_), _) => ApiKeyState::Revoked,
            (None, Some(end)) if end <= now => ApiKeyState::Expired,
            (None, Some(_)) => ApiKeyState::Expiring,
            (None, None) => ApiKeyState::Active,
        }
    }
}

/// Something that was done to a key.
#[derive(Clone, Debug, Deserialize)]
pub struct ApiKeyEvent {
    /// When.
    pub created_at: i64,
    /// `created`, `rotated` or `revoked`.
    pub r#type: String,
    /// By whom.
    pub actor: String,
    replaced_by: Option<Hex<16>>,
}

impl ApiKeyEvent {
    /// The key that took over, if it was rotated.
    #[must_use]
    pub fn replaced_by(&self) -> Option<ApiKeyId> {
        self.replaced_by.map(|id| ApiKeyId::from_bytes(id.0))
    }
}

const BY_SECRET: Sql = sql!(input { secret_hash: blob }
    "select k.* from input i join api_keys k on k.secret_hash = i.secret_hash"
    => { id: blob, merchant: blob, mode: text, scopes: text, name: text, secret_end: text,
        created_at: int, expires_at: int, revoked_at: int, replaced_by: blob, last_used_at: int });

const ONE: Sql = sql!(input { id: blob }
    "select k.* from input i join api_keys k on k.id = i.id"
    => { id: blob, merchant: blob, mode: text, scopes: text, name: text, secret_end: text,
        created_at: int, expires_at: int, revoked_at: int, replaced_by: blob, last_used_at: int });

const OF_MERCHANT: Sql = sql!(input { merchant: blob, before: blob, size: int }
    "select k.* from api_keys k where k.merchant = (select merchant from input) \
        and k.id < (select before from input) \
     order by k.id desc limit (select size from input)"
    => { id: blob, merchant: blob, mode: text, scopes: text, name: text, secret_end: text,
        created_at: int, expires_at: int, revoked_at: int, replaced_by: blob, last_used_at: int });

const EVENTS: Sql = sql!(input { api_key: blob, before: int, type: text, size: int }
    "select e.created_at, e.type, e.actor, e.replaced_by from api_key_events e \
     where e.api_key = (select api_key from input) \
        and (e.created_at, e.type) < ((select before from input), (select type from input)) \
     order by e.created_at desc, e.type desc limit (select size from input)"
    => { created_at: int, type: text, actor: text, replaced_by: blob });

#[derive(Serialize)]
struct SecretHash {
    secret_hash: Hex<32>,
}

#[derive(Serialize)]
struct Id {
    id: Hex<16>,
}

#[derive(Serialize)]
struct Page {
    merchant: Hex<16>,
    before: Hex<16>,
    size: usize,
}

#[derive(Serialize)]
struct EventPage<'a> {
    api_key: Hex<16>,
    before: i64,
    r#type: &'a str,
    size: usize,
}

#[derive(Deserialize)]
struct ApiKeyRow {
    id: Hex<16>,
    merchant: Hex<16>,
    mode: String,
    scopes: String,
    name: Option<String>,
    secret_end: Option<String>,
    created_at: i64,
    expires_at: Option<i64>,
    revoked_at: Option<i64>,
    replaced_by: Option<Hex<16>>,
    last_used_at: Option<i64>,
}

impl ApiKeyRow {
    fn known(self) -> Result<KnownApiKey, StoreError> {
        let at = |millis: Option<i64>| millis.map(Timestamp::from_unix_millis);
        Ok(KnownApiKey {
            key: ApiKey {
                id: ApiKeyId::from_bytes(self.id.0),
                merchant: MerchantId::from_bytes(self.merchant.0),
                mode: mode(&self.mode)?,
                scopes: self.scopes,
                created_at: Timestamp::from_unix_millis(self.created_at),
                expires_at: at(self.expires_at),
            },
            name: self.name,
            secret_end: self.secret_end,
            revoked_at: at(self.revoked_at),
            replaced_by: self.replaced_by.map(|id| ApiKeyId::from_bytes(id.0)),
            last_used_at: at(self.last_used_at),
        })
    }
}

impl Store {
    /// The API key with this secret, whatever became of it.
    pub async fn api_key(&self, secret_hash: [u8; 32]) -> Result<Option<KnownApiKey>, StoreError> {
        let input = SecretHash { secret_hash: Hex(secret_hash) };
        let rows: Vec<ApiKeyRow> = self.read(&BY_SECRET, &[input]).await?;
        rows.into_iter().next().map(ApiKeyRow::known).transpose()
    }

    /// The API key with this id, whatever became of it.
    pub async fn api_key_by_id(&self, id: ApiKeyId) -> Result<Option<KnownApiKey>, StoreError> {
        let rows: Vec<ApiKeyRow> = self.read(&ONE, &[Id { id: Hex(*id.as_bytes()) }]).await?;
        rows.into_iter().next().map(ApiKeyRow::known).transpose()
    }

    /// A merchant's API keys, newest first, older than `before`.
    pub async fn api_keys(
        &self,
        merchant: MerchantId,
        before: Option<ApiKeyId>,
        size: usize,
    ) -> Result<Vec<KnownApiKey>, StoreError> {
        let before = Hex(before.map_or([0xff; 16], |id| *id.as_bytes()));
        let input = Page { merchant: Hex(*merchant.as_bytes()), before, size };
        let rows: Vec<ApiKeyRow> = self.read(&OF_MERCHANT, &[input]).await?;
        rows.into_iter().map(ApiKeyRow::known).collect()
    }

    /// What was done to a key, newest first, before this time and type.
    pub async fn api_key_events(
        &self,
        id: ApiKeyId,
        before: Option<(i64, &str)>,
        size: usize,
    ) -> Result<Vec<ApiKeyEvent>, StoreError> {
        let (before, r#type) = before.unwrap_or((i64::MAX, ""));
        let input = EventPage { api_key: Hex(*id.as_bytes()), before, r#type, size };
        self.read(&EVENTS, &[input]).await
    }
}

/// Every statement of this file.
#[cfg(test)]
const STATEMENTS: &[(&str, &Sql)] = &[
    ("api_keys::BY_SECRET", &BY_SECRET),
    ("api_keys::ONE", &ONE),
    ("api_keys::OF_MERCHANT", &OF_MERCHANT),
    ("api_keys::EVENTS", &EVENTS),
];

/// Every statement of this folder, for the test that prepares them on both databases.
#[cfg(test)]
pub(super) fn statements() -> impl Iterator<Item = &'static (&'static str, &'static Sql)> {
    [STATEMENTS, changes::STATEMENTS, uses::STATEMENTS].into_iter().flatten()
}
