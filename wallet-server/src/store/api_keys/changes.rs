//! Making, rotating and revoking API keys. Each change is written with an event that says when and
//! by whom, in one transaction.

use serde::Serialize;
use wallet_core::Timestamp;

use super::{ApiKey, ApiKeyRow, Id, KnownApiKey, ONE};
use crate::domain::ids::ApiKeyId;
use crate::store::again::again;
use crate::store::connection::{Store, Transaction};
use crate::store::error::StoreError;
use crate::store::hex::Hex;
use crate::store::sql::{Sql, sql};

/// What is kept of an API key's secret.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct KeptSecret {
    /// Its hash.
    pub hash: [u8; 32],
    /// Its last characters, by which people tell keys apart.
    pub end: String,
}

/// An API key to be written.
#[derive(Clone, Debug)]
pub struct NewApiKey {
    /// The key.
    pub key: ApiKey,
    /// What the operator calls it.
    pub name: Option<String>,
    /// What is kept of its secret.
    pub secret: KeptSecret,
}

impl From<NewApiKey> for KnownApiKey {
    /// Nothing has become of it yet.
    fn from(new: NewApiKey) -> Self {
        Self {
            key: new.key,
            name: new.name,
            secret_end: Some(new.secret.end),
            revoked_at: None,
            replaced_by: None,
            last_used_at: None,
        }
    }
}

/// Why a key was not rotated.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum NotRotated {
    /// There is no such key.
    Unknown,
    /// It was revoked.
    Revoked,
    /// It was rotated already, to this key.
    Replaced(ApiKeyId),
    /// Its time is over.
    Expired,
}

const NEW: Sql = sql!(input { id: blob, merchant: blob, mode: text, secret_hash: blob,
        secret_end: text, scopes: text, name: text, created_at: int }
    "insert into api_keys (id, merchant, mode, secret_hash, secret_end, scopes, name, created_at) \
     select id, merchant, mode, secret_hash, secret_end, scopes, name, created_at from input");

const NEW_EVENT: Sql = sql!(input { api_key: blob, created_at: int, type: text, replaced_by: blob }
    "insert into api_key_events (api_key, created_at, type, actor, replaced_by) \
     select api_key, created_at, type, 'operator', replaced_by from input");

const REVOKE: Sql = sql!(input { id: blob, now: int }
    "update api_keys set revoked_at = i.now from input i \
     where api_keys.id = i.id and api_keys.revoked_at is null");

// Of two who rotate a key at once, the second waits for the row and finds it replaced.
const REPLACE: Sql = sql!(input { id: blob, now: int, expires_at: int, replaced_by: blob }
    "update api_keys set expires_at = i.expires_at, replaced_by = i.replaced_by from input i \
     where api_keys.id = i.id and api_keys.revoked_at is null and api_keys.replaced_by is null \
        and (api_keys.expires_at is null or api_keys.expires_at > i.now)");

#[derive(Serialize)]
struct NewRow<'a> {
    id: Hex<16>,
    merchant: Hex<16>,
    mode: &'static str,
    secret_hash: Hex<32>,
    secret_end: &'a str,
    scopes: &'a str,
    name: Option<&'a str>,
    created_at: i64,
}

impl<'a> NewRow<'a> {
    fn new(new: &'a NewApiKey) -> Self {
        let key = &new.key;
        Self {
            id: Hex(*key.id.as_bytes()),
            merchant: Hex(*key.merchant.as_bytes()),
            mode: key.mode.as_str(),
            secret_hash: Hex(new.secret.hash),
            secret_end: &new.secret.end,
            scopes: &key.scopes,
            name: new.name.as_deref(),
            created_at: key.created_at.unix_millis(),
        }
    }
}

#[derive(Serialize)]
struct NewEventRow {
    api_key: Hex<16>,
    created_at: i64,
    r#type: &'static str,
    replaced_by: Option<Hex<16>>,
}

#[derive(Serialize)]
struct IdAt {
    id: Hex<16>,
    now: i64,
}

#[derive(Serialize)]
struct ReplaceRow {
    id: Hex<16>,
    now: i64,
    expires_at: i64,
    replaced_by: Hex<16>,
}

impl Store {
    /// Adds an API key.
    pub async fn create_api_key(&self, new: &NewApiKey) -> Result<(), StoreError> {
        let mut transaction = self.begin().await?;
        write_api_keys(&mut transaction, &[new]).await?;
        transaction.commit().await
    }

    /// Revokes an API key; says whether there was one to revoke.
    pub async fn revoke_api_key(&self, id: ApiKeyId, now: Timestamp) -> Result<bool, StoreError> {
        again!(self.try_revoke_api_key(id, now))
    }

    async fn try_revoke_api_key(&self, id: ApiKeyId, now: Timestamp) -> Result<bool, StoreError> {
        let mut transaction = self.begin().await?;
        let input = IdAt { id: Hex(*id.as_bytes()), now: now.unix_millis() };
        if transaction.write(&REVOKE, &[input]).await? == 0 {
            transaction.roll_back().await?;
            return Ok(false);
        }
        transaction.write(&NEW_EVENT, &[event(id, "revoked", now)]).await?;
        transaction.commit().await?;
        Ok(true)
    }

    /// Lets a key end at this time, and adds the one that takes over.
    pub async fn rotate_api_key(
        &self,
        id: ApiKeyId,
        expires_at: Timestamp,
        new: &NewApiKey,
    ) -> Result<Result<(), NotRotated>, StoreError> {
        again!(self.try_rotate_api_key(id, expires_at, new))
    }

    async fn try_rotate_api_key(
        &self,
        id: ApiKeyId,
        expires_at: Timestamp,
        new: &NewApiKey,
    ) -> Result<Result<(), NotRotated>, StoreError> {
        let mut transaction = self.begin().await?;
        let now = new.key.created_at;
        let replaced_by = Hex(*new.key.id.as_bytes());
        let input = ReplaceRow {
            id: Hex(*id.as_bytes()),
            now: now.unix_millis(),
            expires_at: expires_at.unix_millis(),
            replaced_by,
        };
        if transaction.write(&REPLACE, &[input]).await? == 0 {
            let input = Id { id: Hex(*id.as_bytes()) };
            let rows: Vec<ApiKeyRow> = transaction.read(&ONE, &[input]).await?;
            transaction.roll_back().await?;
            let known = rows.into_iter().next().map(ApiKeyRow::known).transpose()?;
            return Ok(Err(why_not(known.as_ref())));
        }
        write_api_keys(&mut transaction, &[new]).await?;
        let rotated = event(id, "rotated", now);
        let rotated = NewEventRow { replaced_by: Some(replaced_by), ..rotated };
        transaction.write(&NEW_EVENT, &[rotated]).await?;
        transaction.commit().await?;
        Ok(Ok(()))
    }
}

/// Why a key could not be replaced.
fn why_not(known: Option<&KnownApiKey>) -> NotRotated {
    let Some(known) = known else { return NotRotated::Unknown };
    match (known.revoked_at, known.replaced_by) {
        (Some(_), _) => NotRotated::Revoked,
        (None, Some(other)) => NotRotated::Replaced(other),
        (None, None) => NotRotated::Expired,
    }
}

fn event(key: ApiKeyId, r#type: &'static str, at: Timestamp) -> NewEventRow {
    let (api_key, created_at) = (Hex(*key.as_bytes()), at.unix_millis());
    NewEventRow { api_key, created_at, r#type, replaced_by: None }
}

/// Writes API keys, and that they were created.
pub(in crate::store) async fn write_api_keys(
    transaction: &mut Transaction,
    new: &[&NewApiKey],
) -> Result<(), StoreError> {
    let rows: Vec<_> = new.iter().map(|new| NewRow::new(new)).collect();
    transaction.write(&NEW, &rows).await?;
    let created = |new: &&NewApiKey| event(new.key.id, "created", new.key.created_at);
    let events: Vec<_> = new.iter().map(created).collect();
    transaction.write(&NEW_EVENT, &events).await?;
    Ok(())
}

/// Every statement of this file.
#[cfg(test)]
pub(super) const STATEMENTS: &[(&str, &Sql)] = &[
    ("api_keys::NEW", &NEW),
    ("api_keys::NEW_EVENT", &NEW_EVENT),
    ("api_keys::REVOKE", &REVOKE),
    ("api_keys::REPLACE", &REPLACE),
];
