//! A payment that its payer must confirm: who is asked, who decides, and what the till sees.

use std::time::Duration;

use crate::DATABASE;
use reqwest::StatusCode;
use serde_json::{Value, json};
use wallet_tests::{Answer, Charge, PIN, Phone, Till, World, at_once};

use super::orders::order;
use super::transfers::assert_books_are_right;

/// The PIN is needed above 100.00.
const ASKED: &[(&str, &str)] = &[("limits.new_payers.without_pin", "100.00")];

async fn scene(seed: u64) -> (World, Till, Phone) {
    scene_with(seed, ASKED).await
}

async fn scene_with(seed: u64, changes: &[(&str, &str)]) -> (World, Till, Phone) {
    let world = World::start_with(DATABASE, seed, changes).await;
    let till = world.merchant("Tea House").await;
    let phone = world.payer("Wei", "500.00").await;
    phone.set_pin(&world).await;
    (world, till, phone)
}

/// A charge of 150.00, which waits.
async fn waiting(world: &World, till: &Till, phone: &mut Phone, reference: &str) -> Answer {
    let code = phone.code(world, "200.00");
    let payment = till.charge(&Charge::new(reference, &code, "150.00")).await.created();
    assert_eq!(payment.outcome(), "requires_confirmation", "{}", payment.text);
    payment
}

fn path(payment: &Answer, what: &str) -> String {
    format!("/v1/wallet/confirmations/{}/{what}", payment.text("/id"))
}

async fn confirm(world: &World, phone: &Phone, payment: &Answer, key: &str) -> Answer {
    phone.post_under_key(world, &path(payment, "confirm"), key, &json!({ "pin": PIN })).await
}

async fn refuse(world: &World, phone: &Phone, payment: &Answer, key: &str) -> Answer {
    phone.post_under_key(world, &path(payment, "refuse"), key, &Value::Null).await
}

async fn cancel(till: &Till, payment: &Answer, key: &str) -> Answer {
    let path = format!("/v1/payments/{}/cancel", payment.text("/id"));
    till.post(&path, &[("idempotency-key", key)], "").await
}

async fn state(till: &Till, payment: &Answer) -> String {
    till.get(&format!("/v1/payments/{}", payment.text("/id"))).await.text("/state").to_owned()
}

/// What is free and what is held.
async fn purse(world: &World, phone: &Phone) -> (String, String) {
    let answer = phone.get(world, "/v1/wallet/balance").await;
    (answer.text("/available").to_owned(), answer.text("/held").to_owned())
}

fn money(available: &str, held: &str) -> (String, String) {
    (available.to_owned(), held.to_owned())
}

#[tokio::test]
async fn a_confirmed_payment_is_paid_from_what_was_held() {
    let (world, till, mut phone) = scene(1101).await;
    let payment = waiting(&world, &till, &mut phone, "order-1").await;
    assert_eq!(payment.text("/expires_at"), "2027-01-15T08:01:07.000Z");
    assert_eq!((payment.text("/amount_settled"), payment.text("/fee")), ("0.00", "0.00"));
    assert_eq!(purse(&world, &phone).await, money("350.00", "150.00"));
    assert_eq!(till.balance().await, "0.00");

    let asked = phone.get(&world, "/v1/wallet/confirmations").await;
    let found = &asked.json["data"][0];
    assert_eq!(found["payment"], payment.text("/id"));
    assert_eq!(
        (&found["merchant_name"], &found["amount"]),
        (&json!("Tea House"), &json!("150.00"))
    );
    assert_eq!((&found["reason"], &found["this_device"]), (&json!("amount"), &json!(true)));

    let confirmed = confirm(&world, &phone, &payment, "confirm-1").await;
    assert_eq!((confirmed.status, confirmed.outcome()), (StatusCode::OK, "succeeded"));
    assert_eq!(purse(&world, &phone).await, money("350.00", "0.00"));
    assert_eq!(till.balance().await, "150.00");
    let now = till.get(&format!("/v1/payments/{}", payment.text("/id"))).await;
    assert_eq!((now.outcome(), now.text("/amount_settled")), ("succeeded", "150.00"));
    assert_eq!(now.text("/created_at"), payment.text("/created_at"));
    assert_ne!(now.text("/receipt"), payment.text("/receipt"), "the receipt is of the success");
    assert_eq!(phone.get(&world, "/v1/wallet/confirmations").await.json["data"], json!([]));

    let again = confirm(&world, &phone, &payment, "confirm-1").await;
    assert_eq!((again.text, again.replayed), (confirmed.text, true));
    let other = confirm(&world, &phone, &payment, "confirm-2").await;
    other.assert_problem(409, "payment_closed", "retry");
    assert_books_are_right(world).await;
}

#[tokio::test]
async fn the_till_that_repeats_its_charge_hears_the_first_answer_and_get_tells_the_truth() {
    let (world, till, mut phone) = scene(1102).await;
    let code = phone.code(&world, "200.00");
    let charge = Charge::new("order-1", &code, "150.00");
    let first = till.charge(&charge).await.created();
    let _ = confirm(&world, &phone, &first, "confirm").await;
    let again = till.charge(&charge).await;
    assert_eq!((&again.text, again.replayed), (&first.text, true));
    assert_eq!(state(&till, &first).await, "succeeded");
}

#[tokio::test]
async fn a_refused_or_canceled_payment_gives_back_what_was_held() {
    let (world, till, mut phone) = scene(1103).await;
    let refused = waiting(&world, &till, &mut phone, "order-1").await;
    let answer = refuse(&world, &phone, &refused, "refuse").await;
    assert_eq!((answer.outcome(), answer.text("/decline_code")), ("declined", "refused_by_payer"));
    assert_eq!(state(&till, &refused).await, "declined");
    assert_eq!(purse(&world, &phone).await, money("500.00", "0.00"));

    let canceled = waiting(&world, &till, &mut phone, "order-2").await;
    let answer = cancel(&till, &canceled, "cancel").await;
    assert_eq!((answer.status, answer.outcome()), (StatusCode::OK, "canceled"));
    let again = cancel(&till, &canceled, "cancel").await;
    assert_eq!((again.text, again.replayed), (answer.text, true));
    assert_eq!(purse(&world, &phone).await, money("500.00", "0.00"));
    let late = confirm(&world, &phone, &canceled, "late").await;
    late.assert_problem(409, "payment_closed", "retry");

    let other = cancel(&till, &canceled, "another").await;
    other.assert_problem(409, "payment_closed", "retry");
    assert_eq!(other.text("/payment/state"), "canceled", "the till learns what became of it");
    let stranger = world.merchant("Noodle Bar").await;
    cancel(&stranger, &canceled, "theirs").await.assert_problem(404, "not_found", "retry");
    let left = phone.get(&world, "/v1/wallet/balance").await;
    assert_eq!(left.text("/limits/day_left"), "1000.00", "nothing counts");
    assert_books_are_right(world).await;
}

#[tokio::test]
async fn nobody_confirms_for_another_device_and_a_wrong_pin_moves_nothing() {
    let (world, till, mut phone) = scene(1104).await;
    let stranger = world.payer("Li", "0").await;
    stranger.set_pin(&world).await;
    let payment = waiting(&world, &till, &mut phone, "order-1").await;
    let theirs = confirm(&world, &stranger, &payment, "theirs").await;
    theirs.assert_problem(404, "not_found", "retry");
    let second = phone.another(&world, "Wei's tablet").await;
    let other = confirm(&world, &second, &payment, "second").await;
    other.assert_problem(403, "other_device", "retry");
    let shown = second.get(&world, "/v1/wallet/confirmations").await;
    assert_eq!(shown.json["data"][0]["this_device"], false);

    let body = json!({ "pin": "975310" });
    let wrong = phone.post_under_key(&world, &path(&payment, "confirm"), "k", &body).await;
    wrong.assert_problem(403, "pin_refused", "retry");
    for (body, pointer) in [
        (json!({}), ""),
        (json!({ "pin": "12345" }), "/pin"),
        (json!({ "pin": PIN, "amount": "1.00" }), "/amount"),
    ] {
        let answer = phone.post_under_key(&world, &path(&payment, "confirm"), "k", &body).await;
        answer.assert_points_at(pointer);
    }
    let without_key = phone.post(&world, &path(&payment, "confirm"), json!({ "pin": PIN })).await;
    without_key.assert_problem(400, "idempotency_key_missing", "retry");
    assert_eq!(state(&till, &payment).await, "requires_confirmation");
    assert_eq!(purse(&world, &phone).await, money("350.00", "150.00"));
    // The wrong tries have used up no key.
    assert_eq!(confirm(&world, &phone, &payment, "k").await.outcome(), "succeeded");
}

#[tokio::test]
async fn a_payment_that_nobody_confirms_expires_and_the_till_sees_it() {
    let (world, till, mut phone) = scene(1105).await;
    let payment = waiting(&world, &till, &mut phone, "order-1").await;
    world.advance_seconds(59);
    assert_eq!(
        phone.get(&world, "/v1/wallet/confirmations").await.json["data"][0]["payment"],
        payment.text("/id")
    );
    let path = format!("/v1/payments/{}?wait=25", payment.text("/id"));
    let (told, ()) = tokio::join!(till.get(&path), async {
        world.advance_seconds(1);
        let late = confirm(&world, &phone, &payment, "late").await;
        assert!(
            ["confirmation_expired", "payment_closed"].contains(&late.outcome()),
            "{}",
            late.text
        );
    });
    assert_eq!(told.outcome(), "expired");
    assert_eq!(purse(&world, &phone).await, money("500.00", "0.00"));
    assert_books_are_right(world).await;
}

#[tokio::test]
async fn a_device_that_is_revoked_while_it_waits_is_told_nothing_more() {
    let (world, till, mut phone) = scene(1119).await;
    let thief = phone.another(&world, "stolen").await;
    world.placed().await;
    let place = thief.get(&world, "/v1/wallet/events").await.text("/next").to_owned();
    let paths = [
        "/v1/wallet/confirmations?wait=25".to_owned(),
        format!("/v1/wallet/events?wait=25&after={place}"),
    ];
    let waits = paths
        .each_ref()
        .map(|path| tokio::spawn(thief.signed_at(&world, world.now(), path).send()));
    // They are let in before the device is revoked: each of these is a way there and back.
    for _ in 0..5 {
        let _ = phone.get(&world, "/v1/wallet/confirmations").await;
    }
    let path = format!("/v1/wallet/devices/{}/revoke", thief.key_id());
    assert_eq!(phone.post(&world, &path, Value::Null).await.status, 200);
    let payment = waiting(&world, &till, &mut phone, "order-1").await;
    for wait in waits {
        wait.await.unwrap().assert_problem(401, "unauthorized", "retry");
    }
    // The device that stayed is told of both.
    let waits = phone.get(&world, &paths[0]).await;
    assert_eq!(waits.json["data"][0]["payment"], payment.text("/id"));
    let events = phone.get(&world, &paths[1]).await;
    assert_eq!(events.json["data"][0]["type"], "device.revoked");
}

#[tokio::test]
async fn an_api_key_that_is_revoked_while_it_waits_is_told_nothing_more() {
    let (world, till, mut phone) = scene(1120).await;
    let keys = format!("/v1/operator/merchants/{}/api_keys", till.merchant);
    let stolen = world.operator_post(&keys, json!({})).await.created();
    let thief = till.with_key(stolen.text("/secret"));
    let payment = waiting(&world, &till, &mut phone, "order-1").await;
    let order = order(&till, "table-4", "10.00").await.created();
    world.fed().await;
    let place = till.get("/v1/events?after=latest").await.text("/next").to_owned();
    let paths = [
        format!("/v1/payments/{}?wait=25", payment.text("/id")),
        format!("/v1/orders/{}?wait=25", order.text("/id")),
        format!("/v1/events?wait=25&after={place}"),
    ];
    let waits = paths.each_ref().map(|path| {
        let (thief, path) = (thief.clone(), path.clone());
        tokio::spawn(async move { thief.get(&path).await })
    });
    // They are let in before the key is revoked: each of these is a way there and back.
    for _ in 0..5 {
        let _ = thief.get("/v1/balance").await;
    }
    let revoke = format!("/v1/operator/api_keys/{}", stolen.text("/id"));
    assert_eq!(world.operator_delete(&revoke).await.status, 204);
    assert_eq!(confirm(&world, &phone, &payment, "confirm").await.outcome(), "succeeded");
    let close = format!("/v1/orders/{}/close", order.text("/id"));
    assert_eq!(till.ask(&close, "c-1", Value::Null).await.status, 200);
    for wait in waits {
        wait.await.unwrap().assert_problem(401, "unauthorized", "retry");
    }
    // The key that stayed is told of everything.
    assert_eq!(till.get(&paths[0]).await.outcome(), "succeeded");
    assert_eq!(till.get(&paths[1]).await.text("/state"), "canceled");
    assert_eq!(till.get(&paths[2]).await.text("/data/0/data/reference"), "order-1");
}

#[tokio::test]
async fn the_phone_and_the_till_wait_for_each_other_without_asking_again() {
    let (world, till, mut phone) = scene(1106).await;
    let asking = phone.signed_at(&world, world.now(), "/v1/wallet/confirmations?wait=25").send();
    let (asked, payment) = tokio::join!(asking, waiting(&world, &till, &mut phone, "order-1"));
    assert_eq!(asked.json["data"][0]["payment"], payment.text("/id"));

    let path = format!("/v1/payments/{}?wait=25", payment.text("/id"));
    let deciding = async {
        let confirmed = confirm(&world, &phone, &payment, "confirm").await;
        assert_eq!(confirmed.outcome(), "succeeded");
    };
    let (told, ()) = tokio::join!(till.get(&path), deciding);
    assert_eq!(told.outcome(), "succeeded");
    let too_long = format!("/v1/payments/{}?wait=26", payment.text("/id"));
    till.get(&too_long).await.assert_points_at("/wait");
}

#[tokio::test]
async fn of_a_confirmation_a_refusal_and_a_cancellation_at_once_one_has_the_last_word() {
    let (world, till, mut phone) = scene(1107).await;
    for round in 0..8 {
        let payment = waiting(&world, &till, &mut phone, &format!("order-{round}")).await;
        let key = |who: &str| format!("{who}-{round}");
        let (confirm_key, refuse_key, cancel_key) = (key("confirm"), key("refuse"), key("cancel"));
        let (confirmed, refused, canceled) = tokio::join!(
            confirm(&world, &phone, &payment, &confirm_key),
            refuse(&world, &phone, &payment, &refuse_key),
            cancel(&till, &payment, &cancel_key),
        );
        let answers = [&confirmed, &refused, &canceled];
        let won: Vec<_> = answers.iter().filter(|it| it.status == StatusCode::OK).collect();
        // What was confirmed first can still be canceled, and then both were done.
        let both = confirmed.status == StatusCode::OK && canceled.status == StatusCode::OK;
        assert_eq!(won.len(), if both { 2 } else { 1 }, "{answers:?}");
        assert_eq!(state(&till, &payment).await, won[won.len() - 1].outcome());
        for lost in answers.iter().filter(|it| it.status != StatusCode::OK) {
            lost.assert_problem(409, "payment_closed", "retry");
        }
        if confirmed.status == StatusCode::OK && !both {
            let _ = world.top_up(&phone.payer, "150.00", &format!("back-{round}")).await.created();
        }
        assert_eq!(purse(&world, &phone).await, money("500.00", "0.00"));
    }
    assert_books_are_right(world).await;
}

#[tokio::test]
async fn one_confirmation_sent_many_times_at_once_pays_once() {
    let (world, till, mut phone) = scene(1108).await;
    let payment = waiting(&world, &till, &mut phone, "order-1").await;
    let answers = at_once((0..8).map(|_| confirm(&world, &phone, &payment, "one-key"))).await;
    let (done, others): (Vec<_>, Vec<_>) =
        answers.iter().partition(|answer| answer.status == StatusCode::OK);
    assert!(!done.is_empty() && done.iter().all(|answer| answer.text == done[0].text));
    for other in others {
        // A payer tries one PIN at a time.
        other.assert_problem(429, "too_many_requests", "retry");
    }
    assert_eq!(till.balance().await, "150.00");
    assert_books_are_right(world).await;
}

#[tokio::test]
async fn typed_codes_many_payments_and_new_devices_need_the_pin() {
    let some = [("limits.new_payers.without_pin_count", "2"), ("devices.new_hours", "24")];
    let changes = [ASKED, &some].concat();
    let (world, till, mut phone) = scene_with(1109, &changes).await;
    let mut number = 0;
    let mut charge = async |phone: &mut Phone, amount: &str, source: &str| {
        number += 1;
        let code = phone.code(&world, "200.00");
        let charge = Charge::new(&format!("order-{number}"), &code, amount);
        till.charge(&charge.with("code_source", source)).await.created()
    };
    let reason = async |phone: &Phone, amount: &str| {
        let asked = phone.get(&world, "/v1/wallet/confirmations").await;
        let mut waiting = asked.json["data"].as_array().unwrap().iter();
        waiting.find(|it| it["amount"] == amount).map(|it| it["reason"].clone())
    };
    assert_eq!(charge(&mut phone, "1.00", "typed").await.outcome(), "requires_confirmation");
    assert_eq!(reason(&phone, "1.00").await, Some(json!("typed")));
    for amount in ["1.00", "2.00"] {
        assert_eq!(charge(&mut phone, amount, "scan").await.outcome(), "succeeded");
    }
    assert_eq!(charge(&mut phone, "3.00", "scan").await.outcome(), "requires_confirmation");
    assert_eq!(reason(&phone, "3.00").await, Some(json!("count")));

    let mut tablet = phone.another(&world, "Wei's tablet").await;
    assert_eq!(charge(&mut tablet, "4.00", "scan").await.outcome(), "requires_confirmation");
    assert_eq!(reason(&tablet, "4.00").await, Some(json!("new_device")));
}

#[tokio::test]
async fn the_same_amount_at_the_same_merchant_a_moment_later_needs_the_pin() {
    let (world, till, mut phone) =
        scene_with(1110, &[("confirmation.same_amount_seconds", "60")]).await;
    let other = world.merchant("Noodle Bar").await;
    let mut outcomes = Vec::new();
    for (number, (till, amount, passed)) in [
        (&till, "5.00", 0),
        (&till, "5.00", 30),
        (&till, "6.00", 1),
        (&other, "6.00", 1),
        (&other, "6.00", 61),
    ]
    .into_iter()
    .enumerate()
    {
        world.advance_seconds(passed);
        let code = phone.code(&world, "200.00");
        let charge = Charge::new(&format!("order-{number}"), &code, amount);
        outcomes.push(till.charge(&charge).await.created().outcome().to_owned());
    }
    let [paid, asked] = ["succeeded", "requires_confirmation"];
    assert_eq!(outcomes, [paid, asked, paid, paid, paid]);
}

#[tokio::test]
async fn a_code_that_is_shown_at_two_tills_makes_the_next_payments_need_the_pin() {
    let (world, till, mut phone) = scene(1111).await;
    let other = world.merchant("Noodle Bar").await;
    world.placed().await;
    let start = phone.get(&world, "/v1/wallet/events").await.text("/next").to_owned();
    let code = phone.code(&world, "200.00");
    let _ = till.charge(&Charge::new("order-1", &code, "5.00")).await.created();
    // The till that scans twice is no suspicion, another one is.
    let twice = till.charge(&Charge::new("order-2", &code, "5.00")).await;
    twice.assert_problem(422, "code_used", "final");
    let code_2 = phone.code(&world, "200.00");
    let next = till.charge(&Charge::new("order-3", &code_2, "6.00")).await.created();
    assert_eq!(next.outcome(), "succeeded");
    let relayed = other.charge(&Charge::new("order-1", &code_2, "5.00")).await;
    relayed.assert_problem(422, "code_used", "final");

    let code_3 = phone.code(&world, "200.00");
    let asked = till.charge(&Charge::new("order-4", &code_3, "1.00")).await.created();
    assert_eq!(asked.outcome(), "requires_confirmation");
    let shown = phone.get(&world, "/v1/wallet/confirmations").await;
    assert_eq!(shown.json["data"][0]["reason"], "suspected");
    world.placed().await;
    let events = phone.get(&world, &format!("/v1/wallet/events?after={start}")).await;
    let reused = events.json["data"].as_array().unwrap().iter();
    let reused: Vec<_> = reused.filter(|it| it["type"] == "code.reused").collect();
    assert_eq!(reused.len(), 1, "{}", events.text);
    assert_eq!(reused[0]["merchant_name"], "Noodle Bar");

    assert_eq!(confirm(&world, &phone, &asked, "confirm").await.outcome(), "succeeded");
    let code_4 = phone.code(&world, "200.00");
    let calm = till.charge(&Charge::new("order-5", &code_4, "2.00")).await.created();
    assert_eq!(calm.outcome(), "succeeded", "whoever knows the PIN is the payer");
    assert_books_are_right(world).await;
}

#[tokio::test]
async fn a_frozen_payer_refuses_what_waits_and_confirms_it_once_unfrozen() {
    let (world, till, mut phone) = scene(1113).await;
    let payment = waiting(&world, &till, &mut phone, "order-1").await;
    let other = waiting(&world, &till, &mut phone, "order-2").await;
    let frozen = phone.post(&world, "/v1/wallet/freeze", Value::Null).await;
    assert_eq!(frozen.text("/state"), "frozen");
    let early = confirm(&world, &phone, &payment, "confirm").await;
    early.assert_problem(403, "payer_unavailable", "retry");
    assert_eq!(refuse(&world, &phone, &other, "refuse").await.outcome(), "declined");
    let body = json!({ "pin": PIN });
    assert_eq!(phone.post(&world, "/v1/wallet/unfreeze", body).await.text("/state"), "active");
    // Nothing was kept of the first try, which is why it was not `final`.
    assert_eq!(confirm(&world, &phone, &payment, "confirm").await.outcome(), "succeeded");
    assert_books_are_right(world).await;
}

#[tokio::test]
async fn a_revoked_device_confirms_nothing() {
    let (world, till, mut phone) = scene(1112).await;
    let payment = waiting(&world, &till, &mut phone, "order-1").await;
    let revoke = format!("/v1/operator/devices/{}/revoke", phone.device.key_id());
    assert_eq!(world.operator_post(&revoke, Value::Null).await.status, StatusCode::NO_CONTENT);
    confirm(&world, &phone, &payment, "k").await.assert_problem(401, "unauthorized", "retry");
    world.advance_seconds(60);
    let ended = tokio::time::timeout(Duration::from_mins(1), async {
        while state(&till, &payment).await == "requires_confirmation" {
            tokio::task::yield_now().await;
        }
    });
    ended.await.expect("it expires");
    assert_eq!(state(&till, &payment).await, "expired");
    assert_books_are_right(world).await;
}
