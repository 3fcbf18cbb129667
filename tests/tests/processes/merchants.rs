//! A merchant's money goes back at two servers at once: its balance is the sum of rows that both
//! servers write, and its floor holds for the sum.

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
