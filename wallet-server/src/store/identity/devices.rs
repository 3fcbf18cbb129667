//! The devices of one payer.

use serde::{Deserialize, Serialize};
use wallet_core::{DeviceKeyId, DevicePublicKey, Timestamp};

use super::{Id, PayerChange};
use crate::domain::ids::PayerId;
use crate::store::StoreError;
use crate::store::connection::Store;
use crate::store::hex::{Bytes, Hex};
use crate::store::sql::{Sql, sql};

/// A device, in whatever state.
#[derive(Clone, Debug)]
pub struct OwnDevice {
    /// What the issuer calls it.
    pub key_id: DeviceKeyId,
    /// What it signs with.
    pub public_key: DevicePublicKey,
    /// What its owner calls it, encrypted.
    pub name: Vec<u8>,
    /// Whether it may act.
    pub state: DeviceState,
    /// Whether it ever might.
    pub was_approved: bool,
    /// Until then its limits are lower.
    pub new_until: Option<Timestamp>,
    /// When it was enrolled.
    pub created_at: Timestamp,
}

impl OwnDevice {
    /// Whether its limits are lower now.
    #[must_use]
    pub fn is_new(&self, now: Timestamp) -> bool {
        self.new_until.is_some_and(|until| now < until)
    }
}

/// Whether a device may act.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DeviceState {
    /// It waits to be approved.
    Pending,
    /// It may.
    Active,
    /// Not any more.
    Revoked,
}

impl DeviceState {
    /// `pending`, `active` or `revoked`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Active => "active",
            Self::Revoked => "revoked",
        }
    }
}

// The columns are those of OwnDeviceRow. A payer has few.
const OF_PAYER: Sql = sql!(input { payer: blob }
    "select d.key_id, d.public_key, d.name, d.approved_at, d.new_until, d.revoked_at, d.created_at \
     from input i join devices d on d.payer = i.payer order by d.created_at, d.key_id"
    => { key_id: blob, public_key: blob, name: blob, approved_at: int, new_until: int,
        revoked_at: int, created_at: int });

#[derive(Deserialize)]
struct OwnDeviceRow {
    key_id: Hex<8>,
    public_key: Hex<32>,
    name: Bytes,
    approved_at: Option<i64>,
    new_until: Option<i64>,
    revoked_at: Option<i64>,
    created_at: i64,
}

impl OwnDeviceRow {
    fn device(self) -> Result<OwnDevice, StoreError> {
        let state = match (self.revoked_at, self.approved_at) {
            (Some(_), _) => DeviceState::Revoked,
            (None, Some(_)) => DeviceState::Active,
            (None, None) => DeviceState::Pending,
        };
        Ok(OwnDevice {
            key_id: DeviceKeyId::from_bytes(self.key_id.0),
            public_key: DevicePublicKey::from_checked_bytes(&self.public_key.0)
                .map_err(|_| StoreError::Corrupt("public_key"))?,
            name: self.name.0,
            state,
            was_approved: self.approved_at.is_some(),
            new_until: self.new_until.map(Timestamp::from_unix_millis),
            created_at: Timestamp::from_unix_millis(self.created_at),
        })
    }
}

const OWNER: Sql = sql!(input { key_id: blob }
    "select d.payer from input i join devices d on d.key_id = i.key_id" => { payer: blob });

#[derive(Serialize)]
struct KeyId {
    key_id: Hex<8>,
}

#[derive(Deserialize)]
struct OwnerRow {
    payer: Hex<16>,
}

const APPROVE: Sql = sql!(input { key_id: blob, payer: blob, now: int, new_until: int }
    "update devices set approved_at = i.now, new_until = i.new_until from input i \
     where devices.key_id = i.key_id and devices.payer = i.payer \
     and devices.approved_at is null and devices.revoked_at is null");

const REVOKE: Sql = sql!(input { key_id: blob, payer: blob, now: int, new_until: int }
    "update devices set revoked_at = i.now from input i \
     where devices.key_id = i.key_id and devices.payer = i.payer and devices.revoked_at is null");

const MAKE_NEW: Sql = sql!(input { payer: blob, new_until: int }
    "update devices set new_until = i.new_until from input i \
     where devices.payer = i.payer and devices.approved_at is not null \
     and devices.revoked_at is null \
     and (devices.new_until is null or devices.new_until < i.new_until)");

#[derive(Serialize)]
struct NewRow {
    payer: Hex<16>,
    new_until: i64,
}

#[derive(Serialize)]
struct ChangedRow {
    key_id: Hex<8>,
    payer: Hex<16>,
    now: i64,
    new_until: Option<i64>,
}

const RENAME: Sql = sql!(input { key_id: blob, payer: blob, name: blob }
    "update devices set name = i.name from input i \
     where devices.key_id = i.key_id and devices.payer = i.payer");

#[derive(Serialize)]
struct NameRow {
    key_id: Hex<8>,
    payer: Hex<16>,
    name: Bytes,
}

impl Store {
    /// Every device that a payer ever had, oldest first.
    pub async fn devices_of(&self, payer: PayerId) -> Result<Vec<OwnDevice>, StoreError> {
        let rows: Vec<OwnDeviceRow> = self.read(&OF_PAYER, &[Id::of(payer)]).await?;
        rows.into_iter().map(OwnDeviceRow::device).collect()
    }

    /// Whose a device is.
    pub async fn device_owner(&self, key_id: DeviceKeyId) -> Result<Option<PayerId>, StoreError> {
        let input = KeyId { key_id: Hex(*key_id.as_bytes()) };
        let rows: Vec<OwnerRow> = self.read(&OWNER, &[input]).await?;
        Ok(rows.first().map(|row| PayerId::from_bytes(row.payer.0)))
    }
}

impl PayerChange {
    /// Every device that the payer ever had, oldest first.
    pub async fn devices(&mut self) -> Result<Vec<OwnDevice>, StoreError> {
        let input = [Id::of(self.payer)];
        let rows: Vec<OwnDeviceRow> = self.transaction.read(&OF_PAYER, &input).await?;
        rows.into_iter().map(OwnDeviceRow::device).collect()
    }

    /// Lets a device that waits act from now on; false when there is no such one.
    pub async fn approve(
        &mut self,
        key_id: DeviceKeyId,
        new_until: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let row = self.changed_row(key_id, new_until, now);
        Ok(self.transaction.write(&APPROVE, &[row]).await? == 1)
    }

    /// Lets a device do nothing from now on; false when there is no such one that was not revoked
    /// before.
    pub async fn revoke(
        &mut self,
        key_id: DeviceKeyId,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let row = self.changed_row(key_id, None, now);
        Ok(self.transaction.write(&REVOKE, &[row]).await? == 1)
    }

    /// Trusts the payer's devices as little as new ones until then, or for as long as before if that
    /// is longer.
    pub async fn distrust_devices(&mut self, until: Timestamp) -> Result<(), StoreError> {
        let payer = Hex(*self.payer.as_bytes());
        let row = NewRow { payer, new_until: until.unix_millis() };
        self.transaction.write(&MAKE_NEW, &[row]).await.map(drop)
    }

    /// Gives a device another name, encrypted; false when there is no such one.
    pub async fn rename(&mut self, key_id: DeviceKeyId, name: Vec<u8>) -> Result<bool, StoreError> {
        let payer = Hex(*self.payer.as_bytes());
        let row = NameRow { key_id: Hex(*key_id.as_bytes()), payer, name: Bytes(name) };
        Ok(self.transaction.write(&RENAME, &[row]).await? == 1)
    }

    fn changed_row(
        &self,
        key_id: DeviceKeyId,
        new_until: Option<Timestamp>,
        now: Timestamp,
    ) -> ChangedRow {
        ChangedRow {
            key_id: Hex(*key_id.as_bytes()),
            payer: Hex(*self.payer.as_bytes()),
            now: now.unix_millis(),
            new_until: new_until.map(Timestamp::unix_millis),
        }
    }
}

/// Every statement of this file, for the test that prepares them on both databases.
#[cfg(test)]
pub(super) const STATEMENTS: &[(&str, &Sql)] = &[
    ("identity::OF_PAYER", &OF_PAYER),
    ("identity::OWNER", &OWNER),
    ("identity::APPROVE", &APPROVE),
    ("identity::REVOKE", &REVOKE),
    ("identity::MAKE_NEW", &MAKE_NEW),
    ("identity::RENAME", &RENAME),
];
