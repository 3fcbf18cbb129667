//! Plates: printed codes that are paid many times.

use serde::{Deserialize, Serialize};
use wallet_core::{Currency, Mode, Money, PositiveMoney, Timestamp};

use super::accounts::currency;
use super::connection::Store;
use super::error::StoreError;
use super::hex::Hex;
use super::merchants::mode;
use super::sql::{Sql, sql};
use crate::domain::ids::{MerchantId, PlateId};

/// A plate.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Plate {
    /// Its id.
    pub id: PlateId,
    /// Whose it is.
    pub merchant: MerchantId,
    /// Live or test.
    pub mode: Mode,
    /// What the merchant calls it: the goods, or the stall.
    pub label: String,
    /// What it is paid in.
    pub currency: Currency,
    /// How much; none if the payer says how much.
    pub amount: Option<PositiveMoney>,
    /// The text of its code.
    pub payload: String,
    /// Since when.
    pub created_at: Timestamp,
    /// Since when it cannot be paid any more.
    pub closed_at: Option<Timestamp>,
}

impl Plate {
    /// `active` or `closed`.
    #[must_use]
    pub const fn state(&self) -> &'static str {
        if self.closed_at.is_none() { "active" } else { "closed" }
    }
}

const NEW: Sql = sql!(input { id: blob, mode: text, merchant: blob, label: text, currency: int,
        amount: int, payload: text, created_at: int }
    "insert into plates (id, mode, merchant, label, state, currency, amount, payload, created_at) \
     select id, mode, merchant, label, 'active', currency, amount, payload, created_at from input");

#[derive(Serialize)]
struct NewPlateRow<'a> {
    id: Hex<16>,
    mode: &'static str,
    merchant: Hex<16>,
    label: &'a str,
    currency: u16,
    amount: Option<i64>,
    payload: &'a str,
    created_at: i64,
}

const ONE: Sql = sql!(input { id: blob }
    "select p.* from input i join plates p on p.id = i.id"
    => { id: blob, mode: text, merchant: blob, label: text, currency: int, amount: int,
        payload: text, created_at: int, closed_at: int });

const LIST: Sql = sql!(input { merchant: blob, mode: text, before: blob, size: int }
    "select p.* from plates p where p.merchant = (select merchant from input) \
        and p.id < (select before from input) and p.mode = (select mode from input) \
     order by p.id desc limit (select size from input)"
    => { id: blob, mode: text, merchant: blob, label: text, currency: int, amount: int,
        payload: text, created_at: int, closed_at: int });

const CLOSE: Sql = sql!(input { id: blob, now: int }
    "update plates set state = 'closed', closed_at = i.now from input i \
     where plates.id = i.id and plates.state = 'active'");

#[derive(Deserialize)]
struct PlateRow {
    id: Hex<16>,
    mode: String,
    merchant: Hex<16>,
    label: String,
    currency: u16,
    amount: Option<i64>,
    payload: String,
    created_at: i64,
    closed_at: Option<i64>,
}

impl PlateRow {
    fn plate(self) -> Result<Plate, StoreError> {
        let currency = currency(self.currency)?;
        Ok(Plate {
            id: PlateId::from_bytes(self.id.0),
            merchant: MerchantId::from_bytes(self.merchant.0),
            mode: mode(&self.mode)?,
            label: self.label,
            currency,
            amount: fixed_amount(self.amount, currency)?,
            payload: self.payload,
            created_at: Timestamp::from_unix_millis(self.created_at),
            closed_at: self.closed_at.map(Timestamp::from_unix_millis),
        })
    }
}

/// The amount of a plate that has one.
pub(super) fn fixed_amount(
    minor: Option<i64>,
    currency: Currency,
) -> Result<Option<PositiveMoney>, StoreError> {
    let read = |minor| {
        let amount = PositiveMoney::new(Money::from_minor(minor, currency));
        amount.map_err(|_| StoreError::Corrupt("the amount of a plate"))
    };
    minor.map(read).transpose()
}

#[derive(Serialize)]
struct Id {
    id: Hex<16>,
}

#[derive(Serialize)]
struct Page {
    merchant: Hex<16>,
    mode: &'static str,
    before: Hex<16>,
    size: usize,
}

#[derive(Serialize)]
struct Closing {
    id: Hex<16>,
    now: i64,
}

impl Store {
    /// Makes a plate.
    pub async fn create_plate(&self, plate: &Plate) -> Result<(), StoreError> {
        let row = NewPlateRow {
            id: Hex(*plate.id.as_bytes()),
            mode: plate.mode.as_str(),
            merchant: Hex(*plate.merchant.as_bytes()),
            label: &plate.label,
            currency: plate.currency.numeric(),
            amount: plate.amount.map(|amount| amount.money().minor()),
            payload: &plate.payload,
            created_at: plate.created_at.unix_millis(),
        };
        let mut transaction = self.begin().await?;
        transaction.write(&NEW, &[row]).await?;
        transaction.commit().await
    }

    /// The plate with this id.
    pub async fn plate(&self, id: PlateId) -> Result<Option<Plate>, StoreError> {
        let rows: Vec<PlateRow> = self.read(&ONE, &[Id { id: Hex(*id.as_bytes()) }]).await?;
        rows.into_iter().next().map(PlateRow::plate).transpose()
    }

    /// A merchant's plates, newest first, older than `before`.
    pub async fn plates(
        &self,
        (merchant, mode): (MerchantId, Mode),
        before: Option<PlateId>,
        size: usize,
    ) -> Result<Vec<Plate>, StoreError> {
        let input = Page {
            merchant: Hex(*merchant.as_bytes()),
            mode: mode.as_str(),
            before: Hex(before.map_or([0xff; 16], |id| *id.as_bytes())),
            size,
        };
        let rows: Vec<PlateRow> = self.read(&LIST, &[input]).await?;
        rows.into_iter().map(PlateRow::plate).collect()
    }

    /// Closes a plate, unless it is closed already: nobody pays it from now on.
    pub async fn close_plate(&self, id: PlateId, now: Timestamp) -> Result<(), StoreError> {
        let row = Closing { id: Hex(*id.as_bytes()), now: now.unix_millis() };
        let mut transaction = self.begin().await?;
        transaction.write(&CLOSE, &[row]).await?;
        transaction.commit().await
    }
}

/// Every statement of this file, for the test that prepares them on both databases.
#[cfg(test)]
pub(super) const STATEMENTS: &[(&str, &Sql)] = &[
    ("plates::NEW", &NEW),
    ("plates::ONE", &ONE),
    ("plates::LIST", &LIST),
    ("plates::CLOSE", &CLOSE),
];
