//! The checks of the books find what is wrong with what came after charges, and nothing where
//! nothing is.

use serde_json::{Value, json};
use sqlx::AssertSqlSafe;
use wallet_server::store::Store;
use wallet_tests::{Charge, World};

use crate::DATABASE;

/// Books with payments that are authorized, captured in part, canceled, refunded in part and as a
/// whole, and with money in suspense, of which some was paid out.
async fn books(seed: u64) -> World {
    let mut world = World::start(DATABASE, seed).await;
    let body = json!({ "name": "Tea House", "fee": { "basis_points": 100, "fixed": "0.00" } });
    let till = world.merchant_with(body).await;
    let mut phone = world.payer("Wei", "500.00").await;
    let mut ids = Vec::new();
    for n in 0..7 {
        let code = phone.code(&world, "200.00");
        let capture = if n < 2 { "manual" } else { "automatic" };
        let charge = Charge::new(&format!("order-{n}"), &code, "10.00").with("capture", capture);
        ids.push(till.charge(&charge).await.created().text("/id").to_owned());
    }
    assert_eq!(till.capture(&ids[1], "capture", Some("4.00")).await.outcome(), "succeeded");
    assert_eq!(till.cancel(&ids[2], "cancel").await.outcome(), "canceled");
    let _ = till.refund(&ids[3], "r-1", Some("3.00")).await.created();
    let _ = till.refund(&ids[4], "r-2", None).await.created();
    let path = format!("/v1/operator/payers/{}/freeze", phone.payer);
    assert_eq!(world.operator_post(&path, json!({})).await.outcome(), "frozen");
    let _ = till.refund(&ids[5], "r-3", Some("2.00")).await.created();
    assert_eq!(till.cancel(&ids[6], "cancel-2").await.outcome(), "canceled");
    let list = world.operator_get("/v1/operator/suspense").await;
    let path = format!("/v1/operator/suspense/{}/pay_out", list.text("/data/0/id"));
    let body: Value = json!({ "external_reference": "bank-1" });
    assert_eq!(world.operator_post_under_key(&path, "p", body).await.outcome(), "paid_out");
    world.placed().await;
    world.stop().await;
    world
}

/// The names of the checks that find something.
async fn broken(world: &World) -> Vec<&'static str> {
    let store = Store::open(&world.database_url()).await.unwrap();
    let findings = store.check_books(|_| ()).await.unwrap();
    store.close().await;
    findings.iter().filter(|finding| !finding.is_ok()).map(|finding| finding.check).collect()
}

#[tokio::test]
async fn every_kind_of_tampering_with_what_came_after_a_charge_is_found() {
    let back = "update balances set available = available - 100000 where account in \
                (select account from merchants)";
    for (seed, tampering, checks) in [
        (2601, "", &[""; 0][..]),
        (
            2602,
            "update payments set state = 'expired' where state = 'authorized'",
            &["movements", "held", "states"],
        ),
        (2603, "update payments set state = 'succeeded' where state = 'canceled'", &["states"]),
        (
            2604,
            "update payments set reversal_transfer = null where state = 'canceled'",
            &["movements"],
        ),
        (2605, "update payments set closing_transfer = null", &["movements"]),
        (
            2606,
            "update refunds set amount = amount + 1 where reason is null and amount = 300",
            &["movements", "refunds"],
        ),
        (2607, "update refunds set fee_returned = 0", &["refunds"]),
        (2608, "delete from refunds where amount = 300", &["movements", "refunds"]),
        (2609, "update payments set refunds = refunds + 1 where state = 'refunded'", &["refunds"]),
        (
            2610,
            "update payments set state = 'refunded' where state = 'partially_refunded'",
            &["refunds", "states"],
        ),
        (
            2611,
            "update payments set amount_refunded = amount_refunded - 1 where state = 'refunded'",
            &["refunds"],
        ),
        (2612, "update suspense set amount = amount + 1 where state = 'open'", &["suspense"]),
        (2613, "delete from suspense where state = 'open'", &["suspense"]),
        (2614, "delete from suspense where state = 'paid_out'", &["movements"]),
        (2615, back, &["trial_balance", "balances", "merchants"]),
    ] {
        let world = books(seed).await;
        let mut database = world.database().await;
        sqlx::raw_sql(AssertSqlSafe(tampering)).execute(&mut database).await.unwrap();
        drop(database);
        assert_eq!(broken(&world).await, checks, "{tampering}");
    }
}
