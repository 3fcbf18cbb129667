//! API keys at two servers: what one changes the other knows, and what both count adds up.

use serde_json::json;
use wallet_tests::{Charge, Database, World, at_once};

#[tokio::test]
async fn two_servers_add_up_what_a_key_was_used_for() {
    let world = World::start(Database::Postgres, 91).await;
    let other = world.start_beside(591).await;
    let till = world.merchant("Tea House").await;
    let tills = [till.clone(), till.connected_to(&other)];
    let path = format!("/v1/operator/merchants/{}/api_keys", till.merchant);
    let id = world.operator_get(&path).await.text("/data/0/id").to_owned();
    for round in 0..3 {
        let statuses = at_once(tills.iter().cycle().take(10).map(|till| till.get("/v1/balance")));
        assert!(statuses.await.iter().all(|answer| answer.status == 200));
        if round < 2 {
            world.advance_seconds(1);
        }
    }
    // The other one writes what it has counted when it stops, this one when it is asked.
    other.shutdown().await;
    let uses = world.operator_get(&format!("/v1/operator/api_keys/{id}/uses")).await;
    let row = &uses.json["data"][0];
    assert_eq!((&row["count"], uses.json["data"].as_array().unwrap().len()), (&json!(30), 1));
    assert_eq!(row["last_at"], "2027-01-15T08:00:09.000Z");
    let key = world.operator_get(&format!("/v1/operator/api_keys/{id}")).await;
    assert_eq!(key.text("/last_used_at"), "2027-01-15T08:00:09.000Z");
}

#[tokio::test]
async fn a_key_that_was_rotated_at_one_server_ends_at_the_other_as_well() {
    let world = World::start(Database::Postgres, 92).await;
    let other = world.start_beside(592).await;
    let till = world.merchant("Tea House").await;
    let mut phone = world.payer("Wei", "500.00").await;
    let remote = till.connected_to(&other);
    let first = Charge::new("order-1", &phone.code(&world, "20.00"), "1.00");
    // The other server remembers the key from here on, and hears of nothing.
    let _ = remote.charge(&first).await.created();
    let path = format!("/v1/operator/merchants/{}/api_keys", till.merchant);
    let id = world.operator_get(&path).await.text("/data/0/id").to_owned();
    let path = format!("/v1/operator/api_keys/{id}/rotate");
    let made = world.operator_post(&path, json!({ "overlap_hours": 1 })).await.created();
    let new = remote.with_key(made.text("/secret"));
    assert!(remote.charge(&first).await.replayed && new.charge(&first).await.replayed);

    world.advance_seconds(60 * 60);
    let next = Charge::new("order-2", &phone.code(&world, "20.00"), "1.00");
    for charge in [&first, &next] {
        remote.charge(charge).await.assert_problem(401, "unauthorized", "retry");
    }
    remote.get("/v1/balance").await.assert_problem(401, "unauthorized", "retry");
    let _ = new.charge(&next).await.created();
    assert_eq!(phone.balance(&world).await, "498.00");
    other.shutdown().await;
}
