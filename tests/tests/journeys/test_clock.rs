//! A clock that tests move: what ends with the time ends, time never goes back, and nothing live is
//! anywhere near.

use std::time::Duration;

use crate::DATABASE;
use serde_json::{Value, json};
use wallet_tests::{Answer, Charge, Till, World};

use super::test_mode::{charge, decided, scene, test_till};
use super::transfers::assert_books_are_right;

const ON: &[(&str, &str)] = &[("test_clock", "true")];
const DAY: i64 = 24 * 60 * 60;

async fn advance(till: &Till, seconds: i64) -> Answer {
    let body = json!({ "seconds": seconds }).to_string();
    till.post("/v1/test/clock/advance", &[], body).await
}

async fn shown(till: &Till) -> (String, Value) {
    let clock = till.get("/v1/test/clock").await;
    (clock.text("/now").to_owned(), clock.json["advanced_seconds"].clone())
}

fn at(time: &str, ahead: i64) -> (String, Value) {
    (time.to_owned(), json!(ahead))
}

#[tokio::test]
async fn what_waits_for_its_payer_expires_when_the_clock_is_moved_past_its_time() {
    let (world, till) = scene(1501, ON).await;
    assert_eq!(shown(&till).await, at("2027-01-15T08:00:07.000Z", 0));
    let payment = charge(&till, "confirmation_timeout", "order-1").await.created();
    let early = advance(&till, 59).await;
    assert_eq!(early.json["advanced_seconds"], 59, "{}", early.text);
    let path = format!("/v1/payments/{}", payment.text("/id"));
    assert_eq!(till.get(&path).await.outcome(), "requires_confirmation");
    assert_eq!(advance(&till, 1).await.text("/now"), "2027-01-15T08:01:07.000Z");
    assert_eq!(decided(&till, &payment).await.outcome(), "expired");

    // Codes, and everything else, go by the same clock.
    let _ = advance(&till, 30 * DAY).await;
    assert_eq!(charge(&till, "succeeded", "order-2").await.outcome(), "succeeded");
    let now = till.get("/v1/payments?reference=order-2").await;
    assert!(now.text("/data/0/created_at").starts_with("2027-02-14"), "{}", now.text);
    assert_books_are_right(world).await;
}

#[tokio::test]
async fn what_is_held_for_a_capture_is_free_again_when_its_time_is_over() {
    let (world, till) = scene(1508, ON).await;
    let code = super::test_mode::code(&till, "succeeded").await;
    let charge = Charge::new("order-1", &code, "12.50").with("capture", "manual");
    let payment = till.charge(&charge).await.created();
    assert_eq!(payment.text("/expires_at"), "2027-01-22T08:00:07.000Z", "{}", payment.text);
    let path = format!("/v1/payments/{}", payment.text("/id"));
    let _ = advance(&till, 7 * DAY - 1).await;
    assert_eq!(till.get(&path).await.outcome(), "authorized");
    let _ = advance(&till, 1).await;
    let ended = async {
        while till.get(&path).await.outcome() == "authorized" {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_mins(1), ended).await.expect("it ends");
    assert_eq!(till.get(&path).await.outcome(), "expired");
    assert_books_are_right(world).await;
}

#[tokio::test]
async fn a_clock_that_was_moved_stays_so_and_does_not_go_further_than_it_may() {
    let (mut world, till) = scene(1502, ON).await;
    let _ = advance(&till, 300 * DAY).await;
    world.restart().await;
    let till = till.at(&world);
    assert_eq!(shown(&till).await, at("2027-11-11T08:00:07.000Z", 300 * DAY));
    for seconds in [0, -1, 100 * DAY + 1, i64::from(u32::MAX), i64::MAX] {
        advance(&till, seconds).await.assert_points_at("/seconds");
    }
    let path = "/v1/test/clock/advance";
    for (body, pointer) in
        [("{}", ""), ("{\"seconds\":\"1\"}", "/seconds"), ("{\"seconds\":1,\"x\":1}", "/x")]
    {
        till.post(path, &[], body).await.assert_points_at(pointer);
    }
    assert_eq!(advance(&till, 100 * DAY).await.json["advanced_seconds"], json!(400 * DAY));
    advance(&till, 1).await.assert_points_at("/seconds");
    assert_eq!(charge(&till, "succeeded", "order-1").await.outcome(), "succeeded");
    assert_books_are_right(world).await;
}

#[tokio::test]
async fn ten_who_move_the_clock_at_once_move_it_by_all_of_it() {
    let (world, till) = scene(1503, ON).await;
    let _answers = wallet_tests::at_once((0..10).map(|_| advance(&till, 60))).await;
    assert_eq!(shown(&till).await.1, json!(600));
    assert_books_are_right(world).await;
}

#[tokio::test]
async fn books_whose_clock_tests_move_hold_nothing_live() {
    let (mut world, _till) = scene(1504, ON).await;
    for (path, body) in [
        ("/v1/operator/merchants", json!({ "name": "Tea House" })),
        ("/v1/operator/merchants", json!({ "name": "Tea House", "mode": "live" })),
        ("/v1/operator/payers", json!({ "name": "Wei" })),
    ] {
        let answer = world.operator_post(path, body).await;
        answer.assert_problem(409, "test_clock_on", "final");
    }
    // Nor if the server had a bug: the database refuses it.
    let mut database = world.database().await;
    let id = DATABASE.choose("x'01'", "decode('01', 'hex')");
    let live = format!(
        "insert into merchants (id, mode, name, state, account, currency, fee_basis_points, \
            fee_fixed, created_at) \
         select {id}, 'live', name, state, account, currency, 0, 0, 0 from merchants limit 1"
    );
    let error = sqlx::raw_sql(sqlx::AssertSqlSafe(live)).execute(&mut database).await.unwrap_err();
    assert!(error.to_string().contains("merchants_of_test_books"), "{error}");
    drop(database);
    // And an ordinary server leaves them alone.
    let error = world.restart_with(&[]).await.unwrap_err().to_string();
    assert!(error.contains("test_clock = true"), "{error}");
    world.restart_with(ON).await.unwrap();
}

#[tokio::test]
async fn nobody_moves_the_clock_of_an_ordinary_server_nor_of_live_books() {
    for live in ["merchant", "payer"] {
        let mut world = World::start(DATABASE, 1505).await;
        let till = test_till(&world).await;
        let clock = till.get("/v1/test/clock").await;
        clock.assert_problem(409, "test_clock_off", "final");
        advance(&till, 1).await.assert_problem(409, "test_clock_off", "final");
        let path = format!("/v1/operator/{live}s");
        let made = world.operator_post(&path, json!({ "name": "Wei", "mode": "live" })).await;
        let _ = made.created();
        let error = world.restart_with(ON).await.unwrap_err().to_string();
        assert!(error.contains("live"), "{error}");
        let mut database = world.database().await;
        let mark = "update issuer set test_ahead_seconds = 0";
        let error = sqlx::raw_sql(mark).execute(&mut database).await.unwrap_err();
        assert!(error.to_string().contains("issuer_keeps_live"), "{error}");
        drop(database);
        world.restart_with(&[]).await.unwrap();
    }
}

#[tokio::test]
async fn books_that_hold_nothing_live_become_books_with_such_a_clock() {
    let (mut world, till) = scene(1506, &[]).await;
    assert_eq!(charge(&till, "succeeded", "order-1").await.outcome(), "succeeded");
    world.restart_with(ON).await.unwrap();
    let till = till.at(&world);
    assert_eq!(advance(&till, DAY).await.json["advanced_seconds"], json!(DAY));
    assert_eq!(charge(&till, "succeeded", "order-2").await.outcome(), "succeeded");
    assert_books_are_right(world).await;
}

#[tokio::test]
async fn a_long_poll_does_not_end_because_the_clock_was_moved() {
    let (world, till) =
        scene(1507, &[ON, &[("confirmation.wait_seconds", "86400")]].concat()).await;
    let payment = charge(&till, "requires_confirmation", "order-1").await.created();
    let path = format!("/v1/payments/{}?wait=25", payment.text("/id"));
    let waiting = till.get(&path);
    let moving = async {
        let _ = advance(&till, 3600).await;
        super::test_mode::decide(&till, &payment, "confirm", "k").await
    };
    let both = async { tokio::join!(waiting, moving) };
    let (told, confirmed) =
        tokio::time::timeout(Duration::from_mins(1), both).await.expect("it is told");
    assert_eq!((told.outcome(), confirmed.outcome()), ("succeeded", "succeeded"));
    assert_books_are_right(world).await;
}
