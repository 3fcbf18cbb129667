//! Somebody takes out a wallet without an invitation, where the issuer lets everybody.

use wallet_core::{DeviceKeyId, DevicePublicKey, Mode};

use super::account::handle_set;
use super::{App, ChangeRefused, Enrolled, Handle};
use crate::issuer::Purpose;
use crate::store::{Approval, DeviceState, KeyOwner, NewDevice, Payer, again};

/// Who wants a wallet. The request is signed with the key.
#[derive(Clone, Copy, Debug)]
pub struct Registering<'a> {
    /// The public key of the first device.
    pub public_key: DevicePublicKey,
    /// What its owner calls it.
    pub device_name: &'a str,
    /// The payer's name.
    pub name: &'a str,
    /// Live or test.
    pub mode: Mode,
    /// Under which name others find the payer.
    pub handle: Option<&'a Handle>,
}

impl App {
    /// Takes on a payer with a first device. The same key again gets what it got.
    ///
    /// # Errors
    /// [`ChangeRefused`].
    pub async fn register(&self, new: Registering<'_>) -> Result<Enrolled, ChangeRefused> {
        if !self.device_rules.open_registration {
            return Err(ChangeRefused::RegistrationClosed);
        }
        again!(self.try_register(new))
    }

    async fn try_register(&self, new: Registering<'_>) -> Result<Enrolled, ChangeRefused> {
        if let Some(owner) = self.store.key_owner(&new.public_key).await? {
            return enrolled_before(owner);
        }
        let now = self.now();
        let payer: crate::domain::ids::PayerId = self.entropy.id(now);
        let hide =
            |subject: &[u8], text: &str| self.keys.hide(Purpose::Names, subject, text.as_bytes());
        let row = Payer {
            id: payer,
            mode: new.mode,
            name: hide(payer.as_bytes(), new.name),
            state: "active".to_owned(),
            currency: self.currency,
            created_at: now,
        };
        let key_id = DeviceKeyId::from_bytes(self.entropy.bytes());
        let device = NewDevice {
            key_id,
            public_key: new.public_key,
            name: hide(key_id.as_bytes(), new.device_name),
            approval: Approval::Given { new_until: None },
        };
        let change = self.store.begin_registration(&row, self.entropy.id(now), &device).await?;
        let Some(mut change) = change else {
            // The same request came twice at once.
            let owner = self.store.key_owner(&new.public_key).await?;
            return owner.map_or(Err(ChangeRefused::KeyEnrolled), enrolled_before);
        };
        if let Some(handle) = new.handle {
            let hidden = self.hide_handle(payer, handle);
            handle_set(change.set_handle(hidden, self.handle_hash(handle), now).await?)?;
        }
        self.commit(change).await?;
        Ok(Enrolled { key_id, payer, state: DeviceState::Active })
    }
}

fn enrolled_before(owner: KeyOwner) -> Result<Enrolled, ChangeRefused> {
    let KeyOwner { key_id, payer, state } = owner;
    match state {
        DeviceState::Active => Ok(Enrolled { key_id, payer, state }),
        // It came with an invitation, or may not act any more.
        DeviceState::Pending | DeviceState::Revoked => Err(ChangeRefused::KeyEnrolled),
    }
}
