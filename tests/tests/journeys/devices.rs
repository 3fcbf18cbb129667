//! A payer's other devices: approved by the first one or by a one-time password, new for a day,
//! revoked by one another.

use crate::DATABASE;
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use serde_json::{Value, json};
use wallet_core::DeviceKey;
use wallet_core::totp::OtpSecret;
use wallet_tests::{Answer, Charge, PIN, Phone, Signed, Signer, World, at_once, otp_secret};

const DEVICES: &str = "/v1/wallet/devices";
const DAY_SECONDS: i64 = 24 * 60 * 60;

async fn scene(seed: u64) -> (World, Phone) {
    scene_with(seed, &[]).await
}

async fn scene_with(seed: u64, changes: &[(&str, &str)]) -> (World, Phone) {
    let world = World::start_with(DATABASE, seed, changes).await;
    let phone = world.payer("Wei", "50.00").await;
    phone.set_pin(&world).await;
    // Lists are in the order of time.
    world.advance_seconds(1);
    (world, phone)
}

/// An invitation of the operator.
async fn invitation(world: &World, payer: &str) -> String {
    let path = format!("/v1/operator/payers/{payer}/invitations");
    world.operator_post(&path, json!({})).await.created().text("/invitation").to_owned()
}

fn key(seed: u8) -> DeviceKey {
    DeviceKey::from_seed(&[seed; 32])
}

async fn enrol(world: &World, key: &DeviceKey, invitation: &str, totp: Option<&str>) -> Answer {
    let public_key = base16ct::lower::encode_string(key.public_key().as_bytes());
    let body = json!({ "invitation": invitation, "public_key": public_key,
        "device_name": "tablet", "totp": totp });
    Phone::try_enrol_with(world, key, &public_key, body).await
}

/// Whether a device can do something with its key.
async fn acts(world: &World, key: &DeviceKey, key_id: &str) -> Answer {
    let signer = Signer { key, keyid: key_id, at: world.now() };
    Signed::new(world, signer, "GET", "/v1/wallet/balance", b"").send().await
}

async fn approve(world: &World, phone: &Phone, key_id: &str, pin: &str) -> Answer {
    phone.post(world, &format!("{DEVICES}/{key_id}/approve"), json!({ "pin": pin })).await
}

async fn revoke(world: &World, phone: &Phone, key_id: &str) -> Answer {
    phone.post(world, &format!("{DEVICES}/{key_id}/revoke"), Value::Null).await
}

/// The states of a payer's devices, in the order in which they came.
async fn states(world: &World, phone: &Phone) -> Vec<String> {
    let list = phone.get(world, DEVICES).await;
    let devices = list.json["data"].as_array().unwrap();
    devices.iter().map(|device| device["state"].as_str().unwrap().to_owned()).collect()
}

/// One-time passwords, in use one step later.
async fn totp(world: &World, phone: &Phone) -> OtpSecret {
    let begun = phone.post(world, "/v1/wallet/totp", json!({ "pin": PIN })).await.created();
    let secret = otp_secret(begun.text("/otpauth_uri"));
    let body = json!({ "totp": secret.password(world.now()) });
    assert_eq!(phone.post(world, "/v1/wallet/totp/confirm", body).await.status, 200);
    world.advance_seconds(30);
    secret
}

#[tokio::test]
async fn a_second_device_waits_until_the_first_approves_it() {
    let (world, phone) = scene(931).await;
    let invited = invitation(&world, &phone.payer).await;
    let pending = enrol(&world, &key(1), &invited, None).await;
    assert_eq!((pending.status.as_u16(), pending.text("/state")), (202, "pending"));
    let key_id = pending.text("/device_key_id").to_owned();
    acts(&world, &key(1), &key_id).await.assert_problem(401, "unauthorized", "retry");
    assert_eq!(enrol(&world, &key(1), &invited, None).await.status, 202);
    assert_eq!(states(&world, &phone).await, ["active", "pending"]);

    approve(&world, &phone, &key_id, "864209").await.assert_problem(403, "pin_refused", "retry");
    acts(&world, &key(1), &key_id).await.assert_problem(401, "unauthorized", "retry");
    for _ in 0..2 {
        let approved = approve(&world, &phone, &key_id, PIN).await;
        assert_eq!((approved.status.as_u16(), approved.text("/state")), (200, "active"));
    }
    assert_eq!(acts(&world, &key(1), &key_id).await.status, 200);
    let again = enrol(&world, &key(1), &invited, None).await;
    assert_eq!((again.status.as_u16(), again.text("/state")), (201, "active"));
}

#[tokio::test]
async fn the_codes_of_a_device_that_waits_are_worth_nothing() {
    let (world, phone) = scene(932).await;
    let till = world.merchant("Tea House").await;
    let invited = invitation(&world, &phone.payer).await;
    let waiting = enrol(&world, &key(1), &invited, None).await;
    let mut second = Phone::joined(key(1), ChaCha20Rng::seed_from_u64(1), &waiting);
    let charge = Charge::new("order-1", &second.code(&world, "20.00"), "12.50");
    till.charge(&charge).await.assert_problem(422, "invalid_code", "final");
    assert_eq!(approve(&world, &phone, &second.key_id(), PIN).await.status, 200);
    let charge = Charge::new("order-2", &second.code(&world, "20.00"), "12.50");
    let _ = till.charge(&charge).await.created();
}

#[tokio::test]
async fn a_one_time_password_approves_a_second_device_once() {
    let (world, phone) = scene(933).await;
    let secret = totp(&world, &phone).await;
    let first = invitation(&world, &phone.payer).await;
    let password = secret.password(world.now());
    let wrong = if password == "000000" { "111111" } else { "000000" };
    let refused = enrol(&world, &key(1), &first, Some(wrong)).await;
    refused.assert_problem(422, "otp_wrong", "retry");
    assert_eq!(states(&world, &phone).await, ["active"], "nothing is enrolled");
    let enrolled = enrol(&world, &key(1), &first, Some(&password)).await.created();
    assert_eq!(enrolled.text("/state"), "active");
    // The answer was lost: the same password again does no harm to the device that joined.
    let _ = enrol(&world, &key(1), &first, Some(&password)).await.created();

    let second = invitation(&world, &phone.payer).await;
    let used = enrol(&world, &key(2), &second, Some(&password)).await;
    used.assert_problem(422, "otp_used", "retry");
    world.advance_seconds(30);
    // It waits first, and comes again with a password.
    assert_eq!(enrol(&world, &key(2), &second, None).await.status, 202);
    let next = secret.password(world.now());
    let _ = enrol(&world, &key(2), &second, Some(&next)).await.created();
}

#[tokio::test]
async fn guessing_passwords_at_enrolment_locks_them() {
    let (world, phone) = scene(934).await;
    let secret = totp(&world, &phone).await;
    let invited = invitation(&world, &phone.payer).await;
    let password = secret.password(world.now());
    let wrong = if password == "000000" { "111111" } else { "000000" };
    for _ in 0..5 {
        let guess = enrol(&world, &key(1), &invited, Some(wrong)).await;
        guess.assert_problem(422, "otp_wrong", "retry");
    }
    let locked = enrol(&world, &key(1), &invited, Some(&password)).await;
    locked.assert_problem(429, "otp_locked", "retry");
    assert_eq!(states(&world, &phone).await, ["active"]);
}

#[tokio::test]
async fn an_invitation_of_the_first_device_approves_the_second() {
    let (world, phone) = scene(935).await;
    let path = format!("{DEVICES}/invitations");
    let refused = phone.post(&world, &path, json!({ "pin": "864209" })).await;
    refused.assert_problem(403, "pin_refused", "retry");
    let second = phone.another(&world, "Wei's tablet").await;
    assert_eq!(second.balance(&world).await, "50.00");

    // One that was made by a device that is out invites nobody.
    let invited = second.post(&world, &path, json!({ "pin": PIN })).await.created();
    let unused = second.post(&world, &path, json!({ "pin": PIN })).await.created();
    assert_eq!(revoke(&world, &phone, &second.key_id()).await.status, 200);
    let dead = enrol(&world, &key(1), invited.text("/invitation"), None).await;
    dead.assert_problem(422, "unknown_invitation", "final");
    // And it lasts for a quarter of an hour.
    let late = phone.post(&world, &path, json!({ "pin": PIN })).await.created();
    world.advance_seconds(15 * 60);
    let expired = enrol(&world, &key(1), late.text("/invitation"), None).await;
    expired.assert_problem(422, "invitation_expired", "final");
    drop(unused);
}

#[tokio::test]
async fn of_two_first_devices_at_once_one_waits_for_the_other() {
    let world = World::start(DATABASE, 936).await;
    let payer = world.operator_post("/v1/operator/payers", json!({ "name": "Wei" })).await;
    let payer = payer.created().text("/id").to_owned();
    let invitations = [invitation(&world, &payer).await, invitation(&world, &payer).await];
    let keys = [key(1), key(2)];
    let (first, second) = tokio::join!(
        enrol(&world, &keys[0], &invitations[0], None),
        enrol(&world, &keys[1], &invitations[1], None),
    );
    let mut statuses = [first.status.as_u16(), second.status.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 202]);
}

#[tokio::test]
async fn a_second_device_is_new_for_a_day() {
    let (world, phone) = scene_with(937, &[("devices.new_hours", "24")]).await;
    let second = phone.another(&world, "Wei's tablet").await;
    let list = phone.get(&world, DEVICES).await;
    assert_eq!(list.json["data"][0]["new_until"], Value::Null);
    assert_eq!(list.text("/data/1/new_until"), "2027-01-16T08:00:08.000Z");
    assert_eq!(list.json["data"][0]["current"], true);
    assert_eq!(list.json["data"][1]["current"], false);
    world.advance_seconds(DAY_SECONDS);
    let list = second.get(&world, DEVICES).await;
    assert_eq!(list.json["data"][1]["new_until"], Value::Null);

    // Nor is a thief better off who has the only device revoked first.
    for device in [&second, &phone] {
        assert_eq!(revoke(&world, &phone, &device.key_id()).await.status, 200);
    }
    let invited = invitation(&world, &phone.payer).await;
    let third = Phone::enrol(&world, "third", &invited).await;
    let list = third.get(&world, DEVICES).await;
    assert_eq!(list.text("/data/2/new_until"), "2027-01-17T08:00:08.000Z");
}

#[tokio::test]
async fn a_revoked_device_is_out_at_once_and_stays_out() {
    let (world, phone) = scene(938).await;
    let till = world.merchant("Tea House").await;
    let mut second = phone.another(&world, "Wei's tablet").await;
    let code = second.code(&world, "20.00");
    for _ in 0..2 {
        let revoked = revoke(&world, &phone, &second.key_id()).await;
        assert_eq!((revoked.status.as_u16(), revoked.text("/state")), (200, "revoked"));
    }
    let declined = till.charge(&Charge::new("order-1", &code, "12.50")).await;
    declined.assert_problem(402, "device_revoked", "final");
    second.get(&world, DEVICES).await.assert_problem(401, "unauthorized", "retry");
    let back = approve(&world, &phone, &second.key_id(), PIN).await;
    back.assert_problem(409, "device_revoked", "final");
}

#[tokio::test]
async fn only_ones_own_devices_can_be_named_approved_or_revoked() {
    let (world, phone) = scene(939).await;
    let other = world.payer("Lin", "0").await;
    other.set_pin(&world).await;
    world.advance_seconds(1);
    let invited = invitation(&world, &other.payer).await;
    let theirs = enrol(&world, &key(1), &invited, None).await;
    for key_id in [other.key_id().as_str(), theirs.text("/device_key_id"), "0000000000000000", "x"]
    {
        revoke(&world, &phone, key_id).await.assert_problem(404, "not_found", "final");
        approve(&world, &phone, key_id, PIN).await.assert_problem(404, "not_found", "final");
        let path = format!("{DEVICES}/{key_id}");
        let named = phone.send(&world, "PATCH", &path, json!({ "name": "mine" })).await;
        named.assert_problem(404, "not_found", "final");
    }
    let path = format!("{DEVICES}/{}", phone.key_id());
    for name in ["", "two\nlines", &"x".repeat(101)] {
        let refused = phone.send(&world, "PATCH", &path, json!({ "name": name })).await;
        refused.assert_points_at("/name");
    }
    let named = phone.send(&world, "PATCH", &path, json!({ "name": "华为" })).await;
    assert_eq!((named.status.as_u16(), named.text("/name")), (200, "华为"));
    assert_eq!(states(&world, &other).await, ["active", "pending"]);
}

#[tokio::test]
async fn who_waited_does_not_get_in_because_the_payers_own_device_is_gone() {
    let (world, phone) = scene(1020).await;
    let secret = totp(&world, &phone).await;
    let stolen = invitation(&world, &phone.payer).await;
    let waiting = enrol(&world, &key(1), &stolen, None).await;
    assert_eq!((waiting.status.as_u16(), waiting.text("/state")), (202, "pending"));
    let _ = revoke(&world, &phone, &phone.key_id()).await;
    let still = enrol(&world, &key(1), &stolen, None).await;
    assert_eq!((still.status.as_u16(), still.text("/state")), (202, "pending"));

    // Nor does the next one without the second factor, whoever made the invitation.
    let replacement = invitation(&world, &phone.payer).await;
    let without = enrol(&world, &key(2), &replacement, None).await;
    assert_eq!((without.status.as_u16(), without.text("/state")), (202, "pending"));
    let password = secret.password(world.now());
    let with = enrol(&world, &key(2), &replacement, Some(&password)).await.created();
    assert_eq!(with.text("/state"), "active");
    assert_eq!(acts(&world, &key(2), with.text("/device_key_id")).await.status, 200);
    acts(&world, &key(1), still.text("/device_key_id")).await.assert_problem(
        401,
        "unauthorized",
        "retry",
    );
}

#[tokio::test]
async fn an_old_invitation_lets_nobody_in_who_waited_for_long() {
    let (world, phone) = scene(1021).await;
    let stolen = invitation(&world, &phone.payer).await;
    let waiting = enrol(&world, &key(1), &stolen, None).await;
    assert_eq!(waiting.text("/state"), "pending");
    world.advance_seconds(DAY_SECONDS);
    let _ = revoke(&world, &phone, &phone.key_id()).await;
    assert_eq!(enrol(&world, &key(1), &stolen, None).await.text("/state"), "pending");
}

#[tokio::test]
async fn the_operator_helps_a_payer_who_can_prove_nothing_any_more() {
    let (world, mut phone) = scene_with(1022, &[("devices.new_hours", "24")]).await;
    let till = world.merchant("Tea House").await;
    let _ = totp(&world, &phone).await;
    for _ in 0..5 {
        let _ = phone.send(&world, "PUT", "/v1/wallet/pin", json!({ "pin": "975310" })).await;
    }
    let path = format!("/v1/operator/payers/{}/reset_secrets", phone.payer);
    let reset = world.operator_post(&path, json!({})).await;
    assert_eq!((reset.status.as_u16(), reset.text("/state")), (200, "active"));
    let account = phone.get(&world, "/v1/wallet/account").await;
    let set = (&account.json["pin_set"], &account.json["totp_set"]);
    assert_eq!(
        (set, &account.json["recovery_codes_left"]),
        ((&json!(false), &json!(false)), &json!(0))
    );

    let limits = phone.get(&world, "/v1/wallet/balance").await.json["limits"].clone();
    assert_eq!((&limits["payment"], &limits["day_left"]), (&json!("100.00"), &json!("200.00")));
    phone.set_pin(&world).await;
    let code = phone.code(&world, "200.00");
    let asked = till.charge(&Charge::new("order-1", &code, "1.00")).await.created();
    assert_eq!(asked.outcome(), "requires_confirmation", "its devices are as good as new ones");
    let unknown = "/v1/operator/payers/payer_00000000000000000000000000000000/reset_secrets";
    world.operator_post(unknown, json!({})).await.assert_problem(404, "not_found", "final");
}

#[tokio::test]
async fn a_new_device_throws_none_out_that_was_there_before() {
    let (world, phone) = scene_with(1023, &[("devices.new_hours", "24")]).await;
    let tablet = phone.another(&world, "tablet").await;
    let other = phone.another(&world, "another tablet").await;
    let waiting = enrol(&world, &key(1), &invitation(&world, &phone.payer).await, None).await;
    for _ in 0..2 {
        let refused = revoke(&world, &tablet, &phone.key_id()).await;
        refused.assert_problem(403, "device_too_new", "retry");
    }
    assert_eq!(phone.balance(&world).await, "50.00");
    // Others that are new, what waits, and itself it revokes.
    for key_id in [other.key_id().as_str(), waiting.text("/device_key_id")] {
        assert_eq!(revoke(&world, &tablet, key_id).await.text("/state"), "revoked");
    }
    // Whoever lost the phone freezes with the new one, and asks the operator.
    let frozen = tablet.post(&world, "/v1/wallet/freeze", Value::Null).await;
    assert_eq!(frozen.text("/state"), "frozen");
    let path = format!("/v1/operator/devices/{}/revoke", phone.key_id());
    assert_eq!(world.operator_post(&path, Value::Null).await.status, 204);
    // What is revoked already is so for a new one too.
    assert_eq!(revoke(&world, &tablet, &phone.key_id()).await.text("/state"), "revoked");
    assert_eq!(revoke(&world, &tablet, &tablet.key_id()).await.text("/state"), "revoked");
}

#[tokio::test]
async fn a_device_that_is_new_no_longer_revokes_the_others() {
    let (world, phone) = scene_with(1024, &[("devices.new_hours", "24")]).await;
    let tablet = phone.another(&world, "tablet").await;
    world.advance_seconds(DAY_SECONDS - 1);
    let early = revoke(&world, &tablet, &phone.key_id()).await;
    early.assert_problem(403, "device_too_new", "retry");
    world.advance_seconds(1);
    assert_eq!(revoke(&world, &tablet, &phone.key_id()).await.text("/state"), "revoked");
}

#[tokio::test]
async fn a_payer_has_twenty_devices_at_most() {
    let (world, phone) = scene(1025).await;
    let mut invitations = Vec::new();
    for _ in 0..22 {
        invitations.push(invitation(&world, &phone.payer).await);
    }
    let join = async |number: u8| {
        enrol(&world, &key(number), &invitations[usize::from(number)], None).await
    };
    for number in 0..18 {
        assert_eq!(join(number).await.status, 202);
    }
    // Of three who want the last place at once, one gets it.
    let mut last = at_once([18, 19, 20].map(join)).await;
    last.sort_by_key(|answer| answer.status);
    assert_eq!(last[0].status, 202, "{}", last[0].text);
    for refused in &last[1..] {
        refused.assert_problem(409, "too_many_devices", "final");
    }
    let path = format!("/v1/operator/payers/{}/invitations", phone.payer);
    let refused = world.operator_post(&path, json!({})).await;
    refused.assert_problem(409, "too_many_devices", "final");
    let path = format!("{DEVICES}/invitations");
    let refused = phone.post(&world, &path, json!({ "pin": PIN })).await;
    refused.assert_problem(409, "too_many_devices", "final");
    assert_eq!(states(&world, &phone).await.len(), 20);

    // One that is revoked makes room for another one.
    assert_eq!(join(0).await.status, 202, "who is in hears how things stand");
    let first = join(0).await.text("/device_key_id").to_owned();
    assert_eq!(revoke(&world, &phone, &first).await.status, 200);
    assert_eq!(join(21).await.status, 202);
}

#[tokio::test]
async fn an_invitation_of_a_revoked_device_lets_nobody_in_who_waited_with_it() {
    let (world, phone) = scene(1026).await;
    let body = json!({ "pin": PIN });
    let invited = phone.post(&world, &format!("{DEVICES}/invitations"), body).await.created();
    let invited = invited.text("/invitation");
    assert_eq!(phone.post(&world, "/v1/wallet/freeze", Value::Null).await.status, 200);
    let waiting = enrol(&world, &key(1), invited, None).await;
    assert_eq!((waiting.status.as_u16(), waiting.text("/state")), (202, "pending"));
    let body = json!({ "pin": PIN });
    assert_eq!(phone.post(&world, "/v1/wallet/unfreeze", body).await.status, 200);
    assert_eq!(revoke(&world, &phone, &phone.key_id()).await.status, 200);

    let still = enrol(&world, &key(1), invited, None).await;
    assert_eq!((still.status.as_u16(), still.text("/state")), (202, "pending"));
    let acting = acts(&world, &key(1), still.text("/device_key_id")).await;
    acting.assert_problem(401, "unauthorized", "retry");
    // The operator's lets somebody in.
    let helped = enrol(&world, &key(2), &invitation(&world, &phone.payer).await, None).await;
    assert_eq!(helped.created().text("/state"), "active");
}

#[tokio::test]
async fn a_device_that_waits_for_long_is_no_place_to_guess_the_second_factor() {
    let (world, phone) = scene(1027).await;
    let secret = totp(&world, &phone).await;
    let invited = invitation(&world, &phone.payer).await;
    assert_eq!(enrol(&world, &key(1), &invited, None).await.status, 202);
    let wrong = || {
        let is_wrong = |guess: &String| secret.check(guess, world.now(), None).is_err();
        (0..1_000_000).map(|number| format!("{number:06}")).find(is_wrong).unwrap()
    };
    // Its invitation is over for a day but for a second.
    world.advance_seconds(2 * DAY_SECONDS - 31);
    let guess = enrol(&world, &key(1), &invited, Some(&wrong())).await;
    guess.assert_problem(422, "otp_wrong", "retry");
    world.advance_seconds(31);
    for _ in 0..6 {
        let guess = enrol(&world, &key(1), &invited, Some(&wrong())).await;
        guess.assert_problem(422, "invitation_expired", "final");
    }
    let password = secret.password(world.now());
    let late = enrol(&world, &key(1), &invited, Some(&password)).await;
    late.assert_problem(422, "invitation_expired", "final");
    assert_eq!(enrol(&world, &key(1), &invited, None).await.text("/state"), "pending");
    // Nothing was counted, and nothing used up.
    let next = invitation(&world, &phone.payer).await;
    let joined = enrol(&world, &key(2), &next, Some(&password)).await;
    assert_eq!(joined.created().text("/state"), "active");
}
