//! A payer's own account: its handle and limits, freezing it, taking the data along, closing it.

use crate::DATABASE;
use serde_json::{Value, json};
use wallet_core::DeviceKey;
use wallet_tests::{Answer, Charge, PIN, Phone, Signed, Signer, World, at_once, otp_secret};

use super::{transfers, withdrawals};

async fn scene(seed: u64) -> (World, Phone) {
    let world = World::start(DATABASE, seed).await;
    let phone = world.payer("张伟", "50.00").await;
    phone.set_pin(&world).await;
    (world, phone)
}

async fn put(world: &World, phone: &Phone, path: &str, body: Value) -> Answer {
    phone.send(world, "PUT", path, body).await
}

async fn account(world: &World, phone: &Phone) -> Answer {
    phone.get(world, "/v1/wallet/account").await
}

/// The types and subjects of what a phone is told after a place in the journal.
pub(crate) async fn told(world: &World, phone: &Phone, after: &str) -> Vec<(String, String)> {
    world.placed().await;
    let events = phone.get(world, &format!("/v1/wallet/events?after={after}")).await;
    let text = |event: &Value, field: &str| event[field].as_str().unwrap().to_owned();
    let events = events.json["data"].as_array().unwrap().clone();
    events.iter().map(|event| (text(event, "type"), text(event, "subject"))).collect()
}

/// The place in the journal behind what has happened.
pub(crate) async fn now_in_journal(world: &World, phone: &Phone) -> String {
    world.placed().await;
    phone.get(world, "/v1/wallet/events").await.text("/next").to_owned()
}

#[tokio::test]
async fn an_account_says_what_its_owner_may_know() {
    let (world, phone) = scene(951).await;
    let shown = account(&world, &phone).await;
    assert_eq!(shown.text("/payer"), phone.payer);
    assert_eq!((shown.text("/mode"), shown.text("/state")), ("live", "active"));
    assert_eq!((shown.text("/name"), &shown.json["handle"]), ("张伟", &Value::Null));
    assert_eq!(shown.json["pin_set"], true);
    assert_eq!(
        (&shown.json["totp_set"], &shown.json["recovery_codes_left"]),
        (&json!(false), &json!(0))
    );
    assert_eq!(shown.text("/device/key_id"), phone.key_id());
    assert_eq!(shown.json["device"]["current"], true);
}

#[tokio::test]
async fn a_handle_belongs_to_one_payer_of_a_mode() {
    let (world, phone) = scene(952).await;
    let other = world.payer("Lin", "0").await;
    let test = world.payer_in("test", "Test", "0").await;
    let path = "/v1/wallet/handle";
    for _ in 0..2 {
        let set = put(&world, &phone, path, json!({ "handle": "wei.zhang" })).await;
        assert_eq!((set.status.as_u16(), set.text("/handle")), (200, "wei.zhang"));
    }
    let taken = put(&world, &other, path, json!({ "handle": "wei.zhang" })).await;
    taken.assert_problem(409, "handle_taken", "final");
    let set = put(&world, &test, path, json!({ "handle": "wei.zhang" })).await;
    assert_eq!(set.status, 200, "{}", set.text);
    for handle in ["", "we", "Wei", "wei zhang", "伟", "1wei", &"w".repeat(31)] {
        put(&world, &phone, path, json!({ "handle": handle })).await.assert_points_at("/handle");
    }
}

#[tokio::test]
async fn a_handle_that_was_given_up_goes_to_no_stranger_for_thirty_days() {
    const MONTH_SECONDS: i64 = 30 * 24 * 60 * 60;
    let (world, phone) = scene(970).await;
    let other = world.payer("Lin", "0").await;
    let take = async |phone: &Phone, handle: &str| {
        put(&world, phone, "/v1/wallet/handle", json!({ "handle": handle })).await
    };
    assert_eq!(take(&phone, "wei.zhang").await.status, 200);
    assert_eq!(take(&phone, "wei2").await.status, 200);
    take(&other, "wei.zhang").await.assert_problem(409, "handle_taken", "final");
    // The other one keeps what it has when it is refused, and nothing counts as given up.
    assert_eq!(take(&other, "lin").await.status, 200);
    take(&other, "wei.zhang").await.assert_problem(409, "handle_taken", "final");
    assert_eq!(account(&world, &other).await.text("/handle"), "lin");

    assert_eq!(take(&phone, "wei.zhang").await.status, 200, "its owner takes it back");
    assert_eq!(take(&phone, "wei2").await.status, 200);
    world.advance_seconds(MONTH_SECONDS - 1);
    take(&other, "wei.zhang").await.assert_problem(409, "handle_taken", "final");
    world.advance_seconds(1);
    assert_eq!(take(&other, "wei.zhang").await.status, 200);
    take(&phone, "lin").await.assert_problem(409, "handle_taken", "final");
}

#[tokio::test]
async fn three_handles_that_a_payer_gave_up_are_kept_and_no_fourth_is_given_up() {
    const MONTH_SECONDS: i64 = 30 * 24 * 60 * 60;
    let (world, phone) = scene(971).await;
    let other = world.payer("Lin", "0").await;
    let take = async |phone: &Phone, handle: &str| {
        put(&world, phone, "/v1/wallet/handle", json!({ "handle": handle })).await
    };
    for handle in ["wei", "wei.zhang", "wei_2", "wei.88"] {
        assert_eq!(take(&phone, handle).await.status, 200);
        world.advance_seconds(1);
    }
    for _ in 0..2 {
        take(&phone, "wei_5").await.assert_problem(409, "too_many_handles", "final");
    }
    assert_eq!(account(&world, &phone).await.text("/handle"), "wei.88");
    assert_eq!(take(&other, "wei_5").await.status, 200, "nothing is kept of what was refused");
    for handle in ["wei", "wei.zhang", "wei_2"] {
        take(&other, handle).await.assert_problem(409, "handle_taken", "final");
    }
    // Between one's own one may go to and fro.
    for handle in ["wei.88", "wei", "wei.88", "wei_2", "wei"] {
        let back = take(&phone, handle).await;
        assert_eq!((back.status.as_u16(), back.text("/handle")), (200, handle));
    }
    take(&phone, "wei_6").await.assert_problem(409, "too_many_handles", "final");
    // What nobody takes back is anybody's in a month, and then there is room for others.
    world.advance_seconds(MONTH_SECONDS);
    assert_eq!(take(&phone, "wei_6").await.status, 200);
    assert_eq!(take(&other, "wei.zhang").await.status, 200);
}

#[tokio::test]
async fn of_many_who_want_one_handle_at_once_one_gets_it() {
    let (world, phone) = scene(953).await;
    let mut phones = vec![phone];
    for number in 0..7 {
        phones.push(world.payer(&format!("payer {number}"), "0").await);
    }
    let wanted = json!({ "handle": "wei" });
    let answers =
        at_once(phones.iter().map(|phone| put(&world, phone, "/v1/wallet/handle", wanted.clone())));
    let mut codes: Vec<String> =
        answers.await.iter().map(|answer| answer.text("/code").to_owned()).collect();
    codes.sort_unstable();
    assert_eq!(codes.remove(0), "");
    assert!(codes.iter().all(|code| code == "handle_taken"), "{codes:?}");
}

#[tokio::test]
async fn a_frozen_payer_pays_nothing_until_pin_and_second_factor_are_shown() {
    let (world, mut phone) = scene(954).await;
    let till = world.merchant("Tea House").await;
    let begun = phone.post(&world, "/v1/wallet/totp", json!({ "pin": PIN })).await.created();
    let secret = otp_secret(begun.text("/otpauth_uri"));
    let body = json!({ "totp": secret.password(world.now()) });
    assert_eq!(phone.post(&world, "/v1/wallet/totp/confirm", body).await.status, 200);
    world.advance_seconds(30);

    for _ in 0..2 {
        let frozen = phone.post(&world, "/v1/wallet/freeze", Value::Null).await;
        assert_eq!((frozen.status.as_u16(), frozen.text("/state")), (200, "frozen"));
        assert_eq!(frozen.text("/frozen_by"), "payer");
    }
    let code = phone.code(&world, "20.00");
    let declined = till.charge(&Charge::new("order-1", &code, "12.50")).await;
    declined.assert_problem(402, "payer_unavailable", "final");
    let invite = phone.post(&world, "/v1/wallet/devices/invitations", json!({ "pin": PIN })).await;
    invite.assert_problem(403, "payer_unavailable", "final");

    let path = "/v1/wallet/unfreeze";
    phone.post(&world, path, json!({})).await.assert_points_at("");
    let wrong = phone.post(&world, path, json!({ "pin": "864209" })).await;
    wrong.assert_problem(403, "pin_refused", "retry");
    let alone = phone.post(&world, path, json!({ "pin": PIN })).await;
    alone.assert_problem(403, "second_factor_needed", "retry");
    let body = json!({ "pin": PIN, "totp": secret.password(world.now()) });
    for _ in 0..2 {
        let unfrozen = phone.post(&world, path, body.clone()).await;
        assert_eq!((unfrozen.status.as_u16(), unfrozen.text("/state")), (200, "active"));
    }
    let code = phone.code(&world, "20.00");
    let _ = till.charge(&Charge::new("order-2", &code, "12.50")).await.created();
}

#[tokio::test]
async fn what_the_operator_froze_only_the_operator_unfreezes() {
    let (world, mut phone) = scene(955).await;
    let till = world.merchant("Tea House").await;
    let path = |what: &str| format!("/v1/operator/payers/{}/{what}", phone.payer);
    let (freeze, unfreeze) = (path("freeze"), path("unfreeze"));
    assert_eq!(phone.post(&world, "/v1/wallet/freeze", Value::Null).await.status, 200);
    let frozen = world.operator_post(&freeze, Value::Null).await;
    assert_eq!((frozen.status.as_u16(), frozen.text("/state")), (200, "frozen"));
    let refused = phone.post(&world, "/v1/wallet/unfreeze", json!({ "pin": PIN })).await;
    refused.assert_problem(409, "frozen_by_operator", "final");
    // Freezing it oneself does not make it one's own to unfreeze.
    let again = phone.post(&world, "/v1/wallet/freeze", Value::Null).await;
    assert_eq!(again.text("/frozen_by"), "operator");
    let code = phone.code(&world, "20.00");
    let declined = till.charge(&Charge::new("order-1", &code, "12.50")).await;
    declined.assert_problem(402, "payer_unavailable", "final");
    assert_eq!(world.operator_post(&unfreeze, Value::Null).await.text("/state"), "active");
    let code = phone.code(&world, "20.00");
    let _ = till.charge(&Charge::new("order-2", &code, "12.50")).await.created();
    let unknown = world.operator_post("/v1/operator/payers/payer_0/freeze", Value::Null).await;
    unknown.assert_problem(404, "not_found", "final");
}

#[tokio::test]
async fn a_payer_lowers_the_own_limits_and_never_raises_them_above_the_issuers() {
    let (world, mut phone) = scene(956).await;
    let till = world.merchant("Tea House").await;
    let path = "/v1/wallet/limits";
    let before = phone.get(&world, path).await;
    assert_eq!(before.text("/own/payment"), "200.00");
    let lower = json!({ "pin": PIN, "payment": "10.00", "without_pin_count": 3 });
    for _ in 0..2 {
        let set = put(&world, &phone, path, lower.clone()).await;
        assert_eq!(set.status, 200, "{}", set.text);
        assert_eq!((set.text("/own/payment"), set.text("/own/day")), ("10.00", "1000.00"));
        assert_eq!(set.json["own"]["without_pin_count"], 3);
        assert_eq!(set.text("/issuer/payment"), before.text("/issuer/payment"));
    }
    let code = phone.code(&world, "200.00");
    let over = till.charge(&Charge::new("order-1", &code, "10.01")).await;
    over.assert_problem(402, "declined_by_limit", "final");
    let code = phone.code(&world, "200.00");
    let _ = till.charge(&Charge::new("order-2", &code, "10.00")).await.created();
    let left = phone.get(&world, path).await;
    assert_eq!(left.text("/left/day"), "990.00");
    assert_eq!(left.json["left"]["without_pin_count"], 2);

    let above = json!({ "pin": PIN, "payment": "1000000.00", "without_pin_count": 1_000_001 });
    let refused = put(&world, &phone, path, above).await;
    refused.assert_problem(422, "limit_above_issuer", "final");
    assert_eq!(refused.text("/errors/0/pointer"), "/payment");
    assert_eq!(refused.text("/errors/1/pointer"), "/without_pin_count");
    for (field, value) in [
        ("payment", json!("-1")),
        ("day", json!("1.234")),
        ("month", json!(5)),
        ("without_pin", json!("x")),
        ("without_pin_count", json!(-1)),
    ] {
        let refused = put(&world, &phone, path, json!({ "pin": PIN, field: value })).await;
        refused.assert_points_at(&format!("/{field}"));
    }
    let wrong = put(&world, &phone, path, json!({ "pin": "864209", "payment": "5.00" })).await;
    wrong.assert_problem(403, "pin_refused", "retry");
    assert_eq!(phone.get(&world, path).await.text("/own/payment"), "10.00");
}

#[tokio::test]
async fn the_other_devices_are_told_what_changed() {
    let (world, phone) = scene(957).await;
    let place = now_in_journal(&world, &phone).await;
    let second = phone.another(&world, "tablet").await;
    // Within one millisecond the journal may give places in another order.
    world.advance_seconds(1);
    let _ = second.post(&world, "/v1/wallet/freeze", Value::Null).await;
    world.advance_seconds(1);
    let _ = second.post(&world, "/v1/wallet/unfreeze", json!({ "pin": PIN })).await;
    world.advance_seconds(1);
    let path = format!("/v1/wallet/devices/{}/revoke", second.key_id());
    let _ = phone.post(&world, &path, Value::Null).await;
    world.advance_seconds(1);
    for _ in 0..7 {
        let _ = put(&world, &phone, "/v1/wallet/pin", json!({ "pin": "864209" })).await;
    }
    let (payer, device) = (phone.payer.clone(), second.key_id());
    let expected = [
        ("device.added", &device),
        ("account.frozen", &payer),
        ("account.unfrozen", &payer),
        ("device.revoked", &device),
        ("pin.locked", &payer),
    ];
    let expected = expected.map(|(what, subject)| (what.to_owned(), subject.clone()));
    // The last one is told after the answer.
    let all = async {
        loop {
            let found = told(&world, &phone, &place).await;
            if found.len() >= expected.len() {
                break found;
            }
        }
    };
    let found = tokio::time::timeout(std::time::Duration::from_mins(1), all).await.unwrap();
    assert_eq!(found, expected);
}

#[tokio::test]
async fn the_devices_hear_when_wrong_second_factors_have_locked_them() {
    const LOCKED_SECONDS: i64 = 15 * 60;
    let (world, phone) = scene(972).await;
    let place = now_in_journal(&world, &phone).await;
    let locks = async || {
        let events = told(&world, &phone, &place).await;
        events.iter().filter(|(what, _)| what == "totp.locked").count()
    };
    let begun = phone.post(&world, "/v1/wallet/totp", json!({ "pin": PIN })).await.created();
    let secret = otp_secret(begun.text("/otpauth_uri"));
    let confirm = async |totp: &str| {
        phone.post(&world, "/v1/wallet/totp/confirm", json!({ "totp": totp })).await
    };
    let is_wrong = |guess: &String| secret.check(guess, world.now(), None).is_err();
    let guess = (0..1_000_000).map(|number| format!("{number:06}")).find(is_wrong).unwrap();
    for number in 0..6 {
        assert_eq!(locks().await, usize::from(number == 5));
        let (status, code) = if number < 5 { (422, "otp_wrong") } else { (429, "otp_locked") };
        confirm(&guess).await.assert_problem(status, code, "retry");
    }
    world.advance_seconds(LOCKED_SECONDS);
    assert_eq!(confirm(&secret.password(world.now())).await.status, 200);

    let reset = json!({ "pin": "246813", "recovery_code": "00000-00000" });
    for number in 0..7 {
        assert_eq!(locks().await, 1 + usize::from(number >= 5));
        let answer = put(&world, &phone, "/v1/wallet/pin", reset.clone()).await;
        let wrong = (422, "recovery_code_wrong");
        let (status, code) = if number < 5 { wrong } else { (429, "otp_locked") };
        answer.assert_problem(status, code, "retry");
    }
    world.advance_seconds(LOCKED_SECONDS);
    let answer = put(&world, &phone, "/v1/wallet/pin", reset.clone()).await;
    answer.assert_problem(422, "recovery_code_wrong", "retry");
    assert_eq!(locks().await, 2, "one wrong one after a lock locks nothing");
    let all = told(&world, &phone, &place).await;
    let lock = all.iter().find(|(what, _)| what == "totp.locked").unwrap();
    assert_eq!(lock.1, phone.payer);
}

#[tokio::test]
async fn a_phone_that_waits_hears_at_once_that_a_device_was_added() {
    let (world, phone) = scene(958).await;
    let place = now_in_journal(&world, &phone).await;
    let path = format!("/v1/wallet/events?after={place}&wait=25");
    let waiting = tokio::spawn(phone.signed_at(&world, world.now(), &path).send());
    let second = phone.another(&world, "tablet").await;
    let heard = waiting.await.unwrap();
    assert_eq!(heard.text("/data/0/type"), "device.added");
    assert_eq!(heard.text("/data/0/subject"), second.key_id());
}

#[tokio::test]
async fn an_export_holds_the_account_and_the_whole_history() {
    let (world, mut phone) = scene(959).await;
    let till = world.merchant("Tea House").await;
    let mut paid = Vec::new();
    for number in 0..3 {
        let code = phone.code(&world, "20.00");
        let amount = format!("{number}.50");
        let charge = till.charge(&Charge::new(&format!("order-{number}"), &code, &amount)).await;
        paid.push(charge.created().text("/id").to_owned());
    }
    let export = phone.get(&world, "/v1/wallet/export").await;
    assert_eq!((export.status.as_u16(), export.media_type.as_str()), (200, "application/json"));
    assert_eq!(export.text("/account/name"), "张伟");
    assert_eq!(export.text("/devices/0/key_id"), phone.key_id());
    assert_eq!(export.text("/balances/0/available"), "45.50");
    assert_eq!(export.text("/limits/left/day"), "995.50");
    let history = export.json["activity"].as_array().unwrap();
    let payments: Vec<&str> = history
        .iter()
        .filter(|one| one["kind"] == "payment")
        .map(|one| one["id"].as_str().unwrap())
        .collect();
    paid.reverse();
    assert_eq!(payments, paid);
}

#[tokio::test]
async fn a_long_export_is_one_document_without_gaps_or_repeats() {
    let (world, phone) = scene(960).await;
    for number in 0..201 {
        let _ = world.top_up(&phone.payer, "1.00", &format!("more-{number}")).await.created();
    }
    let export = phone.get(&world, "/v1/wallet/export").await;
    let history = export.json["activity"].as_array().unwrap();
    let mut ids: Vec<&str> = history
        .iter()
        .filter(|one| one["kind"] == "top_up")
        .map(|one| one["id"].as_str().unwrap())
        .collect();
    assert_eq!(ids.len(), 202);
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 202);
}

#[tokio::test]
async fn an_account_is_closed_when_it_is_empty_and_forgets_whose_it_was() {
    let (world, mut phone) = scene(961).await;
    let till = world.merchant("Tea House").await;
    let name = json!({ "handle": "wei.zhang" });
    assert_eq!(put(&world, &phone, "/v1/wallet/handle", name.clone()).await.status, 200);
    let path = "/v1/wallet/close";
    let wrong = phone.post(&world, path, json!({ "pin": "864209" })).await;
    wrong.assert_problem(403, "pin_refused", "retry");
    let full = phone.post(&world, path, json!({ "pin": PIN })).await;
    full.assert_problem(409, "account_not_empty", "final");
    let body = json!({ "amount": "10.00", "currency": "CNY", "destination": "IBAN 1", "pin": PIN });
    let asked = phone.post_under_key(&world, "/v1/wallet/withdrawals", "w", &body).await.created();
    let back = withdrawals::tell(&world, asked.text("/id"), "return", "r", json!({})).await;
    assert_eq!(back.status, 200, "{}", back.text);
    let other = world.payer("Lin", "0").await;
    let transfer = json!({ "receive_code": transfers::receive_code(&world, &other).await,
        "amount": "5.00", "currency": "CNY", "note": "tea", "pin": PIN });
    let path_of_transfers = "/v1/wallet/transfers";
    let _ = phone.post_under_key(&world, path_of_transfers, "t", &transfer).await.created();
    let received = other.get(&world, "/v1/wallet/activity").await;
    assert_eq!(received.text("/data/0/note"), "tea", "{}", received.text);
    let code = phone.code(&world, "200.00");
    let _ = till.charge(&Charge::new("order-1", &code, "45.00")).await.created();
    let books = world.books().await;
    let code = phone.code(&world, "200.00");
    let closed = phone.post(&world, path, json!({ "pin": PIN })).await;
    assert_eq!(closed.status, 204, "{}", closed.text);
    assert_eq!(world.books().await, books, "the ledger stays");
    let mut database = world.database().await;
    let written = "select (select count(*) from withdrawals where destination is not null) + \
        (select count(*) from idempotency_keys where shown is not null)";
    let written: i64 = sqlx::query_scalar(written).fetch_one(&mut database).await.unwrap();
    assert_eq!(written, 0, "where the money was to go");
    let again = withdrawals::tell(&world, asked.text("/id"), "return", "r", json!({})).await;
    assert_eq!((again.status.as_u16(), again.replayed), (200, true), "{}", again.text);
    let mut without = back.json.clone();
    without["destination"] = Value::Null;
    assert_eq!(again.json, without);
    let received = other.get(&world, "/v1/wallet/activity").await;
    assert_eq!(received.json["data"][0]["note"], Value::Null, "{}", received.text);

    account(&world, &phone).await.assert_problem(401, "unauthorized", "retry");
    let declined = till.charge(&Charge::new("order-2", &code, "1.00")).await;
    declined.assert_problem(402, "device_revoked", "final");
    let list = world.operator_get("/v1/operator/payers").await;
    let mut payers = list.json["data"].as_array().unwrap().iter();
    let listed = payers.find(|payer| payer["id"] == *phone.payer).unwrap();
    assert_eq!((&listed["name"], &listed["state"]), (&json!(""), &json!("closed")));
    let invite = format!("/v1/operator/payers/{}/invitations", phone.payer);
    world.operator_post(&invite, json!({})).await.assert_problem(404, "not_found", "final");
    let freeze = format!("/v1/operator/payers/{}/freeze", phone.payer);
    world.operator_post(&freeze, json!({})).await.assert_problem(409, "payer_closed", "final");
    let taken = put(&world, &other, "/v1/wallet/handle", name).await;
    taken.assert_problem(409, "handle_taken", "final");
}

fn registration(key: &DeviceKey, changes: &Value) -> Value {
    let public_key = base16ct::lower::encode_string(key.public_key().as_bytes());
    let mut body = json!({ "public_key": public_key, "device_name": "phone", "name": "Wei" });
    for (field, value) in changes.as_object().unwrap() {
        body[field] = value.clone();
    }
    body
}

async fn register(world: &World, key: &DeviceKey, changes: Value) -> Answer {
    let body = registration(key, &changes).to_string();
    let keyid = base16ct::lower::encode_string(key.public_key().as_bytes());
    let signer = Signer { key, keyid: &keyid, at: world.now() };
    let path = "/v1/wallet/registrations";
    Signed::new(world, signer, "POST", path, body.as_bytes()).send().await
}

#[tokio::test]
async fn where_registration_is_open_anybody_gets_a_wallet_once_a_key() {
    let world = World::start_with(DATABASE, 962, &[("registration", "open")]).await;
    let key = DeviceKey::from_seed(&[1; 32]);
    let handle = json!({ "handle": "wei" });
    let first = register(&world, &key, handle.clone()).await.created();
    assert_eq!(first.text("/state"), "active");
    // The answer was lost.
    let again = register(&world, &key, handle.clone()).await.created();
    for field in ["/payer", "/device_key_id"] {
        assert_eq!(first.text(field), again.text(field));
    }
    let other = DeviceKey::from_seed(&[2; 32]);
    register(&world, &other, handle).await.assert_problem(409, "handle_taken", "final");
    for (changes, pointer) in [
        (json!({ "name": "" }), "/name"),
        (json!({ "device_name": "" }), "/device_name"),
        (json!({ "mode": "x" }), "/mode"),
        (json!({ "handle": "X" }), "/handle"),
        (json!({ "public_key": "00" }), "/public_key"),
        (json!({ "invitation": "x" }), "/invitation"),
    ] {
        register(&world, &other, changes).await.assert_points_at(pointer);
    }
    let at_once = at_once((0..8).map(|_| register(&world, &other, json!({})))).await;
    let mut payers: Vec<String> =
        at_once.into_iter().map(|answer| answer.created().text("/payer").to_owned()).collect();
    payers.dedup();
    assert_eq!(payers.len(), 1);
    assert_eq!(world.standing().await.marks.len(), 2);
    // Somebody else's key.
    let body = registration(&DeviceKey::from_seed(&[3; 32]), &json!({}));
    let forged = Phone::try_enrol_with(&world, &other, "x", body).await;
    assert_ne!(forged.status, 201);
}

#[tokio::test]
async fn without_an_invitation_nobody_gets_a_wallet_by_default() {
    let (world, _) = scene(963).await;
    let key = DeviceKey::from_seed(&[1; 32]);
    let refused = register(&world, &key, json!({})).await;
    refused.assert_problem(403, "registration_closed", "final");
    assert_eq!(world.standing().await.marks.len(), 1);
}
