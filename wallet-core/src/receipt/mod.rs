//! Receipts: what the issuer decided, signed, to be verified by a till or a phone offline.
//!
//! A screen that says "payment succeeded" proves nothing; a receipt does. It carries no payer
//! and nothing that two payments of one payer share.

mod record;

use core::fmt;

use base64ct::{Base64UrlUnpadded, Encoding};

pub use record::{PaymentState, RECORD_LENGTH, Record, RecordKind};

use crate::issuer::IssuerDocument;
use crate::keys::{IssuerId, SigningKey, SigningKeyId, SigningPublicKey};
use crate::{Error, Mode};
use record::array;

const VERSION: u8 = 1;
/// Version 1, record 128, signing key id 8, signature 64, length of the proof 2.
const FIXED_LENGTH: usize = 1 + RECORD_LENGTH + 8 + 64 + 2;
/// The longest proof that is read: room for the path in a tree of 2^64 leaves, twice.
const PROOF_LENGTH_MAX: usize = 8192;
/// The longest text that is decoded, so that a till spends no memory on nonsense.
const TEXT_LENGTH_MAX: usize = (FIXED_LENGTH + PROOF_LENGTH_MAX).div_ceil(3) * 4;

const MALFORMED: Error = Error::new("invalid_receipt", "this text is not a version 1 receipt");
const UNKNOWN_KEY: Error =
    Error::new("receipt_unknown_key", "the receipt is signed with a key that is not the issuer's");
const KEY_NOT_IN_EFFECT: Error = Error::new(
    "receipt_key_not_in_effect",
    "the receipt is signed with a key that the issuer did not sign with at that time",
);
const BAD_SIGNATURE: Error =
    Error::new("receipt_bad_signature", "the issuer did not sign this receipt");

/// A record with the issuer's signature.
///
/// As text it is unpadded base64url of:
///
/// | offset | length | field |
/// |---|---|---|
/// | 0 | 1 | version, 1 |
/// | 1 | 128 | the [`Record`] |
/// | 129 | 8 | id of the signing key |
/// | 137 | 64 | Ed25519 signature (RFC 8032) over `wallet-receipt/1/live` or `…/test`, NUL, issuer id, record |
/// | 201 | 2 | length of the proof that follows |
/// | 203 | – | proof of its place in the issuer's journal, or nothing (feature `proof`) |
///
/// The proof stands outside the signature, so that it can be added once the journal has grown
/// past the record.
#[derive(Clone, PartialEq, Eq)]
pub struct Receipt {
    record: Record,
    key_id: SigningKeyId,
    signature: [u8; 64],
    proof: Vec<u8>,
}

impl Receipt {
    /// Signs a record as the issuer.
    #[must_use]
    pub fn sign(record: &Record, issuer: &IssuerId, key: &SigningKey) -> Self {
        Self::sign_with(record, issuer, key.public_key().id(), |message| key.sign(message))
    }

    /// The same for an issuer whose key is somewhere else, in a hardware module for example, or who
    /// computes by other means: `sign` makes an Ed25519 signature (RFC 8032) with the key of this id.
    #[must_use]
    pub fn sign_with(
        record: &Record,
        issuer: &IssuerId,
        key_id: SigningKeyId,
        sign: impl FnOnce(&[u8]) -> [u8; 64],
    ) -> Self {
        let message = signed_message(issuer, record);
        Self { record: *record, key_id, signature: sign(&message), proof: Vec::new() }
    }

    /// Reads the text of a receipt. It is not verified yet.
    ///
    /// # Errors
    /// `invalid_receipt`, `invalid_record`, `unknown_currency`.
    pub fn parse(text: &str) -> Result<UnverifiedReceipt, Error> {
        if text.len() > TEXT_LENGTH_MAX {
            return Err(MALFORMED);
        }
        let bytes = Base64UrlUnpadded::decode_vec(text).map_err(|_| MALFORMED)?;
        if bytes.len() < FIXED_LENGTH || bytes[0] != VERSION {
            return Err(MALFORMED);
        }
        let proof_length = usize::from(u16::from_be_bytes(array(&bytes[201..203])?));
        if proof_length > PROOF_LENGTH_MAX || bytes.len() != FIXED_LENGTH + proof_length {
            return Err(MALFORMED);
        }
        Ok(UnverifiedReceipt(Self {
            record: Record::from_bytes(&array(&bytes[1..129])?)?,
            key_id: SigningKeyId::from_bytes(array(&bytes[129..137])?),
            signature: array(&bytes[137..201])?,
            proof: bytes[FIXED_LENGTH..].to_vec(),
        }))
    }

    /// What the issuer decided.
    #[must_use]
    pub fn record(&self) -> &Record {
        &self.record
    }

    /// The proof of its place in the issuer's journal, as it came: empty where there is none.
    ///
    /// It stands outside the signature, so it says nothing before it is verified.
    #[must_use]
    pub fn proof(&self) -> &[u8] {
        &self.proof
    }

    /// Which of the issuer's keys signed.
    #[must_use]
    pub fn key_id(&self) -> SigningKeyId {
        self.key_id
    }
}

#[cfg(feature = "proof")]
impl Receipt {
    /// The same receipt with a proof of its place in the journal, in the place of any that it has.
    #[must_use]
    pub fn with_proof(mut self, proof: &crate::proof::InclusionProof) -> Self {
        self.proof = proof.to_bytes();
        self
    }

    /// Checks offline that the record stands in the journal that the issuer signed.
    ///
    /// # Errors
    /// `receipt_without_proof`; those of [`InclusionProof`](crate::proof::InclusionProof).
    pub fn verify_inclusion(
        &self,
        issuer: &IssuerId,
        keys: &[SigningPublicKey],
    ) -> Result<crate::proof::Included, Error> {
        const WITHOUT: Error = Error::new(
            "receipt_without_proof",
            "the receipt has no proof of its place in the journal yet: ask the issuer for one",
        );
        if self.proof.is_empty() {
            return Err(WITHOUT);
        }
        crate::proof::InclusionProof::from_bytes(&self.proof)?.verify(&self.record, issuer, keys)
    }
}

impl fmt::Display for Receipt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let proof_length = u16::try_from(self.proof.len()).map_err(|_| fmt::Error)?;
        let mut bytes = Vec::with_capacity(FIXED_LENGTH + self.proof.len());
        bytes.push(VERSION);
        bytes.extend_from_slice(&self.record.to_bytes());
        bytes.extend_from_slice(self.key_id.as_bytes());
        bytes.extend_from_slice(&self.signature);
        bytes.extend_from_slice(&proof_length.to_be_bytes());
        bytes.extend_from_slice(&self.proof);
        f.write_str(&Base64UrlUnpadded::encode_string(&bytes))
    }
}

impl fmt::Debug for Receipt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receipt").field("record", &self.record).finish_non_exhaustive()
    }
}

/// A receipt that somebody showed: nothing in it may be believed before
/// [`verify`](Self::verify).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct UnverifiedReceipt(Receipt);

impl UnverifiedReceipt {
    /// Checks the signature against the issuer's keys, past and present.
    ///
    /// Compare the record of the result with what you expect: the payment's id, the amount, your
    /// reference ([`Record::reference_hash`]), the state.
    ///
    /// # Errors
    /// `receipt_unknown_key`, `receipt_bad_signature`.
    pub fn verify(self, issuer: &IssuerId, keys: &[SigningPublicKey]) -> Result<Receipt, Error> {
        let key = keys.iter().find(|key| key.id() == self.0.key_id).ok_or(UNKNOWN_KEY)?;
        key.verify(&signed_message(issuer, &self.0.record), &self.0.signature)
            .map_err(|_| BAD_SIGNATURE)?;
        Ok(self.0)
    }

    /// The same with the keys of the issuer's document, which says when each of them signed: a key
    /// that leaked, and was replaced, signs nothing that is decided later. Use the newest document.
    ///
    /// # Errors
    /// `receipt_unknown_key`, `receipt_bad_signature`, `receipt_key_not_in_effect`
    /// ([`IssuerDocument::may_have_signed`]).
    pub fn verify_by(self, document: &IssuerDocument) -> Result<Receipt, Error> {
        let receipt = self.verify(&document.issuer_id(), &document.signing_keys())?;
        if document.may_have_signed(receipt.key_id, receipt.record.decided_at) {
            Ok(receipt)
        } else {
            Err(KEY_NOT_IN_EFFECT)
        }
    }
}

/// Domain ‖ issuer id ‖ record.
fn signed_message(issuer: &IssuerId, record: &Record) -> Vec<u8> {
    let domain: &[u8] = match record.mode {
        Mode::Live => b"wallet-receipt/1/live\0",
        Mode::Test => b"wallet-receipt/1/test\0",
    };
    [domain, issuer.as_bytes(), &record.to_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use rand_chacha::ChaCha20Rng;
    use rand_core::SeedableRng;

    use super::{PaymentState, Receipt, Record, RecordKind};
    use crate::code::CodePrefix;
    use crate::issuer::{
        IssuerDocument, IssuerStatement, SIGNING_KEYS_OVERLAP_MILLIS, StatedSigningKey,
    };
    use crate::keys::{IssuerId, SigningKey};
    use crate::{Currency, Mode, Money, Timestamp};

    fn record() -> Record {
        let yuan = Currency::from_code("CNY").unwrap();
        Record {
            mode: Mode::Live,
            kind: RecordKind::Payment,
            state: PaymentState::Succeeded,
            subject: [1; 16],
            merchant: [2; 16],
            decided_at: Timestamp::from_unix_millis(1_700_000_000_123),
            asked: Money::from_minor(1250, yuan),
            settled: Money::from_minor(1250, yuan),
            reference_hash: Record::reference_hash("order-1"),
            books_hash: [3; 32],
        }
    }

    fn issuer() -> (SigningKey, IssuerId) {
        let key = SigningKey::generate(&mut ChaCha20Rng::seed_from_u64(1));
        let id = key.public_key().root_issuer_id();
        (key, id)
    }

    #[test]
    fn a_receipt_survives_its_text_and_verifies_offline() {
        let (key, id) = issuer();
        let text = Receipt::sign(&record(), &id, &key).to_string();
        let receipt = Receipt::parse(&text).unwrap().verify(&id, &[key.public_key()]).unwrap();
        assert_eq!(*receipt.record(), record());
        assert_eq!(receipt.to_string(), text);
    }

    #[test]
    fn every_altered_character_of_a_receipt_is_refused() {
        let (key, id) = issuer();
        let text = Receipt::sign(&record(), &id, &key).to_string();
        for position in 0..text.len() {
            let mut altered = text.clone().into_bytes();
            altered[position] = if altered[position] == b'A' { b'B' } else { b'A' };
            let altered = String::from_utf8(altered).unwrap();
            let refused = Receipt::parse(&altered)
                .and_then(|receipt| receipt.verify(&id, &[key.public_key()]));
            assert!(refused.is_err(), "position {position}");
        }
    }

    #[test]
    fn only_one_last_character_reads_as_the_receipt() {
        let (key, id) = issuer();
        let text = Receipt::sign(&record(), &id, &key).to_string();
        let (stem, last) = text.split_at(text.len() - 1);
        for other in (b'0'..=b'z').map(char::from).filter(|c| !last.starts_with(*c)) {
            assert!(Receipt::parse(&format!("{stem}{other}")).is_err(), "{other}");
        }
    }

    #[test]
    fn a_proof_of_the_greatest_length_is_read_and_a_longer_text_is_refused() {
        let (key, id) = issuer();
        let mut receipt = Receipt::sign(&record(), &id, &key);
        receipt.proof = vec![9; super::PROOF_LENGTH_MAX];
        assert!(Receipt::parse(&receipt.to_string()).is_ok());
        receipt.proof.push(9);
        assert_eq!(Receipt::parse(&receipt.to_string()).unwrap_err().code(), "invalid_receipt");
    }

    #[test]
    fn a_record_of_less_than_nothing_is_refused() {
        for amount in [-1, i64::MIN] {
            let asked = Money::from_minor(amount, record().asked.currency());
            let bytes = Record { asked, ..record() }.to_bytes();
            assert_eq!(Record::from_bytes(&bytes).unwrap_err().code(), "invalid_record");
        }
    }

    #[test]
    fn a_receipt_of_another_issuer_is_refused() {
        let (key, id) = issuer();
        let text = Receipt::sign(&record(), &id, &key).to_string();
        let parsed = Receipt::parse(&text).unwrap();
        let other = SigningKey::generate(&mut ChaCha20Rng::seed_from_u64(2));
        let error = parsed.clone().verify(&id, &[other.public_key()]).unwrap_err();
        assert_eq!(error.code(), "receipt_unknown_key");
        let error = parsed.verify(&other.public_key().root_issuer_id(), &[key.public_key()]);
        assert_eq!(error.unwrap_err().code(), "receipt_bad_signature");
    }

    #[test]
    fn a_key_that_was_replaced_signs_nothing_that_is_decided_later() {
        let (root, id) = issuer();
        let next = SigningKey::generate(&mut ChaCha20Rng::seed_from_u64(2));
        let decided_at = record().decided_at;
        // By a document in which the next key took over at a moment.
        let verified = |key: &SigningKey, took_over: Timestamp| {
            let epoch = Timestamp::from_unix_millis(0);
            let signing_keys = [(&root, epoch), (&next, took_over)].map(|(key, effective_at)| {
                StatedSigningKey { key: key.public_key(), effective_at }
            });
            let statement = IssuerStatement {
                issued_at: decided_at,
                prefix: CodePrefix::DEFAULT,
                sealing_keys: Vec::new(),
                signing_keys: signing_keys.to_vec(),
            };
            let document = IssuerDocument::sign(statement, &root);
            let text = Receipt::sign(&record(), &id, key).to_string();
            Receipt::parse(&text).unwrap().verify_by(&document).map_err(|error| error.code())
        };
        let day = SIGNING_KEYS_OVERLAP_MILLIS;
        let refused = Err("receipt_key_not_in_effect");
        assert!(verified(&root, decided_at.plus_millis(1 - day)).is_ok());
        assert_eq!(verified(&root, decided_at.plus_millis(-day)), refused);
        assert!(verified(&next, decided_at).is_ok());
        assert_eq!(verified(&next, decided_at.plus_millis(1)), refused);
        let stranger = SigningKey::generate(&mut ChaCha20Rng::seed_from_u64(3));
        assert_eq!(verified(&stranger, decided_at), Err("receipt_unknown_key"));
    }

    #[test]
    fn a_proof_behind_the_signature_is_kept_and_a_wrong_length_is_refused() {
        let (key, id) = issuer();
        let mut receipt = Receipt::sign(&record(), &id, &key);
        receipt.proof = vec![9; 64];
        let text = receipt.to_string();
        let read = Receipt::parse(&text).unwrap().verify(&id, &[key.public_key()]).unwrap();
        assert_eq!(read.to_string(), text);
        assert!(Receipt::parse(&text[..text.len() - 4]).is_err());
    }

    #[test]
    fn every_state_and_kind_reads_back_from_a_record() {
        for (state, _, name) in PaymentState::ALL {
            let record = Record { state, kind: RecordKind::TopUp, mode: Mode::Test, ..record() };
            assert_eq!(Record::from_bytes(&record.to_bytes()).unwrap(), record);
            assert_eq!(PaymentState::from_name(name), Some(state));
        }
    }
}
