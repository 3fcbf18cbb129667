//! Money that payers take out: what waits for the operator, and what became of it.

use serde::{Deserialize, Serialize};
use wallet_core::receipt::{PaymentState, RECORD_LENGTH, Record};
use wallet_core::{Mode, Timestamp};

use super::connection::Store;
use super::error::StoreError;
use super::hex::{Bytes, Hex};
use super::sql::{Sql, sql};
use crate::domain::ids::{PayerId, WithdrawalId};

/// A withdrawal as it is now.
#[derive(Clone, Debug)]
pub struct Withdrawal {
    /// Its id.
    pub id: WithdrawalId,
    /// Whose money it is.
    pub payer: PayerId,
    /// Where to, encrypted; nothing once it was erased.
    pub destination: Option<Vec<u8>>,
    /// The bank's reference, if it was paid.
    pub external_reference: Option<String>,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// What the journal says.
    pub record: Record,
}

macro_rules! withdrawals_sql {
    (input { $($input:tt)+ } $text:literal) => {
        sql!(input { $($input)+ } $text => { id: blob, payer: blob, destination: blob,
            external_reference: text, created_at: int, record: blob })
    };
}

const ONE: Sql = withdrawals_sql!(input { id: blob }
    "select w.id, w.payer, w.destination, w.external_reference, w.created_at, e.record \
     from input i join withdrawals w on w.id = i.id \
     join events e on e.batch = w.last_batch and e.n = w.last_event");

#[derive(Serialize)]
struct Id {
    id: Hex<16>,
}

const OF_PAYER: Sql = withdrawals_sql!(input { payer: blob, before: blob, size: int }
    "select w.id, w.payer, w.destination, w.external_reference, w.created_at, e.record \
     from withdrawals w join events e on e.batch = w.last_batch and e.n = w.last_event \
     where w.payer = (select payer from input) and w.id < (select before from input) \
     order by w.id desc limit (select size from input)");

#[derive(Serialize)]
struct PayersPage {
    payer: Hex<16>,
    before: Hex<16>,
    size: usize,
}

// Found through the index that holds only what waits.
const OPEN: Sql = withdrawals_sql!(input { mode: text, before: blob, size: int }
    "select w.id, w.payer, w.destination, w.external_reference, w.created_at, e.record \
     from withdrawals w join events e on e.batch = w.last_batch and e.n = w.last_event \
     where w.state = 'authorized' and w.id < (select before from input) \
        and w.mode = (select mode from input) \
     order by w.id desc limit (select size from input)");

const ALL: Sql = withdrawals_sql!(input { mode: text, state: text, before: blob, size: int }
    "select w.id, w.payer, w.destination, w.external_reference, w.created_at, e.record \
     from withdrawals w join events e on e.batch = w.last_batch and e.n = w.last_event \
     where w.id < (select before from input) and w.mode = (select mode from input) \
        and w.state = coalesce((select state from input), w.state) \
     order by w.id desc limit (select size from input)");

#[derive(Serialize)]
struct Page {
    mode: &'static str,
    state: Option<&'static str>,
    before: Hex<16>,
    size: usize,
}

#[derive(Deserialize)]
struct WithdrawalRow {
    id: Hex<16>,
    payer: Hex<16>,
    destination: Option<Bytes>,
    external_reference: Option<String>,
    created_at: i64,
    record: Hex<RECORD_LENGTH>,
}

impl WithdrawalRow {
    fn withdrawal(self) -> Result<Withdrawal, StoreError> {
        Ok(Withdrawal {
            id: WithdrawalId::from_bytes(self.id.0),
            payer: PayerId::from_bytes(self.payer.0),
            destination: self.destination.map(|bytes| bytes.0),
            external_reference: self.external_reference,
            created_at: Timestamp::from_unix_millis(self.created_at),
            record: Record::from_bytes(&self.record.0)
                .map_err(|_| StoreError::Corrupt("record"))?,
        })
    }
}

impl Store {
    /// A withdrawal.
    pub async fn withdrawal(&self, id: WithdrawalId) -> Result<Option<Withdrawal>, StoreError> {
        let rows: Vec<WithdrawalRow> = self.read(&ONE, &[Id { id: Hex(*id.as_bytes()) }]).await?;
        rows.into_iter().next().map(WithdrawalRow::withdrawal).transpose()
    }

    /// A payer's withdrawals, newest first, older than `before`.
    pub async fn payer_withdrawals(
        &self,
        payer: PayerId,
        before: Option<WithdrawalId>,
        size: usize,
    ) -> Result<Vec<Withdrawal>, StoreError> {
        let (payer, before) = (Hex(*payer.as_bytes()), first_before(before));
        let input = PayersPage { payer, before, size };
        let rows: Vec<WithdrawalRow> = self.read(&OF_PAYER, &[input]).await?;
        rows.into_iter().map(WithdrawalRow::withdrawal).collect()
    }

    /// Everybody's withdrawals of a mode, in one state or in any, newest first, older than
    /// `before`.
    pub async fn withdrawals(
        &self,
        mode: Mode,
        state: Option<PaymentState>,
        before: Option<WithdrawalId>,
        size: usize,
    ) -> Result<Vec<Withdrawal>, StoreError> {
        let statement = if state == Some(PaymentState::Authorized) { &OPEN } else { &ALL };
        let input = Page {
            mode: mode.as_str(),
            state: state.map(PaymentState::as_str),
            before: first_before(before),
            size,
        };
        let rows: Vec<WithdrawalRow> = self.read(statement, &[input]).await?;
        rows.into_iter().map(WithdrawalRow::withdrawal).collect()
    }
}

fn first_before(before: Option<WithdrawalId>) -> Hex<16> {
    Hex(before.map_or([0xff; 16], |id| *id.as_bytes()))
}

/// Every statement of this file, for the test that prepares them on both databases.
#[cfg(test)]
pub(super) const STATEMENTS: &[(&str, &Sql)] = &[
    ("withdrawals::ONE", &ONE),
    ("withdrawals::OF_PAYER", &OF_PAYER),
    ("withdrawals::OPEN", &OPEN),
    ("withdrawals::ALL", &ALL),
];
