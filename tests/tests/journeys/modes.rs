//! Live and test never mix: whatever belongs to one of them does not exist in the other, for every
//! call and for everybody.

use crate::DATABASE;
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use serde_json::{Value, json};
use wallet_core::code::{CodeLimit, CodeTerms, IssuerProfile, PayerDevice};
use wallet_core::{Currency, DeviceKey, Mode, Money};
use wallet_tests::{Charge, PIN, Phone, Till, World};

use super::test_mode::test_till;
use super::transfers::{assert_books_are_right, post, receive_code};

/// One of the two worlds, with one of everything in it.
struct Side {
    mode: &'static str,
    till: Till,
    phone: Phone,
    terminal: String,
    /// A payment that succeeded.
    paid: String,
    /// A payment that waits for its payer.
    waiting: String,
    receive_code: String,
    /// A red envelope's token, and its id.
    envelope: (String, String),
}

/// The PIN is needed above 100.00.
const ASKED: &[(&str, &str)] = &[("limits.new_payers.without_pin", "100.00")];

/// Both worlds, which call everything by the same names.
async fn scene(seed: u64) -> (World, [Side; 2]) {
    let world = World::start_with(DATABASE, seed, ASKED).await;
    let live = side(&world, "live", world.merchant("Tea House").await).await;
    let test = side(&world, "test", test_till(&world).await).await;
    (world, [live, test])
}

async fn side(world: &World, mode: &'static str, till: Till) -> Side {
    let mut phone = world.payer_in(mode, &format!("Wei {mode}"), "0").await;
    let credited = world.top_up(&phone.payer, "500.00", "bank-1").await.created();
    assert!(!credited.replayed, "a bank's reference counts in each world");
    phone.set_pin(world).await;
    let handle = phone.send(world, "PUT", "/v1/wallet/handle", json!({ "handle": "wei" })).await;
    assert_eq!(handle.status, 200, "{}", handle.text);
    let terminal = till.terminal("Till 1").await;
    let code = phone.code(world, "200.00");
    let paid = till.charge(&Charge::new("order-1", &code, "10.00")).await.created();
    assert!(!paid.replayed && paid.text("/mode") == mode, "{}", paid.text);
    let code = phone.code(world, "200.00");
    let waiting = till.charge(&Charge::new("order-2", &code, "150.00")).await.created();
    assert_eq!(waiting.outcome(), "requires_confirmation");
    let body = json!({ "amount": "6.00", "currency": "CNY", "shares": 2, "split": "equal",
        "pin": PIN });
    let envelope = post(world, &phone, "/v1/wallet/envelopes", "e-1", &body).await.created();
    let envelope = (envelope.text("/token").to_owned(), envelope.text("/id").to_owned());
    let receive_code = receive_code(world, &phone).await;
    let [paid, waiting] = [paid, waiting].map(|payment| payment.text("/id").to_owned());
    Side { mode, till, phone, terminal, paid, waiting, receive_code, envelope }
}

#[tokio::test]
async fn a_merchant_of_one_world_touches_nothing_of_the_other() {
    let (world, [mut live, mut test]) = scene(1601).await;
    for _ in 0..2 {
        let (ours, theirs) = (&mut live, &mut test);
        let till = &ours.till;
        let code = theirs.phone.code(&world, "200.00");
        let own_code = ours.phone.code(&world, "200.00");
        let before = world.standing().await;

        let charge = Charge::new("order-9", &code, "1.00");
        till.charge(&charge).await.assert_problem(422, "invalid_code", "final");
        let charge = Charge::new("order-9", &own_code, "1.00");
        let charge = charge.with("terminal", theirs.terminal.as_str());
        till.charge(&charge).await.assert_problem(422, "unknown_terminal", "retry");
        for id in [&theirs.paid, &theirs.waiting] {
            let one = till.get(&format!("/v1/payments/{id}")).await;
            one.assert_problem(404, "not_found", "retry");
            for (path, body) in [
                (format!("/v1/payments/{id}/cancel"), String::new()),
                (format!("/v1/test/payments/{id}/confirm"), String::new()),
                (format!("/v1/test/payments/{id}/refuse"), String::new()),
                (format!("/v1/test/payments/{id}/expire"), String::new()),
            ] {
                let answer = till.post(&path, &[("idempotency-key", &path)], body).await;
                let (status, code) = if ours.mode == "live" && path.starts_with("/v1/test") {
                    (403, "test_mode_only")
                } else {
                    (404, "not_found")
                };
                answer.assert_problem(status, code, "retry");
            }
        }
        assert_eq!(world.standing().await, before, "{}", ours.mode);
        std::mem::swap(&mut live, &mut test);
    }
    assert_books_are_right(world).await;
}

#[tokio::test]
async fn a_merchant_sees_one_world_in_every_list() {
    let (world, sides) = scene(1602).await;
    for Side { mode, till, terminal, paid, waiting, .. } in &sides {
        for (path, expected) in [
            ("/v1/payments", vec![waiting, paid]),
            ("/v1/payments?reference=order-1", vec![paid]),
            ("/v1/terminals", vec![terminal]),
        ] {
            let list = till.get(path).await;
            let rows = list.json["data"].as_array().unwrap();
            let mut ids: Vec<_> = rows.iter().map(|row| row["id"].as_str().unwrap()).collect();
            // The clock stands still, so nothing tells which one is newer.
            ids.sort_unstable();
            let mut expected = expected;
            expected.sort_unstable();
            assert_eq!(ids, expected, "{mode} {path}");
            assert!(rows.iter().all(|row| row["mode"] == *mode), "{}", list.text);
        }
        let balance = till.get("/v1/balance").await;
        assert_eq!(
            (balance.text("/mode"), balance.text("/balances/0/available")),
            (*mode, "10.00")
        );
    }
    assert_books_are_right(world).await;
}

#[tokio::test]
async fn a_key_that_was_used_in_one_world_is_new_in_the_other() {
    // Both sides of the scene have used the same keys and references, and got answers of their own.
    let (world, [live, test]) = scene(1603).await;
    assert_ne!(live.paid, test.paid);
    for side in [&live, &test] {
        let found = side.till.get("/v1/payments?reference=order-1").await;
        assert_eq!(found.text("/data/0/id"), side.paid);
    }
    assert_books_are_right(world).await;
}

#[tokio::test]
async fn a_payer_of_one_world_finds_nobody_of_the_other() {
    let (world, sides) = scene(1604).await;
    // Only here there is somebody of this name.
    let unique = ["only.live", "only.test"];
    let mut others = Vec::new();
    for (side, handle) in sides.iter().zip(unique) {
        let other = world.payer_in(side.mode, &format!("Li {}", side.mode), "0").await;
        let body = json!({ "handle": handle });
        assert_eq!(other.send(&world, "PUT", "/v1/wallet/handle", body).await.status, 200);
        others.push(other);
    }
    for (ours, theirs) in [(0, 1), (1, 0)] {
        let (phone, theirs_side) = (&sides[ours].phone, &sides[theirs]);
        let by_handle = json!({ "handle": unique[theirs] });
        let by_code = json!({ "receive_code": theirs_side.receive_code });
        for name in [&by_handle, &by_code] {
            let looked = phone.post(&world, "/v1/wallet/recipients", name.clone()).await;
            looked.assert_problem(422, "unknown_recipient", "final");
        }
        for (path, more) in [
            ("/v1/wallet/transfers", by_handle.clone()),
            ("/v1/wallet/transfers", by_code),
            ("/v1/wallet/envelopes", json!({ "shares": 1, "split": "equal" })),
        ] {
            let mut body = json!({ "amount": "1.00", "currency": "CNY", "pin": PIN });
            if path.ends_with("envelopes") {
                body["handle"] = by_handle["handle"].clone();
            }
            body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            let key = format!("{path}-{}", more.as_object().unwrap().len());
            let key = if more.get("receive_code").is_some() { "by-code" } else { &key };
            let answer = post(&world, phone, path, key, &body).await;
            answer.assert_problem(422, "unknown_recipient", "final");
        }
        let own = phone.post(&world, "/v1/wallet/recipients", json!({ "handle": unique[ours] }));
        assert_eq!(own.await.status, 200);
    }
    assert_books_are_right(world).await;
}

#[tokio::test]
async fn a_phone_of_one_world_decides_about_nothing_of_the_other() {
    let (world, [live, test]) = scene(1605).await;
    for (ours, theirs) in [(&live, &test), (&test, &live)] {
        let phone = &ours.phone;
        let before = world.standing().await;
        let claim = json!({ "token": theirs.envelope.0 });
        let claimed = post(&world, phone, "/v1/wallet/envelopes/claim", "c-1", &claim).await;
        claimed.assert_problem(422, "unknown_envelope", "final");
        let shown = phone.get(&world, &format!("/v1/wallet/envelopes/{}", theirs.envelope.1)).await;
        shown.assert_problem(404, "not_found", "final");
        for (what, body) in [("confirm", json!({ "pin": PIN })), ("refuse", Value::Null)] {
            let path = format!("/v1/wallet/confirmations/{}/{what}", theirs.waiting);
            let answer = phone.post_under_key(&world, &path, what, &body).await;
            answer.assert_problem(404, "not_found", "retry");
        }
        let device = format!("/v1/wallet/devices/{}", theirs.phone.key_id());
        for (method, path, body) in [
            ("POST", format!("{device}/approve"), json!({ "pin": PIN })),
            ("POST", format!("{device}/revoke"), Value::Null),
            ("PATCH", device.clone(), json!({ "name": "mine" })),
        ] {
            let answer = phone.send(&world, method, &path, body).await;
            answer.assert_problem(404, "not_found", "final");
        }
        let waits = phone.get(&world, "/v1/wallet/confirmations").await;
        let waits = waits.json["data"].as_array().unwrap().clone();
        assert_eq!(waits.len(), 1);
        assert_eq!(waits[0]["payment"], ours.waiting);
        let after = world.standing().await;
        assert_eq!(after.balances, before.balances);
        assert_eq!(after.journal, before.journal);
    }
    assert_books_are_right(world).await;
}

#[tokio::test]
async fn a_code_that_a_phone_of_one_world_makes_for_the_other_is_worth_nothing() {
    let (world, [live, test]) = scene(1606).await;
    for (ours, theirs, mode) in [(&live, &test, Mode::Test), (&test, &live, Mode::Live)] {
        // As a thief would, or a phone that was told the wrong mode.
        let key = DeviceKey::from_seed(&ours.phone.device.key().seed());
        let profile = IssuerProfile { mode, ..*ours.phone.device.issuer() };
        let device = PayerDevice::new(key, ours.phone.device.key_id(), profile);
        let limit = Money::parse("200.00", Currency::from_code("CNY").unwrap()).unwrap();
        let terms = CodeTerms::up_to(CodeLimit::new(limit).unwrap());
        let mut rng = ChaCha20Rng::seed_from_u64(1606);
        let code = device.make_code(world.now(), 200, &terms, &mut rng).unwrap();
        let before = world.standing().await;
        for till in [&ours.till, &theirs.till] {
            let answer = till.charge(&Charge::new("order-9", code.digits(), "1.00")).await;
            answer.assert_problem(422, "invalid_code", "final");
        }
        assert_eq!(world.standing().await, before);
    }
    assert_books_are_right(world).await;
}

#[tokio::test]
async fn the_operator_sees_two_worlds_and_moves_no_money_between_them() {
    let (world, sides) = scene(1607).await;
    let mut balances = Vec::new();
    for Side { mode, phone, .. } in &sides {
        let books = world.operator_get(&format!("/v1/operator/trial_balance?mode={mode}")).await;
        balances.push(World::balanced(&books));
        let payers = world.operator_get(&format!("/v1/operator/payers?mode={mode}")).await;
        let rows = payers.json["data"].as_array().unwrap();
        assert_eq!((rows.len(), &rows[0]["id"]), (1, &json!(phone.payer)), "{}", payers.text);
        let body = json!({ "amount": "1.00", "currency": "CNY", "destination": "IBAN 1",
            "pin": PIN });
        let withdrawal =
            post(&world, phone, "/v1/wallet/withdrawals", "w-1", &body).await.created();
        let list = world.operator_get(&format!("/v1/operator/withdrawals?mode={mode}")).await;
        let rows = list.json["data"].as_array().unwrap();
        assert_eq!(rows.len(), 1, "{}", list.text);
        assert_eq!(rows[0]["id"], withdrawal.json["id"]);
        // A bank's reference, and a key, of one world is free in the other.
        let pay = json!({ "external_reference": "bank-9" });
        let id = withdrawal.text("/id");
        let paid = super::withdrawals::tell(&world, id, "pay", "k-1", pay).await;
        assert_eq!((paid.status.as_u16(), paid.replayed), (200, false), "{}", paid.text);
    }
    assert_eq!(balances[0], balances[1], "the same happened in both");
    assert_books_are_right(world).await;
}
