//! Payers, and the devices that may act for them.

use serde::{Deserialize, Serialize};
use wallet_core::code::Mark;
use wallet_core::{Currency, DeviceKeyId, DevicePublicKey, Mode, Step, Timestamp};

use super::accounts::{self, NewAccount, currency};
use super::connection::{Store, Transaction};
use super::error::StoreError;
use super::hex::{Bytes, Hex};
use super::merchants::mode;
use super::sql::{Sql, sql};
use crate::domain::ids::{AccountId, PayerId};
use crate::domain::ledger::AccountKind;

/// A payer.
#[derive(Clone, Debug)]
pub struct Payer {
    /// The id.
    pub id: PayerId,
    /// Live or test.
    pub mode: Mode,
    /// The name, encrypted.
    pub name: Vec<u8>,
    /// `active`, `frozen` or `closed`.
    pub state: String,
    /// The wallet's currency.
    pub currency: Currency,
    /// Since when.
    pub created_at: Timestamp,
}

/// An enrolled device.
#[derive(Clone, Debug)]
pub struct Device {
    /// What the issuer calls it.
    pub key_id: DeviceKeyId,
    /// Whose it is.
    pub payer: PayerId,
    /// Live or test.
    pub mode: Mode,
    /// The wallet's currency.
    pub currency: Currency,
    /// What it signs with.
    pub public_key: DevicePublicKey,
    /// The highest mark that it presented.
    pub mark: Option<Mark>,
    /// Until then its limits are lower, because it joined a payer who had devices before.
    pub new_until: Option<Timestamp>,
    /// Whether it was revoked.
    pub revoked: bool,
}

/// A device that wants to be enrolled.
#[derive(Clone, Debug)]
pub struct NewDevice {
    /// What the issuer will call it.
    pub key_id: DeviceKeyId,
    /// Its public key.
    pub public_key: DevicePublicKey,
    /// What its owner calls it, encrypted.
    pub name: Vec<u8>,
    /// Whether it may act.
    pub approval: Approval,
}

/// Whether a device may act.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Approval {
    /// Not before another device, or a one-time password, approved it.
    Waiting,
    /// It may.
    Given {
        /// Until when with lower limits.
        new_until: Option<Timestamp>,
    },
}

const NEW_PAYER: Sql = sql!(input { id: blob, mode: text, name: blob, account: blob, currency: int,
        created_at: int }
    "insert into payers (id, mode, name, state, account, currency, created_at) \
     select id, mode, name, 'active', account, currency, created_at from input");

#[derive(Serialize)]
struct NewPayerRow {
    id: Hex<16>,
    mode: &'static str,
    name: Bytes,
    account: Hex<16>,
    currency: u16,
    created_at: i64,
}

/// Writes payers with their accounts, each kind of row in one statement.
pub(super) async fn write_payers(
    transaction: &mut Transaction,
    new: &[(&Payer, AccountId)],
) -> Result<(), StoreError> {
    let Some((first, _)) = new.first() else { return Ok(()) };
    let accounts: Vec<NewAccount> = new
        .iter()
        .map(|(payer, account)| NewAccount {
            id: *account,
            mode: payer.mode,
            kind: AccountKind::Payer,
            currency: payer.currency,
            owner: Some(*payer.id.as_bytes()),
        })
        .collect();
    accounts::open(transaction, &accounts, first.created_at).await?;
    let rows: Vec<NewPayerRow> = new
        .iter()
        .map(|(payer, account)| NewPayerRow {
            id: Hex(*payer.id.as_bytes()),
            mode: payer.mode.as_str(),
            name: Bytes(payer.name.clone()),
            account: Hex(*account.as_bytes()),
            currency: payer.currency.numeric(),
            created_at: payer.created_at.unix_millis(),
        })
        .collect();
    transaction.write(&NEW_PAYER, &rows).await?;
    Ok(())
}

const PAYERS: Sql = sql!(input { before: blob, size: int, mode: text }
    "select p.* from payers p where p.id < (select before from input) \
     and p.mode = coalesce((select mode from input), p.mode) \
     order by p.id desc limit (select size from input)"
    => { id: blob, mode: text, name: blob, state: text, currency: int, created_at: int });

const PAYER: Sql = sql!(input { id: blob } "select p.* from input i join payers p on p.id = i.id"
    => { id: blob, mode: text, name: blob, state: text, currency: int, created_at: int });

#[derive(Deserialize)]
struct PayerRow {
    id: Hex<16>,
    mode: String,
    name: Bytes,
    state: String,
    currency: u16,
    created_at: i64,
}

impl PayerRow {
    fn payer(self) -> Result<Payer, StoreError> {
        Ok(Payer {
            id: PayerId::from_bytes(self.id.0),
            mode: mode(&self.mode)?,
            name: self.name.0,
            state: self.state,
            currency: currency(self.currency)?,
            created_at: Timestamp::from_unix_millis(self.created_at),
        })
    }
}

const NEW_DEVICE: Sql = sql!(input { key_id: blob, payer: blob, public_key: blob, name: blob,
        created_at: int, approved_at: int, new_until: int }
    "insert into devices (key_id, payer, public_key, name, created_at, approved_at, new_until) \
     select key_id, payer, public_key, name, created_at, approved_at, new_until from input where true \
     on conflict (public_key) do nothing");

#[derive(Serialize)]
struct NewDeviceRow {
    key_id: Hex<8>,
    payer: Hex<16>,
    public_key: Hex<32>,
    name: Bytes,
    created_at: i64,
    approved_at: Option<i64>,
    new_until: Option<i64>,
}

impl NewDeviceRow {
    fn new(device: &NewDevice, payer: PayerId, now: Timestamp) -> Self {
        let (approved_at, new_until) = match device.approval {
            Approval::Waiting => (None, None),
            Approval::Given { new_until } => (Some(now), new_until),
        };
        Self {
            key_id: Hex(*device.key_id.as_bytes()),
            payer: Hex(*payer.as_bytes()),
            public_key: Hex(*device.public_key.as_bytes()),
            name: Bytes(device.name.clone()),
            created_at: now.unix_millis(),
            approved_at: approved_at.map(Timestamp::unix_millis),
            new_until: new_until.map(Timestamp::unix_millis),
        }
    }
}

/// Enrols devices and says how many: those whose key is enrolled already are left out.
pub(super) async fn write_devices(
    transaction: &mut Transaction,
    new: &[(&NewDevice, PayerId)],
    now: Timestamp,
) -> Result<u64, StoreError> {
    let rows: Vec<_> =
        new.iter().map(|(device, payer)| NewDeviceRow::new(device, *payer, now)).collect();
    transaction.write(&NEW_DEVICE, &rows).await
}

// A device that waits for approval is not there.
const DEVICES: Sql = sql!(each input { key_id: blob }
    "select d.key_id, d.payer, p.mode, p.currency, d.public_key, d.mark_step, d.mark_seq, \
        d.new_until, case when d.revoked_at is null then 0 else 1 end as revoked \
     from input i join devices d on d.key_id = i.key_id and d.approved_at is not null \
     join payers p on p.id = d.payer"
    => { key_id: blob, payer: blob, mode: text, currency: int, public_key: blob, mark_step: int,
        mark_seq: int, new_until: int, revoked: int });

#[derive(Serialize)]
struct KeyId {
    key_id: Hex<8>,
}

#[derive(Deserialize)]
struct DeviceRow {
    key_id: Hex<8>,
    payer: Hex<16>,
    mode: String,
    currency: u16,
    public_key: Hex<32>,
    mark_step: Option<u32>,
    mark_seq: Option<u8>,
    new_until: Option<i64>,
    revoked: u8,
}

impl DeviceRow {
    fn device(self) -> Result<Device, StoreError> {
        let mark = self.mark_step.zip(self.mark_seq);
        Ok(Device {
            key_id: DeviceKeyId::from_bytes(self.key_id.0),
            payer: PayerId::from_bytes(self.payer.0),
            mode: mode(&self.mode)?,
            currency: currency(self.currency)?,
            // It was checked when the device was enrolled.
            public_key: DevicePublicKey::from_checked_bytes(&self.public_key.0)
                .map_err(|_| StoreError::Corrupt("public_key"))?,
            mark: mark.map(|(step, seq)| Mark { step: Step::from_number(step), seq }),
            new_until: self.new_until.map(Timestamp::from_unix_millis),
            revoked: self.revoked != 0,
        })
    }
}

impl Store {
    /// Takes on a payer, with an empty wallet.
    pub async fn create_payer(&self, payer: &Payer, account: AccountId) -> Result<(), StoreError> {
        let mut transaction = self.begin().await?;
        write_payers(&mut transaction, &[(payer, account)]).await?;
        transaction.commit().await
    }

    /// A payer.
    pub async fn payer(&self, id: PayerId) -> Result<Option<Payer>, StoreError> {
        #[derive(Serialize)]
        struct Id {
            id: Hex<16>,
        }
        let rows: Vec<PayerRow> = self.read(&PAYER, &[Id { id: Hex(*id.as_bytes()) }]).await?;
        rows.into_iter().next().map(PayerRow::payer).transpose()
    }

    /// Payers, newest first, older than `before`; of one mode, or of both.
    pub async fn payers(
        &self,
        mode: Option<Mode>,
        before: Option<PayerId>,
        size: usize,
    ) -> Result<Vec<Payer>, StoreError> {
        #[derive(Serialize)]
        struct Page {
            before: Hex<16>,
            size: usize,
            mode: Option<&'static str>,
        }
        let before = Hex(before.map_or([0xff; 16], |id| *id.as_bytes()));
        let page = Page { before, size, mode: mode.map(Mode::as_str) };
        let rows: Vec<PayerRow> = self.read(&PAYERS, &[page]).await?;
        rows.into_iter().map(PayerRow::payer).collect()
    }

    /// The devices with these keys; what is not there is left out.
    pub async fn devices(&self, key_ids: &[DeviceKeyId]) -> Result<Vec<Device>, StoreError> {
        let input: Vec<KeyId> =
            key_ids.iter().map(|id| KeyId { key_id: Hex(*id.as_bytes()) }).collect();
        let rows: Vec<DeviceRow> = self.read(&DEVICES, &input).await?;
        let devices = rows.into_iter().filter_map(|row| {
            let device = row.device();
            // One bad row must not keep the others from paying.
            device.inspect_err(|error| tracing::error!(%error, "a device is left out")).ok()
        });
        Ok(devices.collect())
    }
}

/// Every statement of this file, for the test that prepares them on both databases.
#[cfg(test)]
pub(super) const STATEMENTS: &[(&str, &Sql)] = &[
    ("payers::NEW_PAYER", &NEW_PAYER),
    ("payers::PAYERS", &PAYERS),
    ("payers::PAYER", &PAYER),
    ("payers::NEW_DEVICE", &NEW_DEVICE),
    ("payers::DEVICES", &DEVICES),
];
