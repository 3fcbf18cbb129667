//! Where a record stands in the journal.

use sha2::{Digest, Sha256};

use super::note::NOTE_LENGTH_MAX;
use super::{SignedCheckpoint, TreeHash};
use crate::Error;
use crate::keys::{IssuerId, SigningPublicKey};
use crate::receipt::Record;

const VERSION: u8 = 1;
/// No path in a tree of at most 2^62 entries is longer.
const PATH_LENGTH_MAX: usize = 64;
/// Up to the hashes of the first path.
const HEAD_LENGTH: usize = 1 + 8 + 4 + 4 + 1;

const INVALID: Error =
    Error::new("invalid_proof", "these are not the bytes of a version 1 inclusion proof");
const NOT_INCLUDED: Error = Error::new(
    "proof_not_included",
    "the record does not stand where the proof says in the journal that the issuer signed",
);

/// The way from a record over its batch to a checkpoint.
///
/// Its bytes, which a receipt carries behind its signature; integers are big-endian:
///
/// | offset | length | field |
/// |---|---|---|
/// | 0 | 1 | version, 1 |
/// | 1 | 8 | position of the batch in the journal, from 1 |
/// | 9 | 4 | number of the record in its batch, from 0 |
/// | 13 | 4 | how many records the batch has |
/// | 17 | 1 | *k*, the length of the path within the batch |
/// | 18 | 32*k* | that path (RFC 6962, section 2.1.1), from the leaf up |
/// | 18 + 32*k* | 1 | *m*, the length of the path in the journal |
/// | 19 + 32*k* | 32*m* | that path |
/// | 19 + 32*k* + 32*m* | – | the checkpoint: the text of the signed note |
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct InclusionProof {
    /// The position of the batch, from 1.
    pub position: u64,
    /// The number of the record in its batch, from 0.
    pub record: u32,
    /// How many records the batch has.
    pub records: u32,
    /// From the record to the root of its batch.
    pub batch_path: Vec<TreeHash>,
    /// From the batch to the root of the journal.
    pub journal_path: Vec<TreeHash>,
    /// The signed note.
    pub checkpoint: String,
}

/// What a verified proof shows.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Included {
    /// The position of the record's batch in the journal, from 1.
    pub position: u64,
    /// The checkpoint that commits to it: keep the newest one that you have seen.
    pub checkpoint: SignedCheckpoint,
}

impl InclusionProof {
    /// The bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        // Longer paths do not exist; such bytes would be refused.
        let length = |path: &[TreeHash]| u8::try_from(path.len()).unwrap_or(u8::MAX);
        let mut bytes = vec![VERSION];
        bytes.extend_from_slice(&self.position.to_be_bytes());
        bytes.extend_from_slice(&self.record.to_be_bytes());
        bytes.extend_from_slice(&self.records.to_be_bytes());
        for path in [&self.batch_path, &self.journal_path] {
            bytes.push(length(path));
            bytes.extend(path.iter().flatten());
        }
        bytes.extend_from_slice(self.checkpoint.as_bytes());
        bytes
    }

    /// Reads what [`to_bytes`](Self::to_bytes) wrote. Nothing is verified yet.
    ///
    /// # Errors
    /// `invalid_proof`.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        let (head, rest) = bytes.split_at_checked(HEAD_LENGTH - 1).ok_or(INVALID)?;
        let [version, p0, p1, p2, p3, p4, p5, p6, p7, r0, r1, r2, r3, n0, n1, n2, n3] = *head
        else {
            return Err(INVALID);
        };
        let (batch_path, rest) = read_path(rest)?;
        let (journal_path, rest) = read_path(rest)?;
        if version != VERSION || rest.len() > NOTE_LENGTH_MAX {
            return Err(INVALID);
        }
        Ok(Self {
            position: u64::from_be_bytes([p0, p1, p2, p3, p4, p5, p6, p7]),
            record: u32::from_be_bytes([r0, r1, r2, r3]),
            records: u32::from_be_bytes([n0, n1, n2, n3]),
            batch_path,
            journal_path,
            checkpoint: core::str::from_utf8(rest).map_err(|_| INVALID)?.to_owned(),
        })
    }

    /// Checks that the record stands there, in a journal that the issuer signed.
    ///
    /// # Errors
    /// `proof_not_included`; those of [`SignedCheckpoint`].
    pub fn verify(
        &self,
        record: &Record,
        issuer: &IssuerId,
        keys: &[SigningPublicKey],
    ) -> Result<Included, Error> {
        let checkpoint = SignedCheckpoint::parse(&self.checkpoint)?.verify(issuer, keys)?;
        let &super::Checkpoint { size, root, .. } = checkpoint.checkpoint();
        let index = self.position.checked_sub(1).ok_or(NOT_INCLUDED)?;
        let (record_index, records) = (self.record.into(), self.records.into());
        let leaf =
            root_of_path(leaf_hash(&record.to_bytes()), record_index, records, &self.batch_path)
                .ok_or(NOT_INCLUDED)?;
        let found = root_of_path(leaf_hash(&leaf), index, size, &self.journal_path);
        if found != Some(root) {
            return Err(NOT_INCLUDED);
        }
        Ok(Included { position: self.position, checkpoint })
    }
}

fn read_path(bytes: &[u8]) -> Result<(Vec<TreeHash>, &[u8]), Error> {
    let (&length, rest) = bytes.split_first().ok_or(INVALID)?;
    let length = usize::from(length);
    let (hashes, rest) = rest.split_at_checked(length * 32).ok_or(INVALID)?;
    if length > PATH_LENGTH_MAX {
        return Err(INVALID);
    }
    let hash = |chunk: &[u8]| chunk.try_into().map_err(|_| INVALID);
    Ok((hashes.chunks(32).map(hash).collect::<Result<_, _>>()?, rest))
}

/// The root that a path leads to from a leaf: RFC 9162, section 2.1.3.2. None for a path of another
/// length than a tree of this size has.
fn root_of_path(leaf: TreeHash, index: u64, size: u64, path: &[TreeHash]) -> Option<TreeHash> {
    let (mut node, mut last, mut hash) = (index, size.checked_sub(1)?, leaf);
    if node > last {
        return None;
    }
    for sibling in path {
        if last == 0 {
            return None;
        }
        if node & 1 == 1 || node == last {
            hash = parent(sibling, &hash);
            while node & 1 == 0 && node != 0 {
                node >>= 1;
                last >>= 1;
            }
        } else {
            hash = parent(&hash, sibling);
        }
        node >>= 1;
        last >>= 1;
    }
    (last == 0).then_some(hash)
}

/// Leaves and inner nodes are hashed with another first byte, so that none passes for the other.
fn leaf_hash(entry: &[u8]) -> TreeHash {
    Sha256::new().chain_update([0]).chain_update(entry).finalize().into()
}

fn parent(left: &TreeHash, right: &TreeHash) -> TreeHash {
    Sha256::new().chain_update([1]).chain_update(left).chain_update(right).finalize().into()
}
