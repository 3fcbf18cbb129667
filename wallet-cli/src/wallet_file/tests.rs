use reqwest::Url;
use wallet_core::keyfile::{Cost, Passphrase};

use super::{Profile, Protection, WalletDirectory};
use crate::client::models::{Enrolment, Issuer};
use crate::secrets::PassphraseArgs;

const KEY: &str = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";

fn issuer(id: char, slot: u8) -> serde_json::Value {
    serde_json::json!({
        "issuer_id": id.to_string().repeat(64),
        "server_time": "2026-11-22T12:00:00.000Z",
        "currency": "CNY",
        "code_prefix": "70",
        "sealing_keys": [{
            "slot": slot, "public_key": KEY, "current": true,
            "created_at": "2026-01-01T00:00:00.000Z", "retires_at": "2028-01-01T00:00:00.000Z",
        }],
        "signing_keys": [{"id": "0102030405060708", "public_key": KEY}],
    })
}

fn profile() -> Profile {
    let answer: Enrolment = serde_json::from_value(serde_json::json!({
        "device_key_id": "0102030405060708", "payer": "payer_1", "mode": "test",
        "currency": "CNY", "issuer": issuer('a', 0), "server_time": "2026-11-22T12:00:00.000Z",
        "limits": {"payment": "200.00", "day": "1000.00"},
    }))
    .unwrap();
    Profile::enrolled(&Url::parse("http://127.0.0.1:8080").unwrap(), &answer).unwrap()
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
    let rotated: Issuer = serde_json::from_value(issuer('a', 1)).unwrap();
    profile.refresh(&rotated).unwrap();
    assert_eq!(profile.issuer_profile().unwrap().slot.number(), 1);
    let other: Issuer = serde_json::from_value(issuer('b', 2)).unwrap();
    assert_eq!(profile.refresh(&other).unwrap_err().code(), "other_issuer");
    assert_eq!(profile.issuer_profile().unwrap().slot.number(), 1);
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
