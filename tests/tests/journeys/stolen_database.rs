//! What a thief of the database learns: movements, but nobody's name and nothing to spend with.

use crate::DATABASE;
use base64ct::{Base64, Encoding as _};
use serde_json::json;
use sqlx::Connection;
use wallet_core::{DeviceKey, keyfile};
use wallet_tests::{Charge, PIN, Phone, World, otp_secret};

/// The bytes of a code: each 29 digits are 12 of them.
fn code_bytes(digits: &str) -> Vec<u8> {
    let chunk = |text: &[u8]| {
        let number: u128 = std::str::from_utf8(text).unwrap().parse().unwrap();
        number.to_be_bytes()[4..].to_vec()
    };
    digits.as_bytes()[2..].chunks(29).flat_map(chunk).collect()
}

/// What there is to steal: the database's files, or what the database says of itself.
fn loot(world: &World) -> Vec<(String, Vec<u8>)> {
    if let Some(database) = world.postgres() {
        return vec![("dump".to_owned(), database.dump().into_bytes())];
    }
    let files = std::fs::read_dir(world.folder.path()).unwrap().map(Result::unwrap);
    let named = files.map(|file| (file.file_name().into_string().unwrap(), file.path()));
    let books = named.filter(|(name, _)| name.starts_with("wallet.sqlite"));
    books.map(|(name, path)| (name, std::fs::read(path).unwrap())).collect()
}

/// What opens codes, signs receipts and hides names.
fn issuers_secrets(world: &World) -> Vec<Vec<u8>> {
    let file = std::fs::read(world.folder.path().join("issuer.key")).unwrap();
    let secrets = keyfile::open_plain(&file, "issuer").unwrap();
    let secrets = std::str::from_utf8(&secrets).unwrap();
    let secret = regex::Regex::new("[0-9a-f]{64}").unwrap();
    let found = secret.find_iter(secrets);
    found.map(|hex| base16ct::lower::decode_vec(hex.as_str()).unwrap()).collect()
}

/// Whether something stands there, as it is or in hexadecimal.
fn holds(content: &[u8], what: &[u8]) -> bool {
    let hex = base16ct::lower::encode_string(what);
    [what, hex.as_bytes()].iter().any(|what| content.windows(what.len()).any(|part| part == *what))
}

#[tokio::test]
async fn a_stolen_database_names_nobody_and_spends_nothing() {
    let mut world = World::start(DATABASE, 6).await;
    let till = world.merchant("Tea House").await;
    let mut phone = world.payer("张伟 Weirdname", "500.00").await;
    let path = format!("/v1/operator/payers/{}/invitations", phone.payer);
    let invitation = world.operator_post(&path, json!({})).await.created();
    let invitation = invitation.text("/invitation");
    let second = DeviceKey::from_seed(&[99; 32]);
    let public_key = base16ct::lower::encode_string(second.public_key().as_bytes());
    let body = json!({ "invitation": invitation, "public_key": public_key,
        "device_name": "Weirdname's telephone" });
    assert_eq!(Phone::try_enrol_with(&world, &second, "new", body).await.status, 202);
    phone.set_pin(&world).await;
    let begun = phone.post(&world, "/v1/wallet/totp", json!({ "pin": PIN })).await.created();
    let totp = otp_secret(begun.text("/otpauth_uri"));
    let body = json!({ "totp": totp.password(world.now()) });
    let codes = phone.post(&world, "/v1/wallet/totp/confirm", body).await;
    let recovery_code = codes.text("/recovery_codes/0");
    let handle = json!({ "handle": "weirdhandle" });
    assert_eq!(phone.send(&world, "PUT", "/v1/wallet/handle", handle).await.status, 200);
    let code = phone.code(&world, "200.00");
    let _ = till.charge(&Charge::new("order-1", &code, "12.50")).await.created();

    let path = format!("/v1/operator/merchants/{}/payout_destination", till.merchant);
    let destination = json!({ "holder": "Weirdholder", "account": "DE89370400440532013000" });
    let destination = destination.to_string().into_bytes();
    assert_eq!(world.operator_send("PUT", &path, None, destination).await.status, 200);
    let _ = till.ask("/v1/payouts", "payout", json!({})).await.created();

    let endpoint = json!({ "url": "https://1.1.1.1/hooks" }).to_string();
    let endpoint = till.post("/v1/webhook_endpoints", &[], endpoint).await.created();
    let webhook_secret = endpoint.text("/secret").trim_start_matches("whsec_");

    let mut database = world.database().await;
    let evidence: Vec<u8> =
        sqlx::query_scalar("select evidence from payments").fetch_one(&mut database).await.unwrap();
    database.close().await.unwrap();
    assert!(!holds(&evidence, phone.device.key_id().as_bytes()), "evidence in clear");

    world.stop().await;
    let bytes = code_bytes(&code);
    assert_eq!(bytes.len(), 132);
    let issuers = issuers_secrets(&world);
    // A key that opens codes, one that signs, one for evidence and one for names.
    assert!(issuers.len() >= 4);
    for (name, content) in loot(&world) {
        for secret in &issuers {
            assert!(!holds(&content, secret), "a secret of the issuer's in {name}");
        }
        for (what, secret) in [
            ("a payer's name", "张伟".as_bytes()),
            ("a payer's name", b"Weirdname"),
            ("a device's name", b"telephone"),
            ("a handle", b"weirdhandle"),
            ("who has a bank account", b"Weirdholder"),
            ("a bank account", b"DE89370400440532013000"),
            ("a secret of one-time passwords", totp.bytes().as_slice()),
            ("a recovery code", recovery_code.as_bytes()),
            ("a recovery code", recovery_code.replace('-', "").as_bytes()),
            ("an API key", till.api_key.as_bytes()),
            ("an API key", &base16ct::lower::decode_vec(&till.api_key[8..]).unwrap()),
            ("a webhook's secret", webhook_secret.as_bytes()),
            ("a webhook's secret", &Base64::decode_vec(webhook_secret).unwrap()),
            ("an invitation", invitation.as_bytes()),
            ("an invitation", &base16ct::lower::decode_vec(&invitation[4..]).unwrap()),
            ("a code", code.as_bytes()),
            ("a code's encapsulated key", &bytes[1..33]),
            ("a code's sealed part", &bytes[33..116]),
            ("a device's key", &*second.seed()),
            ("a device's key", &*phone.device.key().seed()),
        ] {
            assert!(!holds(&content, secret), "{what} in {name}");
        }
        if ["wallet.sqlite", "dump"].contains(&name.as_str()) {
            assert!(holds(&content, b"Tea House"), "the search finds what is there");
            assert!(holds(&content, b"https://1.1.1.1/hooks"));
            assert!(holds(&content, second.public_key().as_bytes()));
        }
    }
}

/// What is kept of two withdrawals that ask for the same.
async fn kept_of_withdrawals(seed: u64) -> Vec<Vec<u8>> {
    let mut world = World::start(DATABASE, seed).await;
    let phone = world.payer("Wei", "50.00").await;
    phone.set_pin(&world).await;
    let body = json!({ "amount": "1.00", "currency": "CNY", "destination": "6222021234567890",
        "pin": PIN });
    for key in ["w-1", "w-2"] {
        let answer = phone.post_under_key(&world, "/v1/wallet/withdrawals", key, &body).await;
        let _ = answer.created();
    }
    let mut database = world.database().await;
    let sql = "select request_hash from idempotency_keys where caller_kind = 'payer'";
    let kept = sqlx::query_scalar(sql).fetch_all(&mut database).await.unwrap();
    database.close().await.unwrap();
    world.stop().await;
    for (name, content) in loot(&world) {
        assert!(!holds(&content, b"6222021234567890"), "a destination in {name}");
    }
    kept
}

#[tokio::test]
async fn bank_accounts_and_handles_are_not_guessed_from_what_is_kept_of_requests() {
    let (one, other) = (kept_of_withdrawals(7).await, kept_of_withdrawals(8).await);
    assert_eq!((one.len(), &one[0]), (2, &one[1]), "it depends on the request");
    assert_ne!(one[0], other[0], "and on a key that another issuer does not have");
}
