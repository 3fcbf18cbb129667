//! Every refusal of a payment code, as a till hears it: its status, its code, what may be
//! concluded from it, and that nothing moved.

use crate::DATABASE;
use serde_json::Value;
use wallet_core::code::{CodeLimit, CodeTerms};
use wallet_core::{Currency, Money};
use wallet_tests::{Answer, Charge, Phone, Standing, Till, World};

/// A shop, a payer with 500.00 CNY, and their world.
async fn scene(seed: u64) -> (World, Till, Phone) {
    let world = World::start(DATABASE, seed).await;
    let till = world.merchant("Tea House").await;
    let phone = world.payer("Wei", "500.00").await;
    (world, till, phone)
}

/// Checks that a code was refused as not ours, and that this left no trace at all.
async fn assert_invalid(world: &World, till: &Till, code: &str) {
    let before = world.standing().await;
    let answer = till.charge(&Charge::new("order-1", code, "12.50")).await;
    answer.assert_problem(422, "invalid_code", "final");
    answer.assert_tells_nothing_internal();
    assert_eq!(answer.text("/detail"), "This is not a payment code that works here.");
    assert_eq!(answer.json.get("payment"), None);
    assert_eq!(world.standing().await, before, "{code}");
}

#[tokio::test]
async fn texts_that_are_no_code_are_all_the_same_to_a_merchant() {
    let (world, till, mut phone) = scene(1).await;
    let code = phone.code(&world, "200.00");
    let digits = &code[2..];
    let mut texts = vec![
        String::new(),
        "7".to_owned(),
        "70".to_owned(),
        format!("71{digits}"),
        code[..320].to_owned(),
        format!("{code}0"),
        format!(" {code}"),
        format!("{code}\n"),
        code.replace('1', "l"),
        code.replace('1', "１"),
        format!("70{}", "9".repeat(319)),
        format!("70{}", "0".repeat(319)),
        "7".repeat(20_000),
    ];
    // One digit another: in the header, the encapsulated key, the ciphertext, the tag.
    texts.extend([4, 40, 200, 320].map(|position| {
        let other = if &code[position..=position] == "5" { "6" } else { "5" };
        format!("{}{other}{}", &code[..position], &code[position + 1..])
    }));
    for text in &texts {
        assert_invalid(&world, &till, text).await;
    }
    // Neither the code nor the reference nor the key is spent.
    let _ = till.charge(&Charge::new("order-1", &code, "12.50")).await.created();
}

#[tokio::test]
async fn every_negative_code_of_the_vectors_is_refused_here_too() {
    let (world, till, _) = scene(2).await;
    let vectors: Value =
        serde_json::from_str(include_str!("../../vectors/payment-code.json")).unwrap();
    let before = world.standing().await;
    for case in vectors["negative"].as_array().unwrap() {
        let code = case["digits"].as_str().unwrap();
        let answer = till.charge(&Charge::new("order-1", code, "12.50")).await;
        answer.assert_problem(422, "invalid_code", "final");
    }
    assert_eq!(world.standing().await, before);
}

#[tokio::test]
async fn another_issuers_code_is_refused() {
    let (world, till, _) = scene(3).await;
    let elsewhere = World::start(DATABASE, 4).await;
    let mut stranger = elsewhere.payer("Wei", "500.00").await;
    assert_invalid(&world, &till, &stranger.code(&elsewhere, "200.00")).await;
}

#[tokio::test]
async fn test_codes_and_live_keys_do_not_meet() {
    let (world, live_till, mut live_phone) = scene(5).await;
    let body = serde_json::json!({ "name": "Tea House", "mode": "test" });
    let test_till = world.merchant_with(body).await;
    let mut test_phone = world.payer_in("test", "Lin", "500.00").await;
    let (live_code, test_code) =
        (live_phone.code(&world, "200.00"), test_phone.code(&world, "200.00"));
    assert_invalid(&world, &live_till, &test_code).await;
    assert_invalid(&world, &test_till, &live_code).await;

    let _ = live_till.charge(&Charge::new("order-1", &live_code, "12.50")).await.created();
    let payment = test_till.charge(&Charge::new("order-1", &test_code, "1.00")).await.created();
    assert_eq!(payment.text("/mode"), "test");
    assert_eq!((live_till.balance().await, test_till.balance().await).0, "12.50");
    assert_eq!(test_phone.balance(&world).await, "499.00");
}

#[tokio::test]
async fn a_code_from_the_future_is_a_clock_that_is_wrong_and_works_when_its_time_has_come() {
    let (world, till, mut phone) = scene(6).await;
    let code = phone.code_at(world.now().plus_millis(60_000), "200.00");
    let charge = Charge::new("order-1", &code, "12.50");
    let before = world.standing().await;
    let answer = till.charge(&charge).await;
    answer.assert_problem(409, "clock_skew", "retry");
    assert_eq!(answer.text("/server_time"), "2027-01-15T08:00:07.000Z");
    assert_eq!(world.standing().await, before);
    // Nothing is kept: the same request, to the byte, succeeds later.
    world.advance_seconds(30);
    let payment = till.charge(&charge).await.created();
    assert!(!payment.replayed);
}

#[tokio::test]
async fn an_expired_code_leaves_its_reference_free_for_the_next_one() {
    let (world, till, mut phone) = scene(7).await;
    let code = phone.code(&world, "200.00");
    world.advance_seconds(60);
    let before = world.standing().await;
    let charge = Charge::new("order-1", &code, "12.50");
    let first = till.charge(&charge).await;
    first.assert_problem(422, "code_expired", "final");
    let again = till.charge(&charge).await;
    assert!(again.replayed);
    again.assert_problem(422, "code_expired", "final");
    assert_eq!(world.standing().await, before.with_one_more_answer());
    assert_eq!(till.get("/v1/payments?reference=order-1").await.json["data"], Value::Array(vec![]));

    let next = phone.code(&world, "200.00");
    let rescanned = Charge::new("order-1", &next, "12.50").key("rescan");
    assert_eq!(till.charge(&rescanned).await.created().text("/reference"), "order-1");
    assert_eq!(phone.balance(&world).await, "487.50");
}

#[tokio::test]
async fn a_code_lives_from_one_step_before_to_one_step_after() {
    let (world, till, mut phone) = scene(8).await;
    // The world begins seven seconds into a step.
    for (number, (seconds, outcome)) in [
        (-38, "code_expired"),
        (-37, "succeeded"),
        (0, "succeeded"),
        (52, "succeeded"),
        (53, "clock_skew"),
    ]
    .into_iter()
    .enumerate()
    {
        let code = phone.code_at(world.now().plus_millis(seconds * 1000), "200.00");
        let answer = till.charge(&Charge::new(&format!("order-{number}"), &code, "1.00")).await;
        assert_eq!(answer.outcome(), outcome, "{seconds} s from now");
    }
    assert_eq!(phone.balance(&world).await, "497.00");
}

#[tokio::test]
async fn a_used_code_is_used_for_every_merchant() {
    let (world, till, mut phone) = scene(9).await;
    let other = world.merchant("Noodle Bar").await;
    let code = phone.code(&world, "200.00");
    let _ = till.charge(&Charge::new("order-1", &code, "12.50")).await.created();
    let before = world.standing().await;
    for (till, reference) in [(&till, "order-2"), (&other, "order-1")] {
        let answer = till.charge(&Charge::new(reference, &code, "12.50")).await;
        answer.assert_problem(422, "code_used", "final");
        assert_eq!(answer.json.get("payment"), None);
        let path = format!("/v1/payments?reference={reference}");
        let found = till.get(&path).await.json["data"].as_array().unwrap().len();
        assert_eq!(found, usize::from(reference == "order-1" && till.merchant != other.merchant));
    }
    // At the other till somebody has shown a copy: the payer is told.
    let (entries, events) = before.journal;
    let told = Standing { journal: (entries, events + 1), ..before };
    assert_eq!(world.standing().await, told.with_one_more_answer().with_one_more_answer());
}

/// Checks a declined payment: no money moved, it can be found, its reference is taken, its code
/// is burned.
async fn assert_declined(world: &World, till: &Till, code: &str, charge: &Charge, reason: &str) {
    let before = world.standing().await;
    let answer: Answer = till.charge(charge).await;
    answer.assert_problem(402, reason, "final");
    answer.assert_tells_nothing_internal();
    let payment = &answer.json["payment"];
    assert_eq!((&payment["state"], &payment["decline_code"]), (&"declined".into(), &reason.into()));
    for field in ["amount_settled", "amount_refunded", "fee", "net"] {
        assert_eq!(payment[field], "0.00", "{field} of {payment}");
    }
    let after = world.standing().await;
    assert_eq!(after.balances, before.balances);
    assert_eq!((after.payments, after.references), (before.payments + 1, before.references + 1));
    assert_ne!(after.marks, before.marks);

    let id = payment["id"].as_str().unwrap();
    assert_eq!(till.get(&format!("/v1/payments/{id}")).await.json, *payment);
    let reference = charge.body["reference"].as_str().unwrap();
    let found = till.get(&format!("/v1/payments?reference={reference}")).await;
    assert_eq!(found.json["data"], serde_json::json!([payment]));
    let again = till.charge(charge).await;
    assert!(again.replayed);
    assert_eq!(again.json["payment"], *payment);
    let taken = till.charge(&charge.clone().with("amount", "0.01").key("other amount")).await;
    taken.assert_problem(400, "idempotency_key_missing", "retry");
    let taken = till.charge(&charge.clone().with("amount", "0.01").key("other-amount")).await;
    taken.assert_problem(409, "reference_conflict", "retry");
    assert_eq!(taken.json["payment"], *payment, "whoever asks again learns what there is");
    let burned = till.charge(&Charge::new(&format!("{reference}-again"), code, "0.01")).await;
    burned.assert_problem(422, "code_used", "final");
}

#[tokio::test]
async fn a_declined_payment_takes_its_reference_and_burns_its_code() {
    let (world, till, mut phone) = scene(10).await;
    let code = phone.code(&world, "100.00");
    let charge = Charge::new("over-code", &code, "100.01");
    assert_declined(&world, &till, &code, &charge, "over_code_limit").await;

    let dollars = Money::parse("20.00", Currency::from_code("USD").unwrap()).unwrap();
    let terms = CodeTerms::up_to(CodeLimit::new(dollars).unwrap());
    let code = phone.code_with(world.now(), &terms);
    let charge = Charge::new("dollars", &code, "12.50");
    assert_declined(&world, &till, &code, &charge, "currency_mismatch").await;

    let code = phone.code(&world, "300.00");
    let charge = Charge::new("over-payment", &code, "200.01");
    assert_declined(&world, &till, &code, &charge, "declined_by_limit").await;

    let mut poor = world.payer("Lin", "10.00").await;
    let code = poor.code(&world, "200.00");
    let charge = Charge::new("poor", &code, "10.01");
    assert_declined(&world, &till, &code, &charge, "insufficient_funds").await;

    let code = phone.code(&world, "200.00");
    let path = format!("/v1/operator/devices/{}/revoke", phone.device.key_id());
    assert_eq!(world.operator_post(&path, Value::Null).await.status, 204);
    let charge = Charge::new("revoked", &code, "12.50");
    assert_declined(&world, &till, &code, &charge, "device_revoked").await;
}

#[tokio::test]
async fn the_days_limit_holds_until_midnight_in_shanghai() {
    let world = World::start_with(DATABASE, 11, &[("limits.day", "300.00")]).await;
    let till = world.merchant("Tea House").await;
    let mut phone = world.payer("Wei", "900.00").await;
    for (number, (amount, outcome, seconds_after)) in [
        ("200.00", "succeeded", 0),
        ("100.01", "declined_by_limit", 0),
        // A declined payment used up nothing of the day.
        ("100.00", "succeeded", 0),
        // From 08:00:07 to the last second before 16:00 UTC, which is midnight in Shanghai.
        ("0.01", "declined_by_limit", 8 * 3600 - 8),
        ("0.01", "declined_by_limit", 1),
        ("200.00", "succeeded", 0),
    ]
    .into_iter()
    .enumerate()
    {
        let code = phone.code(&world, "200.00");
        let answer = till.charge(&Charge::new(&format!("order-{number}"), &code, amount)).await;
        assert_eq!(answer.outcome(), outcome, "{number}: {}", answer.text);
        world.advance_seconds(seconds_after);
    }
    assert_eq!(phone.balance(&world).await, "400.00");
    let left = phone.get(&world, "/v1/wallet/balance").await;
    assert_eq!(left.text("/limits/day_left"), "100.00");
}
