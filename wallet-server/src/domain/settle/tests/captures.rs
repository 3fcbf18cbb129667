//! Money that a merchant holds first and captures later.

use wallet_core::Mode;

use super::database::Database;
use super::fixture::Seen::{Again, New, Refused};
use super::fixture::What::{Authorized, Canceled, Declined, Expired, Paid, Waits};
use super::fixture::{
    By, Change, DAY_LIMIT, Decision, Deposit, GiveBack, HOLD, Sale, asking_rules, at, deposit,
    dollars, sale, yuan,
};
use crate::domain::command::Command;
use crate::domain::outcome::{DeclineCode, Refusal};

/// A sale of 100 fen by merchant 2, which will capture it.
fn held(number: u32) -> Sale {
    Sale { merchant: 2, amount: yuan(100), manual: true, ..sale(number) }
}

fn capture(number: u32, sale: &Sale, minor: impl Into<Option<i64>>) -> Decision {
    Decision::of(number, sale, By::Capture(1, minor.into().map(yuan)))
}

#[test]
fn what_is_authorized_is_held_and_nobodys() {
    let mut database = Database::with_money(150);
    assert_eq!(database.run(0, [held(1)]), [New(Authorized(1))]);
    assert_eq!((database.wallet(1), database.held(1), database.owed(2)), (50, 100, 0));
    let payment = database.payment(1);
    assert_eq!((payment.record.settled, payment.fee), (yuan(0), yuan(0)));
    assert_eq!((payment.expires_at, payment.hold_expires_at), (None, Some(at(HOLD))));
}

#[test]
fn a_fee_is_taken_of_what_is_captured_and_the_rest_is_free_again() {
    // 60 basis points and one fen: of 100 that is 1.6, of 60 it is 1.36, of 1 it is all.
    for (captured, fee) in [(None, 2), (Some(60), 1), (Some(1), 1), (Some(100), 2)] {
        let mut database = Database::with_money(150);
        database.run(0, [held(1)]);
        assert_eq!(database.run(1, [capture(2, &held(1), captured)]), [New(Paid(1))]);
        let amount = captured.unwrap_or(100);
        assert_eq!((database.wallet(1), database.held(1)), (150 - amount, 0));
        assert_eq!(database.owed(2), amount - fee);
        let payment = database.payment(1);
        assert_eq!((payment.record.settled, payment.fee), (yuan(amount), yuan(fee)));
    }
}

#[test]
fn what_is_not_captured_can_be_spent_by_the_next_command_of_its_batch() {
    let mut database = Database::with_money(1000);
    let limit = DeclineCode::DeclinedByLimit;
    let sales = [1, 2, 3, 4, 5].map(held);
    assert_eq!(database.run(0, sales.clone()), [1, 2, 3, 4, 5].map(|it| New(Authorized(it))));
    let seen = database.run(
        1,
        [
            Command::from(Sale { amount: yuan(30), ..sale(6) }),
            capture(7, &sales[0], 70).into(),
            Sale { amount: yuan(31), ..sale(8) }.into(),
            Sale { amount: yuan(30), ..sale(9) }.into(),
        ],
    );
    assert_eq!(
        seen,
        [New(Declined(6, limit)), New(Paid(1)), New(Declined(8, limit)), New(Paid(9))]
    );
    assert_eq!(database.wallet(1) + database.held(1), 1000 - 100);
    assert_eq!(database.held(1) + 100, DAY_LIMIT);
}

#[test]
fn what_is_not_captured_is_money_that_the_next_command_of_its_batch_has() {
    let mut database = Database::with_money(100);
    let sale = |number, minor| Sale { amount: yuan(minor), ..sale(number) };
    let first = held(1);
    assert_eq!(database.run(0, [first.clone()]), [New(Authorized(1))]);
    let broke = New(Declined(3, DeclineCode::InsufficientFunds));
    let seen = database
        .run(1, [Command::from(capture(2, &first, 70)), sale(3, 31).into(), sale(4, 30).into()]);
    assert_eq!(seen, [New(Paid(1)), broke, New(Paid(4))]);
    assert_eq!(database.wallet(1), 0);
}

#[test]
fn a_capture_counts_on_the_day_of_its_charge() {
    let mut database = Database::with_money(1000);
    let sales = [1, 2, 3, 4, 5].map(held);
    database.run(59, sales.clone());
    // Midnight has passed: today nothing is spent, and nothing becomes free for today.
    let seen = database.run(60, [capture(6, &sales[0], 10), capture(7, &sales[1], None)]);
    assert_eq!(seen, [New(Paid(1)), New(Paid(2))]);
    let large = |number| Sale { step: 2, amount: yuan(125), ..sale(number) };
    let seen = database.run(60, [8, 9, 10, 11, 12].map(large));
    let over = New(Declined(12, DeclineCode::DeclinedByLimit));
    assert_eq!(seen, [New(Paid(8)), New(Paid(9)), New(Paid(10)), New(Paid(11)), over]);
}

#[test]
fn a_hold_ends_on_the_millisecond_for_the_merchant_and_the_clock() {
    for (seconds, captured, expired) in [
        (HOLD - 1, New(Paid(1)), Refused(Refusal::PaymentClosed)),
        (HOLD, Refused(Refusal::HoldExpired), New(Expired(1))),
    ] {
        let mut database = Database::with_money(100);
        database.run(0, [held(1)]);
        let seen = database.clone().run(seconds, [capture(2, &held(1), None)]);
        assert_eq!(seen, [captured], "at {seconds}");
        let seen = database.run(seconds, [Decision::of(2, &held(1), By::Time)]);
        assert_eq!(seen, [expired], "at {seconds}");
    }
}

#[test]
fn no_test_has_the_time_of_a_live_payment_be_over() {
    let mut database = Database::with_money(100);
    database.run(0, [held(1)]);
    let by_test = || Decision::of(2, &held(1), By::TimeOfTest);
    // Nor is it asked whether it is.
    for seconds in [1, HOLD] {
        let seen = database.run(seconds, [by_test()]);
        assert_eq!(seen, [Refused(Refusal::UnknownPayment)], "at {seconds}");
    }
    assert_eq!(database.held(1), 100);
}

#[test]
fn a_hold_begins_when_the_payer_confirms() {
    let mut database = Database::with_money_and(asking_rules(), 100);
    let asked = Sale { typed: true, ..held(1) };
    assert_eq!(database.run(0, [asked.clone()]), [New(Waits(1))]);
    assert_eq!(database.payment(1).hold_expires_at, None);
    let confirmed = Decision::of(2, &asked, By::Confirm(1));
    assert_eq!(database.run(50, [confirmed]), [New(Authorized(1))]);
    assert_eq!(database.payment(1).hold_expires_at, Some(at(50 + HOLD)));
    let key_3 = Sale { number: 3, key: 3, ..asked.clone() };
    let seen = database.run(
        49 + HOLD,
        [Command::from(asked.clone()), key_3.into(), capture(4, &asked, None).into()],
    );
    assert_eq!(seen, [Again(Waits(1)), Again(Waits(1)), New(Paid(1))]);
}

#[test]
fn confirmed_captured_and_refunded_in_one_batch_is_written_once() {
    let mut database = Database::with_money_and(asking_rules(), 100);
    let asked = Sale { typed: true, ..held(1) };
    database.run(0, [asked.clone()]);
    let seen = database.run(
        1,
        [
            Command::from(Decision::of(2, &asked, By::Confirm(1))),
            capture(3, &asked, 60).into(),
            GiveBack::of(4, &asked, Some(yuan(20))).into(),
            GiveBack::of(5, &asked, None).into(),
        ],
    );
    // The fee is 1.36 fen.
    let refunded = |number, amount, fee| New(super::fixture::What::Refunded(number, amount, fee));
    assert_eq!(seen, [New(Authorized(1)), New(Paid(1)), refunded(4, 20, 0), refunded(5, 40, 1)]);
    assert_eq!((database.wallet(1), database.owed(2)), (100, 0));
}

#[test]
fn a_captures_first_broken_rule_is_told() {
    let mut database = Database::with_money(200);
    database.run(0, [Sale { number: 9, key: 9, reference: 9, ..held(1) }, held(10)]);
    let (payment, canceled) = (Sale { number: 9, ..held(1) }, held(10));
    database.run(0, [Decision::of(11, &canceled, By::Cancel(1))]);
    database.change(Change::RevokeKey(2));
    let too_much = |number| capture(number, &payment, 101);
    let in_dollars = By::Capture(1, Some(dollars(101)));
    let with_key_2 = By::Capture(2, Some(yuan(101)));
    let before = database.books().clone();
    for (late, decision, refusal) in [
        // Its key stands for the cancellation.
        (true, Decision { key: 11, by: with_key_2, ..too_much(12) }, Refusal::KeyRevoked),
        (true, Decision { key: 11, merchant: 2, ..too_much(12) }, Refusal::KeyReused),
        (true, Decision { merchant: 1, ..too_much(12) }, Refusal::UnknownPayment),
        (true, Decision { payer: 2, ..too_much(12) }, Refusal::UnknownPayment),
        (true, Decision { payment: 77, ..too_much(12) }, Refusal::UnknownPayment),
        (true, capture(12, &canceled, 101), Refusal::PaymentClosed),
        (true, Decision { by: in_dollars, ..too_much(12) }, Refusal::HoldExpired),
        (false, Decision { by: in_dollars, ..too_much(12) }, Refusal::WrongCurrency),
        (false, too_much(12), Refusal::CaptureTooLarge),
    ] {
        let seen = database.run(if late { HOLD } else { 1 }, [decision.clone()]);
        assert_eq!(seen, [Refused(refusal)], "{decision:?}");
        assert_eq!(*database.books(), before, "it leaves no trace");
    }
    assert_eq!(database.run(1, [capture(12, &payment, 100)]), [New(Paid(9))]);
}

#[test]
fn a_capture_sent_again_is_told_again_whatever_has_come_of_the_payment() {
    let mut database = Database::with_money(200);
    let first = capture(2, &held(1), 60);
    let other_amount = Decision { number: 4, ..capture(2, &held(1), 61) };
    database.run(0, [held(1)]);
    let seen = database.run(1, [first.clone(), Decision { number: 3, ..first.clone() }]);
    assert_eq!(seen, [New(Paid(1)), Again(Paid(1))]);
    assert_eq!(database.run(2, [other_amount]), [Refused(Refusal::KeyReused)]);
    database.run(2, [Decision::of(5, &held(1), By::Cancel(1))]);
    assert_eq!(database.run(500, [first]), [Again(Paid(1))]);
    assert_eq!(database.run(500, [held(1)]), [Again(Authorized(1))]);
}

#[test]
fn a_frozen_payer_does_not_keep_a_merchant_from_what_is_held_for_it() {
    let mut database = Database::with_money(200);
    database.run(0, [held(1), held(2)]);
    database.change(Change::PayerActive(1, false));
    database.change(Change::MerchantActive(2, false));
    let seen =
        database.run(1, [capture(3, &held(1), 60), Decision::of(4, &held(2), By::Cancel(1))]);
    assert_eq!(seen, [New(Paid(1)), New(Canceled(2))]);
    assert_eq!((database.wallet(1), database.held(1), database.owed(2)), (140, 0, 59));
}

#[test]
fn a_test_says_when_a_hold_of_its_own_mode_is_over() {
    let mut database = Database::with_money(200);
    let test = Mode::Test;
    database.run(0, [Deposit { mode: test, ..deposit(901, 3, yuan(100)) }]);
    let of_test = Sale { mode: test, merchant: 3, device: 4, ..held(1) };
    let seen = database.run(0, [of_test.clone(), held(2)]);
    assert_eq!(seen, [New(Authorized(1)), New(Authorized(2))]);
    let over = |number, sale| Decision::of(number, sale, By::TimeOfTest);
    let seen = database.run(1, [over(3, &of_test), over(4, &of_test), over(5, &held(2))]);
    let (closed, unknown) = (Refusal::PaymentClosed, Refusal::UnknownPayment);
    assert_eq!(seen, [New(Expired(1)), Refused(closed), Refused(unknown)]);
    assert_eq!((database.wallet(3), database.held(3), database.held(1)), (100, 0, 100));
}
