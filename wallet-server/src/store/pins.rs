//! Tries of a PIN, counted before it is looked at.
//!
//! The count is committed first, so that any number of tries at once, from any number of devices
//! and on any number of servers, are as many tries. What is in it beside:
//!
//! | `pin_failures` | |
//! |---|---|
//! | 0 to 4 | so many tries since the last right one |
//! | 5 to [`LOCK_TOLD`] - 1 | the PIN is locked; perhaps nobody knows |
//! | from [`LOCK_TOLD`] | the PIN is locked, and the payer's devices were told |

use serde::{Deserialize, Serialize};
use wallet_core::DeviceKeyId;

use super::again::again;
use super::connection::{Store, Transaction};
use super::error::StoreError;
use super::hex::{Bytes, Hex};
use super::sql::{Sql, sql};
use crate::domain::ids::PayerId;

/// From here on the count says that the payer was told that the PIN is locked: more tries than
/// anybody makes. Whatever lets the count begin anew forgets that too.
pub const LOCK_TOLD: u32 = 1 << 30;

/// A PIN as it is kept.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct KeptPin {
    /// Its salt, one for each PIN that was set.
    pub salt: [u8; 16],
    /// Its hash.
    pub hash: Vec<u8>,
}

/// A try that has been counted.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PinTry {
    /// How many tries there were since the last right one, this one included; more than
    /// [`LOCK_TOLD`] once the payer was told that the PIN is locked.
    pub number: u32,
    /// The PIN, if one is set.
    pub kept: Option<KeptPin>,
}

const ACTIVE: Sql = sql!(input { device: blob, payer: blob }
    "select d.key_id from input i join devices d on d.key_id = i.device \
     where d.payer = i.payer and d.revoked_at is null and d.approved_at is not null"
    => { key_id: blob });

// Also where there is no PIN: to count takes as long, whatever there is.
const COUNT: Sql = sql!(input { device: blob, payer: blob }
    "insert into payer_secrets (payer, pin_failures) select payer, 1 from input where true \
     on conflict (payer) do update set pin_failures = payer_secrets.pin_failures + 1");

const TRY: Sql = sql!(input { device: blob, payer: blob }
    "select s.pin_failures as number, s.pin_salt as salt, s.pin_hash as hash from input i \
     join payer_secrets s on s.payer = i.payer"
    => { number: int, salt: blob, hash: blob });

const FORGET: Sql = sql!(input { payer: blob, salt: blob }
    "update payer_secrets set pin_failures = 0 from input i \
     where payer_secrets.payer = i.payer and payer_secrets.pin_salt = i.salt");

#[derive(Serialize)]
struct Actor {
    device: Hex<8>,
    payer: Hex<16>,
}

#[derive(Deserialize)]
struct ActiveRow {}

#[derive(Deserialize)]
struct TryRow {
    number: u32,
    salt: Option<Hex<16>>,
    hash: Option<Bytes>,
}

#[derive(Serialize)]
struct RightRow {
    payer: Hex<16>,
    salt: Hex<16>,
}

/// Whether a device of a payer may act.
pub(super) async fn is_active(
    transaction: &mut Transaction,
    device: DeviceKeyId,
    payer: PayerId,
) -> Result<bool, StoreError> {
    let input = Actor { device: Hex(*device.as_bytes()), payer: Hex(*payer.as_bytes()) };
    let rows: Vec<ActiveRow> = transaction.read(&ACTIVE, &[input]).await?;
    Ok(!rows.is_empty())
}

impl Store {
    /// Counts a try of a device; `None` when it may not act any more, and then nothing is counted.
    pub async fn count_pin_try(
        &self,
        device: DeviceKeyId,
        payer: PayerId,
    ) -> Result<Option<PinTry>, StoreError> {
        again!(self.try_count_pin_try(device, payer))
    }

    async fn try_count_pin_try(
        &self,
        device: DeviceKeyId,
        payer: PayerId,
    ) -> Result<Option<PinTry>, StoreError> {
        let mut transaction = self.begin().await?;
        if !is_active(&mut transaction, device, payer).await? {
            transaction.roll_back().await?;
            return Ok(None);
        }
        let input = [Actor { device: Hex(*device.as_bytes()), payer: Hex(*payer.as_bytes()) }];
        // The row is locked from here on, so that what is read is this try's own number.
        transaction.write(&COUNT, &input).await?;
        let rows: Vec<TryRow> = transaction.read(&TRY, &input).await?;
        let row = rows.into_iter().next().ok_or(StoreError::Corrupt("payer_secrets"))?;
        transaction.commit().await?;
        let kept = row.salt.zip(row.hash);
        let kept = kept.map(|(salt, hash)| KeptPin { salt: salt.0, hash: hash.0 });
        Ok(Some(PinTry { number: row.number, kept }))
    }

    /// Forgets the tries, because the PIN with this salt was right. False when the device may not
    /// act any more, or when the PIN was changed in the meantime.
    pub async fn forget_pin_tries(
        &self,
        device: DeviceKeyId,
        payer: PayerId,
        salt: [u8; 16],
    ) -> Result<bool, StoreError> {
        again!(self.try_forget_pin_tries(device, payer, salt))
    }

    async fn try_forget_pin_tries(
        &self,
        device: DeviceKeyId,
        payer: PayerId,
        salt: [u8; 16],
    ) -> Result<bool, StoreError> {
        let mut transaction = self.begin().await?;
        let input = RightRow { payer: Hex(*payer.as_bytes()), salt: Hex(salt) };
        let right = transaction.write(&FORGET, &[input]).await? == 1
            && is_active(&mut transaction, device, payer).await?;
        if right {
            transaction.commit().await?;
        } else {
            transaction.roll_back().await?;
        }
        Ok(right)
    }
}

/// Every statement of this file, for the test that prepares them on both databases.
#[cfg(test)]
pub(super) const STATEMENTS: &[(&str, &Sql)] = &[
    ("pins::ACTIVE", &ACTIVE),
    ("pins::COUNT", &COUNT),
    ("pins::TRY", &TRY),
    ("pins::FORGET", &FORGET),
];
