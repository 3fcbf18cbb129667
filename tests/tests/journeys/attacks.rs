//! Attacks that no other journey tries: each ends with what the attacker got.

use std::time::Duration;

use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use wallet_core::code::{CodeLimit, CodeTerms, PayerDevice};
use wallet_core::{Currency, DeviceKey, DeviceKeyId, Money, Timestamp};
use wallet_tests::{Charge, PIN, Phone, Till, World, at_once, otp_secret};

use crate::DATABASE;

const CLIENTS: usize = 1_000;
const DAY_SECONDS: i64 = 24 * 60 * 60;

async fn scene(seed: u64, changes: &[(&str, &str)]) -> (World, Till, Phone) {
    let world = World::start_with(DATABASE, seed, changes).await;
    let till = world.merchant("Tea House").await;
    let phone = world.payer("Wei", "500.00").await;
    (world, till, phone)
}

/// Whoever photographs a code and is faster gets at most what the payer spends without the PIN;
/// the payer is told, and every further payment asks.
#[tokio::test]
async fn a_thief_with_a_photograph_gets_one_small_payment_and_is_found_out_at_once() {
    let (world, till, mut phone) = scene(1901, &[("limits.new_payers.without_pin", "20.00")]).await;
    phone.set_pin(&world).await;
    let accomplice = world.merchant("Kiosk").await;
    let photographed = phone.code(&world, "200.00");
    let large = accomplice.charge(&Charge::new("large", &photographed, "20.01")).await.created();
    assert_eq!(large.outcome(), "requires_confirmation");
    let again = accomplice.charge(&Charge::new("again", &photographed, "20.00")).await;
    again.assert_problem(422, "code_used", "final");

    let photographed = phone.code(&world, "200.00");
    let stolen = accomplice.charge(&Charge::new("small", &photographed, "20.00")).await.created();
    assert_eq!(stolen.outcome(), "succeeded");
    // The payer shows the very code, at the till that was meant.
    let own = till.charge(&Charge::new("order-1", &photographed, "12.50")).await;
    own.assert_problem(422, "code_used", "final");
    let next = till.charge(&Charge::new("order-2", &phone.code(&world, "200.00"), "1.00")).await;
    assert_eq!(next.created().outcome(), "requires_confirmation");
    assert_eq!(accomplice.balance().await, "20.00");
}

/// A till that is told "used" and tries with fresh keys and references is paid once.
#[tokio::test]
async fn fresh_keys_and_references_do_not_charge_a_code_twice() {
    let (world, till, mut phone) = scene(1902, &[]).await;
    let code = phone.code(&world, "200.00");
    let charges: Vec<_> =
        (0..20).map(|number| Charge::new(&format!("order-{number}"), &code, "12.50")).collect();
    let answers = at_once(charges.iter().map(|charge| till.charge(charge))).await;
    let made = answers.iter().filter(|answer| answer.status == 201).count();
    assert_eq!(made, 1);
    for answer in answers.iter().filter(|answer| answer.status != 201) {
        answer.assert_problem(422, "code_used", "final");
    }
    assert_eq!(till.balance().await, "12.50");
    assert_eq!(phone.balance(&world).await, "487.50");
}

/// Whoever can set the server's clock back opens no code again, and no day's limit.
#[tokio::test]
async fn a_clock_that_is_turned_back_opens_neither_a_used_code_nor_an_older_one() {
    let (world, till, mut phone) = scene(1903, &[]).await;
    let older = phone.code(&world, "200.00");
    world.advance_seconds(600);
    let code = phone.code(&world, "200.00");
    let _ = till.charge(&Charge::new("order-1", &code, "12.50")).await.created();
    world.advance_seconds(-600);
    // It would be fresh again, but the mark has passed it, and the mark knows no clock.
    let answer = till.charge(&Charge::new("order-2", &older, "12.50")).await;
    answer.assert_problem(422, "code_used", "final");
    let answer = till.charge(&Charge::new("order-3", &code, "12.50")).await;
    answer.assert_problem(409, "clock_skew", "retry");
    world.advance_seconds(600);
    let answer = till.charge(&Charge::new("order-4", &code, "12.50")).await;
    answer.assert_problem(422, "code_used", "final");
    assert_eq!(phone.balance(&world).await, "487.50");
}

/// The marks of one phone know nothing of another one's, so it is the day's limit that must hold.
#[tokio::test]
async fn a_clock_that_is_turned_back_a_day_spends_no_day_twice() {
    let changes = [("limits.new_payers.payment", "20.00"), ("limits.new_payers.day", "30.00")];
    let (world, till, mut phone) = scene(1904, &changes).await;
    let mut tablet = phone.another(&world, "tablet").await;
    let mut outcomes = Vec::new();
    for (number, moved) in [0, DAY_SECONDS, -DAY_SECONDS, DAY_SECONDS].into_iter().enumerate() {
        world.advance_seconds(moved);
        let device = if moved < 0 { &mut tablet } else { &mut phone };
        let code = device.code(&world, "200.00");
        let charge = Charge::new(&format!("order-{number}"), &code, "20.00");
        outcomes.push(till.charge(&charge).await.outcome().to_owned());
    }
    let limited = "declined_by_limit";
    assert_eq!(outcomes, ["succeeded", "succeeded", limited, limited]);
    assert_eq!(phone.balance(&world).await, "460.00");
}

/// Codes that anybody can make: digits alone, and such as are sealed to the issuer by nobody.
fn garbage(phone: &Phone, now: Timestamp, rng: &mut ChaCha20Rng) -> String {
    if rng.next_u32().is_multiple_of(2) {
        let digits =
            (0..319).map(|_| char::from(b'0' + u8::try_from(rng.next_u32() % 10).unwrap()));
        return "70".chars().chain(digits).collect();
    }
    let key_id = DeviceKeyId::from_bytes(rng.next_u64().to_be_bytes());
    let nobody = PayerDevice::new(DeviceKey::generate(rng), key_id, *phone.device.issuer());
    let limit = Money::from_minor(20_000, Currency::from_code("CNY").unwrap());
    let terms = CodeTerms::up_to(CodeLimit::new(limit).unwrap());
    nobody.make_code(now, 0, &terms, rng).unwrap().digits().to_owned()
}

#[tokio::test]
async fn a_flood_of_garbage_codes_leaves_nothing_behind_and_honest_tills_are_served() {
    let (world, till, mut phone) = scene(1905, &[]).await;
    let attacker = world.merchant("Nobody's").await;
    let before = world.standing().await;
    let rng = &mut ChaCha20Rng::seed_from_u64(1905);
    let mut charges: Vec<_> = (0..400)
        .map(|number| {
            let code = garbage(&phone, world.now(), rng);
            (&attacker, Charge::new(&format!("order-{number}"), &code, "12.50"))
        })
        .collect();
    let code = phone.code(&world, "200.00");
    charges.insert(200, (&till, Charge::new("order-1", &code, "12.50")));
    let answers = at_once(charges.iter().map(|(till, charge)| till.charge(charge))).await;
    for (number, answer) in answers.iter().enumerate() {
        match number {
            200 => assert_eq!(answer.outcome(), "succeeded", "{}", answer.text),
            // A server that has too much to do says so, and did nothing.
            _ if answer.status == 503 => assert_eq!(answer.text("/certainty"), "retry"),
            _ => answer.assert_problem(422, "invalid_code", "final"),
        }
    }
    let after = world.standing().await;
    assert_eq!(after.payments, before.payments + 1);
    assert_eq!(after.references, before.references + 1);
    assert_eq!(after.kept_answers, before.kept_answers + 1);
    assert_eq!(attacker.balance().await, "0.00");
}

/// Whoever announces a body and sends one byte of it holds a connection for less than a minute.
#[tokio::test]
async fn a_body_that_never_comes_is_answered_in_time_and_moves_nothing() {
    let (world, till, mut phone) = scene(1908, &[]).await;
    let address = world.url("");
    let mut slow = TcpStream::connect(address.trim_start_matches("http://")).await.unwrap();
    let head = format!(
        "POST /v1/payments HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {}\r\n\
         Idempotency-Key: slow\r\nContent-Type: application/json\r\nContent-Length: 400\r\n\r\n{{",
        till.api_key
    );
    slow.write_all(head.as_bytes()).await.unwrap();
    let before = world.standing().await;
    // Others are served meanwhile, and by then the server has begun to read.
    let code = phone.code(&world, "200.00");
    let _ = till.charge(&Charge::new("order-1", &code, "12.50")).await.created();
    tokio::time::pause();
    tokio::time::advance(Duration::from_mins(1)).await;
    tokio::time::resume();
    let mut answer = String::new();
    let heard = tokio::time::timeout(Duration::from_mins(1), slow.read_to_string(&mut answer));
    heard.await.expect("it is held for ever").unwrap();
    assert!(answer.starts_with("HTTP/1.1 504 "), "{answer}");
    assert!(answer.contains("\"code\":\"timeout\""), "{answer}");
    let after = world.standing().await;
    assert_eq!(after.payments, before.payments + 1);
    assert_eq!(after.kept_answers, before.kept_answers + 1);
}

/// A stolen phone in a thousand hands guesses as often as in one.
#[tokio::test]
async fn a_thousand_clients_that_guess_a_pin_get_five_guesses() {
    let (world, _, phone) = scene(1906, &[]).await;
    phone.set_pin(&world).await;
    let guesses = (0..CLIENTS).map(|number| {
        let body = json!({ "pin": format!("{:06}", 200_000 + number) });
        let (world, phone) = (&world, &phone);
        async move { phone.send(world, "PUT", "/v1/wallet/pin", body).await }
    });
    let mut refused = 0;
    for answer in at_once(guesses).await {
        let code = answer.outcome().to_owned();
        assert!(["pin_refused", "too_many_requests"].contains(&code.as_str()), "{}", answer.text);
        refused += usize::from(code == "pin_refused");
    }
    assert!(refused >= 1);
    // Whatever was looked at, no more than five were compared: the right one is refused as well
    // once five were.
    for _ in 0..5 {
        let _ = phone.send(&world, "PUT", "/v1/wallet/pin", json!({ "pin": "999999" })).await;
    }
    let right = phone.send(&world, "PUT", "/v1/wallet/pin", json!({ "pin": PIN })).await;
    right.assert_problem(403, "pin_refused", "retry");
}

#[tokio::test]
async fn a_thousand_clients_that_guess_a_one_time_password_get_five_guesses() {
    let (world, _, phone) = scene(1907, &[]).await;
    phone.set_pin(&world).await;
    let begun = phone.post(&world, "/v1/wallet/totp", json!({ "pin": PIN })).await.created();
    let secret = otp_secret(begun.text("/otpauth_uri"));
    let password = secret.password(world.now());
    let confirmed =
        phone.post(&world, "/v1/wallet/totp/confirm", json!({ "totp": password })).await;
    assert_eq!(confirmed.status, 200, "{}", confirmed.text);
    world.advance_seconds(30);
    let right = secret.password(world.now());
    let is_wrong = |guess: &String| secret.check(guess, world.now(), None).is_err();
    let guesses = (0..).map(|number| format!("{number:06}")).filter(is_wrong).take(CLIENTS);
    let guesses: Vec<_> = guesses.collect();
    let first_wrong = guesses[0].clone();
    let guesses = guesses.into_iter().map(|guess| {
        let body = json!({ "pin": "246813", "totp": guess });
        let (world, phone) = (&world, &phone);
        async move { phone.send(world, "PUT", "/v1/wallet/pin", body).await }
    });
    let mut compared = 0;
    for answer in at_once(guesses).await {
        let code = answer.outcome().to_owned();
        // On a busy machine some are sent away before anything is compared.
        let expected = ["otp_wrong", "otp_locked", "too_many_requests", "overloaded"];
        assert!(expected.contains(&code.as_str()), "{}", answer.text);
        compared += usize::from(code == "otp_wrong");
    }
    // What too many clients at once have left over is spent now.
    while compared < 5 {
        let body = json!({ "pin": "246813", "totp": first_wrong });
        let answer = phone.send(&world, "PUT", "/v1/wallet/pin", body).await;
        answer.assert_problem(422, "otp_wrong", "retry");
        compared += 1;
    }
    assert_eq!(compared, 5);
    let body = json!({ "pin": "246813", "totp": right });
    let answer = phone.send(&world, "PUT", "/v1/wallet/pin", body).await;
    answer.assert_problem(429, "otp_locked", "retry");
}
