//! Payments that are called off, by their id or by their reference.

use wallet_core::Mode;

use super::database::Database;
use super::fixture::Seen::{Again, New, Refused};
use super::fixture::What::{Authorized, Buried, Canceled, Paid, Refunded};
use super::fixture::{By, CANCEL, Change, Decision, GiveBack, Sale, Seen, Undo, sale, yuan};
use crate::domain::command::Command;
use crate::domain::ledger::AccountKind;
use crate::domain::outcome::Refusal;

fn cancel(number: u32, sale: &Sale) -> Decision {
    Decision::of(number, sale, By::Cancel(1))
}

/// A sale of 100 fen by merchant 2, whose fee is 2 fen.
fn large(number: u32) -> Sale {
    Sale { merchant: 2, amount: yuan(100), ..sale(number) }
}

#[test]
fn a_payment_that_is_called_off_after_its_capture_never_was() {
    let mut database = Database::with_money(150);
    database.run(0, [large(1)]);
    assert_eq!((database.wallet(1), database.owed(2)), (50, 98));
    assert_eq!(database.run(1, [cancel(2, &large(1))]), [New(Canceled(1))]);
    assert_eq!((database.wallet(1), database.owed(2)), (150, 0));
    assert_eq!(database.own(AccountKind::Fees, Mode::Live, "CNY"), 0);
    let payment = database.payment(1);
    assert_eq!((payment.record.settled, payment.fee), (yuan(0), yuan(0)));
}

#[test]
fn what_came_back_can_be_spent_by_the_next_command_of_its_batch_and_counts_no_more() {
    let mut database = Database::with_money(500);
    let sales = [1, 2, 3, 4, 5].map(large);
    database.run(0, sales.clone());
    let more = |number| Sale { amount: yuan(100), ..sale(number) };
    let seen = database.run(
        1,
        [
            Command::from(more(6)),
            cancel(7, &sales[1]).into(),
            more(8).into(),
            Undo::of(9, &sales[2]).into(),
            more(10).into(),
        ],
    );
    let over = New(super::fixture::What::Declined(
        6,
        crate::domain::outcome::DeclineCode::DeclinedByLimit,
    ));
    assert_eq!(seen, [over, New(Canceled(2)), New(Paid(8)), New(Canceled(3)), New(Paid(10))]);
    assert_eq!((database.wallet(1), database.owed(2), database.owed(1)), (0, 3 * 98, 200));
}

#[test]
fn a_payment_can_be_called_off_until_the_last_second_counted_from_its_capture() {
    for (seconds, seen) in
        [(30 + CANCEL, New(Canceled(1))), (31 + CANCEL, Refused(Refusal::CancelTooLate))]
    {
        let manual = Sale { manual: true, ..large(1) };
        let mut database = Database::with_money(150);
        database.run(0, [manual.clone()]);
        database.run(30, [Decision::of(2, &manual, By::Capture(1, None))]);
        assert_eq!(database.run(seconds, [cancel(3, &manual)]), [seen], "at {seconds}");
        let again = database.run(seconds, [Undo::of(4, &manual)]);
        let expected = if seen == New(Canceled(1)) { New(Canceled(1)) } else { seen };
        assert_eq!(again, [expected], "at {seconds}");
    }
}

#[test]
fn a_merchant_without_the_money_calls_nothing_off_until_it_has_it_again() {
    let mut database = Database::with_money(300);
    database.run(0, [large(1)]);
    database.change(Change::PayMerchant(2));
    let short = Refused(Refusal::BalanceInsufficient);
    let half = |number| Sale { amount: yuan(50), ..large(number) };
    let seen = database.run(
        1,
        [
            Command::from(cancel(2, &large(1))),
            Undo::of(3, &large(1)).into(),
            half(4).into(),
            cancel(2, &large(1)).into(),
            // Both fees are one fen: 49 and 49 make 98.
            half(5).into(),
            cancel(2, &large(1)).into(),
        ],
    );
    assert_eq!(seen, [short, short, New(Paid(4)), short, New(Paid(5)), New(Canceled(1))]);
    assert_eq!(database.owed(2), 0);
}

#[test]
fn a_reference_without_a_payment_is_taken_for_ever() {
    let mut database = Database::with_money(100);
    let undo = Undo::reference(1, 7);
    let charge = Sale { reference: 7, ..sale(3) };
    let seen = database.run(
        0,
        [
            Command::from(undo.clone()),
            undo.clone().into(),
            Undo { number: 2, key: 2, ..undo.clone() }.into(),
            charge.clone().into(),
        ],
    );
    let canceled = Refused(Refusal::ReferenceCanceled);
    assert_eq!(seen, [New(Buried), Again(Buried), New(Buried), canceled]);
    let seen = database.run(
        50,
        [Command::from(undo), charge.into(), Undo { key: 4, ..Undo::reference(4, 7) }.into()],
    );
    assert_eq!(seen, [Again(Buried), canceled, New(Buried)]);
    // Another merchant's, and another mode's, are other references.
    let other = Sale { merchant: 2, reference: 7, ..sale(5) };
    assert_eq!(database.run(0, [other]), [New(Paid(5))]);
}

#[test]
fn a_charge_that_came_in_between_is_looked_up_again() {
    let mut database = Database::with_money(100);
    let blind = Undo { holder: None, ..Undo::of(2, &sale(1)) };
    let seen = database.run(0, [Command::from(sale(1)), blind.clone().into()]);
    assert_eq!(seen, [New(Paid(1)), Refused(Refusal::ReferenceMoved)]);
    assert_eq!(database.run(1, [blind]), [Refused(Refusal::ReferenceMoved)]);
    let elsewhere = Undo { holder: Some((77, 1)), ..Undo::of(2, &sale(1)) };
    assert_eq!(database.run(1, [elsewhere]), [Refused(Refusal::ReferenceMoved)]);
    assert_eq!(database.run(1, [Undo::of(2, &sale(1))]), [New(Canceled(1))]);
}

#[test]
fn a_new_request_for_what_was_called_off_does_not_hear_of_its_success() {
    for undo in [Command::from(Undo::of(5, &sale(1))), cancel(5, &sale(1)).into()] {
        let mut database = Database::with_money(100);
        database.run(0, [sale(1)]);
        let new_key = Sale { number: 2, key: 2, ..sale(1) };
        let other_amount = Sale { number: 3, key: 3, amount: yuan(11), ..sale(1) };
        let batch = [undo, sale(1).into(), new_key.into(), other_amount.into()];
        let seen = database.run(1, batch.clone());
        let (canceled, conflict) = (Refusal::ReferenceCanceled, Refusal::ReferenceConflict);
        let rest = [Again(Paid(1)), Refused(canceled), Refused(conflict)];
        assert_eq!(seen, [&[New(Canceled(1))], &rest[..]].concat());
        assert_eq!(database.run(2, batch[1..].to_vec()), rest);
    }
}

#[test]
fn calling_off_twice_is_told_as_it_is_by_reference_and_refused_by_id() {
    let mut database = Database::with_money(100);
    database.run(0, [sale(1)]);
    let closed = Refused(Refusal::PaymentClosed);
    let seen = database.run(
        1,
        [
            Command::from(Undo::of(2, &sale(1))),
            Undo::of(3, &sale(1)).into(),
            Undo::of(3, &sale(1)).into(),
            cancel(4, &sale(1)).into(),
            Undo::of(2, &sale(1)).into(),
        ],
    );
    let canceled = New(Canceled(1));
    let again = Again(Canceled(1));
    assert_eq!(seen, [canceled, canceled, again, closed, again]);
    assert_eq!(database.wallet(1), 100);
}

#[test]
fn a_payment_that_was_given_back_in_part_is_not_called_off() {
    let mut database = Database::with_money(100);
    database.run(0, [sale(1)]);
    let part = GiveBack::of(2, &sale(1), Some(yuan(4)));
    let seen = database.run(
        1,
        [
            Command::from(part),
            Undo::of(3, &sale(1)).into(),
            cancel(4, &sale(1)).into(),
            GiveBack::of(5, &sale(1), None).into(),
            Undo::of(3, &sale(1)).into(),
        ],
    );
    let closed = Refused(Refusal::PaymentClosed);
    let all = New(super::fixture::What::Returned(1));
    assert_eq!(seen, [New(Refunded(2, 4, 0)), closed, closed, New(Refunded(5, 6, 0)), all]);
}

#[test]
fn a_cancellations_first_broken_rule_is_told() {
    let mut database = Database::with_money(200);
    database.run(0, [sale(1), sale(2)]);
    database.run(0, [Undo::reference(90, 8)]);
    database.change(Change::RevokeKey(2));
    database.change(Change::PayMerchant(1));
    let late = CANCEL + 1;
    let by_id = |number| cancel(number, &sale(1));
    let by_reference = |number| Undo::of(number, &sale(1));
    let refused: [(i64, Command, Refusal); 10] = [
        (late, Decision { key: 90, by: By::Cancel(2), ..by_id(9) }.into(), Refusal::KeyRevoked),
        (late, Decision { key: 90, ..by_id(9) }.into(), Refusal::KeyReused),
        (late, Decision { merchant: 2, ..by_id(9) }.into(), Refusal::UnknownPayment),
        (late, by_id(9).into(), Refusal::CancelTooLate),
        (1, by_id(9).into(), Refusal::BalanceInsufficient),
        (late, Undo { key: 90, api_key: 2, ..by_reference(9) }.into(), Refusal::KeyRevoked),
        (late, Undo { key: 90, ..by_reference(9) }.into(), Refusal::KeyReused),
        (late, Undo { holder: Some((2, 1)), ..by_reference(9) }.into(), Refusal::ReferenceMoved),
        (late, by_reference(9).into(), Refusal::CancelTooLate),
        (1, by_reference(9).into(), Refusal::BalanceInsufficient),
    ];
    let before = database.books().clone();
    for (seconds, command, refusal) in refused {
        assert_eq!(database.run(seconds, [command.clone()]), [Refused(refusal)], "{command:?}");
        assert_eq!(*database.books(), before, "it leaves no trace");
    }
}

#[test]
fn what_waits_for_its_merchant_can_be_called_off_when_the_hold_is_over() {
    let mut database = Database::with_money(100);
    let manual = Sale { manual: true, ..sale(1) };
    assert_eq!(database.run(0, [manual.clone()]), [New(Authorized(1))]);
    let seen: Vec<Seen> = database.run(500, [Undo::of(2, &manual)]);
    assert_eq!(seen, [New(Canceled(1))]);
    assert_eq!((database.wallet(1), database.held(1)), (100, 0));
}
