//! Red envelopes: made, claimed, emptied, and given back.

use crate::DATABASE;
use serde_json::{Value, json};
use sqlx::Row;
use wallet_tests::{Answer, PIN, Phone, World, at_once};

use super::transfers::{assert_books_are_right, freeze, pair, post};

const PATH: &str = "/v1/wallet/envelopes";
const CLAIM: &str = "/v1/wallet/envelopes/claim";
const DAY: i64 = 24 * 60 * 60;

fn body(amount: &str, shares: u16, split: &str) -> Value {
    json!({ "amount": amount, "currency": "CNY", "shares": shares, "split": split, "pin": PIN })
}

async fn make(world: &World, phone: &Phone, key: &str, body: &Value) -> Answer {
    post(world, phone, PATH, key, body).await.created()
}

async fn claim(world: &World, phone: &Phone, key: &str, envelope: &Answer) -> Answer {
    post(world, phone, CLAIM, key, &json!({ "token": envelope.json["token"] })).await
}

/// An envelope, asked for until it is as it should be.
pub(super) async fn wait_for(
    world: &World,
    phone: &Phone,
    envelope: &Answer,
    state: &str,
) -> Answer {
    let path = format!("{PATH}/{}", envelope.text("/id"));
    let look = async {
        loop {
            let answer = phone.get(world, &path).await;
            if answer.text("/state") == state {
                return answer;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_mins(1), look).await.expect(state)
}

fn minor(amount: &Value) -> i64 {
    amount.as_str().unwrap().replace('.', "").parse().unwrap()
}

#[tokio::test]
async fn shares_are_claimed_in_their_order_until_there_are_none() {
    let world = World::start(DATABASE, 1201).await;
    let [wei, li] = pair(&world, ["50.00", "0"]).await;
    let mei = world.payer("Mei", "0").await;
    let mut request = body("10.00", 2, "equal");
    request["greeting"] = json!("good luck");
    let envelope = make(&world, &wei, "e-1", &request).await;
    let expected = json!({ "object": "envelope", "state": "authorized", "amount": "10.00",
        "currency": "CNY", "shares": 2, "split": "equal", "to": null, "greeting": "good luck",
        "claimed": 0, "amount_claimed": "0.00" });
    for (field, value) in expected.as_object().unwrap() {
        assert_eq!(&envelope.json[field], value, "{}", envelope.text);
    }
    assert!(envelope.text("/token").starts_with("wallet:envelope:"));
    assert!(envelope.text("/qr_svg").starts_with("<svg"));
    assert_eq!(wei.balance(&world).await, "40.00");

    let first = claim(&world, &li, "c-1", &envelope).await.created();
    let expected = json!({ "object": "envelope_claim", "envelope": envelope.json["id"], "n": 1,
        "amount": "5.00", "currency": "CNY", "greeting": "good luck",
        "from": { "handle": null, "name": "W**" } });
    for (field, value) in expected.as_object().unwrap() {
        assert_eq!(&first.json[field], value, "{}", first.text);
    }
    claim(&world, &li, "c-2", &envelope).await.assert_problem(409, "envelope_claimed", "final");
    claim(&world, &wei, "c-1", &envelope).await.assert_problem(403, "own_envelope", "final");
    let second = claim(&world, &mei, "c-1", &envelope).await.created();
    assert_eq!(second.json["n"], 2);
    let late = world.payer("Bo", "0").await;
    claim(&world, &late, "c-1", &envelope).await.assert_problem(409, "envelope_empty", "final");

    let again = claim(&world, &li, "c-1", &envelope).await;
    assert_eq!((&again.text, again.replayed), (&first.text, true));
    let again = post(&world, &wei, PATH, "e-1", &request).await;
    assert_eq!((&again.text, again.replayed), (&envelope.text, true));

    let path = format!("{PATH}/{}", envelope.text("/id"));
    let seen = wei.get(&world, &path).await;
    assert_eq!((seen.text("/state"), &seen.json["claimed"]), ("succeeded", &json!(2)));
    assert_eq!(seen.json["token"], envelope.json["token"]);
    let names = [seen.text("/claims/0/by/name"), seen.text("/claims/1/by/name")];
    assert_eq!(names, ["L**", "M**"]);
    let own = li.get(&world, &path).await;
    assert_eq!(own.json["claims"].as_array().unwrap().len(), 1, "{}", own.text);
    assert_eq!((own.text("/claims/0/amount"), &own.json["token"]), ("5.00", &Value::Null));
    late.get(&world, &path).await.assert_problem(404, "not_found", "final");
    let list = wei.get(&world, PATH).await;
    assert_eq!(list.text("/data/0/id"), envelope.text("/id"));

    let activity = wei.get(&world, "/v1/wallet/activity").await;
    let kinds: Vec<_> = activity.json["data"].as_array().unwrap().iter().take(4).collect();
    let of = |n: usize| (kinds[n]["kind"].as_str().unwrap(), kinds[n]["state"].as_str().unwrap());
    assert_eq!(of(0), ("envelope", "succeeded"), "{}", activity.text);
    assert_eq!(of(1), ("envelope_claim", "succeeded"));
    assert_eq!(kinds[1]["counterparty"], json!({ "handle": null, "name": "M**" }));
    assert_eq!(kinds[1]["direction"], "out");
    assert_eq!(of(3), ("envelope", "authorized"));
    let activity = li.get(&world, "/v1/wallet/activity").await;
    assert_eq!(activity.text("/data/0/id"), first.text("/id"));
    assert_eq!(activity.text("/data/0/direction"), "in");
    for id in [envelope.text("/id"), first.text("/id")] {
        let entries = world.operator_get(&format!("/v1/operator/entries?subject={id}")).await;
        assert_eq!(entries.json["data"].as_array().unwrap().len(), 2, "{}", entries.text);
    }
    assert_books_are_right(world).await;
}

#[tokio::test]
async fn what_nobody_claims_in_time_comes_back_and_does_not_count() {
    let changes = [("limits.new_payers.month", "20.00"), ("envelopes.life_hours", "2")];
    let world = World::start_with(DATABASE, 1202, &changes).await;
    let [wei, li] = pair(&world, ["50.00", "0"]).await;
    let envelope = make(&world, &wei, "e-1", &body("20.00", 4, "equal")).await;
    let over = post(&world, &wei, PATH, "e-2", &body("0.01", 1, "equal")).await;
    over.assert_problem(402, "declined_by_limit", "final");
    let _ = claim(&world, &li, "c-1", &envelope).await.created();
    world.advance_seconds(2 * 60 * 60);
    let mei = world.payer("Mei", "0").await;
    claim(&world, &mei, "c-1", &envelope).await.assert_problem(409, "envelope_expired", "final");
    let ended = wait_for(&world, &wei, &envelope, "expired").await;
    assert_eq!(ended.text("/amount_claimed"), "5.00");
    assert_eq!(wei.balance(&world).await, "45.00");
    claim(&world, &mei, "c-2", &envelope).await.assert_problem(409, "envelope_expired", "final");
    let over = post(&world, &wei, PATH, "e-3", &body("15.01", 1, "equal")).await;
    assert_eq!(over.text("/remaining"), "15.00", "{}", over.text);
    let _ = make(&world, &wei, "e-4", &body("15.00", 1, "equal")).await;
    let again = post(&world, &wei, PATH, "e-1", &body("20.00", 4, "equal")).await;
    assert_eq!((&again.text, again.replayed), (&envelope.text, true));
    assert_books_are_right(world).await;
}

#[tokio::test]
async fn random_shares_come_to_the_amount_and_many_who_claim_at_once_get_one_each() {
    let world = World::start(DATABASE, 1203).await;
    let [wei, _] = pair(&world, ["100.00", "0"]).await;
    let envelope = make(&world, &wei, "e-1", &body("10.00", 20, "random")).await;
    let mut phones = Vec::new();
    for n in 0..40 {
        phones.push(world.payer(&format!("payer {n}"), "0").await);
    }
    let tries: Vec<(&Phone, String)> = (0..5)
        .flat_map(|round| phones.iter().map(move |phone| (phone, format!("c-{round}"))))
        .collect();
    let asked = tries.iter().map(|(phone, key)| claim(&world, phone, key, &envelope));
    let answers = at_once(asked).await;
    let won: Vec<&Answer> = answers.iter().filter(|answer| answer.status == 201).collect();
    assert_eq!(won.len(), 20);
    let total: i64 = won.iter().map(|answer| minor(&answer.json["amount"])).sum();
    assert_eq!(total, 1_000);
    let lost = answers.iter().filter(|answer| answer.status != 201);
    for answer in lost {
        assert!(["envelope_empty", "envelope_claimed"].contains(&answer.text("/code")));
    }
    // The numbers are those of the order in which the claims were committed.
    let mut database = world.database().await;
    let order = "select n, payer from envelope_shares order by batch, event";
    let rows = sqlx::query(order).fetch_all(&mut database).await.unwrap();
    let numbers: Vec<i64> = rows.iter().map(|row| row.get(0)).collect();
    assert_eq!(numbers, (1..=20).collect::<Vec<_>>());
    let mut winners: Vec<Vec<u8>> = rows.iter().map(|row| row.get(1)).collect();
    winners.sort();
    winners.dedup();
    assert_eq!(winners.len(), 20);
    drop(database);
    assert_books_are_right(world).await;
}

#[tokio::test]
async fn claims_that_race_with_the_end_are_in_time_or_not_and_nothing_is_lost() {
    let world = World::start(DATABASE, 1204).await;
    let [wei, _] = pair(&world, ["100.00", "0"]).await;
    let envelope = make(&world, &wei, "e-1", &body("10.00", 10, "random")).await;
    let mut phones = Vec::new();
    for n in 0..9 {
        phones.push(world.payer(&format!("payer {n}"), "0").await);
    }
    world.advance_seconds(DAY - 1);
    let asked = phones.iter().enumerate().map(async |(n, phone)| {
        if n == 4 {
            world.advance_seconds(1);
        }
        claim(&world, phone, "c", &envelope).await
    });
    let answers = at_once(asked).await;
    let won = answers.iter().filter(|answer| answer.status == 201);
    let won: i64 = won.map(|answer| minor(&answer.json["amount"])).sum();
    let ended = wait_for(&world, &wei, &envelope, "expired").await;
    assert_eq!(minor(&ended.json["amount_claimed"]), won);
    assert_eq!(minor(&json!(wei.balance(&world).await)), 10_000 - won);
    assert_books_are_right(world).await;
}

#[tokio::test]
async fn an_envelope_for_one_payer_is_for_nobody_else() {
    let world = World::start(DATABASE, 1205).await;
    let [wei, li] = pair(&world, ["50.00", "0"]).await;
    let mei = world.payer("Mei", "0").await;
    let handle = li.send(&world, "PUT", "/v1/wallet/handle", json!({ "handle": "li.9" })).await;
    assert_eq!(handle.status, 200, "{}", handle.text);
    let found = wei.post(&world, "/v1/wallet/recipients", json!({ "handle": "li.9" })).await;
    assert_eq!(found.json, json!({ "handle": "li.9", "name": "L**" }));
    let mut request = body("8.88", 1, "equal");
    request["handle"] = json!("nobody");
    let unknown = post(&world, &wei, PATH, "e-0", &request).await;
    unknown.assert_problem(422, "unknown_recipient", "final");
    request["handle"] = json!("li.9");
    let envelope = make(&world, &wei, "e-1", &request).await;
    assert_eq!(envelope.json["to"], json!({ "handle": "li.9", "name": "L**" }));
    let other = claim(&world, &mei, "c-1", &envelope).await;
    other.assert_problem(422, "unknown_envelope", "final");
    let _ = claim(&world, &li, "c-1", &envelope).await.created();
    let pay = json!({ "handle": "li.9", "amount": "1.00", "currency": "CNY", "pin": PIN });
    let paid = post(&world, &wei, "/v1/wallet/transfers", "t-1", &pay).await.created();
    assert_eq!(paid.json["to"], json!({ "handle": "li.9", "name": "L**" }));
    let handle = li.send(&world, "PUT", "/v1/wallet/handle", json!({ "handle": "li.10" })).await;
    assert_eq!(handle.status, 200, "{}", handle.text);
    let again = post(&world, &wei, "/v1/wallet/transfers", "t-1", &pay).await;
    assert_eq!((&again.text, again.replayed), (&paid.text, true));
    assert_books_are_right(world).await;
}

#[tokio::test]
async fn whoever_cannot_send_or_claim_does_not() {
    let world = World::start(DATABASE, 1206).await;
    let [wei, li] = pair(&world, ["50.00", "0"]).await;
    let poor = post(&world, &wei, PATH, "poor", &body("50.01", 1, "equal")).await;
    poor.assert_problem(402, "insufficient_funds", "final");
    let envelope = make(&world, &wei, "e-1", &body("10.00", 2, "equal")).await;
    freeze(&world, &wei, "frozen").await;
    let refused = claim(&world, &li, "c-1", &envelope).await;
    refused.assert_problem(403, "sender_unavailable", "final");
    freeze(&world, &wei, "active").await;
    let again = claim(&world, &li, "c-1", &envelope).await;
    assert_eq!((&again.text, again.replayed), (&refused.text, true));
    freeze(&world, &li, "frozen").await;
    let refused = claim(&world, &li, "c-2", &envelope).await;
    refused.assert_problem(403, "payer_unavailable", "final");
    let test = world.payer_in("test", "Mei", "0").await;
    let apart = claim(&world, &test, "c-1", &envelope).await;
    apart.assert_problem(422, "unknown_envelope", "final");

    let before = world.standing().await;
    for (field, value, pointer) in [
        ("shares", json!(0), "/shares"),
        ("shares", json!(101), "/shares"),
        ("shares", json!(-1), "/shares"),
        ("amount", json!("0.01"), "/shares"),
        ("split", json!("fair"), "/split"),
        ("greeting", json!(""), "/greeting"),
        ("handle", json!("li"), "/shares"),
        ("pin", json!("x"), "/pin"),
        ("more", json!(1), "/more"),
    ] {
        let mut body = body("10.00", 2, "equal");
        body[field] = value;
        post(&world, &wei, PATH, "k", &body).await.assert_points_at(pointer);
    }
    for (token, code) in [("", "invalid_request"), ("wallet:envelope:00", "unknown_envelope")] {
        let answer = post(&world, &wei, CLAIM, "k", &json!({ "token": token })).await;
        assert_eq!(answer.text("/code"), code, "{}", answer.text);
    }
    let mut wrong = body("1.00", 1, "equal");
    wrong["pin"] = json!("975310");
    post(&world, &wei, PATH, "pin", &wrong).await.assert_problem(403, "pin_refused", "retry");
    assert_eq!(world.standing().await, before);
    assert_books_are_right(world).await;
}
