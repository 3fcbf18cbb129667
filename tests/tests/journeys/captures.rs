//! Payments that are authorized first and captured later, all of them, in part, or not at all.

use std::time::Duration;

use serde_json::json;
use wallet_tests::{Answer, Charge, PIN, Phone, Till, World};

use super::transfers::assert_books_are_right;
use crate::DATABASE;

/// A till that pays 60 basis points, and a payer with 500.00.
async fn scene(seed: u64) -> (World, Till, Phone) {
    let world = World::start(DATABASE, seed).await;
    let body = json!({ "name": "Hotel", "fee": { "basis_points": 60, "fixed": "0.00" } });
    let till = world.merchant_with(body).await;
    let phone = world.payer("Wei", "500.00").await;
    (world, till, phone)
}

async fn authorized(world: &World, till: &Till, phone: &mut Phone, reference: &str) -> Answer {
    let code = phone.code(world, "200.00");
    let charge = Charge::new(reference, &code, "150.00").with("capture", "manual");
    let payment = till.charge(&charge).await.created();
    assert_eq!((payment.outcome(), payment.text("/capture")), ("authorized", "manual"));
    payment
}

async fn purse(world: &World, phone: &Phone) -> (String, String) {
    let answer = phone.get(world, "/v1/wallet/balance").await;
    (answer.text("/available").to_owned(), answer.text("/held").to_owned())
}

/// What is left of the day's limit of 1000.00.
async fn left_today(world: &World, phone: &Phone) -> String {
    phone.get(world, "/v1/wallet/limits").await.text("/left/day").to_owned()
}

fn money(available: &str, held: &str) -> (String, String) {
    (available.to_owned(), held.to_owned())
}

/// Waits until the janitor has ended a payment.
async fn until_ended(till: &Till, payment: &str) {
    let ended = tokio::time::timeout(Duration::from_mins(1), async {
        while till.state_of(payment).await == "authorized" {
            tokio::task::yield_now().await;
        }
    });
    ended.await.expect("it ends");
}

#[tokio::test]
async fn what_is_authorized_is_held_until_it_is_captured() {
    let (world, till, mut phone) = scene(2101).await;
    let payment = authorized(&world, &till, &mut phone, "room-1").await;
    assert_eq!((payment.text("/amount_settled"), payment.text("/fee")), ("0.00", "0.00"));
    assert_eq!(payment.text("/expires_at"), "2027-01-22T08:00:07.000Z", "a week");
    assert_eq!(purse(&world, &phone).await, money("350.00", "150.00"));
    assert_eq!(till.balance().await, "0.00");

    let id = payment.text("/id");
    let captured = till.capture(id, "capture-1", None).await;
    assert_eq!((captured.status.as_u16(), captured.outcome()), (200, "succeeded"));
    let settled = ["/amount_settled", "/fee", "/net"].map(|field| captured.text(field).to_owned());
    assert_eq!(settled, ["150.00", "0.90", "149.10"]);
    assert_eq!(captured.json["expires_at"], json!(null));
    assert_eq!(purse(&world, &phone).await, money("350.00", "0.00"));
    assert_eq!(till.balance().await, "149.10");

    // The first answers come again to the byte, whatever has become of the payment.
    let again = till.capture(id, "capture-1", None).await;
    assert_eq!((&again.text, again.replayed), (&captured.text, true));
    let other = till.capture(id, "capture-2", None).await;
    other.assert_problem(409, "payment_closed", "retry");
    assert_eq!(other.text("/payment/state"), "succeeded");
    let reused = till.capture(id, "capture-1", Some("1.00")).await;
    reused.assert_problem(422, "idempotency_key_reused", "retry");
    assert_books_are_right(world).await;
}

#[tokio::test]
async fn a_part_is_captured_and_the_rest_is_free_again_with_its_limit() {
    let (world, till, mut phone) = scene(2102).await;
    let payment = authorized(&world, &till, &mut phone, "room-1").await;
    let id = payment.text("/id");
    assert_eq!(left_today(&world, &phone).await, "850.00");
    let much = till.capture(id, "k-1", Some("150.01")).await;
    much.assert_problem(422, "amount_too_large", "retry");
    let dollars = json!({ "amount": "1.00", "currency": "USD" });
    let dollars = till.ask(&format!("/v1/payments/{id}/capture"), "k-2", dollars).await;
    dollars.assert_problem(422, "currency_mismatch", "final");
    let captured = till.capture(id, "k-3", Some("40.00")).await;
    assert_eq!((captured.outcome(), captured.text("/amount_settled")), ("succeeded", "40.00"));
    assert_eq!(captured.text("/amount"), "150.00");
    assert_eq!(purse(&world, &phone).await, money("460.00", "0.00"));
    assert_eq!(left_today(&world, &phone).await, "960.00");
    assert_eq!(till.balance().await, "39.76");
    assert_books_are_right(world).await;
}

#[tokio::test]
async fn a_hold_that_nobody_captures_runs_out() {
    let (world, till, mut phone) = scene(2103).await;
    let payment = authorized(&world, &till, &mut phone, "room-1").await;
    let id = payment.text("/id");
    world.advance_seconds(168 * 3600);
    // Whether or not the janitor has come by: the time counts.
    let late = till.capture(id, "k-1", None).await;
    assert!(["hold_expired", "payment_closed"].contains(&late.outcome()), "{}", late.text);
    until_ended(&till, id).await;
    assert_eq!(till.state_of(id).await, "expired");
    assert_eq!(purse(&world, &phone).await, money("500.00", "0.00"));
    till.cancel(id, "k-2").await.assert_problem(409, "payment_closed", "retry");
    assert_books_are_right(world).await;
}

#[tokio::test]
async fn a_payment_that_must_be_confirmed_is_authorized_by_that_and_captured_later() {
    let changes = [("limits.new_payers.without_pin", "100.00")];
    let world = World::start_with(DATABASE, 2104, &changes).await;
    let till = world.merchant("Hotel").await;
    let mut phone = world.payer("Wei", "500.00").await;
    phone.set_pin(&world).await;
    let code = phone.code(&world, "200.00");
    let charge = Charge::new("room-1", &code, "150.00").with("capture", "manual");
    let first = till.charge(&charge).await.created();
    assert_eq!(first.outcome(), "requires_confirmation");
    assert_eq!(first.text("/expires_at"), "2027-01-15T08:01:07.000Z");
    let id = first.text("/id");
    let early = till.capture(id, "k-1", None).await;
    early.assert_problem(409, "payment_waiting", "retry");
    let path = format!("/v1/wallet/confirmations/{id}/confirm");
    let confirmed = phone.post_under_key(&world, &path, "c", &json!({ "pin": PIN })).await;
    assert_eq!(confirmed.outcome(), "authorized", "{}", confirmed.text);
    let now = till.get(&format!("/v1/payments/{id}")).await;
    assert_eq!(
        (now.outcome(), now.text("/expires_at")),
        ("authorized", "2027-01-22T08:00:07.000Z")
    );
    assert_eq!(purse(&world, &phone).await, money("350.00", "150.00"));
    assert_eq!(till.capture(id, "k-2", Some("149.99")).await.outcome(), "succeeded");
    assert_eq!(purse(&world, &phone).await, money("350.01", "0.00"));
    let again = till.charge(&charge).await;
    assert_eq!((&again.text, again.replayed), (&first.text, true));
    assert_books_are_right(world).await;
}

#[tokio::test]
async fn nobody_captures_what_is_not_theirs_or_with_a_key_that_may_not() {
    let (world, till, mut phone) = scene(2105).await;
    let payment = authorized(&world, &till, &mut phone, "room-1").await;
    let id = payment.text("/id");
    let thief = world.merchant("Thief").await;
    thief.capture(id, "k", None).await.assert_problem(404, "not_found", "retry");
    thief.cancel(id, "k-2").await.assert_problem(404, "not_found", "retry");
    let unknown = "pay_00000000000070008000000000000000";
    till.capture(unknown, "k", None).await.assert_problem(404, "not_found", "retry");
    till.capture("pay_1", "k", None).await.assert_problem(404, "not_found", "retry");
    let keys = format!("/v1/operator/merchants/{}/api_keys", till.merchant);
    let key = world.operator_post(&keys, json!({ "scopes": ["read", "refund"] })).await.created();
    let reader = till.with_key(key.text("/secret"));
    reader.capture(id, "k", None).await.assert_problem(403, "forbidden", "retry");
    for (body, pointer) in [
        (json!({ "amount": "1.00" }), "/currency"),
        (json!({ "currency": "CNY" }), "/amount"),
        (json!({ "amount": "0.00", "currency": "CNY" }), "/amount"),
        (json!({ "amount": "1.001", "currency": "CNY" }), "/amount"),
        (json!({ "amount": 1, "currency": "CNY" }), "/amount"),
        (json!({ "amount": "1.00", "currency": "XXX" }), "/currency"),
        (json!({ "sum": "1.00" }), "/sum"),
    ] {
        let path = format!("/v1/payments/{id}/capture");
        till.ask(&path, "k", body).await.assert_points_at(pointer);
    }
    let missing = till.post(&format!("/v1/payments/{id}/capture"), &[], "").await;
    missing.assert_problem(400, "idempotency_key_missing", "retry");
    assert_eq!(till.state_of(id).await, "authorized");
    assert_books_are_right(world).await;
}

#[tokio::test]
async fn payments_are_listed_by_state_and_time() {
    let (world, till, mut phone) = scene(2106).await;
    let first = authorized(&world, &till, &mut phone, "room-1").await;
    world.advance_seconds(10);
    let code = phone.code(&world, "200.00");
    let second = till.charge(&Charge::new("order-2", &code, "1.00")).await.created();
    let list = async |query: &str| {
        let answer = till.get(&format!("/v1/payments?{query}")).await;
        let data = answer.json["data"].as_array().unwrap_or_else(|| panic!("{}", answer.text));
        data.iter().map(|it| it["reference"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(list("state=authorized").await, ["room-1"]);
    assert_eq!(list("state=succeeded").await, ["order-2"]);
    assert!(list("state=refunded").await.is_empty());
    let (early, late) = (first.text("/created_at"), second.text("/created_at"));
    assert_eq!(list(&format!("created_since={late}")).await, ["order-2"]);
    assert_eq!(list(&format!("created_before={late}")).await, ["room-1"]);
    assert_eq!(list(&format!("created_since={early}")).await, ["order-2", "room-1"]);
    assert!(list("reference=room-1&state=succeeded").await.is_empty());
    for query in ["state=paid", "created_since=yesterday", "created_before=1", "sort=up"] {
        let answer = till.get(&format!("/v1/payments?{query}")).await;
        answer.assert_problem(400, "invalid_request", "retry");
    }
}
