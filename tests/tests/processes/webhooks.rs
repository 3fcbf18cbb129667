//! Webhooks from several servers on one database: one of them tells, and another goes on when that
//! one has gone.

use crate::DATABASE;
use wallet_tests::{Charge, Receiver, World};

use crate::journeys::webhooks::{SETTINGS, create};

#[tokio::test]
async fn one_server_tells_what_all_of_them_settled_and_another_goes_on() {
    let mut world = World::start_with(DATABASE, 2301, &SETTINGS).await;
    let till = world.merchant("Tea House").await;
    let mut phone = world.payer("Wei", "500.00").await;
    let receiver = Receiver::start().await;
    let body = serde_json::json!({ "url": receiver.url() });
    let _ = create(&till, body).await.created();
    let second = world.start_beside(2302).await;
    let other_till = till.connected_to(&second);
    for number in 0..10 {
        let till = if number % 2 == 0 { &till } else { &other_till };
        let charge = Charge::new(&format!("order-{number}"), &phone.code(&world, "20.00"), "1.00");
        let _ = till.charge(&charge).await.created();
    }
    let told = receiver.wait_for(10).await;
    let positions: Vec<i64> =
        told.iter().map(|it| it.id.split('_').nth(1).unwrap().parse().unwrap()).collect();
    assert!(positions.is_sorted(), "{positions:?}");
    assert_eq!(told.len(), 10, "one of them tells: {told:?}");

    world.stop().await;
    let charge = Charge::new("order-10", &phone.code(&world, "20.00"), "1.00");
    let _ = other_till.charge(&charge).await.created();
    let told = receiver.wait_for(11).await;
    let mut ids: Vec<String> = told.into_iter().map(|webhook| webhook.id).collect();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 11);
    second.shutdown().await;
}
