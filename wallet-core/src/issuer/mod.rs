//! The issuer's document: which keys it uses, signed with its root key.
//!
//! An issuer is known by its id, the hash of its root public key. The keys that it uses from day
//! to day change; the document is what ties them to the id, so that a relay between the issuer
//! and a phone or a till can name no keys of its own.

mod layout;

use core::fmt;

use base64ct::{Base64UrlUnpadded, Encoding};

use crate::code::CodePrefix;
use crate::keys::{IssuerId, SealingPublicKey, SigningKey, SigningKeyId, SigningPublicKey, Slot};
use crate::{Error, Timestamp};

/// The most signing keys that a document names; an issuer rotates them about once a year.
pub const DOCUMENT_SIGNING_KEYS_MAX: usize = 32;

/// How long after a later key took over a decision may still be signed with the one before it: a
/// day, for servers that have the new key from a copy of the file, and are started again one after
/// another. A leaked key signs nothing newer that is believed, once it has been replaced.
pub const SIGNING_KEYS_OVERLAP_MILLIS: i64 = 24 * 60 * 60 * 1000;

const INVALID: Error =
    Error::new("issuer_document_invalid", "this text is not a version 1 issuer document");
const OTHER_ISSUER: Error =
    Error::new("issuer_document_other_issuer", "the document is of another issuer");
const BAD_SIGNATURE: Error =
    Error::new("issuer_document_bad_signature", "the issuer's root key did not sign this document");

/// What an issuer says about itself.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct IssuerStatement {
    /// When it says so, by its own clock.
    pub issued_at: Timestamp,
    /// The two digits in front of its codes.
    pub prefix: CodePrefix,
    /// The keys that codes are sealed to, oldest first: at most one a slot, and at most one of
    /// them current.
    pub sealing_keys: Vec<StatedSealingKey>,
    /// The keys that sign receipts, oldest first, each of them once. The root key is among them
    /// as long as it signs receipts, or ever did.
    pub signing_keys: Vec<StatedSigningKey>,
}

/// A sealing key as a document names it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct StatedSealingKey {
    /// Its slot.
    pub slot: Slot,
    /// The public half.
    pub key: SealingPublicKey,
    /// When it was made.
    pub created_at: Timestamp,
    /// From when on nobody seals to it or opens with it.
    pub retires_at: Timestamp,
    /// Whether devices should seal to it now.
    pub current: bool,
}

/// A signing key as a document names it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct StatedSigningKey {
    /// The public half.
    pub key: SigningPublicKey,
    /// The first moment whose decisions it signs; 0 for the root key.
    pub effective_at: Timestamp,
}

/// A statement with the signature of the issuer's root key, verified or just made.
///
/// Its text is unpadded base64url. Integers are big-endian, times Unix milliseconds (signed):
///
/// | offset | length | field |
/// |---|---|---|
/// | 0 | 25 | `wallet-issuer-document/1` and a NUL |
/// | 25 | 32 | issuer id |
/// | 57 | 32 | root public key |
/// | 89 | 8 | issued at |
/// | 97 | 2 | prefix of its codes, two ASCII digits |
/// | 99 | 1 | number of sealing keys *m*, 0 to 8 |
/// | 100 | 50 × *m* | sealing keys: slot 1, public key 32, created at 8, retires at 8, current 1 (0 or 1) |
/// | 100 + 50*m* | 1 | number of signing keys *n*, 0 to 32 |
/// | 101 + 50*m* | 40 × *n* | signing keys: public key 32, effective at 8 |
/// | 101 + 50*m* + 40*n* | 64 | Ed25519 signature (RFC 8032) of the root key over everything before it |
///
/// Every document has exactly one form.
///
/// ```
/// use wallet_core::code::CodePrefix;
/// use wallet_core::issuer::{IssuerDocument, IssuerStatement, StatedSigningKey};
/// use wallet_core::{SigningKey, Timestamp};
/// # use rand_core::SeedableRng;
/// # let mut rng = rand_chacha::ChaCha20Rng::seed_from_u64(1);
/// let root = SigningKey::generate(&mut rng);
/// let next = SigningKey::generate(&mut rng).public_key();
/// let now = Timestamp::from_unix_seconds(1_800_000_000);
/// let text = IssuerDocument::sign(
///     IssuerStatement {
///         issued_at: now,
///         prefix: CodePrefix::DEFAULT,
///         sealing_keys: Vec::new(),
///         signing_keys: vec![StatedSigningKey { key: next, effective_at: now }],
///     },
///     &root,
/// )
/// .to_string();
///
/// // What everyone must know beforehand is the issuer's id.
/// let id = root.public_key().root_issuer_id();
/// let document = IssuerDocument::parse(&text)?.verify(&id)?;
/// assert_eq!(document.signing_keys(), [next]);
/// # Ok::<(), wallet_core::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct IssuerDocument {
    root: SigningPublicKey,
    statement: IssuerStatement,
    signature: [u8; 64],
}

impl IssuerDocument {
    /// Signs a statement with the issuer's *first* signing key, whose public half the issuer's id
    /// hashes.
    ///
    /// Only the newest eight sealing keys and the newest [`DOCUMENT_SIGNING_KEYS_MAX`] signing
    /// keys are named. A statement that breaks the other rules of its fields gives a document
    /// that [`parse`](Self::parse) refuses.
    #[must_use]
    pub fn sign(mut statement: IssuerStatement, root: &SigningKey) -> Self {
        keep_newest(&mut statement.sealing_keys, usize::from(Slot::COUNT));
        keep_newest(&mut statement.signing_keys, DOCUMENT_SIGNING_KEYS_MAX);
        let public = root.public_key();
        let signature = root.sign(&layout::signed_bytes(&public, &statement));
        Self { root: public, statement, signature }
    }

    /// Reads the text of a document. It is not verified yet.
    ///
    /// # Errors
    /// `issuer_document_invalid`.
    pub fn parse(text: &str) -> Result<UnverifiedIssuerDocument, Error> {
        if text.len() > layout::TEXT_LENGTH_MAX {
            return Err(INVALID);
        }
        let bytes = Base64UrlUnpadded::decode_vec(text).map_err(|_| INVALID)?;
        layout::read(&bytes).map(UnverifiedIssuerDocument)
    }

    /// Whose document it is.
    #[must_use]
    pub fn issuer_id(&self) -> IssuerId {
        self.root.root_issuer_id()
    }

    /// What the issuer says.
    #[must_use]
    pub fn statement(&self) -> &IssuerStatement {
        &self.statement
    }

    /// When the issuer signed it, by its own clock.
    #[must_use]
    pub fn issued_at(&self) -> Timestamp {
        self.statement.issued_at
    }

    /// The keys that receipts may be signed with, for
    /// [`UnverifiedReceipt::verify`](crate::receipt::UnverifiedReceipt::verify).
    #[must_use]
    pub fn signing_keys(&self) -> Vec<SigningPublicKey> {
        self.statement.signing_keys.iter().map(|stated| stated.key).collect()
    }

    /// Whether a decision of this moment may be signed with a key: it was in effect already, and no
    /// later one had taken over for longer than [`SIGNING_KEYS_OVERLAP_MILLIS`].
    #[must_use]
    pub fn may_have_signed(&self, key: SigningKeyId, decided_at: Timestamp) -> bool {
        let is_it = |stated: &StatedSigningKey| stated.key.id() == key;
        // Oldest first: those behind it took over from it.
        let mut from_it_on = self.statement.signing_keys.iter().skip_while(|stated| !is_it(stated));
        let Some(stated) = from_it_on.next() else { return false };
        let over = from_it_on.map(|later| later.effective_at).min();
        stated.effective_at <= decided_at
            && over.is_none_or(|over| decided_at < over.plus_millis(SIGNING_KEYS_OVERLAP_MILLIS))
    }

    /// The key that devices should seal to; none when it has retired and there is no newer one.
    #[must_use]
    pub fn current_sealing_key(&self) -> Option<&StatedSealingKey> {
        self.statement.sealing_keys.iter().find(|stated| stated.current)
    }

    /// Whether this document was signed after another one of the same issuer.
    ///
    /// Keep the newest document and refuse an older one that says something else: it is genuine,
    /// but whoever replays it wants a key to be used that the issuer has given up.
    #[must_use]
    pub fn is_newer_than(&self, known: &Self) -> bool {
        self.issued_at() > known.issued_at()
    }

    /// Whether both say the same, whenever they were signed.
    #[must_use]
    pub fn says_the_same_as(&self, other: &Self) -> bool {
        let IssuerStatement { issued_at: _, prefix, sealing_keys, signing_keys } = &self.statement;
        self.root == other.root
            && *prefix == other.statement.prefix
            && *sealing_keys == other.statement.sealing_keys
            && *signing_keys == other.statement.signing_keys
    }
}

fn keep_newest<T>(keys: &mut Vec<T>, count: usize) {
    keys.drain(..keys.len().saturating_sub(count));
}

/// The text, base64url.
impl fmt::Display for IssuerDocument {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut bytes = layout::signed_bytes(&self.root, &self.statement);
        bytes.extend_from_slice(&self.signature);
        f.write_str(&Base64UrlUnpadded::encode_string(&bytes))
    }
}

impl fmt::Debug for IssuerDocument {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IssuerDocument")
            .field("root", &self.root)
            .field("statement", &self.statement)
            .finish_non_exhaustive()
    }
}

/// A document that somebody showed: nothing in it may be believed before
/// [`verify`](Self::verify).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct UnverifiedIssuerDocument(IssuerDocument);

impl UnverifiedIssuerDocument {
    /// Whose document it says it is.
    ///
    /// Verifying against this very id is *trust on first use*: it shows that the document is of
    /// one piece, not that the issuer is the right one. Keep the id, and expect it ever after.
    #[must_use]
    pub fn claimed_issuer_id(&self) -> IssuerId {
        self.0.issuer_id()
    }

    /// Checks that the root key is the one that names the expected issuer, and its signature.
    ///
    /// # Errors
    /// `issuer_document_other_issuer`, `issuer_document_bad_signature`.
    pub fn verify(self, expected: &IssuerId) -> Result<IssuerDocument, Error> {
        let Self(document) = self;
        if document.issuer_id() != *expected {
            return Err(OTHER_ISSUER);
        }
        let message = layout::signed_bytes(&document.root, &document.statement);
        document.root.verify(&message, &document.signature).map_err(|_| BAD_SIGNATURE)?;
        Ok(document)
    }
}

#[cfg(test)]
mod tests;
