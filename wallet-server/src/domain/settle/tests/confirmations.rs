//! When a payer is asked about a charge: each reason, up to the moment at which it ends.

use super::database::Database;
use super::fixture::Seen::{New, Refused};
use super::fixture::What::{Authorized, Declined, Paid, Rejected, Waits};
use super::fixture::{
    By, Change, Decision, SAME_AMOUNT, SUSPECTED, Sale, asking_rules, sale, yuan,
};
use crate::domain::command::Command;
use crate::domain::outcome::{DeclineCode, Refusal, Rejection};

/// Payer 1 has some money, and is asked for every reason there is.
fn asking() -> Database {
    Database::with_money_and(asking_rules(), 300)
}

/// A sale for so many fen with the code of so many seconds after the start.
fn sold(number: u32, minor: i64, seconds: i64) -> Sale {
    Sale { amount: yuan(minor), step: seconds / 30, ..sale(number) }
}

/// The same, with payer 1 suspected until `SUSPECTED`: the first code was shown at two tills.
fn suspected(first: &Sale) -> Database {
    let mut database = asking();
    let copy = Sale { merchant: 2, number: 70, key: 70, reference: 70, ..first.clone() };
    let seen = database.run(0, [first.clone(), copy]);
    let first = if first.manual { Authorized(1) } else { Paid(1) };
    assert_eq!(seen, [New(first), New(Rejected(Rejection::CodeUsed))]);
    database
}

#[test]
fn the_same_amount_at_the_same_merchant_waits_until_its_time_is_over() {
    let mut database = asking();
    database.run(0, [sold(1, 10, 0)]);
    let at = |seconds, sale: Sale| database.clone().run(seconds, [sale])[0];
    assert_eq!(at(SAME_AMOUNT - 1, sold(2, 10, 0)), New(Waits(2)));
    assert_eq!(at(SAME_AMOUNT, sold(2, 10, 0)), New(Paid(2)));
    assert_eq!(at(1, sold(2, 11, 0)), New(Paid(2)), "another amount");
    assert_eq!(at(1, Sale { merchant: 2, ..sold(2, 10, 0) }), New(Paid(2)), "another merchant");
    // What was declined does not count as paid.
    let mut declined = asking();
    declined.run(0, [Sale { limit: yuan(9), ..sold(1, 10, 0) }]);
    assert_eq!(declined.run(1, [sold(2, 10, 0)]), [New(Paid(2))]);
}

#[test]
fn a_payer_whose_code_was_shown_at_two_tills_is_asked_until_the_suspicion_ends() {
    let database = suspected(&sold(1, 10, 0));
    let late = sold(2, 11, SUSPECTED);
    assert_eq!(database.clone().run(SUSPECTED - 1, [late.clone()]), [New(Waits(2))]);
    assert_eq!(database.clone().run(SUSPECTED, [late]), [New(Paid(2))]);
}

#[test]
fn neither_an_older_code_nor_the_same_till_makes_a_payer_suspected() {
    let shown = Sale { seq: 5, ..sold(1, 10, 0) };
    let again = Sale { number: 70, key: 70, reference: 70, ..shown.clone() };
    for harmless in [again.clone(), Sale { seq: 4, merchant: 2, ..again }] {
        let mut database = asking();
        let seen = database.run(0, [shown.clone(), harmless, sold(7, 11, 0)]);
        assert_eq!(seen, [New(Paid(1)), New(Rejected(Rejection::CodeUsed)), New(Paid(7))]);
    }
}

#[test]
fn the_right_pin_ends_the_suspicion_whoever_captures() {
    for manual in [false, true] {
        let mut database = suspected(&sold(1, 10, 0));
        let asked = Sale { manual, ..sold(2, 11, 0) };
        assert_eq!(database.run(1, [asked.clone()]), [New(Waits(2))]);
        let confirmed = Decision::of(3, &asked, By::Confirm(1));
        let seen = database.run(2, [Command::from(confirmed), sold(4, 12, 0).into()]);
        let done = if manual { Authorized(2) } else { Paid(2) };
        assert_eq!(seen, [New(done), New(Paid(4))]);
        assert_eq!(database.run(3, [sold(5, 13, 0)]), [New(Paid(5))], "in the next batch as well");
    }
}

#[test]
fn what_a_merchant_captures_and_what_a_payer_refuses_leave_the_suspicion() {
    let first = Sale { manual: true, ..sold(1, 10, 0) };
    let mut database = suspected(&first);
    let captured = Decision::of(2, &first, By::Capture(1, None));
    let asked = sold(3, 11, 0);
    let refused = Decision::of(4, &asked, By::Refuse(1));
    let seen = database.run(1, [Command::from(captured), asked.into()]);
    assert_eq!(seen, [New(Paid(1)), New(Waits(3))]);
    let seen = database.run(2, [Command::from(refused), sold(5, 12, 0).into()]);
    assert_eq!(seen, [New(Declined(3, DeclineCode::RefusedByPayer)), New(Waits(5))]);
}

#[test]
fn nobody_confirms_but_the_device_whose_code_it_was_while_it_is_in_use() {
    let mut database = asking();
    let asked = Sale { typed: true, ..sold(1, 10, 0) };
    assert_eq!(database.run(0, [asked.clone()]), [New(Waits(1))]);
    let confirm = |device| Decision::of(2, &asked, By::Confirm(device));
    let other = [Refused(Refusal::OtherDevice)];
    // The payer's other one, another payer's, and one that does not exist.
    for device in [2, 3, 9] {
        assert_eq!(database.run(1, [confirm(device)]), other, "{device}");
    }
    let mut revoked = database.clone();
    revoked.change(Change::RevokeDevice(1));
    assert_eq!(revoked.run(1, [confirm(1)]), other);
    assert_eq!(database.run(1, [confirm(1)]), [New(Paid(1))]);
}
