//! A device joins: with an invitation, once, and with proof that it has its key.

use crate::DATABASE;
use serde_json::{Value, json};
use wallet_core::DeviceKey;
use wallet_tests::{Answer, Charge, Phone, Signed, Signer, World};

const PATH: &str = "/v1/wallet/enrolments";
const DAY_SECONDS: i64 = 24 * 60 * 60;

/// A world with a payer who has no device yet, and an invitation for one.
async fn invited(seed: u64) -> (World, String, String) {
    let world = World::start(DATABASE, seed).await;
    let body = json!({ "name": "Wei" });
    let payer = world.operator_post("/v1/operator/payers", body).await.created();
    let payer = payer.text("/id").to_owned();
    let invitation = invite(&world, &payer).await;
    (world, payer, invitation)
}

async fn invite(world: &World, payer: &str) -> String {
    let path = format!("/v1/operator/payers/{payer}/invitations");
    world.operator_post(&path, json!({})).await.created().text("/invitation").to_owned()
}

fn key(seed: u8) -> DeviceKey {
    DeviceKey::from_seed(&[seed; 32])
}

fn hex(key: &DeviceKey) -> String {
    base16ct::lower::encode_string(key.public_key().as_bytes())
}

async fn devices(world: &World) -> usize {
    world.standing().await.marks.len()
}

#[tokio::test]
async fn an_enrolled_phone_learns_what_it_needs() {
    let (world, payer, invitation) = invited(1).await;
    let answer = Phone::try_enrol(&world, &key(1), &invitation).await.created();
    assert_eq!(answer.text("/payer"), payer);
    assert_eq!((answer.text("/mode"), answer.text("/currency")), ("live", "CNY"));
    assert_eq!(answer.json["limits"], json!({ "payment": "200.00", "day": "1000.00" }));
    assert_eq!(answer.text("/server_time"), "2027-01-15T08:00:07.000Z");
    let issuer = Answer::read(world.http().get(world.url("/v1/issuer")).send().await.unwrap());
    assert_eq!(answer.json["issuer"], issuer.await.json);
    assert_eq!(answer.text("/device_key_id").len(), 16);
}

#[tokio::test]
async fn an_invitation_enrols_one_key_and_answers_it_again() {
    let (world, payer, invitation) = invited(2).await;
    let first = Phone::try_enrol(&world, &key(1), &invitation).await.created();
    world.advance_seconds(2 * DAY_SECONDS);
    // The phone that never heard the answer asks again, however late.
    let again = Phone::try_enrol(&world, &key(1), &invitation).await.created();
    assert_eq!(again.text("/device_key_id"), first.text("/device_key_id"));
    let other = Phone::try_enrol(&world, &key(2), &invitation).await;
    other.assert_problem(422, "unknown_invitation", "final");
    assert_eq!(devices(&world).await, 1);

    // A key is enrolled once, whoever invites it.
    let next = invite(&world, &payer).await;
    let same = Phone::try_enrol(&world, &key(1), &next).await;
    same.assert_problem(409, "key_enrolled", "final");
    // That did not use the invitation up.
    assert_eq!(Phone::try_enrol(&world, &key(2), &next).await.status, 202);
    assert_eq!(devices(&world).await, 2);
}

#[tokio::test]
async fn a_revoked_phone_does_not_come_back_with_its_old_invitation() {
    let (world, _, invitation) = invited(12).await;
    let enrolled = Phone::try_enrol(&world, &key(1), &invitation).await.created();
    let path = format!("/v1/operator/devices/{}/revoke", enrolled.text("/device_key_id"));
    assert_eq!(world.operator_post(&path, Value::Null).await.status, 204);
    let again = Phone::try_enrol(&world, &key(1), &invitation).await;
    again.assert_problem(422, "unknown_invitation", "final");
}

#[tokio::test]
async fn ten_phones_with_one_invitation_are_one_phone() {
    let (world, _, invitation) = invited(3).await;
    let mut tasks = tokio::task::JoinSet::new();
    for seed in 0..10 {
        let (key, keyid) = (key(seed), hex(&key(seed)));
        let body = json!({ "invitation": invitation, "public_key": keyid, "device_name": "p" });
        let signer = Signer { key: &key, keyid: &keyid, at: world.now() };
        let body = body.to_string();
        let signed = Signed::new(&world, signer, "POST", PATH, body.as_bytes());
        tasks.spawn(async move { signed.send().await.status.as_u16() });
    }
    let mut statuses = tasks.join_all().await;
    statuses.sort_unstable();
    let mut expected = vec![201];
    expected.extend([422; 9]);
    assert_eq!(statuses, expected);
    assert_eq!(devices(&world).await, 1);
}

#[tokio::test]
async fn an_invitation_lasts_a_day() {
    let (world, payer, invitation) = invited(4).await;
    world.advance_seconds(DAY_SECONDS - 1);
    let early = invite(&world, &payer).await;
    let _ = Phone::try_enrol(&world, &key(1), &invitation).await.created();
    world.advance_seconds(DAY_SECONDS);
    let late = Phone::try_enrol(&world, &key(2), &early).await;
    late.assert_problem(422, "invitation_expired", "final");
    assert_eq!(devices(&world).await, 1);
}

#[tokio::test]
async fn an_invitation_that_nobody_gave_enrols_nobody() {
    let (world, _, invitation) = invited(5).await;
    let shortened = &invitation[..invitation.len() - 1];
    for unknown in ["", "inv_", "' or 1=1 --", shortened, &invitation.to_uppercase()] {
        let answer = Phone::try_enrol(&world, &key(1), unknown).await;
        answer.assert_problem(422, "unknown_invitation", "final");
        answer.assert_tells_nothing_internal();
    }
    assert_eq!(devices(&world).await, 0);
}

#[tokio::test]
async fn hostile_keys_are_refused() {
    let (world, _, invitation) = invited(6).await;
    let vectors: Value =
        serde_json::from_str(include_str!("../../vectors/payment-code.json")).unwrap();
    let hostile = vectors["enrolment"].as_array().unwrap();
    assert!(hostile.len() > 30);
    for case in hostile {
        let public_key = case["public_key"].as_str().unwrap();
        let body = json!({ "invitation": invitation, "public_key": public_key,
            "device_name": "phone" });
        let answer = Phone::try_enrol_with(&world, &key(1), public_key, body).await;
        answer.assert_points_at("/public_key");
    }
    assert_eq!(devices(&world).await, 0);
}

#[tokio::test]
async fn the_key_that_joins_has_to_sign() {
    let (world, _, invitation) = invited(7).await;
    let (mine, theirs) = (key(1), key(2));
    let body = json!({ "invitation": invitation, "public_key": hex(&theirs),
        "device_name": "phone" });
    for keyid in [hex(&mine), hex(&theirs)] {
        let answer = Phone::try_enrol_with(&world, &mine, &keyid, body.clone()).await;
        answer.assert_problem(401, "signature_invalid", "retry");
    }

    let keyid = hex(&theirs);
    let body = body.to_string();
    let signed = |seconds: i64| {
        let at = world.now().plus_millis(seconds * 1000);
        let signer = Signer { key: &theirs, keyid: &keyid, at };
        Signed::new(&world, signer, "POST", PATH, body.as_bytes())
    };
    let mut unsigned = signed(0);
    unsigned.fields.clear();
    unsigned.send().await.assert_problem(401, "signature_missing", "retry");
    let mut other_body = signed(0);
    other_body.body = body.replace("phone", "my phone").into();
    other_body.send().await.assert_problem(401, "digest_mismatch", "retry");
    let mut other_host = signed(0);
    other_host.fields.push(("host".to_owned(), "elsewhere.example".to_owned()));
    other_host.send().await.assert_problem(401, "signature_invalid", "retry");
    for (seconds, code) in [(-61, "signature_expired"), (61, "signature_from_future")] {
        let answer = signed(seconds).send().await;
        answer.assert_problem(401, code, "retry");
        assert_eq!(answer.text("/server_time"), "2027-01-15T08:00:07.000Z");
    }
    assert_eq!(devices(&world).await, 0);
    let _ = signed(-60).send().await.created();
    let _ = signed(60).send().await.created();
    assert_eq!(devices(&world).await, 1);
}

#[tokio::test]
async fn two_phones_of_one_payer_spend_from_one_wallet() {
    let world = World::start(DATABASE, 8).await;
    let till = world.merchant("Tea House").await;
    let mut first = world.payer("Wei", "20.00").await;
    let mut second = first.another(&world, "Wei's tablet").await;
    assert_ne!(first.device.key_id(), second.device.key_id());
    let mut outcomes = Vec::new();
    for (number, phone) in [&mut first, &mut second].into_iter().enumerate() {
        // The same step and the same sequence number: each device has a mark of its own.
        let charge =
            Charge::new(&format!("order-{number}"), &phone.code(&world, "200.00"), "12.50");
        outcomes.push(till.charge(&charge).await.outcome().to_owned());
    }
    assert_eq!(outcomes, ["succeeded", "insufficient_funds"]);
    assert_eq!(second.balance(&world).await, "7.50");
}
