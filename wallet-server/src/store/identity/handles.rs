//! Under which name others find a payer, and who had a name before.
//!
//! Money that is sent by habit must not reach a stranger: for a time nobody but its former owner
//! can take a handle that was given up. So that nobody keeps the good ones from everybody else, that
//! holds for some handles of a payer, and who has as many gives up no other. (Were the oldest let go
//! instead, whoever holds a payer's phone could let the payer's own go, and take it.)

use serde::{Deserialize, Serialize};
use wallet_core::Timestamp;

use super::PayerChange;
use crate::store::StoreError;
use crate::store::hex::{Bytes, Hex};
use crate::store::sql::{Sql, sql};

/// For how long a handle that was given up is its former owner's alone: 30 days.
const KEPT_MILLIS: i64 = 30 * 24 * 60 * 60 * 1000;

/// How many handles are kept for a former owner at a time: somebody who cannot decide needs no more.
const KEPT_MAX: u32 = 3;

/// What became of the wish for a handle.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum HandleChange {
    /// The payer has it.
    Set,
    /// Another payer has it, or had it not long ago.
    Taken,
    /// Too many would be kept that the payer gave up.
    TooManyKept,
}

/// What was given up before this is anybody's.
#[must_use]
pub fn handles_kept_since(now: Timestamp) -> Timestamp {
    now.plus_millis(-KEPT_MILLIS)
}

const OWNER: Sql = sql!(input { payer: blob, hash: blob }
    "select p.id from input i join payers me on me.id = i.payer \
     join payers p on p.mode = me.mode and p.handle_hash = i.hash" => { id: blob });

#[derive(Serialize)]
struct Wanted {
    payer: Hex<16>,
    hash: Hex<32>,
}

#[derive(Deserialize)]
struct OwnerRow {
    id: Hex<16>,
}

const GIVE_UP: Sql = sql!(input { payer: blob, hash: blob, now: int }
    "insert into former_handles (mode, handle_hash, payer, released_at) \
     select p.mode, p.handle_hash, p.id, i.now from input i join payers p on p.id = i.payer \
     where p.handle_hash is not null and p.handle_hash is distinct from i.hash \
     on conflict (mode, handle_hash) do update \
     set payer = excluded.payer, released_at = excluded.released_at");

#[derive(Serialize)]
struct GivenUp {
    payer: Hex<16>,
    /// What comes in its place.
    hash: Option<Hex<32>>,
    now: i64,
}

const SET: Sql = sql!(input { payer: blob, handle: blob, hash: blob, since: int }
    "update payers set handle = i.handle, handle_hash = i.hash from input i \
     where payers.id = i.payer and not exists (select 1 from former_handles f \
        where f.mode = payers.mode and f.handle_hash = i.hash and f.payer <> i.payer \
            and f.released_at > i.since)");

#[derive(Serialize)]
struct NewHandle {
    payer: Hex<16>,
    handle: Bytes,
    hash: Hex<32>,
    since: i64,
}

// Through the index on the payer. What the payer takes back is kept for nobody else.
const KEPT: Sql = sql!(input { payer: blob, hash: blob, since: int }
    "select count(*) as kept from input i join former_handles f on f.payer = i.payer \
     where f.released_at > i.since and f.handle_hash <> i.hash" => { kept: int });

#[derive(Serialize)]
struct Keeping {
    payer: Hex<16>,
    /// What comes in the place of those.
    hash: Hex<32>,
    since: i64,
}

#[derive(Deserialize)]
struct KeptRow {
    kept: u32,
}

impl PayerChange {
    /// Gives the payer a handle, encrypted and hashed. Unless it is set, the change is to be dropped.
    pub async fn set_handle(
        &mut self,
        handle: Vec<u8>,
        hash: [u8; 32],
        now: Timestamp,
    ) -> Result<HandleChange, StoreError> {
        let payer = Hex(*self.payer.as_bytes());
        let hash = Hex(hash);
        let owners: Vec<OwnerRow> =
            self.transaction.read(&OWNER, &[Wanted { payer, hash }]).await?;
        if owners.iter().any(|owner| owner.id != payer) {
            return Ok(HandleChange::Taken);
        }
        let since = handles_kept_since(now).unix_millis();
        if self.give_up_handle(Some(hash), now).await? {
            let keeping = [Keeping { payer, hash, since }];
            let rows: Vec<KeptRow> = self.transaction.read(&KEPT, &keeping).await?;
            if rows.iter().any(|row| row.kept > KEPT_MAX) {
                return Ok(HandleChange::TooManyKept);
            }
        }
        let row = NewHandle { payer, handle: Bytes(handle), hash, since };
        let set = self.transaction.write(&SET, &[row]).await? == 1;
        Ok(if set { HandleChange::Set } else { HandleChange::Taken })
    }

    /// Remembers whose handle it was, if the payer has another one than comes in its place; false if
    /// not.
    pub(super) async fn give_up_handle(
        &mut self,
        hash: Option<Hex<32>>,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let row = GivenUp { payer: Hex(*self.payer.as_bytes()), hash, now: now.unix_millis() };
        Ok(self.transaction.write(&GIVE_UP, &[row]).await? == 1)
    }
}

/// Every statement of this file, for the test that prepares them on both databases.
#[cfg(test)]
pub(super) const STATEMENTS: &[(&str, &Sql)] = &[
    ("handles::OWNER", &OWNER),
    ("handles::GIVE_UP", &GIVE_UP),
    ("handles::SET", &SET),
    ("handles::KEPT", &KEPT),
];
