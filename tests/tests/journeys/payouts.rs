//! Merchants have money paid out, and the operator pays it or gives it back.

use serde_json::{Value, json};
use wallet_tests::{Answer, Charge, Till, World, at_once};

use super::transfers::assert_books_are_right;
use crate::DATABASE;

const PATH: &str = "/v1/payouts";
const OPERATORS: &str = "/v1/operator/payouts";
const ACCOUNT: &str = "DE89370400440532013000";

pub(crate) fn destination() -> Value {
    json!({ "holder": "Tea House Ltd", "account": ACCOUNT, "bank": "COBADEFFXXX" })
}

/// Says where a merchant's payouts go to.
pub(crate) async fn set_destination(world: &World, merchant: &str, body: &Value) -> Answer {
    let path = format!("/v1/operator/merchants/{merchant}/payout_destination");
    world.operator_send("PUT", &path, None, body.to_string().into_bytes()).await
}

/// A merchant that is owed 100.00, and whose account the operator knows.
pub(crate) async fn scene(seed: u64) -> (World, Till) {
    let world = World::start(DATABASE, seed).await;
    let till = world.merchant("Tea House").await;
    earn(&world, &till, "Wei", "100.00").await;
    let set = set_destination(&world, &till.merchant, &destination()).await;
    assert_eq!(set.status, 200, "{}", set.text);
    (world, till)
}

/// A payer pays a merchant.
async fn earn(world: &World, till: &Till, payer: &str, amount: &str) -> String {
    let mut phone = world.payer(payer, "200.00").await;
    let code = phone.code(world, "200.00");
    let reference = format!("order-{}", phone.payer);
    let paid = till.charge(&Charge::new(&reference, &code, amount)).await.created();
    paid.text("/id").to_owned()
}

fn amount(amount: &str) -> Value {
    json!({ "amount": amount, "currency": "CNY" })
}

/// What the operator says about a payout.
pub(crate) async fn tell(world: &World, id: &str, verb: &str, key: &str, body: Value) -> Answer {
    world.operator_post_under_key(&format!("{OPERATORS}/{id}/{verb}"), key, body).await
}

async fn cancel(till: &Till, id: &str, key: &str) -> Answer {
    till.ask(&format!("{PATH}/{id}/cancel"), key, Value::Null).await
}

/// What a merchant has free and held.
pub(crate) async fn balance(till: &Till) -> [String; 2] {
    let balance = till.get("/v1/balance").await;
    ["/balances/0/available", "/balances/0/held"].map(|field| balance.text(field).to_owned())
}

async fn bank(world: &World) -> String {
    let books = world.books().await;
    books.into_iter().find(|row| row.0 == "bank").unwrap().1
}

fn ids(list: &Answer) -> Vec<&str> {
    let rows = list.json["data"].as_array().unwrap_or_else(|| panic!("{}", list.text)).iter();
    rows.map(|row| row["id"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn money_is_held_until_the_bank_has_paid_it_and_then_it_has_left() {
    let (world, till) = scene(3101).await;
    let body = json!({ "amount": "60.00", "currency": "CNY", "description": "rent",
        "metadata": { "month": "11" } });
    let answer = till.ask(PATH, "p-1", body.clone()).await.created();
    let id = answer.text("/id").to_owned();
    assert!(id.starts_with("po_"));
    let expected = json!({ "object": "payout", "mode": "live", "state": "authorized",
        "amount": "60.00", "currency": "CNY", "description": "rent", "metadata": { "month": "11" },
        "destination": { "holder": "Tea House Ltd", "account": "**3000", "bank": "COBADEFFXXX" },
        "external_reference": null, "return_reason": null, "paid_at": null });
    for (field, value) in expected.as_object().unwrap() {
        assert_eq!(&answer.json[field], value, "{field} in {}", answer.text);
    }
    assert_eq!(answer.json["created_at"], answer.json["decided_at"]);
    assert!(!answer.text.contains(ACCOUNT), "a merchant's keys show no account: {}", answer.text);
    assert_eq!(balance(&till).await, ["40.00", "60.00"]);
    assert_eq!(bank(&world).await, "200.00");

    world.advance_seconds(5);
    let reference = json!({ "external_reference": "out-1" });
    let paid = tell(&world, &id, "pay", "o-1", reference.clone()).await;
    assert_eq!((paid.status.as_u16(), paid.outcome()), (200, "succeeded"), "{}", paid.text);
    assert_eq!(paid.text("/destination/account"), ACCOUNT);
    assert_eq!(paid.text("/merchant"), till.merchant);
    assert_eq!(paid.text("/external_reference"), "out-1");
    assert_eq!(paid.json["paid_at"], paid.json["decided_at"]);
    assert_eq!(paid.json["created_at"], answer.json["created_at"]);
    assert_eq!(balance(&till).await, ["40.00", "0.00"]);
    assert_eq!(bank(&world).await, "140.00");

    let before = world.standing().await;
    let again = till.ask(PATH, "p-1", body).await;
    assert_eq!((&again.text, again.replayed), (&answer.text, true));
    let again = tell(&world, &id, "pay", "o-1", reference.clone()).await;
    assert_eq!((&again.text, again.replayed), (&paid.text, true));
    let other = till.ask(PATH, "p-1", amount("1.00")).await;
    other.assert_problem(422, "idempotency_key_reused", "retry");
    let twice = tell(&world, &id, "pay", "o-2", reference).await;
    twice.assert_problem(409, "payout_closed", "retry");
    cancel(&till, &id, "c-1").await.assert_problem(409, "payout_closed", "retry");
    assert_eq!(world.standing().await, before);

    let now = till.get(&format!("{PATH}/{id}")).await;
    assert_eq!((now.outcome(), now.text("/external_reference")), ("succeeded", "out-1"));
    assert_eq!(now.json["receipt"], paid.json["receipt"], "one receipt for both");
    assert_eq!(ids(&till.get(PATH).await), [id.as_str()]);
    assert_eq!(ids(&till.get(&format!("{PATH}?state=succeeded")).await), [id.as_str()]);
    assert_eq!(ids(&till.get(&format!("{PATH}?state=authorized")).await), [""; 0]);
    let entries = world.operator_get(&format!("/v1/operator/entries?subject={id}")).await;
    assert_eq!(entries.json["data"].as_array().unwrap().len(), 4, "{}", entries.text);
    assert_books_are_right(world).await;
}

#[tokio::test]
async fn a_merchant_calls_a_payout_off_and_has_its_money_again() {
    let (world, till) = scene(3102).await;
    let all = till.ask(PATH, "p-1", json!({})).await.created();
    assert_eq!(all.text("/amount"), "100.00", "all that is available: {}", all.text);
    let more = till.ask(PATH, "p-2", json!({})).await;
    more.assert_problem(422, "balance_insufficient", "final");
    let off = cancel(&till, all.text("/id"), "c-1").await;
    assert_eq!((off.status.as_u16(), off.outcome()), (200, "canceled"), "{}", off.text);
    assert!(off.json["return_reason"].is_null() && off.json["paid_at"].is_null());
    assert_eq!(balance(&till).await, ["100.00", "0.00"]);
    // The request that was refused stays so, although the money is there now.
    let more = till.ask(PATH, "p-2", json!({})).await;
    more.assert_problem(422, "balance_insufficient", "final");
    let again = cancel(&till, all.text("/id"), "c-1").await;
    assert_eq!((&again.text, again.replayed), (&off.text, true));
    cancel(&till, all.text("/id"), "c-2").await.assert_problem(409, "payout_closed", "retry");
    assert_books_are_right(world).await;
}

#[tokio::test]
async fn what_the_bank_returns_is_the_merchants_again_also_after_it_was_paid() {
    let (world, till) = scene(3103).await;
    let reason = json!({ "reason": "no such account" });
    for (n, paid) in [false, true].into_iter().enumerate() {
        let payout = till.ask(PATH, &format!("p-{n}"), json!({})).await.created();
        let id = payout.text("/id");
        if paid {
            let reference = json!({ "external_reference": "out-1" });
            let paid = tell(&world, id, "pay", "o-1", reference).await;
            assert_eq!(paid.outcome(), "succeeded", "{}", paid.text);
            assert_eq!(bank(&world).await, "100.00");
        }
        let back = tell(&world, id, "return", &format!("r-{n}"), reason.clone()).await;
        assert_eq!((back.status.as_u16(), back.outcome()), (200, "canceled"), "{}", back.text);
        assert_eq!(back.json["paid_at"].is_null(), !paid);
        assert_eq!(back.json["external_reference"].is_null(), !paid);
        let seen = till.get(&format!("{PATH}/{id}")).await;
        assert_eq!(seen.text("/return_reason"), "no such account");
        assert_eq!(balance(&till).await, ["100.00", "0.00"]);
        assert_eq!(bank(&world).await, "200.00");
        // What was answered before it came back is still what is answered.
        let again = till.ask(PATH, &format!("p-{n}"), json!({})).await;
        assert_eq!((&again.text, again.replayed), (&payout.text, true));
        let twice = tell(&world, id, "return", &format!("t-{n}"), reason.clone()).await;
        twice.assert_problem(409, "payout_closed", "retry");
        let entries = world.operator_get(&format!("/v1/operator/entries?subject={id}")).await;
        let lines = if paid { 6 } else { 4 };
        assert_eq!(entries.json["data"].as_array().unwrap().len(), lines, "{}", entries.text);
    }
    assert_books_are_right(world).await;
}

#[tokio::test]
async fn one_reference_of_the_bank_stands_for_one_payout() {
    let (world, till) = scene(3104).await;
    let reference = json!({ "external_reference": "out-1" });
    let mut payouts = Vec::new();
    for key in ["p-1", "p-2"] {
        payouts.push(till.ask(PATH, key, amount("5.00")).await.created());
    }
    let first = tell(&world, payouts[0].text("/id"), "pay", "o-1", reference.clone()).await;
    assert_eq!(first.status, 200, "{}", first.text);
    let before = world.standing().await;
    let second = tell(&world, payouts[1].text("/id"), "pay", "o-2", reference).await;
    second.assert_problem(409, "reference_conflict", "retry");
    assert_eq!(world.standing().await, before);
    assert_books_are_right(world).await;
}

#[tokio::test]
async fn payouts_and_refunds_at_once_never_take_more_than_there_is() {
    let world = World::start(DATABASE, 3105).await;
    let till = world.merchant("Tea House").await;
    let mut payments = Vec::new();
    for n in 0..4 {
        payments.push(earn(&world, &till, &format!("payer {n}"), "25.00").await);
    }
    let _ = set_destination(&world, &till.merchant, &destination()).await;
    // 100.00 are there; 200.00 are asked for in payouts and 100.00 in refunds.
    let asked = (0..30).map(|n| {
        let (till, payments) = (&till, &payments);
        async move {
            if n % 3 == 0 {
                let id = &payments[n / 3 % 4];
                till.refund(id, &format!("r-{n}"), Some("10.00")).await
            } else {
                till.ask(PATH, &format!("p-{n}"), amount("10.00")).await
            }
        }
    });
    let answers = at_once(asked).await;
    let done = answers.iter().filter(|answer| answer.status == 201).count();
    assert_eq!(done, 10, "{answers:?}");
    let codes = ["balance_insufficient", "refund_exceeds_payment"];
    let refused = answers.iter().filter(|answer| answer.status == 422);
    assert_eq!(refused.filter(|answer| codes.contains(&answer.text("/code"))).count(), 20);
    assert_eq!(balance(&till).await[0], "0.00");
    assert_books_are_right(world).await;
}

#[tokio::test]
async fn paying_returning_and_calling_off_at_once_have_one_winner() {
    let (world, till) = scene(3106).await;
    let payout = till.ask(PATH, "p-1", json!({})).await.created();
    let id = payout.text("/id");
    let asked = (0..12).map(|n| {
        let (world, till, key) = (&world, &till, format!("k-{n}"));
        async move {
            let reference = json!({ "external_reference": format!("out-{n}") });
            match n % 2 {
                0 => cancel(till, id, &key).await,
                _ => tell(world, id, "pay", &key, reference).await,
            }
        }
    });
    let answers = at_once(asked).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 1);
    let closed = answers.iter().filter(|answer| answer.text("/code") == "payout_closed");
    assert_eq!(closed.count(), 11);
    assert_books_are_right(world).await;
}

#[tokio::test]
async fn a_payout_takes_the_scope_for_it_and_is_its_merchants_own() {
    let (world, till) = scene(3107).await;
    let payout = till.ask(PATH, "p-1", amount("5.00")).await.created();
    let id = payout.text("/id");
    let keys = format!("/v1/operator/merchants/{}/api_keys", till.merchant);
    let others = json!({ "scopes": ["charge", "refund", "read"] });
    let weak = world.operator_post(&keys, others).await.created();
    let weak = till.with_key(weak.text("/secret"));
    let stranger = world.merchant("Noodle Bar").await;
    let test = world.merchant_with(json!({ "name": "Test House", "mode": "test" })).await;
    let before = world.standing().await;
    weak.ask(PATH, "p-2", amount("5.00")).await.assert_problem(403, "forbidden", "retry");
    cancel(&weak, id, "c-1").await.assert_problem(403, "forbidden", "retry");
    assert_eq!(weak.get(&format!("{PATH}/{id}")).await.outcome(), "authorized");
    let blind = world.operator_post(&keys, json!({ "scopes": ["payout"] })).await.created();
    let blind = till.with_key(blind.text("/secret"));
    blind.get(PATH).await.assert_problem(403, "forbidden", "retry");
    blind.get(&format!("{PATH}/{id}")).await.assert_problem(403, "forbidden", "retry");

    stranger.get(&format!("{PATH}/{id}")).await.assert_problem(404, "not_found", "retry");
    cancel(&stranger, id, "c-1").await.assert_problem(404, "not_found", "retry");
    assert_eq!(ids(&stranger.get(PATH).await), [""; 0]);
    cancel(&test, id, "c-1").await.assert_problem(404, "not_found", "retry");
    let list = world.operator_get(&format!("{OPERATORS}?merchant={}", stranger.merchant)).await;
    assert_eq!(ids(&list), [""; 0]);
    let list = world.operator_get(&format!("{OPERATORS}?merchant={}", till.merchant)).await;
    assert_eq!(ids(&list), [id]);
    assert_eq!(ids(&world.operator_get(&format!("{OPERATORS}?mode=test")).await), [""; 0]);
    let one = world.operator_get(&format!("{OPERATORS}/{id}")).await;
    assert_eq!(one.text("/destination/account"), ACCOUNT);
    assert_eq!(world.standing().await, before);
}

#[tokio::test]
async fn a_payout_goes_to_the_account_that_was_known_when_it_was_asked_for() {
    let world = World::start(DATABASE, 3108).await;
    let till = world.merchant("Tea House").await;
    earn(&world, &till, "Wei", "100.00").await;
    let path = format!("/v1/operator/merchants/{}/payout_destination", till.merchant);
    world.operator_get(&path).await.assert_problem(404, "not_found", "final");
    let nowhere = till.ask(PATH, "p-1", json!({})).await;
    nowhere.assert_problem(422, "payout_destination_missing", "final");
    let set = set_destination(&world, &till.merchant, &destination()).await;
    assert_eq!(set.text("/account"), ACCOUNT, "{}", set.text);
    assert_eq!(world.operator_get(&path).await.json, set.json);
    // What was refused stays refused under its key.
    let nowhere = till.ask(PATH, "p-1", json!({})).await;
    nowhere.assert_problem(422, "payout_destination_missing", "final");

    let first = till.ask(PATH, "p-2", amount("5.00")).await.created();
    let other = json!({ "holder": "Tea House Ltd", "account": "6222021234567890" });
    let set = set_destination(&world, &till.merchant, &other).await;
    assert!(set.json["bank"].is_null(), "{}", set.text);
    let second = till.ask(PATH, "p-3", amount("5.00")).await.created();
    for (payout, end) in [(&first, "**3000"), (&second, "**7890")] {
        let now = till.get(&format!("{PATH}/{}", payout.text("/id"))).await;
        assert_eq!(now.text("/destination/account"), end);
    }
    for (body, pointer) in [
        (json!({ "holder": "", "account": ACCOUNT }), "/holder"),
        (json!({ "holder": "x", "account": "DE89 3704" }), "/account"),
        (json!({ "holder": "x", "account": "12345" }), "/account"),
        (json!({ "holder": "x", "account": ACCOUNT, "bank": "" }), "/bank"),
        (json!({ "holder": "x", "account": ACCOUNT, "iban": "x" }), "/iban"),
        (json!({ "account": ACCOUNT }), ""),
    ] {
        set_destination(&world, &till.merchant, &body).await.assert_points_at(pointer);
    }
    let unknown = set_destination(&world, "mer_00", &destination()).await;
    unknown.assert_problem(404, "not_found", "final");
    let now = world.operator_get(&path).await;
    assert_eq!(now.text("/account"), "6222021234567890", "nothing has changed");
}

#[tokio::test]
async fn the_operator_has_money_paid_out_for_a_merchant_that_is_closed() {
    let (world, till) = scene(3109).await;
    let close = format!("/v1/operator/merchants/{}/close", till.merchant);
    let _ = world.operator_post(&close, json!({})).await;
    let mut phone = world.payer("Lin", "50.00").await;
    let code = phone.code(&world, "20.00");
    let charge = till.charge(&Charge::new("late", &code, "5.00")).await;
    charge.assert_problem(422, "currency_not_accepted", "final");
    let body = json!({ "merchant": till.merchant, "description": "the last one but one",
        "amount": "99.50", "currency": "CNY" });
    let payout = world.operator_post_under_key(OPERATORS, "o-1", body.clone()).await.created();
    assert_eq!((payout.outcome(), payout.text("/amount")), ("authorized", "99.50"));
    assert_eq!(payout.text("/merchant"), till.merchant);
    assert_eq!(balance(&till).await, ["0.50", "99.50"]);
    let again = world.operator_post_under_key(OPERATORS, "o-1", body).await;
    assert_eq!((&again.text, again.replayed), (&payout.text, true));
    // Less than a merchant may ask for, and it will never be more.
    let small = till.ask("/v1/payouts", "small", json!({})).await;
    small.assert_problem(422, "payout_too_small", "final");
    let rest = json!({ "merchant": till.merchant });
    let rest = world.operator_post_under_key(OPERATORS, "o-2", rest).await.created();
    assert_eq!(rest.text("/amount"), "0.50");
    assert_eq!(balance(&till).await, ["0.00", "100.00"]);
    for (body, code) in [
        (json!({ "merchant": "mer_01a2036666e37502ab6a225e520bffad" }), "not_found"),
        (json!({ "merchant": "mer_0" }), "invalid_request"),
        (json!({ "merchant": till.merchant }), "balance_insufficient"),
    ] {
        let answer = world.operator_post_under_key(OPERATORS, code, body).await;
        assert_eq!(answer.text("/code"), code, "{}", answer.text);
    }
    assert_books_are_right(world).await;
}

#[tokio::test]
async fn what_makes_no_sense_is_refused_by_name_and_nothing_moves() {
    let (world, till) = scene(3110).await;
    let before = world.standing().await;
    for (body, pointer) in [
        (json!({ "amount": "0", "currency": "CNY" }), "/amount"),
        (json!({ "amount": "-1.00", "currency": "CNY" }), "/amount"),
        (json!({ "amount": "1.001", "currency": "CNY" }), "/amount"),
        (json!({ "amount": "1.00" }), "/currency"),
        (json!({ "currency": "CNY" }), "/amount"),
        (json!({ "amount": "1.00", "currency": "XYZ" }), "/currency"),
        (json!({ "description": "" }), "/description"),
        (json!({ "description": "x".repeat(201) }), "/description"),
        (json!({ "metadata": { "": "x" } }), "/metadata"),
        (json!({ "destination": destination() }), "/destination"),
    ] {
        till.ask(PATH, "k", body).await.assert_points_at(pointer);
    }
    for (id, verb, body, code) in [
        ("po_00", "pay", json!({ "external_reference": "x" }), "not_found"),
        ("po_01a2036666e37502ab6a225e520bffad", "return", json!({ "reason": "x" }), "not_found"),
        ("po_00", "pay", json!({}), "invalid_request"),
        ("po_00", "pay", json!({ "external_reference": "" }), "invalid_request"),
        ("po_00", "return", json!({ "reason": "" }), "invalid_request"),
    ] {
        let answer = tell(&world, id, verb, "k", body).await;
        assert_eq!(answer.text("/code"), code, "{}", answer.text);
    }
    till.get(&format!("{PATH}?state=declined")).await.assert_points_at("/state");
    world.operator_get(&format!("{OPERATORS}?merchant=x")).await.assert_points_at("/merchant");
    assert_eq!(world.standing().await, before);
    // These are kept, so that a request that is late on its way moves nothing.
    for (n, (body, code)) in [
        (amount("0.99"), "payout_too_small"),
        (amount("100.01"), "balance_insufficient"),
        (amount("92233720368547758.07"), "balance_insufficient"),
        (json!({ "amount": "5.00", "currency": "USD" }), "currency_mismatch"),
    ]
    .into_iter()
    .enumerate()
    {
        let refused = till.ask(PATH, &format!("kept-{n}"), body.clone()).await;
        refused.assert_problem(422, code, "final");
        let again = till.ask(PATH, &format!("kept-{n}"), body).await;
        assert_eq!((&again.text, again.replayed), (&refused.text, true));
    }
    assert_eq!(balance(&till).await, ["100.00", "0.00"]);
    assert_books_are_right(world).await;
}

#[tokio::test]
async fn a_payout_is_among_the_merchants_events_and_movements_and_so_is_an_order_that_nobody_paid()
{
    let world = World::start(DATABASE, 3399).await;
    let till = world.merchant("Tea House").await;
    let mut phone = world.payer("Wei", "50.00").await;
    let _ = set_destination(&world, &till.merchant, &destination()).await;
    let charge = Charge::new("order-1", &phone.code(&world, "50.00"), "20.00");
    let _ = till.charge(&charge).await.created();
    let body = json!({ "amount": "5.00", "currency": "CNY" });
    let asked = till.ask("/v1/payouts", "p-1", body).await.created();
    let path = format!("/v1/payouts/{}/cancel", asked.text("/id"));
    assert_eq!(till.ask(&path, "c-1", Value::Null).await.status, 200);
    let made = super::orders::order(&till, "o-1", "3.00").await.created();
    let path = format!("/v1/orders/{}/close", made.text("/id"));
    assert_eq!(till.ask(&path, "c-2", Value::Null).await.status, 200);

    for (event_type, id) in [
        ("payout.authorized", asked.text("/id")),
        ("payout.canceled", asked.text("/id")),
        ("order.canceled", made.text("/id")),
    ] {
        let events = till.get(&format!("/v1/events?type={event_type}&wait=25")).await;
        assert_eq!(events.text("/data/0/data/id"), id, "{event_type}: {}", events.text);
    }
    let moved = till.get("/v1/balance/transactions").await;
    let line = |n: usize| {
        let field = |name: &str| moved.text(&format!("/data/{n}/{name}")).to_owned();
        [field("type"), field("net"), field("balance")]
    };
    assert_eq!(line(0), ["payout.canceled", "5.00", "20.00"], "{}", moved.text);
    assert_eq!(line(1), ["payout.authorized", "-5.00", "15.00"], "{}", moved.text);
    assert_eq!(line(2), ["payment.succeeded", "20.00", "20.00"], "{}", moved.text);
}
