//! Taking on merchants and giving them tills.

use wallet_core::{Mode, TerminalId};

use super::App;
use super::api_keys::{ApiKeyScope, scopes_text};
use super::secrets::Secret;
use crate::domain::fee::FeeRule;
use crate::store::{ApiKey, Merchant, MerchantPlace, NewApiKey, StoreError, Terminal};

/// A merchant to be taken on.
#[derive(Clone, Debug)]
pub struct NewMerchant {
    /// The name that payers see.
    pub name: String,
    /// Live or test.
    pub mode: Mode,
    /// What it pays.
    pub fee: FeeRule,
    /// What its codes say about it.
    pub place: MerchantPlace,
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
    ) -> Result<(Merchant, WithSecret<NewApiKey>), StoreError> {
        let now = self.now();
        let merchant = Merchant {
            id: self.entropy.id(now),
            mode: new.mode,
            name: new.name,
            currency: self.currency,
            fee: new.fee,
            place: new.place,
            created_at: now,
            closed: false,
        };
        let scopes = scopes_text(ApiKeyScope::ALL);
        let key = self.new_api_key(merchant.id, merchant.mode, scopes, None);
        let account = self.entropy.id(now);
        self.store.create_merchant(&merchant, account, &key.made).await?;
        Ok((merchant, key))
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
