//! Requests that a payer's device signs (RFC 9421).

use reqwest::Url;
use wallet_core::requests::{RequestParts, sign_request};
use wallet_core::{DeviceKey, DeviceKeyId};

use crate::failure::{Exit, Failure};
use crate::system;

/// A device's key, under the name that the server knows it by.
pub(crate) struct DeviceSigner<'a> {
    key: &'a DeviceKey,
    key_id: String,
    clock_offset_millis: i64,
}

impl<'a> DeviceSigner<'a> {
    /// An enrolled device. The offset is how far the server's clock is ahead of this machine's.
    pub(crate) fn enrolled(key: &'a DeviceKey, id: DeviceKeyId, clock_offset_millis: i64) -> Self {
        Self { key, key_id: id.to_string(), clock_offset_millis }
    }

    /// A device that enrols: it has no name yet, so its public key stands for it.
    pub(crate) fn enrolling(key: &'a DeviceKey, clock_offset_millis: i64) -> Self {
        let key_id = base16ct::lower::encode_string(key.public_key().as_bytes());
        Self { key, key_id, clock_offset_millis }
    }

    /// The header fields that sign this request.
    pub(super) fn headers(
        &self,
        method: &str,
        url: &Url,
        headers: &[(String, String)],
        body: &str,
    ) -> Result<Vec<(String, String)>, Failure> {
        let parts = RequestParts {
            method: method.to_owned(),
            scheme: url.scheme().to_owned(),
            authority: url.authority().to_owned(),
            path: url.path().to_owned(),
            query: url.query().map(ToOwned::to_owned),
            headers: headers.to_vec(),
        };
        let created = system::now().plus_millis(self.clock_offset_millis).unix_seconds();
        let created = u64::try_from(created).unwrap_or_default();
        let nonce = system::random_hex::<16>();
        sign_request(self.key, &self.key_id, &parts, body.as_bytes(), created, &nonce)
            .map(wallet_core::requests::SignedHeaders::into_fields)
            .map_err(|error| Failure::core(Exit::Unexpected, error))
    }
}

impl std::fmt::Debug for DeviceSigner<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "DeviceSigner({})", self.key_id)
    }
}
