//! Red envelopes that are claimed from or come to their end, with their shares.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use wallet_core::Timestamp;
use wallet_core::receipt::{RECORD_LENGTH, Record};

use crate::domain::command::{ClaimShare, Command, EndEnvelope};
use crate::domain::ids::{EnvelopeId, PayerId};
use crate::domain::limits::Day;
use crate::domain::snapshot::{OpenEnvelope, People, Share};
use crate::store::StoreError;
use crate::store::connection::Transaction;
use crate::store::hex::Hex;
use crate::store::sql::{Sql, sql};

const ENVELOPES: Sql = sql!(input { id: blob }
    "select v.id, v.payer, v.payee, v.expires_at, v.day, e.record \
     from input i join envelopes v on v.id = i.id \
     join events e on e.batch = v.last_batch and e.n = v.last_event"
    => { id: blob, payer: blob, payee: blob, expires_at: int, day: int, record: blob });

// In the order of their numbers, which is the order of claims.
const SHARES: Sql = sql!(input { id: blob }
    "select s.envelope, s.amount, s.payer from input i \
     join envelope_shares s on s.envelope = i.id order by s.envelope, s.n"
    => { envelope: blob, amount: int, payer: blob });

#[derive(Serialize)]
struct Id {
    id: Hex<16>,
}

#[derive(Deserialize)]
struct EnvelopeRow {
    id: Hex<16>,
    payer: Hex<16>,
    payee: Option<Hex<16>>,
    expires_at: i64,
    day: i32,
    record: Hex<RECORD_LENGTH>,
}

#[derive(Deserialize)]
struct ShareRow {
    envelope: Hex<16>,
    amount: i64,
    payer: Option<Hex<16>>,
}

/// Puts what commands name into the snapshot.
pub(super) async fn read(
    transaction: &mut Transaction,
    commands: &[Command],
    people: &mut People,
) -> Result<(), StoreError> {
    let ids: BTreeSet<EnvelopeId> = commands.iter().filter_map(envelope).collect();
    let ids: Vec<Id> = ids.into_iter().map(|id| Id { id: Hex(*id.as_bytes()) }).collect();
    let rows: Vec<EnvelopeRow> = transaction.read(&ENVELOPES, &ids).await?;
    for row in rows {
        let open = OpenEnvelope {
            payer: PayerId::from_bytes(row.payer.0),
            payee: row.payee.map(|id| PayerId::from_bytes(id.0)),
            record: Record::from_bytes(&row.record.0).map_err(|_| StoreError::Corrupt("record"))?,
            shares: Vec::new(),
            expires_at: Timestamp::from_unix_millis(row.expires_at),
            day: Day(row.day),
        };
        people.envelopes.insert(EnvelopeId::from_bytes(row.id.0), open);
    }
    let rows: Vec<ShareRow> = transaction.read(&SHARES, &ids).await?;
    for row in rows {
        let claimant = row.payer.map(|id| PayerId::from_bytes(id.0));
        let envelope = people.envelopes.get_mut(&EnvelopeId::from_bytes(row.envelope.0));
        let envelope = envelope.ok_or(StoreError::Corrupt("a share of no envelope"))?;
        envelope.shares.push(Share { amount: row.amount, claimant });
    }
    Ok(())
}

/// The envelope that a command is about, if it is there already.
fn envelope(command: &Command) -> Option<EnvelopeId> {
    match command {
        Command::ClaimShare(ClaimShare { envelope, .. })
        | Command::EndEnvelope(EndEnvelope { envelope, .. }) => Some(*envelope),
        _ => None,
    }
}

/// Every statement of this file, for the test that prepares them on both databases.
#[cfg(test)]
pub(super) const STATEMENTS: &[(&str, &Sql)] =
    &[("load_envelopes::ENVELOPES", &ENVELOPES), ("load_envelopes::SHARES", &SHARES)];
