//! Payments that wait for their payer.

use serde::{Deserialize, Serialize};
use wallet_core::{DeviceKeyId, Mode, Money, Timestamp};

use super::accounts::currency;
use super::connection::Store;
use super::error::StoreError;
use super::hex::Hex;
use super::merchants::mode;
use super::sql::{Sql, sql};
use crate::domain::ids::{MerchantId, PayerId, PaymentId};
use crate::domain::outcome::ConfirmationReason;

/// The most that one payer is shown at once.
const CONFIRMATIONS_MAX: u16 = 100;

/// A payment that waits for its payer.
#[derive(Clone, Debug)]
pub struct Confirmation {
    /// The payment.
    pub payment: PaymentId,
    /// Whose code was charged: the only device that may confirm.
    pub device: DeviceKeyId,
    /// Who asks.
    pub merchant_name: String,
    /// At which till.
    pub terminal_name: Option<String>,
    /// How much.
    pub amount: Money,
    /// For the payer to read.
    pub description: Option<String>,
    /// Why the payer is asked.
    pub reason: ConfirmationReason,
    /// How the code reached the till.
    pub code_source: String,
    /// Since when.
    pub created_at: Timestamp,
    /// Until when.
    pub expires_at: Timestamp,
}

/// Whom a payment concerns.
#[derive(Clone, Copy, Debug)]
pub struct PaymentOwners {
    /// Who pays.
    pub payer: PayerId,
    /// Who is paid.
    pub merchant: MerchantId,
    /// Live or test.
    pub mode: Mode,
}

const CONFIRMATIONS: Sql = sql!(input { payer: blob, now: int, size: int }
    "select p.id, p.device, m.name as merchant_name, t.name as terminal_name, p.currency, \
        p.amount, p.description, p.confirmation_reason, p.code_source, p.created_at, p.expires_at \
     from input i join payments p on p.payer = i.payer and p.state = 'requires_confirmation' \
        and p.expires_at > i.now \
     join merchants m on m.id = p.merchant left join terminals t on t.id = p.terminal \
     order by p.id limit (select size from input)"
    => { id: blob, device: blob, merchant_name: text, terminal_name: text, currency: int,
        amount: int, description: text, confirmation_reason: text, code_source: text,
        created_at: int, expires_at: int });

#[derive(Serialize)]
struct Waiting {
    payer: Hex<16>,
    now: i64,
    size: u16,
}

#[derive(Deserialize)]
struct ConfirmationRow {
    id: Hex<16>,
    device: Hex<8>,
    merchant_name: String,
    terminal_name: Option<String>,
    currency: u16,
    amount: i64,
    description: Option<String>,
    confirmation_reason: String,
    code_source: String,
    created_at: i64,
    expires_at: i64,
}

impl ConfirmationRow {
    fn confirmation(self) -> Result<Confirmation, StoreError> {
        Ok(Confirmation {
            payment: PaymentId::from_bytes(self.id.0),
            device: DeviceKeyId::from_bytes(self.device.0),
            merchant_name: self.merchant_name,
            terminal_name: self.terminal_name,
            amount: Money::from_minor(self.amount, currency(self.currency)?),
            description: self.description,
            reason: ConfirmationReason::from_name(&self.confirmation_reason)
                .ok_or(StoreError::Corrupt("confirmation_reason"))?,
            code_source: self.code_source,
            created_at: Timestamp::from_unix_millis(self.created_at),
            expires_at: Timestamp::from_unix_millis(self.expires_at),
        })
    }
}

const OWNERS: Sql = sql!(input { id: blob }
    "select p.payer, p.merchant, p.mode from input i join payments p on p.id = i.id"
    => { payer: blob, merchant: blob, mode: text });

#[derive(Serialize)]
struct Id {
    id: Hex<16>,
}

#[derive(Deserialize)]
struct OwnersRow {
    payer: Hex<16>,
    merchant: Hex<16>,
    mode: String,
}

const OVERDUE: Sql = sql!(input { now: int, size: int }
    "select p.id, p.payer, p.merchant from payments p \
     where p.state = 'requires_confirmation' and p.expires_at <= (select now from input) \
     order by p.expires_at limit (select size from input)"
    => { id: blob, payer: blob, merchant: blob });

const HOLDS_OVER: Sql = sql!(input { now: int, size: int }
    "select p.id, p.payer, p.merchant from payments p \
     where p.state = 'authorized' and p.hold_expires_at <= (select now from input) \
     order by p.hold_expires_at limit (select size from input)"
    => { id: blob, payer: blob, merchant: blob });

#[derive(Serialize)]
struct Now {
    now: i64,
    size: u16,
}

/// A payment that nobody confirmed or captured in time.
#[derive(Clone, Copy, Debug)]
pub struct Overdue {
    /// The payment.
    pub payment: PaymentId,
    /// Whose money is held for it.
    pub payer: PayerId,
    /// Who waits for it.
    pub merchant: MerchantId,
}

#[derive(Deserialize)]
struct OverdueRow {
    id: Hex<16>,
    payer: Hex<16>,
    merchant: Hex<16>,
}

impl Store {
    /// The payments that wait for a payer and are not too old, oldest first.
    pub async fn confirmations(
        &self,
        payer: PayerId,
        now: Timestamp,
    ) -> Result<Vec<Confirmation>, StoreError> {
        let (payer, now) = (Hex(*payer.as_bytes()), now.unix_millis());
        let input = Waiting { payer, now, size: CONFIRMATIONS_MAX };
        let rows: Vec<ConfirmationRow> = self.read(&CONFIRMATIONS, &[input]).await?;
        rows.into_iter().map(ConfirmationRow::confirmation).collect()
    }

    /// Whom a payment concerns.
    pub async fn payment_owners(&self, id: PaymentId) -> Result<Option<PaymentOwners>, StoreError> {
        let rows: Vec<OwnersRow> = self.read(&OWNERS, &[Id { id: Hex(*id.as_bytes()) }]).await?;
        let owners = rows.into_iter().next().map(|row| {
            Ok(PaymentOwners {
                payer: PayerId::from_bytes(row.payer.0),
                merchant: MerchantId::from_bytes(row.merchant.0),
                mode: mode(&row.mode)?,
            })
        });
        owners.transpose()
    }

    /// Payments whose time to be confirmed or captured is over, the longest overdue first; up to
    /// `size` of either.
    pub async fn overdue(&self, now: Timestamp, size: u16) -> Result<Vec<Overdue>, StoreError> {
        let input = [Now { now: now.unix_millis(), size }];
        let mut rows: Vec<OverdueRow> = self.read(&OVERDUE, &input).await?;
        rows.extend(self.read::<OverdueRow>(&HOLDS_OVER, &input).await?);
        let overdue = rows.into_iter().map(|row| Overdue {
            payment: PaymentId::from_bytes(row.id.0),
            payer: PayerId::from_bytes(row.payer.0),
            merchant: MerchantId::from_bytes(row.merchant.0),
        });
        Ok(overdue.collect())
    }
}

/// Every statement of this file, for the test that prepares them on both databases.
#[cfg(test)]
pub(super) const STATEMENTS: &[(&str, &Sql)] = &[
    ("confirmations::CONFIRMATIONS", &CONFIRMATIONS),
    ("confirmations::OWNERS", &OWNERS),
    ("confirmations::OVERDUE", &OVERDUE),
    ("confirmations::HOLDS_OVER", &HOLDS_OVER),
];
