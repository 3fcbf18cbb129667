//! Setting a PIN: the first one, or another one by proof.

use super::{App, ChangeRefused, Pin, PinRefused, SecondFactor};
use crate::store::{Device, KeptPin, again};

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
        change.set_pin(kept).await?;
        change.tell("pin.changed");
        self.commit(change).await?;
        Ok(())
    }
}
