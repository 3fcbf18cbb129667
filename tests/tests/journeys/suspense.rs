//! Money that comes back for a payer who cannot have it waits for the operator, and the merchant
//! hears nothing of that.

use serde_json::{Value, json};
use wallet_tests::{Answer, Charge, PIN, Phone, Till, World};

use super::transfers::assert_books_are_right;
use crate::DATABASE;

/// A payer who is frozen after two payments, of which one is refunded and one called off.
async fn scene(seed: u64) -> (World, Till, Phone, [Answer; 2]) {
    let world = World::start(DATABASE, seed).await;
    let till = world.merchant("Tea House").await;
    let mut phone = world.payer("Wei", "100.00").await;
    phone.set_pin(&world).await;
    let mut payments = Vec::new();
    for reference in ["order-1", "order-2"] {
        let code = phone.code(&world, "200.00");
        payments.push(till.charge(&Charge::new(reference, &code, "10.00")).await.created());
    }
    assert_eq!(phone.post(&world, "/v1/wallet/freeze", Value::Null).await.outcome(), "frozen");
    let refund = till.refund(payments[0].text("/id"), "r", Some("4.00")).await.created();
    assert_eq!(refund.outcome(), "succeeded");
    let canceled = till.cancel(payments[1].text("/id"), "c").await;
    assert_eq!(canceled.outcome(), "canceled");
    (world, till, phone, [refund, canceled])
}

async fn end(world: &World, id: &str, what: &str, key: &str, body: Value) -> Answer {
    let path = format!("/v1/operator/suspense/{id}/{what}");
    world.operator_post_under_key(&path, key, body).await
}

#[tokio::test]
async fn money_for_a_frozen_payer_is_kept_apart_until_the_operator_decides() {
    let (world, till, phone, [refund, canceled]) = scene(2401).await;
    assert_eq!(till.balance().await, "6.00");
    let list = world.operator_get("/v1/operator/suspense?state=open").await;
    let data = list.json["data"].as_array().unwrap();
    assert_eq!(data.len(), 2, "{}", list.text);
    assert_eq!(data[0]["subject"], canceled.json["id"]);
    assert_eq!((&data[1]["subject"], &data[1]["amount"]), (&refund.json["id"], &json!("4.00")));
    assert_eq!(data[1]["payer"], phone.payer);
    let books = world.books().await;
    assert!(books.contains(&("suspense".into(), "0.00".into(), "14.00".into())), "{books:?}");

    let (first, second) = (data[1]["id"].as_str().unwrap(), data[0]["id"].as_str().unwrap());
    let early = end(&world, first, "release", "e-1", json!({})).await;
    early.assert_problem(422, "payer_unavailable", "retry");
    let unfrozen = phone.post(&world, "/v1/wallet/unfreeze", json!({ "pin": PIN })).await;
    assert_eq!(unfrozen.outcome(), "active", "{}", unfrozen.text);
    assert_eq!(phone.balance(&world).await, "80.00");
    // The very same request: what was refused is not kept.
    let released = end(&world, first, "release", "e-1", json!({})).await;
    assert_eq!((released.status.as_u16(), released.outcome()), (200, "released"));
    assert_eq!(phone.balance(&world).await, "84.00");
    let again = end(&world, first, "release", "e-1", json!({})).await;
    assert_eq!((&again.text, again.replayed), (&released.text, true));
    let twice = end(&world, first, "release", "e-3", json!({})).await;
    twice.assert_problem(409, "suspense_closed", "retry");

    let paid = json!({ "external_reference": "bank-9" });
    let paid_out = end(&world, second, "pay_out", "e-4", paid.clone()).await;
    assert_eq!((paid_out.outcome(), paid_out.text("/external_reference")), ("paid_out", "bank-9"));
    let twice = end(&world, second, "pay_out", "e-5", paid).await;
    twice.assert_problem(409, "suspense_closed", "retry");
    assert_eq!(
        world.operator_get("/v1/operator/suspense?state=open").await.json["data"],
        json!([])
    );
    let all = world.operator_get("/v1/operator/suspense").await;
    assert_eq!(all.json["data"].as_array().unwrap().len(), 2);
    let entries = world.operator_get(&format!("/v1/operator/entries?subject={second}")).await;
    assert_eq!(entries.json["data"].as_array().unwrap().len(), 2, "{}", entries.text);
    assert_books_are_right(world).await;
}

#[tokio::test]
async fn a_closed_payers_money_can_only_be_paid_out() {
    let world = World::start(DATABASE, 2402).await;
    let till = world.merchant("Tea House").await;
    let mut phone = world.payer("Wei", "10.00").await;
    phone.set_pin(&world).await;
    let code = phone.code(&world, "200.00");
    let payment = till.charge(&Charge::new("order-1", &code, "10.00")).await.created();
    let body = json!({ "pin": PIN });
    assert_eq!(phone.post(&world, "/v1/wallet/close", body).await.status.as_u16(), 204);
    let refund = till.refund(payment.text("/id"), "r", None).await.created();
    assert_eq!(refund.outcome(), "succeeded", "the merchant hears nothing of it");
    let list = world.operator_get("/v1/operator/suspense").await;
    let id = list.text("/data/0/id");
    let released = end(&world, id, "release", "e-1", json!({})).await;
    released.assert_problem(422, "payer_unavailable", "retry");
    for (body, pointer) in [
        (json!({}), ""),
        (json!({ "external_reference": "" }), "/external_reference"),
        (json!({ "external_reference": "b", "x": 1 }), "/x"),
    ] {
        end(&world, id, "pay_out", "k", body).await.assert_points_at(pointer);
    }
    let unknown = "sus_00000000000070008000000000000000";
    let body = json!({ "external_reference": "bank-1" });
    let none = end(&world, unknown, "pay_out", "k", body.clone()).await;
    none.assert_problem(404, "not_found", "final");
    assert_eq!(end(&world, id, "pay_out", "k", body).await.outcome(), "paid_out");
    assert_books_are_right(world).await;
}
