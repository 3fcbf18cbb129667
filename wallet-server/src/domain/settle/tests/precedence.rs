//! The rules of a charge in their order: each test breaks two rules and hears of the first.

use wallet_core::{Mode, Money};

use super::database::Database;
use super::fixture::Seen::{Again, New, Refused};
use super::fixture::What::{Buried, Paid, Rejected};
use super::fixture::{Change, Deposit, Sale, Seen, Undo, currency, deposit, dollars, sale, yuan};
use crate::domain::outcome::{Refusal, Rejection};

/// The refusal of a sale, which must leave no trace.
#[track_caller]
fn refused_without_trace(database: &mut Database, sale: Sale) -> Refusal {
    let before = database.books().clone();
    let seen = database.run(0, [sale]);
    let [Refused(refusal)] = seen[..] else { panic!("not refused: {seen:?}") };
    assert_eq!(*database.books(), before);
    refusal
}

#[test]
fn a_repeat_of_a_payment_hears_of_its_success_when_its_code_has_long_expired() {
    let mut database = Database::with_money(100);
    assert_eq!(database.run(0, [sale(1)]), [New(Paid(1))]);
    database.change(Change::MerchantActive(1, false));
    database.change(Change::RevokeDevice(1));
    assert_eq!(database.run(86_400, [sale(1)]), [Again(Paid(1))]);
}

#[test]
fn a_revoked_api_key_is_refused_before_its_answers_are_told() {
    let mut database = Database::with_money(100);
    database.run(0, [sale(1)]);
    database.change(Change::RevokeKey(1));
    assert_eq!(refused_without_trace(&mut database, sale(1)), Refusal::KeyRevoked);
    assert_eq!(database.run(0, [Sale { api_key: 2, ..sale(1) }]), [Again(Paid(1))]);
}

#[test]
fn a_reused_key_comes_before_a_conflicting_reference() {
    let mut database = Database::with_money(100);
    database.run(0, [sale(1)]);
    let other = Sale { amount: yuan(11), ..sale(1) };
    assert_eq!(refused_without_trace(&mut database, other), Refusal::KeyReused);
}

#[test]
fn a_conflicting_reference_comes_before_the_merchant_and_the_code() {
    let mut database = Database::with_money(100);
    database.run(0, [sale(1)]);
    database.change(Change::MerchantActive(1, false));
    let other = Sale { reference: 1, genuine: false, ..sale(2) };
    assert_eq!(refused_without_trace(&mut database, other), Refusal::ReferenceConflict);
}

#[test]
fn a_canceled_reference_comes_before_the_merchant_and_the_code() {
    let mut database = Database::with_money(100);
    assert_eq!(database.run(0, [Undo::reference(90, 7)]), [New(Buried)]);
    database.change(Change::MerchantActive(1, false));
    let late = Sale { reference: 7, genuine: false, ..sale(1) };
    assert_eq!(refused_without_trace(&mut database, late), Refusal::ReferenceCanceled);
    database.change(Change::MerchantActive(1, true));
    assert_eq!(database.run(0, [Sale { key: 2, ..sale(1) }]), [New(Paid(1))], "the code is whole");
}

#[test]
fn a_merchant_that_cannot_take_the_money_comes_before_the_code() {
    for bad in [
        Sale { merchant: 9, ..sale(1) },
        Sale { mode: Mode::Test, ..sale(1) },
        Sale { amount: dollars(10), ..sale(1) },
        Sale { merchant: 4, ..sale(1) },
        // The issuer itself has no account for fees in yen.
        Sale { merchant: 5, amount: Money::from_minor(10, currency("JPY")), ..sale(1) },
    ] {
        let bad = Sale { genuine: false, ..bad };
        let refusal = refused_without_trace(&mut Database::with_money(100), bad);
        assert_eq!(refusal, Refusal::MerchantUnavailable);
    }
    let mut database = Database::with_money(100);
    database.change(Change::MerchantActive(1, false));
    assert_eq!(refused_without_trace(&mut database, sale(1)), Refusal::MerchantUnavailable);
}

#[test]
fn a_code_that_is_not_ours_is_invalid_whatever_its_age() {
    for (step, device, genuine) in [(0, 1, false), (-9, 1, false), (9, 1, false), (-9, 8, true)] {
        let bad = Sale { genuine, device, step, ..sale(1) };
        let refusal = refused_without_trace(&mut Database::with_money(100), bad);
        assert_eq!(refusal, Refusal::InvalidCode);
    }
}

#[test]
fn a_code_of_the_other_mode_is_invalid() {
    let mut database = Database::with_money(100);
    let test_code = Sale { device: 4, ..sale(1) };
    assert_eq!(refused_without_trace(&mut database, test_code), Refusal::InvalidCode);
    let test_merchant = Sale { merchant: 3, mode: Mode::Test, ..sale(1) };
    assert_eq!(refused_without_trace(&mut database, test_merchant), Refusal::InvalidCode);
}

#[test]
fn a_code_lives_from_one_step_before_its_own_to_one_step_after() {
    let expired = New(Rejected(Rejection::CodeExpired));
    for (seconds, seen) in [
        (-31, Refused(Refusal::ClockSkew)),
        (-30, New(Paid(1))),
        (0, New(Paid(1))),
        (59, New(Paid(1))),
        (60, expired),
        (86_400, expired),
        (-86_400, Refused(Refusal::ClockSkew)),
    ] {
        assert_eq!(Database::with_money(100).run(seconds, [sale(1)]), [seen], "at {seconds}");
    }
}

#[test]
fn a_code_from_the_future_may_be_presented_again_when_its_time_has_come() {
    let mut database = Database::with_money(100);
    let early = Sale { step: 2, ..sale(1) };
    assert_eq!(refused_without_trace(&mut database, early.clone()), Refusal::ClockSkew);
    assert_eq!(database.run(30, [early]), [New(Paid(1))]);
}

#[test]
fn a_used_code_that_has_also_expired_is_called_expired() {
    let mut database = Database::with_money(100);
    database.run(0, [sale(1)]);
    let repeat = Sale { seq: 1, ..sale(2) };
    assert_eq!(database.run(60, [repeat]), [New(Rejected(Rejection::CodeExpired))]);
}

#[test]
fn a_presented_code_kills_itself_and_all_older_ones_of_its_device_everywhere() {
    let used = New(Rejected(Rejection::CodeUsed));
    let mut database = Database::with_money(100);
    let seen = database.run(
        0,
        [
            Sale { seq: 5, ..sale(1) },
            Sale { seq: 5, ..sale(2) },
            Sale { seq: 4, ..sale(3) },
            Sale { step: -1, seq: 255, ..sale(4) },
            Sale { seq: 5, merchant: 2, ..sale(5) },
            Sale { seq: 6, ..sale(6) },
            Sale { step: 1, seq: 0, ..sale(7) },
            Sale { device: 2, seq: 0, ..sale(8) },
        ],
    );
    let paid = |number| New(Paid(number));
    assert_eq!(seen, [paid(1), used, used, used, used, paid(6), paid(7), paid(8)]);
}

#[test]
fn used_comes_before_revoked_so_that_an_old_code_makes_no_payment() {
    let mut database = Database::with_money(100);
    database.run(0, [sale(1)]);
    database.change(Change::RevokeDevice(1));
    let repeat = Sale { seq: 1, ..sale(2) };
    assert_eq!(database.run(0, [repeat]), [New(Rejected(Rejection::CodeUsed))]);
}

#[test]
fn keys_and_references_of_other_callers_and_modes_are_apart() {
    let mut database = Database::with_money(200);
    let test_money =
        Deposit { mode: Mode::Test, key: 900, reference: 900, ..deposit(901, 3, yuan(100)) };
    database.run(0, [test_money]);
    let same = |number| Sale { key: 1, reference: 1, ..sale(number) };
    let seen: Vec<Seen> = database.run(
        0,
        [
            same(1),
            Sale { merchant: 2, ..same(2) },
            Sale { merchant: 3, mode: Mode::Test, device: 4, ..same(3) },
        ],
    );
    assert_eq!(seen, [New(Paid(1)), New(Paid(2)), New(Paid(3))]);
}
