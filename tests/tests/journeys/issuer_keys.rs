//! The issuer's keys: rotated while phones and tills are out there, and kept in a file.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;

use super::audit::assert_audited;
use crate::DATABASE;
use serde_json::json;
use wallet_core::receipt::Receipt;
use wallet_core::{IssuerId, SigningPublicKey};
use wallet_tests::{Answer, Charge, World};

const YEAR_SECONDS: i64 = 365 * 24 * 60 * 60;

async fn rotate(world: &World, kind: &str) -> Answer {
    let answer = world.operator_post("/v1/operator/keys/rotate", json!({ "kind": kind })).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer
}

/// Checks a receipt as a till would that has just asked for the issuer's keys.
async fn assert_verifies(world: &World, receipt: &str) {
    let issuer = world.http().get(world.url("/v1/issuer")).send().await.unwrap();
    let issuer = Answer::read(issuer).await;
    let id = IssuerId::from_hex(issuer.text("/issuer_id")).unwrap();
    let keys = issuer.json["signing_keys"].as_array().unwrap().iter().map(|key| {
        let bytes = base16ct::lower::decode_vec(key["public_key"].as_str().unwrap()).unwrap();
        SigningPublicKey::from_bytes(&bytes.try_into().unwrap()).unwrap()
    });
    let keys: Vec<_> = keys.collect();
    Receipt::parse(receipt).unwrap().verify(&id, &keys).unwrap();
}

#[tokio::test]
async fn codes_sealed_to_an_older_key_work_until_it_retires() {
    let mut world = World::start(DATABASE, 1).await;
    let till = world.merchant("Tea House").await;
    let mut before = world.payer("Wei", "500.00").await;
    let issuer = rotate(&world, "sealing").await;
    let keys = issuer.json["sealing_keys"].as_array().unwrap();
    assert_eq!(keys.len(), 2);
    assert_eq!((&keys[0]["current"], &keys[1]["current"]), (&json!(false), &json!(true)));
    assert_eq!((&keys[0]["slot"], &keys[1]["slot"]), (&json!(0), &json!(1)));
    let mut after = world.payer("Lin", "500.00").await;
    assert_ne!(before.device.issuer().slot, after.device.issuer().slot);

    world.restart().await;
    let till = till.at(&world);
    for (number, phone) in [&mut before, &mut after].into_iter().enumerate() {
        let code = phone.code(&world, "200.00");
        let _ =
            till.charge(&Charge::new(&format!("order-{number}"), &code, "1.00")).await.created();
    }
    // A phone that was offline for two years has to synchronise.
    world.advance_seconds(2 * YEAR_SECONDS - 60);
    let code = before.code(&world, "200.00");
    let _ = till.charge(&Charge::new("late", &code, "1.00")).await.created();
    world.advance_seconds(60);
    let code = before.code(&world, "200.00");
    let answer = till.charge(&Charge::new("too-late", &code, "1.00")).await;
    answer.assert_problem(422, "invalid_code", "final");
}

#[tokio::test]
async fn a_retired_sealing_key_is_destroyed_and_what_was_sealed_to_it_is_audited_all_the_same() {
    let mut world = World::start(DATABASE, 8).await;
    let till = world.merchant("Tea House").await;
    let mut phone = world.payer("Wei", "500.00").await;
    let charge = Charge::new("order-1", &phone.code(&world, "200.00"), "12.50");
    let payment = till.charge(&charge).await.created();
    world.advance_seconds(YEAR_SECONDS);
    rotate(&world, "sealing").await;
    world.advance_seconds(YEAR_SECONDS + 10 * 60);
    world.restart().await;
    let keys = world.operator_get("/v1/operator/keys").await;
    let slots: Vec<_> =
        keys.json["sealing_keys"].as_array().unwrap().iter().map(|key| &key["slot"]).collect();
    assert_eq!(slots, [&json!(1)]);
    assert_verifies(&world, payment.text("/receipt")).await;
    world.placed().await;
    world.stop().await;
    assert_audited(&world).await;
}

#[tokio::test]
async fn a_rotation_refuses_an_older_copy_of_the_key_file_and_changes_nothing() {
    let world = World::start(DATABASE, 9).await;
    let file = world.folder.path().join("issuer.key");
    let oldest = std::fs::read(&file).unwrap();
    let before = rotate(&world, "sealing").await;
    let newest = std::fs::read(&file).unwrap();
    std::fs::write(&file, &oldest).unwrap();
    for kind in ["sealing", "signing"] {
        let body = json!({ "kind": kind });
        let answer = world.operator_post("/v1/operator/keys/rotate", body).await;
        answer.assert_problem(409, "key_file_differs", "final");
    }
    assert_eq!(std::fs::read(&file).unwrap(), oldest);
    let now = world.operator_get("/v1/operator/keys").await;
    for keys in ["sealing_keys", "signing_keys"] {
        assert_eq!(now.json[keys], before.json[keys]);
    }
    std::fs::write(&file, &newest).unwrap();
    let after = rotate(&world, "signing").await;
    assert_eq!(after.json["sealing_keys"], before.json["sealing_keys"]);
}

#[tokio::test]
async fn keys_are_rotated_as_long_as_there_is_room_and_the_issuer_stays_the_same() {
    let world = World::start(DATABASE, 2).await;
    let first = world.operator_get("/v1/operator/keys").await;
    for kind in ["sealing", "signing"] {
        let mut rotated = 0;
        let full = loop {
            let body = json!({ "kind": kind });
            let answer = world.operator_post("/v1/operator/keys/rotate", body).await;
            if !answer.status.is_success() {
                break answer;
            }
            assert_eq!(answer.text("/issuer_id"), first.text("/issuer_id"));
            rotated += 1;
        };
        full.assert_problem(409, "no_room_for_key", "final");
        assert_eq!(rotated, if kind == "sealing" { 7 } else { 11 });
    }
}

#[tokio::test]
async fn receipts_verify_whichever_key_signed_them() {
    let mut world = World::start(DATABASE, 3).await;
    let till = world.merchant("Tea House").await;
    let mut phone = world.payer("Wei", "500.00").await;
    let mut receipts = Vec::new();
    for number in 0..3 {
        let code = phone.code(&world, "200.00");
        let charge = Charge::new(&format!("order-{number}"), &code, "1.00");
        let payment = till.charge(&charge).await.created();
        receipts.push((payment.text("/id").to_owned(), payment.text("/receipt").to_owned()));
        rotate(&world, "signing").await;
        world.advance_seconds(60);
    }
    world.restart().await;
    let till = till.at(&world);
    for (id, receipt) in &receipts {
        assert_verifies(&world, receipt).await;
        // And signing the same record again gives the same receipt.
        assert_eq!(till.get(&format!("/v1/payments/{id}")).await.text("/receipt"), receipt);
    }
}

#[tokio::test]
async fn a_key_file_with_a_passphrase_opens_with_that_passphrase_only() {
    let mut world = World::start(DATABASE, 4).await;
    let till = world.merchant("Tea House").await;
    let mut phone = world.payer("Wei", "500.00").await;
    let file = world.folder.path().join("issuer.key");
    let passphrase = world.folder.path().join("passphrase");
    let setting = passphrase.display().to_string();
    let setting = [("key_passphrase_file", setting.as_str())];
    std::fs::write(&passphrase, "correct horse battery staple\n").unwrap();
    std::fs::set_permissions(&passphrase, Permissions::from_mode(0o644)).unwrap();
    assert!(!std::fs::read_to_string(&file).unwrap().contains("ENCRYPTED"));

    // A passphrase that others can read encrypts nothing.
    let error = world.restart_with(&setting).await.unwrap_err().to_string();
    assert!(error.contains("chmod 600") && error.contains("/passphrase"), "{error}");
    assert!(!std::fs::read_to_string(&file).unwrap().contains("ENCRYPTED"));
    std::fs::set_permissions(&passphrase, Permissions::from_mode(0o600)).unwrap();

    // Who sets a passphrase finds the file encrypted, with the same keys in it.
    world.restart_with(&setting).await.unwrap();
    assert!(std::fs::read_to_string(&file).unwrap().contains("ENCRYPTED"));
    let till = till.at(&world);
    let charge = Charge::new("order-1", &phone.code(&world, "200.00"), "12.50");
    let payment = till.charge(&charge).await.created();
    rotate(&world, "sealing").await;
    world.restart().await;
    assert_verifies(&world, payment.text("/receipt")).await;

    std::fs::write(&passphrase, "another\n").unwrap();
    let error = world.restart_with(&setting).await.unwrap_err().to_string();
    assert!(error.contains("issuer.key"), "{error}");
    assert!(!error.contains("another"), "{error}");
    let error = world.restart_with(&[]).await.unwrap_err().to_string();
    assert!(error.contains("passphrase"), "{error}");
    std::fs::write(&passphrase, "\n").unwrap();
    assert!(world.restart_with(&setting).await.is_err());
    std::fs::write(&passphrase, "correct horse battery staple").unwrap();
    world.restart_with(&setting).await.unwrap();
    assert!(till.at(&world).charge(&charge).await.replayed);
}

#[tokio::test]
async fn a_damaged_key_file_stops_the_server_instead_of_making_new_keys() {
    let mut world = World::start(DATABASE, 5).await;
    world.stop().await;
    let file = world.folder.path().join("issuer.key");
    let good = std::fs::read_to_string(&file).unwrap();
    for damaged in [String::new(), good[..good.len() / 2].to_owned(), good.replacen('A', "B", 1)] {
        std::fs::write(&file, &damaged).unwrap();
        let error = world.restart_with(&[]).await.unwrap_err().to_string();
        assert!(error.contains("issuer.key"), "{error}");
        assert_eq!(std::fs::read_to_string(&file).unwrap(), damaged);
    }
    std::fs::write(&file, &good).unwrap();
    world.restart().await;
}

#[tokio::test]
async fn books_are_not_opened_with_another_issuers_keys() {
    let mut world = World::start(DATABASE, 6).await;
    let elsewhere = World::start(DATABASE, 7).await;
    world.stop().await;
    let (file, kept) = (world.folder.path().join("issuer.key"), world.folder.path().join("kept"));
    std::fs::rename(&file, &kept).unwrap();
    // Neither with new keys, because the file is gone, nor with somebody else's.
    let error = world.restart_with(&[]).await.unwrap_err().to_string();
    assert!(!file.exists(), "new keys were made: {error}");
    std::fs::copy(elsewhere.folder.path().join("issuer.key"), &file).unwrap();
    let _ = world.restart_with(&[]).await.unwrap_err();
    std::fs::rename(&kept, &file).unwrap();
    world.restart().await;
}
