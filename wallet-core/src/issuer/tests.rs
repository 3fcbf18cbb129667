use base64ct::{Base64UrlUnpadded, Encoding};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;

use super::{
    DOCUMENT_SIGNING_KEYS_MAX, IssuerDocument, IssuerStatement, SIGNING_KEYS_OVERLAP_MILLIS,
    StatedSealingKey, StatedSigningKey,
};
use crate::code::CodePrefix;
use crate::keys::{IssuerId, SealingPublicKey, SigningKey, Slot};
use crate::{Error, Timestamp};

const NOW: Timestamp = Timestamp::from_unix_seconds(1_800_000_000);

fn key(seed: u64) -> SigningKey {
    SigningKey::generate(&mut ChaCha20Rng::seed_from_u64(seed))
}

fn id() -> IssuerId {
    key(1).public_key().root_issuer_id()
}

fn sealing_key(slot: u8, current: bool) -> StatedSealingKey {
    StatedSealingKey {
        slot: Slot::from_number(slot).unwrap(),
        key: SealingPublicKey::from_bytes([slot + 1; 32]),
        created_at: NOW,
        retires_at: NOW.plus_millis(1_000),
        current,
    }
}

fn signing_key(seed: u64) -> StatedSigningKey {
    StatedSigningKey { key: key(seed).public_key(), effective_at: NOW }
}

fn statement() -> IssuerStatement {
    IssuerStatement {
        issued_at: NOW,
        prefix: CodePrefix::DEFAULT,
        sealing_keys: vec![sealing_key(0, false), sealing_key(1, true)],
        signing_keys: vec![signing_key(1), signing_key(2)],
    }
}

fn read(text: &str) -> Result<IssuerDocument, Error> {
    IssuerDocument::parse(text)?.verify(&id())
}

fn text_of(bytes: &[u8]) -> String {
    Base64UrlUnpadded::encode_string(bytes)
}

fn bytes_of(document: &IssuerDocument) -> Vec<u8> {
    Base64UrlUnpadded::decode_vec(&document.to_string()).unwrap()
}

fn refusal(statement: IssuerStatement) -> &'static str {
    let text = IssuerDocument::sign(statement, &key(1)).to_string();
    read(&text).map_or_else(|error| error.code(), |_| "read")
}

#[test]
fn a_document_survives_its_text_and_says_what_was_signed() {
    let signed = IssuerDocument::sign(statement(), &key(1));
    let document = read(&signed.to_string()).unwrap();
    assert_eq!(document, signed);
    assert_eq!(document.statement(), &statement());
    assert_eq!(document.issuer_id(), id());
    assert_eq!(document.current_sealing_key().unwrap().slot.number(), 1);
    assert_eq!(document.signing_keys(), [1, 2].map(|seed| key(seed).public_key()));
    assert_eq!(bytes_of(&document).len(), 101 + 2 * 50 + 2 * 40 + 64);
}

#[test]
fn every_flipped_bit_is_refused() {
    let bytes = bytes_of(&IssuerDocument::sign(statement(), &key(1)));
    for position in 0..bytes.len() {
        for bit in [0x01, 0x10, 0x80] {
            let mut altered = bytes.clone();
            altered[position] ^= bit;
            assert!(read(&text_of(&altered)).is_err(), "byte {position}, bit {bit:#x}");
        }
    }
}

#[test]
fn a_document_cut_short_or_with_something_behind_it_is_refused() {
    let bytes = bytes_of(&IssuerDocument::sign(statement(), &key(1)));
    for length in 0..bytes.len() {
        let error = read(&text_of(&bytes[..length])).unwrap_err();
        assert_eq!(error.code(), "issuer_document_invalid", "{length}");
    }
    let longer = [bytes.as_slice(), &[0]].concat();
    assert_eq!(read(&text_of(&longer)).unwrap_err().code(), "issuer_document_invalid");
    let padded = format!("{}=", text_of(&bytes));
    assert_eq!(read(&padded).unwrap_err().code(), "issuer_document_invalid");
    assert_eq!(read(&"A".repeat(1 << 20)).unwrap_err().code(), "issuer_document_invalid");
}

#[test]
fn a_relay_can_not_put_a_sealing_key_of_its_own_into_a_document() {
    let genuine = IssuerDocument::sign(statement(), &key(1));
    let mut forged = genuine.clone();
    forged.statement.sealing_keys[1].key = SealingPublicKey::from_bytes([0x66; 32]);
    let error = read(&forged.to_string()).unwrap_err();
    assert_eq!(error.code(), "issuer_document_bad_signature");

    // Signed with a key of the relay, under the issuer's name.
    let mut resigned = IssuerDocument::sign(forged.statement, &key(66));
    resigned.root = genuine.root;
    let error = read(&resigned.to_string()).unwrap_err();
    assert_eq!(error.code(), "issuer_document_bad_signature");
}

#[test]
fn a_key_signs_from_its_time_on_and_until_a_day_after_a_later_one_took_over() {
    let at = |seed, millis| StatedSigningKey {
        effective_at: NOW.plus_millis(millis),
        ..signing_key(seed)
    };
    let root = StatedSigningKey { effective_at: Timestamp::from_unix_millis(0), ..signing_key(1) };
    let (day, hour) = (SIGNING_KEYS_OVERLAP_MILLIS, 3_600_000);
    // The third key was made before the second one had signed anything.
    let signing_keys = vec![root, at(2, hour), at(3, hour), at(4, 90 * day)];
    let statement = IssuerStatement {
        issued_at: NOW,
        prefix: CodePrefix::DEFAULT,
        sealing_keys: Vec::new(),
        signing_keys,
    };
    let document = IssuerDocument::sign(statement, &key(1));
    let signs = |seed: u64, millis: i64| {
        document.may_have_signed(key(seed).public_key().id(), NOW.plus_millis(millis))
    };
    assert!(signs(1, -NOW.unix_millis()) && signs(1, hour + day - 1) && !signs(1, hour + day));
    assert!(!signs(2, hour - 1) && signs(2, hour) && !signs(2, hour + day));
    assert!(!signs(3, hour - 1) && signs(3, hour) && signs(3, 91 * day - 1) && !signs(3, 91 * day));
    assert!(!signs(4, 90 * day - 1) && signs(4, 90 * day) && signs(4, 10_000 * day));
    assert!(!signs(5, hour), "the document does not name it");
}

#[test]
fn a_document_of_another_issuer_is_genuine_but_refused() {
    let other = IssuerDocument::sign(statement(), &key(2));
    let parsed = IssuerDocument::parse(&other.to_string()).unwrap();
    assert_eq!(parsed.claimed_issuer_id(), key(2).public_key().root_issuer_id());
    let error = parsed.clone().verify(&id()).unwrap_err();
    assert_eq!(error.code(), "issuer_document_other_issuer");
    parsed.verify(&key(2).public_key().root_issuer_id()).unwrap();
}

#[test]
fn a_rotated_signing_key_can_not_sign_documents() {
    let mut document = IssuerDocument::sign(statement(), &key(2));
    document.root = key(1).public_key();
    let error = read(&document.to_string()).unwrap_err();
    assert_eq!(error.code(), "issuer_document_bad_signature");
}

#[test]
fn an_issuer_id_that_does_not_hash_the_root_key_is_refused() {
    let mut bytes = bytes_of(&IssuerDocument::sign(statement(), &key(2)));
    bytes[25..57].copy_from_slice(id().as_bytes());
    assert_eq!(read(&text_of(&bytes)).unwrap_err().code(), "issuer_document_invalid");
}

#[test]
fn two_keys_in_one_slot_two_current_ones_and_a_key_named_twice_are_refused() {
    let twice = IssuerStatement {
        sealing_keys: vec![sealing_key(3, false), sealing_key(3, true)],
        ..statement()
    };
    assert_eq!(refusal(twice), "issuer_document_invalid");
    let both = vec![sealing_key(0, true), sealing_key(1, true)];
    assert_eq!(
        refusal(IssuerStatement { sealing_keys: both, ..statement() }),
        "issuer_document_invalid"
    );
    let keys = vec![signing_key(1), signing_key(2), signing_key(1)];
    assert_eq!(
        refusal(IssuerStatement { signing_keys: keys, ..statement() }),
        "issuer_document_invalid"
    );
}

#[test]
fn a_document_of_the_greatest_length_is_read_and_names_the_newest_keys() {
    let seeds = 1..=u64::try_from(DOCUMENT_SIGNING_KEYS_MAX).unwrap() + 1;
    let full = IssuerStatement {
        sealing_keys: (0..8).map(|slot| sealing_key(slot, slot == 7)).collect(),
        signing_keys: seeds.map(signing_key).collect(),
        ..statement()
    };
    let document = read(&IssuerDocument::sign(full, &key(1)).to_string()).unwrap();
    assert_eq!(document.statement().sealing_keys.len(), 8);
    assert_eq!(document.signing_keys().len(), DOCUMENT_SIGNING_KEYS_MAX);
    assert_eq!(document.signing_keys()[0], key(2).public_key());
}

#[test]
fn an_issuer_without_keys_has_a_document_all_the_same() {
    let none =
        IssuerStatement { sealing_keys: Vec::new(), signing_keys: Vec::new(), ..statement() };
    let document = read(&IssuerDocument::sign(none, &key(1)).to_string()).unwrap();
    assert_eq!(document.current_sealing_key(), None);
    assert!(document.signing_keys().is_empty());
}

#[test]
fn of_two_documents_the_one_signed_later_is_newer() {
    let sign = |issued_at, prefix: &str| {
        let prefix = CodePrefix::parse(prefix).unwrap();
        IssuerDocument::sign(IssuerStatement { issued_at, prefix, ..statement() }, &key(1))
    };
    let known = sign(NOW, "70");
    let later = sign(NOW.plus_millis(1), "70");
    assert!(later.is_newer_than(&known));
    assert!(!known.is_newer_than(&later) && !known.is_newer_than(&known));
    assert!(later.says_the_same_as(&known));
    assert!(!sign(NOW, "71").says_the_same_as(&known));
}
