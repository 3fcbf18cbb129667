//! The bank is told of many payouts at once.

use serde_json::{Value, json};
use wallet_tests::{Answer, Charge, Till, World, at_once};

use super::payouts::{balance, destination, set_destination, tell};
use super::transfers::assert_books_are_right;
use crate::DATABASE;

const BATCHES: &str = "/v1/operator/payout_batches";

/// Merchants that are owed 30.00 each, and whose accounts the operator knows.
async fn scene(seed: u64, names: &[&str]) -> (World, Vec<Till>) {
    let world = World::start(DATABASE, seed).await;
    let mut tills = Vec::new();
    for name in names {
        let till = world.merchant(name).await;
        let mut phone = world.payer(&format!("payer of {name}"), "50.00").await;
        let code = phone.code(&world, "200.00");
        let charge = Charge::new("order-1", &code, "30.00");
        assert_eq!(till.charge(&charge).await.created().outcome(), "succeeded");
        let mut destination = destination();
        destination["holder"] = json!(format!("{name}, \"Ltd\""));
        assert_eq!(set_destination(&world, &till.merchant, &destination).await.status, 200);
        tills.push(till);
    }
    (world, tills)
}

/// Asks for a payout, a second after the one before: ids of one millisecond are in no order.
async fn ask(world: &World, till: &Till, key: &str, amount: &str) -> String {
    world.advance_seconds(1);
    let body = json!({ "amount": amount, "currency": "CNY" });
    till.ask("/v1/payouts", key, body).await.created().text("/id").to_owned()
}

async fn batch(world: &World, body: Value) -> Answer {
    world.advance_seconds(1);
    world.operator_post(BATCHES, body).await
}

async fn finish(world: &World, id: &str, verb: &str, key: &str, body: Value) -> Answer {
    world.operator_post_under_key(&format!("{BATCHES}/{id}/{verb}"), key, body).await
}

async fn bank_file(world: &World, id: &str) -> Vec<String> {
    let file = world.operator_get(&format!("{BATCHES}/{id}/payouts.csv")).await;
    assert_eq!(file.status, 200, "{}", file.text);
    assert!(file.media_type.starts_with("text/csv"), "{}", file.media_type);
    file.text.split_terminator("\r\n").map(str::to_owned).collect()
}

#[tokio::test]
async fn a_batch_has_the_oldest_payouts_and_the_bank_a_file_of_them() {
    let (world, tills) = scene(3201, &["Tea House", "Noodle Bar"]).await;
    batch(&world, json!({})).await.assert_problem(409, "no_open_payouts", "final");
    let first = ask(&world, &tills[0], "p-1", "10.00").await;
    let off = ask(&world, &tills[0], "p-2", "1.00").await;
    let second = ask(&world, &tills[1], "p-3", "30.00").await;
    let third = ask(&world, &tills[0], "p-4", "5.00").await;
    let path = format!("/v1/payouts/{off}/cancel");
    assert_eq!(tills[0].ask(&path, "c-1", Value::Null).await.outcome(), "canceled");

    let made = batch(&world, json!({ "limit": 2 })).await.created();
    let id = made.text("/id");
    let expected = json!({ "object": "payout_batch", "mode": "live", "payouts": 2,
        "amount": "40.00", "currency": "CNY", "authorized": 2, "amount_authorized": "40.00",
        "succeeded": 0, "canceled": 0,
        "external_reference": null });
    for (field, value) in expected.as_object().unwrap() {
        assert_eq!(&made.json[field], value, "{field} in {}", made.text);
    }
    let lines = bank_file(&world, id).await;
    assert_eq!(
        lines,
        [
            "line,payout,holder,account,bank,amount,currency".to_owned(),
            format!(
                "1,{first},\"Tea House, \"\"Ltd\"\"\",DE89370400440532013000,COBADEFFXXX,10.00,CNY"
            ),
            format!(
                "2,{second},\"Noodle Bar, \"\"Ltd\"\"\",DE89370400440532013000,COBADEFFXXX,30.00,CNY"
            ),
        ]
    );
    let of_batch = world.operator_get(&format!("{BATCHES}/{id}/payouts")).await;
    assert_eq!(of_batch.text("/data/1/id"), second);
    assert_eq!(of_batch.text("/data/1/batch"), id);
    let rest = batch(&world, json!({})).await.created();
    assert_eq!((rest.text("/amount"), &rest.json["payouts"]), ("5.00", &json!(1)));
    let one = world.operator_get(&format!("/v1/operator/payouts/{third}")).await;
    assert_eq!(one.text("/batch"), rest.text("/id"));
    let list = world.operator_get(BATCHES).await;
    assert_eq!(list.json["data"], json!([rest.json, made.json]), "{}", list.text);
    batch(&world, json!({})).await.assert_problem(409, "no_open_payouts", "final");
    batch(&world, json!({ "mode": "test" })).await.assert_problem(409, "no_open_payouts", "final");

    // The bank may know of it, so the merchant cannot call it off any more.
    let path = format!("/v1/payouts/{first}/cancel");
    let late = tills[0].ask(&path, "c-2", Value::Null).await;
    late.assert_problem(409, "payout_batched", "retry");
    // What the operator takes back in time is not in the file.
    let back = tell(&world, &first, "return", "r-1", json!({ "reason": "closed" })).await;
    assert_eq!((back.outcome(), back.text("/batch")), ("canceled", id), "{}", back.text);
    let lines = bank_file(&world, id).await;
    assert_eq!((lines.len(), lines[1].starts_with(&format!("2,{second},"))), (2, true));
    let now = world.operator_get(&format!("{BATCHES}/{id}")).await;
    assert_eq!((now.text("/amount"), now.text("/amount_authorized")), ("40.00", "30.00"));
    // Nor is what was paid: the bank would pay it twice.
    let reference = json!({ "external_reference": "by hand" });
    assert_eq!(tell(&world, &second, "pay", "p-5", reference).await.outcome(), "succeeded");
    assert_eq!(bank_file(&world, id).await.len(), 1);
    assert_books_are_right(world).await;
}

#[tokio::test]
async fn a_batch_is_paid_as_one_order_and_what_comes_back_of_it_is_the_merchants_again() {
    let (world, tills) = scene(3202, &["Tea House", "Noodle Bar"]).await;
    let mut ids = Vec::new();
    for (n, till) in [&tills[0], &tills[1], &tills[1]].into_iter().enumerate() {
        ids.push(ask(&world, till, &format!("p-{n}"), "10.00").await);
    }
    let id = batch(&world, json!({})).await.created().text("/id").to_owned();
    let back = tell(&world, &ids[1], "return", "r-1", json!({ "reason": "closed" })).await;
    assert_eq!(back.outcome(), "canceled", "{}", back.text);

    let reference = json!({ "external_reference": "order 7" });
    let paid = finish(&world, &id, "pay", "o-1", reference.clone()).await;
    assert_eq!((paid.status.as_u16(), paid.replayed), (200, false), "{}", paid.text);
    let counts = ["authorized", "succeeded", "canceled"].map(|state| paid.json[state].clone());
    assert_eq!(counts, [json!(0), json!(2), json!(1)]);
    assert_eq!(paid.text("/external_reference"), "order 7");
    for (payout, line) in [(&ids[0], 1), (&ids[2], 3)] {
        let payout = world.operator_get(&format!("/v1/operator/payouts/{payout}")).await;
        assert_eq!(payout.text("/external_reference"), format!("order 7/{line}"));
    }
    assert_eq!(balance(&tills[0]).await, ["20.00", "0.00"]);
    assert_eq!(balance(&tills[1]).await, ["20.00", "0.00"]);

    let before = world.standing().await;
    let again = finish(&world, &id, "pay", "o-1", reference.clone()).await;
    assert_eq!((&again.text, again.replayed), (&paid.text, true));
    let twice = finish(&world, &id, "pay", "o-2", reference.clone()).await;
    twice.assert_problem(409, "payout_closed", "retry");
    let other = finish(&world, &id, "pay", "o-1", json!({ "external_reference": "8" })).await;
    other.assert_problem(409, "reference_conflict", "retry");
    let _ = ask(&world, &tills[0], "p-9", "10.00").await;
    let next = batch(&world, json!({})).await.created().text("/id").to_owned();
    let taken = finish(&world, &next, "pay", "o-3", reference).await;
    taken.assert_problem(409, "reference_conflict", "retry");
    assert_ne!(world.standing().await, before, "the payout that was asked for");

    // What was paid comes back only if somebody says so.
    let reason = json!({ "reason": "the file was refused" });
    let unpaid = finish(&world, &id, "return", "r-2", reason).await;
    unpaid.assert_problem(409, "payout_closed", "retry");
    assert_eq!(balance(&tills[1]).await, ["20.00", "0.00"]);
    // The bank sends all of it back, but for what it never had.
    let reason = json!({ "reason": "the file was refused", "include_paid": true });
    let back = finish(&world, &id, "return", "r-3", reason).await;
    let counts = ["authorized", "succeeded", "canceled"].map(|state| back.json[state].clone());
    assert_eq!(counts, [json!(0), json!(0), json!(3)], "{}", back.text);
    assert_eq!(balance(&tills[1]).await, ["30.00", "0.00"]);
    let payout = tills[1].get(&format!("/v1/payouts/{}", ids[1])).await;
    assert_eq!(payout.text("/return_reason"), "closed", "that was before");
    assert_books_are_right(world).await;
}

#[tokio::test]
async fn a_batch_that_is_over_takes_no_reference_of_the_banks() {
    let (world, tills) = scene(3205, &["Tea House", "Noodle Bar"]).await;
    let mut batches = Vec::new();
    for till in &tills {
        let _ = ask(&world, till, "p-1", "10.00").await;
        batches.push(batch(&world, json!({})).await.created().text("/id").to_owned());
    }
    let reason = json!({ "reason": "the file was refused" });
    let back = finish(&world, &batches[0], "return", "r-1", reason).await;
    assert_eq!(back.json["canceled"], json!(1), "{}", back.text);
    let reference = json!({ "external_reference": "order 7" });
    let over = finish(&world, &batches[0], "pay", "o-1", reference.clone()).await;
    over.assert_problem(409, "payout_closed", "retry");
    let paid = finish(&world, &batches[1], "pay", "o-2", reference).await;
    assert_eq!((paid.text("/external_reference"), &paid.json["succeeded"]), ("order 7", &json!(1)));
    assert_books_are_right(world).await;
}

#[tokio::test]
async fn a_batch_of_which_a_part_was_decided_about_is_never_said_to_have_done_nothing() {
    let (world, tills) = scene(3206, &["Tea House", "Noodle Bar"]).await;
    let mut ids = Vec::new();
    for (n, till) in [&tills[0], &tills[1], &tills[1]].into_iter().enumerate() {
        ids.push(ask(&world, till, &format!("p-{n}"), "10.00").await);
    }
    let id = batch(&world, json!({ "limit": 2 })).await.created().text("/id").to_owned();
    // The bank's name for what will be the second line has gone to a payout of no batch.
    let taken = json!({ "external_reference": "order 7/2" });
    assert_eq!(tell(&world, &ids[2], "pay", "p-9", taken).await.outcome(), "succeeded");

    let reference = json!({ "external_reference": "order 7" });
    let partly = finish(&world, &id, "pay", "o-1", reference.clone()).await;
    partly.assert_problem(409, "reference_conflict", "unknown");
    assert!(!partly.text("/detail").contains("nothing"), "{}", partly.text);
    assert_eq!(balance(&tills[0]).await, ["20.00", "0.00"], "the first line is paid");
    let standing = world.operator_get(&format!("{BATCHES}/{id}")).await;
    assert_eq!((&standing.json["succeeded"], &standing.json["authorized"]), (&json!(1), &json!(1)));
    // A repeat does nothing more, and may say so.
    let again = finish(&world, &id, "pay", "o-1", reference).await;
    again.assert_problem(409, "reference_conflict", "retry");

    // The first line's key is used, the second's stands for nothing yet.
    let reason = json!({ "reason": "the file was refused" });
    let partly = finish(&world, &id, "return", "o-1", reason.clone()).await;
    partly.assert_problem(422, "idempotency_key_reused", "unknown");
    let again = finish(&world, &id, "return", "o-1", reason).await;
    again.assert_problem(422, "idempotency_key_reused", "retry");
    let standing = world.operator_get(&format!("{BATCHES}/{id}")).await;
    assert_eq!((&standing.json["succeeded"], &standing.json["canceled"]), (&json!(1), &json!(1)));
    assert_books_are_right(world).await;
}

#[tokio::test]
async fn a_payout_is_called_off_or_in_one_batch_however_many_ask_at_once() {
    let (world, tills) = scene(3203, &["Tea House", "Noodle Bar"]).await;
    for round in 0..5 {
        let mut ids = Vec::new();
        for n in 0..4 {
            let till = &tills[n % 2];
            ids.push(ask(&world, till, &format!("p-{round}-{n}"), "2.00").await);
        }
        let asked = (0..8).map(|n| {
            let (world, tills, ids) = (&world, &tills, &ids);
            async move {
                if n % 2 == 0 {
                    let path = format!("/v1/payouts/{}/cancel", ids[n / 2]);
                    tills[n / 2 % 2].ask(&path, &format!("c-{round}-{n}"), Value::Null).await
                } else {
                    batch(world, json!({})).await
                }
            }
        });
        let answers = at_once(asked).await;
        let canceled = answers.iter().filter(|answer| answer.status == 200).count();
        let canceled = u64::try_from(canceled).unwrap();
        let made = answers.iter().filter(|answer| answer.status == 201);
        let batched: u64 = made.map(|answer| answer.json["payouts"].as_u64().unwrap()).sum();
        assert_eq!(canceled + batched, 4, "{answers:?}");
        let codes = ["payout_batched", "no_open_payouts"];
        let refused = answers.iter().filter(|answer| answer.status == 409);
        assert!(refused.clone().all(|answer| codes.contains(&answer.text("/code"))));
    }
    assert_books_are_right(world).await;
}

#[tokio::test]
async fn a_batch_that_makes_no_sense_is_refused_by_name() {
    let (world, tills) = scene(3204, &["Tea House"]).await;
    let _ = ask(&world, &tills[0], "p-1", "10.00").await;
    let before = world.standing().await;
    for (body, pointer) in [
        (json!({ "limit": 0 }), "/limit"),
        (json!({ "limit": 501 }), "/limit"),
        (json!({ "limit": "x" }), "/limit"),
        (json!({ "mode": "x" }), "/mode"),
        (json!({ "payouts": [] }), "/payouts"),
    ] {
        batch(&world, body).await.assert_points_at(pointer);
    }
    for id in ["pob_00", "pob_01a2036666e37502ab6a225e520bffad"] {
        for path in ["", "/payouts", "/payouts.csv"] {
            let answer = world.operator_get(&format!("{BATCHES}/{id}{path}")).await;
            answer.assert_problem(404, "not_found", "final");
        }
        let reference = json!({ "external_reference": "x" });
        finish(&world, id, "pay", "k", reference).await.assert_problem(404, "not_found", "final");
    }
    let id = batch(&world, json!({})).await.created().text("/id").to_owned();
    for (verb, body, pointer) in [
        ("pay", json!({ "external_reference": "" }), "/external_reference"),
        ("pay", json!({ "external_reference": "x".repeat(61) }), "/external_reference"),
        ("return", json!({ "reason": "x".repeat(201) }), "/reason"),
        ("return", json!({ "reason": "x", "more": 1 }), "/more"),
    ] {
        finish(&world, &id, verb, "k", body).await.assert_points_at(pointer);
    }
    assert_eq!(world.standing().await, before);
}
