//! Who a payer is and may act for a payer: secrets, devices, handles, freezing, closing.
//!
//! Every change is made under the payer's lock, which is the balance row that settlement locks as
//! well: a device that was revoked, or a payer who was frozen, pays with nothing that is settled
//! afterwards. What was read before the lock, in particular that the acting device may act, is
//! read again under it.

mod account;
mod devices;
mod handles;
mod invitations;
mod register;
mod secrets;
mod standing;

use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use wallet_core::receipt::{PaymentState, Record, RecordKind};
use wallet_core::{Currency, DeviceKeyId, Mode, Money, Timestamp};

use super::accounts::currency;
use super::connection::{Store, Transaction};
use super::error::StoreError;
use super::hex::Hex;
use super::merchants::mode;
use super::sql::{Dialect, Sql, sql};
use super::{pins, settlement};
use crate::domain::ids::{BatchId, PayerId};
use crate::domain::journal::books_hash;
use crate::domain::plan::Event;

pub use account::Account;
pub use devices::{DeviceState, OwnDevice};
pub use handles::{HandleChange, handles_kept_since};
pub use invitations::Invitation;
pub use register::KeyOwner;
pub use secrets::TotpState;

/// A change about one payer; undone when dropped.
#[derive(Debug)]
pub struct PayerChange {
    transaction: Transaction,
    payer: PayerId,
    mode: Mode,
    currency: Currency,
    standing: PayerStanding,
    /// Of which the payer's devices are told.
    events: Vec<(&'static str, [u8; 16])>,
}

/// How a payer stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PayerStanding {
    /// May pay and be paid.
    Active,
    /// A device of the payer froze everything.
    FrozenByPayer,
    /// The operator did.
    FrozenByOperator,
    /// The account is closed.
    Closed,
}

impl PayerStanding {
    /// From the columns.
    fn read(state: &str, frozen_by: Option<&str>) -> Result<Self, StoreError> {
        match (state, frozen_by) {
            ("active", _) => Ok(Self::Active),
            ("frozen", Some("payer")) => Ok(Self::FrozenByPayer),
            // Before it was kept who did, it was always the operator.
            ("frozen", _) => Ok(Self::FrozenByOperator),
            ("closed", _) => Ok(Self::Closed),
            _ => Err(StoreError::Corrupt("payers.state")),
        }
    }

    /// `payer` or `operator`, who froze it.
    #[must_use]
    pub fn frozen_by(self) -> Option<&'static str> {
        match self {
            Self::FrozenByPayer => Some("payer"),
            Self::FrozenByOperator => Some("operator"),
            Self::Active | Self::Closed => None,
        }
    }

    /// `active`, `frozen` or `closed`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::FrozenByPayer | Self::FrozenByOperator => "frozen",
            Self::Closed => "closed",
        }
    }
}

const LOCK: Sql = sql!(postgres input { payer: blob }
    "select b.account from input i join payers p on p.id = i.payer \
     join balances b on b.account = p.account and b.shard = 0 for no key update of b"
    => { account: blob });

const STANDING: Sql = sql!(input { payer: blob }
    "select p.state, p.frozen_by, p.mode, p.currency from input i join payers p on p.id = i.payer"
    => { state: text, frozen_by: text, mode: text, currency: int });

#[derive(Serialize)]
struct Id {
    payer: Hex<16>,
}

impl Id {
    fn of(payer: PayerId) -> Self {
        Self { payer: Hex(*payer.as_bytes()) }
    }
}

#[derive(Deserialize)]
struct StandingRow {
    state: String,
    frozen_by: Option<String>,
    mode: String,
    currency: u16,
}

impl Store {
    /// Begins a change that a device makes; `None` when it may not act any more.
    pub async fn change_as(
        &self,
        device: DeviceKeyId,
        payer: PayerId,
    ) -> Result<Option<PayerChange>, StoreError> {
        let Some(mut change) = self.change(payer).await? else { return Ok(None) };
        let active = change.standing != PayerStanding::Closed
            && pins::is_active(&mut change.transaction, device, payer).await?;
        if active {
            return Ok(Some(change));
        }
        change.transaction.roll_back().await?;
        Ok(None)
    }

    /// Begins a change that somebody else makes; `None` when there is no such payer.
    pub async fn change(&self, payer: PayerId) -> Result<Option<PayerChange>, StoreError> {
        let mut transaction = self.begin().await?;
        let input = [Id::of(payer)];
        if transaction.dialect() == Dialect::Postgres {
            // In a statement of its own: the next one sees what was committed before the lock.
            let _locked: Vec<IgnoredAny> = transaction.read(&LOCK, &input).await?;
        }
        let rows: Vec<StandingRow> = transaction.read(&STANDING, &input).await?;
        let Some(row) = rows.into_iter().next() else {
            transaction.roll_back().await?;
            return Ok(None);
        };
        let standing = PayerStanding::read(&row.state, row.frozen_by.as_deref())?;
        Ok(Some(PayerChange {
            transaction,
            payer,
            mode: mode(&row.mode)?,
            currency: currency(row.currency)?,
            standing,
            events: Vec::new(),
        }))
    }
}

impl PayerChange {
    /// How the payer stands.
    #[must_use]
    pub fn standing(&self) -> PayerStanding {
        self.standing
    }

    /// Whom it is about.
    #[must_use]
    pub fn payer(&self) -> PayerId {
        self.payer
    }

    /// Lets the payer's devices know: of something about the account.
    pub fn tell(&mut self, notice: &'static str) {
        self.events.push((notice, *self.payer.as_bytes()));
    }

    /// Lets the payer's devices know: of something about one of them. The event's subject is the
    /// device's id with zeros behind.
    pub fn tell_of(&mut self, notice: &'static str, device: DeviceKeyId) {
        let mut subject = [0; 16];
        subject[..8].copy_from_slice(device.as_bytes());
        self.events.push((notice, subject));
    }

    /// Makes it durable; what the devices are to know stands in the journal as this batch.
    pub async fn commit(self, batch: BatchId, now: Timestamp) -> Result<(), StoreError> {
        let events: Vec<Event> =
            self.events.iter().map(|(notice, subject)| self.event(notice, *subject, now)).collect();
        if events.is_empty() {
            return self.transaction.commit().await;
        }
        let changes = settlement::events(self.transaction.dialect(), batch, events, now)?;
        self.transaction.commit_with(changes).await
    }

    fn event(&self, notice: &'static str, subject: [u8; 16], now: Timestamp) -> Event {
        let nothing = Money::zero(self.currency);
        let record = Record {
            mode: self.mode,
            kind: RecordKind::Notice,
            state: PaymentState::Succeeded,
            subject,
            merchant: [0; 16],
            decided_at: now,
            asked: nothing,
            settled: nothing,
            reference_hash: [0; 32],
            books_hash: books_hash(&[], &[]),
        };
        Event { record, notice: Some(notice), merchant: None, payer: Some(self.payer) }
    }
}

/// Every statement of this folder, for the test that prepares them on both databases.
#[cfg(test)]
pub(super) fn statements() -> impl Iterator<Item = &'static (&'static str, &'static Sql)> {
    const OWN: &[(&str, &Sql)] = &[("identity::LOCK", &LOCK), ("identity::STANDING", &STANDING)];
    [
        OWN,
        account::STATEMENTS,
        devices::STATEMENTS,
        handles::STATEMENTS,
        invitations::STATEMENTS,
        register::STATEMENTS,
        secrets::STATEMENTS,
        standing::STATEMENTS,
    ]
    .into_iter()
    .flatten()
}
