//! Merchants' API keys: making, rotating and revoking them, and who shows one.

use wallet_core::{Mode, Timestamp};

use super::App;
use super::merchants::WithSecret;
use super::secrets::{Secret, secret_hash};
use crate::domain::ids::{ApiKeyId, MerchantId};
use crate::domain::named::named;
use crate::store::{
    ApiKey, ApiKeyState, KeptSecret, KnownApiKey, NewApiKey, NotRotated, StoreError,
};
use crate::worker::UsedKey;

/// How many characters of a secret are kept, to tell keys apart. The other 60 are as good as all.
const SECRET_END_LENGTH: usize = 4;

const MILLIS_OF_HOUR: i64 = 60 * 60 * 1000;

/// What an API key may do.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum ApiKeyScope {
    /// Make payments and register tills.
    Charge,
    /// Give money back.
    Refund,
    /// Pay money out.
    Payout,
    /// Look things up.
    Read,
    /// Say where the merchant is told of events.
    Manage,
}

named!(ApiKeyScope {
    Charge => "charge",
    Refund => "refund",
    Payout => "payout",
    Read => "read",
    Manage => "manage",
});

impl ApiKeyScope {
    /// Whether a key has this scope.
    #[must_use]
    pub fn granted(self, key: &ApiKey) -> bool {
        key.scopes.split(' ').any(|scope| scope == self.as_str())
    }
}

/// Why a request with an API key is not let in.
#[derive(Debug)]
pub enum KeyRefused {
    /// Nobody has this key.
    Unknown,
    /// It was revoked, or its time is over.
    Ended(ApiKeyId),
    /// Too many requests came with it.
    TooMany {
        /// The key.
        api_key: ApiKeyId,
        /// When to come back.
        retry_after_seconds: u16,
    },
    /// The database failed.
    Store(StoreError),
}

impl From<StoreError> for KeyRefused {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// A key that took over from another.
#[derive(Debug)]
pub struct Rotated {
    /// The new one.
    pub key: WithSecret<NewApiKey>,
    /// When the old one ends.
    pub old_expires_at: Timestamp,
}

impl App {
    /// Gives a merchant another API key; `None` when there is no such merchant.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn create_api_key(
        &self,
        merchant: MerchantId,
        scopes: &[ApiKeyScope],
        name: Option<String>,
    ) -> Result<Option<WithSecret<NewApiKey>>, StoreError> {
        let Some(merchant) = self.store.merchant(merchant).await? else { return Ok(None) };
        let key = self.new_api_key(merchant.id, merchant.mode, scopes_text(scopes), name);
        self.store.create_api_key(&key.made).await?;
        Ok(Some(key))
    }

    /// Gives a merchant a key in place of another one, which goes on working for some hours.
    ///
    /// # Errors
    /// [`StoreError`]; and why the key cannot be rotated.
    pub async fn rotate_api_key(
        &self,
        id: ApiKeyId,
        overlap_hours: u16,
    ) -> Result<Result<Rotated, NotRotated>, StoreError> {
        let Some(old) = self.store.api_key_by_id(id).await? else {
            return Ok(Err(NotRotated::Unknown));
        };
        let KnownApiKey { key: ApiKey { merchant, mode, scopes, .. }, name, .. } = old;
        let key = self.new_api_key(merchant, mode, scopes, name);
        let overlap = i64::from(overlap_hours) * MILLIS_OF_HOUR;
        let old_expires_at = key.made.key.created_at.plus_millis(overlap);
        let rotated = self.store.rotate_api_key(id, old_expires_at, &key.made).await?;
        Ok(rotated.map(|()| Rotated { key, old_expires_at }))
    }

    pub(super) fn new_api_key(
        &self,
        merchant: MerchantId,
        mode: Mode,
        scopes: String,
        name: Option<String>,
    ) -> WithSecret<NewApiKey> {
        let now = self.now();
        let id = self.entropy.id(now);
        let key = ApiKey { id, merchant, mode, scopes, created_at: now, expires_at: None };
        let secret = Secret::generate(&format!("sk_{mode}_"), &self.entropy);
        let kept = KeptSecret { hash: secret.hash(), end: secret.end(SECRET_END_LENGTH) };
        WithSecret { made: NewApiKey { key, name, secret: kept }, secret }
    }

    /// The API key that a request shows.
    ///
    /// # Errors
    /// [`KeyRefused`].
    pub async fn api_key(&self, secret: &str) -> Result<ApiKey, KeyRefused> {
        let hash = secret_hash(secret);
        let remembered = self.own.api_keys.get(&hash);
        // Who comes too often is sent away before the database is asked.
        if let Some(key) = &remembered {
            self.admit(key.id)?;
        }
        let key = self.look_up(hash).await?;
        if remembered.is_none() {
            self.admit(key.id)?;
        }
        Ok(key)
    }

    /// The same, perhaps from memory: for requests that settlement decides, because that looks
    /// again whether the key is revoked or over, in the transaction that would move the money.
    ///
    /// # Errors
    /// [`KeyRefused`].
    pub async fn api_key_to_settle(&self, secret: &str) -> Result<ApiKey, KeyRefused> {
        let hash = secret_hash(secret);
        let key = match self.own.api_keys.get(&hash) {
            Some(key) if key.expires_at.is_some_and(|end| end <= self.now()) => {
                return Err(KeyRefused::Ended(key.id));
            }
            Some(key) => key,
            None => self.look_up(hash).await?,
        };
        self.admit(key.id)?;
        Ok(key)
    }

    /// Whether a key that was let in still would be: for requests that were kept open.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn is_still_let_in(&self, key: &ApiKey) -> Result<bool, StoreError> {
        let known = self.store.api_key_by_id(key.id).await?;
        let state = known.map(|known| known.state(self.now()));
        Ok(matches!(state, Some(ApiKeyState::Active | ApiKeyState::Expiring)))
    }

    /// Asks the database, and remembers a key that works. Secrets that are nobody's are not
    /// remembered, so that trying them fills no memory.
    async fn look_up(&self, hash: [u8; 32]) -> Result<ApiKey, KeyRefused> {
        let known = self.store.api_key(hash).await?.ok_or(KeyRefused::Unknown)?;
        match known.state(self.now()) {
            ApiKeyState::Active | ApiKeyState::Expiring => {
                self.own.api_keys.insert(hash, known.key.clone());
                Ok(known.key)
            }
            ApiKeyState::Expired | ApiKeyState::Revoked => {
                self.own.api_keys.remove(&hash);
                Err(KeyRefused::Ended(known.key.id))
            }
        }
    }

    fn admit(&self, api_key: ApiKeyId) -> Result<(), KeyRefused> {
        let too_many = |retry_after_seconds| KeyRefused::TooMany { api_key, retry_after_seconds };
        self.own.api_key_buckets.take(&api_key, self.now()).map_err(too_many)
    }

    /// Counts a request with an API key.
    pub(crate) fn count_key_use(&self, used: UsedKey<'_>) {
        self.own.key_uses.count(used, self.now());
    }

    /// Waits until what this process has counted of API keys' uses is in the books.
    pub(crate) async fn key_uses_written(&self) {
        self.own.key_uses.written().await;
    }
}

/// Scopes as they are kept.
pub(super) fn scopes_text(scopes: &[ApiKeyScope]) -> String {
    scopes.iter().map(|scope| scope.as_str()).collect::<Vec<_>>().join(" ")
}
