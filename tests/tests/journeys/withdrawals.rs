//! Payers take money out, and the operator pays it or gives it back.

use crate::DATABASE;
use serde_json::{Value, json};
use wallet_tests::{Answer, PIN, Phone, World, at_once};

use super::transfers::{assert_books_are_right, post};

const PATH: &str = "/v1/wallet/withdrawals";

fn body(amount: &str) -> Value {
    json!({ "amount": amount, "currency": "CNY", "destination": "IBAN 123", "pin": PIN })
}

async fn scene(seed: u64) -> (World, Phone) {
    let world = World::start(DATABASE, seed).await;
    let wei = world.payer("Wei", "50.00").await;
    wei.set_pin(&world).await;
    (world, wei)
}

/// What the operator says about a withdrawal.
pub(crate) async fn tell(world: &World, id: &str, verb: &str, key: &str, body: Value) -> Answer {
    let path = format!("/v1/operator/withdrawals/{id}/{verb}");
    world.operator_post_under_key(&path, key, body).await
}

async fn listed(world: &World, query: &str) -> Vec<String> {
    let list = world.operator_get(&format!("/v1/operator/withdrawals{query}")).await;
    let ids = list.json["data"].as_array().unwrap_or_else(|| panic!("{}", list.text)).iter();
    ids.map(|row| row["id"].as_str().unwrap().to_owned()).collect()
}

/// What is free and what is held.
async fn wallet(world: &World, phone: &Phone) -> [String; 2] {
    let balance = phone.get(world, "/v1/wallet/balance").await;
    ["/available", "/held"].map(|field| balance.text(field).to_owned())
}

async fn bank(world: &World) -> (String, String) {
    let books = world.books().await;
    let bank = books.into_iter().find(|row| row.0 == "bank").unwrap();
    (bank.1, bank.2)
}

#[tokio::test]
async fn money_is_held_until_the_operator_has_paid_it_and_then_it_has_left() {
    let (world, wei) = scene(1101).await;
    let answer = post(&world, &wei, PATH, "w-1", &body("20.00")).await.created();
    let id = answer.text("/id").to_owned();
    assert!(id.starts_with("wdr_"));
    let expected = json!({ "object": "withdrawal", "state": "authorized", "amount": "20.00",
        "currency": "CNY", "destination": "IBAN 123", "external_reference": null,
        "payer": wei.payer });
    for (field, value) in expected.as_object().unwrap() {
        assert_eq!(&answer.json[field], value, "{}", answer.text);
    }
    assert_eq!(wallet(&world, &wei).await, ["30.00", "20.00"]);
    assert_eq!(bank(&world).await, ("50.00".to_owned(), "0.00".to_owned()));
    assert_eq!(listed(&world, "?state=authorized").await, [id.as_str()]);

    world.advance_seconds(5);
    let reference = json!({ "external_reference": "out-1" });
    let paid = tell(&world, &id, "pay", "p-1", reference.clone()).await;
    assert_eq!((paid.status.as_u16(), paid.text("/state")), (200, "succeeded"), "{}", paid.text);
    assert_eq!(paid.json["created_at"], answer.json["created_at"]);
    assert_eq!(paid.text("/external_reference"), "out-1");
    assert_eq!(wallet(&world, &wei).await, ["30.00", "0.00"]);
    assert_eq!(bank(&world).await, ("30.00".to_owned(), "0.00".to_owned()));

    let before = world.standing().await;
    let again = tell(&world, &id, "pay", "p-1", reference.clone()).await;
    assert_eq!((&again.text, again.replayed), (&paid.text, true));
    let again = post(&world, &wei, PATH, "w-1", &body("20.00")).await;
    assert_eq!((&again.text, again.replayed), (&answer.text, true));
    let other = tell(&world, &id, "pay", "p-1", json!({ "external_reference": "out-2" })).await;
    other.assert_problem(422, "idempotency_key_reused", "retry");
    let twice = tell(&world, &id, "pay", "p-2", reference).await;
    twice.assert_problem(409, "withdrawal_closed", "retry");
    let back = tell(&world, &id, "return", "p-3", Value::Null).await;
    back.assert_problem(400, "invalid_request", "retry");
    let back = tell(&world, &id, "return", "p-3", json!({})).await;
    back.assert_problem(409, "withdrawal_closed", "retry");
    assert_eq!(world.standing().await, before);

    assert_eq!(listed(&world, "?state=authorized").await, [""; 0]);
    assert_eq!(listed(&world, "?state=succeeded").await, [id.as_str()]);
    assert_eq!(listed(&world, "").await, [id.as_str()]);
    assert_eq!(listed(&world, "?mode=test").await, [""; 0]);
    let own = wei.get(&world, PATH).await;
    assert_eq!(own.json["data"], json!([paid.json]), "{}", own.text);
    let types = wei.get(&world, "/v1/wallet/activity").await;
    assert_eq!((types.text("/data/0/id"), types.text("/data/0/state")), (&*id, "succeeded"));
    let entries = world.operator_get(&format!("/v1/operator/entries?subject={id}")).await;
    assert_eq!(entries.json["data"].as_array().unwrap().len(), 4, "{}", entries.text);
    assert_books_are_right(world).await;
}

#[tokio::test]
async fn what_cannot_be_paid_is_the_payers_again() {
    let (world, wei) = scene(1102).await;
    let id = post(&world, &wei, PATH, "w-1", &body("50.00")).await.created();
    let id = id.text("/id").to_owned();
    assert_eq!(wallet(&world, &wei).await, ["0.00", "50.00"]);
    let back = tell(&world, &id, "return", "p-1", json!({})).await;
    assert_eq!((back.status.as_u16(), back.text("/state")), (200, "canceled"), "{}", back.text);
    assert_eq!(wallet(&world, &wei).await, ["50.00", "0.00"]);
    assert_eq!(bank(&world).await, ("50.00".to_owned(), "0.00".to_owned()));
    let reference = json!({ "external_reference": "out-1" });
    let paid = tell(&world, &id, "pay", "p-2", reference).await;
    paid.assert_problem(409, "withdrawal_closed", "retry");
    assert_books_are_right(world).await;
}

#[tokio::test]
async fn one_reference_of_the_bank_stands_for_one_withdrawal() {
    let (world, wei) = scene(1103).await;
    let mut ids = Vec::new();
    for key in ["w-1", "w-2"] {
        let answer = post(&world, &wei, PATH, key, &body("5.00")).await.created();
        ids.push(answer.text("/id").to_owned());
    }
    let reference = json!({ "external_reference": "out-1" });
    let first = tell(&world, &ids[0], "pay", "p-1", reference.clone()).await;
    assert_eq!(first.status, 200, "{}", first.text);
    let before = world.standing().await;
    let second = tell(&world, &ids[1], "pay", "p-2", reference).await;
    second.assert_problem(409, "reference_conflict", "retry");
    assert_eq!(world.standing().await, before);
    assert_books_are_right(world).await;
}

#[tokio::test]
async fn paying_and_returning_at_once_has_one_winner() {
    let (world, wei) = scene(1104).await;
    let answer = post(&world, &wei, PATH, "w-1", &body("30.00")).await.created();
    let id = answer.text("/id");
    let asked = (0..12).map(|n| {
        let key = format!("p-{n}");
        let world = &world;
        async move {
            if n % 2 == 0 {
                tell(world, id, "return", &key, json!({})).await
            } else {
                let reference = json!({ "external_reference": format!("out-{n}") });
                tell(world, id, "pay", &key, reference).await
            }
        }
    });
    let answers = at_once(asked).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 1);
    let closed = answers.iter().filter(|answer| answer.text("/code") == "withdrawal_closed");
    assert_eq!(closed.count(), 11);
    assert_books_are_right(world).await;
}

#[tokio::test]
async fn a_withdrawal_counts_against_no_limit_and_needs_the_money_and_the_pin() {
    let (world, wei) = scene(1105).await;
    let _ = world.top_up(&wei.payer, "5000.00", "more").await.created();
    let refused = post(&world, &wei, PATH, "poor", &body("5050.01")).await;
    refused.assert_problem(402, "insufficient_funds", "final");
    let _ = post(&world, &wei, PATH, "rich", &body("5050.00")).await.created();
    let mut wrong = body("1.00");
    wrong["pin"] = json!("975310");
    post(&world, &wei, PATH, "pin", &wrong).await.assert_problem(403, "pin_refused", "retry");
    assert_books_are_right(world).await;
}

#[tokio::test]
async fn a_new_device_takes_nothing_out() {
    let world = World::start_with(DATABASE, 1107, &[("devices.new_hours", "24")]).await;
    let wei = world.payer("Wei", "50.00").await;
    let second = wei.another(&world, "second").await;
    let refused = post(&world, &second, PATH, "w-1", &body("0.01")).await;
    refused.assert_problem(402, "declined_by_limit", "final");
    assert_eq!((refused.text("/limit"), refused.text("/remaining")), ("payment", "0.00"));
    assert_eq!(wallet(&world, &wei).await, ["50.00", "0.00"]);
    world.advance_seconds(24 * 3600);
    let _ = post(&world, &second, PATH, "w-2", &body("0.01")).await.created();
}

#[tokio::test]
async fn what_makes_no_sense_is_refused_by_name() {
    let (world, wei) = scene(1106).await;
    let before = world.standing().await;
    for (field, value, pointer) in [
        ("amount", json!("0"), "/amount"),
        ("currency", json!("XYZ"), "/currency"),
        ("destination", json!(""), "/destination"),
        ("destination", json!("x".repeat(201)), "/destination"),
        ("pin", json!("1"), "/pin"),
        ("more", json!(1), "/more"),
    ] {
        let mut body = body("1.00");
        body[field] = value;
        post(&world, &wei, PATH, "k", &body).await.assert_points_at(pointer);
    }
    for (id, verb, body, code) in [
        ("wdr_00", "pay", json!({ "external_reference": "x" }), "not_found"),
        ("wdr_00000000000000000000000000000000", "return", json!({}), "not_found"),
        ("wdr_00", "pay", json!({}), "invalid_request"),
        ("wdr_00", "pay", json!({ "external_reference": "" }), "invalid_request"),
    ] {
        let answer = tell(&world, id, verb, "k", body).await;
        assert_eq!(answer.text("/code"), code, "{}", answer.text);
    }
    let state = world.operator_get("/v1/operator/withdrawals?state=declined").await;
    state.assert_problem(400, "invalid_request", "retry");
    assert_eq!(world.standing().await, before);
}
