//! What becomes of payments that wait, in every order of events.

use serde_json::json;
use wallet_core::Timestamp;

use super::{Act, Decision, Desk, Press};
use crate::client::Problem;
use crate::client::models::{Confirmation, DecidedPayment};
use crate::failure::Failure;

/// 2026-11-22T12:00:00Z.
const NOON: i64 = 1_795_348_800;

fn waiting(number: u8, until_seconds: u8) -> Confirmation {
    serde_json::from_value(json!({
        "payment": format!("pay_{number}"), "merchant_name": "Tea House", "amount": "250.00",
        "currency": "CNY", "reason": "amount",
        "expires_at": format!("2026-11-22T12:00:{until_seconds:02}.000Z"),
    }))
    .unwrap()
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_unix_seconds(NOON + seconds)
}

fn desk(numbers: &[u8]) -> Desk {
    let mut desk = Desk::default();
    desk.update(numbers.iter().map(|number| waiting(*number, 50)).collect());
    desk
}

/// Types digits and presses Enter.
fn type_pin(desk: &mut Desk, digits: &str) -> Option<Act> {
    for digit in digits.chars() {
        assert!(desk.press(Press::Digit(digit)).is_none());
    }
    desk.press(Press::Enter)
}

/// The payment that was decided on, and the PIN, if it was confirmed.
fn sent(act: Option<Act>) -> (String, Option<String>) {
    match act {
        Some(Act::Send(front, Decision::Confirm(pin))) => {
            (front.payment, Some(pin.digits().to_owned()))
        }
        Some(Act::Send(front, Decision::Refuse)) => (front.payment, None),
        Some(Act::Leave) | None => panic!("nothing was sent"),
    }
}

fn paid(payment: &str) -> DecidedPayment {
    serde_json::from_value(json!({
        "id": payment, "state": "succeeded", "amount": "250.00", "currency": "CNY", "receipt": "",
    }))
    .unwrap()
}

fn refused(code: &str) -> Result<DecidedPayment, Failure> {
    let body = json!({"code": code, "certainty": "retry", "title": "no"}).to_string();
    Err(Failure::problem(Problem::read(403, body.as_bytes())))
}

/// Whether the desk asks about this payment.
fn asks(desk: &mut Desk) -> Option<String> {
    let act = desk.press(Press::Refuse)?;
    desk.sending = false;
    Some(sent(Some(act)).0)
}

#[test]
fn six_digits_and_enter_confirm_and_r_refuses() {
    let mut desk = desk(&[1]);
    assert_eq!(
        sent(type_pin(&mut desk, "048213")),
        ("pay_1".to_owned(), Some("048213".to_owned()))
    );
    assert!(desk.press(Press::Refuse).is_none(), "a decision is on its way");
    desk.decided("pay_1", &refused("pin_refused"));
    assert_eq!(sent(desk.press(Press::Refuse)), ("pay_1".to_owned(), None));
}

#[test]
fn less_than_six_digits_more_of_them_and_an_r_among_them_do_nothing() {
    let mut desk = desk(&[1]);
    assert!(type_pin(&mut desk, "12345").is_none());
    assert!(desk.press(Press::Refuse).is_none());
    desk.press(Press::Erase);
    assert_eq!(sent(type_pin(&mut desk, "5678")).1.as_deref(), Some("123456"));
}

#[test]
fn a_payment_that_arrives_while_another_is_asked_about_waits_its_turn() {
    let mut desk = desk(&[1]);
    desk.press(Press::Digit('0'));
    assert_eq!(desk.update(vec![waiting(1, 50), waiting(2, 50)]).len(), 1);
    assert_eq!(sent(type_pin(&mut desk, "48213")).1.as_deref(), Some("048213"));
    // One more while the decision is on its way, and the first gone from the list already.
    desk.update(vec![waiting(2, 50), waiting(3, 50)]);
    assert!(desk.decided("pay_1", &Ok(paid("pay_1"))).starts_with('✓'));
    assert_eq!(asks(&mut desk).as_deref(), Some("pay_2"));
    desk.decided("pay_2", &Ok(paid("pay_2")));
    assert_eq!(asks(&mut desk).as_deref(), Some("pay_3"));
}

#[test]
fn a_payment_that_was_decided_is_not_asked_about_again_by_a_list_that_is_late() {
    let mut desk = desk(&[1]);
    sent(type_pin(&mut desk, "048213"));
    desk.decided("pay_1", &Ok(paid("pay_1")));
    assert!(desk.update(vec![waiting(1, 50)]).is_empty());
    assert_eq!(asks(&mut desk), None);
}

#[test]
fn a_payment_with_the_code_of_another_device_is_told_once_and_not_asked_about() {
    let mut desk = Desk::default();
    let elsewhere = || {
        let mut one = waiting(1, 50);
        one.this_device = false;
        one
    };
    assert!(desk.update(vec![elsewhere()])[0].contains("another of your devices"));
    assert!(desk.update(vec![elsewhere()]).is_empty());
    assert_eq!(asks(&mut desk), None);
}

#[test]
fn a_wrong_pin_is_asked_for_again_and_a_payment_that_is_over_is_not() {
    for (code, again) in [
        ("pin_refused", true),
        ("too_many_requests", true),
        ("no_answer", true),
        ("confirmation_expired", false),
        ("payment_closed", false),
        ("other_device", false),
        ("not_found", false),
    ] {
        let mut desk = desk(&[1]);
        sent(type_pin(&mut desk, "048213"));
        assert!(desk.decided("pay_1", &refused(code)).contains(code));
        assert_eq!(asks(&mut desk).is_some(), again, "{code}");
    }
}

#[test]
fn what_is_typed_for_one_payment_never_confirms_the_next() {
    for called_off in [true, false] {
        let mut desk = Desk::default();
        desk.update(vec![waiting(1, 10), waiting(2, 50)]);
        for digit in "048213".chars() {
            desk.press(Press::Digit(digit));
        }
        let said = if called_off { desk.update(vec![waiting(2, 50)]) } else { desk.expire(at(10)) };
        assert_eq!(said.len(), 1);
        assert!(desk.press(Press::Enter).is_none());
        assert_eq!(asks(&mut desk).as_deref(), Some("pay_2"));
    }
}

#[test]
fn the_seconds_that_are_left_are_counted_and_then_it_is_too_late() {
    let mut desk = desk(&[1, 2]);
    desk.press(Press::Digit('7'));
    let prompt = desk.prompt(at(20));
    assert!(
        prompt.starts_with("PIN [•·····] or r to refuse, 30 s, 1 more: 250.00 CNY"),
        "{prompt}"
    );
    assert!(desk.expire(at(49)).is_empty());
    assert_eq!(desk.expire(at(50)).len(), 2);
    assert_eq!(desk.prompt(at(50)), "nothing waits for you; q: leave");
    assert!(desk.update(vec![waiting(1, 50)]).is_empty(), "it is too late however often it comes");
}
