//! How long the journal is and what its root is, signed.

use core::fmt;

use base64ct::{Base64, Encoding};
use ct_merkle::{ConsistencyProof, RootHash};
use sha2::Sha256;

use super::note::{self, INVALID, Note};
use super::{JOURNAL_SIZE_MAX, TreeHash};
use crate::Error;
use crate::keys::{IssuerId, SigningKey, SigningPublicKey};

const OTHER_ISSUER: Error =
    Error::new("checkpoint_other_issuer", "the checkpoint is of another issuer's journal");
const INCONSISTENT: Error = Error::new(
    "checkpoints_inconsistent",
    "the newer checkpoint is not of the same journal, grown: something before it was changed",
);

/// How many batches the journal had, and the root over them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Checkpoint {
    /// Whose journal it is.
    pub issuer: IssuerId,
    /// How many batches: the highest position.
    pub size: u64,
    /// The Merkle tree hash (RFC 6962, section 2.1) over their leaves.
    pub root: TreeHash,
}

impl Checkpoint {
    /// What is signed: three lines.
    ///
    /// | line | |
    /// |---|---|
    /// | 1 | `wallet-journal/1/` and the issuer id, 64 hexadecimal digits |
    /// | 2 | the size, decimal without leading zeros |
    /// | 3 | the root, 32 bytes in base64 with padding |
    fn text(&self) -> String {
        let root = Base64::encode_string(&self.root);
        format!("{}\n{}\n{root}\n", note::origin(&self.issuer), self.size)
    }

    /// Signs it as the issuer.
    #[must_use]
    pub fn sign(&self, key: &SigningKey) -> SignedCheckpoint {
        let note = note::sign(&note::origin(&self.issuer), &self.text(), key);
        SignedCheckpoint { checkpoint: *self, note }
    }

    /// Lines that later versions may add behind the third are signed and passed over.
    fn read(text: &str) -> Result<Self, Error> {
        let mut lines = text.lines();
        let mut line = || lines.next().ok_or(INVALID);
        let issuer = note::issuer_of(line()?)?;
        let size = line()?;
        let number: u64 = size.parse().map_err(|_| INVALID)?;
        // "007" and "+7" would be other texts for the same size.
        if number.to_string() != size || number > JOURNAL_SIZE_MAX {
            return Err(INVALID);
        }
        let mut root = [0; 32];
        let read = Base64::decode(line()?, &mut root).map_err(|_| INVALID)?;
        if read.len() != root.len() {
            return Err(INVALID);
        }
        Ok(Self { issuer, size: number, root })
    }
}

/// A checkpoint with the issuer's signature, verified or just made.
///
/// Its text is the note: the three lines of the checkpoint, an empty line, and a line for each
/// signature: an em dash, the name of the key (the first line again), and in base64 the 4 bytes of
/// the key's id and an Ed25519 signature (RFC 8032) over the lines before the empty one, their
/// newlines included.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SignedCheckpoint {
    checkpoint: Checkpoint,
    note: String,
}

impl SignedCheckpoint {
    /// Reads the text of a note. It is not verified yet.
    ///
    /// # Errors
    /// `invalid_checkpoint`.
    pub fn parse(note: &str) -> Result<UnverifiedCheckpoint, Error> {
        let checkpoint = Checkpoint::read(Note::split(note)?.text)?;
        Ok(UnverifiedCheckpoint(Self { checkpoint, note: note.to_owned() }))
    }

    /// What the issuer signed.
    #[must_use]
    pub fn checkpoint(&self) -> &Checkpoint {
        &self.checkpoint
    }
}

/// The note.
impl fmt::Display for SignedCheckpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.note)
    }
}

/// A checkpoint that somebody showed: nothing in it may be believed before
/// [`verify`](Self::verify).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct UnverifiedCheckpoint(SignedCheckpoint);

impl UnverifiedCheckpoint {
    /// What it says.
    #[must_use]
    pub fn claimed(&self) -> &Checkpoint {
        &self.0.checkpoint
    }

    /// Checks whose it is, and the signature against the issuer's keys, past and present.
    ///
    /// # Errors
    /// `checkpoint_other_issuer`, `checkpoint_unknown_key`, `checkpoint_bad_signature`.
    pub fn verify(
        self,
        issuer: &IssuerId,
        keys: &[SigningPublicKey],
    ) -> Result<SignedCheckpoint, Error> {
        let Self(signed) = self;
        if signed.checkpoint.issuer != *issuer {
            return Err(OTHER_ISSUER);
        }
        Note::split(&signed.note)?.verify(&note::origin(issuer), keys)?;
        Ok(signed)
    }
}

/// Checks that the newer journal is the older one, grown: everything in the older one is still
/// there, at its place.
///
/// `path` is the consistency proof of RFC 6962, section 2.1.2. An empty journal grows into every
/// other one.
///
/// # Errors
/// `checkpoints_inconsistent`, also for a proof of another length and for two issuers.
pub fn verify_consistency(
    older: &Checkpoint,
    newer: &Checkpoint,
    path: &[TreeHash],
) -> Result<(), Error> {
    if older.issuer != newer.issuer || older.size > newer.size || newer.size > JOURNAL_SIZE_MAX {
        return Err(INCONSISTENT);
    }
    if older.size == newer.size || older.size == 0 {
        let same = older.size == 0 || older.root == newer.root;
        return if same && path.is_empty() { Ok(()) } else { Err(INCONSISTENT) };
    }
    let proof: ConsistencyProof<Sha256> =
        ConsistencyProof::try_from_bytes(path.concat()).map_err(|_| INCONSISTENT)?;
    let root =
        |checkpoint: &Checkpoint| RootHash::<Sha256>::new(checkpoint.root.into(), checkpoint.size);
    root(newer).verify_consistency(&root(older), &proof).map_err(|_| INCONSISTENT)
}
