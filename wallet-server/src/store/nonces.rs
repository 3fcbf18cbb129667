//! What devices have signed, so that nothing they signed is done twice.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};
use wallet_core::{DeviceKeyId, Timestamp};

use super::again::again;
use super::connection::Store;
use super::error::StoreError;
use super::hex::Hex;
use super::sql::{Sql, sql};

/// A signed request's own number.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Nonce {
    /// Who signed.
    pub device: DeviceKeyId,
    /// What nobody signed before.
    pub text: String,
    /// Until when the signature would be taken, and some time more.
    pub expires_at: Timestamp,
}

const USED: Sql = sql!(input { device: blob, nonce: text, expires_at: int }
    "select d.device, d.nonce from input i \
     join device_nonces d on d.device = i.device and d.nonce = i.nonce"
    => { device: blob, nonce: text });

const USE: Sql = sql!(input { device: blob, nonce: text, expires_at: int }
    "insert into device_nonces (device, nonce, expires_at) \
     select device, nonce, expires_at from input");

#[derive(Serialize)]
struct NonceRow<'a> {
    device: Hex<8>,
    nonce: &'a str,
    expires_at: i64,
}

#[derive(Deserialize)]
struct UsedRow {
    device: Hex<8>,
    nonce: String,
}

impl Store {
    /// Uses nonces up, durably, and says which of them were new.
    pub async fn use_nonces(&self, nonces: &[Nonce]) -> Result<Vec<bool>, StoreError> {
        again!(self.try_use_nonces(nonces))
    }

    async fn try_use_nonces(&self, nonces: &[Nonce]) -> Result<Vec<bool>, StoreError> {
        let row = |nonce: &Nonce| (Hex(*nonce.device.as_bytes()), nonce.text.clone());
        let rows: Vec<NonceRow<'_>> = nonces.iter().map(NonceRow::new).collect();
        let mut transaction = self.begin().await?;
        let used: Vec<UsedRow> = transaction.read(&USED, &rows).await?;
        let mut used: HashSet<_> = used.into_iter().map(|row| (row.device, row.nonce)).collect();
        // One that stands twice among them is new once.
        let new: Vec<bool> = nonces.iter().map(|nonce| used.insert(row(nonce))).collect();
        let rows: Vec<NonceRow<'_>> =
            rows.into_iter().zip(&new).filter(|(_, new)| **new).map(|(row, _)| row).collect();
        if rows.is_empty() {
            transaction.roll_back().await?;
            return Ok(new);
        }
        transaction.write(&USE, &rows).await?;
        transaction.commit().await?;
        Ok(new)
    }
}

impl<'a> NonceRow<'a> {
    fn new(nonce: &'a Nonce) -> Self {
        Self {
            device: Hex(*nonce.device.as_bytes()),
            nonce: &nonce.text,
            expires_at: nonce.expires_at.unix_millis(),
        }
    }
}

/// Every statement of this file, for the test that prepares them on both databases.
#[cfg(test)]
pub(super) const STATEMENTS: &[(&str, &Sql)] = &[("nonces::USED", &USED), ("nonces::USE", &USE)];
