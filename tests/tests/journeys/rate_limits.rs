//! Who asks too often is sent away for a while, and nobody else is.

use crate::DATABASE;
use serde_json::json;
use wallet_core::DeviceKey;
use wallet_tests::{Answer, Charge, Signed, Signer, World};

/// For how many seconds the answer sends its asker away.
#[track_caller]
fn sent_away(answer: &Answer) -> i64 {
    answer.assert_problem(429, "too_many_requests", "retry");
    answer.headers["retry-after"].to_str().unwrap().parse().unwrap()
}

const KEYS: [(&str, &str); 2] =
    [("rate_limits.api_keys.requests_per_second", "1"), ("rate_limits.api_keys.burst", "3")];

#[tokio::test]
async fn a_till_that_asks_too_often_waits_and_then_gets_its_first_answers() {
    let world = World::start_with(DATABASE, 1701, &KEYS).await;
    let (till, other) = (world.merchant("Tea House").await, world.merchant("Noodle Bar").await);
    let mut phone = world.payer("Wei", "500.00").await;
    let charge = Charge::new("order-1", &phone.code(&world, "20.00"), "12.50");
    let paid = till.charge(&charge).await.created();
    for _ in 0..2 {
        assert_eq!(till.get("/v1/balance").await.status, 200);
    }
    let before = world.standing().await;
    let mut seconds = 0;
    for _ in 0..5 {
        seconds = sent_away(&till.charge(&charge).await);
        let _ = sent_away(&till.get("/v1/payments").await);
    }
    // A new sale is not begun either, and takes neither key nor reference nor code.
    let next = Charge::new("order-2", &phone.code(&world, "20.00"), "1.00");
    let _ = sent_away(&till.charge(&next).await);
    assert_eq!(world.standing().await, before);
    assert_eq!(other.get("/v1/balance").await.status, 200, "another key is not concerned");

    world.advance_seconds(seconds);
    let again = till.charge(&charge).await;
    assert_eq!((again.replayed, &again.text), (true, &paid.text));
    let seconds = sent_away(&till.charge(&next).await);
    world.advance_seconds(seconds);
    let _ = till.charge(&next).await.created();
    assert_eq!(phone.balance(&world).await, "486.50");
}

#[tokio::test]
async fn each_key_has_its_own_limit_and_what_is_no_key_has_none() {
    let world = World::start_with(DATABASE, 1702, &KEYS).await;
    let till = world.merchant("Tea House").await;
    let path = format!("/v1/operator/merchants/{}/api_keys", till.merchant);
    let made = world.operator_post(&path, json!({})).await.created();
    let second = till.with_key(made.text("/secret"));
    let statuses = async |till: &wallet_tests::Till| {
        let mut statuses = Vec::new();
        for _ in 0..5 {
            statuses.push(till.get("/v1/balance").await.status.as_u16());
        }
        statuses
    };
    assert_eq!(statuses(&till).await, [200, 200, 200, 429, 429]);
    assert_eq!(statuses(&second).await, [200, 200, 200, 429, 429]);
    let stranger = till.with_key("sk_live_0000");
    assert_eq!(statuses(&stranger).await, [401; 5]);
    // A key that does not work says so, however often it is tried.
    world.advance_seconds(60);
    let id = made.text("/id");
    let revoked = world.operator_delete(&format!("/v1/operator/api_keys/{id}")).await;
    assert_eq!(revoked.status, 204);
    assert_eq!(statuses(&second).await, [401; 5]);
    assert_eq!(statuses(&till).await, [200, 200, 200, 429, 429]);
}

#[tokio::test]
async fn a_phone_that_asks_too_often_waits_and_strangers_do_not_make_it_wait() {
    let limit =
        [("rate_limits.devices.requests_per_second", "1"), ("rate_limits.devices.burst", "3")];
    let world = World::start_with(DATABASE, 1703, &limit).await;
    let (phone, other) = (world.payer("Wei", "5.00").await, world.payer("Lin", "5.00").await);
    let (stranger, keyid) = (DeviceKey::from_seed(&[9; 32]), phone.key_id());
    let forged = || {
        let signer = Signer { key: &stranger, keyid: &keyid, at: world.now() };
        Signed::new(&world, signer, "GET", "/v1/wallet/balance", b"").send()
    };
    for _ in 0..20 {
        forged().await.assert_problem(401, "signature_invalid", "retry");
    }
    for _ in 0..3 {
        assert_eq!(phone.get(&world, "/v1/wallet/balance").await.status, 200);
    }
    let freeze = phone.signed(&world, "POST", "/v1/wallet/freeze", &json!(null));
    let seconds = sent_away(&freeze.clone().send().await);
    let _ = sent_away(&phone.get(&world, "/v1/wallet/activity").await);
    // Nothing is computed for whoever says to be that phone, until it may come again.
    let _ = sent_away(&forged().await);
    assert_eq!(other.balance(&world).await, "5.00", "another phone is not concerned");

    world.advance_seconds(seconds);
    // It used up nothing, not even its nonce: it may come again as it is.
    assert_eq!(freeze.send().await.status, 200);
}
