//! Money: day limits, fees and top-ups, to the minor unit.

use wallet_core::{Mode, Money};

use super::database::Database;
use super::fixture::Seen::{Again, New, Refused};
use super::fixture::What::{Credited, Declined, Paid};
use super::fixture::{
    Change, DAY_LIMIT, Deposit, Sale, Seen, currency, deposit, dollars, sale, yuan,
};
use crate::domain::ledger::AccountKind;
use crate::domain::outcome::{DeclineCode, Refusal};

fn over_limit(number: u32) -> Seen {
    New(Declined(number, DeclineCode::DeclinedByLimit))
}

#[test]
fn a_day_limit_holds_to_the_fen_within_one_batch() {
    let mut database = Database::with_money(1000);
    let seen = database.run(0, (1..=10).map(|number| Sale { amount: yuan(60), ..sale(number) }));
    let paid: Vec<Seen> = (1..=8).map(|number| New(Paid(number))).collect();
    assert_eq!(seen[..8], paid);
    assert_eq!(seen[8..], [over_limit(9), over_limit(10)]);
    let rest = [Sale { amount: yuan(21), ..sale(11) }, Sale { amount: yuan(20), ..sale(12) }];
    assert_eq!(database.run(0, rest), [over_limit(11), New(Paid(12))]);
    assert_eq!(database.wallet(1), 1000 - DAY_LIMIT);
}

#[test]
fn all_devices_and_merchants_of_a_payer_count_against_one_day() {
    let mut database = Database::with_money(1000);
    let large = |number| Sale { amount: yuan(150), ..sale(number) };
    let seen = database.run(
        0,
        [
            large(1),
            Sale { device: 2, ..large(2) },
            Sale { merchant: 2, ..large(3) },
            Sale { device: 2, merchant: 2, ..large(4) },
        ],
    );
    assert_eq!(seen, [New(Paid(1)), New(Paid(2)), New(Paid(3)), over_limit(4)]);
}

#[test]
fn limits_in_yuan_allow_no_other_currency() {
    let mut database = Database::open();
    let money = dollars(10);
    database.run(0, [deposit(100, 4, money)]);
    let sale = Sale { merchant: 4, device: 5, amount: money, limit: money, ..sale(1) };
    assert_eq!(database.run(0, [sale]), [over_limit(1)]);
}

#[test]
fn a_new_day_begins_at_midnight_and_a_clock_set_back_does_not_reopen_the_old_one() {
    let mut database = Database::with_money(1000);
    let large = |number, step| Sale { amount: yuan(125), step, ..sale(number) };
    let today = (1..=4).map(|number| large(number, 0));
    assert_eq!(database.run(0, today), [1, 2, 3, 4].map(|number| New(Paid(number))));
    assert_eq!(database.run(59, [large(5, 1)]), [over_limit(5)]);
    assert_eq!(database.run(60, [large(6, 2)]), [New(Paid(6))]);
    // It counts on the day that had begun, which three more payments fill.
    let back = [7, 8, 9].map(|number| large(number, 2));
    assert_eq!(database.run(59, back), [7, 8, 9].map(|number| New(Paid(number))));
    assert_eq!(database.run(59, [large(10, 2)]), [over_limit(10)]);
    assert_eq!(database.run(61, [large(11, 2)]), [over_limit(11)]);
}

#[test]
fn a_merchant_gets_the_amount_less_its_fee() {
    let mut database = Database::with_money(200);
    // 60 basis points of 1.50 are 0.9 fen, and one fen is fixed.
    database.run(0, [Sale { merchant: 2, amount: yuan(150), ..sale(1) }]);
    assert_eq!(database.payment(1).fee, yuan(2));
    assert_eq!(database.payment(1).record.settled, yuan(150));
    assert_eq!((database.wallet(1), database.owed(2)), (50, 148));
    assert_eq!(database.own(AccountKind::Fees, Mode::Live, "CNY"), 2);
}

#[test]
fn a_fee_as_large_as_the_payment_leaves_the_merchant_nothing() {
    let mut database = Database::with_money(200);
    let seen = database.run(0, [Sale { merchant: 2, amount: yuan(1), ..sale(1) }]);
    assert_eq!(seen, [New(Paid(1))]);
    assert_eq!((database.wallet(1), database.owed(2)), (199, 0));
    assert_eq!(database.own(AccountKind::Fees, Mode::Live, "CNY"), 1);
}

#[test]
fn a_declined_payment_costs_nobody_anything() {
    let mut database = Database::with_money(100);
    database.run(0, [Sale { merchant: 2, amount: yuan(150), ..sale(1) }]);
    assert_eq!(database.payment(1).fee, yuan(0));
    assert_eq!((database.wallet(1), database.owed(2)), (100, 0));
    assert_eq!(database.own(AccountKind::Fees, Mode::Live, "CNY"), 0);
}

#[test]
fn test_money_never_touches_live_accounts() {
    let mut database = Database::open();
    let test = Mode::Test;
    database.run(0, [Deposit { mode: test, ..deposit(100, 3, yuan(100)) }]);
    let sale = Sale { mode: test, merchant: 3, device: 4, amount: yuan(100), ..sale(1) };
    assert_eq!(database.run(0, [sale]), [New(Paid(1))]);
    assert_eq!(database.own(AccountKind::Fees, test, "CNY"), 3, "2.5 fen, rounded half up");
    assert_eq!(database.own(AccountKind::Fees, Mode::Live, "CNY"), 0);
    assert_eq!(database.own(AccountKind::Bank, test, "CNY"), -100);
    assert_eq!(database.own(AccountKind::Bank, Mode::Live, "CNY"), 0);
}

#[test]
fn a_top_up_can_be_spent_by_the_next_command_of_its_batch() {
    let mut database = Database::open();
    let seen = database.run(
        0,
        [sale(1).into(), deposit(100, 1, yuan(10)).into(), sale(2).into()]
            as [crate::domain::command::Command; 3],
    );
    let broke = New(Declined(1, DeclineCode::InsufficientFunds));
    assert_eq!(seen, [broke, New(Credited(100)), New(Paid(2))]);
    assert_eq!(database.own(AccountKind::Bank, Mode::Live, "CNY"), -10);
}

#[test]
fn a_bank_reference_is_credited_once_under_whatever_key() {
    let mut database = Database::open();
    let first = deposit(1, 1, yuan(10));
    let resent = Deposit { number: 2, ..first.clone() };
    let new_key = Deposit { key: 2, ..resent.clone() };
    let seen = database.run(0, [first, resent, new_key.clone(), new_key.clone()]);
    let again = Again(Credited(1));
    assert_eq!(seen, [New(Credited(1)), again, again, again]);
    let other_body = Deposit { reference: 7, ..new_key };
    assert_eq!(database.run(0, [other_body]), [Refused(Refusal::KeyReused)]);
    assert_eq!(database.wallet(1), 10);
}

#[test]
fn a_bank_reference_with_another_payer_or_amount_is_refused() {
    let mut database = Database::open();
    let same_reference = |number| Deposit { reference: 1, ..deposit(number, 1, yuan(10)) };
    let seen = database.run(
        0,
        [
            same_reference(1),
            Deposit { payer: 2, ..same_reference(2) },
            Deposit { amount: yuan(11), ..same_reference(3) },
            Deposit { mode: Mode::Test, payer: 3, ..same_reference(4) },
        ],
    );
    let conflict = Refused(Refusal::ReferenceConflict);
    assert_eq!(seen, [New(Credited(1)), conflict, conflict, New(Credited(4))]);
}

#[test]
fn a_top_up_needs_a_payer_of_its_mode_and_currency() {
    let mut database = Database::open();
    database.change(Change::PayerActive(2, false));
    let seen = database.run(
        0,
        [
            deposit(1, 9, yuan(10)),
            deposit(2, 3, yuan(10)),
            deposit(3, 2, yuan(10)),
            deposit(4, 1, dollars(10)),
            deposit(5, 1, Money::from_minor(10, currency("JPY"))),
        ],
    );
    let (unknown, wrong) = (Refusal::UnknownPayer, Refusal::WrongCurrency);
    let frozen = Refusal::PayerUnavailable;
    assert_eq!(seen, [unknown, unknown, frozen, wrong, wrong].map(Refused));
}

#[test]
fn a_refused_top_up_may_be_sent_again_under_its_key_and_reference() {
    let mut database = Database::open();
    database.change(Change::PayerActive(1, false));
    assert_eq!(database.run(0, [deposit(1, 1, yuan(10))]), [Refused(Refusal::PayerUnavailable)]);
    database.change(Change::PayerActive(1, true));
    assert_eq!(database.run(0, [deposit(1, 1, yuan(10))]), [New(Credited(1))]);
}

#[test]
fn one_top_up_stays_far_within_64_bits() {
    let mut database = Database::open();
    let most = 1_000_000_000_000_000;
    let seen = database.run(
        0,
        [deposit(1, 1, yuan(most + 1)), deposit(2, 1, yuan(i64::MAX)), deposit(3, 1, yuan(most))],
    );
    let too_large = Refused(Refusal::TooLarge);
    assert_eq!(seen, [too_large, too_large, New(Credited(3))]);
    assert_eq!(database.wallet(1), most);
}
