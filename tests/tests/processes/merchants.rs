//! A merchant's money goes back at two servers at once: its balance is the sum of rows that both
//! servers write, and its floor holds for the sum.

use serde_json::{Value, json};
use wallet_tests::{Answer, Charge, at_once};

use super::{LEVELS, Two, count};

#[tokio::test]
async fn a_merchant_gives_back_at_two_servers_what_it_has_and_no_more() {
    for (isolation, seed) in LEVELS.into_iter().zip(101..) {
        // Fees are not returned, so the merchant cannot give everything back.
        let two = Two::start(seed, isolation, &[("refunds.return_fees", "false")]).await;
        let mut charges = Vec::new();
        for n in 0..12 {
            let mut phone = two.world.payer(&format!("payer {n}"), "100.00").await;
            charges.push(Charge::new(&format!("{n}"), &phone.code(&two.world, "20.00"), "10.00"));
        }
        let paid = two.charge_both(&charges).await;
        assert_eq!(count(&paid, 201), 12, "{paid:?}");
        // 10.00 less 0.07 each.
        assert_eq!(two.tills[0].balance().await, "119.16");
        let ids: Vec<&str> = paid.iter().map(|payment| payment.text("/id")).collect();
        // Each payment is refunded in two halves at both servers: 240.00 are asked for, 120.00
        // were paid, 119.16 are there.
        let refunds = (0..48).map(async |n: usize| {
            let till = &two.tills[n % 2];
            till.refund(ids[n / 2 % 12], &format!("r-{n}"), Some("5.00")).await
        });
        let answers: Vec<Answer> = at_once(refunds).await;
        assert_eq!(count(&answers, 201), 23, "{answers:?}");
        let refused = answers.iter().filter(|answer| answer.status == 422);
        let codes = ["balance_insufficient", "refund_exceeds_payment"];
        assert!(refused.clone().all(|answer| codes.contains(&answer.text("/code"))));
        assert_eq!(refused.count(), 25);
        assert_eq!(two.tills[1].balance().await, "4.16");
        two.end(12).await;
    }
}

#[tokio::test]
async fn a_reference_that_is_charged_and_called_off_at_two_servers_costs_nobody_anything() {
    for (isolation, seed) in LEVELS.into_iter().zip(111..) {
        let two = Two::start(seed, isolation, &[]).await;
        let mut phone = two.world.payer("Wei", "500.00").await;
        let mut canceled = 0;
        for round in 0..24 {
            let reference = format!("order-{round}");
            let code = phone.code(&two.world, "20.00");
            let charge = Charge::new(&reference, &code, "10.00");
            let delay = async {
                // Sometimes the cancellation comes a little later.
                for _ in 0..round % 6 {
                    let _ = two.tills[1].balance().await;
                }
                two.tills[1].cancel_reference(&reference, &format!("cancel-{round}")).await
            };
            let (charged, called_off) = tokio::join!(two.tills[0].charge(&charge), delay);
            assert_eq!(called_off.status.as_u16(), 200, "{}", called_off.text);
            match charged.status.as_u16() {
                // It came first, so it was called off.
                201 => {
                    canceled += 1;
                    assert_eq!(called_off.text("/payment/state"), "canceled");
                }
                409 => {
                    charged.assert_problem(409, "reference_canceled", "final");
                    assert!(called_off.json["payment"].is_null(), "{}", called_off.text);
                }
                _ => panic!("{}", charged.text),
            }
        }
        assert_eq!(phone.balance(&two.world).await, "500.00");
        two.end(canceled).await;
    }
}

#[tokio::test]
async fn a_merchant_has_paid_out_and_gives_back_at_two_servers_what_it_has_and_no_more() {
    for (isolation, seed) in LEVELS.into_iter().zip(121..) {
        let two = Two::start(seed, isolation, &[]).await;
        let (world, tills) = (&two.world, &two.tills);
        let path = format!("/v1/operator/merchants/{}/payout_destination", tills[0].merchant);
        let destination = json!({ "holder": "Tea House", "account": "62220212345678" });
        let set = destination.to_string().into_bytes();
        assert_eq!(world.operator_send("PUT", &path, None, set).await.status, 200);
        let mut charges = Vec::new();
        for n in 0..12 {
            let mut phone = world.payer(&format!("payer {n}"), "100.00").await;
            charges.push(Charge::new(&format!("{n}"), &phone.code(world, "20.00"), "10.00"));
        }
        let paid = two.charge_both(&charges).await;
        let ids: Vec<&str> = paid.iter().map(|payment| payment.text("/id")).collect();
        assert_eq!(tills[0].balance().await, "119.16");
        // 24 payouts of 6.00 and 12 refunds of 10.00, which cost the merchant 9.93: 263.16 are asked
        // for. Payouts are called off at the other server meanwhile, and put into batches.
        let asked = (0..36).map(async |n: usize| {
            let (till, other) = (&tills[n % 2], &tills[(n + 1) % 2]);
            if n.is_multiple_of(3) {
                return vec![till.refund(ids[n / 3], &format!("r-{n}"), None).await];
            }
            let body = json!({ "amount": "6.00", "currency": "CNY" });
            let payout = till.ask("/v1/payouts", &format!("p-{n}"), body).await;
            if payout.status != 201 {
                return vec![payout];
            }
            let path = format!("/v1/payouts/{}/cancel", payout.text("/id"));
            let next = match n % 4 {
                0 => other.ask(&path, &format!("c-{n}"), Value::Null).await,
                1 => world.operator_post("/v1/operator/payout_batches", json!({})).await,
                _ => return vec![payout],
            };
            vec![payout, next]
        });
        let answers: Vec<Answer> = at_once(asked).await.into_iter().flatten().collect();
        let codes = ["balance_insufficient", "payout_batched", "no_open_payouts"];
        let refused = answers.iter().filter(|answer| !answer.status.is_success());
        for answer in refused {
            assert!(codes.contains(&answer.text("/code")), "{}", answer.text);
        }
        // Everything that is still open is paid, at both servers at once: each payout once.
        let _ = world.operator_post("/v1/operator/payout_batches", json!({})).await;
        let batches = world.operator_get("/v1/operator/payout_batches").await;
        for batch in batches.json["data"].as_array().unwrap() {
            let id = batch["id"].as_str().unwrap();
            let path = format!("/v1/operator/payout_batches/{id}/pay");
            let body = json!({ "external_reference": id });
            let pay = |key| world.operator_post_under_key(&path, key, body.clone());
            for answer in at_once(["o-1", "o-2", "o-1"].map(pay)).await {
                let closed = answer.text("/code") == "payout_closed";
                assert!(closed || answer.status == 200, "{}", answer.text);
            }
        }
        let open = world.operator_get("/v1/operator/payouts?state=authorized").await;
        assert_eq!(open.json["data"], json!([]));
        let balance = tills[1].get("/v1/balance").await;
        assert_eq!(balance.text("/balances/0/held"), "0.00");
        two.end(12).await;
    }
}
