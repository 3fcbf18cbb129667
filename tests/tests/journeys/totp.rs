//! A payer gets one-time passwords and recovery codes, and proves with them.

use crate::DATABASE;
use serde_json::{Value, json};
use wallet_core::Timestamp;
use wallet_core::totp::OtpSecret;
use wallet_tests::{Answer, PIN, Phone, World, at_once, otp_secret};

const STEP_SECONDS: i64 = 30;

async fn scene(seed: u64) -> (World, Phone) {
    let world = World::start(DATABASE, seed).await;
    let phone = world.payer("Wei", "0").await;
    phone.set_pin(&world).await;
    (world, phone)
}

async fn begin(world: &World, phone: &Phone, body: Value) -> Answer {
    phone.post(world, "/v1/wallet/totp", body).await
}

async fn confirm(world: &World, phone: &Phone, totp: &str) -> Answer {
    phone.post(world, "/v1/wallet/totp/confirm", json!({ "totp": totp })).await
}

/// The authenticator app.
fn app(answer: &Answer) -> OtpSecret {
    otp_secret(answer.text("/otpauth_uri"))
}

fn wrong(secret: &OtpSecret, now: Timestamp) -> String {
    // None of the three that are right.
    (0..1_000_000)
        .map(|number| format!("{number:06}"))
        .find(|text| secret.check(text, now, None).is_err())
        .unwrap()
}

/// A scene with one-time passwords in use, one step later.
async fn in_use(seed: u64) -> (World, Phone, OtpSecret, Vec<String>) {
    let (world, phone) = scene(seed).await;
    let secret = app(&begin(&world, &phone, json!({ "pin": PIN })).await.created());
    let confirmed = confirm(&world, &phone, &secret.password(world.now())).await;
    assert_eq!(confirmed.status, 200, "{}", confirmed.text);
    world.advance_seconds(STEP_SECONDS);
    (world, phone, secret, codes(&confirmed))
}

fn codes(answer: &Answer) -> Vec<String> {
    let codes = answer.json["recovery_codes"].as_array().unwrap();
    codes.iter().map(|code| code.as_str().unwrap().to_owned()).collect()
}

async fn reset_pin(world: &World, phone: &Phone, proof: (&str, &str)) -> Answer {
    let body = json!({ "pin": "246813", proof.0: proof.1 });
    phone.send(world, "PUT", "/v1/wallet/pin", body).await
}

#[tokio::test]
async fn a_payer_gets_a_second_factor_which_resets_a_forgotten_pin() {
    let (world, phone, secret, codes) = in_use(921).await;
    assert_eq!(codes.len(), 10);
    for _ in 0..6 {
        let guess = phone.send(&world, "PUT", "/v1/wallet/pin", json!({ "pin": "864209" })).await;
        guess.assert_problem(403, "pin_refused", "retry");
    }
    let password = secret.password(world.now());
    assert_eq!(reset_pin(&world, &phone, ("totp", &password)).await.status, 204);
    let again = reset_pin(&world, &phone, ("totp", &password)).await;
    again.assert_problem(422, "otp_used", "retry");
    let proof = phone.send(&world, "PUT", "/v1/wallet/pin", json!({ "pin": "246813" })).await;
    assert_eq!(proof.status, 204, "the PIN is set, and not locked");
}

#[tokio::test]
async fn a_recovery_code_works_once_however_it_is_typed() {
    let (world, phone, _, codes) = in_use(922).await;
    let typed = codes[3].replace('-', " ").to_lowercase();
    assert_eq!(reset_pin(&world, &phone, ("recovery_code", &typed)).await.status, 204);
    let again = reset_pin(&world, &phone, ("recovery_code", &codes[3])).await;
    again.assert_problem(422, "recovery_code_wrong", "retry");
    assert_eq!(reset_pin(&world, &phone, ("recovery_code", &codes[4])).await.status, 204);
    // Another payer's codes are worth nothing here.
    let other = world.payer("Lin", "0").await;
    let theirs = reset_pin(&world, &other, ("recovery_code", &codes[5])).await;
    theirs.assert_problem(422, "recovery_code_wrong", "retry");
}

#[tokio::test]
async fn a_recovery_code_sent_many_times_at_once_resets_one_pin() {
    let (world, phone, _, codes) = in_use(923).await;
    let mut second = Vec::new();
    for _ in 0..6 {
        second.push(&phone);
    }
    let resets = second.iter().map(|phone| reset_pin(&world, phone, ("recovery_code", &codes[0])));
    let answers = at_once(resets).await;
    let done = answers.iter().filter(|answer| answer.status == 204).count();
    assert_eq!(done, 1);
}

#[tokio::test]
async fn new_recovery_codes_end_the_old_ones() {
    let (world, phone, secret, old) = in_use(924).await;
    let path = "/v1/wallet/recovery_codes";
    let renew = async |proof: Value| phone.post(&world, path, proof).await;
    let proof = |pin: &str, totp: &str| json!({ "pin": pin, "totp": totp });
    let password = secret.password(world.now());
    renew(proof("864209", &password)).await.assert_problem(403, "pin_refused", "retry");
    // Who has the phone and the PIN gets no second factor by that.
    renew(json!({ "pin": PIN })).await.assert_problem(403, "second_factor_needed", "retry");
    let guess = wrong(&secret, world.now());
    renew(proof(PIN, &guess)).await.assert_problem(422, "otp_wrong", "retry");
    let new = codes(&renew(proof(PIN, &password)).await.created());
    let dead = reset_pin(&world, &phone, ("recovery_code", &old[0])).await;
    dead.assert_problem(422, "recovery_code_wrong", "retry");
    assert_eq!(reset_pin(&world, &phone, ("recovery_code", &new[0])).await.status, 204);
    let other = world.payer("Lin", "0").await;
    other.set_pin(&world).await;
    let none = other.post(&world, path, proof(PIN, &password)).await;
    none.assert_problem(409, "totp_not_set", "final");
}

#[tokio::test]
async fn five_wrong_ones_lock_for_a_quarter_of_an_hour_also_the_right_one() {
    let (world, phone, secret, codes) = in_use(925).await;
    let guess = wrong(&secret, world.now());
    for _ in 0..3 {
        reset_pin(&world, &phone, ("totp", &guess)).await.assert_problem(422, "otp_wrong", "retry");
    }
    for _ in 0..2 {
        let answer = reset_pin(&world, &phone, ("recovery_code", "00000-00000")).await;
        answer.assert_problem(422, "recovery_code_wrong", "retry");
    }
    let password = secret.password(world.now());
    for proof in [("totp", password.as_str()), ("recovery_code", &codes[0])] {
        let locked = reset_pin(&world, &phone, proof).await;
        locked.assert_problem(429, "otp_locked", "retry");
        assert_eq!(locked.headers["retry-after"], "901");
    }
    world.advance_seconds(15 * 60);
    assert_eq!(reset_pin(&world, &phone, ("recovery_code", &codes[0])).await.status, 204);
}

#[tokio::test]
async fn a_clock_that_is_turned_back_lets_no_password_work_again() {
    let (world, phone, secret, _) = in_use(926).await;
    world.advance_seconds(3600);
    let earlier = secret.password(world.now().plus_millis(-600_000));
    assert_eq!(
        reset_pin(&world, &phone, ("totp", &secret.password(world.now()))).await.status,
        204
    );
    world.advance_seconds(-600);
    let refused = reset_pin(&world, &phone, ("totp", &earlier)).await;
    refused.assert_problem(422, "otp_used", "retry");
}

#[tokio::test]
async fn a_secret_is_in_use_once_it_was_confirmed() {
    let (world, phone) = scene(927).await;
    confirm(&world, &phone, "123456").await.assert_problem(409, "nothing_to_confirm", "final");
    begin(&world, &phone, json!({ "pin": "864209" })).await.assert_problem(
        403,
        "pin_refused",
        "retry",
    );
    let first = begin(&world, &phone, json!({ "pin": PIN })).await.created();
    assert!(first.text("/qr_svg").starts_with("<svg"));
    // The answer was lost, and the app scans another one.
    let secret = app(&begin(&world, &phone, json!({ "pin": PIN })).await.created());
    let password = secret.password(world.now());
    let early = reset_pin(&world, &phone, ("totp", &password)).await;
    early.assert_problem(422, "otp_wrong", "retry");
    let old = confirm(&world, &phone, &wrong(&secret, world.now())).await;
    old.assert_problem(422, "otp_wrong", "retry");
    assert_eq!(confirm(&world, &phone, &password).await.status, 200);
    confirm(&world, &phone, &password).await.assert_problem(409, "nothing_to_confirm", "final");
    let used = reset_pin(&world, &phone, ("totp", &password)).await;
    used.assert_problem(422, "otp_used", "retry");
}

#[tokio::test]
async fn a_second_factor_is_replaced_by_proof_of_itself() {
    let (world, phone, secret, codes) = in_use(928).await;
    let alone = begin(&world, &phone, json!({ "pin": PIN })).await;
    alone.assert_problem(403, "second_factor_needed", "retry");
    let wrong = wrong(&secret, world.now());
    let guessed = begin(&world, &phone, json!({ "pin": PIN, "totp": wrong })).await;
    guessed.assert_problem(422, "otp_wrong", "retry");
    let body = json!({ "pin": PIN, "recovery_code": codes[0] });
    let new = app(&begin(&world, &phone, body).await.created());
    // Until it is confirmed the old one counts.
    let password = secret.password(world.now());
    assert_eq!(reset_pin(&world, &phone, ("totp", &password)).await.status, 204);
    assert_eq!(confirm(&world, &phone, &new.password(world.now())).await.status, 200);
    world.advance_seconds(STEP_SECONDS);
    let old = reset_pin(&world, &phone, ("totp", &secret.password(world.now()))).await;
    old.assert_problem(422, "otp_wrong", "retry");
    let new = new.password(world.now());
    assert_eq!(reset_pin(&world, &phone, ("totp", &new)).await.status, 204);
}
