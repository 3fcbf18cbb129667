//! Every movement of a merchant's money with its fee, and a balance that follows from them.

use serde_json::{Value, json};
use wallet_tests::{Answer, Charge, Till};

use super::merchant_events::{everything, paid, shop};
use super::transfers::assert_books_are_right;

/// Type, gross, fee, net and balance of each, newest first.
fn lines(list: &Answer) -> Vec<[&str; 5]> {
    let data = list.json["data"].as_array().unwrap();
    data.iter()
        .map(|row| {
            ["type", "gross", "fee", "net", "balance"].map(|name| row[name].as_str().unwrap())
        })
        .collect()
}

async fn transactions(till: &Till, query: &str) -> Answer {
    till.get(&format!("/v1/balance/transactions?{query}")).await
}

#[tokio::test]
async fn every_movement_is_there_with_its_fee_and_the_newest_says_the_balance() {
    let (world, till, mut phone) = shop(2611).await;
    everything(&world, &till, &mut phone).await;
    world.fed().await;
    let all = transactions(&till, "").await;
    assert_eq!(
        lines(&all),
        [
            ["payment.canceled", "-10.00", "-0.11", "-9.89", "14.84"],
            ["payment.succeeded", "10.00", "0.11", "9.89", "24.73"],
            ["refund.succeeded", "-6.67", "-0.08", "-6.59", "14.84"],
            ["payment.succeeded", "15.00", "0.16", "14.84", "21.43"],
            ["refund.succeeded", "-3.33", "-0.03", "-3.30", "6.59"],
            ["payment.succeeded", "10.00", "0.11", "9.89", "9.89"],
        ],
        "{}",
        all.text
    );
    assert_eq!(till.balance().await, "14.84");

    // What they belong to.
    let refund = &all.json["data"][4];
    let first = &all.json["data"][5];
    assert_eq!(refund["payment"], first["payment"]);
    assert_eq!((&first["reference"], &first["subject"]), (&json!("order-1"), &first["payment"]));
    assert!(refund["subject"].as_str().unwrap().starts_with("ref_"));
    let event = till.get(&format!("/v1/events/{}", refund["id"].as_str().unwrap())).await;
    assert_eq!(event.json["data"]["id"], refund["subject"]);

    let payment = first["payment"].as_str().unwrap();
    let of_payment = transactions(&till, &format!("payment={payment}")).await;
    let picked: Vec<Value> =
        [2, 4, 5].iter().map(|place: &usize| all.json["data"][*place].clone()).collect();
    assert_eq!(of_payment.json["data"], Value::from(picked));
    let canceled = all.json["data"][0]["payment"].as_str().unwrap();
    let of_canceled = transactions(&till, &format!("payment={canceled}")).await;
    assert_eq!(lines(&of_canceled), lines(&all)[..2]);
    let refunds = transactions(&till, "type=refund.succeeded&limit=1").await;
    assert_eq!(lines(&refunds), lines(&all)[2..3]);
    let next = refunds.text("/next");
    let rest = transactions(&till, &format!("type=refund.succeeded&limit=1&after={next}")).await;
    assert_eq!((lines(&rest), &rest.json["has_more"]), (lines(&all)[4..5].to_vec(), &json!(false)));

    // Another merchant sees none of it, not even by the payment's id.
    let other = world.merchant("Noodle House").await;
    for query in [String::new(), format!("payment={payment}")] {
        assert_eq!(transactions(&other, &query).await.json["data"], json!([]));
    }
    transactions(&till, "payment=order-1").await.assert_points_at("/payment");
    assert_books_are_right(world).await;
}

#[tokio::test]
async fn a_fee_that_the_operator_changes_is_for_what_is_captured_from_then_on() {
    let (world, till, mut phone) = shop(2612).await;
    let before = paid(&world, &till, &mut phone, "order-1").await;
    let code = phone.code(&world, "200.00");
    let held = Charge::new("order-2", &code, "10.00").with("capture", "manual");
    let held = till.charge(&held).await.created();
    let fee = till.get("/v1/balance").await;
    assert_eq!(fee.json["fee"], json!({ "basis_points": 100, "fixed": "0.01" }));

    let path = format!("/v1/operator/merchants/{}/fee", till.merchant);
    let body = json!({ "basis_points": 250, "fixed": "0.00" });
    let merchant = world.operator_post(&path, body.clone()).await.ok();
    assert_eq!(merchant.json["fee"], body);
    assert_eq!(till.get("/v1/balance").await.json["fee"], body);
    let captured = till.capture(held.text("/id"), "c-1", None).await.ok();
    assert_eq!(captured.text("/fee"), "0.25");
    let after = paid(&world, &till, &mut phone, "order-3").await;
    assert_eq!(after.text("/fee"), "0.25");
    // What was captured before keeps its fee, and gives that back.
    let refund = till.refund(before.text("/id"), "r-1", None).await.created();
    assert_eq!(refund.text("/fee_returned"), "0.11");
    world.fed().await;
    let all = transactions(&till, "").await;
    let fees: Vec<&str> = lines(&all).iter().map(|line| line[2]).collect();
    assert_eq!(fees, ["-0.11", "0.25", "0.25", "0.11"]);

    for (body, pointer) in [
        (json!({ "basis_points": 10_001, "fixed": "0.00" }), "/basis_points"),
        (json!({ "basis_points": 1, "fixed": "0.001" }), "/fixed"),
        (json!({ "basis_points": 1, "fixed": "-1.00" }), "/fixed"),
        (json!({ "basis_points": -1, "fixed": "0.00" }), "/basis_points"),
    ] {
        let answer = world.operator_post(&path, body).await;
        answer.assert_problem(400, "invalid_request", "retry");
        answer.assert_points_at(pointer);
    }
    let nobody = format!("/v1/operator/merchants/mer_{}/fee", "0".repeat(32));
    world.operator_post(&nobody, body).await.assert_problem(404, "not_found", "final");
    assert_books_are_right(world).await;
}
