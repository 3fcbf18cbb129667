use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;

use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use wallet_core::code::CodePrefix;
use wallet_core::issuer::IssuerDocument;
use wallet_core::keyfile::{Cost, Passphrase};
use wallet_core::receipt::{PaymentState, Record, RecordKind};
use wallet_core::{Currency, Mode, Money, Timestamp};

use super::{FileKeys, KeyFileError};
use crate::entropy::Entropy;
use crate::issuer::{IssuerKeys, KeyKind, Purpose};
use crate::private_file;

mod changes;

const NOW: Timestamp = Timestamp::from_unix_seconds(1_800_000_000);

fn open(path: &Path, passphrase: Option<&str>) -> Result<FileKeys, KeyFileError> {
    let passphrase = passphrase.map(|text| Passphrase::new(text.into()).unwrap());
    let entropy = Arc::new(Entropy::new(Box::new(ChaCha20Rng::seed_from_u64(1))));
    FileKeys::open_or_create(path, passphrase, Cost::CHEAP_FOR_TESTS, NOW, entropy)
}

#[test]
fn the_file_is_made_once_for_its_owner_only_and_read_ever_after() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("issuer.key");
    let first = open(&path, None).unwrap().public();
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let second = open(&path, None).unwrap().public();
    assert_eq!(first.issuer_id, second.issuer_id);
    assert_eq!(first.signing, second.signing);
}

#[test]
fn a_file_with_a_passphrase_opens_with_that_one_only() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("issuer.key");
    open(&path, Some("correct horse")).unwrap();
    open(&path, Some("correct horse")).unwrap();
    assert!(matches!(open(&path, None), Err(KeyFileError::NeedsPassphrase(_))));
    assert!(matches!(open(&path, Some("wrong")), Err(KeyFileError::Unusable(..))));
}

#[test]
fn a_damaged_file_is_reported_and_not_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("issuer.key");
    private_file::create(&path, b"garbage").unwrap();
    assert!(matches!(open(&path, None), Err(KeyFileError::Unusable(..))));
    assert_eq!(std::fs::read(&path).unwrap(), b"garbage");
}

#[test]
fn rotation_keeps_the_issuer_and_what_was_hidden() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("issuer.key");
    let keys = open(&path, None).unwrap();
    let before = keys.public();
    let hidden = keys.hide(Purpose::Names, b"payer", b"name");
    keys.rotate(KeyKind::Sealing, NOW.plus_millis(1)).unwrap();
    keys.rotate(KeyKind::Signing, NOW.plus_millis(1)).unwrap();

    let reopened = open(&path, None).unwrap();
    let after = reopened.public();
    assert_eq!(after.issuer_id, before.issuer_id);
    assert_eq!((after.sealing.len(), after.signing.len()), (2, 2));
    assert_eq!(after.sealing.last().unwrap().slot.number(), 1);
    assert_eq!(reopened.reveal(Purpose::Names, b"payer", &hidden).unwrap(), b"name");
    assert_eq!(reopened.reveal(Purpose::Evidence, b"payer", &hidden), None);
}

#[test]
fn a_receipt_is_signed_with_the_newest_key_that_was_in_effect_when_its_record_was_decided() {
    let folder = tempfile::tempdir().unwrap();
    let keys = open(&folder.path().join("issuer.key"), None).unwrap();
    keys.rotate(KeyKind::Signing, NOW).unwrap();
    keys.rotate(KeyKind::Signing, NOW.plus_millis(120_000)).unwrap();
    let signing = keys.public().signing.clone();
    let amount = Money::from_minor(1250, Currency::from_code("CNY").unwrap());
    for (millis, key) in [(0, 0), (59_999, 0), (60_000, 1), (179_999, 1), (180_000, 2)] {
        let receipt = keys.sign(&Record {
            mode: Mode::Live,
            kind: RecordKind::Payment,
            state: PaymentState::Succeeded,
            subject: [1; 16],
            merchant: [2; 16],
            decided_at: NOW.plus_millis(millis),
            asked: amount,
            settled: amount,
            reference_hash: [3; 32],
            books_hash: [4; 32],
        });
        assert_eq!(receipt.key_id(), signing[key].id(), "after {millis} ms");
    }
}

#[test]
fn servers_that_share_the_file_do_not_lose_each_others_keys() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("issuer.key");
    let (one, other) = (open(&path, None).unwrap(), open(&path, None).unwrap());
    let before = one.public().signing.len();
    one.rotate(KeyKind::Signing, NOW).unwrap();
    other.rotate(KeyKind::Signing, NOW).unwrap();
    assert_eq!(open(&path, None).unwrap().public().signing.len(), before + 2);
}

#[test]
fn the_document_certifies_rotated_keys_with_the_root_key() {
    let folder = tempfile::tempdir().unwrap();
    let keys = open(&folder.path().join("issuer.key"), None).unwrap();
    let before = keys.document(CodePrefix::DEFAULT, NOW);
    let later = NOW.plus_millis(1);
    keys.rotate(KeyKind::Sealing, later).unwrap();
    keys.rotate(KeyKind::Signing, later).unwrap();

    let text = keys.document(CodePrefix::DEFAULT, later).to_string();
    let after = IssuerDocument::parse(&text).unwrap().verify(&keys.issuer_id()).unwrap();
    let public = keys.public();
    assert_eq!(after.signing_keys(), public.signing);
    assert_eq!(after.current_sealing_key().unwrap().key, public.sealing[1].key);
    assert!(after.is_newer_than(&before) && !after.says_the_same_as(&before));
}

#[test]
fn a_file_that_others_can_read_is_not_opened() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("issuer.key");
    open(&path, None).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
    let error = open(&path, None).err().unwrap().to_string();
    assert!(error.contains("chmod 600"), "{error}");
}

#[test]
fn nobody_waits_for_a_rotation_while_it_writes() {
    let folder = tempfile::tempdir().unwrap();
    let mut keys = open(&folder.path().join("issuer.key"), None).unwrap();
    keys.sync = |keys| {
        assert!(keys.state.try_write().is_ok());
        assert!(keys.changing.try_lock().is_err());
        Ok(())
    };
    keys.rotate(KeyKind::Sealing, NOW.plus_millis(1)).unwrap();
}

#[test]
fn the_keys_in_use_are_those_of_the_file_even_if_it_may_not_last() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("issuer.key");
    let mut keys = open(&path, None).unwrap();
    keys.sync = |_| Err(std::io::Error::other("the disk is gone"));
    let error = keys.rotate(KeyKind::Sealing, NOW.plus_millis(1)).unwrap_err();
    assert!(matches!(error, KeyFileError::NotDurable(..)), "{error}");
    let slots = |keys: &FileKeys| keys.public().sealing.iter().map(|key| key.slot.number()).max();
    assert_eq!(slots(&keys), Some(1));
    assert_eq!(slots(&open(&path, None).unwrap()), Some(1));
}

#[test]
fn a_rotation_that_cannot_be_written_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("issuer.key");
    let keys = open(&path, None).unwrap();
    std::fs::create_dir(folder.path().join("issuer.key.new")).unwrap();
    let error = keys.rotate(KeyKind::Sealing, NOW.plus_millis(1)).unwrap_err();
    assert!(matches!(error, KeyFileError::Io(..)), "{error}");
    assert_eq!(keys.public().sealing.len(), 1);
    assert_eq!(open(&path, None).unwrap().public().sealing.len(), 1);
}
