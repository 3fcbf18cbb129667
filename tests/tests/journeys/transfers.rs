//! Payers give money to each other.

use crate::DATABASE;
use reqwest::StatusCode;
use serde_json::{Value, json};
use wallet_server::store::Store;
use wallet_tests::{Answer, Charge, PIN, Phone, World, at_once};

const PATH: &str = "/v1/wallet/transfers";

/// Two payers with a PIN.
pub(crate) async fn pair(world: &World, amounts: [&str; 2]) -> [Phone; 2] {
    let phones = [world.payer("Wei", amounts[0]).await, world.payer("Li", amounts[1]).await];
    for phone in &phones {
        phone.set_pin(world).await;
    }
    // They have been told of it.
    world.placed().await;
    phones
}

/// What a payer shows to be paid.
pub(crate) async fn receive_code(world: &World, phone: &Phone) -> String {
    let answer = phone.get(world, "/v1/wallet/receive_code").await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
    answer.text("/receive_code").to_owned()
}

/// Posts with an idempotency key.
pub(crate) async fn post(
    world: &World,
    phone: &Phone,
    path: &str,
    key: &str,
    body: &Value,
) -> Answer {
    phone.post_under_key(world, path, key, body).await
}

fn body(receive_code: &str, amount: &str) -> Value {
    json!({ "receive_code": receive_code, "amount": amount, "currency": "CNY", "pin": PIN })
}

/// Every invariant of the books holds. The server is stopped.
pub(crate) async fn assert_books_are_right(mut world: World) {
    world.placed().await;
    world.stop().await;
    let store = Store::open(&world.database_url()).await.unwrap();
    let mut wrong = Vec::new();
    for question in Store::audit_questions(None) {
        let finding = store.ask(&question).await.unwrap();
        wrong.extend((!finding.is_ok()).then_some(finding));
    }
    store.close().await;
    assert!(wrong.is_empty(), "{wrong:?}");
}

#[tokio::test]
async fn money_goes_from_one_payer_to_another_and_both_learn_of_it() {
    let world = World::start(DATABASE, 1001).await;
    let [wei, li] = pair(&world, ["50.00", "1.00"]).await;
    world.placed().await;
    let before = li.get(&world, "/v1/wallet/events").await;
    let to = receive_code(&world, &li).await;
    let mut request = body(&to, "12.50");
    request["note"] = json!("for the tea");
    let answer = post(&world, &wei, PATH, "t-1", &request).await.created();
    assert!(answer.text("/id").starts_with("ptr_"));
    let expected = json!({ "object": "payer_transfer", "state": "succeeded", "amount": "12.50",
        "currency": "CNY", "to": { "handle": null, "name": "L**" }, "note": "for the tea" });
    for (field, value) in expected.as_object().unwrap() {
        assert_eq!(&answer.json[field], value, "{}", answer.text);
    }
    assert_eq!([wei.balance(&world).await, li.balance(&world).await], ["37.50", "13.50"]);

    let path = format!("/v1/wallet/events?wait=20&after={}", before.text("/next"));
    let event = li.get(&world, &path).await;
    let what = &event.json["data"][0];
    assert_eq!(what["type"], "payer_transfer.succeeded", "{}", event.text);
    assert_eq!(what["subject"], answer.json["id"]);
    assert_eq!((&what["direction"], &what["note"]), (&json!("in"), &json!("for the tea")));
    assert_eq!(what["counterparty"], json!({ "handle": null, "name": "W**" }));

    let activity = wei.get(&world, "/v1/wallet/activity").await;
    let what = &activity.json["data"][0];
    assert_eq!((&what["id"], &what["direction"]), (&answer.json["id"], &json!("out")));
    assert_eq!(what["counterparty"], json!({ "handle": null, "name": "L**" }));
    assert_eq!(what["receipt"], answer.json["receipt"]);
    let topped_up = &activity.json["data"][1];
    assert_eq!((&topped_up["counterparty"], &topped_up["direction"]), (&Value::Null, &Value::Null));

    let entries = format!("/v1/operator/entries?subject={}", answer.text("/id"));
    let entries = world.operator_get(&entries).await;
    assert_eq!(entries.json["data"].as_array().unwrap().len(), 2, "{}", entries.text);
    assert_books_are_right(world).await;
}

#[tokio::test]
async fn a_repeat_gets_the_same_answer_to_the_byte_and_moves_nothing() {
    let mut world = World::start(DATABASE, 1002).await;
    let [wei, li] = pair(&world, ["50.00", "1.00"]).await;
    let request = body(&receive_code(&world, &li).await, "10.00");
    let first = post(&world, &wei, PATH, "t-1", &request).await.created();
    // The code that it was paid to is worth nothing any more.
    let renewed = li.post(&world, "/v1/wallet/receive_code", Value::Null).await.created();
    assert_ne!(renewed.json["receive_code"], request["receive_code"]);
    let before = world.standing().await;
    for restarted in [false, true] {
        if restarted {
            world.restart().await;
        }
        let again = post(&world, &wei, PATH, "t-1", &request).await;
        assert!(again.replayed && again.status == 201, "{}", again.text);
        assert_eq!(again.text, first.text);
    }
    let other =
        post(&world, &wei, PATH, "t-1", &body(renewed.text("/receive_code"), "10.00")).await;
    other.assert_problem(422, "idempotency_key_reused", "retry");
    assert_eq!(world.standing().await, before);
    let unknown = post(&world, &wei, PATH, "t-2", &request).await;
    unknown.assert_problem(422, "unknown_recipient", "final");
}

#[tokio::test]
async fn what_was_refused_stays_refused_under_its_key() {
    let world = World::start(DATABASE, 1003).await;
    let [wei, li] = pair(&world, ["50.00", "1.00"]).await;
    let to = receive_code(&world, &li).await;
    let poor = post(&world, &wei, PATH, "poor", &body(&to, "50.01")).await;
    poor.assert_problem(402, "insufficient_funds", "final");
    let much = post(&world, &wei, PATH, "much", &body(&to, "200.01")).await;
    much.assert_problem(402, "declined_by_limit", "final");
    assert_eq!((much.text("/limit"), much.text("/remaining")), ("payment", "200.00"));
    let own = receive_code(&world, &wei).await;
    let own = post(&world, &wei, PATH, "own", &body(&own, "1.00")).await;
    own.assert_problem(422, "same_payer", "final");

    // There is money now; but a request that was late on its way must not move it.
    let _ = world.top_up(&wei.payer, "500.00", "more").await.created();
    let before = world.standing().await;
    for (key, first) in [("poor", &poor), ("much", &much)] {
        let amount = if key == "poor" { "50.01" } else { "200.01" };
        let again = post(&world, &wei, PATH, key, &body(&to, amount)).await;
        assert_eq!((&again.text, again.replayed), (&first.text, true));
    }
    assert_eq!(world.standing().await, before);
    assert_books_are_right(world).await;
}

#[tokio::test]
async fn transfers_count_against_the_limits_with_payments() {
    let changes = [("limits.new_payers.day", "100.00")];
    let world = World::start_with(DATABASE, 1004, &changes).await;
    let till = world.merchant("Tea House").await;
    let [mut wei, li] = pair(&world, ["500.00", "0"]).await;
    let to = receive_code(&world, &li).await;
    let _ = post(&world, &wei, PATH, "1", &body(&to, "60.00")).await.created();
    let code = wei.code(&world, "100.00");
    let _ = till.charge(&Charge::new("order-1", &code, "30.00")).await.created();
    let over = post(&world, &wei, PATH, "2", &body(&to, "10.01")).await;
    over.assert_problem(402, "declined_by_limit", "final");
    assert_eq!((over.text("/limit"), over.text("/remaining")), ("day", "10.00"));
    // What was received may be given on: it is not the giver's spending.
    let back = receive_code(&world, &wei).await;
    let _ = post(&world, &li, PATH, "1", &body(&back, "60.00")).await.created();
    let _ = post(&world, &wei, PATH, "3", &body(&to, "10.00")).await.created();
    assert_books_are_right(world).await;
}

#[tokio::test]
async fn whoever_cannot_give_or_take_does_not() {
    let world = World::start(DATABASE, 1005).await;
    let [wei, li] = pair(&world, ["50.00", "1.00"]).await;
    let to = receive_code(&world, &li).await;
    let mut wrong = body(&to, "10.00");
    wrong["pin"] = json!("975310");
    let before = world.standing().await;
    post(&world, &wei, PATH, "pin", &wrong).await.assert_problem(403, "pin_refused", "retry");
    assert_eq!(world.standing().await, before);

    freeze(&world, &li, "frozen").await;
    let refused = post(&world, &wei, PATH, "frozen", &body(&to, "10.00")).await;
    refused.assert_problem(422, "recipient_unavailable", "final");
    let looked = wei.post(&world, "/v1/wallet/recipients", json!({ "receive_code": to })).await;
    looked.assert_problem(422, "recipient_unavailable", "final");
    freeze(&world, &li, "active").await;
    let again = post(&world, &wei, PATH, "frozen", &body(&to, "10.00")).await;
    assert_eq!((&again.text, again.replayed), (&refused.text, true));
    let found = wei.post(&world, "/v1/wallet/recipients", json!({ "receive_code": to })).await;
    assert_eq!(found.json, json!({ "handle": null, "name": "L**" }));

    freeze(&world, &wei, "frozen").await;
    let refused = post(&world, &wei, PATH, "self", &body(&to, "10.00")).await;
    refused.assert_problem(403, "payer_unavailable", "final");
    freeze(&world, &wei, "active").await;

    let test = world.payer_in("test", "Mei", "5.00").await;
    let there = receive_code(&world, &test).await;
    let apart = post(&world, &wei, PATH, "mode", &body(&there, "1.00")).await;
    apart.assert_problem(422, "unknown_recipient", "final");
    let path = format!("/v1/operator/devices/{}/revoke", wei.device.key_id());
    assert_eq!(world.operator_post(&path, json!({})).await.status, 204);
    let revoked = post(&world, &wei, PATH, "gone", &body(&to, "1.00")).await;
    revoked.assert_problem(401, "unauthorized", "retry");
    assert_eq!(wei.device.key_id().to_string().len(), 16);
    assert_books_are_right(world).await;
}

/// Sets a payer's state beside the server.
pub(crate) async fn freeze(world: &World, phone: &Phone, state: &str) {
    let digits = phone.payer.strip_prefix("payer_").unwrap();
    let id = DATABASE.choose("hex(id)", "upper(encode(id, 'hex'))");
    let sql = format!("update payers set state = '{state}' where {id} = upper('{digits}')");
    let mut database = world.database().await;
    sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(&mut database).await.unwrap();
}

#[tokio::test]
async fn what_makes_no_sense_is_refused_by_name() {
    let world = World::start(DATABASE, 1006).await;
    let [wei, li] = pair(&world, ["50.00", "1.00"]).await;
    let to = receive_code(&world, &li).await;
    let before = world.standing().await;
    let good = body(&to, "10.00");
    let with = |field: &str, value: Value| {
        let mut body = good.clone();
        body[field] = value;
        body
    };
    for (body, pointer) in [
        (with("amount", json!("0.00")), "/amount"),
        (with("amount", json!("-1.00")), "/amount"),
        (with("amount", json!("0.001")), "/amount"),
        (with("amount", json!(10)), "/amount"),
        (with("currency", json!("BTC")), "/currency"),
        (with("receive_code", json!("wallet:receive:00")), "/receive_code"),
        (with("receive_code", json!(to.to_uppercase())), "/receive_code"),
        (with("handle", json!("li")), ""),
        (with("receive_code", Value::Null), ""),
        (with("note", json!("")), "/note"),
        (with("note", json!("x".repeat(101))), "/note"),
        (with("note", json!("a\nb")), "/note"),
        (with("pin", json!("12345")), "/pin"),
        (with("pin", json!(135_790)), "/pin"),
        (with("more", json!(1)), "/more"),
    ] {
        let answer = post(&world, &wei, PATH, "k", &body).await;
        answer.assert_points_at(pointer);
    }
    let dollars = with("currency", json!("USD"));
    let refused = post(&world, &wei, PATH, "usd", &dollars).await;
    refused.assert_problem(422, "currency_mismatch", "final");
    let keyless = wei.post(&world, PATH, good.clone()).await;
    keyless.assert_problem(400, "idempotency_key_missing", "retry");
    for (body, pointer) in [
        (json!({}), ""),
        (json!({ "handle": "" }), "/handle"),
        (json!({ "receive_code": "x" }), "/receive_code"),
        (json!({ "handle": "li", "receive_code": to }), ""),
    ] {
        wei.post(&world, "/v1/wallet/recipients", body).await.assert_points_at(pointer);
    }
    assert_eq!(world.standing().await, before.with_one_more_answer());
}

#[tokio::test]
async fn a_device_that_tries_many_handles_has_to_wait() {
    let world = World::start(DATABASE, 1007).await;
    let [wei, li] = pair(&world, ["50.00", "1.00"]).await;
    for n in 0..30 {
        let name = json!({ "handle": format!("guess{n}") });
        let answer = wei.post(&world, "/v1/wallet/recipients", name).await;
        answer.assert_problem(422, "unknown_recipient", "final");
    }
    let name = json!({ "handle": "li" });
    let answer = wei.post(&world, "/v1/wallet/recipients", name.clone()).await;
    answer.assert_problem(429, "too_many_requests", "retry");
    assert_eq!(answer.headers["retry-after"], "61");
    // To choose a handle tells as well whether it is somebody's.
    let chosen = wei.send(&world, "PUT", "/v1/wallet/handle", json!({ "handle": "lili" })).await;
    chosen.assert_problem(429, "too_many_requests", "retry");
    let other = li.post(&world, "/v1/wallet/recipients", name.clone()).await;
    other.assert_problem(422, "unknown_recipient", "final");
    world.advance_seconds(60);
    let answer = wei.post(&world, "/v1/wallet/recipients", name).await;
    answer.assert_problem(422, "unknown_recipient", "final");
}

#[tokio::test]
async fn what_a_payer_has_is_given_away_once_however_many_ask_at_once() {
    let world = World::start(DATABASE, 1008).await;
    let [wei, li] = pair(&world, ["100.00", "0"]).await;
    let to = body(&receive_code(&world, &li).await, "10.00");
    let mut phones = Vec::new();
    for n in 0..6 {
        phones.push(wei.another(&world, &format!("phone {n}")).await);
    }
    // Every phone asks for the same twelve transfers.
    let asked = phones.iter().map(async |phone| {
        let mut answers = Vec::new();
        for n in 0..12 {
            answers.push(post(&world, phone, PATH, &format!("k-{n}"), &to).await);
        }
        answers
    });
    let answers = at_once(asked).await;
    let given = answers.iter().flatten().filter(|a| a.status == 201 && !a.replayed).count();
    assert_eq!(given, 10);
    for phone in &answers {
        let texts = |answers: &[Answer]| answers.iter().map(|a| a.text.clone()).collect::<Vec<_>>();
        assert_eq!(texts(phone), texts(&answers[0]));
    }
    assert_eq!([wei.balance(&world).await, li.balance(&world).await], ["0.00", "100.00"]);
    assert_books_are_right(world).await;
}

#[tokio::test]
async fn a_transfer_whose_answer_cannot_be_read_again_is_not_said_to_have_done_nothing() {
    let world = World::start(DATABASE, 1015).await;
    let [wei, li] = pair(&world, ["50.00", "1.00"]).await;
    let request = body(&receive_code(&world, &li).await, "12.50");
    let _ = post(&world, &wei, PATH, "t-1", &request).await.created();
    let bytes = if world.postgres().is_some() { r"'\x00'" } else { "x'00'" };
    let spoil = format!("update idempotency_keys set shown = {bytes} where shown is not null");
    let mut database = world.database().await;
    sqlx::raw_sql(sqlx::AssertSqlSafe(spoil)).execute(&mut database).await.unwrap();
    let again = post(&world, &wei, PATH, "t-1", &request).await;
    again.assert_problem(500, "internal", "unknown");
    assert!(!again.text("/detail").contains("nothing"), "{}", again.text);
    assert_eq!([wei.balance(&world).await, li.balance(&world).await], ["37.50", "13.50"]);
}
