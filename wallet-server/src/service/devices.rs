//! The payer's devices: approved, named and revoked by one another, and by the operator.

use wallet_core::{DeviceKeyId, Timestamp};

use super::merchants::WithSecret;
use super::secrets::Secret;
use super::{App, ChangeRefused, Pin};
use crate::issuer::Purpose;
use crate::store::{
    Device, DeviceState, Invitation, OwnDevice, PayerChange, PayerStanding, StoreError, again,
};

/// How long an invitation can be used that one device shows another: they are in one room.
const INVITATION_LIFE_MILLIS: i64 = 15 * 60 * 1000;

/// The most devices that a payer has at a time, those that wait to be approved with them: more than
/// anybody uses, and few enough to be read for every change.
const DEVICES_MAX: usize = 20;

/// The issuer's rules for devices.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DeviceRules {
    /// For how long a device is new that joined a payer who had devices before.
    pub new_millis: i64,
    /// Whether somebody without an invitation gets a wallet.
    pub open_registration: bool,
}

impl App {
    /// What a device is called, decrypted.
    #[must_use]
    pub fn device_name(&self, device: &OwnDevice) -> String {
        let name = self.keys.reveal(Purpose::Names, device.key_id.as_bytes(), &device.name);
        name.and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_default()
    }

    /// Lets a device that waits act.
    ///
    /// # Errors
    /// [`ChangeRefused`].
    pub async fn approve_device(
        &self,
        actor: &Device,
        key_id: DeviceKeyId,
        pin: &Pin,
    ) -> Result<OwnDevice, ChangeRefused> {
        self.right_pin(actor, pin).await?;
        again!(self.try_approve_device(actor, key_id))
    }

    async fn try_approve_device(
        &self,
        actor: &Device,
        key_id: DeviceKeyId,
    ) -> Result<OwnDevice, ChangeRefused> {
        let mut change = self.change_unfrozen(actor).await?;
        let devices = change.devices().await?;
        let mut device = find(&devices, key_id)?.clone();
        match device.state {
            DeviceState::Active => return Ok(device),
            DeviceState::Revoked => return Err(ChangeRefused::DeviceRevoked),
            DeviceState::Pending => {}
        }
        let now = self.now();
        device.new_until = self.new_until(&devices, now);
        device.state = DeviceState::Active;
        change.approve(key_id, device.new_until, now).await?;
        change.tell_of("device.added", key_id);
        self.commit(change).await?;
        Ok(device)
    }

    /// Lets a device of the same payer do nothing from now on. It takes no proof, so that a lost
    /// phone is out at once; hence a device that is new revokes none that is not: a thief who got
    /// one in would be alone with the account.
    ///
    /// # Errors
    /// [`ChangeRefused`].
    pub async fn revoke_own_device(
        &self,
        actor: &Device,
        key_id: DeviceKeyId,
    ) -> Result<OwnDevice, ChangeRefused> {
        again!(self.try_revoke_own_device(actor, key_id))
    }

    async fn try_revoke_own_device(
        &self,
        actor: &Device,
        key_id: DeviceKeyId,
    ) -> Result<OwnDevice, ChangeRefused> {
        let mut change = self.change_as(actor).await?;
        let now = self.now();
        let devices = change.devices().await?;
        let mut device = find(&devices, key_id)?.clone();
        let established = device.state == DeviceState::Active && !device.is_new(now);
        if established && key_id != actor.key_id && find(&devices, actor.key_id)?.is_new(now) {
            return Err(ChangeRefused::DeviceTooNew);
        }
        if change.revoke(key_id, now).await? {
            device.state = DeviceState::Revoked;
            change.tell_of("device.revoked", key_id);
            self.commit(change).await?;
        }
        Ok(device)
    }

    /// Lets any device do nothing from now on; false when there is no such one.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn revoke_device(&self, key_id: DeviceKeyId) -> Result<bool, StoreError> {
        again!(self.try_revoke_device(key_id))
    }

    async fn try_revoke_device(&self, key_id: DeviceKeyId) -> Result<bool, StoreError> {
        let Some(payer) = self.store.device_owner(key_id).await? else { return Ok(false) };
        let Some(mut change) = self.store.change(payer).await? else { return Ok(false) };
        if change.revoke(key_id, self.now()).await? {
            change.tell_of("device.revoked", key_id);
            self.commit(change).await?;
        }
        Ok(true)
    }

    /// Gives a device of the same payer another name.
    ///
    /// # Errors
    /// [`ChangeRefused`].
    pub async fn rename_device(
        &self,
        actor: &Device,
        key_id: DeviceKeyId,
        name: &str,
    ) -> Result<OwnDevice, ChangeRefused> {
        let name = self.keys.hide(Purpose::Names, key_id.as_bytes(), name.as_bytes());
        again!(self.try_rename_device(actor, key_id, name.clone()))
    }

    async fn try_rename_device(
        &self,
        actor: &Device,
        key_id: DeviceKeyId,
        name: Vec<u8>,
    ) -> Result<OwnDevice, ChangeRefused> {
        let mut change = self.change_as(actor).await?;
        change.rename(key_id, name).await?;
        let device = find(&change.devices().await?, key_id)?.clone();
        self.commit(change).await?;
        Ok(device)
    }

    /// Invites another device, which needs no approval then.
    ///
    /// # Errors
    /// [`ChangeRefused`].
    pub async fn invite_device(
        &self,
        actor: &Device,
        pin: &Pin,
    ) -> Result<WithSecret<Invitation>, ChangeRefused> {
        self.right_pin(actor, pin).await?;
        let now = self.now();
        let made = Invitation {
            id: self.entropy.id(now),
            payer: actor.payer,
            expires_at: now.plus_millis(INVITATION_LIFE_MILLIS),
            made_by: Some(actor.key_id),
            device: None,
        };
        let secret = Secret::generate("inv_", &self.entropy);
        again!(self.try_invite_device(actor, &made, &secret, now))?;
        Ok(WithSecret { made, secret })
    }

    async fn try_invite_device(
        &self,
        actor: &Device,
        made: &Invitation,
        secret: &Secret,
        now: Timestamp,
    ) -> Result<(), ChangeRefused> {
        let mut change = self.change_unfrozen(actor).await?;
        has_room(&change.devices().await?)?;
        change.invite(made, secret.hash(), now).await?;
        self.commit(change).await?;
        Ok(())
    }

    /// Begins a change that a device makes.
    pub(super) async fn change_as(&self, actor: &Device) -> Result<PayerChange, ChangeRefused> {
        let change = self.store.change_as(actor.key_id, actor.payer).await?;
        change.ok_or(ChangeRefused::NotActive)
    }

    /// The same, for what a frozen payer may not do.
    pub(super) async fn change_unfrozen(
        &self,
        actor: &Device,
    ) -> Result<PayerChange, ChangeRefused> {
        let change = self.change_as(actor).await?;
        match change.standing() {
            PayerStanding::Active => Ok(change),
            PayerStanding::FrozenByPayer
            | PayerStanding::FrozenByOperator
            | PayerStanding::Closed => Err(ChangeRefused::PayerUnavailable),
        }
    }
}

/// Whether one more device can join.
pub(super) fn has_room(devices: &[OwnDevice]) -> Result<(), ChangeRefused> {
    let present = devices.iter().filter(|device| device.state != DeviceState::Revoked).count();
    if present < DEVICES_MAX { Ok(()) } else { Err(ChangeRefused::TooManyDevices) }
}

fn find(devices: &[OwnDevice], key_id: DeviceKeyId) -> Result<&OwnDevice, ChangeRefused> {
    let mut devices = devices.iter();
    devices.find(|device| device.key_id == key_id).ok_or(ChangeRefused::UnknownDevice)
}
