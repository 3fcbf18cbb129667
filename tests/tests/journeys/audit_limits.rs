//! The limits of the past, computed anew: what counted then, what was given back since, and what the
//! issuer allows at all.

use serde_json::{Value, json};
use sqlx::AssertSqlSafe;
use wallet_core::Money;
use wallet_server::domain::limits::{LimitRules, Limits};
use wallet_tests::{Answer, Charge, PIN, Phone, Till, World};

use super::audit::{With, audit, wrong};
use super::envelopes::wait_for;
use super::transfers::receive_code;
use crate::DATABASE;

const NEW_PAYERS: [(&str, &str); 5] = [
    ("limits.new_payers.payment", "200.00"),
    ("limits.new_payers.day", "20.00"),
    ("limits.new_payers.month", "30.00"),
    ("limits.new_payers.without_pin", "14.50"),
    ("envelopes.life_hours", "1"),
];

async fn scene(seed: u64) -> (World, Till, Phone) {
    let world = World::start_with(DATABASE, seed, &NEW_PAYERS).await;
    let till = world.merchant("Tea House").await;
    let phone = world.payer("Wei", "500.00").await;
    phone.set_pin(&world).await;
    (world, till, phone)
}

async fn pay(world: &World, till: &Till, phone: &mut Phone, name: &str, amount: &str) -> Answer {
    let code = phone.code(world, "200.00");
    till.charge(&Charge::new(name, &code, amount)).await
}

async fn hold(world: &World, till: &Till, phone: &mut Phone, name: &str, amount: &str) -> String {
    let code = phone.code(world, "200.00");
    let charge = Charge::new(name, &code, amount).with("capture", "manual");
    till.charge(&charge).await.created().text("/id").to_owned()
}

async fn change(world: &World, statement: String) {
    let mut database = world.database().await;
    sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut database).await.unwrap();
}

/// What the audit finds.
async fn found(world: &World, rules: Option<LimitRules>) -> Vec<&'static str> {
    wrong(&audit(world, With { rules, ..With::keys(world) }).await)
}

/// A day on which the limit is used up several times over, because what was held is given back.
async fn full_day(world: &World, till: &Till, phone: &mut Phone) {
    let held = hold(world, till, phone, "held-1", "14.00").await;
    pay(world, till, phone, "over", "6.01").await.assert_problem(402, "declined_by_limit", "final");
    assert_eq!(till.cancel(&held, "cancel-1").await.status, 200);
    let held = hold(world, till, phone, "held-2", "14.50").await;
    assert_eq!(till.capture(&held, "capture-1", Some("5.00")).await.status, 200);
    // The PIN is asked for, and refused: it counted until then.
    let code = phone.code(world, "200.00");
    let asked = till.charge(&Charge::new("refused", &code, "15.00")).await.created();
    assert_eq!(asked.outcome(), "requires_confirmation");
    let path = format!("/v1/wallet/confirmations/{}/refuse", asked.text("/id"));
    assert_eq!(phone.post_under_key(world, &path, "r-1", &Value::Null).await.status, 200);
    let paid = pay(world, till, phone, "paid", "14.00").await.created();
    assert_eq!(till.cancel(paid.text("/id"), "cancel-2").await.status, 200);
    let refunded = pay(world, till, phone, "refunded", "5.00").await.created();
    let _ = till.refund(refunded.text("/id"), "refund-1", None).await.created();
    // 10.00 are spent. An envelope of which a part comes back, and a transfer.
    let other = world.payer("Li", "1.00").await;
    let to = receive_code(world, &other).await;
    let transfer = json!({ "receive_code": to, "amount": "2.00", "currency": "CNY", "pin": PIN });
    let _ = phone.post_under_key(world, "/v1/wallet/transfers", "t-1", &transfer).await.created();
    let envelope = json!({ "amount": "8.00", "currency": "CNY", "shares": 4, "split": "equal",
        "pin": PIN });
    let made = phone.post_under_key(world, "/v1/wallet/envelopes", "e-1", &envelope).await;
    let made = made.created();
    let claim = json!({ "token": made.json["token"] });
    let path = "/v1/wallet/envelopes/claim";
    let _ = other.post_under_key(world, path, "c-1", &claim).await.created();
    pay(world, till, phone, "last", "0.01").await.assert_problem(402, "declined_by_limit", "final");
    world.advance_seconds(60 * 60);
    let _ = wait_for(world, phone, &made, "expired").await;
    let _ = pay(world, till, phone, "after", "6.00").await.created();
}

#[tokio::test]
async fn a_limit_that_is_used_up_several_times_because_money_comes_back_is_no_fault() {
    let (mut world, till, mut phone) = scene(470).await;
    full_day(&world, &till, &mut phone).await;
    // The next day: the month's limit is what is left.
    world.advance_seconds(24 * 60 * 60);
    pay(&world, &till, &mut phone, "month", "10.01").await.assert_problem(
        402,
        "declined_by_limit",
        "final",
    );
    let _ = pay(&world, &till, &mut phone, "rest", "10.00").await.created();
    // Somebody turns the clock back: it counts on the later day.
    world.clock.advance_millis(-24 * 60 * 60 * 1000);
    let to = receive_code(&world, &world.payer("Mei", "1.00").await).await;
    let transfer = json!({ "receive_code": to, "amount": "0.01", "currency": "CNY", "pin": PIN });
    let over = phone.post_under_key(&world, "/v1/wallet/transfers", "t-2", &transfer).await;
    over.assert_problem(402, "declined_by_limit", "final");
    world.clock.advance_millis(32 * 24 * 60 * 60 * 1000);
    let _ = pay(&world, &till, &mut phone, "next-month", "13.00").await.created();
    world.placed().await;
    world.stop().await;
    assert_eq!(found(&world, None).await, [""; 0]);

    // What counted at that moment is what counts, and not what is left of it today.
    for (reference, column, spent, check) in [
        ("paid", "limit_day", 1900, "day_limits"),
        ("refunded", "limit_day", 1000, "day_limits"),
        ("after", "limit_day", 2000, "day_limits"),
        ("rest", "limit_month", 3000, "month_limits"),
        ("next-month", "limit_month", 1300, "month_limits"),
    ] {
        for (limit, expected) in [(spent - 1, vec![check]), (spent, vec![])] {
            let set =
                format!("update payments set {column} = {limit} where reference = '{reference}'");
            change(&world, set).await;
            assert_eq!(found(&world, None).await, expected, "{reference}: {limit}");
        }
    }
}

/// Sets one of them.
type Lower = fn(&mut LimitRules, Money);

/// The issuer's limits, changed.
fn rules(world: &World, change: impl FnOnce(&mut LimitRules)) -> LimitRules {
    let mut rules = world.settings().rules().unwrap().limits;
    change(&mut rules);
    rules
}

#[tokio::test]
async fn nothing_was_ever_allowed_that_the_issuer_does_not_allow_with_this_proof() {
    let (mut world, till, mut phone) = scene(471).await;
    let _ = pay(&world, &till, &mut phone, "order-1", "6.00").await.created();
    let _ = pay(&world, &till, &mut phone, "order-2", "5.00").await.created();
    let plate = till.ask("/v1/plates", "plate-1", json!({ "label": "tea" })).await.created();
    let code = json!({ "code": plate.json["payload"], "amount": "2.00", "currency": "CNY" });
    let _ = super::orders::pay(&world, &phone, "o-1", &code).await.created();
    let other = world.payer("Li", "1.00").await;
    let to = receive_code(&world, &other).await;
    let transfer = json!({ "receive_code": to, "amount": "7.00", "currency": "CNY", "pin": PIN });
    let _ = phone.post_under_key(&world, "/v1/wallet/transfers", "t-1", &transfer).await.created();
    world.placed().await;
    world.stop().await;
    assert_eq!(found(&world, Some(rules(&world, |_| ()))).await, [""; 0]);
    let yuan =
        |minor, rules: &LimitRules| Money::from_minor(minor, rules.issuer.payment.currency());
    // Each as low as it may be, and lower.
    let lower: [(&str, i64, Lower); 7] = [
        ("a payment", 700, |rules, limit| rules.issuer.payment = limit),
        ("a day", 2000, |rules, limit| rules.issuer.day = limit),
        ("a month", 2000, |rules, limit| rules.issuer.month = limit),
        ("without the PIN", 600, |rules, limit| rules.issuer.without_pin = limit),
        ("by static codes", 200, |rules, limit| rules.proof.static_code = limit),
        ("by codes", 1100, |rules, limit| rules.proof.code = limit),
        ("with the PIN", 2000, |rules, limit| rules.proof.pin = limit),
    ];
    for (what, limit, set) in lower {
        for (limit, expected) in [(limit, vec![]), (limit - 1, vec!["issuer_limits"])] {
            let rules = rules(&world, |rules| {
                let limit = yuan(limit, rules);
                set(rules, limit);
            });
            assert_eq!(found(&world, Some(rules)).await, expected, "{what}: {limit}");
        }
    }
    for (count, expected) in [(2, vec![]), (1, vec!["issuer_limits"])] {
        let rules = rules(&world, |rules| {
            rules.issuer = Limits { without_pin_count: count, ..rules.issuer };
        });
        assert_eq!(found(&world, Some(rules)).await, expected, "{count} without the PIN");
    }
}
