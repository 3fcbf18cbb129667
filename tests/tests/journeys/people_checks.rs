//! The checks of the books find what is wrong with money between payers, and nothing where nothing
//! is.

use crate::DATABASE;
use serde_json::{Value, json};
use sqlx::AssertSqlSafe;
use wallet_server::store::Store;
use wallet_tests::{PIN, World};

use super::transfers::{pair, post, receive_code};

/// Books with a transfer, an open withdrawal, and an envelope of which one share is claimed.
async fn books(seed: u64) -> World {
    let mut world = World::start(DATABASE, seed).await;
    let [wei, li] = pair(&world, ["100.00", "0"]).await;
    let to = receive_code(&world, &li).await;
    let with = |more: Value| {
        let mut body = json!({ "amount": "10.00", "currency": "CNY", "pin": PIN });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };
    let calls = [
        ("/v1/wallet/transfers", with(json!({ "receive_code": to }))),
        ("/v1/wallet/withdrawals", with(json!({ "destination": "IBAN 1" }))),
        ("/v1/wallet/envelopes", with(json!({ "shares": 3, "split": "equal" }))),
    ];
    let mut token = Value::Null;
    for (path, body) in calls {
        let answer = post(&world, &wei, path, path, &body).await.created();
        token = answer.json["token"].clone();
    }
    let claim = json!({ "token": token });
    let _ = post(&world, &li, "/v1/wallet/envelopes/claim", "c", &claim).await.created();
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
async fn every_kind_of_tampering_with_money_between_payers_is_found() {
    for (seed, tampering, checks) in [
        (1301, "", &[""; 0][..]),
        (1302, "update payer_transfers set amount = amount + 1", &["movements", "spending"]),
        (1303, "delete from payer_transfers", &["movements", "spending"]),
        (1304, "update withdrawals set amount = amount + 1", &["movements", "held"]),
        (
            1305,
            "update withdrawals set state = 'canceled', closing_transfer = id",
            &["movements", "held"],
        ),
        (1306, "update envelopes set counted = counted - 1", &["spending", "envelopes"]),
        (1307, "update envelopes set amount_claimed = amount_claimed + 1", &["held", "envelopes"]),
        (1308, "update envelopes set claimed = claimed + 1", &["envelopes"]),
        (
            1309,
            "update envelope_shares set amount = amount + 1 where claim is null and n = 2",
            &["envelopes"],
        ),
        (1310, "update envelope_shares set n = 9 where claim is not null", &["envelopes"]),
        (
            1311,
            "update envelope_shares set claim = null, payer = null, transfer = null",
            &["movements", "envelopes"],
        ),
        (1312, "update payers set day_pin = 0, month_spent = 0", &["spending"]),
    ] {
        let world = books(seed).await;
        let mut database = world.database().await;
        sqlx::raw_sql(AssertSqlSafe(tampering)).execute(&mut database).await.unwrap();
        drop(database);
        assert_eq!(broken(&world).await, checks, "{tampering}");
    }
}
