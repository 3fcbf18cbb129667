//! A device joins: it shows an invitation and proves that it has the key.

use std::sync::Arc;

use wallet_core::{DeviceKeyId, DevicePublicKey};

use super::App;
use super::secrets::secret_hash;
use crate::issuer::Purpose;
use crate::store::{Device, EnrolRefusal, NewDevice, StoreError};

/// An enrolled device.
pub type Enrolled = Arc<Device>;

/// Why a device was not enrolled.
#[derive(Debug)]
pub enum EnrolError {
    /// For a reason that its owner should know.
    Refused(EnrolRefusal),
    /// The database failed.
    Store(StoreError),
}

impl App {
    /// Enrols a device. The caller has checked that the request is signed with `public_key`.
    ///
    /// # Errors
    /// [`EnrolError`].
    pub async fn enrol(
        &self,
        invitation: &str,
        public_key: DevicePublicKey,
        name: &str,
    ) -> Result<Enrolled, EnrolError> {
        let key_id = DeviceKeyId::from_bytes(self.entropy.bytes());
        let name = self.keys.hide(Purpose::Names, key_id.as_bytes(), name.as_bytes());
        let new = NewDevice { key_id, public_key, name };
        self.store
            .enrol(secret_hash(invitation), &new, self.now())
            .await
            .map_err(EnrolError::Store)?
            .map(Arc::new)
            .map_err(EnrolError::Refused)
    }
}
