//! Orders: a merchant asks to be paid, once, and a payer scans its code.

use serde_json::{Value, json};
use wallet_core::requests::SignedEvidence;
use wallet_server::domain::ids::PaymentId;
use wallet_tests::{Answer, Charge, Phone, Signed, Signer, Till, World, at_once};

use crate::DATABASE;
use crate::journeys::evidence::key_file;
use crate::journeys::transfers::assert_books_are_right;

const PIN_FIELD: &str = "wallet-pin";

/// Asks to be paid, under the reference as key.
pub(crate) async fn order(till: &Till, reference: &str, amount: &str) -> Answer {
    let body = json!({ "amount": amount, "currency": "CNY", "reference": reference });
    till.ask("/v1/orders", &format!("key-{reference}"), body).await
}

/// Pays a code, under a key.
pub(crate) async fn pay(world: &World, phone: &Phone, key: &str, body: &Value) -> Answer {
    request(world, phone, key, body).send().await
}

/// The same with a PIN.
pub(crate) async fn pay_with_pin(
    world: &World,
    phone: &Phone,
    key: &str,
    body: &Value,
    pin: &str,
) -> Answer {
    let mut signed = request(world, phone, key, body);
    signed.fields.push((PIN_FIELD.to_owned(), pin.to_owned()));
    signed.send().await
}

fn request(world: &World, phone: &Phone, key: &str, body: &Value) -> Signed {
    let keyid = phone.key_id();
    let signer = Signer { key: phone.device.key(), keyid: &keyid, at: world.now() };
    let call = ("POST", "/v1/wallet/payments");
    Signed::under_key(world, signer, call, body.to_string().as_bytes(), Some(key))
}

/// The code of an order or a plate, as a payer sends it.
pub(crate) fn scanned(code: &Answer) -> Value {
    json!({ "code": code.text("/payload") })
}

/// What a code stands for, to a payer.
pub(crate) async fn look(world: &World, phone: &Phone, body: Value) -> Answer {
    phone.post(world, "/v1/wallet/merchant_codes", body).await
}

#[tokio::test]
async fn a_merchant_asks_a_payer_pays_and_both_have_the_payment() {
    let world = World::start(DATABASE, 3001).await;
    let body = json!({ "name": "张记面馆", "fee": { "basis_points": 100, "fixed": "0.00" },
        "category": "5812", "country": "CN", "city": "Chengdu" });
    let till = world.merchant_with(body).await;
    let phone = world.payer("Wei", "50.00").await;
    let body = json!({ "amount": "12.50", "currency": "CNY", "reference": "table-4",
        "description": "noodles", "metadata": { "table": "4" }, "expires_in": 600 });
    let order = till.ask("/v1/orders", "o-1", body).await.created();
    let expected = json!({ "object": "order", "mode": "live", "state": "open", "amount": "12.50",
        "currency": "CNY", "reference": "table-4", "description": "noodles", "payment": null,
        "metadata": { "table": "4" }, "created_at": "2027-01-15T08:00:07.000Z",
        "expires_at": "2027-01-15T08:10:07.000Z" });
    for (field, value) in expected.as_object().unwrap() {
        assert_eq!(&order.json[field], value, "{}", order.text);
    }

    let seen = look(&world, &phone, scanned(&order)).await;
    assert_eq!(seen.status, 200, "{}", seen.text);
    let expected = json!({ "object": "merchant_code", "kind": "order", "id": order.json["id"],
        "merchant": { "id": till.merchant, "name": "张记面馆" }, "amount": "12.50",
        "currency": "CNY", "label": null, "description": "noodles", "state": "open",
        "pin": "not_required", "expires_at": order.json["expires_at"] });
    assert_eq!(seen.json, expected);

    let paid = pay(&world, &phone, "p-1", &scanned(&order)).await.created();
    assert_eq!(paid.text("/state"), "succeeded");
    assert_eq!(paid.json["order"], order.json["id"]);
    assert_eq!(paid.json["merchant"], seen.json["merchant"]);
    assert_eq!(phone.balance(&world).await, "37.50");
    assert_eq!(till.balance().await, "12.37");

    let path = format!("/v1/orders/{}?wait=20", order.text("/id"));
    let after = till.get(&path).await;
    assert_eq!((after.text("/state"), &after.json["payment"]), ("paid", &paid.json["id"]));
    let payment = till.get(&format!("/v1/payments/{}", paid.text("/id"))).await;
    let expected = json!({ "state": "succeeded", "amount": "12.50", "fee": "0.13",
        "reference": "table-4", "code_source": "order", "order": order.json["id"], "plate": null,
        "description": "noodles", "metadata": { "table": "4" }, "capture": "automatic",
        "receipt": paid.json["receipt"] });
    for (field, value) in expected.as_object().unwrap() {
        assert_eq!(&payment.json[field], value, "{field} of {}", payment.text);
    }
    assert!(!payment.text.contains("payer"), "{}", payment.text);
    let found = till.get("/v1/payments?reference=table-4").await;
    assert_eq!(found.json["data"][0]["id"], paid.json["id"]);
    world.placed().await;
    let activity = phone.get(&world, "/v1/wallet/activity").await;
    assert_eq!(activity.json["data"][0]["id"], paid.json["id"]);
    assert_eq!(activity.json["data"][0]["merchant_name"], "张记面馆");
    assert_books_are_right(world).await;
}

#[tokio::test]
async fn repeats_get_the_same_answers_to_the_byte_also_after_a_restart() {
    let mut world = World::start(DATABASE, 3002).await;
    let till = world.merchant("Tea House").await;
    let phone = world.payer("Wei", "50.00").await;
    let made = order(&till, "r-1", "10.00").await.created();
    let paid = pay(&world, &phone, "p-1", &scanned(&made)).await.created();
    let other = order(&till, "r-2", "10.00").await.created();
    let close = format!("/v1/orders/{}/close", other.text("/id"));
    let closed = till.ask(&close, "c-1", Value::Null).await;
    assert_eq!((closed.status.as_u16(), closed.text("/state")), (200, "canceled"));
    let refused = pay(&world, &phone, "p-2", &scanned(&other)).await;
    refused.assert_problem(409, "order_canceled", "final");
    let before = world.standing().await;
    for restarted in [false, true] {
        if restarted {
            world.restart().await;
        }
        let till = till.at(&world);
        let again = [
            (order(&till, "r-1", "10.00").await, &made),
            (pay(&world, &phone, "p-1", &scanned(&made)).await, &paid),
            (till.ask(&close, "c-1", Value::Null).await, &closed),
            (pay(&world, &phone, "p-2", &scanned(&other)).await, &refused),
        ];
        for (again, first) in again {
            assert_eq!((again.replayed, &again.text), (true, &first.text));
        }
        let reused = order(&till, "r-3", "10.00").await.created();
        let body = json!({ "amount": "11.00", "currency": "CNY", "reference": "r-3" });
        let answer = till.ask("/v1/orders", "key-r-3", body).await;
        answer.assert_problem(422, "idempotency_key_reused", "retry");
        let answer = pay(&world, &phone, "p-1", &scanned(&reused)).await;
        answer.assert_problem(422, "idempotency_key_reused", "retry");
        let close = format!("/v1/orders/{}/close", reused.text("/id"));
        if restarted {
            assert_eq!(till.ask(&close, "c-2", Value::Null).await.status, 200);
        }
    }
    // Nothing but the order that was made in between.
    assert_ne!(world.standing().await, before);
    assert_eq!(phone.balance(&world).await, "40.00");
}

#[tokio::test]
async fn who_comes_second_or_too_late_pays_nothing() {
    let world = World::start(DATABASE, 3003).await;
    let till = world.merchant("Tea House").await;
    let [wei, li] = [world.payer("Wei", "50.00").await, world.payer("Li", "50.00").await];
    let first = order(&till, "r-1", "10.00").await.created();
    let _ = pay(&world, &wei, "p-1", &scanned(&first)).await.created();
    for phone in [&li, &wei] {
        let second = pay(&world, phone, "p-2", &scanned(&first)).await;
        second.assert_problem(409, "order_paid", "final");
        let seen = look(&world, phone, scanned(&first)).await;
        assert_eq!(seen.text("/state"), "paid");
    }
    let close = format!("/v1/orders/{}/close", first.text("/id"));
    till.ask(&close, "c-1", Value::Null).await.assert_problem(409, "order_paid", "retry");

    let late = order(&till, "r-2", "10.00").await.created();
    let waiting = till.get(&format!("/v1/orders/{}", late.text("/id"))).await;
    assert_eq!(waiting.text("/state"), "open");
    world.advance_seconds(900);
    let refused = pay(&world, &li, "p-3", &scanned(&late)).await;
    refused.assert_problem(409, "order_expired", "final");
    // Ended by the server itself, within a second or so.
    let path = format!("/v1/orders/{}?wait=25", late.text("/id"));
    assert_eq!(till.get(&path).await.text("/state"), "expired");
    let listed = till.get("/v1/orders?state=expired").await;
    assert_eq!(listed.json["data"][0]["id"], late.json["id"]);
    assert_eq!(li.balance(&world).await, "50.00");
    assert_books_are_right(world).await;
}

#[tokio::test]
async fn a_reference_is_taken_by_an_order_as_by_a_charge() {
    let world = World::start(DATABASE, 3004).await;
    let till = world.merchant("Tea House").await;
    let mut phone = world.payer("Wei", "50.00").await;
    let made = order(&till, "r-1", "10.00").await.created();
    let code = phone.code(&world, "20.00");
    let charge = Charge::new("r-1", &code, "10.00").key("c-1");
    till.charge(&charge).await.assert_problem(409, "reference_conflict", "retry");
    let body = json!({ "amount": "10.00", "currency": "CNY", "reference": "r-1" });
    let again = till.ask("/v1/orders", "o-2", body.clone()).await;
    again.assert_problem(409, "reference_conflict", "retry");

    let paid = pay(&world, &phone, "p-1", &scanned(&made)).await.created();
    let conflict = till.charge(&charge).await;
    conflict.assert_problem(409, "reference_conflict", "retry");
    assert_eq!(conflict.json["payment"]["id"], paid.json["id"], "that it was paid");

    // By the reference, an order is closed, and a paid one's payment is called off.
    let undone = till.cancel_reference("r-1", "u-1").await;
    assert_eq!(undone.json["payment"]["state"], "canceled", "{}", undone.text);
    assert_eq!(phone.balance(&world).await, "50.00");
    let path = format!("/v1/orders/{}", made.text("/id"));
    assert_eq!(till.get(&path).await.text("/state"), "paid");
    let open = order(&till, "r-2", "10.00").await.created();
    let undone = till.cancel_reference("r-2", "u-2").await;
    assert_eq!((undone.status.as_u16(), &undone.json["payment"]), (200, &Value::Null));
    let refused = pay(&world, &phone, "p-2", &scanned(&open)).await;
    refused.assert_problem(409, "order_canceled", "final");
    assert_eq!(till.cancel_reference("r-3", "u-3").await.status, 200);
    let buried = order(&till, "r-3", "10.00").await;
    buried.assert_problem(409, "reference_canceled", "final");
    assert_books_are_right(world).await;
}

#[tokio::test]
async fn an_orders_payment_is_refunded_and_canceled_like_every_other() {
    let world = World::start(DATABASE, 3005).await;
    let till = world.merchant("Tea House").await;
    let phone = world.payer("Wei", "50.00").await;
    let first = order(&till, "r-1", "10.00").await.created();
    let second = order(&till, "r-2", "10.00").await.created();
    let first = pay(&world, &phone, "p-1", &scanned(&first)).await.created();
    let second = pay(&world, &phone, "p-2", &scanned(&second)).await.created();
    let _ = till.refund(first.text("/id"), "b-1", Some("4.00")).await.created();
    assert_eq!(till.cancel(second.text("/id"), "c-1").await.text("/state"), "canceled");
    assert_eq!(till.state_of(first.text("/id")).await, "partially_refunded");
    assert_eq!(
        (phone.balance(&world).await, till.balance().await),
        ("44.00".into(), "6.00".into())
    );
    // The very answer that it got first.
    let again =
        pay(&world, &phone, "p-2", &json!({ "code": order_payload(&till, "r-2").await })).await;
    assert_eq!((again.replayed, again.text), (true, second.text));
    assert_books_are_right(world).await;
}

async fn order_payload(till: &Till, reference: &str) -> String {
    let found = till.get(&format!("/v1/orders?reference={reference}")).await;
    found.text("/data/0/payload").to_owned()
}

#[tokio::test]
async fn the_pin_is_asked_for_by_the_payers_limits_and_the_same_request_goes_through_with_it() {
    let changes =
        [("limits.new_payers.without_pin", "20.00"), ("limits.new_payers.without_pin_count", "2")];
    let world = World::start_with(DATABASE, 3006, &changes).await;
    let till = world.merchant("Tea House").await;
    let phone = world.payer("Wei", "500.00").await;
    phone.set_pin(&world).await;
    let large = order(&till, "r-1", "20.01").await.created();
    assert_eq!(look(&world, &phone, scanned(&large)).await.text("/pin"), "required");
    let asked = pay(&world, &phone, "p-1", &scanned(&large)).await;
    asked.assert_problem(403, "pin_required", "retry");
    let wrong = pay_with_pin(&world, &phone, "p-1", &scanned(&large), "000001").await;
    wrong.assert_problem(403, "pin_refused", "retry");
    for pin in ["", "12345", "1357900", "13579x"] {
        let answer = pay_with_pin(&world, &phone, "p-1", &scanned(&large), pin).await;
        answer.assert_problem(400, "invalid_request", "retry");
    }
    let paid = pay_with_pin(&world, &phone, "p-1", &scanned(&large), wallet_tests::PIN).await;
    let paid = paid.created();
    assert_eq!(paid.text("/amount"), "20.01");
    // Two small ones without, and the third takes it.
    for number in 2..=4 {
        let small = order(&till, &format!("r-{number}"), "1.00").await.created();
        let need = look(&world, &phone, scanned(&small)).await.text("/pin").to_owned();
        let key = format!("p-{number}");
        let answer = pay(&world, &phone, &key, &scanned(&small)).await;
        if number < 4 {
            assert_eq!((need.as_str(), answer.status.as_u16()), ("not_required", 201));
        } else {
            assert_eq!(need, "required");
            answer.assert_problem(403, "pin_required", "retry");
        }
    }
    assert_eq!(phone.balance(&world).await, "477.99");
    // Its limit holds with the PIN as well, and then nobody is asked for it.
    let limit = order(&till, "r-9", "5000.01").await.created();
    let refused = pay(&world, &phone, "p-9", &scanned(&limit)).await;
    refused.assert_problem(402, "declined_by_limit", "final");
    assert_books_are_right(world).await;
}

#[tokio::test]
async fn codes_that_the_issuer_did_not_sign_or_that_are_anothers_pay_nothing() {
    let world = World::start(DATABASE, 3007).await;
    let stranger = World::start(DATABASE, 3008).await;
    let till = world.merchant("Tea House").await;
    let phone = world.payer("Wei", "50.00").await;
    let made = order(&till, "r-1", "10.00").await.created();
    let payload = made.text("/payload").to_owned();
    let foreign = order(&stranger.merchant("Tea House").await, "r-1", "10.00").await.created();
    let test = json!({ "name": "Test House", "mode": "test" });
    let test = order(&world.merchant_with(test).await, "r-1", "10.00").await.created();
    let promptpay = "00020101021129370016A000000677010111011300660000000005802TH53037646304";
    let other_scheme = with_checksum(promptpay);
    let cheaper = with_checksum(&payload[..payload.len() - 4].replace("540510.00", "540501.00"));
    let broken = format!("{}0000", &payload[..payload.len() - 4]);
    let before = world.standing().await;
    for (text, code) in [
        (foreign.text("/payload"), "merchant_code_foreign"),
        (test.text("/payload"), "merchant_code_foreign"),
        (other_scheme.as_str(), "merchant_code_foreign"),
        (cheaper.as_str(), "merchant_code_forged"),
        (broken.as_str(), "merchant_code_malformed"),
        (&payload[..100], "merchant_code_malformed"),
        ("wallet:receive:00", "merchant_code_malformed"),
        ("", "merchant_code_malformed"),
    ] {
        let body = json!({ "code": text });
        for answer in [
            look(&world, &phone, body.clone()).await,
            pay(&world, &phone, &format!("p-{code}"), &body).await,
        ] {
            answer.assert_problem(422, code, "retry");
        }
    }
    let wrong = json!({ "code": payload, "amount": "9.99", "currency": "CNY" });
    pay(&world, &phone, "p-1", &wrong).await.assert_problem(422, "wrong_amount", "retry");
    let half = json!({ "code": payload, "amount": "10.00" });
    pay(&world, &phone, "p-1", &half).await.assert_points_at("/currency");
    let long = json!({ "code": " ".repeat(5000) });
    pay(&world, &phone, "p-1", &long).await.assert_problem(400, "invalid_request", "retry");
    assert_eq!(world.standing().await, before);
    let right = json!({ "code": payload, "amount": "10.00", "currency": "CNY" });
    let _ = pay(&world, &phone, "p-1", &right).await.created();
}

/// Puts the checksum of EMV codes behind a text that ends in `6304`.
fn with_checksum(text: &str) -> String {
    let step = |crc: u16, byte: u8| {
        (0..8).fold(crc ^ (u16::from(byte) << 8), |crc, _| {
            if crc & 0x8000 == 0 { crc << 1 } else { (crc << 1) ^ 0x1021 }
        })
    };
    format!("{text}{:04X}", text.bytes().fold(0xffff, step))
}

#[tokio::test]
async fn nobody_sees_closes_or_pays_for_the_orders_of_others() {
    let world = World::start(DATABASE, 3009).await;
    let [till, other] = [world.merchant("Tea House").await, world.merchant("Bakery").await];
    let made = order(&till, "r-1", "10.00").await.created();
    let id = made.text("/id").to_owned();
    for suffix in ["", "/qr.svg", "/qr.png"] {
        let answer = other.get(&format!("/v1/orders/{id}{suffix}")).await;
        answer.assert_problem(404, "not_found", "final");
    }
    let close = format!("/v1/orders/{id}/close");
    other.ask(&close, "c-1", Value::Null).await.assert_problem(404, "not_found", "final");
    assert_eq!(other.get("/v1/orders?reference=r-1").await.json["data"], json!([]));
    assert_eq!(other.get("/v1/orders").await.json["data"], json!([]));
    // It has a reference of the same name for itself.
    let _ = order(&other, "r-1", "10.00").await.created();
    assert_eq!(till.get(&format!("/v1/orders/{id}")).await.text("/state"), "open");
}

#[tokio::test]
async fn orders_that_make_no_sense_are_refused_and_leave_nothing() {
    let world = World::start(DATABASE, 3010).await;
    let till = world.merchant("Tea House").await;
    let before = world.standing().await;
    let body = |changes: Value| {
        let mut body = json!({ "amount": "1.00", "currency": "CNY", "reference": "r" });
        body.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        body
    };
    for (changes, pointer) in [
        (json!({ "amount": "0.00" }), "/amount"),
        (json!({ "amount": "1.001" }), "/amount"),
        (json!({ "amount": "99999999999.00" }), "/amount"),
        (json!({ "currency": "XXX" }), "/currency"),
        (json!({ "reference": "" }), "/reference"),
        (json!({ "reference": "x".repeat(65) }), "/reference"),
        (json!({ "description": "" }), "/description"),
        (json!({ "expires_in": 59 }), "/expires_in"),
        (json!({ "expires_in": 86_401 }), "/expires_in"),
        (json!({ "expires_in": "900" }), "/expires_in"),
        (json!({ "expires_in": i64::MAX }), "/expires_in"),
        (json!({ "capture": "manual" }), "/capture"),
    ] {
        till.ask("/v1/orders", "o", body(changes)).await.assert_points_at(pointer);
    }
    let dollars = till.ask("/v1/orders", "o", body(json!({ "currency": "USD" }))).await;
    dollars.assert_problem(422, "currency_not_accepted", "final");
    till.get("/v1/orders?state=closed").await.assert_points_at("/state");
    till.get("/v1/orders/ord_1").await.assert_problem(404, "not_found", "final");
    assert_eq!(world.standing().await, before);
}

#[tokio::test]
async fn a_list_has_them_all_newest_first_in_pages_and_by_state() {
    let world = World::start(DATABASE, 3011).await;
    let till = world.merchant("Tea House").await;
    let phone = world.payer("Wei", "50.00").await;
    let mut ids = Vec::new();
    for number in 0..5 {
        let made = order(&till, &format!("r-{number}"), "1.00").await.created();
        ids.push(made.text("/id").to_owned());
        // Of one millisecond, ids say no order.
        world.advance_seconds(1);
        if number % 2 == 0 {
            let _ = pay(&world, &phone, &format!("p-{number}"), &scanned(&made)).await.created();
        }
    }
    ids.reverse();
    let listed = |answer: &Answer| -> Vec<String> {
        let data = answer.json["data"].as_array().unwrap();
        data.iter().map(|order| order["id"].as_str().unwrap().to_owned()).collect()
    };
    let first = till.get("/v1/orders?limit=3").await;
    assert_eq!(listed(&first), ids[..3]);
    let rest = till.get(&format!("/v1/orders?after={}", first.text("/next"))).await;
    assert_eq!(listed(&rest), ids[3..]);
    let open = till.get("/v1/orders?state=open").await;
    assert_eq!(listed(&open), [ids[1].clone(), ids[3].clone()]);
    assert_eq!(listed(&till.get("/v1/orders?state=paid").await).len(), 3);
    let none = till.get("/v1/orders?state=open&reference=r-0").await;
    assert_eq!(listed(&none), Vec::<String>::new());
}

#[tokio::test]
async fn the_pictures_say_what_the_code_says() {
    let world = World::start(DATABASE, 3012).await;
    let till = world.merchant("Tea House").await;
    let made = order(&till, "r-1", "10.00").await.created();
    let path = |suffix: &str| format!("/v1/orders/{}/{suffix}", made.text("/id"));
    let svg = till.get(&path("qr.svg")).await;
    assert_eq!((svg.status.as_u16(), svg.media_type.as_str()), (200, "image/svg+xml"));
    let expected =
        wallet_core::qr::Qr::new(made.text("/payload"), wallet_core::qr::Medium::Screen).unwrap();
    assert_eq!(svg.text, expected.to_svg());
    let url = world.url(&path("qr.png"));
    let png = world.http().get(url).bearer_auth(&till.api_key).send().await.unwrap();
    assert_eq!(png.headers()["content-type"], "image/png");
    assert_eq!(png.bytes().await.unwrap(), expected.to_png(8).unwrap());
}

#[tokio::test]
async fn ten_who_pay_one_order_at_once_pay_it_once() {
    let world = World::start(DATABASE, 3013).await;
    let till = world.merchant("Tea House").await;
    let mut phones = Vec::new();
    for number in 0..10 {
        phones.push(world.payer(&format!("payer {number}"), "50.00").await);
    }
    for round in 0..5 {
        let made = order(&till, &format!("r-{round}"), "10.00").await.created();
        let (body, world) = (scanned(&made), &world);
        let key = format!("p-{round}");
        let paying = phones.iter().map(|phone| pay(world, phone, &key, &body));
        let answers = at_once(paying).await;
        let paid = answers.iter().filter(|answer| answer.status == 201).count();
        assert_eq!(paid, 1, "{answers:?}");
        for answer in answers.iter().filter(|answer| answer.status != 201) {
            answer.assert_problem(409, "order_paid", "final");
        }
    }
    assert_eq!(till.balance().await, "50.00");
    assert_books_are_right(world).await;
}

#[tokio::test]
async fn what_is_kept_proves_that_the_payers_device_asked_for_this_payment() {
    let world = World::start(DATABASE, 3014).await;
    let till = world.merchant("Tea House").await;
    let phone = world.payer("Wei", "50.00").await;
    phone.set_pin(&world).await;
    let made = order(&till, "r-1", "10.00").await.created();
    let pin = wallet_tests::PIN;
    let paid = pay_with_pin(&world, &phone, "p-1", &scanned(&made), pin).await.created();
    let row: (Vec<u8>, Vec<u8>) = sqlx::query_as("select id, request_evidence from payments")
        .fetch_one(&mut world.database().await)
        .await
        .unwrap();
    let id = PaymentId::from_bytes(row.0.try_into().unwrap());
    assert_eq!(id.to_string(), paid.text("/id"));
    let keys = key_file(&world);
    let subject = [id.as_bytes().as_slice(), b"request"].concat();
    let purpose = wallet_server::issuer::Purpose::Evidence;
    let bytes = wallet_server::issuer::IssuerKeys::reveal(&keys, purpose, &subject, &row.1);
    let bytes = bytes.unwrap();
    let evidence = SignedEvidence::from_bytes(&bytes).unwrap();
    evidence.verify(phone.device.key().public_key().as_bytes()).unwrap();
    assert_eq!(evidence.component("@method"), Some("POST"));
    assert_eq!(evidence.component("@path"), Some("/v1/wallet/payments"));
    assert_eq!(evidence.component("idempotency-key"), Some("p-1"));
    let body: Value = serde_json::from_slice(evidence.body()).unwrap();
    assert_eq!(body["code"], made.json["payload"]);
    assert!(evidence.component("@signature-params").unwrap().contains(&phone.key_id()));
    // The PIN is nowhere in it, nor in what was signed.
    let kept = String::from_utf8_lossy(&bytes).into_owned();
    assert!(!kept.contains(pin) && !kept.contains("wallet-pin"), "{kept}");
    // It is this payment's alone.
    let plain = wallet_server::issuer::IssuerKeys::reveal(&keys, purpose, id.as_bytes(), &row.1);
    assert_eq!(plain, None);
}
