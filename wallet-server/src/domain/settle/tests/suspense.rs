//! Money that came back for a payer who could not have it.

use wallet_core::Mode;

use super::database::Database;
use super::fixture::Seen::{Again, New, Refused};
use super::fixture::What::{Canceled, Ended, Refunded};
use super::fixture::{By, Change, Decision, Ending, GiveBack, Sale, Undo, sale, yuan};
use crate::domain::command::Command;
use crate::domain::ledger::AccountKind;
use crate::domain::outcome::Refusal;

/// Three payments of payer 1 came back while the payer was frozen: 40 fen with number 11, 60 with
/// 12, and 100 with 13.
fn suspended() -> Database {
    let mut database = Database::with_money(200);
    let sale = |number| Sale { merchant: 2, amount: yuan(100), ..sale(number) };
    database.run(0, [sale(1), sale(2)]);
    database.change(Change::PayerActive(1, false));
    let seen = database.run(
        1,
        [
            Command::from(GiveBack::of(11, &sale(1), Some(yuan(40)))),
            GiveBack::of(12, &sale(1), None).into(),
            Decision::of(13, &sale(2), By::Cancel(1)).into(),
            Undo::of(14, &sale(2)).into(),
        ],
    );
    // The merchant hears the same as ever.
    let refunds = [New(Refunded(11, 40, 0)), New(Refunded(12, 60, 2))];
    assert_eq!(seen, [refunds, [New(Canceled(2)); 2]].concat());
    database
}

fn waiting(database: &Database) -> i64 {
    database.own(AccountKind::Suspense, Mode::Live, "CNY")
}

#[test]
fn what_a_frozen_payer_cannot_have_waits_for_the_operator() {
    let database = suspended();
    assert_eq!((database.wallet(1), database.owed(2), waiting(&database)), (0, 0, 200));
    assert_eq!(database.books().suspense.len(), 3);
}

#[test]
fn money_is_released_to_a_payer_who_is_active_again_and_can_be_spent_at_once() {
    let mut database = suspended();
    let frozen = Refused(Refusal::PayerUnavailable);
    assert_eq!(database.run(2, [Ending::of(21, 11)]), [frozen]);
    database.change(Change::PayerActive(1, true));
    let spent = Sale { amount: yuan(140), ..sale(22) };
    let seen = database.run(
        2,
        [
            Command::from(Ending::of(21, 11)),
            Ending::of(23, 13).into(),
            spent.into(),
            Ending { number: 24, ..Ending::of(21, 11) }.into(),
            Ending::of(25, 11).into(),
        ],
    );
    let closed = Refused(Refusal::SuspenseClosed);
    let paid = New(super::fixture::What::Paid(22));
    assert_eq!(seen, [New(Ended(11)), New(Ended(13)), paid, Again(Ended(11)), closed]);
    assert_eq!((database.wallet(1), waiting(&database)), (0, 60));
}

#[test]
fn money_is_paid_out_once_whether_or_not_its_owner_is_frozen() {
    let mut database = suspended();
    let paid = |number, suspense, reference| Ending {
        paid: Some(reference),
        ..Ending::of(number, suspense)
    };
    let seen = database.run(
        2,
        [paid(21, 11, 1), paid(22, 12, 1), paid(23, 11, 2), paid(24, 12, 2), Ending::of(25, 12)],
    );
    let (conflict, closed) = (Refusal::ReferenceConflict, Refusal::SuspenseClosed);
    let expected =
        [New(Ended(11)), Refused(conflict), Refused(closed), New(Ended(12)), Refused(closed)];
    assert_eq!(seen, expected);
    assert_eq!(database.run(3, [paid(26, 13, 2)]), [Refused(conflict)]);
    assert_eq!(database.own(AccountKind::Bank, Mode::Live, "CNY"), -100);
    assert_eq!((database.wallet(1), waiting(&database)), (0, 100));
}

#[test]
fn the_operators_first_broken_rule_is_told() {
    let mut database = suspended();
    let first = Ending { paid: Some(1), ..Ending::of(21, 11) };
    assert_eq!(database.run(2, [first.clone()]), [New(Ended(11))]);
    let used = |number, suspense| Ending { number, suspense, ..first.clone() };
    let before = database.books().clone();
    for (ending, refusal) in [
        (Ending { key: 21, ..Ending::of(31, 99) }, Refusal::KeyReused),
        (Ending { key: 31, ..used(31, 99) }, Refusal::UnknownSuspense),
        (Ending { key: 31, payer: 2, ..used(31, 12) }, Refusal::UnknownSuspense),
        (Ending { mode: Mode::Test, ..used(31, 12) }, Refusal::UnknownSuspense),
        (Ending { key: 31, ..used(31, 11) }, Refusal::SuspenseClosed),
        (Ending { key: 31, ..used(31, 12) }, Refusal::ReferenceConflict),
        (Ending::of(31, 12), Refusal::PayerUnavailable),
    ] {
        assert_eq!(database.run(3, [ending.clone()]), [Refused(refusal)], "{ending:?}");
        assert_eq!(*database.books(), before, "it leaves no trace");
    }
}

#[test]
fn a_reversal_for_a_frozen_payer_still_makes_room_for_the_day() {
    let mut database = Database::with_money(1000);
    let large = |number| Sale { amount: yuan(125), ..sale(number) };
    database.run(0, [1, 2, 3, 4].map(large));
    database.change(Change::PayerActive(1, false));
    database.run(1, [Decision::of(5, &large(1), By::Cancel(1))]);
    database.change(Change::PayerActive(1, true));
    let seen = database.run(2, [large(6), large(7)]);
    let over =
        super::fixture::What::Declined(7, crate::domain::outcome::DeclineCode::DeclinedByLimit);
    assert_eq!(seen, [New(super::fixture::What::Paid(6)), New(over)]);
}
