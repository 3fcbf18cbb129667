//! What a payer may spend: a payment, a day, a month, and by the strength of the proof.

use crate::DATABASE;
use serde_json::json;
use wallet_tests::{Answer, Charge, PIN, Phone, Till, World, at_once};

async fn scene(seed: u64, changes: &[(&str, &str)]) -> (World, Till, Phone) {
    let world = World::start_with(DATABASE, seed, changes).await;
    let till = world.merchant("Tea House").await;
    let phone = world.payer("Wei", "5000.00").await;
    phone.set_pin(&world).await;
    (world, till, phone)
}

async fn charge(world: &World, till: &Till, phone: &mut Phone, name: &str, amount: &str) -> Answer {
    let code = phone.code(world, "2000.00");
    till.charge(&Charge::new(name, &code, amount)).await
}

/// What is left of the day and of the month.
async fn left(world: &World, phone: &Phone) -> [String; 2] {
    let limits = phone.get(world, "/v1/wallet/limits").await;
    ["/left/day", "/left/month"].map(|left| limits.text(left).to_owned())
}

/// The last thing that happened, as the payer sees it.
async fn latest(world: &World, phone: &Phone) -> Answer {
    phone.get(world, "/v1/wallet/activity?limit=1").await
}

#[tokio::test]
async fn the_payer_learns_which_limit_was_in_the_way_and_the_merchant_does_not() {
    let (world, till, mut phone) = scene(1201, &[("limits.new_payers.month", "330.00")]).await;
    for (name, amount, limit, remaining) in [
        ("order-1", "200.01", "payment", "200.00"),
        ("order-2", "180.00", "", ""),
        ("order-3", "150.01", "month", "150.00"),
    ] {
        let answer = charge(&world, &till, &mut phone, name, amount).await;
        let seen = latest(&world, &phone).await;
        let data = &seen.json["data"][0];
        if limit.is_empty() {
            assert_eq!(answer.outcome(), "succeeded");
            assert_eq!(data["limit"], json!(null));
            continue;
        }
        answer.assert_problem(402, "declined_by_limit", "final");
        assert!(!answer.text.contains("remaining") && !answer.text.contains("month"));
        assert_eq!((&data["limit"], &data["remaining"]), (&json!(limit), &json!(remaining)));
    }
}

#[tokio::test]
async fn beyond_what_a_day_allows_without_the_pin_the_payer_is_asked_and_beyond_that_refused() {
    let changes = [("limits.proof.code", "300.00"), ("limits.proof.pin", "450.00")];
    let (world, till, mut phone) = scene(1202, &changes).await;
    let paid = charge(&world, &till, &mut phone, "order-1", "200.00").await.created();
    assert_eq!(paid.outcome(), "succeeded");
    let asked = charge(&world, &till, &mut phone, "order-2", "101.00").await.created();
    assert_eq!(asked.outcome(), "requires_confirmation");
    let shown = phone.get(&world, "/v1/wallet/confirmations").await;
    assert_eq!(shown.json["data"][0]["reason"], "day");
    // The money is held, so its share of the limit is as well.
    let over = charge(&world, &till, &mut phone, "order-3", "150.00").await;
    over.assert_problem(402, "declined_by_limit", "final");
    let seen = latest(&world, &phone).await;
    assert_eq!(seen.json["data"][0]["limit"], "proof");
    assert_eq!(seen.json["data"][0]["remaining"], "149.00");

    let refuse = format!("/v1/wallet/confirmations/{}/refuse", asked.text("/id"));
    let answer = phone.post_under_key(&world, &refuse, "refuse", &json!(null)).await;
    assert_eq!(answer.outcome(), "declined");
    let fits = charge(&world, &till, &mut phone, "order-4", "150.00").await.created();
    assert_eq!(fits.outcome(), "requires_confirmation", "what was released counts no more");
}

#[tokio::test]
async fn what_is_released_after_midnight_gives_its_share_back_to_the_day_before() {
    let (world, till, mut phone) = scene(1203, &[("limits.new_payers.without_pin", "0.00")]).await;
    // The world begins at 16:00 in Shanghai: on to 23:59:30.
    world.advance_seconds(8 * 3600 - 30 - 7);
    let asked = charge(&world, &till, &mut phone, "order-1", "200.00").await.created();
    assert_eq!(asked.outcome(), "requires_confirmation");
    assert_eq!(left(&world, &phone).await, ["800.00", "9800.00"]);
    world.advance_seconds(40);
    assert_eq!(left(&world, &phone).await, ["1000.00", "9800.00"], "it counted yesterday");
    let today = charge(&world, &till, &mut phone, "order-2", "150.00").await.created();
    assert_eq!(today.outcome(), "requires_confirmation");
    assert_eq!(left(&world, &phone).await, ["850.00", "9650.00"]);
    let refuse = format!("/v1/wallet/confirmations/{}/refuse", asked.text("/id"));
    let answer = phone.post_under_key(&world, &refuse, "refuse", &json!(null)).await;
    assert_eq!(answer.outcome(), "declined");
    assert_eq!(left(&world, &phone).await, ["850.00", "9850.00"], "today has no more than before");
}

#[tokio::test]
async fn a_day_limit_is_exact_when_everything_comes_at_once() {
    // Some wait, some are paid at once: together twice the day's limit. Each code is of another
    // device, so that none is used because a later one came first.
    let changes = [
        ("limits.new_payers.day", "300.00"),
        ("limits.new_payers.without_pin", "50.00"),
        ("devices.new_hours", "0"),
        ("pin.tries_a_minute", "100"),
    ];
    let (world, till, phone) = scene(1204, &changes).await;
    let mut phones = Vec::new();
    for number in 0..12 {
        phones.push(phone.another(&world, &format!("phone {number}")).await);
    }
    let charges: Vec<Charge> = (0_u32..)
        .zip(&mut phones)
        .map(|(number, phone)| {
            let amount = if number % 2 == 0 { "60.00" } else { "40.00" };
            Charge::new(&format!("order-{number}"), &phone.code(&world, "200.00"), amount)
        })
        .collect();
    let answers = at_once(charges.iter().map(|charge| till.charge(charge))).await;
    let (mut counted, mut least_refused) = (0, i64::MAX);
    for (answer, number) in answers.iter().zip(0..) {
        let amount = if number % 2 == 0 { 60 } else { 40 };
        match answer.outcome() {
            "succeeded" | "requires_confirmation" => counted += amount,
            "declined_by_limit" => least_refused = least_refused.min(amount),
            outcome => panic!("{outcome}"),
        }
    }
    let left = 300 - counted;
    assert!((0..least_refused).contains(&left), "{left} is left, {least_refused} was refused");
    let of_limits = async || {
        let balance = phone.get(&world, "/v1/wallet/balance").await;
        ["/available", "/limits/day_left"].map(|field| balance.text(field).to_owned())
    };
    let expected = [format!("{}.00", 5000 - counted), format!("{left}.00")];
    assert_eq!(of_limits().await, expected);
    for (answer, phone) in answers.iter().zip(&phones) {
        if answer.outcome() == "requires_confirmation" {
            let id = answer.text("/id");
            let path = format!("/v1/wallet/confirmations/{id}/confirm");
            let confirmed = phone.post_under_key(&world, &path, id, &json!({ "pin": PIN })).await;
            assert_eq!(confirmed.outcome(), "succeeded");
        }
    }
    assert_eq!(of_limits().await, expected, "what is confirmed counted before");
}
