//! Money between payers, at two servers at once.

use serde_json::{Value, json};
use wallet_tests::{Answer, Charge, PIN, Phone, Signed, Signer, at_once};

use super::{LEVELS, Two, count};

/// Posts to one of the servers; again while another PIN of this payer waits to be looked at there.
async fn post(two: &Two, second: bool, phone: &Phone, call: (&str, &str), body: &Value) -> Answer {
    let (path, key) = call;
    let keyid = phone.key_id();
    let signer = Signer { key: phone.device.key(), keyid: &keyid, at: two.world.now() };
    let body = body.to_string();
    let call = ("POST", path);
    loop {
        let signed = Signed::under_key(&two.world, signer, call, body.as_bytes(), Some(key));
        let sent = if second { signed.through(&two.other) } else { signed };
        let answer = sent.send().await;
        if answer.text("/code") != "too_many_requests" {
            return answer;
        }
    }
}

async fn receive_code(two: &Two, phone: &Phone) -> Value {
    phone.get(&two.world, "/v1/wallet/receive_code").await.json["receive_code"].clone()
}

#[tokio::test]
async fn two_who_pay_each_other_at_two_servers_are_both_paid() {
    for (isolation, seed) in LEVELS.into_iter().zip(81..) {
        let two = Two::start(seed, isolation, &[("limits.new_payers.day", "5000.00")]).await;
        let payers =
            [two.world.payer("Wei", "100.00").await, two.world.payer("Li", "100.00").await];
        let codes = [receive_code(&two, &payers[0]).await, receive_code(&two, &payers[1]).await];
        // Each with several phones, so that a payer's next one waits while one is served.
        let mut phones = [Vec::new(), Vec::new()];
        for (payer, phones) in payers.iter().zip(&mut phones) {
            for n in 0..4 {
                let name = format!("phone {n} of {}", payer.payer);
                phones.push(payer.another(&two.world, &name).await);
            }
        }
        let sent = (0..8).map(async |n: usize| {
            let (from, phone) = (n % 2, &phones[n % 2][n / 2]);
            let mut answers = Vec::new();
            for round in 0..6 {
                let body = json!({ "receive_code": codes[1 - from], "amount": "1.00",
                    "currency": "CNY", "pin": PIN });
                let key = format!("{n}-{round}");
                let second = (n / 2 + round) % 2 == 1;
                let call = ("/v1/wallet/transfers", key.as_str());
                answers.push(post(&two, second, phone, call, &body).await);
            }
            answers
        });
        let answers: Vec<Answer> = at_once(sent).await.into_iter().flatten().collect();
        assert_eq!(count(&answers, 201), 48, "{answers:?}");
        for payer in &payers {
            assert_eq!(payer.balance(&two.world).await, "100.00");
        }
        two.end(0).await;
    }
}

#[tokio::test]
async fn an_envelope_is_claimed_at_two_servers_as_often_as_it_has_shares() {
    for (isolation, seed) in LEVELS.into_iter().zip(91..) {
        let two = Two::start(seed, isolation, &[]).await;
        let sender = two.world.payer("Wei", "100.00").await;
        sender.set_pin(&two.world).await;
        let body = json!({ "amount": "10.00", "currency": "CNY", "shares": 7, "split": "random",
            "pin": PIN });
        let call = ("/v1/wallet/envelopes", "e");
        let envelope = post(&two, true, &sender, call, &body).await.created();
        let body = json!({ "token": envelope.json["token"] });
        let mut phones = Vec::new();
        for n in 0..12 {
            phones.push(two.world.payer(&format!("payer {n}"), "0").await);
        }
        // Each claims at both servers, under keys of its own.
        let tries = phones.iter().flat_map(|phone| [(phone, false), (phone, true)]);
        let claims = tries.map(async |(phone, second)| {
            let key = format!("c-{second}");
            post(&two, second, phone, ("/v1/wallet/envelopes/claim", &key), &body).await
        });
        let answers = at_once(claims).await;
        assert_eq!(count(&answers, 201), 7, "{answers:?}");
        assert_eq!(count(&answers, 409), 17, "{answers:?}");
        assert_eq!(sender.balance(&two.world).await, "90.00");
        two.end(0).await;
    }
}

#[tokio::test]
async fn no_money_reaches_an_account_that_is_closed_at_the_other_server() {
    for (isolation, seed) in LEVELS.into_iter().zip(96..) {
        let two = Two::start(seed, isolation, &[]).await;
        let giver = two.world.payer("Wei", "100.00").await;
        giver.set_pin(&two.world).await;
        let mut given = 0;
        for round in 0..16_u32 {
            let name = format!("payer-{round}");
            let payee = two.world.payer(&name, "0").await;
            payee.set_pin(&two.world).await;
            let body = json!({ "receive_code": receive_code(&two, &payee).await,
                "amount": "1.00", "currency": "CNY", "pin": PIN });
            let give = post(&two, false, &giver, ("/v1/wallet/transfers", &name), &body);
            let close = async {
                // Sometimes a little later than the other.
                for _ in 0..round % 4 {
                    let _ = two.tills[1].balance().await;
                }
                post(&two, true, &payee, ("/v1/wallet/close", &name), &json!({ "pin": PIN })).await
            };
            let (gave, closed) = tokio::join!(give, close);
            match (gave.status.as_u16(), closed.status.as_u16()) {
                (201, 409) => given += 1,
                (403 | 422, 204) => {}
                _ => panic!("{} {}", gave.text, closed.text),
            }
        }
        assert_eq!(giver.balance(&two.world).await, format!("{}.00", 100 - given));
        two.end(0).await;
    }
}

#[tokio::test]
async fn a_confirmation_and_a_cancellation_at_two_servers_come_one_after_the_other() {
    for (isolation, seed) in LEVELS.into_iter().zip(101..) {
        let two = Two::start(seed, isolation, &[("limits.new_payers.without_pin", "1.00")]).await;
        let mut phone = two.world.payer("Wei", "500.00").await;
        phone.set_pin(&two.world).await;
        for round in 0..4_u32 {
            let code = phone.code(&two.world, "20.00");
            let charge = Charge::new(&format!("order-{round}"), &code, "10.00");
            let payment = two.tills[0].charge(&charge).await.created();
            let id = payment.text("/id");
            let confirm = async {
                let path = format!("/v1/wallet/confirmations/{id}/confirm");
                post(&two, false, &phone, (&path, id), &json!({ "pin": PIN })).await
            };
            let cancel = async {
                // The PIN takes its time: the later the round, the later the till.
                for _ in 0..2 * round {
                    let _ = two.tills[1].balance().await;
                }
                let path = format!("/v1/payments/{id}/cancel");
                two.tills[1].post(&path, &[("idempotency-key", id)], "").await
            };
            let (confirmed, canceled) = tokio::join!(confirm, cancel);
            // What was confirmed first is called off all the same; what was called off first is
            // never confirmed.
            assert_eq!(canceled.status.as_u16(), 200, "round {round}: {}", canceled.text);
            match confirmed.status.as_u16() {
                200 => {}
                _ => confirmed.assert_problem(409, "payment_closed", "retry"),
            }
            assert_eq!(two.tills[0].state_of(id).await, "canceled");
        }
        assert_eq!(phone.balance(&two.world).await, "500.00");
        two.end(4).await;
    }
}

#[tokio::test]
async fn what_one_server_froze_or_revoked_pays_nothing_at_the_other() {
    for (isolation, seed) in LEVELS.into_iter().zip(111..) {
        let two = Two::start(seed, isolation, &[]).await;
        let (wei, li) =
            (two.world.payer("Wei", "500.00").await, two.world.payer("Li", "500.00").await);
        let freeze = format!("/v1/operator/payers/{}/freeze", wei.payer);
        let revoke = format!("/v1/operator/devices/{}/revoke", li.key_id());
        for (mut phone, path, code) in
            [(wei, freeze, "payer_unavailable"), (li, revoke, "device_revoked")]
        {
            let charges: Vec<Charge> = (0..6)
                .map(|n| {
                    let shown = phone.code(&two.world, "20.00");
                    Charge::new(&format!("{code}-{n}"), &shown, "1.00")
                })
                .collect();
            let (ended, _) = tokio::join!(
                two.world.operator_post(&path, Value::Null),
                at_once(charges[..3].iter().map(|charge| two.tills[1].charge(charge))),
            );
            assert!(ended.status.is_success(), "{}", ended.text);
            for charge in &charges[3..] {
                two.tills[1].charge(charge).await.assert_problem(402, code, "final");
            }
        }
        let payments = two.world.standing().await.payments;
        two.end(payments).await;
    }
}
