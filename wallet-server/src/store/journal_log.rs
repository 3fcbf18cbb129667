//! The Merkle tree over the journal, and the checkpoints about it.
//!
//! Rows follow from the journal, so two processes that write at once write the same: what is there
//! already stays.

use std::ops::Range;

use serde::{Deserialize, Serialize};
use wallet_core::Timestamp;
use wallet_core::proof::TreeHash;
use wallet_core::receipt::{RECORD_LENGTH, Record};

use super::connection::Store;
use super::error::StoreError;
use super::hex::Hex;
use super::sql::{Sql, sql};
use crate::domain::ids::BatchId;
use crate::domain::tree::{self, Group, Piece};

const ENTRIES: Sql = sql!(input { level: int, first: int, count: int }
    "select i.n, j.leaf as hash from input i \
     join journal j on j.position > i.first and j.position <= i.first + i.count \
     order by i.n, j.position"
    => { n: int, hash: blob });

const SUBTREES: Sql = sql!(input { level: int, first: int, count: int }
    "select i.n, s.hash from input i join journal_subtrees s on s.level = i.level \
     and s.number >= i.first and s.number < i.first + i.count order by i.n, s.number"
    => { n: int, hash: blob });

#[derive(Clone, Copy, Serialize)]
struct PieceRow {
    level: u32,
    first: u64,
    count: u64,
}

#[derive(Deserialize)]
struct HashRow {
    n: usize,
    hash: Hex<32>,
}

const STORED: Sql = sql!(input { level: int }
    "select (select max(s.number) from journal_subtrees s where s.level = i.level) as number \
     from input i"
    => { number: int });

#[derive(Serialize)]
struct LevelRow {
    level: u32,
}

#[derive(Deserialize)]
struct NumberRow {
    number: Option<u64>,
}

const ADD_SUBTREES: Sql = sql!(input { level: int, number: int, hash: blob }
    "insert into journal_subtrees (level, number, hash) \
     select level, number, hash from input where true on conflict (level, number) do nothing");

#[derive(Serialize)]
struct SubtreeRow {
    level: u32,
    number: u64,
    hash: Hex<32>,
}

// One that is no longer than another that was signed meanwhile says nothing new.
const ADD_CHECKPOINT: Sql = sql!(input { size: int, signed_at: int, note: text }
    "insert into journal_checkpoints (size, signed_at, note) select size, signed_at, note from input \
     where size > (select coalesce(max(size), 0) from journal_checkpoints)");

#[derive(Serialize)]
struct CheckpointRow<'a> {
    size: u64,
    signed_at: i64,
    note: &'a str,
}

const LATEST: Sql = sql!(input { any: int }
    "select c.size, c.note from input i join journal_checkpoints c \
     on c.size = (select max(size) from journal_checkpoints)"
    => { size: int, note: text });

const AFTER: Sql = sql!(input { size: int, upto: int, rows: int }
    "select c.size, c.note from journal_checkpoints c where c.size > (select size from input) \
        and c.size <= (select upto from input) order by c.size limit (select rows from input)"
    => { size: int, note: text });

#[derive(Serialize)]
struct Any {
    any: u8,
}

#[derive(Serialize)]
struct AfterRow {
    size: u64,
    upto: u64,
    rows: usize,
}

/// A checkpoint as it is kept.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
pub struct KeptCheckpoint {
    /// How many batches it is about.
    pub size: u64,
    /// The signed note.
    pub note: String,
}

// A batch's id begins with the time at which it was decided, or a little later. The others are
// found by what they are about: see BY_SUBJECT.
const BY_TIME: Sql = sql!(input { since: blob, before: blob, record: blob }
    "select e.batch, e.n as number from input i join events e on e.batch >= i.since \
     and e.batch < i.before and e.record = i.record limit 1"
    => { batch: blob, number: int });

const BY_SUBJECT: Sql = sql!(input { subject: blob, record: blob }
    "select e.batch, e.n as number from ( \
        select p.batch from input i join payments p on p.id = i.subject \
        union select p.last_batch from input i join payments p on p.id = i.subject \
        union select p.closing_batch from input i join payments p on p.id = i.subject \
        union select p.reversal_batch from input i join payments p on p.id = i.subject \
        union select r.batch from input i join refunds r on r.payment = i.subject \
        union select r.batch from input i join refunds r on r.id = i.subject \
        union select s.batch from input i join suspense s on s.id = i.subject \
        union select s.closing_batch from input i join suspense s on s.id = i.subject \
        union select t.batch from input i join top_ups t on t.id = i.subject \
        union select x.batch from input i join payer_transfers x on x.id = i.subject \
        union select w.batch from input i join withdrawals w on w.id = i.subject \
        union select w.last_batch from input i join withdrawals w on w.id = i.subject \
        union select o.batch from input i join payouts o on o.id = i.subject \
        union select o.last_batch from input i join payouts o on o.id = i.subject \
        union select o.closing_batch from input i join payouts o on o.id = i.subject \
        union select o.ended_batch from input i join orders o on o.id = i.subject \
        union select v.batch from input i join envelopes v on v.id = i.subject \
        union select v.last_batch from input i join envelopes v on v.id = i.subject \
        union select s.batch from input i join envelope_shares s on s.claim = i.subject) found \
     join events e on e.batch = found.batch join input i on e.record = i.record limit 1"
    => { batch: blob, number: int });

#[derive(Serialize)]
struct TimeRow {
    since: Hex<16>,
    before: Hex<16>,
    record: Hex<RECORD_LENGTH>,
}

#[derive(Serialize)]
struct SubjectRow {
    subject: Hex<16>,
    record: Hex<RECORD_LENGTH>,
}

#[derive(Deserialize)]
struct FoundRow {
    batch: Hex<16>,
    number: usize,
}

const BATCH: Sql = sql!(input { batch: blob }
    "select j.position, e.record from input i join events e on e.batch = i.batch \
     left join journal j on j.batch = e.batch order by e.n"
    => { position: int, record: blob });

#[derive(Serialize)]
struct BatchRow {
    batch: Hex<16>,
}

#[derive(Deserialize)]
struct RecordRow {
    position: Option<u64>,
    record: Hex<RECORD_LENGTH>,
}

/// How far a batch's id may lie behind the time of its records: ids of one process rise by a
/// millisecond at least, so a burst of batches runs ahead of the clock.
const IDS_AHEAD_MILLIS: i64 = 50;

/// A record in the journal.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PlacedRecord {
    /// Its batch's position; none while the batch waits for one.
    pub position: Option<u64>,
    /// Its number in the batch.
    pub number: usize,
    /// The hashes of all of the batch's records.
    pub leaves: Vec<TreeHash>,
}

impl Store {
    /// The stored hashes of each piece of the tree; a piece that is not there in full is an error.
    async fn piece_hashes(&self, pieces: &[Piece]) -> Result<Vec<Vec<TreeHash>>, StoreError> {
        let row =
            |piece: &Piece| PieceRow { level: piece.level, first: piece.first, count: piece.count };
        let mut hashes: Vec<Vec<TreeHash>> = vec![Vec::new(); pieces.len()];
        for entries in [true, false] {
            let wanted: Vec<usize> =
                (0..pieces.len()).filter(|at| (pieces[*at].level == 0) == entries).collect();
            if wanted.is_empty() {
                continue;
            }
            let input: Vec<PieceRow> = wanted.iter().map(|at| row(&pieces[*at])).collect();
            let sql = if entries { &ENTRIES } else { &SUBTREES };
            let rows: Vec<HashRow> = self.read(sql, &input).await?;
            for HashRow { n, hash: Hex(hash) } in rows {
                let at = wanted.get(n).ok_or(StoreError::Corrupt("a piece of the tree"))?;
                hashes[*at].push(if entries { tree::leaf_hash(&hash) } else { hash });
            }
        }
        let complete = pieces.iter().zip(&hashes).all(|(piece, hashes)| {
            u64::try_from(hashes.len()).is_ok_and(|count| count == piece.count)
        });
        if complete { Ok(hashes) } else { Err(StoreError::Corrupt("the journal's tree has a gap")) }
    }

    /// The roots over ranges of the journal's entries, each from where a subtree of its size can
    /// begin, up to a size for which there is a checkpoint.
    pub async fn tree_roots(&self, ranges: &[Range<u64>]) -> Result<Vec<TreeHash>, StoreError> {
        let pieces: Vec<Vec<Piece>> = ranges.iter().map(tree::pieces).collect();
        let all: Vec<Piece> = pieces.iter().flatten().copied().collect();
        let mut hashes = self.piece_hashes(&all).await?.into_iter();
        let root = |pieces: &Vec<Piece>| {
            tree::root_of_pieces(&hashes.by_ref().take(pieces.len()).collect::<Vec<_>>())
        };
        Ok(pieces.iter().map(root).collect())
    }

    /// The root over the first entries.
    pub async fn tree_root(&self, size: u64) -> Result<TreeHash, StoreError> {
        let whole = 0..size;
        let roots = self.tree_roots(std::slice::from_ref(&whole)).await?;
        roots.into_iter().next().ok_or(StoreError::Corrupt("the journal's root"))
    }

    /// How many groups of a level are stored.
    pub async fn stored_groups(&self, level: u32) -> Result<u64, StoreError> {
        let rows: Vec<NumberRow> = self.read(&STORED, &[LevelRow { level }]).await?;
        Ok(rows.first().and_then(|row| row.number).map_or(0, |number| number + 1))
    }

    /// The roots over complete groups of a level, computed from the level below.
    pub async fn group_roots(
        &self,
        level: u32,
        numbers: Range<u64>,
    ) -> Result<Vec<Group>, StoreError> {
        let pieces: Vec<Piece> = numbers
            .clone()
            .map(|number| Piece {
                level: level - 1,
                first: number * tree::GROUP_SIZE,
                count: tree::GROUP_SIZE,
            })
            .collect();
        let hashes = self.piece_hashes(&pieces).await?;
        let groups = numbers.zip(hashes);
        Ok(groups
            .map(|(number, hashes)| Group { level, number, hash: tree::root(&hashes) })
            .collect())
    }

    /// Keeps the roots of groups.
    pub async fn keep_groups(&self, groups: &[Group]) -> Result<(), StoreError> {
        let rows: Vec<SubtreeRow> = groups
            .iter()
            .map(|group| SubtreeRow {
                level: group.level,
                number: group.number,
                hash: Hex(group.hash),
            })
            .collect();
        let mut transaction = self.begin().await?;
        transaction.write(&ADD_SUBTREES, &rows).await?;
        transaction.commit().await
    }

    /// What is stored for these groups; none for one that is not.
    pub async fn kept_groups(&self, groups: &[Group]) -> Result<Vec<Option<TreeHash>>, StoreError> {
        let input: Vec<PieceRow> = groups
            .iter()
            .map(|group| PieceRow { level: group.level, first: group.number, count: 1 })
            .collect();
        let mut found = vec![None; groups.len()];
        if !input.is_empty() {
            let rows: Vec<HashRow> = self.read(&SUBTREES, &input).await?;
            for HashRow { n, hash: Hex(hash) } in rows {
                if let Some(place) = found.get_mut(n) {
                    *place = Some(hash);
                }
            }
        }
        Ok(found)
    }

    /// Keeps a checkpoint.
    pub async fn keep_checkpoint(
        &self,
        kept: &KeptCheckpoint,
        signed_at: Timestamp,
    ) -> Result<(), StoreError> {
        let row =
            CheckpointRow { size: kept.size, signed_at: signed_at.unix_millis(), note: &kept.note };
        let mut transaction = self.begin().await?;
        transaction.write(&ADD_CHECKPOINT, &[row]).await?;
        transaction.commit().await
    }

    /// The checkpoint over most of the journal.
    pub async fn latest_checkpoint(&self) -> Result<Option<KeptCheckpoint>, StoreError> {
        let rows: Vec<KeptCheckpoint> = self.read(&LATEST, &[Any { any: 0 }]).await?;
        Ok(rows.into_iter().next())
    }

    /// Checkpoints of sizes after one and up to another, smallest first.
    pub async fn checkpoints_after(
        &self,
        size: u64,
        upto: u64,
        rows: usize,
    ) -> Result<Vec<KeptCheckpoint>, StoreError> {
        self.read(&AFTER, &[AfterRow { size, upto, rows }]).await
    }

    /// Where a record stands in the journal; `None` when it is not found.
    pub async fn place_of_record(
        &self,
        record: &Record,
    ) -> Result<Option<PlacedRecord>, StoreError> {
        let Some((batch, number)) = self.find_record(record).await? else { return Ok(None) };
        let rows: Vec<RecordRow> =
            self.read(&BATCH, &[BatchRow { batch: Hex(*batch.as_bytes()) }]).await?;
        let position = rows.first().and_then(|row| row.position);
        let leaves = rows.iter().map(|row| tree::leaf_hash(&row.record.0)).collect();
        Ok(Some(PlacedRecord { position, number, leaves }))
    }

    async fn find_record(&self, record: &Record) -> Result<Option<(BatchId, usize)>, StoreError> {
        let bytes = Hex(record.to_bytes());
        let decided_at = record.decided_at;
        let row = TimeRow {
            since: Hex(first_id_of(decided_at)),
            before: Hex(first_id_of(decided_at.plus_millis(IDS_AHEAD_MILLIS))),
            record: bytes,
        };
        let mut found: Vec<FoundRow> = self.read(&BY_TIME, &[row]).await?;
        if found.is_empty() {
            let row = SubjectRow { subject: Hex(record.subject), record: bytes };
            found = self.read(&BY_SUBJECT, &[row]).await?;
        }
        Ok(found.first().map(|row| (BatchId::from_bytes(row.batch.0), row.number)))
    }
}

/// The lowest id that begins with a moment.
fn first_id_of(at: Timestamp) -> [u8; 16] {
    let mut id = [0; 16];
    let millis = at.unix_millis().clamp(0, (1 << 48) - 1).to_be_bytes();
    id[..6].copy_from_slice(&millis[2..]);
    id
}

/// Every statement of this file, for the test that prepares them on both databases.
#[cfg(test)]
pub(super) const STATEMENTS: &[(&str, &Sql)] = &[
    ("journal_log::ENTRIES", &ENTRIES),
    ("journal_log::SUBTREES", &SUBTREES),
    ("journal_log::STORED", &STORED),
    ("journal_log::ADD_SUBTREES", &ADD_SUBTREES),
    ("journal_log::ADD_CHECKPOINT", &ADD_CHECKPOINT),
    ("journal_log::LATEST", &LATEST),
    ("journal_log::AFTER", &AFTER),
    ("journal_log::BY_TIME", &BY_TIME),
    ("journal_log::BY_SUBJECT", &BY_SUBJECT),
    ("journal_log::BATCH", &BATCH),
];
