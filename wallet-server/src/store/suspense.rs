//! Money that came back for payers who could not have it.

use serde::{Deserialize, Serialize};
use wallet_core::{Mode, Money, Timestamp};

use super::accounts::currency;
use super::connection::Store;
use super::error::StoreError;
use super::hex::Hex;
use super::merchants::mode;
use super::sql::{Sql, sql};
use crate::domain::ids::{PayerId, PaymentId, RefundId, SuspenseId};
use crate::domain::named::named;
use crate::domain::plan::SuspenseSubject;

/// What became of money in suspense.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SuspenseState {
    /// It waits for the operator.
    Open,
    /// Its owner has it.
    Released,
    /// It has left the bank account.
    PaidOut,
}

named!(SuspenseState {
    Open => "open",
    Released => "released",
    PaidOut => "paid_out",
});

/// Money that came back for a payer who could not have it.
#[derive(Clone, Debug)]
pub struct Suspense {
    /// Its id.
    pub id: SuspenseId,
    /// Live or test.
    pub mode: Mode,
    /// What gave it back.
    pub subject: SuspenseSubject,
    /// Whose it is.
    pub payer: PayerId,
    /// How much.
    pub amount: Money,
    /// What became of it.
    pub state: SuspenseState,
    /// The bank's reference, if it was paid out.
    pub external_reference: Option<String>,
    /// Since when.
    pub created_at: Timestamp,
    /// When it was released or paid out.
    pub ended_at: Option<Timestamp>,
}

/// A query that selects `s.*` of money in suspense.
macro_rules! suspense_sql {
    (input { $($input:tt)+ } $text:literal) => {
        sql!(input { $($input)+ } $text => {
            id: blob, mode: text, kind: text, subject: blob, payer: blob, currency: int,
            amount: int, state: text, external_reference: text, created_at: int, ended_at: int
        })
    };
}

const ONE: Sql = suspense_sql!(input { id: blob }
    "select s.* from input i join suspense s on s.id = i.id");

const OPEN: Sql = suspense_sql!(input { mode: text, before: blob, size: int }
    "select s.* from suspense s where s.state = 'open' and s.mode = (select mode from input) \
        and s.id < (select before from input) \
     order by s.id desc limit (select size from input)");

const ALL: Sql = suspense_sql!(input { mode: text, before: blob, size: int }
    "select s.* from suspense s where s.mode = (select mode from input) \
        and s.id < (select before from input) \
     order by s.id desc limit (select size from input)");

#[derive(Serialize)]
struct Id {
    id: Hex<16>,
}

#[derive(Serialize)]
struct Page {
    mode: &'static str,
    before: Hex<16>,
    size: usize,
}

#[derive(Deserialize)]
struct SuspenseRow {
    id: Hex<16>,
    mode: String,
    kind: String,
    subject: Hex<16>,
    payer: Hex<16>,
    currency: u16,
    amount: i64,
    state: String,
    external_reference: Option<String>,
    created_at: i64,
    ended_at: Option<i64>,
}

impl SuspenseRow {
    fn suspense(self) -> Result<Suspense, StoreError> {
        let subject = match self.kind.as_str() {
            "refund" => SuspenseSubject::Refund(RefundId::from_bytes(self.subject.0)),
            "payment" => SuspenseSubject::Payment(PaymentId::from_bytes(self.subject.0)),
            _ => return Err(StoreError::Corrupt("kind of money in suspense")),
        };
        Ok(Suspense {
            id: SuspenseId::from_bytes(self.id.0),
            mode: mode(&self.mode)?,
            subject,
            payer: PayerId::from_bytes(self.payer.0),
            amount: Money::from_minor(self.amount, currency(self.currency)?),
            state: SuspenseState::from_name(&self.state)
                .ok_or(StoreError::Corrupt("state of money in suspense"))?,
            external_reference: self.external_reference,
            created_at: Timestamp::from_unix_millis(self.created_at),
            ended_at: self.ended_at.map(Timestamp::from_unix_millis),
        })
    }
}

impl Store {
    /// Money in suspense.
    pub async fn suspense(&self, id: SuspenseId) -> Result<Option<Suspense>, StoreError> {
        let rows: Vec<SuspenseRow> = self.read(&ONE, &[Id { id: Hex(*id.as_bytes()) }]).await?;
        rows.into_iter().next().map(SuspenseRow::suspense).transpose()
    }

    /// Money in suspense in a mode, all of it or what is still there, newest first, older than
    /// `before`.
    pub async fn all_suspense(
        &self,
        mode: Mode,
        only_open: bool,
        before: Option<SuspenseId>,
        size: usize,
    ) -> Result<Vec<Suspense>, StoreError> {
        let before = Hex(before.map_or([0xff; 16], |id| *id.as_bytes()));
        let statement = if only_open { &OPEN } else { &ALL };
        let input = Page { mode: mode.as_str(), before, size };
        let rows: Vec<SuspenseRow> = self.read(statement, &[input]).await?;
        rows.into_iter().map(SuspenseRow::suspense).collect()
    }
}

/// Every statement of this file, for the test that prepares them on both databases.
#[cfg(test)]
pub(super) const STATEMENTS: &[(&str, &Sql)] =
    &[("suspense::ONE", &ONE), ("suspense::OPEN", &OPEN), ("suspense::ALL", &ALL)];
