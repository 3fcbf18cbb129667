//! The rules one by one, and all of them under everything that can break.

mod model;
mod properties;

use core::time::Duration;

use serde_json::json;

use super::{Action, Answer, Keys, Order, Outcome, Patience, Request, Sale};
use crate::{Currency, Money, PositiveMoney, Timestamp};
use model::{answer, busy, problem, text};

const NOW: Timestamp = Timestamp::from_unix_seconds(1_795_353_372);

fn order() -> Order {
    let money = Money::parse("12.50", Currency::from_code("CNY").unwrap()).unwrap();
    Order::new("order-1", PositiveMoney::new(money).unwrap())
}

fn keys(number: u32) -> Keys {
    Keys { charge: format!("charge-{number}"), reversal: format!("reversal-{number}") }
}

/// A sale whose first record is stored.
fn begun() -> Sale {
    let mut sale = Sale::begin(order(), "70", keys(1), Patience::default(), NOW);
    store(&mut sale, NOW);
    sale
}

#[track_caller]
fn store(sale: &mut Sale, now: Timestamp) -> String {
    let Action::Store(record) = sale.next(now) else { panic!("nothing to store") };
    sale.stored();
    record
}

#[track_caller]
fn sent(sale: &mut Sale, now: Timestamp) -> Request {
    match sale.next(now) {
        Action::Send(request) => request,
        other => panic!("{other:?}"),
    }
}

/// Answers the first charge.
fn answered(answer: &Answer) -> Sale {
    let mut sale = begun();
    let request = sent(&mut sale, NOW);
    sale.answered(&request, answer, NOW);
    sale
}

/// The same, after an attempt of which nothing was heard.
fn answered_late(answer: &Answer) -> Sale {
    let mut sale = begun();
    let request = sent(&mut sale, NOW);
    sale.lost(&request, NOW);
    let later = NOW.plus_millis(500);
    let request = sent(&mut sale, later);
    sale.answered(&request, answer, later);
    sale
}

fn payment(state: &str) -> Answer {
    answer(201, &json!({ "id": "pay_1", "state": state }))
}

#[test]
fn nothing_is_sent_and_nobody_is_told_before_it_is_durable() {
    let mut sale = Sale::begin(order(), "70", keys(1), Patience::default(), NOW);
    for _ in 0..2 {
        assert!(matches!(sale.next(NOW), Action::Store(_)), "asked for until it is done");
    }
    sale.stored();
    let request = sent(&mut sale, NOW);
    assert_eq!(request.idempotency_key.as_deref(), Some("charge-1"));
    sale.answered(&request, &payment("succeeded"), NOW);
    let record = store(&mut sale, NOW);
    assert!(matches!(sale.next(NOW), Action::End(Outcome::Paid(_))));
    assert!(!record.contains("70"), "the code has left the disk: {record}");
}

#[test]
fn the_code_is_in_no_debug_text() {
    let mut sale = Sale::begin(order(), "7004", keys(1), Patience::default(), NOW);
    let action = sale.next(NOW);
    sale.stored();
    let request = sent(&mut sale, NOW);
    for text in [format!("{sale:?}"), format!("{action:?}"), format!("{request:?}")] {
        assert!(!text.contains("7004"), "{text}");
    }
}

#[test]
fn a_charge_is_repeated_unchanged_and_later_each_time() {
    let mut sale = begun();
    let first = sent(&mut sale, NOW);
    sale.lost(&first, NOW);
    let Action::Wait(pause) = sale.next(NOW) else { panic!("no pause") };
    assert!((250..=500).contains(&pause.as_millis()), "{pause:?}");
    let later = NOW.plus_millis(500);
    let second = sent(&mut sale, later);
    assert_eq!((&second.body, &second.idempotency_key), (&first.body, &first.idempotency_key));
    // To call next without an answer means that none came.
    assert!(matches!(sale.next(later), Action::Wait(_)));
    assert_eq!(sale.problem().unwrap().code, "no_answer");
    // An answer to an attempt that was given up counts for nothing.
    sale.answered(&second, &payment("succeeded"), later);
    assert!(sale.outcome().is_none());
}

#[test]
fn a_busy_server_is_asked_when_it_says_and_not_after_the_patience() {
    let mut sale = answered(&busy(7));
    assert_eq!(sale.next(NOW), Action::Wait(Duration::from_secs(7)));
    let mut sale = answered(&busy(60));
    assert_eq!(sale.next(NOW), Action::Wait(Duration::from_secs(45)));
    let late = NOW.plus_millis(45_000);
    store(&mut sale, late);
    // Nothing can have happened: no reversal, and no network, is needed to say so.
    let Action::End(Outcome::Refused(problem)) = sale.next(late) else { panic!("{sale:?}") };
    assert_eq!(problem.code, "overloaded");
}

#[test]
fn without_a_connection_it_is_certain_that_nobody_paid() {
    let mut sale = begun();
    let request = sent(&mut sale, NOW);
    sale.unsent(&request, NOW);
    sale.call_off(NOW);
    store(&mut sale, NOW);
    let Action::End(Outcome::Refused(problem)) = sale.next(NOW) else { panic!("{sale:?}") };
    assert_eq!(problem.code, "unreachable");
}

#[test]
fn a_sale_that_is_called_off_at_once_is_never_sent() {
    let mut sale = begun();
    sale.call_off(NOW);
    store(&mut sale, NOW);
    assert!(matches!(sale.next(NOW), Action::End(Outcome::Refused(_))));
}

/// A repeat of a charge of which no record is left.
fn repeated() -> Sale {
    let mut sale = Sale::repeat(order(), "70", keys(1), Patience::default(), NOW);
    store(&mut sale, NOW);
    sale
}

#[test]
fn a_charge_that_is_repeated_without_a_record_is_called_off_where_a_new_one_would_be_refused() {
    // The cashier gives up before anything is sent.
    let mut sale = repeated();
    sale.call_off(NOW);
    store(&mut sale, NOW);
    assert_eq!(sent(&mut sale, NOW).path, "/v1/payments/cancel");

    // There is no network.
    let mut sale = repeated();
    let request = sent(&mut sale, NOW);
    assert_eq!(request.idempotency_key.as_deref(), Some("charge-1"));
    sale.unsent(&request, NOW);
    let late = NOW.plus_millis(45_000);
    store(&mut sale, late);
    assert_eq!(sent(&mut sale, late).path, "/v1/payments/cancel");

    // The server refuses the repeat, which says nothing of what it repeats.
    for (status, code) in [(401, "unauthorized"), (422, "idempotency_key_reused")] {
        let mut sale = repeated();
        let request = sent(&mut sale, NOW);
        sale.answered(&request, &problem(status, code, "retry", None), NOW);
        assert!(sale.is_reversing(), "{code}: {:?}", sale.outcome());
    }

    // What the server repeats may have been called off since.
    let mut sale = repeated();
    let request = sent(&mut sale, NOW);
    sale.answered(&request, &payment("succeeded"), NOW);
    assert_eq!(sent(&mut sale, NOW).path, "/v1/payments/pay_1?wait=25");
}

#[test]
fn answers_that_hold_for_every_attempt_end_the_sale_and_others_only_if_none_is_open() {
    type Is = fn(&Outcome) -> bool;
    let conflict = problem(409, "reference_conflict", "retry", None);
    let body = json!({ "id": "pay_1", "state": "declined" });
    let cases: [(Answer, Is, bool); 8] = [
        (
            problem(402, "insufficient_funds", "final", Some(body)),
            |it| matches!(it, Outcome::Declined { problem: Some(_), .. }),
            true,
        ),
        (
            problem(422, "code_used", "final", None),
            |it| matches!(it, Outcome::CodeUnusable(_)),
            true,
        ),
        (
            problem(409, "reference_canceled", "final", None),
            |it| matches!(it, Outcome::Reversed(None)),
            true,
        ),
        (conflict, |it| matches!(it, Outcome::ReferenceTaken(_)), true),
        (
            problem(422, "invalid_code", "final", None),
            |it| matches!(it, Outcome::CodeUnusable(_)),
            false,
        ),
        (
            problem(422, "currency_not_accepted", "final", None),
            |it| matches!(it, Outcome::Refused(_)),
            false,
        ),
        (
            problem(401, "unauthorized", "retry", None),
            |it| matches!(it, Outcome::Refused(_)),
            false,
        ),
        (
            problem(422, "idempotency_key_reused", "retry", None),
            |it| matches!(it, Outcome::Refused(_)),
            false,
        ),
    ];
    for (answer, is_expected, holds_for_all) in cases {
        let sale = answered(&answer);
        assert!(sale.outcome().is_some_and(is_expected), "{answer:?}: {:?}", sale.outcome());
        let sale = answered_late(&answer);
        if holds_for_all {
            assert!(sale.outcome().is_some_and(is_expected), "{answer:?}: {:?}", sale.outcome());
        } else {
            assert!(sale.is_reversing(), "{answer:?}: {:?}", sale.outcome());
        }
    }
}

#[test]
fn an_answer_that_is_not_the_servers_own_is_none() {
    for (status, body) in [
        (200, "<html>"),
        (201, "{}"),
        (201, r#"{"id":"../x","state":"succeeded"}"#),
        (404, "{}"),
        (422, r#"{"code":"code_used"}"#),
        (402, r#"{"code":"insufficient_funds","certainty":"final"}"#),
        (500, ""),
    ] {
        let mut sale = answered(&text(status, body.to_owned()));
        assert!(sale.outcome().is_none(), "{body}");
        let late = NOW.plus_millis(45_000);
        store(&mut sale, late);
        assert!(sale.is_reversing(), "{status} {body}");
    }
}

#[test]
fn a_repeated_answer_tells_what_was_so_the_payment_is_looked_at() {
    let replayed = Answer { replayed: true, ..payment("succeeded") };
    for mut sale in [answered(&replayed), answered_late(&payment("succeeded"))] {
        let later = NOW.plus_millis(1_000);
        let request = sent(&mut sale, later);
        assert_eq!(request.path, "/v1/payments/pay_1?wait=25");
        // Somebody called it off in between.
        sale.answered(&request, &payment("canceled"), later);
        assert!(matches!(sale.outcome(), Some(Outcome::Reversed(Some(_)))), "{sale:?}");
    }
}

#[test]
fn a_payment_that_waits_is_followed_until_the_patience_ends_and_is_then_called_off() {
    let mut sale = answered(&payment("requires_confirmation"));
    assert_eq!(sale.followed().unwrap().state, "requires_confirmation");
    let request = sent(&mut sale, NOW);
    let later = NOW.plus_millis(25_000);
    sale.answered(&request, &payment("requires_confirmation"), later);
    let request = sent(&mut sale, later);
    assert_eq!(request.path, "/v1/payments/pay_1?wait=20");
    let late = NOW.plus_millis(45_000);
    sale.answered(&request, &payment("requires_confirmation"), late);
    let record = store(&mut sale, late);
    let request = sent(&mut sale, late);
    assert_eq!(request.path, "/v1/payments/cancel");
    assert_eq!(request.idempotency_key.as_deref(), Some("reversal-1"));
    assert_eq!(request.body.as_deref(), Some(r#"{"reference":"order-1"}"#));
    // From here on the charge is never sent again, not even by a till that starts anew.
    let mut again = Sale::resume(&record, NOW).unwrap();
    assert_eq!(sent(&mut again, NOW).path, "/v1/payments/cancel");
    assert_eq!(again.code(), None);
}

#[test]
fn a_reversal_goes_on_until_the_server_has_said_it() {
    let mut sale = answered(&payment("requires_confirmation"));
    sale.call_off(NOW);
    store(&mut sale, NOW);
    let mut now = NOW;
    for _ in 0..1_000 {
        match sale.next(now) {
            Action::Send(request) => sale.lost(&request, now),
            Action::Wait(pause) => {
                assert!(pause <= Duration::from_secs(5), "{pause:?}");
                now = now.plus_millis(i64::try_from(pause.as_millis()).unwrap());
            }
            other => panic!("{other:?}"),
        }
    }
    now = now.plus_millis(5_000);
    let request = sent(&mut sale, now);
    // The answer to a charge, by mistake, is not taken for one to a reversal.
    sale.answered(&request, &payment("succeeded"), now);
    assert!(sale.is_reversing());
}

#[test]
fn a_payment_that_can_not_be_called_off_any_more_is_what_it_is() {
    for (status, code, state) in [
        (409, "cancel_too_late", "succeeded"),
        (409, "payment_closed", "partially_refunded"),
        (422, "balance_insufficient", "succeeded"),
    ] {
        let mut sale = answered(&payment("requires_confirmation"));
        sale.call_off(NOW);
        store(&mut sale, NOW);
        let request = sent(&mut sale, NOW);
        sale.answered(&request, &problem(status, code, "retry", None), NOW);
        let request = sent(&mut sale, NOW);
        assert_eq!(request.path, "/v1/payments?reference=order-1");
        let list = json!({ "data": [{ "id": "pay_1", "state": state }] });
        sale.answered(&request, &answer(200, &list), NOW);
        assert!(matches!(sale.outcome(), Some(Outcome::Paid(_))), "{code}: {sale:?}");
    }
}

#[test]
fn a_reversal_that_may_still_be_on_its_way_leaves_nothing_certain_while_the_balance_is_small() {
    let mut sale = answered(&payment("requires_confirmation"));
    sale.call_off(NOW);
    store(&mut sale, NOW);
    let request = sent(&mut sale, NOW);
    sale.lost(&request, NOW);
    let later = NOW.plus_millis(500);
    let request = sent(&mut sale, later);
    sale.answered(&request, &problem(422, "balance_insufficient", "retry", None), later);
    let later = later.plus_millis(5_000);
    assert_eq!(sent(&mut sale, later).path, "/v1/payments/cancel");
}

#[test]
fn a_record_of_another_release_or_a_torn_one_is_refused() {
    let record = store(&mut Sale::begin(order(), "70", keys(1), Patience::default(), NOW), NOW);
    Sale::resume(&record, NOW).unwrap();
    for wrong in ["", &record[..record.len() - 1], &record.replace(":1,", ":2,"), "{}"] {
        assert_eq!(Sale::resume(wrong, NOW).unwrap_err().code(), "till_record_malformed");
    }
}

#[test]
fn a_record_keeps_all_of_the_order() {
    let order = Order {
        code_source: super::CodeSource::Typed,
        capture: super::Capture::Manual,
        terminal: Some(crate::TerminalId::from_bytes([7; 16])),
        description: Some("tea\n".to_owned()),
        metadata: [("table".to_owned(), "4".to_owned())].into(),
        ..order()
    };
    let mut sale = Sale::begin(order.clone(), "70", keys(1), Patience::default(), NOW);
    let resumed = Sale::resume(&store(&mut sale, NOW), NOW).unwrap();
    assert_eq!((resumed.order(), resumed.keys(), resumed.code()), (&order, &keys(1), Some("70")));
    assert_eq!(resumed.deadline(), NOW.plus_millis(45_000));
}

#[test]
fn a_till_that_starts_again_too_late_calls_off_without_charging() {
    let record = store(&mut Sale::begin(order(), "70", keys(1), Patience::default(), NOW), NOW);
    for now in [NOW.plus_millis(45_000), NOW.plus_millis(-1)] {
        let mut sale = Sale::resume(&record, now).unwrap();
        store(&mut sale, now);
        assert_eq!(sent(&mut sale, now).path, "/v1/payments/cancel");
    }
    let mut sale = Sale::resume(&record, NOW).unwrap();
    assert_eq!(sent(&mut sale, NOW).path, "/v1/payments");
}
