//! A payer sets a PIN, and somebody else guesses it.

use crate::DATABASE;
use serde_json::{Value, json};
use wallet_tests::{Answer, PIN, Phone, World, at_once, otp_secret};

use super::account::{now_in_journal, told};
use super::transfers;

const PATH: &str = "/v1/wallet/pin";
/// Never the right one, never too simple.
const WRONG: &str = "975310";

async fn scene(seed: u64) -> (World, Phone) {
    scene_with(seed, &[]).await
}

async fn scene_with(seed: u64, changes: &[(&str, &str)]) -> (World, Phone) {
    let world = World::start_with(DATABASE, seed, changes).await;
    let phone = world.payer("Wei", "0").await;
    (world, phone)
}

async fn put(world: &World, phone: &Phone, body: Value) -> Answer {
    phone.send(world, "PUT", PATH, body).await
}

/// Tries a PIN without changing anything: setting the one that is set proves itself.
async fn try_pin(world: &World, phone: &Phone, pin: &str) -> Answer {
    put(world, phone, json!({ "pin": pin })).await
}

#[tokio::test]
async fn the_first_pin_needs_no_proof_and_another_one_does() {
    let (world, phone) = scene(901).await;
    phone.set_pin(&world).await;
    try_pin(&world, &phone, WRONG).await.assert_problem(403, "pin_refused", "retry");
    assert_eq!(try_pin(&world, &phone, PIN).await.status, 204, "the answer was lost");

    let wrong = put(&world, &phone, json!({ "pin": "246813", "current_pin": WRONG })).await;
    wrong.assert_problem(403, "pin_refused", "retry");
    let right = put(&world, &phone, json!({ "pin": "246813", "current_pin": PIN })).await;
    assert_eq!(right.status, 204, "{}", right.text);
    try_pin(&world, &phone, PIN).await.assert_problem(403, "pin_refused", "retry");
    assert_eq!(try_pin(&world, &phone, "246813").await.status, 204);
}

#[tokio::test]
async fn pins_that_cannot_be_are_refused_by_name() {
    let (world, phone) = scene(902).await;
    for pin in ["", "12345", "1357901", "13579a", "１３５７９０"] {
        try_pin(&world, &phone, pin).await.assert_points_at("/pin");
    }
    for simple in ["111111", "123456", "654321"] {
        try_pin(&world, &phone, simple).await.assert_points_at("/pin");
    }
    for (body, pointer) in [
        (json!({}), ""),
        (json!({ "pin": 135_790 }), "/pin"),
        (json!({ "pin": PIN, "current_pin": "1" }), "/current_pin"),
        (json!({ "pin": PIN, "totp": "12345x" }), "/totp"),
        (json!({ "pin": PIN, "recovery_code": "" }), "/recovery_code"),
        (json!({ "pin": PIN, "totp": "123456", "recovery_code": "x" }), "/recovery_code"),
        (json!({ "pin": PIN, "current_pin": PIN, "totp": "123456" }), "/current_pin"),
        (json!({ "pin": PIN, "proof": "x" }), "/proof"),
    ] {
        put(&world, &phone, body).await.assert_points_at(pointer);
    }
    phone.set_pin(&world).await;
}

#[tokio::test]
async fn five_wrong_tries_lock_the_pin_and_every_refusal_is_the_same() {
    let (world, phone) = scene(903).await;
    phone.set_pin(&world).await;
    let mut refusals = Vec::new();
    for _ in 0..5 {
        refusals.push(try_pin(&world, &phone, WRONG).await);
    }
    refusals.push(try_pin(&world, &phone, PIN).await);
    // Where no PIN was ever set.
    let other = world.payer("Lin", "0").await;
    let change = json!({ "pin": "246813", "current_pin": PIN });
    refusals.push(put(&world, &other, change).await);
    let said = |answer: &Answer| {
        let mut body = answer.json.clone();
        body["request_id"] = Value::Null;
        body.to_string()
    };
    for refusal in &refusals {
        refusal.assert_problem(403, "pin_refused", "retry");
        assert_eq!(said(refusal), said(&refusals[0]));
    }
    world.advance_seconds(7 * 24 * 60 * 60);
    try_pin(&world, &phone, PIN).await.assert_problem(403, "pin_refused", "retry");
}

#[tokio::test]
async fn a_right_try_lets_the_count_begin_anew() {
    let (world, phone) = scene(904).await;
    phone.set_pin(&world).await;
    for _ in 0..3 {
        for _ in 0..4 {
            try_pin(&world, &phone, WRONG).await.assert_problem(403, "pin_refused", "retry");
        }
        assert_eq!(try_pin(&world, &phone, PIN).await.status, 204);
    }
}

#[tokio::test]
async fn guesses_at_once_are_five_guesses() {
    let (world, phone) = scene(905).await;
    phone.set_pin(&world).await;
    let guesses = (0..40).map(|number| {
        let guess = format!("90{number:04}");
        let (world, phone) = (&world, &phone);
        async move { try_pin(world, phone, &guess).await }
    });
    for answer in at_once(guesses).await {
        // One waits for a payer at a time.
        let code = answer.outcome().to_owned();
        assert!(["pin_refused", "too_many_requests"].contains(&code.as_str()), "{code}");
    }
    for _ in 0..5 {
        try_pin(&world, &phone, WRONG).await.assert_problem(403, "pin_refused", "retry");
    }
    try_pin(&world, &phone, PIN).await.assert_problem(403, "pin_refused", "retry");
}

/// Every call that takes a PIN.
const WITH_PIN: [(&str, &str); 12] = [
    ("PUT", PATH),
    ("PUT", "/v1/wallet/limits"),
    ("POST", "/v1/wallet/totp"),
    ("POST", "/v1/wallet/recovery_codes"),
    ("POST", "/v1/wallet/unfreeze"),
    ("POST", "/v1/wallet/close"),
    ("POST", "/v1/wallet/devices/invitations"),
    ("POST", "/v1/wallet/devices/0000000000000000/approve"),
    ("POST", "/v1/wallet/confirmations/pay_00/confirm"),
    ("POST", "/v1/wallet/transfers"),
    ("POST", "/v1/wallet/withdrawals"),
    ("POST", "/v1/wallet/envelopes"),
];

#[tokio::test]
async fn a_payer_has_some_tries_a_minute_and_is_told_when_to_come_back() {
    let (world, phone) = scene_with(906, &[("pin.tries_a_minute", "3")]).await;
    phone.set_pin(&world).await;
    for _ in 0..3 {
        assert_eq!(try_pin(&world, &phone, PIN).await.status, 204, "right ones do not count");
    }
    for _ in 0..2 {
        try_pin(&world, &phone, WRONG).await.assert_problem(403, "pin_refused", "retry");
    }
    world.advance_seconds(20);
    let refused = try_pin(&world, &phone, PIN).await;
    refused.assert_problem(429, "too_many_requests", "retry");
    assert_eq!(refused.headers["retry-after"], "41");
    for (method, path) in WITH_PIN {
        let refused = phone.send(&world, method, path, json!({})).await;
        refused.assert_problem(429, "too_many_requests", "retry");
    }
    let other = world.payer("Lin", "0").await;
    other.set_pin(&world).await;
    // It could not even have its nonces written, whatever it asked for.
    let mut database = world.database().await;
    let count = "select count(*) from device_nonces";
    let nonces: i64 = sqlx::query_scalar(count).fetch_one(&mut database).await.unwrap();
    assert_eq!(nonces, 7);
    world.advance_seconds(41);
    assert_eq!(try_pin(&world, &phone, PIN).await.status, 204);
}

#[tokio::test]
async fn a_pin_outlives_the_server_and_another_cost() {
    let (mut world, phone) = scene(907).await;
    phone.set_pin(&world).await;
    for _ in 0..2 {
        try_pin(&world, &phone, WRONG).await.assert_problem(403, "pin_refused", "retry");
    }
    world.restart_with(&[("pin.memory_kib", "64"), ("pin.passes", "3")]).await.unwrap();
    for _ in 0..2 {
        try_pin(&world, &phone, WRONG).await.assert_problem(403, "pin_refused", "retry");
    }
    assert_eq!(try_pin(&world, &phone, PIN).await.status, 204, "the fifth try");
}

#[tokio::test]
async fn what_was_signed_once_is_done_once() {
    let (world, phone) = scene(908).await;
    phone.set_pin(&world).await;
    let signed = phone.signed(&world, "PUT", PATH, &json!({ "pin": PIN }));
    assert_eq!(signed.clone().send().await.status, 204);
    for _ in 0..3 {
        let replayed = signed.clone().send().await;
        replayed.assert_problem(401, "signature_replayed", "retry");
        world.advance_seconds(20);
    }
    signed.clone().send().await.assert_problem(401, "signature_replayed", "retry");
    world.advance_seconds(1);
    signed.send().await.assert_problem(401, "signature_expired", "retry");
    // What only looks may be asked again.
    let look = phone.signed_at(&world, world.now(), "/v1/wallet/activity");
    for _ in 0..2 {
        assert_eq!(look.clone().send().await.status, 200);
    }
}

#[tokio::test]
async fn one_signed_request_sent_many_times_at_once_is_done_once() {
    let (world, phone) = scene(909).await;
    let signed = phone.signed(&world, "PUT", PATH, &json!({ "pin": PIN }));
    let sent = (0..20).map(|_| signed.clone().send());
    let mut statuses: Vec<u16> =
        at_once(sent).await.iter().map(|answer| answer.status.as_u16()).collect();
    statuses.sort_unstable();
    assert_eq!(statuses.remove(0), 204);
    // The others were made before, or while it was waiting.
    assert!(statuses.iter().all(|status| [401, 429].contains(status)), "{statuses:?}");
}

#[tokio::test]
async fn a_revoked_phone_tries_nothing() {
    let (world, phone) = scene(910).await;
    phone.set_pin(&world).await;
    let path = format!("/v1/operator/devices/{}/revoke", phone.device.key_id());
    assert_eq!(world.operator_post(&path, Value::Null).await.status, 204);
    try_pin(&world, &phone, PIN).await.assert_problem(401, "unauthorized", "retry");
}

#[tokio::test]
async fn however_many_devices_a_payer_has_they_share_the_tries_of_a_minute() {
    let (world, phone) = scene_with(911, &[("pin.tries_a_minute", "3")]).await;
    let tablet = phone.another(&world, "tablet").await;
    world.advance_seconds(60);
    for device in [&phone, &tablet, &phone] {
        try_pin(&world, device, WRONG).await.assert_problem(403, "pin_refused", "retry");
    }
    for device in [&phone, &tablet] {
        let refused = try_pin(&world, device, PIN).await;
        refused.assert_problem(429, "too_many_requests", "retry");
    }
    let other = world.payer("Lin", "0").await;
    other.set_pin(&world).await;
    world.advance_seconds(60);
    assert_eq!(try_pin(&world, &tablet, PIN).await.status, 204);
}

#[tokio::test]
async fn nobody_sets_a_first_pin_while_the_payer_is_frozen() {
    let world = World::start(DATABASE, 912).await;
    let phone = world.payer("Wei", "50.00").await;
    let operator = async |what: &str| {
        let path = format!("/v1/operator/payers/{}/{what}", phone.payer);
        assert_eq!(world.operator_post(&path, Value::Null).await.status, 200);
    };
    for by_operator in [false, true] {
        if by_operator {
            operator("freeze").await;
        } else {
            assert_eq!(phone.post(&world, "/v1/wallet/freeze", Value::Null).await.status, 200);
        }
        let refused = try_pin(&world, &phone, PIN).await;
        refused.assert_problem(403, "payer_unavailable", "final");
        assert_eq!(phone.get(&world, "/v1/wallet/account").await.json["pin_set"], false);
        let unfrozen = phone.post(&world, "/v1/wallet/unfreeze", json!({ "pin": PIN })).await;
        unfrozen.assert_problem(403, "pin_refused", "retry");
        operator("unfreeze").await;
    }
    phone.set_pin(&world).await;
    // Once there is one, the freeze is no reason not to know it, or to change it.
    assert_eq!(phone.post(&world, "/v1/wallet/freeze", Value::Null).await.status, 200);
    assert_eq!(try_pin(&world, &phone, PIN).await.status, 204);
    let change = json!({ "pin": "246813", "current_pin": PIN });
    assert_eq!(put(&world, &phone, change).await.status, 204);
}

#[tokio::test]
async fn a_first_pin_that_comes_late_makes_the_payers_devices_new() {
    let world = World::start_with(DATABASE, 913, &[("devices.new_hours", "24")]).await;
    let (early, late) = (world.payer("Lin", "50.00").await, world.payer("Wei", "50.00").await);
    let withdraw = async |phone: &Phone, key: &str| {
        let body = json!({ "amount": "20.00", "currency": "CNY", "destination": "IBAN 1",
            "pin": PIN });
        transfers::post(&world, phone, "/v1/wallet/withdrawals", key, &body).await
    };
    world.advance_seconds(60 * 60);
    early.set_pin(&world).await;
    let _ = withdraw(&early, "early").await.created();

    world.advance_seconds(1);
    late.set_pin(&world).await;
    let account = late.get(&world, "/v1/wallet/account").await;
    assert_eq!(account.text("/device/new_until"), "2027-01-16T09:00:08.000Z");
    withdraw(&late, "thief").await.assert_problem(402, "declined_by_limit", "final");
    // The same PIN again is no other first one, and the day comes to its end.
    world.advance_seconds(24 * 60 * 60);
    late.set_pin(&world).await;
    let _ = withdraw(&late, "owner").await.created();
}

/// How often the payer's devices were told that the PIN is locked.
async fn lock_told(world: &World, phone: &Phone, place: &str) -> usize {
    let events = told(world, phone, place).await;
    events.iter().filter(|(what, _)| what == "pin.locked").count()
}

/// Waits until they were told so often.
async fn until_lock_told(world: &World, phone: &Phone, place: &str, times: usize) {
    let heard = async {
        while lock_told(world, phone, place).await < times {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_mins(1), heard).await.expect("nobody is told");
}

#[tokio::test]
async fn a_lock_of_which_nobody_was_told_is_told_at_the_next_try_and_once() {
    let (world, phone) = scene(914).await;
    phone.set_pin(&world).await;
    let begun = phone.post(&world, "/v1/wallet/totp", json!({ "pin": PIN })).await.created();
    let secret = otp_secret(begun.text("/otpauth_uri"));
    let confirm = json!({ "totp": secret.password(world.now()) });
    assert_eq!(phone.post(&world, "/v1/wallet/totp/confirm", confirm).await.status, 200);
    let place = now_in_journal(&world, &phone).await;

    // The server died after it had counted the fifth try, and before it had looked at it.
    let died = "update payer_secrets set pin_failures = 5";
    sqlx::raw_sql(died).execute(&mut world.database().await).await.unwrap();
    for _ in 0..3 {
        try_pin(&world, &phone, PIN).await.assert_problem(403, "pin_refused", "retry");
    }
    until_lock_told(&world, &phone, &place, 1).await;
    // When the next one is answered, those before are told of, if they ever are.
    try_pin(&world, &phone, PIN).await.assert_problem(403, "pin_refused", "retry");
    assert_eq!(lock_told(&world, &phone, &place).await, 1);

    // Whoever sets another PIN hears of its lock too.
    world.advance_seconds(30);
    let another = json!({ "pin": "246813", "totp": secret.password(world.now()) });
    assert_eq!(put(&world, &phone, another).await.status, 204);
    for _ in 0..6 {
        try_pin(&world, &phone, WRONG).await.assert_problem(403, "pin_refused", "retry");
    }
    until_lock_told(&world, &phone, &place, 2).await;
    try_pin(&world, &phone, WRONG).await.assert_problem(403, "pin_refused", "retry");
    assert_eq!(lock_told(&world, &phone, &place).await, 2);
}
