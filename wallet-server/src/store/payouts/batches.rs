//! Payouts that the bank is told of together.
//!
//! Putting payouts into a batch moves no money and is told to nobody, so it is no settlement. It
//! takes the same locks, though: whoever decides about a payout sees it in the batch, or is seen.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use wallet_core::{Currency, Mode, Money, Timestamp};

use crate::domain::ids::{MerchantId, PayoutBatchId};
use crate::store::accounts::currency;
use crate::store::connection::{Store, Transaction};
use crate::store::error::StoreError;
use crate::store::hex::Hex;
use crate::store::merchants::mode;
use crate::store::settlement::lock_merchants;
use crate::store::sql::{Sql, sql};

/// How many payouts a batch may have: banks take files of thousands, and each payout of a batch is
/// read, and its merchant locked, at once.
pub const PAYOUT_BATCH_MAX: usize = 500;

/// A batch to be made.
#[derive(Clone, Copy, Debug)]
pub struct NewPayoutBatch {
    /// Its id.
    pub id: PayoutBatchId,
    /// Live or test.
    pub mode: Mode,
    /// Of payouts in this currency.
    pub currency: Currency,
    /// At most so many.
    pub size: usize,
}

/// A batch as it is now.
#[derive(Clone, Debug)]
pub struct PayoutBatch {
    /// Its id.
    pub id: PayoutBatchId,
    /// Live or test.
    pub mode: Mode,
    /// How many payouts it has.
    pub payouts: u32,
    /// What they come to.
    pub amount: Money,
    /// What those that wait for the bank come to.
    pub amount_authorized: Money,
    /// How many of them wait for the bank, were paid, and were returned.
    pub authorized: u32,
    /// See there.
    pub succeeded: u32,
    /// See there.
    pub canceled: u32,
    /// The bank's reference, if all of it was one order.
    pub external_reference: Option<String>,
    /// When it was made.
    pub created_at: Timestamp,
}

/// What came of giving a batch the bank's reference.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ReferenceClaim {
    /// It has it.
    Claimed,
    /// It has another one, or another batch has this one.
    Conflict,
}

// Found through the index that holds only what is in no batch, the oldest first.
const WAITING: Sql = sql!(input { mode: text, currency: int, size: int }
    "select p.id, p.merchant from payouts p \
     where p.mode = (select mode from input) and p.currency = (select currency from input) \
        and p.state = 'authorized' and p.payout_batch is null \
     order by p.id limit (select size from input)"
    => { id: blob, merchant: blob });

#[derive(Serialize)]
struct WaitingPage {
    mode: &'static str,
    currency: u16,
    size: usize,
}

#[derive(Deserialize)]
struct WaitingRow {
    id: Hex<16>,
    merchant: Hex<16>,
}

// Of those that were found before their merchants were locked, what still waits.
const STILL_WAITING: Sql = sql!(input { id: blob }
    "select p.id, p.amount from input i join payouts p on p.id = i.id \
     where p.state = 'authorized' and p.payout_batch is null order by p.id"
    => { id: blob, amount: int });

#[derive(Serialize)]
struct Id {
    id: Hex<16>,
}

#[derive(Deserialize)]
struct StillRow {
    id: Hex<16>,
    amount: i64,
}

const BATCH: Sql = sql!(input { id: blob, mode: text, currency: int, payouts: int, amount: int,
        created_at: int }
    "insert into payout_batches (id, mode, currency, payouts, amount, created_at) \
     select id, mode, currency, payouts, amount, created_at from input");

#[derive(Serialize)]
struct BatchRow {
    id: Hex<16>,
    mode: &'static str,
    currency: u16,
    payouts: usize,
    amount: i64,
    created_at: i64,
}

const LINES: Sql = sql!(input { id: blob, payout_batch: blob, line: int }
    "update payouts set payout_batch = i.payout_batch, line = i.line from input i \
     where payouts.id = i.id");

#[derive(Serialize)]
struct LineRow {
    id: Hex<16>,
    payout_batch: Hex<16>,
    line: usize,
}

macro_rules! batches_sql {
    (input { $($input:tt)+ } $text:literal) => {
        sql!(input { $($input)+ } $text => { id: blob, mode: text, currency: int, payouts: int,
            amount: int, amount_authorized: int, authorized: int, succeeded: int, canceled: int,
            external_reference: text, created_at: int })
    };
}

const ONE: Sql = batches_sql!(input { id: blob }
    "select b.*, \
        (select cast(coalesce(sum(p.amount), 0) as bigint) from payouts p \
            where p.payout_batch = b.id and p.state = 'authorized') as amount_authorized, \
        (select count(*) from payouts p where p.payout_batch = b.id and p.state = 'authorized') \
            as authorized, \
        (select count(*) from payouts p where p.payout_batch = b.id and p.state = 'succeeded') \
            as succeeded, \
        (select count(*) from payouts p where p.payout_batch = b.id and p.state = 'canceled') \
            as canceled \
     from input i join payout_batches b on b.id = i.id");

const ALL: Sql = batches_sql!(input { mode: text, before: blob, size: int }
    "select b.*, \
        (select cast(coalesce(sum(p.amount), 0) as bigint) from payouts p \
            where p.payout_batch = b.id and p.state = 'authorized') as amount_authorized, \
        (select count(*) from payouts p where p.payout_batch = b.id and p.state = 'authorized') \
            as authorized, \
        (select count(*) from payouts p where p.payout_batch = b.id and p.state = 'succeeded') \
            as succeeded, \
        (select count(*) from payouts p where p.payout_batch = b.id and p.state = 'canceled') \
            as canceled \
     from payout_batches b where b.mode = (select mode from input) \
        and b.id < (select before from input) \
     order by b.id desc limit (select size from input)");

#[derive(Serialize)]
struct Page {
    mode: &'static str,
    before: Hex<16>,
    size: usize,
}

#[derive(Deserialize)]
struct ReadRow {
    id: Hex<16>,
    mode: String,
    currency: u16,
    payouts: u32,
    amount: i64,
    amount_authorized: i64,
    authorized: u32,
    succeeded: u32,
    canceled: u32,
    external_reference: Option<String>,
    created_at: i64,
}

impl ReadRow {
    fn batch(self) -> Result<PayoutBatch, StoreError> {
        let currency = currency(self.currency)?;
        Ok(PayoutBatch {
            id: PayoutBatchId::from_bytes(self.id.0),
            mode: mode(&self.mode)?,
            payouts: self.payouts,
            amount: Money::from_minor(self.amount, currency),
            amount_authorized: Money::from_minor(self.amount_authorized, currency),
            authorized: self.authorized,
            succeeded: self.succeeded,
            canceled: self.canceled,
            external_reference: self.external_reference,
            created_at: Timestamp::from_unix_millis(self.created_at),
        })
    }
}

// A reference is given once, and stays; so not to a batch of which nothing can be paid any more.
const REFER: Sql = sql!(input { id: blob, mode: text, external_reference: text }
    "update payout_batches set external_reference = i.external_reference from input i \
     where payout_batches.id = i.id \
        and coalesce(payout_batches.external_reference, i.external_reference) \
            = i.external_reference \
        and (payout_batches.external_reference is not null or exists (select 1 from payouts p \
            where p.payout_batch = i.id and p.state = 'authorized')) \
        and not exists (select 1 from payout_batches o where o.mode = i.mode \
            and o.external_reference = i.external_reference and o.id <> i.id)");

#[derive(Serialize)]
struct ReferRow<'a> {
    id: Hex<16>,
    mode: &'static str,
    external_reference: &'a str,
}

impl Store {
    /// Puts the oldest open payouts that are in no batch into a new one; nothing if there are none.
    pub async fn make_payout_batch(
        &self,
        new: NewPayoutBatch,
        now: Timestamp,
    ) -> Result<Option<PayoutBatch>, StoreError> {
        let mut transaction = self.begin().await?;
        let (payouts, amount) = loop {
            match fill(&mut transaction, &new).await? {
                Filled::With(payouts, amount) => break (payouts, amount),
                Filled::Taken => {
                    transaction.roll_back().await?;
                    transaction = self.begin().await?;
                }
                Filled::Nothing => {
                    transaction.roll_back().await?;
                    return Ok(None);
                }
            }
        };
        let row = BatchRow {
            id: Hex(*new.id.as_bytes()),
            mode: new.mode.as_str(),
            currency: new.currency.numeric(),
            payouts: payouts.len(),
            amount,
            created_at: now.unix_millis(),
        };
        let amount = Money::from_minor(amount, new.currency);
        let count = u32::try_from(payouts.len()).unwrap_or(u32::MAX);
        // Not read again after the commit: an error of that would look as if there were no batch.
        let made = PayoutBatch {
            id: new.id,
            mode: new.mode,
            payouts: count,
            amount,
            amount_authorized: amount,
            authorized: count,
            succeeded: 0,
            canceled: 0,
            external_reference: None,
            created_at: now,
        };
        transaction.write(&BATCH, &[row]).await?;
        let numbered = payouts.into_iter().zip(1..);
        let payout_batch = Hex(*new.id.as_bytes());
        let lines: Vec<_> = numbered.map(|(id, line)| LineRow { id, payout_batch, line }).collect();
        transaction.write(&LINES, &lines).await?;
        transaction.commit().await?;
        Ok(Some(made))
    }

    /// A batch.
    pub async fn payout_batch(&self, id: PayoutBatchId) -> Result<Option<PayoutBatch>, StoreError> {
        let rows: Vec<ReadRow> = self.read(&ONE, &[Id { id: Hex(*id.as_bytes()) }]).await?;
        rows.into_iter().next().map(ReadRow::batch).transpose()
    }

    /// Batches of a mode, newest first, older than `before`.
    pub async fn payout_batches(
        &self,
        mode: Mode,
        before: Option<PayoutBatchId>,
        size: usize,
    ) -> Result<Vec<PayoutBatch>, StoreError> {
        let before = Hex(before.map_or([0xff; 16], |id| *id.as_bytes()));
        let input = Page { mode: mode.as_str(), before, size };
        let rows: Vec<ReadRow> = self.read(&ALL, &[input]).await?;
        rows.into_iter().map(ReadRow::batch).collect()
    }

    /// Gives a batch the bank's reference, unless it has another one, or another batch this one.
    pub async fn refer_payout_batch(
        &self,
        batch: &PayoutBatch,
        external_reference: &str,
    ) -> Result<ReferenceClaim, StoreError> {
        let row = ReferRow {
            id: Hex(*batch.id.as_bytes()),
            mode: batch.mode.as_str(),
            external_reference,
        };
        let mut transaction = self.begin().await?;
        let changed = transaction.write(&REFER, &[row]).await?;
        if changed == 0 {
            transaction.roll_back().await?;
            return Ok(ReferenceClaim::Conflict);
        }
        transaction.commit().await?;
        Ok(ReferenceClaim::Claimed)
    }
}

/// What there is for a batch.
enum Filled {
    /// These payouts, and what they come to.
    With(Vec<Hex<16>>, i64),
    /// Somebody else took all that was found; there may be more.
    Taken,
    /// Nothing waits.
    Nothing,
}

async fn fill(transaction: &mut Transaction, new: &NewPayoutBatch) -> Result<Filled, StoreError> {
    let size = new.size.min(PAYOUT_BATCH_MAX);
    let page = WaitingPage { mode: new.mode.as_str(), currency: new.currency.numeric(), size };
    let waiting: Vec<WaitingRow> = transaction.read(&WAITING, &[page]).await?;
    if waiting.is_empty() {
        return Ok(Filled::Nothing);
    }
    let merchants: BTreeSet<MerchantId> =
        waiting.iter().map(|row| MerchantId::from_bytes(row.merchant.0)).collect();
    lock_merchants(transaction, &merchants).await?;
    let ids: Vec<Id> = waiting.iter().map(|row| Id { id: row.id }).collect();
    let still: Vec<StillRow> = transaction.read(&STILL_WAITING, &ids).await?;
    if still.is_empty() {
        return Ok(Filled::Taken);
    }
    let mut amount = 0_i64;
    for row in &still {
        let sum = amount.checked_add(row.amount);
        amount = sum.ok_or(StoreError::Corrupt("a batch of payouts is more than 64 bits hold"))?;
    }
    Ok(Filled::With(still.into_iter().map(|row| row.id).collect(), amount))
}

/// Every statement of this file, for the test that prepares them on both databases.
#[cfg(test)]
pub(super) const STATEMENTS: &[(&str, &Sql)] = &[
    ("payout_batches::WAITING", &WAITING),
    ("payout_batches::STILL_WAITING", &STILL_WAITING),
    ("payout_batches::BATCH", &BATCH),
    ("payout_batches::LINES", &LINES),
    ("payout_batches::ONE", &ONE),
    ("payout_batches::ALL", &ALL),
    ("payout_batches::REFER", &REFER),
];
