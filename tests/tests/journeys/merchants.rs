//! What a merchant learns of who pays: nothing.

use std::collections::BTreeSet;

use base64ct::{Base64UrlUnpadded, Encoding};
use serde_json::json;
use wallet_tests::{Answer, Charge, World};

use crate::DATABASE;
use crate::journeys::transfers::assert_books_are_right;

#[tokio::test]
async fn no_answer_to_a_merchant_says_who_pays() {
    let world = World::start(DATABASE, 1311).await;
    let till = world.merchant("Tea House").await;
    let mut phone = world.payer("Nebuchadnezzar", "50.00").await;
    phone.set_pin(&world).await;
    let handle = json!({ "handle": "quokka.zebra" });
    assert_eq!(phone.send(&world, "PUT", "/v1/wallet/handle", handle).await.status, 200);

    let code = phone.code(&world, "100.00");
    let paid = till.charge(&Charge::new("order-1", &code, "12.50")).await.created();
    let used = till.charge(&Charge::new("order-2", &code, "1.00")).await;
    let code = phone.code(&world, "100.00");
    let poor = till.charge(&Charge::new("order-3", &code, "80.00")).await;
    poor.assert_problem(402, "insufficient_funds", "final");
    assert_eq!(phone.post(&world, "/v1/wallet/freeze", json!(null)).await.status, 200);
    let code = phone.code(&world, "100.00");
    let frozen = till.charge(&Charge::new("order-4", &code, "1.00")).await;
    frozen.assert_problem(402, "payer_unavailable", "final");
    let one = till.get(&format!("/v1/payments/{}", paid.text("/id"))).await;
    let found = till.get("/v1/payments?reference=order-1").await;
    assert_eq!((one.status.as_u16(), found.status.as_u16()), (200, 200), "{}", found.text);

    let digits = phone.payer.strip_prefix("payer_").unwrap().to_owned();
    for answer in [paid, used, poor, frozen, one, found] {
        for secret in ["Nebuchadnezzar", "quokka", &digits, &phone.key_id()] {
            assert!(!answer.text.contains(secret), "{secret} in {}", answer.text);
        }
    }
}

/// What ties a receipt to the issuer's books.
fn books_hash(answer: &Answer) -> [u8; 32] {
    let receipt = Base64UrlUnpadded::decode_vec(answer.text("/receipt")).unwrap();
    // A version, then the record.
    receipt[1..][..128][96..].try_into().unwrap()
}

#[tokio::test]
async fn no_two_receipts_have_anything_of_their_payer_in_common() {
    let world = World::start(DATABASE, 1314).await;
    let [till, other] = [world.merchant("Tea House").await, world.merchant("Bakery").await];
    let mut phone = world.payer("Wei", "50.00").await;
    let mut hashes = Vec::new();
    for (number, till) in [&till, &till, &other, &other].into_iter().enumerate() {
        // Held and released: only the payer's account is in the entries.
        let code = phone.code(&world, "20.00");
        let charge = Charge::new(&format!("held-{number}"), &code, "0.01");
        let held = till.charge(&charge.with("capture", "manual")).await.created();
        let canceled = till.cancel(held.text("/id"), &format!("cancel-{number}")).await;
        assert_eq!(canceled.outcome(), "canceled", "{}", canceled.text);
        // Paid, and captured from what was held.
        let code = phone.code(&world, "20.00");
        let charge = Charge::new(&format!("captured-{number}"), &code, "0.02");
        let authorized = till.charge(&charge.with("capture", "manual")).await.created();
        let id = authorized.text("/id");
        let captured = till.capture(id, &format!("capture-{number}"), None).await;
        assert_eq!(captured.outcome(), "succeeded", "{}", captured.text);
        // Refunded in two equal parts.
        let one = till.refund(id, &format!("one-{number}"), Some("0.01")).await.created();
        let two = till.refund(id, &format!("two-{number}"), Some("0.01")).await.created();
        hashes.extend([&held, &canceled, &authorized, &captured, &one, &two].map(books_hash));
    }
    let different: BTreeSet<_> = hashes.iter().collect();
    assert_eq!(different.len(), hashes.len());
    assert_books_are_right(world).await;
}

#[tokio::test]
async fn a_closed_merchant_is_paid_nothing_more_and_can_still_give_back() {
    let world = World::start(DATABASE, 1312).await;
    let [till, other] = [world.merchant("Tea House").await, world.merchant("Bakery").await];
    let mut phone = world.payer("Wei", "50.00").await;
    let code = phone.code(&world, "20.00");
    let paid = till.charge(&Charge::new("order-1", &code, "12.50")).await.created();

    let close = format!("/v1/operator/merchants/{}/close", till.merchant);
    for _ in 0..2 {
        let closed = world.operator_post(&close, json!({})).await;
        assert_eq!((closed.status.as_u16(), closed.text("/state")), (200, "closed"));
    }
    let listed = world.operator_get("/v1/operator/merchants").await;
    let states = ["/data/0/state", "/data/1/state"].map(|pointer| listed.text(pointer));
    assert_eq!(states, ["active", "closed"]);

    world.advance_seconds(30);
    let code = phone.code(&world, "20.00");
    let refused = till.charge(&Charge::new("order-2", &code, "1.00")).await;
    refused.assert_problem(422, "currency_not_accepted", "final");
    let _ = other.charge(&Charge::new("order-3", &code, "1.00")).await.created();
    let order = json!({ "reference": "order-4", "amount": "1.00", "currency": "CNY" });
    let order = till.ask("/v1/orders", "o-4", order).await;
    order.assert_problem(422, "currency_not_accepted", "final");

    let _ = till.refund(paid.text("/id"), "r-1", Some("2.50")).await.created();
    assert_eq!(phone.balance(&world).await, "39.00");
    assert_eq!(till.balance().await, "10.00");
    let more = world.operator_post(&close, json!({ "dry_run": true })).await;
    more.assert_points_at("/dry_run");
    let unknown = "/v1/operator/merchants/mer_01a2036666e37502ab6a225e520bffad/close";
    world.operator_post(unknown, json!({})).await.assert_problem(404, "not_found", "final");
    assert_books_are_right(world).await;
}
