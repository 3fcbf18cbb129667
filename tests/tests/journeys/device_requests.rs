//! What a phone asks, signed: its balance, its history, and what just happened to its codes.

use crate::DATABASE;
use serde_json::{Value, json};
use wallet_tests::{Answer, Charge, Phone, Till, World};

async fn scene(seed: u64) -> (World, Till, Phone) {
    let world = World::start(DATABASE, seed).await;
    let till = world.merchant("Tea House").await;
    let phone = world.payer("Wei", "500.00").await;
    world.placed().await;
    (world, till, phone)
}

/// What happened to money, without notices such as that a device was added.
fn money(page: &Answer) -> Vec<Value> {
    let rows = page.json["data"].as_array().unwrap().iter();
    rows.filter(|row| row["kind"] != "notice").cloned().collect()
}

/// Charges 1.00 and what is said about it.
async fn charge(world: &World, till: &Till, phone: &mut Phone, reference: &str) -> Answer {
    till.charge(&Charge::new(reference, &phone.code(world, "200.00"), "1.00")).await
}

#[tokio::test]
async fn an_altered_request_is_not_the_phones() {
    let (world, _, phone) = scene(1).await;
    let other = world.payer("Lin", "5.00").await;
    let signed = || phone.signed_at(&world, world.now(), "/v1/wallet/activity?limit=5");
    assert_eq!(signed().send().await.status, 200);

    let withdrawals = "/v1/wallet/withdrawals?limit=5";
    for path in ["/v1/wallet/activity?limit=6", "/v1/wallet/activity", withdrawals] {
        let mut altered = signed();
        path.clone_into(&mut altered.path);
        altered.send().await.assert_problem(401, "signature_invalid", "retry");
    }
    let mut altered = signed();
    altered.body = b"{}".to_vec();
    altered.send().await.assert_problem(401, "signature_incomplete", "retry");
    let mut altered = signed();
    altered.fields.push(("host".to_owned(), "elsewhere.example".to_owned()));
    altered.send().await.assert_problem(401, "signature_invalid", "retry");
    // Another payer's device, named in my signature.
    let mut altered = signed();
    let (mine, theirs) = (phone.device.key_id().to_string(), other.device.key_id().to_string());
    for (_, value) in &mut altered.fields {
        *value = value.replace(&mine, &theirs);
    }
    altered.send().await.assert_problem(401, "signature_invalid", "retry");
    for name in ["signature", "signature-input"] {
        let mut altered = signed();
        altered.fields.retain(|field| field.0 != name);
        altered.send().await.assert_problem(401, "signature_missing", "retry");
        let mut altered = signed();
        altered.fields.iter_mut().filter(|field| field.0 == name).for_each(|field| {
            field.1.push('x');
        });
        altered.send().await.assert_problem(401, "signature_malformed", "retry");
    }
    let request = world.http().get(world.url("/v1/wallet/balance")).bearer_auth(&mine);
    let answer = Answer::read(request.send().await.unwrap()).await;
    answer.assert_problem(401, "signature_missing", "retry");
}

#[tokio::test]
async fn a_signature_is_good_for_a_minute_either_way() {
    let (world, _, phone) = scene(2).await;
    for (seconds, outcome) in [
        (-61, "signature_expired"),
        (-60, ""),
        (0, ""),
        (60, ""),
        (61, "signature_from_future"),
        (1_000_000_000, "signature_from_future"),
    ] {
        let at = world.now().plus_millis(seconds * 1000);
        let answer = phone.signed_at(&world, at, "/v1/wallet/balance").send().await;
        assert_eq!(answer.text("/code"), outcome, "{seconds}");
        assert_eq!(answer.text("/server_time"), "2027-01-15T08:00:07.000Z", "{seconds}");
    }
}

#[tokio::test]
async fn a_revoked_phone_is_out_at_once() {
    let (world, till, mut phone) = scene(3).await;
    let other = phone.another(&world, "Wei's tablet").await;
    let _ = charge(&world, &till, &mut phone, "order-1").await.created();
    let path = format!("/v1/operator/devices/{}/revoke", phone.device.key_id());
    for _ in 0..2 {
        assert_eq!(world.operator_post(&path, Value::Null).await.status, 204);
    }
    for path in ["/v1/wallet/balance", "/v1/wallet/activity", "/v1/wallet/events?wait=25"] {
        phone.get(&world, path).await.assert_problem(401, "unauthorized", "retry");
    }
    let declined = charge(&world, &till, &mut phone, "order-2").await;
    declined.assert_problem(402, "device_revoked", "final");
    assert_eq!(other.balance(&world).await, "499.00");
    for unknown in ["0000000000000000", "x"] {
        let path = format!("/v1/operator/devices/{unknown}/revoke");
        world.operator_post(&path, Value::Null).await.assert_problem(404, "not_found", "final");
    }
}

#[tokio::test]
async fn payers_see_their_own_and_nothing_else() {
    let (world, till, mut phone) = scene(4).await;
    let other = world.payer("Lin", "5.00").await;
    world.placed().await;
    let start = other.get(&world, "/v1/wallet/events").await.text("/next").to_owned();
    let payment = charge(&world, &till, &mut phone, "order-1").await.created();
    world.placed().await;
    assert_eq!(other.balance(&world).await, "5.00");
    let activity = other.get(&world, "/v1/wallet/activity").await;
    assert_eq!(money(&activity).len(), 1);
    let events = other.get(&world, &format!("/v1/wallet/events?after={start}")).await;
    assert_eq!(events.json["data"], json!([]));
    let every = other.get(&world, "/v1/wallet/events?after=evt_0_0_0").await;
    assert_eq!(money(&every).len(), 1);
    for answer in [activity, events, every] {
        for theirs in [payment.text("/id"), &phone.payer, &till.merchant, "Tea House"] {
            assert!(!answer.text.contains(theirs), "{theirs} in {}", answer.text);
        }
    }
}

#[tokio::test]
async fn a_waiting_phone_learns_at_once_what_became_of_its_code() {
    let (world, till, mut phone) = scene(5).await;
    for (reference, amount, limit, kind, decline) in [
        ("order-1", "12.50", "200.00", "payment.succeeded", Value::Null),
        ("order-2", "12.51", "12.50", "payment.declined", json!("over_code_limit")),
    ] {
        let start = phone.get(&world, "/v1/wallet/events").await;
        assert_eq!((&start.json["data"], &start.json["has_more"]), (&json!([]), &json!(false)));
        let path = format!("/v1/wallet/events?after={}&wait=25", start.text("/next"));
        let waiting = tokio::spawn(phone.signed_at(&world, world.now(), &path).send());
        let code = phone.code(&world, limit);
        let paid = till.charge(&Charge::new(reference, &code, amount)).await;
        // Without the wake-up this would end after 25 s with nothing.
        let told = waiting.await.unwrap();
        let event = &told.json["data"][0];
        assert_eq!(event["type"], kind, "{}", told.text);
        assert_eq!((&event["amount"], &event["currency"]), (&json!(amount), &json!("CNY")));
        assert_eq!(
            (&event["merchant_name"], &event["decline_code"]),
            (&"Tea House".into(), &decline)
        );
        assert_eq!(
            event["code"],
            json!({ "step": world.now().step().number(),
            "seq": u8::from(reference == "order-2") })
        );
        let id = [paid.text("/id"), paid.text("/payment/id")].concat();
        assert_eq!(event["subject"], id);
        assert_eq!(event["id"], told.json["next"]);
    }
    let start = phone.get(&world, "/v1/wallet/events").await.text("/next").to_owned();
    let path = format!("/v1/wallet/events?after={start}&wait=25");
    let waiting = tokio::spawn(phone.signed_at(&world, world.now(), &path).send());
    let _ = world.top_up(&phone.payer, "5.00", "bank-2").await.created();
    let event = waiting.await.unwrap().json["data"][0].clone();
    assert_eq!((&event["type"], &event["code"]), (&json!("top_up.succeeded"), &Value::Null));
}

#[tokio::test]
async fn events_follow_one_another_without_gaps_or_repeats() {
    let world = World::start_with(DATABASE, 6, &[("limits.day", "100000.00")]).await;
    let till = world.merchant("Tea House").await;
    let phone = world.payer("Wei", "500.00").await;
    let mut phones = Vec::new();
    for number in 0..19 {
        phones.push(phone.another(&world, &format!("phone {number}")).await);
    }
    let mut expected = Vec::new();
    for round in 0..6 {
        // Many at once share commits, so that several events have one position in the journal.
        let mut tasks = tokio::task::JoinSet::new();
        for (number, phone) in phones.iter_mut().enumerate() {
            let code = phone.code(&world, "200.00");
            let (till, reference) = (till.clone(), format!("order-{round}-{number}"));
            tasks.spawn(async move { till.charge(&Charge::new(&reference, &code, "1.00")).await });
        }
        let answers = tasks.join_all().await;
        expected.extend(answers.into_iter().map(|answer| answer.created().text("/id").to_owned()));
        world.advance_seconds(60);
    }
    expected.sort();
    world.placed().await;

    let (mut found, mut next) = (Vec::new(), "evt_0_0_0".to_owned());
    loop {
        let page = phone.get(&world, &format!("/v1/wallet/events?after={next}")).await;
        let moved = money(&page);
        found.extend(moved.iter().map(|event| event["subject"].as_str().unwrap().to_owned()));
        page.text("/next").clone_into(&mut next);
        if page.json["has_more"] == false {
            break;
        }
    }
    assert!(found.remove(0).starts_with("top_"));
    found.sort();
    assert_eq!(found, expected);
    assert!(found.len() > 100, "more than a page");
    let end = phone.get(&world, &format!("/v1/wallet/events?after={next}")).await;
    assert_eq!((&end.json["data"], end.text("/next")), (&json!([]), next.as_str()));
}

#[tokio::test]
async fn the_history_is_newest_first_in_pages_with_receipts() {
    let (world, till, mut phone) = scene(7).await;
    for number in 0..6 {
        world.advance_seconds(1);
        let _ = charge(&world, &till, &mut phone, &format!("order-{number}")).await.created();
    }
    let whole = phone.get(&world, "/v1/wallet/activity?limit=100").await;
    let everything = whole.json["data"].as_array().unwrap().clone();
    let whole = money(&whole);
    assert_eq!(whole.len(), 7);
    assert_eq!((&whole[0]["kind"], &whole[6]["kind"]), (&json!("payment"), &json!("top_up")));
    assert_eq!(whole[0]["merchant_name"], "Tea House");
    let times: Vec<&str> = whole.iter().map(|row| row["created_at"].as_str().unwrap()).collect();
    assert!(times.is_sorted_by(|newer, older| newer >= older), "{times:?}");
    let payment = till.get("/v1/payments?reference=order-5").await;
    assert_eq!(whole[0]["receipt"], payment.json["data"][0]["receipt"]);

    let (mut pages, mut after) = (Vec::new(), String::new());
    loop {
        let page = phone.get(&world, &format!("/v1/wallet/activity?limit=2{after}")).await;
        pages.extend(page.json["data"].as_array().unwrap().clone());
        if page.json["has_more"] == false {
            break;
        }
        after = format!("&after={}", page.text("/next"));
    }
    assert_eq!(pages, everything);
}

#[tokio::test]
async fn the_balance_says_what_is_left_for_today() {
    let (world, till, mut phone) = scene(8).await;
    let limits = async |phone: &Phone| {
        let balance = phone.get(&world, "/v1/wallet/balance").await;
        assert_eq!((balance.text("/currency"), balance.text("/held")), ("CNY", "0.00"));
        balance.json["limits"].clone()
    };
    let left = |left: &str| json!({ "payment": "200.00", "day": "1000.00", "day_left": left });
    assert_eq!(limits(&phone).await, left("1000.00"));
    let _ = charge(&world, &till, &mut phone, "order-1").await.created();
    assert_eq!(limits(&phone).await, left("999.00"));
    world.advance_seconds(8 * 3600);
    assert_eq!(limits(&phone).await, left("1000.00"));
}

#[tokio::test]
async fn questions_that_make_no_sense_are_refused() {
    let (world, _, phone) = scene(9).await;
    for query in [
        "events?wait=26",
        "events?wait=-1",
        "events?wait=x",
        "events?after=x",
        "events?after=evt_1",
        "events?after=evt_1_2_3_4",
        "events?after=evt_1_2_99999999999999999999",
        "events?surprise=1",
        "activity?limit=0",
        "activity?limit=101",
        "activity?after=pay_0",
        "activity?wait=1",
    ] {
        let parameter = query.split(['?', '=']).nth(1).unwrap();
        let answer = phone.get(&world, &format!("/v1/wallet/{query}")).await;
        answer.assert_points_at(&format!("/{parameter}"));
    }
    // Cursors that nobody was given, at the ends of what a number can hold.
    for extreme in [i64::MIN, -1, i64::MAX] {
        for cursor in [
            format!("events?after=evt_{extreme}_{extreme}_{extreme}"),
            format!("activity?after=bat_{}_{extreme}", "f".repeat(32)),
            format!("activity?after=bat_{}_{extreme}", "0".repeat(32)),
        ] {
            let answer = phone.get(&world, &format!("/v1/wallet/{cursor}")).await;
            assert!(!answer.status.is_server_error(), "{cursor}: {}", answer.text);
        }
    }
}
