//! Red envelopes and their shares.

use serde::Serialize;

use crate::domain::ids::{BatchId, EnvelopeId};
use crate::domain::plan::{EnvelopeChange, NewClaim, NewEnvelope, PeopleChanges};
use crate::store::StoreError;
use crate::store::connection::Changes;
use crate::store::hex::{Bytes, Hex};
use crate::store::sql::{Sql, sql};

/// Everything that was decided about them.
pub(super) fn changes(
    changes: &mut Changes,
    batch: BatchId,
    people: &PeopleChanges,
) -> Result<(), StoreError> {
    let rows: Vec<_> = people.envelopes.iter().map(|new| EnvelopeRow::new(batch, new)).collect();
    changes.add(&ENVELOPES, &rows)?;
    let rows: Vec<_> = people.envelopes.iter().flat_map(shares).collect();
    changes.add(&SHARES, &rows)?;
    let rows: Vec<_> = people.claims.iter().map(|new| ClaimRow::new(batch, new)).collect();
    changes.add_to_existing(&CLAIMS, &rows, "a share of an envelope")?;
    let changed = people.changed_envelopes.iter();
    let rows: Vec<_> = changed.map(|(id, change)| ChangedRow::new(batch, *id, change)).collect();
    changes.add_to_existing(&CHANGED, &rows, "an envelope")
}

const ENVELOPES: Sql = sql!(input { id: blob, mode: text, payer: blob, payee: blob,
        token_hash: blob, currency: int, amount: int, shares: int, split: text, greeting: blob,
        day: int, transfer: blob, batch: blob, event: int, created_at: int, expires_at: int }
    "insert into envelopes (id, mode, payer, payee, token_hash, currency, amount, shares, split, \
        state, greeting, day, counted, transfer, batch, event, last_batch, last_event, \
        created_at, expires_at) \
     select id, mode, payer, payee, token_hash, currency, amount, shares, split, 'authorized', \
        greeting, day, amount, transfer, batch, event, batch, event, created_at, expires_at \
     from input");

#[derive(Serialize)]
struct EnvelopeRow {
    id: Hex<16>,
    mode: &'static str,
    payer: Hex<16>,
    payee: Option<Hex<16>>,
    token_hash: Hex<32>,
    currency: u16,
    amount: i64,
    shares: usize,
    split: &'static str,
    greeting: Option<Bytes>,
    day: i32,
    transfer: Hex<16>,
    batch: Hex<16>,
    event: usize,
    created_at: i64,
    expires_at: i64,
}

impl EnvelopeRow {
    fn new(batch: BatchId, new: &NewEnvelope) -> Self {
        Self {
            id: Hex(*new.id.as_bytes()),
            mode: new.record.mode.as_str(),
            payer: Hex(*new.payer.as_bytes()),
            payee: new.payee.map(|id| Hex(*id.as_bytes())),
            token_hash: Hex(new.token_hash),
            currency: new.record.asked.currency().numeric(),
            amount: new.record.asked.minor(),
            shares: new.shares.amounts().len(),
            split: new.split.as_str(),
            greeting: new.greeting.clone().map(Bytes),
            day: new.day.0,
            transfer: Hex(*new.transfer.as_bytes()),
            batch: Hex(*batch.as_bytes()),
            event: new.event,
            created_at: new.record.decided_at.unix_millis(),
            expires_at: new.expires_at.unix_millis(),
        }
    }
}

const SHARES: Sql = sql!(input { envelope: blob, number: int, amount: int }
    "insert into envelope_shares (envelope, n, amount) select envelope, number, amount from input");

#[derive(Serialize)]
struct ShareRow {
    envelope: Hex<16>,
    number: usize,
    amount: i64,
}

fn shares(new: &NewEnvelope) -> impl Iterator<Item = ShareRow> {
    let envelope = Hex(*new.id.as_bytes());
    let numbered = new.shares.amounts().iter().enumerate();
    numbered.map(move |(n, amount)| ShareRow { envelope, number: n + 1, amount: *amount })
}

const CLAIMS: Sql = sql!(input { envelope: blob, number: int, claim: blob, payer: blob,
        transfer: blob, batch: blob, event: int, claimed_at: int }
    "update envelope_shares set claim = i.claim, payer = i.payer, transfer = i.transfer, \
        batch = i.batch, event = i.event, claimed_at = i.claimed_at \
     from input i where envelope_shares.envelope = i.envelope and envelope_shares.n = i.number \
        and envelope_shares.claim is null");

#[derive(Serialize)]
struct ClaimRow {
    envelope: Hex<16>,
    number: u16,
    claim: Hex<16>,
    payer: Hex<16>,
    transfer: Hex<16>,
    batch: Hex<16>,
    event: usize,
    claimed_at: i64,
}

impl ClaimRow {
    fn new(batch: BatchId, new: &NewClaim) -> Self {
        Self {
            envelope: Hex(*new.envelope.as_bytes()),
            number: new.share,
            claim: Hex(*new.id.as_bytes()),
            payer: Hex(*new.payer.as_bytes()),
            transfer: Hex(*new.transfer.as_bytes()),
            batch: Hex(*batch.as_bytes()),
            event: new.event,
            claimed_at: new.claimed_at.unix_millis(),
        }
    }
}

const CHANGED: Sql = sql!(input { id: blob, claimed: int, amount_claimed: int, state: text,
        counted: int, closing_transfer: blob, batch: blob, event: int }
    "update envelopes set claimed = i.claimed, amount_claimed = i.amount_claimed, \
        state = i.state, counted = i.counted, closing_transfer = i.closing_transfer, \
        last_batch = coalesce(i.batch, envelopes.last_batch), \
        last_event = coalesce(i.event, envelopes.last_event) \
     from input i where envelopes.id = i.id");

#[derive(Serialize)]
struct ChangedRow {
    id: Hex<16>,
    claimed: u16,
    amount_claimed: i64,
    state: &'static str,
    counted: i64,
    closing_transfer: Option<Hex<16>>,
    batch: Option<Hex<16>>,
    event: Option<usize>,
}

impl ChangedRow {
    fn new(batch: BatchId, id: EnvelopeId, change: &EnvelopeChange) -> Self {
        Self {
            id: Hex(*id.as_bytes()),
            claimed: change.claimed,
            amount_claimed: change.amount_claimed,
            state: change.state.as_str(),
            counted: change.counted,
            closing_transfer: change.closing_transfer.map(|id| Hex(*id.as_bytes())),
            batch: change.event.map(|_| Hex(*batch.as_bytes())),
            event: change.event,
        }
    }
}

/// Every statement of this file, for the test that prepares them on both databases.
#[cfg(test)]
pub(super) const STATEMENTS: &[(&str, &Sql)] = &[
    ("write_envelopes::ENVELOPES", &ENVELOPES),
    ("write_envelopes::SHARES", &SHARES),
    ("write_envelopes::CLAIMS", &CLAIMS),
    ("write_envelopes::CHANGED", &CHANGED),
];
