//! Payments that are called off: by their id, and by a reference that a till has no answer about.

use serde_json::json;
use wallet_tests::{Answer, Charge, Phone, Till, World};

use super::transfers::assert_books_are_right;
use crate::DATABASE;

async fn scene(seed: u64) -> (World, Till, Phone) {
    let world = World::start(DATABASE, seed).await;
    let body = json!({ "name": "Tea House", "fee": { "basis_points": 100, "fixed": "0.01" } });
    let till = world.merchant_with(body).await;
    let phone = world.payer("Wei", "100.00").await;
    (world, till, phone)
}

async fn paid(world: &World, till: &Till, phone: &mut Phone, reference: &str) -> Answer {
    let code = phone.code(world, "200.00");
    let payment = till.charge(&Charge::new(reference, &code, "12.50")).await.created();
    assert_eq!(payment.outcome(), "succeeded");
    payment
}

#[tokio::test]
async fn a_payment_that_is_called_off_never_was() {
    let (world, till, mut phone) = scene(2201).await;
    let payment = paid(&world, &till, &mut phone, "order-1").await;
    assert_eq!(till.balance().await, "12.36");
    let canceled = till.cancel(payment.text("/id"), "cancel-1").await;
    assert_eq!((canceled.status.as_u16(), canceled.outcome()), (200, "canceled"));
    let amounts = ["/amount_settled", "/fee", "/net", "/amount_refunded"];
    assert_eq!(amounts.map(|field| canceled.text(field).to_owned()), ["0.00"; 4]);
    assert_eq!(phone.balance(&world).await, "100.00");
    assert_eq!(till.balance().await, "0.00");
    let limits = phone.get(&world, "/v1/wallet/limits").await;
    assert_eq!(limits.text("/left/day"), "1000.00", "{}", limits.text);
    let again = till.cancel(payment.text("/id"), "cancel-1").await;
    assert_eq!((&again.text, again.replayed), (&canceled.text, true));
    let closed = till.cancel(payment.text("/id"), "cancel-2").await;
    closed.assert_problem(409, "payment_closed", "retry");
    till.refund(payment.text("/id"), "r", None).await.assert_problem(
        409,
        "payment_not_refundable",
        "retry",
    );
    assert_books_are_right(world).await;
}

#[tokio::test]
async fn a_reference_is_called_off_whatever_stands_under_it() {
    let (world, till, mut phone) = scene(2202).await;
    // After the payment.
    let payment = paid(&world, &till, &mut phone, "order-1").await;
    let canceled = till.cancel_reference("order-1", "k-1").await;
    assert_eq!(canceled.status.as_u16(), 200, "{}", canceled.text);
    assert_eq!(
        (canceled.text("/object"), canceled.text("/reference")),
        ("cancellation", "order-1")
    );
    assert_eq!(canceled.text("/payment/id"), payment.text("/id"));
    assert_eq!(canceled.text("/payment/state"), "canceled");
    assert_eq!(phone.balance(&world).await, "100.00");

    // Again, under the same key and under another one.
    let again = till.cancel_reference("order-1", "k-1").await;
    assert_eq!((&again.text, again.replayed), (&canceled.text, true));
    let other = till.cancel_reference("order-1", "k-2").await;
    assert_eq!((other.text("/payment/state"), other.replayed), ("canceled", false));
    let reused = till.cancel_reference("order-2", "k-1").await;
    reused.assert_problem(422, "idempotency_key_reused", "retry");

    // Before the payment: its charge is late on its way, under any key and with any code.
    let tombstone = till.cancel_reference("order-3", "k-3").await;
    assert_eq!((tombstone.status.as_u16(), &tombstone.json["payment"]), (200, &json!(null)));
    for key in ["late-1", "late-2"] {
        let code = phone.code(&world, "200.00");
        let late = till.charge(&Charge::new("order-3", &code, "12.50").key(key)).await;
        late.assert_problem(409, "reference_canceled", "final");
    }
    let again = till.cancel_reference("order-3", "k-3").await;
    assert_eq!((&again.text, again.replayed), (&tombstone.text, true));
    assert_eq!(till.cancel_reference("order-3", "k-4").await.json, tombstone.json);
    assert_eq!(phone.balance(&world).await, "100.00");

    // Somebody else's reference is another one.
    let mine = paid(&world, &till, &mut phone, "order-4").await;
    let other_till = world.merchant("Noodle Bar").await;
    let theirs = other_till.cancel_reference("order-4", "k").await;
    assert_eq!(theirs.json["payment"], json!(null));
    assert_eq!(till.state_of(mine.text("/id")).await, "succeeded");
    assert_books_are_right(world).await;
}

#[tokio::test]
async fn a_charge_that_is_repeated_after_its_cancellation_hears_the_truth() {
    let (world, till, mut phone) = scene(2203).await;
    let code = phone.code(&world, "200.00");
    let charge = Charge::new("order-1", &code, "12.50");
    let first = till.charge(&charge).await.created();
    let _ = till.cancel_reference("order-1", "k").await;
    // The very request gets its very answer; a new one must not hear of a success.
    let repeat = till.charge(&charge).await;
    assert_eq!((&repeat.text, repeat.replayed), (&first.text, true));
    let new = till.charge(&charge.clone().key("another")).await;
    new.assert_problem(409, "reference_canceled", "final");
    assert_eq!(till.state_of(first.text("/id")).await, "canceled");
    assert_eq!(phone.balance(&world).await, "100.00");
    assert_books_are_right(world).await;
}

#[tokio::test]
async fn declined_and_refunded_payments_stay_as_they_are() {
    let (world, till, mut phone) = scene(2204).await;
    let code = phone.code(&world, "200.00");
    let declined = till.charge(&Charge::new("order-1", &code, "150.00")).await;
    declined.assert_problem(402, "insufficient_funds", "final");
    let answer = till.cancel_reference("order-1", "k-1").await;
    assert_eq!((answer.status.as_u16(), answer.text("/payment/state")), (200, "declined"));

    let part = paid(&world, &till, &mut phone, "order-2").await;
    let _ = till.refund(part.text("/id"), "r-1", Some("1.00")).await.created();
    let answer = till.cancel_reference("order-2", "k-2").await;
    answer.assert_problem(409, "payment_closed", "retry");
    assert_eq!(answer.text("/payment/state"), "partially_refunded");
    let _ = till.refund(part.text("/id"), "r-2", None).await.created();
    let answer = till.cancel_reference("order-2", "k-3").await;
    assert_eq!((answer.status.as_u16(), answer.text("/payment/state")), (200, "refunded"));
    assert_books_are_right(world).await;
}

#[tokio::test]
async fn what_was_captured_long_ago_is_refunded_and_not_called_off() {
    let (world, till, mut phone) = scene(2205).await;
    let payment = paid(&world, &till, &mut phone, "order-1").await;
    world.advance_seconds(24 * 3600 + 1);
    for answer in [
        till.cancel(payment.text("/id"), "k-1").await,
        till.cancel_reference("order-1", "k-2").await,
    ] {
        answer.assert_problem(409, "cancel_too_late", "retry");
        assert_eq!(answer.text("/payment/state"), "succeeded");
    }
    assert_eq!(till.refund(payment.text("/id"), "r", None).await.created().outcome(), "succeeded");
    assert_books_are_right(world).await;
}

#[tokio::test]
async fn bad_cancellations_name_what_is_wrong() {
    let (world, till, _) = scene(2206).await;
    let path = "/v1/payments/cancel";
    let long = "x".repeat(65);
    for (body, pointer) in [
        (json!({}), ""),
        (json!({ "reference": "" }), "/reference"),
        (json!({ "reference": long }), "/reference"),
        (json!({ "reference": 7 }), "/reference"),
        (json!({ "reference": "a\nb" }), "/reference"),
        (json!({ "reference": "a", "force": true }), "/force"),
    ] {
        till.ask(path, "k", body).await.assert_points_at(pointer);
    }
    let missing = till.post(path, &[], r#"{"reference":"a"}"#).await;
    missing.assert_problem(400, "idempotency_key_missing", "retry");
    let keys = format!("/v1/operator/merchants/{}/api_keys", till.merchant);
    let key = world.operator_post(&keys, json!({ "scopes": ["read", "refund"] })).await.created();
    let reader = till.with_key(key.text("/secret"));
    reader.cancel_reference("a", "k").await.assert_problem(403, "forbidden", "retry");
}
