//! Taking on payers and inviting their devices.

use wallet_core::Mode;

use super::devices::has_room;
use super::merchants::WithSecret;
use super::secrets::Secret;
use super::{App, ChangeRefused};
use crate::domain::ids::PayerId;
use crate::issuer::Purpose;
use crate::store::{Invitation, Payer, PayerStanding, StoreError};

/// How long an invitation can be used.
const INVITATION_LIFE_MILLIS: i64 = 24 * 60 * 60 * 1000;

/// A payer's name, decrypted.
#[must_use]
pub fn payer_name(app: &App, payer: &Payer) -> String {
    let name = app.keys.reveal(Purpose::Names, payer.id.as_bytes(), &payer.name);
    name.and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_default()
}

impl App {
    /// Takes on a payer, with an empty wallet.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn create_payer(&self, name: &str, mode: Mode) -> Result<Payer, StoreError> {
        let now = self.now();
        let id: PayerId = self.entropy.id(now);
        let payer = Payer {
            id,
            mode,
            name: self.keys.hide(Purpose::Names, id.as_bytes(), name.as_bytes()),
            state: "active".to_owned(),
            currency: self.currency,
            created_at: now,
        };
        self.store.create_payer(&payer, self.entropy.id(now)).await?;
        Ok(payer)
    }

    /// Invites one device of a payer. Whose account is closed is not there any more.
    ///
    /// # Errors
    /// [`ChangeRefused`].
    pub async fn invite(&self, payer: PayerId) -> Result<WithSecret<Invitation>, ChangeRefused> {
        let change = self.store.change(payer).await?;
        let change = change.filter(|change| change.standing() != PayerStanding::Closed);
        let mut change = change.ok_or(ChangeRefused::UnknownPayer)?;
        has_room(&change.devices().await?)?;
        let now = self.now();
        let made = Invitation {
            id: self.entropy.id(now),
            payer,
            expires_at: now.plus_millis(INVITATION_LIFE_MILLIS),
            made_by: None,
            device: None,
        };
        let secret = Secret::generate("inv_", &self.entropy);
        change.invite(&made, secret.hash(), now).await?;
        self.commit(change).await?;
        Ok(WithSecret { made, secret })
    }
}
