//! Idempotency keys and former handles are forgotten after 30 days, nonces after an hour, what API
//! keys were used for after 400 days, references never.

use std::time::Duration;

use wallet_tests::{Charge, World};

use crate::DATABASE;

/// When to give up on the server's forgetting, which it begins at once after its start.
const DEADLINE: Duration = Duration::from_mins(1);
const DAY_SECONDS: i64 = 24 * 60 * 60;

/// Starts the server again after something has happened, by which it believes its clock: one that is
/// more than a day after the last batch is doubted for an hour.
async fn restart_among_others(world: &mut World, other: &str) {
    let _ = world.payer(other, "1.00").await;
    world.restart().await;
}

async fn kept_answers(world: &World) -> i64 {
    world.standing().await.kept_answers
}

#[tokio::test]
async fn a_key_is_forgotten_after_its_time_and_its_payment_is_still_made_once() {
    let mut world = World::start(DATABASE, 77).await;
    let till = world.merchant("Tea House").await;
    let mut phone = world.payer("Wei", "50.00").await;
    let charge = Charge::new("order-1", &phone.code(&world, "20.00"), "12.50");
    let first = till.charge(&charge).await.created();

    world.advance_seconds(30 * DAY_SECONDS);
    restart_among_others(&mut world, "Mei").await;
    assert_eq!(kept_answers(&world).await, 3, "a key is kept for 30 days");

    world.advance_seconds(DAY_SECONDS);
    restart_among_others(&mut world, "Bo").await;
    let forgotten = async {
        while kept_answers(&world).await > 2 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(DEADLINE, forgotten).await.expect("keys are kept for ever");

    let again = till.at(&world).charge(&charge).await;
    assert_eq!((again.status, again.text("/id")), (first.status, first.text("/id")));
    assert_eq!(phone.balance(&world).await, "37.50");
}

async fn kept_nonces(world: &World) -> i64 {
    let mut database = world.database().await;
    let count = "select count(*) from device_nonces";
    sqlx::query_scalar(count).fetch_one(&mut database).await.unwrap()
}

#[tokio::test]
async fn a_nonce_is_forgotten_long_after_its_signature_is_too_old() {
    let mut world = World::start(DATABASE, 78).await;
    let phone = world.payer("Wei", "0").await;
    phone.set_pin(&world).await;
    world.advance_seconds(60 * 60);
    world.restart().await;
    assert_eq!(kept_nonces(&world).await, 1);
    world.advance_seconds(1);
    world.restart().await;
    let forgotten = async {
        while kept_nonces(&world).await > 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(DEADLINE, forgotten).await.expect("nonces are kept for ever");
}

async fn kept_handles(world: &World) -> i64 {
    let mut database = world.database().await;
    let count = "select count(*) from former_handles";
    sqlx::query_scalar(count).fetch_one(&mut database).await.unwrap()
}

#[tokio::test]
async fn whose_a_handle_was_is_forgotten_after_its_time() {
    let mut world = World::start(DATABASE, 79).await;
    let phone = world.payer("Wei", "0").await;
    for handle in ["wei", "wei2"] {
        let body = serde_json::json!({ "handle": handle });
        assert_eq!(phone.send(&world, "PUT", "/v1/wallet/handle", body).await.status, 200);
    }
    world.advance_seconds(30 * DAY_SECONDS);
    restart_among_others(&mut world, "Mei").await;
    assert_eq!(kept_handles(&world).await, 1);
    world.advance_seconds(1);
    world.restart().await;
    let forgotten = async {
        while kept_handles(&world).await > 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(DEADLINE, forgotten).await.expect("handles are kept for ever");
}

async fn kept_uses(world: &World) -> i64 {
    let mut database = world.database().await;
    let count = "select count(*) from api_key_uses";
    sqlx::query_scalar(count).fetch_one(&mut database).await.unwrap()
}

#[tokio::test]
async fn what_an_api_key_was_used_for_is_forgotten_after_its_time() {
    let mut world = World::start(DATABASE, 80).await;
    let till = world.merchant("Tea House").await;
    let _ = till.balance().await;
    // What was counted is written when the server stops.
    world.advance_seconds(400 * DAY_SECONDS);
    restart_among_others(&mut world, "Bo").await;
    assert_eq!(kept_uses(&world).await, 1);
    world.advance_seconds(60 * 60);
    world.restart().await;
    let forgotten = async {
        while kept_uses(&world).await > 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(DEADLINE, forgotten).await.expect("uses are kept for ever");
}
