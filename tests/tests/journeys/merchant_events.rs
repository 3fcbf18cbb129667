//! What merchants hear of: everything that happened to their money and their payments, in order, as it
//! was, and nothing about anybody else.

use std::time::Duration;

use serde_json::{Value, json};
use wallet_tests::{Answer, Charge, PIN, Phone, Till, World};

use super::transfers::assert_books_are_right;
use crate::DATABASE;

pub(super) async fn shop(seed: u64) -> (World, Till, Phone) {
    let world = World::start(DATABASE, seed).await;
    let body = json!({ "name": "Tea House", "fee": { "basis_points": 100, "fixed": "0.01" } });
    let till = world.merchant_with(body).await;
    let phone = world.payer("Wei", "100.00").await;
    (world, till, phone)
}

/// A payment that succeeded.
pub(super) async fn paid(world: &World, till: &Till, phone: &mut Phone, reference: &str) -> Answer {
    let code = phone.code(world, "200.00");
    till.charge(&Charge::new(reference, &code, "10.00")).await.created()
}

/// Charged and refunded in two parts; declined; authorized and captured in part; called off after
/// its capture, and before it.
pub(super) async fn everything(world: &World, till: &Till, phone: &mut Phone) {
    let first = paid(world, till, phone, "order-1").await;
    let _ = till.refund(first.text("/id"), "r-1", Some("3.33")).await.created();
    let code = phone.code(world, "200.00");
    let declined = till.charge(&Charge::new("order-2", &code, "150.00")).await;
    declined.assert_problem(402, "insufficient_funds", "final");
    let code = phone.code(world, "200.00");
    let held = Charge::new("order-3", &code, "20.00").with("capture", "manual");
    let held = till.charge(&held).await.created();
    let _ = till.capture(held.text("/id"), "c-1", Some("15.00")).await.ok();
    let _ = till.refund(first.text("/id"), "r-2", None).await.created();
    let fourth = paid(world, till, phone, "order-4").await;
    let _ = till.cancel(fourth.text("/id"), "x-1").await.ok();
    let code = phone.code(world, "200.00");
    let fifth = Charge::new("order-5", &code, "5.00").with("capture", "manual");
    let fifth = till.charge(&fifth).await.created();
    let _ = till.cancel(fifth.text("/id"), "x-2").await.ok();
}

fn types(events: &Answer) -> Vec<&str> {
    let data = events.json["data"].as_array().unwrap();
    data.iter().map(|event| event["type"].as_str().unwrap()).collect()
}

const EVERYTHING: [&str; 12] = [
    "payment.succeeded",
    "payment.partially_refunded",
    "refund.succeeded",
    "payment.declined",
    "payment.authorized",
    "payment.succeeded",
    "payment.refunded",
    "refund.succeeded",
    "payment.succeeded",
    "payment.canceled",
    "payment.authorized",
    "payment.canceled",
];

#[tokio::test]
async fn a_merchant_can_read_everything_that_happened_from_the_beginning() {
    let (world, till, mut phone) = shop(2601).await;
    everything(&world, &till, &mut phone).await;
    world.fed().await;
    let events = till.get("/v1/events").await;
    assert_eq!(types(&events), EVERYTHING, "{}", events.text);
    assert_eq!(events.json["has_more"], false);

    // In pages, and again from the end.
    let (mut after, mut seen) = ("evt_0_0_0".to_owned(), Vec::new());
    loop {
        let page = till.get(&format!("/v1/events?limit=5&after={after}")).await;
        seen.extend(page.json["data"].as_array().unwrap().clone());
        after = page.text("/next").to_owned();
        if page.json["has_more"] == false {
            break;
        }
    }
    assert_eq!(Value::from(seen.clone()), events.json["data"]);
    assert_eq!(after, events.text("/next"));
    let none = till.get(&format!("/v1/events?after={after}")).await;
    assert_eq!(
        (none.json["data"].as_array().unwrap().len(), none.text("/next")),
        (0, after.as_str())
    );

    // Of one type, and one alone.
    let refunds = till.get("/v1/events?type=refund.succeeded").await;
    assert_eq!(types(&refunds), ["refund.succeeded"; 2]);
    let one = till.get(&format!("/v1/events/{}", refunds.text("/data/0/id"))).await;
    assert_eq!(one.json, refunds.json["data"][0]);
    assert_eq!((one.text("/data/object"), one.text("/data/amount")), ("refund", "3.33"));

    // Nobody else's, and nothing about the payer.
    let other = world.merchant("Noodle House").await;
    assert_eq!(other.get("/v1/events").await.json["data"], json!([]));
    let foreign = other.get(&format!("/v1/events/{}", one.text("/id"))).await;
    foreign.assert_problem(404, "not_found", "retry");
    for secret in ["payer", "Wei", &phone.payer] {
        assert!(!events.text.contains(secret), "{secret}");
    }
    assert_books_are_right(world).await;
}

#[tokio::test]
async fn an_event_shows_its_payment_as_it_was_then() {
    let (world, till, mut phone) = shop(2602).await;
    everything(&world, &till, &mut phone).await;
    world.fed().await;
    let events = till.get("/v1/events").await;
    let shown = |place: usize| {
        let event = &events.json["data"][place];
        let field = |name: &str| event["data"][name].as_str().unwrap_or_default().to_owned();
        (field("state"), field("amount_refunded"), field("net"))
    };
    let was = |state: &str, refunded: &str, net: &str| {
        (state.to_owned(), refunded.to_owned(), net.to_owned())
    };
    assert_eq!(shown(0), was("succeeded", "0.00", "9.89"));
    assert_eq!(shown(1), was("partially_refunded", "3.33", "9.89"));
    assert_eq!(shown(6), was("refunded", "10.00", "9.89"));
    assert_eq!(shown(4), was("authorized", "0.00", "0.00"));
    assert_eq!(shown(5), was("succeeded", "0.00", "14.84"));
    assert_eq!(shown(9), was("canceled", "0.00", "0.00"));
    // The receipt is the one that was given then.
    let first = &events.json["data"][0]["data"];
    let now = till.get(&format!("/v1/payments/{}", first["id"].as_str().unwrap())).await;
    assert_eq!((now.outcome(), now.text("/amount_refunded")), ("refunded", "10.00"));
    assert_ne!(now.json["receipt"], first["receipt"]);
}

#[tokio::test]
async fn a_request_that_waits_is_answered_when_something_happens() {
    let (world, till, mut phone) = shop(2603).await;
    let _ = paid(&world, &till, &mut phone, "order-1").await;
    world.fed().await;
    let latest = till.get("/v1/events?after=latest").await;
    assert_eq!(latest.json["data"], json!([]));
    let waiting = {
        let (till, next) = (till.clone(), latest.text("/next").to_owned());
        tokio::spawn(async move { till.get(&format!("/v1/events?wait=25&after={next}")).await })
    };
    let _ = paid(&world, &till, &mut phone, "order-2").await;
    let answered = tokio::time::timeout(Duration::from_secs(10), waiting).await;
    let events = answered.expect("nobody was woken").unwrap();
    assert_eq!(types(&events), ["payment.succeeded"]);
    assert_eq!(events.text("/data/0/data/reference"), "order-2");
}

#[tokio::test]
async fn what_a_payer_is_told_of_a_copied_code_is_nothing_that_a_merchant_hears() {
    let (world, till, mut phone) = shop(2604).await;
    let code = phone.code(&world, "200.00");
    let _ = till.charge(&Charge::new("order-1", &code, "10.00")).await.created();
    let other = world.merchant("Noodle House").await;
    let used = other.charge(&Charge::new("order-2", &code, "10.00")).await;
    used.assert_problem(422, "code_used", "final");
    world.fed().await;
    let heard = phone.get(&world, "/v1/wallet/activity").await;
    assert_eq!(heard.text("/data/0/type"), "code.reused", "{}", heard.text);
    assert_eq!(other.get("/v1/events").await.json["data"], json!([]));
    assert_books_are_right(world).await;
}

#[tokio::test]
async fn waiting_and_refused_payments_are_events_as_well() {
    let changes = [("limits.new_payers.without_pin", "5.00")];
    let world = World::start_with(DATABASE, 2605, &changes).await;
    let till = world.merchant("Tea House").await;
    let mut phone = world.payer("Wei", "100.00").await;
    phone.set_pin(&world).await;
    let ask = async |phone: &mut Phone, reference: &str| {
        let code = phone.code(&world, "200.00");
        till.charge(&Charge::new(reference, &code, "10.00")).await.created()
    };
    let first = ask(&mut phone, "order-1").await;
    let path = |payment: &Answer| format!("/v1/wallet/confirmations/{}", payment.text("/id"));
    let confirm = format!("{}/confirm", path(&first));
    let body = json!({ "pin": PIN });
    let _ = phone.post_under_key(&world, &confirm, "confirm", &body).await.ok();
    let second = ask(&mut phone, "order-2").await;
    let refuse = format!("{}/refuse", path(&second));
    let _ = phone.post_under_key(&world, &refuse, "refuse", &json!({})).await.ok();
    world.fed().await;
    let events = till.get("/v1/events").await;
    let expected = [
        "payment.requires_confirmation",
        "payment.succeeded",
        "payment.requires_confirmation",
        "payment.declined",
    ];
    assert_eq!(types(&events), expected);
    assert_eq!(events.text("/data/3/data/decline_code"), "refused_by_payer");
    assert_books_are_right(world).await;
}

#[tokio::test]
async fn events_of_before_a_restart_are_there_after_it_and_each_once() {
    let (mut world, till, mut phone) = shop(2606).await;
    let _ = paid(&world, &till, &mut phone, "order-1").await;
    world.restart().await;
    let till = till.at(&world);
    let _ = paid(&world, &till, &mut phone, "order-2").await;
    world.fed().await;
    let events = till.get("/v1/events").await;
    assert_eq!(types(&events), ["payment.succeeded"; 2]);
    assert_eq!(events.text("/data/1/data/reference"), "order-2");
    assert_books_are_right(world).await;
}

#[tokio::test]
async fn nobody_asks_for_events_with_nonsense() {
    let (_world, till, _) = shop(2607).await;
    for (query, pointer) in [
        ("after=evt_1_2", "/after"),
        ("after=evt_-1_0_0", "/after"),
        ("after=pay_1_2_3", "/after"),
        ("wait=26", "/wait"),
        ("type=", "/type"),
        ("limit=0", "/limit"),
    ] {
        let answer = till.get(&format!("/v1/events?{query}")).await;
        answer.assert_problem(400, "invalid_request", "retry");
        answer.assert_points_at(pointer);
    }
    for id in ["evt_1_0_1", "evt_9_9_9", "evt_1", "pay_1"] {
        till.get(&format!("/v1/events/{id}")).await.assert_problem(404, "not_found", "retry");
    }
}

#[tokio::test]
async fn few_events_of_a_type_among_many_others_are_found_in_several_requests() {
    let (world, till, mut phone) = shop(2630).await;
    let _ = paid(&world, &till, &mut phone, "order-1").await;
    world.fed().await;
    // As if very many payments were declined before the next one is made.
    let filler = "insert into merchant_events \
            (merchant, position, n, type, subject, created_at, currency, net, fee, balance) \
        with recursive numbers as \
            (select 1 as number union all select number + 1 from numbers where number < 1500) \
        select m.merchant, m.position, m.n + numbers.number, 'payment.declined', m.subject, \
            m.created_at, m.currency, null, null, m.balance \
        from merchant_events m cross join numbers";
    sqlx::query(filler).execute(&mut world.database().await).await.unwrap();
    let second = paid(&world, &till, &mut phone, "order-2").await;
    let _ = till.refund(second.text("/id"), "r-1", None).await.created();
    world.fed().await;

    let path = "/v1/events?type=refund.succeeded";
    let first = till.get(path).await.ok();
    assert_eq!((&first.json["data"], &first.json["has_more"]), (&json!([]), &json!(true)));
    let page = till.get(&format!("{path}&after={}", first.text("/next"))).await.ok();
    assert_eq!((types(&page), &page.json["has_more"]), (vec!["refund.succeeded"], &json!(false)));
    // From there on there is nothing, and who waits is told of the next one.
    let next = page.text("/next");
    let end = till.get(&format!("{path}&after={next}")).await.ok();
    assert_eq!((&end.json["data"], end.text("/next")), (&json!([]), next));
    let waiting = format!("{path}&wait=25&after={next}");
    let (told, _) = tokio::join!(till.get(&waiting), async {
        let third = paid(&world, &till, &mut phone, "order-3").await;
        till.refund(third.text("/id"), "r-2", None).await.created()
    });
    assert_eq!(types(&told.ok()), ["refund.succeeded"]);

    let path = "/v1/balance/transactions?type=payment.succeeded";
    let mut references = Vec::new();
    let (mut after, mut pages) = (String::new(), 0);
    loop {
        let page = till.get(&format!("{path}{after}")).await.ok();
        pages += 1;
        let data = page.json["data"].as_array().unwrap();
        references.extend(data.iter().map(|it| it["reference"].as_str().unwrap().to_owned()));
        if page.json["has_more"] == false {
            assert_eq!(page.json["next"], Value::Null);
            break;
        }
        after = format!("&after={}", page.text("/next"));
    }
    assert_eq!(references, ["order-3", "order-2", "order-1"]);
    assert_eq!(pages, 2, "one request looks at a thousand events");
}
