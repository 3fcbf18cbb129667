//! Setting a PIN: the first one, or another one by proof.
//!
//! A first PIN needs no proof, and it opens everything: it unfreezes, and takes money out. So whoever
//! finds an unlocked phone whose owner never set one must not win by it:
//!
//! | the payer is | the devices | a first PIN |
//! |---|---|---|
//! | frozen, by whomever | | is refused |
//! | active | all joined within the last hour | is set |
//! | active | one has been there for longer | is set, and all of them are new from now on |

use wallet_core::Timestamp;

use super::{App, ChangeRefused, Pin, PinRefused, SecondFactor};
use crate::store::{Device, DeviceState, KeptPin, OwnDevice, PayerChange, PayerStanding, again};

/// Within this time after it joined, whoever holds a device is taken for who enrolled it: that is
/// how long somebody may take over the first steps.
const FIRST_STEPS_MILLIS: i64 = 60 * 60 * 1000;

/// By what a PIN may be set.
#[derive(Debug)]
pub enum PinProof {
    /// By there being none yet. Setting the very PIN that is set proves itself: so a phone that
    /// did not hear the answer finds out.
    None,
    /// By knowing the present one.
    CurrentPin(Pin),
    /// By a second factor.
    Factor(SecondFactor),
}

impl App {
    /// Sets a PIN.
    ///
    /// It is hashed before anything is decided, because no lock must wait for that.
    ///
    /// # Errors
    /// [`ChangeRefused`].
    pub async fn set_pin(
        &self,
        device: &Device,
        new: &Pin,
        proof: &PinProof,
    ) -> Result<(), ChangeRefused> {
        let replaced = match proof {
            PinProof::CurrentPin(current) => Some(self.right_pin(device, current).await?),
            PinProof::None if self.has_pin(device).await? => {
                return self.right_pin(device, new).await.map(drop).map_err(Into::into);
            }
            PinProof::None | PinProof::Factor(_) => None,
        };
        let kept = self.make_pin(device, new).await?;
        again!(self.try_set_pin(device, &kept, proof, replaced))
    }

    async fn has_pin(&self, device: &Device) -> Result<bool, ChangeRefused> {
        Ok(self.store.account(device.payer).await?.is_some_and(|account| account.pin_set))
    }

    async fn try_set_pin(
        &self,
        device: &Device,
        kept: &KeptPin,
        proof: &PinProof,
        replaced: Option<[u8; 16]>,
    ) -> Result<(), ChangeRefused> {
        let mut change = self.change_as(device).await?;
        if let PinProof::Factor(factor) = proof {
            if let Err(refused) = self.check_factor(&mut change, factor, self.now()).await? {
                return self.refuse(change, refused).await;
            }
        } else if change.pin_salt().await? != replaced {
            // Another one was set since it was looked at.
            return Err(PinRefused::Refused.into());
        }
        if matches!(proof, PinProof::None) {
            self.admit_first_pin(&mut change).await?;
        }
        change.set_pin(kept).await?;
        change.tell("pin.changed");
        self.commit(change).await?;
        Ok(())
    }

    /// Lets a first PIN in, where nothing but holding a device speaks for it.
    async fn admit_first_pin(&self, change: &mut PayerChange) -> Result<(), ChangeRefused> {
        match change.standing() {
            PayerStanding::Active => {}
            PayerStanding::FrozenByPayer | PayerStanding::FrozenByOperator => {
                return Err(ChangeRefused::FirstPinWhileFrozen);
            }
            PayerStanding::Closed => return Err(ChangeRefused::NotActive),
        }
        let now = self.now();
        let devices = change.devices().await?;
        if devices.iter().any(|device| has_been_there(device, now)) {
            change.distrust_devices(now.plus_millis(self.device_rules.new_millis)).await?;
        }
        Ok(())
    }
}

/// Whether a device joined so long ago that somebody else may hold it by now.
fn has_been_there(device: &OwnDevice, now: Timestamp) -> bool {
    device.state == DeviceState::Active && device.created_at < now.plus_millis(-FIRST_STEPS_MILLIS)
}
