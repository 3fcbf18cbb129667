//! Reading payouts. What they do to the books is written by [settlement](super::settlement).

mod batches;
mod destinations;

use serde::{Deserialize, Serialize};
use wallet_core::receipt::{PaymentState, RECORD_LENGTH, Record};
use wallet_core::{Mode, Timestamp};

use super::connection::Store;
use super::error::StoreError;
use super::hex::{Bytes, Hex};
use super::sql::{Sql, sql};
use crate::domain::ids::{MerchantId, PayoutBatchId, PayoutId};

pub use batches::{NewPayoutBatch, PAYOUT_BATCH_MAX, PayoutBatch, ReferenceClaim};

/// A payout as it is now.
#[derive(Clone, Debug)]
pub struct Payout {
    /// Its id.
    pub id: PayoutId,
    /// Whose money it is.
    pub merchant: MerchantId,
    /// Where to, encrypted.
    pub destination: Vec<u8>,
    /// For the merchant to read.
    pub description: Option<String>,
    /// The merchant's own data, as JSON.
    pub metadata: Option<String>,
    /// The batch that it is in, and its line there, from 1.
    pub batch: Option<(PayoutBatchId, u32)>,
    /// The bank's reference, once it was paid.
    pub external_reference: Option<String>,
    /// Why the merchant has the money again, if it was returned.
    pub return_reason: Option<String>,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// When it was paid.
    pub paid_at: Option<Timestamp>,
    /// What the journal says.
    pub record: Record,
}

/// Which payouts the operator asks for.
#[derive(Clone, Copy, Debug)]
pub struct PayoutFilter {
    /// Live or test.
    pub mode: Mode,
    /// In this state.
    pub state: Option<PaymentState>,
    /// Of this merchant.
    pub merchant: Option<MerchantId>,
}

macro_rules! payouts_sql {
    (input { $($input:tt)+ } $text:literal) => {
        sql!(input { $($input)+ } $text => { id: blob, merchant: blob, destination: blob,
            description: text, metadata: text, payout_batch: blob, line: int,
            external_reference: text, return_reason: text, created_at: int, paid_at: int,
            record: blob })
    };
}

const ONE: Sql = payouts_sql!(input { id: blob }
    "select p.*, e.record from input i join payouts p on p.id = i.id \
     join events e on e.batch = p.last_batch and e.n = p.last_event");

#[derive(Serialize)]
struct Id {
    id: Hex<16>,
}

// Not joined with the input: then the index gives the rows in order, and a page costs a page however
// many there are.
const OF_MERCHANT: Sql = payouts_sql!(input { merchant: blob, mode: text, state: text, before: blob,
        size: int }
    "select page.*, e.record from ( \
        select p.* from payouts p where p.merchant = (select merchant from input) \
            and p.mode = (select mode from input) and p.id < (select before from input) \
            and ((select state from input) is null or p.state = (select state from input)) \
        order by p.id desc limit (select size from input)) page \
     join events e on e.batch = page.last_batch and e.n = page.last_event \
     order by page.id desc");

#[derive(Serialize)]
struct MerchantsPage {
    merchant: Hex<16>,
    mode: &'static str,
    state: Option<&'static str>,
    before: Hex<16>,
    size: usize,
}

// Found through the index that holds only what is open.
const OPEN: Sql = payouts_sql!(input { mode: text, state: text, before: blob, size: int }
    "select page.*, e.record from ( \
        select p.* from payouts p where p.state = 'authorized' \
            and p.mode = (select mode from input) and p.id < (select before from input) \
        order by p.id desc limit (select size from input)) page \
     join events e on e.batch = page.last_batch and e.n = page.last_event \
     order by page.id desc");

const ALL: Sql = payouts_sql!(input { mode: text, state: text, before: blob, size: int }
    "select page.*, e.record from ( \
        select p.* from payouts p where p.mode = (select mode from input) \
            and p.id < (select before from input) \
            and ((select state from input) is null or p.state = (select state from input)) \
        order by p.id desc limit (select size from input)) page \
     join events e on e.batch = page.last_batch and e.n = page.last_event \
     order by page.id desc");

#[derive(Serialize)]
struct Page {
    mode: &'static str,
    state: Option<&'static str>,
    before: Hex<16>,
    size: usize,
}

// Line by line.
const OF_BATCH: Sql = payouts_sql!(input { id: blob }
    "select p.*, e.record from input i join payouts p on p.payout_batch = i.id \
     join events e on e.batch = p.last_batch and e.n = p.last_event order by p.line");

#[derive(Deserialize)]
struct PayoutRow {
    id: Hex<16>,
    merchant: Hex<16>,
    destination: Bytes,
    description: Option<String>,
    metadata: Option<String>,
    payout_batch: Option<Hex<16>>,
    line: Option<u32>,
    external_reference: Option<String>,
    return_reason: Option<String>,
    created_at: i64,
    paid_at: Option<i64>,
    record: Hex<RECORD_LENGTH>,
}

impl PayoutRow {
    fn payout(self) -> Result<Payout, StoreError> {
        let batch = self.payout_batch.map(|id| PayoutBatchId::from_bytes(id.0));
        Ok(Payout {
            id: PayoutId::from_bytes(self.id.0),
            merchant: MerchantId::from_bytes(self.merchant.0),
            destination: self.destination.0,
            description: self.description,
            metadata: self.metadata,
            batch: batch.zip(self.line),
            external_reference: self.external_reference,
            return_reason: self.return_reason,
            created_at: Timestamp::from_unix_millis(self.created_at),
            paid_at: self.paid_at.map(Timestamp::from_unix_millis),
            record: Record::from_bytes(&self.record.0)
                .map_err(|_| StoreError::Corrupt("record"))?,
        })
    }
}

impl Store {
    /// A payout, whoever's it is.
    pub async fn payout(&self, id: PayoutId) -> Result<Option<Payout>, StoreError> {
        let rows: Vec<PayoutRow> = self.read(&ONE, &[Id { id: Hex(*id.as_bytes()) }]).await?;
        rows.into_iter().next().map(PayoutRow::payout).transpose()
    }

    /// The payouts with these ids, in any order.
    pub(super) async fn payouts_with_ids(
        &self,
        ids: impl IntoIterator<Item = [u8; 16]>,
    ) -> Result<Vec<Payout>, StoreError> {
        let input: Vec<Id> = ids.into_iter().map(|id| Id { id: Hex(id) }).collect();
        let rows: Vec<PayoutRow> = self.read(&ONE, &input).await?;
        rows.into_iter().map(PayoutRow::payout).collect()
    }

    /// Payouts that the filter lets through, newest first, older than `before`.
    pub async fn payouts(
        &self,
        filter: PayoutFilter,
        before: Option<PayoutId>,
        size: usize,
    ) -> Result<Vec<Payout>, StoreError> {
        let (mode, state) = (filter.mode.as_str(), filter.state.map(PaymentState::as_str));
        let before = Hex(before.map_or([0xff; 16], |id| *id.as_bytes()));
        let rows: Vec<PayoutRow> = if let Some(merchant) = filter.merchant {
            let merchant = Hex(*merchant.as_bytes());
            let input = MerchantsPage { merchant, mode, state, before, size };
            self.read(&OF_MERCHANT, &[input]).await?
        } else {
            let open = filter.state == Some(PaymentState::Authorized);
            let statement = if open { &OPEN } else { &ALL };
            self.read(statement, &[Page { mode, state, before, size }]).await?
        };
        rows.into_iter().map(PayoutRow::payout).collect()
    }

    /// The payouts of a batch, line by line: at most [`PAYOUT_BATCH_MAX`].
    pub async fn payouts_of(&self, batch: PayoutBatchId) -> Result<Vec<Payout>, StoreError> {
        let input = Id { id: Hex(*batch.as_bytes()) };
        let rows: Vec<PayoutRow> = self.read(&OF_BATCH, &[input]).await?;
        rows.into_iter().map(PayoutRow::payout).collect()
    }
}

/// Every statement of this folder.
#[cfg(test)]
pub(super) fn statements() -> impl Iterator<Item = &'static (&'static str, &'static Sql)> {
    [STATEMENTS, batches::STATEMENTS, destinations::STATEMENTS].into_iter().flatten()
}

#[cfg(test)]
const STATEMENTS: &[(&str, &Sql)] = &[
    ("payouts::ONE", &ONE),
    ("payouts::OF_MERCHANT", &OF_MERCHANT),
    ("payouts::OPEN", &OPEN),
    ("payouts::ALL", &ALL),
    ("payouts::OF_BATCH", &OF_BATCH),
];
