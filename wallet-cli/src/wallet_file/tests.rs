use reqwest::Url;
use serde_json::{Value, json};
use wallet_core::code::CodePrefix;
use wallet_core::issuer::{IssuerDocument, IssuerStatement, StatedSealingKey, StatedSigningKey};
use wallet_core::keyfile::{Cost, Passphrase};
use wallet_core::{IssuerId, SealingPublicKey, SigningKey, Slot, Timestamp};

use super::{Profile, Protection, WalletDirectory};
use crate::client::models::{Enrolment, Issuer};
use crate::failure::Failure;
use crate::secrets::PassphraseArgs;

const NOW: Timestamp = Timestamp::from_unix_seconds(1_800_000_000);

/// What a server answers for the issuer with this root key, whose current key is in `slot`.
fn issuer(root: u8, slot: u8, issued_at: Timestamp) -> Value {
    let root = SigningKey::from_seed(&[root; 32]);
    let sealing_key = StatedSealingKey {
        slot: Slot::from_number(slot).unwrap(),
        key: SealingPublicKey::from_bytes([slot + 1; 32]),
        created_at: NOW,
        retires_at: NOW.plus_millis(1_000_000),
        current: true,
    };
    let statement = IssuerStatement {
        issued_at,
        prefix: CodePrefix::DEFAULT,
        sealing_keys: vec![sealing_key],
        signing_keys: vec![StatedSigningKey { key: root.public_key(), effective_at: NOW }],
    };
    let document = IssuerDocument::sign(statement, &root);
    json!({
        "issuer_id": document.issuer_id().to_string(), "server_time": "2026-11-22T12:00:00.000Z",
        "currency": "CNY", "code_prefix": "70", "sealing_keys": [], "signing_keys": [],
        "document": document.to_string(),
    })
}

fn issuer_id() -> IssuerId {
    SigningKey::from_seed(&[1; 32]).public_key().root_issuer_id()
}

fn read(issuer: Value) -> Issuer {
    serde_json::from_value(issuer).unwrap()
}

fn enrolled(issuer: &Value) -> Result<Profile, Failure> {
    let answer: Enrolment = serde_json::from_value(json!({
        "device_key_id": "0102030405060708", "payer": "payer_1", "mode": "test",
        "currency": "CNY", "issuer": issuer, "server_time": "2026-11-22T12:00:00.000Z",
        "limits": {"payment": "200.00", "day": "1000.00"},
    }))
    .unwrap();
    let server = Url::parse("http://127.0.0.1:8080").unwrap();
    Profile::enrolled(&server, &answer, &issuer_id())
}

fn profile() -> Profile {
    enrolled(&issuer(1, 0, NOW)).unwrap()
}

fn slot(profile: &Profile) -> u8 {
    profile.issuer_profile().unwrap().slot.number()
}

#[test]
fn a_profile_reads_back_from_its_file_and_its_default_limit_is_the_issuers() {
    let temporary = tempfile::tempdir().unwrap();
    let directory = WalletDirectory::at(temporary.path());
    assert_eq!(directory.profile().unwrap_err().code(), "not_enrolled");
    let written = profile();
    directory.save_profile(&written).unwrap();
    let read = directory.profile().unwrap();
    assert_eq!(read, written);
    assert_eq!(read.limit(None).unwrap().money().to_string(), "200.00 CNY");
    assert_eq!(read.limit(Some("20")).unwrap().money().to_string(), "20.00 CNY");
    assert_eq!(read.limit(Some("0")).unwrap_err().code(), "invalid_limit");
}

#[test]
fn a_profile_follows_its_issuers_keys_but_never_another_issuer() {
    let mut profile = profile();
    let later = NOW.plus_millis(1);
    profile.refresh(&read(issuer(1, 1, later))).unwrap();
    assert_eq!(slot(&profile), 1);
    let error = profile.refresh(&read(issuer(2, 2, later))).unwrap_err();
    assert_eq!(error.code(), "issuer_document_other_issuer");
    assert_eq!(slot(&profile), 1);
    let error = enrolled(&issuer(2, 0, NOW)).unwrap_err();
    assert_eq!(error.code(), "issuer_document_other_issuer");
}

#[test]
fn keys_beside_the_document_are_not_believed_and_an_altered_document_is_refused() {
    let mut profile = profile();
    let mut relayed = issuer(1, 0, NOW.plus_millis(1));
    relayed["sealing_keys"] = json!([{
        "slot": 5, "public_key": "66".repeat(32), "created_at": "", "retires_at": "",
        "current": true,
    }]);
    let before = profile.issuer_profile().unwrap();
    profile.refresh(&read(relayed)).unwrap();
    assert_eq!(profile.issuer_profile().unwrap(), before);

    let mut altered = issuer(1, 3, NOW.plus_millis(1));
    let text = altered["document"].as_str().unwrap();
    altered["document"] = json!(format!("{}AAAA", &text[..text.len() - 4]));
    let error = profile.refresh(&read(altered)).unwrap_err();
    assert_eq!(error.code(), "issuer_document_bad_signature");
    assert_eq!(profile.issuer_profile().unwrap(), before);
}

#[test]
fn a_document_that_the_issuer_has_replaced_is_refused_but_the_same_keys_are_not() {
    let mut profile = profile();
    profile.refresh(&read(issuer(1, 1, NOW.plus_millis(5)))).unwrap();
    let error = profile.refresh(&read(issuer(1, 0, NOW.plus_millis(4)))).unwrap_err();
    assert_eq!(error.code(), "issuer_document_outdated");
    profile.refresh(&read(issuer(1, 1, NOW))).unwrap();
    assert_eq!(slot(&profile), 1);
}

#[test]
fn a_device_key_opens_with_its_passphrase_only_and_without_when_stored_so() {
    let temporary = tempfile::tempdir().unwrap();
    let secret = temporary.path().join("passphrase");
    let directory = WalletDirectory::at(&temporary.path().join("wallet"));
    let passphrase = Passphrase::new(b"correct horse".to_vec()).unwrap();
    let protection = Protection::Passphrase(passphrase, Cost::CHEAP_FOR_TESTS);
    let key = directory.create_key(&protection).unwrap();

    let args = PassphraseArgs::from_file(&secret);
    std::fs::write(&secret, "correct horse\n").unwrap();
    assert_eq!(directory.open_key(&args).unwrap().public_key(), key.public_key());
    std::fs::write(&secret, "wrong horse\n").unwrap();
    assert_eq!(directory.open_key(&args).unwrap_err().code(), "keyfile_wrong_passphrase");

    let key = directory.create_key(&Protection::None).unwrap();
    let opened = directory.open_key(&PassphraseArgs::default()).unwrap();
    assert_eq!(opened.public_key(), key.public_key());
}
