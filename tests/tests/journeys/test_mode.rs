//! Codes for tests: each comes to its outcome by the way that every payment goes, and a test is the
//! payer's phone, or the time.

use std::time::Duration;

use crate::DATABASE;
use reqwest::StatusCode;
use serde_json::{Value, json};
use wallet_tests::{Answer, Charge, Till, World};

use super::transfers::assert_books_are_right;

/// The outcomes of which the till hears at once: the status and the code or state, and whether
/// there is a payment.
const AT_ONCE: [(&str, u16, &str, bool); 15] = [
    ("succeeded", 201, "succeeded", true),
    ("insufficient_funds", 402, "insufficient_funds", true),
    ("declined_by_limit", 402, "declined_by_limit", true),
    ("payer_unavailable", 402, "payer_unavailable", true),
    ("device_revoked", 402, "device_revoked", true),
    ("over_code_limit", 402, "over_code_limit", true),
    ("currency_mismatch", 402, "currency_mismatch", true),
    ("requires_confirmation", 201, "requires_confirmation", true),
    ("confirmed", 201, "requires_confirmation", true),
    ("refused", 201, "requires_confirmation", true),
    ("confirmation_timeout", 201, "requires_confirmation", true),
    ("code_expired", 422, "code_expired", false),
    ("code_used", 422, "code_used", false),
    ("invalid_code", 422, "invalid_code", false),
    ("clock_skew", 409, "clock_skew", false),
];

/// A world with the issuer's usual limits, and a merchant in test mode.
pub(crate) async fn scene(seed: u64, changes: &[(&str, &str)]) -> (World, Till) {
    let world = World::start_with(DATABASE, seed, changes).await;
    let till = test_till(&world).await;
    (world, till)
}

pub(crate) async fn test_till(world: &World) -> Till {
    world.merchant_with(json!({ "name": "Test House", "mode": "test" })).await
}

pub(crate) async fn ask(till: &Till, body: Value) -> Answer {
    till.post("/v1/test/codes", &[], body.to_string()).await
}

/// A code that comes to an outcome.
pub(crate) async fn code(till: &Till, outcome: &str) -> String {
    ask(till, json!({ "outcome": outcome })).await.created().text("/code").to_owned()
}

/// A charge of a code that comes to an outcome.
pub(crate) async fn charge(till: &Till, outcome: &str, reference: &str) -> Answer {
    till.charge(&Charge::new(reference, &code(till, outcome).await, "12.50")).await
}

pub(crate) async fn decide(till: &Till, payment: &Answer, what: &str, key: &str) -> Answer {
    let path = format!("/v1/test/payments/{}/{what}", payment.text("/id"));
    till.post(&path, &[("idempotency-key", key)], "").await
}

/// The payment as soon as it does not wait any more.
pub(crate) async fn decided(till: &Till, payment: &Answer) -> Answer {
    let path = format!("/v1/payments/{}?wait=25", payment.text("/id"));
    let look = async {
        loop {
            let answer = till.get(&path).await;
            if answer.text("/state") != "requires_confirmation" {
                return answer;
            }
        }
    };
    tokio::time::timeout(Duration::from_mins(1), look).await.expect("it is decided")
}

#[tokio::test]
async fn every_code_comes_to_its_outcome() {
    let (world, till) = scene(1401, &[]).await;
    for (outcome, status, heard, has_payment) in AT_ONCE {
        let asked = ask(&till, json!({ "outcome": outcome })).await.created();
        let said = ["/object", "/mode", "/outcome"].map(|field| asked.text(field));
        assert_eq!(said, ["test_code", "test", outcome]);
        assert_eq!(asked.text("/code").len(), 321);
        let answer = till.charge(&Charge::new(outcome, asked.text("/code"), "12.50")).await;
        assert_eq!((answer.status.as_u16(), answer.outcome()), (status, heard), "{}", answer.text);
        let payments = till.get(&format!("/v1/payments?reference={outcome}")).await;
        let found = payments.json["data"].as_array().unwrap().len();
        assert_eq!(found, usize::from(has_payment), "{outcome}: {}", payments.text);
    }
    assert_books_are_right(world).await;
}

#[tokio::test]
async fn the_list_of_outcomes_is_that_of_the_codes() {
    let (_world, till) = scene(1402, &[]).await;
    let list = till.get("/v1/test/outcomes").await;
    let rows = list.json["data"].as_array().unwrap();
    let listed: Vec<&str> = rows.iter().map(|row| row["outcome"].as_str().unwrap()).collect();
    let mut known: Vec<&str> = AT_ONCE.iter().map(|case| case.0).collect();
    known.push("lost_answer");
    assert_eq!(listed.len(), known.len(), "{listed:?}");
    assert!(known.iter().all(|outcome| listed.contains(outcome)), "{listed:?}");
    assert!(rows.iter().all(|row| row["description"].as_str().is_some_and(|it| !it.is_empty())));
    let first = till.get("/v1/test/outcomes?limit=10").await;
    assert_eq!((&first.json["has_more"], first.text("/next")), (&json!(true), listed[9]));
    let rest = till.get(&format!("/v1/test/outcomes?limit=10&after={}", listed[9])).await;
    let rest_rows = rest.json["data"].as_array().unwrap();
    assert_eq!(
        (rest_rows.len(), &rest_rows[0]["outcome"]),
        (listed.len() - 10, &json!(listed[10]))
    );
    for (query, pointer) in
        [("?after=nothing", "/after"), ("?limit=0", "/limit"), ("?page=2", "/page")]
    {
        till.get(&format!("/v1/test/outcomes{query}")).await.assert_points_at(pointer);
    }
}

#[tokio::test]
async fn payers_of_tests_confirm_and_refuse_by_themselves() {
    let (mut world, till) = scene(1403, &[]).await;
    let confirmed = charge(&till, "confirmed", "order-1").await.created();
    let refused = charge(&till, "refused", "order-2").await.created();
    assert_eq!(decided(&till, &confirmed).await.outcome(), "succeeded");
    let refused = decided(&till, &refused).await;
    let why = (refused.text("/state"), refused.text("/decline_code"));
    assert_eq!(why, ("declined", "refused_by_payer"));
    assert_eq!(till.balance().await, "12.50");

    // What they have to do stands in the books: a restart does not make them forget.
    let code = code(&till, "confirmed").await;
    world.restart().await;
    let till = till.at(&world);
    let late = till.charge(&Charge::new("order-3", &code, "12.50")).await.created();
    assert_eq!(decided(&till, &late).await.outcome(), "succeeded");
    assert_books_are_right(world).await;
}

#[tokio::test]
async fn a_test_decides_for_the_payer_and_the_time_once() {
    let (world, till) = scene(1404, &[]).await;
    for (number, what, state) in
        [(1, "confirm", "succeeded"), (2, "refuse", "declined"), (3, "expire", "expired")]
    {
        let outcome =
            if what == "expire" { "confirmation_timeout" } else { "requires_confirmation" };
        let payment = charge(&till, outcome, &format!("order-{number}")).await.created();
        let done = decide(&till, &payment, what, &format!("k-{number}")).await;
        assert_eq!((done.status, done.text("/state")), (StatusCode::OK, state), "{}", done.text);
        let again = decide(&till, &payment, what, &format!("k-{number}")).await;
        assert_eq!((&again.text, again.replayed), (&done.text, true));
        for (other, key) in [("confirm", "c"), ("refuse", "r"), ("expire", "e")] {
            let late = decide(&till, &payment, other, &format!("{key}-{number}")).await;
            late.assert_problem(409, "payment_closed", "retry");
            assert_eq!(late.text("/payment/state"), state);
        }
    }
    let payment = charge(&till, "requires_confirmation", "order-4").await.created();
    let other = decide(&till, &payment, "confirm", "k-1").await;
    other.assert_problem(422, "idempotency_key_reused", "retry");
    assert_eq!(till.balance().await, "12.50");
    assert_books_are_right(world).await;
}

#[tokio::test]
async fn what_is_held_for_a_capture_ends_when_a_test_says_so() {
    let (world, till) = scene(1411, &[]).await;
    let held = async |outcome: &str, reference: &str| {
        let charge = Charge::new(reference, &code(&till, outcome).await, "12.50");
        till.charge(&charge.with("capture", "manual")).await.created()
    };
    let payment = held("succeeded", "order-1").await;
    assert_eq!(payment.outcome(), "authorized");
    for what in ["confirm", "refuse"] {
        let answer = decide(&till, &payment, what, what).await;
        answer.assert_problem(409, "payment_closed", "retry");
    }
    let expired = decide(&till, &payment, "expire", "k-1").await;
    assert_eq!((expired.status, expired.outcome()), (StatusCode::OK, "expired"));
    let capture = format!("/v1/payments/{}/capture", payment.text("/id"));
    let late = till.post(&capture, &[("idempotency-key", "c-1")], "").await;
    late.assert_problem(409, "payment_closed", "retry");

    let confirmed = held("confirmed", "order-2").await;
    assert_eq!(decided(&till, &confirmed).await.outcome(), "authorized");
    let capture = format!("/v1/payments/{}/capture", confirmed.text("/id"));
    let captured = till.post(&capture, &[("idempotency-key", "c-2")], "").await;
    assert_eq!((captured.status, captured.outcome()), (StatusCode::OK, "succeeded"));
    let done = decide(&till, &confirmed, "expire", "k-2").await;
    done.assert_problem(409, "payment_closed", "retry");
    assert_books_are_right(world).await;
}

#[tokio::test]
async fn an_answer_is_lost_once_and_the_payment_made_once() {
    let (world, till) = scene(1405, &[]).await;
    let charge = Charge::new("order-1", &code(&till, "lost_answer").await, "12.50");
    till.charge(&charge).await.assert_problem(500, "internal", "unknown");
    let again = till.charge(&charge).await;
    assert_eq!((again.status.as_u16(), again.outcome()), (201, "succeeded"), "{}", again.text);
    assert!(again.replayed);
    assert_eq!(till.charge(&charge).await.text, again.text);
    assert_eq!(till.balance().await, "12.50");
    assert_books_are_right(world).await;
}

#[tokio::test]
async fn the_tests_of_many_do_not_use_up_one_anothers_payers() {
    // With the limits that payers have, one who paid for all would soon be asked, and then declined.
    let (world, till) = scene(1406, &[("confirmation.same_amount_seconds", "60")]).await;
    let other = test_till(&world).await;
    for round in 0..15 {
        for till in [&till, &other] {
            let code = code(till, "succeeded").await;
            let charge = Charge::new(&format!("order-{round}"), &code, "999.99");
            assert_eq!(till.charge(&charge).await.created().outcome(), "succeeded");
        }
    }
    assert_books_are_right(world).await;
}

#[tokio::test]
async fn a_code_allows_what_was_asked_for_and_its_payer_has_no_more() {
    let (world, till) = scene(1407, &[]).await;
    let asked = ask(&till, json!({ "outcome": "succeeded" })).await.created();
    assert_eq!((asked.text("/limit"), asked.text("/currency")), ("1000.00", "CNY"));
    assert_eq!(asked.text("/expires_at"), "2027-01-15T08:01:00.000Z");
    let body = json!({ "outcome": "confirmed", "limit": "50.00" });
    let limited = ask(&till, body).await.created();
    assert_eq!(limited.text("/limit"), "50.00");
    let over = till.charge(&Charge::new("order-1", limited.text("/code"), "50.01")).await;
    over.assert_problem(402, "over_code_limit", "final");
    for (body, pointer) in [
        (json!({ "outcome": "succeeded", "limit": "1000.01" }), "/limit"),
        (json!({ "outcome": "succeeded", "limit": "0.00" }), "/limit"),
        (json!({ "outcome": "succeeded", "limit": "1.001" }), "/limit"),
        (json!({ "outcome": "succeeded", "limit": "-1.00" }), "/limit"),
        (json!({ "outcome": "succeeded", "limit": 5 }), "/limit"),
        (json!({ "outcome": "Succeeded" }), "/outcome"),
        (json!({ "outcome": "" }), "/outcome"),
        (json!({ "outcome": 1 }), "/outcome"),
        (json!({}), ""),
        (json!({ "outcome": "succeeded", "amount": "1.00" }), "/amount"),
    ] {
        ask(&till, body).await.assert_points_at(pointer);
    }
    let one_fen = code(&till, "over_code_limit").await;
    let one_fen = till.charge(&Charge::new("order-2", &one_fen, "0.01")).await;
    one_fen.assert_problem(402, "insufficient_funds", "final");
    assert_books_are_right(world).await;
}

#[tokio::test]
async fn rules_that_leave_no_room_for_an_outcome_are_named() {
    let (_world, till) = scene(1408, &[("limits.without_pin_count", "0")]).await;
    let body = json!({ "outcome": "succeeded" });
    ask(&till, body).await.assert_problem(409, "outcome_impossible", "final");
    assert_eq!(charge(&till, "confirmed", "order-1").await.outcome(), "requires_confirmation");
}

#[tokio::test]
async fn a_payer_with_a_phone_decides_there_and_time_passes_for_everybody() {
    let (world, till) = scene(1409, &[("limits.new_payers.without_pin", "100.00")]).await;
    let mut phone = world.payer_in("test", "Wei", "500.00").await;
    let code = phone.code(&world, "200.00");
    let payment = till.charge(&Charge::new("order-1", &code, "150.00")).await.created();
    for what in ["confirm", "refuse"] {
        let answer = decide(&till, &payment, what, what).await;
        answer.assert_problem(409, "payer_decides", "retry");
    }
    assert_eq!(decide(&till, &payment, "expire", "e").await.outcome(), "expired");
    assert_eq!(phone.balance(&world).await, "500.00");
    assert_books_are_right(world).await;
}

#[tokio::test]
async fn what_a_test_may_not_do_is_refused_and_moves_nothing() {
    let (world, till) = scene(1410, &[]).await;
    let live = world.merchant("Tea House").await;
    let stranger = test_till(&world).await;
    let payment = charge(&till, "requires_confirmation", "order-1").await.created();
    let before = world.standing().await;
    let reading = {
        let path = format!("/v1/operator/merchants/{}/api_keys", till.merchant);
        let key = world.operator_post(&path, json!({ "scopes": ["read"] })).await.created();
        till.with_key(key.text("/secret"))
    };
    let body = json!({ "outcome": "succeeded" });
    ask(&live, body.clone()).await.assert_problem(403, "test_mode_only", "retry");
    ask(&reading, body.clone()).await.assert_problem(403, "forbidden", "retry");
    ask(&till.with_key("sk_test_0"), body).await.assert_problem(401, "unauthorized", "retry");
    let unknown = format!("pay_{}", "0".repeat(32));
    for what in ["confirm", "refuse", "expire"] {
        let path = format!("/v1/test/payments/{}/{what}", payment.text("/id"));
        let missing = till.post(&path, &[], "").await;
        missing.assert_problem(400, "idempotency_key_missing", "retry");
        let key = [("idempotency-key", "k")];
        till.post(&path, &key, "{\"pin\":\"1\"}").await.assert_points_at("/pin");
        reading.post(&path, &key, "").await.assert_problem(403, "forbidden", "retry");
        stranger.post(&path, &key, "").await.assert_problem(404, "not_found", "retry");
        live.post(&path, &key, "").await.assert_problem(403, "test_mode_only", "retry");
        for id in [unknown.as_str(), "pay_1"] {
            let path = format!("/v1/test/payments/{id}/{what}");
            till.post(&path, &key, "").await.assert_problem(404, "not_found", "retry");
        }
    }
    assert_eq!(world.standing().await, before);
    assert_books_are_right(world).await;
}
