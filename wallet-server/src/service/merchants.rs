//! Taking on merchants and giving them keys and tills.

use wallet_core::{Mode, TerminalId};

use super::App;
use super::secrets::{Secret, secret_hash};
use crate::domain::fee::FeeRule;
use crate::domain::ids::MerchantId;
use crate::domain::named::named;
use crate::store::{ApiKey, Merchant, StoreError, Terminal};

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
}

named!(ApiKeyScope {
    Charge => "charge",
    Refund => "refund",
    Payout => "payout",
    Read => "read",
});

impl ApiKeyScope {
    /// Whether a key has this scope.
    #[must_use]
    pub fn granted(self, key: &ApiKey) -> bool {
        key.scopes.split(' ').any(|scope| scope == self.as_str())
    }
}

/// A merchant to be taken on.
#[derive(Clone, Debug)]
pub struct NewMerchant {
    /// The name that payers see.
    pub name: String,
    /// Live or test.
    pub mode: Mode,
    /// What it pays.
    pub fee: FeeRule,
}

/// Something made together with a secret that is shown once.
#[derive(Debug)]
pub struct WithSecret<T> {
    /// What was made.
    pub made: T,
    /// Its secret.
    pub secret: Secret,
}

impl App {
    /// Takes on a merchant, with a first API key that may do everything.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn create_merchant(
        &self,
        new: NewMerchant,
    ) -> Result<(Merchant, WithSecret<ApiKey>), StoreError> {
        let now = self.now();
        let merchant = Merchant {
            id: self.entropy.id(now),
            mode: new.mode,
            name: new.name,
            currency: self.currency,
            fee: new.fee,
            created_at: now,
        };
        let key = self.new_api_key(merchant.id, merchant.mode, ApiKeyScope::ALL);
        let account = self.entropy.id(now);
        self.store.create_merchant(&merchant, account, &key.made, key.secret.hash()).await?;
        Ok((merchant, key))
    }

    /// Gives a merchant another API key; `None` when there is no such merchant.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn create_api_key(
        &self,
        merchant: MerchantId,
        scopes: &[ApiKeyScope],
    ) -> Result<Option<WithSecret<ApiKey>>, StoreError> {
        let Some(merchant) = self.store.merchant(merchant).await? else { return Ok(None) };
        let key = self.new_api_key(merchant.id, merchant.mode, scopes);
        self.store.create_api_key(&key.made, key.secret.hash()).await?;
        Ok(Some(key))
    }

    fn new_api_key(
        &self,
        merchant: MerchantId,
        mode: Mode,
        scopes: &[ApiKeyScope],
    ) -> WithSecret<ApiKey> {
        let now = self.now();
        let scopes: Vec<&str> = scopes.iter().map(|scope| scope.as_str()).collect();
        let made = ApiKey {
            id: self.entropy.id(now),
            merchant,
            mode,
            scopes: scopes.join(" "),
            created_at: now,
        };
        WithSecret { made, secret: Secret::generate(&format!("sk_{mode}_"), &self.entropy) }
    }

    /// The API key that a request shows.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn api_key(&self, secret: &str) -> Result<Option<ApiKey>, StoreError> {
        self.store.api_key(secret_hash(secret)).await
    }

    /// The same, perhaps from memory: for requests that settlement decides, because that looks
    /// again whether the key is revoked, in the transaction that would move the money.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn api_key_to_settle(&self, secret: &str) -> Result<Option<ApiKey>, StoreError> {
        let hash = secret_hash(secret);
        if let Some(key) = self.own.api_keys.get(&hash) {
            return Ok(Some(key));
        }
        let key = self.store.api_key(hash).await?;
        if let Some(key) = &key {
            self.own.api_keys.insert(hash, key.clone());
        }
        Ok(key)
    }

    /// Registers a till of a merchant.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn create_terminal(
        &self,
        api_key: &ApiKey,
        name: String,
    ) -> Result<Terminal, StoreError> {
        let terminal = Terminal {
            id: TerminalId::from_bytes(self.entropy.bytes()),
            merchant: api_key.merchant,
            mode: api_key.mode,
            name,
            created_at: self.now(),
        };
        self.store.create_terminal(&terminal).await?;
        Ok(terminal)
    }
}
