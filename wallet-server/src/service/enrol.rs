//! A device joins: it shows an invitation and proves that it has the key.
//!
//! | who was there before | and | the device is |
//! |---|---|---|
//! | no active device | no one-time passwords in use | active; new for a day if there was a device before |
//! | | the right one-time password, or a recovery code, comes with the request | active, new for a day |
//! | | neither | pending: it comes again with one of them |
//! | an active device | which made the invitation, for a payer who is not frozen | active, new for a day |
//! | | the right one-time password, or a recovery code, comes with the request | active, new for a day |
//! | | none of these | pending: it waits to be approved by a device, or comes again with a password |
//!
//! With no active device, only the operator's invitation counts: one of a device that was revoked
//! lets nobody in, neither anew nor who waited with it.
//!
//! Who had a device before is new for a day in any case, so that a thief's first phone is not
//! better off than a second one. The same request again gets the state of now, and can come with a
//! second factor until its invitation has been over for a day: so a device that waits is no place to
//! guess, or to lock the second factor, for ever.

use std::sync::Arc;

use wallet_core::{DeviceKeyId, DevicePublicKey, Timestamp};

use super::devices::has_room;
use super::secrets::secret_hash;
use super::{App, ChangeRefused, SecondFactor};
use crate::issuer::Purpose;
use crate::store::{
    Approval, DeviceState, Invitation, NewDevice, OwnDevice, PayerChange, PayerStanding, again,
};

/// How long after the end of its invitation a device that waits can still come with a second factor.
const FACTOR_AFTER_MILLIS: i64 = 24 * 60 * 60 * 1000;

/// A device that wants to join. Its request is signed with the key.
#[derive(Clone, Copy, Debug)]
pub struct Joining<'a> {
    /// The secret of the invitation.
    pub invitation: &'a str,
    /// Its public key.
    pub public_key: DevicePublicKey,
    /// What its owner calls it.
    pub name: &'a str,
    /// A one-time password or a recovery code.
    pub factor: Option<&'a SecondFactor>,
}

/// A device that joined.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Enrolled {
    /// What the issuer calls it.
    pub key_id: DeviceKeyId,
    /// Whose it is.
    pub payer: crate::domain::ids::PayerId,
    /// Whether it may act.
    pub state: DeviceState,
}

impl App {
    /// Enrols a device. The caller has checked that the request is signed with its key.
    ///
    /// # Errors
    /// [`ChangeRefused`].
    pub async fn enrol(self: &Arc<Self>, joining: Joining<'_>) -> Result<Enrolled, ChangeRefused> {
        let key_id = DeviceKeyId::from_bytes(self.entropy.bytes());
        let name = self.keys.hide(Purpose::Names, key_id.as_bytes(), joining.name.as_bytes());
        let approval = Approval::Waiting;
        let new = NewDevice { key_id, public_key: joining.public_key, name, approval };
        again!(self.try_enrol(joining, new.clone()))
    }

    async fn try_enrol(
        &self,
        joining: Joining<'_>,
        new: NewDevice,
    ) -> Result<Enrolled, ChangeRefused> {
        let hash = secret_hash(joining.invitation);
        let payer = self.store.invited_payer(hash).await?;
        let payer = payer.ok_or(ChangeRefused::UnknownInvitation)?;
        let change = self.store.change(payer).await?;
        let mut change = change.ok_or(ChangeRefused::UnknownInvitation)?;
        let invitation = change.invitation(hash).await?;
        let invitation = invitation
            .filter(|_| change.standing() != PayerStanding::Closed)
            .ok_or(ChangeRefused::UnknownInvitation)?;
        let devices = change.devices().await?;
        match invitation.device {
            Some(used_by) => {
                let same = devices.iter().find(|device| device.key_id == used_by);
                let same = same.filter(|device| device.public_key == joining.public_key);
                let device = same.ok_or(ChangeRefused::UnknownInvitation)?;
                self.enrolled_again(joining, change, &devices, (device, &invitation)).await
            }
            None => self.enrol_new(joining, change, &devices, &invitation, new).await,
        }
    }

    /// A device that has joined asks again: how things stand, or with a password.
    async fn enrolled_again(
        &self,
        joining: Joining<'_>,
        mut change: PayerChange,
        devices: &[OwnDevice],
        (device, invitation): (&OwnDevice, &Invitation),
    ) -> Result<Enrolled, ChangeRefused> {
        let (key_id, payer) = (device.key_id, change.payer());
        match device.state {
            DeviceState::Revoked => return Err(ChangeRefused::UnknownInvitation),
            DeviceState::Active => {
                return Ok(Enrolled { key_id, payer, state: DeviceState::Active });
            }
            DeviceState::Pending => {}
        }
        let now = self.now();
        // Whoever waited must not get in when the payer's own device is gone.
        let invited = invitation.expires_at > now
            && needs_no_factor(&mut change, devices, invitation).await?;
        if !invited {
            let Some(factor) = joining.factor else {
                return Ok(Enrolled { key_id, payer, state: DeviceState::Pending });
            };
            if invitation.expires_at.plus_millis(FACTOR_AFTER_MILLIS) <= now {
                return Err(ChangeRefused::InvitationExpired);
            }
            if let Err(refused) = self.check_factor(&mut change, factor, now).await? {
                return self.refuse(change, refused).await;
            }
        }
        change.approve(key_id, self.new_until(devices, now), now).await?;
        if has_active(devices) {
            change.tell_of("device.added", key_id);
        }
        self.commit(change).await?;
        Ok(Enrolled { key_id, payer, state: DeviceState::Active })
    }

    async fn enrol_new(
        &self,
        joining: Joining<'_>,
        mut change: PayerChange,
        devices: &[OwnDevice],
        invitation: &Invitation,
        mut new: NewDevice,
    ) -> Result<Enrolled, ChangeRefused> {
        let now = self.now();
        if invitation.expires_at <= now {
            return Err(ChangeRefused::InvitationExpired);
        }
        let invited_by_device = match invitation.made_by {
            None => false,
            // A device that may not act any more invites nobody.
            Some(key_id) if !is_active(devices, key_id) => {
                return Err(ChangeRefused::UnknownInvitation);
            }
            Some(_) => change.standing() == PayerStanding::Active,
        };
        has_room(devices)?;
        let approved =
            if invited_by_device || needs_no_factor(&mut change, devices, invitation).await? {
                true
            } else if let Some(factor) = joining.factor {
                if let Err(refused) = self.check_factor(&mut change, factor, now).await? {
                    return self.refuse(change, refused).await;
                }
                true
            } else {
                false
            };
        let (state, told) = if approved {
            new.approval = Approval::Given { new_until: self.new_until(devices, now) };
            (DeviceState::Active, "device.added")
        } else {
            (DeviceState::Pending, "device.pending")
        };
        if !change.enrol(invitation.id, &new, now).await? {
            return Err(ChangeRefused::KeyEnrolled);
        }
        // The first one has nobody to tell.
        if has_active(devices) {
            change.tell_of(told, new.key_id);
        }
        let enrolled = Enrolled { key_id: new.key_id, payer: change.payer(), state };
        self.commit(change).await?;
        Ok(enrolled)
    }

    /// Until when a device that is approved now is new: not the payer's very first.
    pub(super) fn new_until(&self, devices: &[OwnDevice], now: Timestamp) -> Option<Timestamp> {
        let another = devices.iter().any(|device| device.was_approved);
        let until = now.plus_millis(self.device_rules.new_millis);
        (another && until > now).then_some(until)
    }
}

/// Whether the invitation is enough: the operator made it, nobody is there who could approve, and
/// the payer uses no one-time passwords.
async fn needs_no_factor(
    change: &mut PayerChange,
    devices: &[OwnDevice],
    invitation: &Invitation,
) -> Result<bool, ChangeRefused> {
    let by_operator = invitation.made_by.is_none();
    Ok(by_operator && !has_active(devices) && change.totp().await?.secret.is_none())
}

fn has_active(devices: &[OwnDevice]) -> bool {
    devices.iter().any(|device| device.state == DeviceState::Active)
}

fn is_active(devices: &[OwnDevice], key_id: DeviceKeyId) -> bool {
    devices.iter().any(|device| device.key_id == key_id && device.state == DeviceState::Active)
}
