//! What a merchant learns of who pays: nothing.

use crate::DATABASE;
use serde_json::json;
use wallet_tests::{Charge, World};

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
