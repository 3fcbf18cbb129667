//! Money that merchants give back: in part, often, exactly, and never more than they got.

use serde_json::{Value, json};
use wallet_tests::{Answer, Charge, Phone, Till, World, at_once};

use super::transfers::assert_books_are_right;
use crate::DATABASE;

async fn scene_with(seed: u64, changes: &[(&str, &str)]) -> (World, Till, Phone) {
    let world = World::start_with(DATABASE, seed, changes).await;
    let body = json!({ "name": "Tea House", "fee": { "basis_points": 100, "fixed": "0.01" } });
    let till = world.merchant_with(body).await;
    let phone = world.payer("Wei", "100.00").await;
    (world, till, phone)
}

async fn paid(world: &World, till: &Till, phone: &mut Phone, reference: &str) -> Answer {
    let code = phone.code(world, "200.00");
    till.charge(&Charge::new(reference, &code, "10.00")).await.created()
}

#[tokio::test]
async fn refunds_are_partial_and_many_and_give_all_of_the_fee_back_in_the_end() {
    let (world, till, mut phone) = scene_with(2301, &[]).await;
    let payment = paid(&world, &till, &mut phone, "order-1").await;
    assert_eq!((payment.text("/fee"), till.balance().await.as_str()), ("0.11", "9.89"));
    let id = payment.text("/id");
    let body = json!({ "payment": id, "amount": "3.33", "currency": "CNY", "reason": "cold tea",
        "metadata": { "ticket": "7" } });
    let first = till.ask("/v1/refunds", "r-1", body.clone()).await.created();
    assert!(first.text("/id").starts_with("ref_"), "{}", first.text);
    assert_eq!((first.text("/object"), first.outcome()), ("refund", "succeeded"));
    assert_eq!((first.text("/payment"), first.text("/amount")), (id, "3.33"));
    assert_eq!((first.text("/reason"), first.text("/metadata/ticket")), ("cold tea", "7"));
    assert_eq!(first.text("/fee_returned"), "0.03");
    let now = till.get(&format!("/v1/payments/{id}")).await;
    assert_eq!((now.outcome(), now.text("/amount_refunded")), ("partially_refunded", "3.33"));

    let again = till.ask("/v1/refunds", "r-1", body).await;
    assert_eq!((&again.text, again.replayed), (&first.text, true));
    world.advance_seconds(1);
    let second = till.refund(id, "r-2", Some("3.33")).await.created();
    assert_eq!(second.text("/fee_returned"), "0.04");
    let much = till.refund(id, "r-3", Some("3.35")).await;
    much.assert_problem(422, "refund_exceeds_payment", "final");
    assert_eq!(much.text("/remaining"), "3.34");
    world.advance_seconds(1);
    let rest = till.refund(id, "r-4", None).await.created();
    assert_eq!((rest.text("/amount"), rest.text("/fee_returned")), ("3.34", "0.04"));
    assert_eq!(till.state_of(id).await, "refunded");
    assert_eq!(
        (phone.balance(&world).await, till.balance().await),
        ("100.00".into(), "0.00".into())
    );
    let over = till.refund(id, "r-5", Some("0.01")).await;
    over.assert_problem(422, "refund_exceeds_payment", "final");
    // What was refused stays refused under its key.
    let again = till.refund(id, "r-3", Some("3.35")).await;
    assert_eq!((&again.text, again.replayed), (&much.text, true));

    let list = till.get(&format!("/v1/refunds?payment={id}&limit=2")).await;
    let amounts = |list: &Answer| -> Vec<Value> {
        list.json["data"].as_array().unwrap().iter().map(|it| it["amount"].clone()).collect()
    };
    assert_eq!(amounts(&list), [json!("3.34"), json!("3.33")]);
    let next = format!("/v1/refunds?payment={id}&limit=2&after={}", list.text("/next"));
    assert_eq!(amounts(&till.get(&next).await), [json!("3.33")]);
    assert_eq!(till.get("/v1/refunds").await.json["data"].as_array().unwrap().len(), 3);
    let one = till.get(&format!("/v1/refunds/{}", first.text("/id"))).await;
    assert_eq!(one.text, first.text);
    // The payer sees them.
    world.placed().await;
    let seen = phone.get(&world, "/v1/wallet/activity").await;
    assert_eq!(seen.text("/data/0/type"), "refund.succeeded", "{}", seen.text);
    assert_eq!(seen.text("/data/0/merchant_name"), "Tea House");
    assert_books_are_right(world).await;
}

#[tokio::test]
async fn a_refund_gives_no_limit_back_and_no_fee_where_the_operator_says_so() {
    let (world, till, mut phone) = scene_with(2302, &[("refunds.return_fees", "false")]).await;
    let payment = paid(&world, &till, &mut phone, "order-1").await;
    // The merchant has less than the payment was, because of the fee.
    let short = till.refund(payment.text("/id"), "r-1", None).await;
    short.assert_problem(422, "balance_insufficient", "final");
    let other = paid(&world, &till, &mut phone, "order-2").await;
    let refund = till.refund(payment.text("/id"), "r-2", None).await.created();
    assert_eq!(refund.text("/fee_returned"), "0.00");
    assert_eq!(till.balance().await, "9.78");
    let again = till.refund(payment.text("/id"), "r-1", None).await;
    assert_eq!((again.text, again.replayed), (short.text, true));
    let cancel = till.cancel(other.text("/id"), "c").await;
    cancel.assert_problem(422, "balance_insufficient", "retry");
    let limits = phone.get(&world, "/v1/wallet/limits").await;
    assert_eq!(limits.text("/left/day"), "980.00", "{}", limits.text);
    assert_books_are_right(world).await;
}

#[tokio::test]
async fn refunds_have_a_number_and_a_time() {
    let changes = [("refunds.count", "2"), ("refunds.days", "10")];
    let (world, till, mut phone) = scene_with(2303, &changes).await;
    let payment = paid(&world, &till, &mut phone, "order-1").await;
    let id = payment.text("/id");
    for key in ["r-1", "r-2"] {
        let _ = till.refund(id, key, Some("1.00")).await.created();
    }
    till.refund(id, "r-3", Some("1.00")).await.assert_problem(422, "too_many_refunds", "final");
    let other = paid(&world, &till, &mut phone, "order-2").await;
    world.advance_seconds(10 * 24 * 3600 + 1);
    let late = till.refund(other.text("/id"), "r-4", None).await;
    late.assert_problem(422, "refund_too_late", "final");
    assert_books_are_right(world).await;
}

#[tokio::test]
async fn refunds_at_once_are_never_more_than_the_payment() {
    let (world, till, mut phone) = scene_with(2304, &[]).await;
    let payment = paid(&world, &till, &mut phone, "order-1").await;
    let id = payment.text("/id");
    let refunds = (0..32).map(async |n: u32| {
        // Each twice, as a till repeats what it has no answer to.
        let key = format!("r-{}", n / 2);
        till.refund(id, &key, Some("0.90")).await
    });
    let answers = at_once(refunds).await;
    let made = answers.iter().filter(|it| it.status.as_u16() == 201 && !it.replayed).count();
    assert_eq!(made, 11, "{answers:?}");
    let ids = |it: &Answer| it.text("/id").to_owned();
    let mut made: Vec<String> =
        answers.iter().filter(|it| it.status.as_u16() == 201).map(ids).collect();
    made.sort();
    made.dedup();
    assert_eq!(made.len(), 11, "one answer for one key");
    assert_eq!(phone.balance(&world).await, "99.90");
    assert_books_are_right(world).await;
}

#[tokio::test]
async fn bad_refunds_name_what_is_wrong_and_move_nothing() {
    let (world, till, mut phone) = scene_with(2305, &[]).await;
    let payment = paid(&world, &till, &mut phone, "order-1").await;
    let id = payment.text("/id");
    let with = |field: &str, value: Value| {
        let mut body = json!({ "payment": id, "amount": "1.00", "currency": "CNY" });
        body[field] = value;
        body
    };
    for (body, pointer) in [
        (json!({}), ""),
        (with("payment", json!("ref_1")), "/payment"),
        (with("payment", json!(null)), "/payment"),
        (with("amount", json!("-1.00")), "/amount"),
        (with("amount", json!("0.00")), "/amount"),
        (with("amount", json!("1.001")), "/amount"),
        (with("amount", json!(1)), "/amount"),
        (with("amount", json!(null)), "/amount"),
        (with("currency", json!("yuan")), "/currency"),
        (with("reason", json!("")), "/reason"),
        (with("reason", json!("x".repeat(201))), "/reason"),
        (with("metadata", json!({ "a": 1 })), "/metadata/a"),
        (with("metadata", json!([])), "/metadata"),
        (with("force", json!(true)), "/force"),
    ] {
        till.ask("/v1/refunds", "k", body).await.assert_points_at(pointer);
    }
    let dollars = with("currency", json!("USD"));
    let dollars = till.ask("/v1/refunds", "k-usd", dollars).await;
    dollars.assert_problem(422, "currency_mismatch", "final");
    let missing = till.post("/v1/refunds", &[], with("amount", json!("1.00")).to_string()).await;
    missing.assert_problem(400, "idempotency_key_missing", "retry");
    let thief = world.merchant("Thief").await;
    thief.refund(id, "k", None).await.assert_problem(404, "not_found", "retry");
    thief.get("/v1/refunds/ref_1").await.assert_problem(404, "not_found", "retry");
    let none = thief.get(&format!("/v1/refunds?payment={id}")).await;
    assert_eq!(none.json["data"], json!([]));
    let keys = format!("/v1/operator/merchants/{}/api_keys", till.merchant);
    let key = world.operator_post(&keys, json!({ "scopes": ["charge", "read"] })).await.created();
    let charger = till.with_key(key.text("/secret"));
    charger.refund(id, "k", None).await.assert_problem(403, "forbidden", "retry");
    assert_eq!(till.state_of(id).await, "succeeded");
    assert_books_are_right(world).await;
}
