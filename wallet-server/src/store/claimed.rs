//! The shares that a payer has claimed of others' red envelopes.

use serde::{Deserialize, Serialize};
use wallet_core::{Money, Timestamp};

use super::accounts::currency;
use super::connection::Store;
use super::envelopes::PersonColumns;
use super::error::StoreError;
use super::hex::{Bytes, Hex};
use super::recipients::HiddenPerson;
use super::sql::{Sql, sql};
use crate::domain::ids::{ClaimId, EnvelopeId, PayerId};

/// A share that a payer has claimed.
#[derive(Clone, Debug)]
pub struct ClaimedShare {
    /// Its id.
    pub id: ClaimId,
    /// Of which envelope.
    pub envelope: EnvelopeId,
    /// Which share, from 1.
    pub share: u16,
    /// How much.
    pub amount: Money,
    /// Who sent it.
    pub sender: HiddenPerson,
    /// What is written on it, encrypted.
    pub greeting: Option<Vec<u8>>,
    /// When it was claimed.
    pub claimed_at: Timestamp,
}

const OF_PAYER: Sql = sql!(input { payer: blob, before: blob, size: int }
    "select s.claim, s.envelope, s.n as share, s.amount, s.claimed_at, v.currency, v.greeting, \
        v.payer, p.name, p.handle \
     from envelope_shares s join envelopes v on v.id = s.envelope join payers p on p.id = v.payer \
     where s.payer = (select payer from input) and s.claim < (select before from input) \
     order by s.claim desc limit (select size from input)"
    => { claim: blob, envelope: blob, share: int, amount: int, claimed_at: int, currency: int,
        greeting: blob, payer: blob, name: blob, handle: blob });

#[derive(Serialize)]
struct Page {
    payer: Hex<16>,
    before: Hex<16>,
    size: usize,
}

#[derive(Deserialize)]
struct ClaimedRow {
    claim: Hex<16>,
    envelope: Hex<16>,
    share: u16,
    amount: i64,
    claimed_at: i64,
    currency: u16,
    greeting: Option<Bytes>,
    #[serde(flatten)]
    sender: PersonColumns,
}

impl ClaimedRow {
    fn claimed(self) -> Result<ClaimedShare, StoreError> {
        Ok(ClaimedShare {
            id: ClaimId::from_bytes(self.claim.0),
            envelope: EnvelopeId::from_bytes(self.envelope.0),
            share: self.share,
            amount: Money::from_minor(self.amount, currency(self.currency)?),
            sender: self.sender.person(),
            greeting: self.greeting.map(|bytes| bytes.0),
            claimed_at: Timestamp::from_unix_millis(self.claimed_at),
        })
    }
}

impl Store {
    /// What a payer has claimed, newest first, older than `before`.
    pub async fn claimed_shares(
        &self,
        payer: PayerId,
        before: Option<ClaimId>,
        size: usize,
    ) -> Result<Vec<ClaimedShare>, StoreError> {
        let before = Hex(before.map_or([0xff; 16], |id| *id.as_bytes()));
        let input = Page { payer: Hex(*payer.as_bytes()), before, size };
        let rows: Vec<ClaimedRow> = self.read(&OF_PAYER, &[input]).await?;
        rows.into_iter().map(ClaimedRow::claimed).collect()
    }
}

/// Every statement of this file, for the test that prepares them on both databases.
#[cfg(test)]
pub(super) const STATEMENTS: &[(&str, &Sql)] = &[("claimed::OF_PAYER", &OF_PAYER)];
