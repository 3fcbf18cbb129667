//! Many merchants and payers at once, a fixed number of statements however many they are: what a
//! benchmark, or an issuer that moves in from another system, takes on.

use wallet_core::Timestamp;

use super::connection::Store;
use super::error::StoreError;
use super::merchants::{MerchantWithKey, write_merchants};
use super::payers::{NewDevice, Payer, write_devices, write_payers};
use crate::domain::ids::AccountId;

/// A payer to be taken on, with an empty wallet and one enrolled device.
#[derive(Clone, Debug)]
pub struct PayerWithDevice {
    /// The payer.
    pub payer: Payer,
    /// The wallet.
    pub account: AccountId,
    /// The device.
    pub device: NewDevice,
}

impl Store {
    /// Takes on merchants, all or none of them.
    pub async fn create_merchants(&self, new: &[MerchantWithKey]) -> Result<(), StoreError> {
        let mut transaction = self.begin().await?;
        write_merchants(&mut transaction, new).await?;
        transaction.commit().await
    }

    /// Takes on payers with their devices, all or none of them.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when one of the devices' keys is enrolled already.
    pub async fn create_payers(
        &self,
        new: &[PayerWithDevice],
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let mut transaction = self.begin().await?;
        let payers: Vec<_> = new.iter().map(|new| (&new.payer, new.account)).collect();
        write_payers(&mut transaction, &payers).await?;
        let devices: Vec<_> = new.iter().map(|new| (&new.device, new.payer.id)).collect();
        let enrolled = write_devices(&mut transaction, &devices, now).await?;
        if usize::try_from(enrolled) != Ok(new.len()) {
            transaction.roll_back().await?;
            return Err(StoreError::Corrupt("a device key that is enrolled already"));
        }
        transaction.commit().await
    }
}
