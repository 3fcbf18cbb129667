//! Plates: printed codes that are paid many times.

use serde_json::{Value, json};
use wallet_tests::{Answer, PIN, Till, World};

use crate::DATABASE;
use crate::journeys::orders::{look, pay, pay_with_pin, scanned};
use crate::journeys::transfers::assert_books_are_right;

async fn plate(till: &Till, body: Value) -> Answer {
    till.post("/v1/plates", &[], body.to_string()).await
}

#[tokio::test]
async fn a_plate_is_paid_again_and_again_each_time_by_a_payment_of_its_own() {
    let world = World::start(DATABASE, 3101).await;
    let till = world.merchant("Tea House").await;
    let [wei, li] = [world.payer("Wei", "50.00").await, world.payer("Li", "50.00").await];
    let body = json!({ "label": "龙井", "amount": "7.00", "currency": "CNY" });
    let made = plate(&till, body).await.created();
    let expected = json!({ "object": "plate", "mode": "live", "state": "active", "label": "龙井",
        "amount": "7.00", "currency": "CNY", "closed_at": null });
    for (field, value) in expected.as_object().unwrap() {
        assert_eq!(&made.json[field], value, "{}", made.text);
    }
    let seen = look(&world, &wei, scanned(&made)).await;
    let expected = json!({ "object": "merchant_code", "kind": "plate", "id": made.json["id"],
        "merchant": { "id": till.merchant, "name": "Tea House" }, "amount": "7.00",
        "currency": "CNY", "label": "龙井", "description": null, "state": "active",
        "pin": "not_required", "expires_at": null });
    assert_eq!(seen.json, expected);
    let mut last = String::new();
    for (phone, key) in [(&wei, "p-1"), (&wei, "p-2"), (&li, "p-1")] {
        let paid = pay(&world, phone, key, &scanned(&made)).await.created();
        assert_eq!(paid.json["plate"], made.json["id"]);
        let payment = till.get(&format!("/v1/payments/{}", paid.text("/id"))).await;
        assert_eq!(payment.json["reference"], paid.json["id"]);
        assert_eq!(payment.json["code_source"], "plate");
        assert_eq!(
            (&payment.json["plate"], &payment.json["order"]),
            (&made.json["id"], &Value::Null)
        );
        // By its reference it is found and called off like every other.
        let found = till.get(&format!("/v1/payments?reference={}", paid.text("/id"))).await;
        assert_eq!(found.json["data"][0]["id"], paid.json["id"]);
        last = paid.text("/id").to_owned();
    }
    assert_eq!(till.balance().await, "21.00");
    let other = plate(&till, json!({ "label": "other" })).await.created();
    for (code, count) in [(&made, 3), (&other, 0)] {
        let path = format!("/v1/payments?plate={}", code.text("/id"));
        assert_eq!(till.get(&path).await.json["data"].as_array().unwrap().len(), count);
    }
    till.get("/v1/payments?plate=plt_1").await.assert_points_at("/plate");
    let undone = till.cancel_reference(&last, "u-1").await;
    assert_eq!(undone.json["payment"]["state"], "canceled", "{}", undone.text);
    assert_eq!((li.balance(&world).await, till.balance().await), ("50.00".into(), "14.00".into()));
    assert_books_are_right(world).await;
}

#[tokio::test]
async fn an_open_plate_takes_what_the_payer_says_and_a_fixed_one_nothing_else() {
    let world = World::start(DATABASE, 3102).await;
    let till = world.merchant("Tea House").await;
    let phone = world.payer("Wei", "50.00").await;
    let open = plate(&till, json!({ "label": "stall 3" })).await.created();
    let fixed = json!({ "label": "tea", "amount": "7.00", "currency": "CNY" });
    let fixed = plate(&till, fixed).await.created();
    assert_eq!((&open.json["amount"], open.text("/currency")), (&Value::Null, "CNY"));
    let with = |code: &Answer, amount: &str, currency: &str| json!({ "code": code.text("/payload"), "amount": amount, "currency": currency });
    let missing = pay(&world, &phone, "p-1", &scanned(&open)).await;
    missing.assert_problem(422, "amount_missing", "retry");
    let dollars = pay(&world, &phone, "p-1", &with(&open, "5.00", "USD")).await;
    dollars.assert_problem(422, "wrong_amount", "retry");
    for (amount, currency) in [("6.99", "CNY"), ("7.00", "USD")] {
        let wrong = pay(&world, &phone, "p-1", &with(&fixed, amount, currency)).await;
        wrong.assert_problem(422, "wrong_amount", "retry");
    }
    assert_eq!(phone.balance(&world).await, "50.00");
    let _ = pay(&world, &phone, "p-1", &with(&open, "5.00", "CNY")).await.created();
    let _ = pay(&world, &phone, "p-2", &with(&fixed, "7.00", "CNY")).await.created();
    assert_eq!(phone.balance(&world).await, "38.00");
    assert_books_are_right(world).await;
}

#[tokio::test]
async fn what_is_paid_by_plates_stays_under_its_daily_limit_with_and_without_the_pin() {
    let changes = [("limits.proof.static", "30.00")];
    let world = World::start_with(DATABASE, 3103, &changes).await;
    let till = world.merchant("Tea House").await;
    let phone = world.payer("Wei", "500.00").await;
    phone.set_pin(&world).await;
    let made = plate(&till, json!({ "label": "stall 3" })).await.created();
    let body = |amount: &str| json!({ "code": made.text("/payload"), "amount": amount, "currency": "CNY" });
    let _ = pay(&world, &phone, "p-1", &body("20.00")).await.created();
    let refused = pay(&world, &phone, "p-2", &body("10.01")).await;
    refused.assert_problem(402, "declined_by_limit", "final");
    assert_eq!((refused.text("/limit"), refused.text("/remaining")), ("proof", "10.00"));
    let refused = pay_with_pin(&world, &phone, "p-3", &body("10.01"), PIN).await;
    refused.assert_problem(402, "declined_by_limit", "final");
    let _ = pay_with_pin(&world, &phone, "p-4", &body("10.00"), PIN).await.created();
    world.advance_seconds(86_400);
    let _ = pay(&world, &phone, "p-5", &body("30.00")).await.created();
    assert_eq!(phone.balance(&world).await, "440.00");
    assert_books_are_right(world).await;
}

#[tokio::test]
async fn a_closed_plate_and_a_plate_of_a_closed_merchant_are_paid_by_nobody() {
    let world = World::start(DATABASE, 3104).await;
    let till = world.merchant("Tea House").await;
    let phone = world.payer("Wei", "50.00").await;
    let body = json!({ "label": "tea", "amount": "7.00", "currency": "CNY" });
    let [closed, other] =
        [plate(&till, body.clone()).await.created(), plate(&till, body).await.created()];
    let path = format!("/v1/plates/{}", closed.text("/id"));
    for _ in 0..2 {
        let answer = till.post(&format!("{path}/close"), &[], "").await;
        assert_eq!((answer.status.as_u16(), answer.text("/state")), (200, "closed"));
        assert_eq!(answer.text("/closed_at"), "2027-01-15T08:00:07.000Z");
        world.advance_seconds(5);
    }
    assert_eq!(till.get(&path).await.text("/state"), "closed");
    assert_eq!(look(&world, &phone, scanned(&closed)).await.text("/state"), "closed");
    let refused = pay(&world, &phone, "p-1", &scanned(&closed)).await;
    refused.assert_problem(409, "plate_closed", "final");

    let _ = pay(&world, &phone, "p-2", &scanned(&other)).await.created();
    let close = format!("/v1/operator/merchants/{}/close", till.merchant);
    let _ = world.operator_post(&close, serde_json::json!({})).await;
    let refused = pay(&world, &phone, "p-3", &scanned(&other)).await;
    refused.assert_problem(422, "merchant_unavailable", "final");
    assert_eq!(phone.balance(&world).await, "43.00");
    let body = json!({ "label": "late", "amount": "7.00", "currency": "CNY" });
    plate(&till, body).await.assert_problem(422, "currency_not_accepted", "final");
    // What was told stays so, whatever becomes of the merchant.
    let again = pay(&world, &phone, "p-3", &scanned(&other)).await;
    assert_eq!((again.replayed, again.text), (true, refused.text));
    assert_books_are_right(world).await;
}

#[tokio::test]
async fn plates_are_their_merchants_own_and_make_sense() {
    let world = World::start(DATABASE, 3105).await;
    let [till, other] = [world.merchant("Tea House").await, world.merchant("Bakery").await];
    for (body, pointer) in [
        (json!({ "label": "" }), "/label"),
        (json!({ "label": "x".repeat(101) }), "/label"),
        (json!({ "label": "tea", "amount": "1.00" }), "/currency"),
        (json!({ "label": "tea", "currency": "CNY" }), "/amount"),
        (json!({ "label": "tea", "amount": "0", "currency": "CNY" }), "/amount"),
        (json!({ "label": "tea", "reference": "r" }), "/reference"),
    ] {
        plate(&till, body).await.assert_points_at(pointer);
    }
    let dollars = json!({ "label": "tea", "amount": "1.00", "currency": "USD" });
    plate(&till, dollars).await.assert_problem(422, "currency_not_accepted", "final");
    let made = plate(&till, json!({ "label": "tea" })).await.created();
    let path = format!("/v1/plates/{}", made.text("/id"));
    for suffix in ["", "/qr.svg", "/qr.png"] {
        let answer = other.get(&format!("{path}{suffix}")).await;
        answer.assert_problem(404, "not_found", "final");
        assert_eq!(till.get(&format!("{path}{suffix}")).await.status, 200);
    }
    let answer = other.post(&format!("{path}/close"), &[], "").await;
    answer.assert_problem(404, "not_found", "final");
    assert_eq!(other.get("/v1/plates").await.json["data"], json!([]));
    assert_eq!(till.get("/v1/plates").await.json["data"][0]["id"], made.json["id"]);
    let svg = till.get(&format!("{path}/qr.svg")).await;
    let medium = wallet_core::qr::Medium::Print;
    let expected = wallet_core::qr::Qr::new(made.text("/payload"), medium).unwrap();
    assert_eq!(svg.text, expected.to_svg());
}

#[tokio::test]
async fn an_attempt_that_is_refused_tells_the_merchant_nothing() {
    let world = World::start(DATABASE, 3106).await;
    let till = world.merchant("Tea House").await;
    let poor = world.payer("Wei", "1.00").await;
    let body = json!({ "label": "tea", "amount": "7.00", "currency": "CNY" });
    let made = plate(&till, body).await.created();
    let refused = pay(&world, &poor, "p-1", &scanned(&made)).await;
    refused.assert_problem(402, "insufficient_funds", "final");
    let _ = world.top_up(&poor.payer, "10.00", "bank-9").await.created();
    // A late repeat of what was refused moves nothing.
    let again = pay(&world, &poor, "p-1", &scanned(&made)).await;
    assert_eq!((again.replayed, again.text), (true, refused.text));
    assert_eq!(till.get("/v1/payments").await.json["data"], json!([]));
    let frozen = poor.post(&world, "/v1/wallet/freeze", Value::Null).await;
    assert_eq!(frozen.status, 200);
    let refused = pay(&world, &poor, "p-2", &scanned(&made)).await;
    refused.assert_problem(403, "payer_unavailable", "final");
    assert_eq!(till.balance().await, "0.00");
    assert_books_are_right(world).await;
}
