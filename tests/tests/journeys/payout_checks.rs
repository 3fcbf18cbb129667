//! The checks of the books find what is wrong with payouts, and nothing where nothing is.

use serde_json::{Value, json};
use sqlx::AssertSqlSafe;
use wallet_server::store::Store;
use wallet_tests::World;

use super::payouts::{scene, tell};

/// Books with payouts that are open, in a batch, paid, called off, returned and sent back.
async fn books(seed: u64) -> World {
    let (mut world, till) = scene(seed).await;
    let mut ids = Vec::new();
    for n in 1..=6 {
        let body = json!({ "amount": format!("{n}.00"), "currency": "CNY" });
        let payout = till.ask("/v1/payouts", &format!("p-{n}"), body).await.created();
        ids.push(payout.text("/id").to_owned());
        if n == 2 {
            let batch = world.operator_post("/v1/operator/payout_batches", json!({})).await;
            assert_eq!(batch.created().text("/amount"), "3.00");
        }
    }
    for (n, reference) in [(1, "out-2"), (4, "out-5")] {
        let body = json!({ "external_reference": reference });
        assert_eq!(tell(&world, &ids[n], "pay", reference, body).await.outcome(), "succeeded");
    }
    let path = format!("/v1/payouts/{}/cancel", ids[2]);
    assert_eq!(till.ask(&path, "c", Value::Null).await.outcome(), "canceled");
    for n in [3, 4] {
        let body = json!({ "reason": "no such account" });
        assert_eq!(tell(&world, &ids[n], "return", &ids[n], body).await.outcome(), "canceled");
    }
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
async fn every_kind_of_tampering_with_payouts_is_found() {
    for (seed, tampering, checks) in [
        (3301, "", &[""; 0][..]),
        (
            3302,
            "update payouts set amount = amount + 1 where state = 'authorized' and line is null",
            &["movements", "held"],
        ),
        (3303, "update payouts set amount = amount + 1 where line = 2", &["movements", "payouts"]),
        (
            3304,
            "update payouts set state = 'succeeded', paid_at = 1, external_reference = 'x', \
             closing_transfer = id, closing_batch = id where state = 'authorized' and line is null",
            &["movements", "held", "payouts"],
        ),
        (
            3305,
            "update payouts set paid_at = null, external_reference = null, \
             reversal_transfer = null, reversal_batch = null \
             where state = 'canceled' and paid_at is not null",
            &["movements"],
        ),
        (
            3306,
            "delete from payouts where return_reason is null and state = 'canceled'",
            &["movements"],
        ),
        (3307, "update payouts set payout_batch = null, line = null where line = 1", &["payouts"]),
        (3308, "update payout_batches set amount = amount + 1", &["payouts"]),
        (
            3309,
            "update balances set held = held + 1, available = available - 1 \
             where account in (select account from merchants)",
            &["balances", "held"],
        ),
    ] {
        let world = books(seed).await;
        let mut database = world.database().await;
        sqlx::raw_sql(AssertSqlSafe(tampering)).execute(&mut database).await.unwrap();
        drop(database);
        assert_eq!(broken(&world).await, checks, "{tampering}");
    }
}
