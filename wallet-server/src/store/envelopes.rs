//! Red envelopes as their senders and those who claim see them.

use serde::{Deserialize, Serialize};
use wallet_core::receipt::{RECORD_LENGTH, Record};
use wallet_core::{Mode, Money, Timestamp};

use super::connection::Store;
use super::error::StoreError;
use super::hex::{Bytes, Hex};
use super::merchants::mode;
use super::recipients::HiddenPerson;
use super::sql::{Sql, sql};
use crate::domain::ids::{EnvelopeId, PayerId};
use crate::domain::shares::Split;

/// An envelope as it is found by its token.
#[derive(Clone, Debug)]
pub struct FoundEnvelope {
    /// Its id.
    pub id: EnvelopeId,
    /// Live or test.
    pub mode: Mode,
    /// Who sent it.
    pub sender: HiddenPerson,
    /// For those who claim to read, encrypted.
    pub greeting: Option<Vec<u8>>,
}

/// An envelope as it is now.
#[derive(Clone, Debug)]
pub struct Envelope {
    /// Its id.
    pub id: EnvelopeId,
    /// Who sent it.
    pub payer: PayerId,
    /// The only one who may claim, if there is one.
    pub payee: Option<HiddenPerson>,
    /// How many shares it has.
    pub shares: u16,
    /// How it was split.
    pub split: Split,
    /// How many shares are claimed.
    pub claimed: u16,
    /// What they come to.
    pub amount_claimed: Money,
    /// For those who claim to read, encrypted.
    pub greeting: Option<Vec<u8>>,
    /// When it was made.
    pub created_at: Timestamp,
    /// Until when it can be claimed.
    pub expires_at: Timestamp,
    /// What the journal says.
    pub record: Record,
}

/// A claimed share.
#[derive(Clone, Debug)]
pub struct Claim {
    /// Which share, from 1.
    pub share: u16,
    /// How much.
    pub minor: i64,
    /// Who claimed it.
    pub claimant: HiddenPerson,
    /// When.
    pub claimed_at: Timestamp,
}

const BY_TOKEN: Sql = sql!(input { token_hash: blob }
    "select v.id, v.mode, v.greeting, v.payer, p.name, p.handle \
     from input i join envelopes v on v.token_hash = i.token_hash join payers p on p.id = v.payer"
    => { id: blob, mode: text, greeting: blob, payer: blob, name: blob, handle: blob });

#[derive(Serialize)]
struct Token {
    token_hash: Hex<32>,
}

#[derive(Deserialize)]
struct FoundRow {
    id: Hex<16>,
    mode: String,
    greeting: Option<Bytes>,
    #[serde(flatten)]
    sender: PersonColumns,
}

#[derive(Deserialize)]
pub(super) struct PersonColumns {
    payer: Hex<16>,
    name: Bytes,
    handle: Option<Bytes>,
}

impl PersonColumns {
    pub(super) fn person(self) -> HiddenPerson {
        HiddenPerson {
            payer: PayerId::from_bytes(self.payer.0),
            name: self.name.0,
            handle: self.handle.map(|handle| handle.0),
        }
    }
}

const ONE: Sql = sql!(input { id: blob }
    "select v.*, p.name as payee_name, p.handle as payee_handle, e.record \
     from input i join envelopes v on v.id = i.id left join payers p on p.id = v.payee \
     join events e on e.batch = v.last_batch and e.n = v.last_event"
    => { id: blob, payer: blob, payee: blob, payee_name: blob, payee_handle: blob, shares: int,
        split: text, claimed: int, amount_claimed: int, greeting: blob, created_at: int,
        expires_at: int, record: blob });

#[derive(Serialize)]
struct Id {
    id: Hex<16>,
}

const OF_PAYER: Sql = sql!(input { payer: blob, before: blob, size: int }
    "select v.*, p.name as payee_name, p.handle as payee_handle, e.record \
     from envelopes v left join payers p on p.id = v.payee \
     join events e on e.batch = v.last_batch and e.n = v.last_event \
     where v.payer = (select payer from input) and v.id < (select before from input) \
     order by v.id desc limit (select size from input)"
    => { id: blob, payer: blob, payee: blob, payee_name: blob, payee_handle: blob, shares: int,
        split: text, claimed: int, amount_claimed: int, greeting: blob, created_at: int,
        expires_at: int, record: blob });

#[derive(Serialize)]
struct Page {
    payer: Hex<16>,
    before: Hex<16>,
    size: usize,
}

#[derive(Deserialize)]
struct EnvelopeRow {
    id: Hex<16>,
    payer: Hex<16>,
    payee: Option<Hex<16>>,
    payee_name: Option<Bytes>,
    payee_handle: Option<Bytes>,
    shares: u16,
    split: String,
    claimed: u16,
    amount_claimed: i64,
    greeting: Option<Bytes>,
    created_at: i64,
    expires_at: i64,
    record: Hex<RECORD_LENGTH>,
}

impl EnvelopeRow {
    fn envelope(self) -> Result<Envelope, StoreError> {
        let record =
            Record::from_bytes(&self.record.0).map_err(|_| StoreError::Corrupt("record"))?;
        let handle = self.payee_handle.map(|handle| handle.0);
        let payee = self.payee.zip(self.payee_name).map(|(payer, name)| HiddenPerson {
            payer: PayerId::from_bytes(payer.0),
            name: name.0,
            handle,
        });
        Ok(Envelope {
            id: EnvelopeId::from_bytes(self.id.0),
            payer: PayerId::from_bytes(self.payer.0),
            payee,
            shares: self.shares,
            split: Split::from_name(&self.split).ok_or(StoreError::Corrupt("split"))?,
            claimed: self.claimed,
            amount_claimed: Money::from_minor(self.amount_claimed, record.asked.currency()),
            greeting: self.greeting.map(|bytes| bytes.0),
            created_at: Timestamp::from_unix_millis(self.created_at),
            expires_at: Timestamp::from_unix_millis(self.expires_at),
            record,
        })
    }
}

const CLAIMS: Sql = sql!(input { id: blob }
    "select s.n as share, s.amount, s.claimed_at, s.payer, p.name, p.handle \
     from input i join envelope_shares s on s.envelope = i.id join payers p on p.id = s.payer \
     order by s.n"
    => { share: int, amount: int, claimed_at: int, payer: blob, name: blob, handle: blob });

#[derive(Deserialize)]
struct ClaimRow {
    share: u16,
    amount: i64,
    claimed_at: i64,
    #[serde(flatten)]
    claimant: PersonColumns,
}

const OVERDUE: Sql = sql!(input { now: int, size: int }
    "select v.id, v.payer from envelopes v \
     where v.state = 'authorized' and v.expires_at <= (select now from input) \
     order by v.expires_at limit (select size from input)"
    => { id: blob, payer: blob });

#[derive(Serialize)]
struct Now {
    now: i64,
    size: u16,
}

#[derive(Deserialize)]
struct OverdueRow {
    id: Hex<16>,
    payer: Hex<16>,
}

impl Store {
    /// The envelope with this token.
    pub async fn envelope_by_token(
        &self,
        token_hash: [u8; 32],
    ) -> Result<Option<FoundEnvelope>, StoreError> {
        let input = Token { token_hash: Hex(token_hash) };
        let rows: Vec<FoundRow> = self.read(&BY_TOKEN, &[input]).await?;
        let found = rows.into_iter().next().map(|row| {
            Ok(FoundEnvelope {
                id: EnvelopeId::from_bytes(row.id.0),
                mode: mode(&row.mode)?,
                sender: row.sender.person(),
                greeting: row.greeting.map(|bytes| bytes.0),
            })
        });
        found.transpose()
    }

    /// An envelope.
    pub async fn envelope(&self, id: EnvelopeId) -> Result<Option<Envelope>, StoreError> {
        let rows: Vec<EnvelopeRow> = self.read(&ONE, &[Id { id: Hex(*id.as_bytes()) }]).await?;
        rows.into_iter().next().map(EnvelopeRow::envelope).transpose()
    }

    /// What a payer has sent, newest first, older than `before`.
    pub async fn envelopes(
        &self,
        payer: PayerId,
        before: Option<EnvelopeId>,
        size: usize,
    ) -> Result<Vec<Envelope>, StoreError> {
        let before = Hex(before.map_or([0xff; 16], |id| *id.as_bytes()));
        let input = Page { payer: Hex(*payer.as_bytes()), before, size };
        let rows: Vec<EnvelopeRow> = self.read(&OF_PAYER, &[input]).await?;
        rows.into_iter().map(EnvelopeRow::envelope).collect()
    }

    /// The shares of an envelope that are claimed, in the order of claims.
    pub async fn claims(&self, id: EnvelopeId) -> Result<Vec<Claim>, StoreError> {
        let rows: Vec<ClaimRow> = self.read(&CLAIMS, &[Id { id: Hex(*id.as_bytes()) }]).await?;
        let claims = rows.into_iter().map(|row| Claim {
            share: row.share,
            minor: row.amount,
            claimant: row.claimant.person(),
            claimed_at: Timestamp::from_unix_millis(row.claimed_at),
        });
        Ok(claims.collect())
    }

    /// Envelopes whose time is over, the longest overdue first, with their senders.
    pub async fn overdue_envelopes(
        &self,
        now: Timestamp,
        size: u16,
    ) -> Result<Vec<(EnvelopeId, PayerId)>, StoreError> {
        let rows: Vec<OverdueRow> =
            self.read(&OVERDUE, &[Now { now: now.unix_millis(), size }]).await?;
        let overdue = rows.into_iter();
        let ids =
            |row: OverdueRow| (EnvelopeId::from_bytes(row.id.0), PayerId::from_bytes(row.payer.0));
        Ok(overdue.map(ids).collect())
    }
}

/// Every statement of this file, for the test that prepares them on both databases.
#[cfg(test)]
pub(super) const STATEMENTS: &[(&str, &Sql)] = &[
    ("envelopes::BY_TOKEN", &BY_TOKEN),
    ("envelopes::ONE", &ONE),
    ("envelopes::OF_PAYER", &OF_PAYER),
    ("envelopes::CLAIMS", &CLAIMS),
    ("envelopes::OVERDUE", &OVERDUE),
];
