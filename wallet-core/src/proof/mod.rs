//! Proofs about the issuer's journal: that a receipt stands in it, and that it only ever grew.
//!
//! The journal is a Merkle tree (RFC 6962, section 2.1). Its entry at index *p* − 1 is the 32-byte
//! hash of the batch at position *p*, and that is itself the root of a Merkle tree over the batch's
//! [records](crate::receipt::Record). From time to time the issuer signs a [`Checkpoint`]: how many
//! batches there are, and the root over them. Whoever keeps a checkpoint keeps the issuer from
//! ever changing or forgetting anything before it.
//!
//! | question | answered by | offline |
//! |---|---|---|
//! | does this record stand in the journal? | [`InclusionProof`], behind a receipt's signature | yes |
//! | is what the journal was then still there, as it was? | [`verify_consistency`] | yes |
//!
//! The formats are those of C2SP [signed-note] and [tlog-checkpoint], so other tools for
//! transparency logs read them as well.
//!
//! [signed-note]: https://c2sp.org/signed-note
//! [tlog-checkpoint]: https://c2sp.org/tlog-checkpoint

mod checkpoint;
mod inclusion;
mod note;

pub use checkpoint::{Checkpoint, SignedCheckpoint, UnverifiedCheckpoint, verify_consistency};
pub use inclusion::{Included, InclusionProof};
pub use note::verifier_key;

/// A hash in a tree.
pub type TreeHash = [u8; 32];

/// The most entries that a journal may have: far more than the positions of any database, and few
/// enough that no sum about a tree overflows.
pub const JOURNAL_SIZE_MAX: u64 = 1 << 62;

#[cfg(test)]
mod tests;
