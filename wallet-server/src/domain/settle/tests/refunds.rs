//! Money that merchants give back: how much, how often, how long, and how much of the fee.

use wallet_core::Mode;

use super::database::Database;
use super::fixture::Seen::{Again, New, Refused};
use super::fixture::What::{Declined, Kept, Paid, Refunded};
use super::fixture::{
    By, Change, Decision, GiveBack, REFUND, Sale, Undo, dollars, rules, sale, yuan,
};
use crate::domain::command::Command;
use crate::domain::ledger::AccountKind;
use crate::domain::outcome::{DeclineCode, Refusal};
use crate::domain::settle::Rules;

/// A sale by merchant 2, whose fee is 60 basis points and one fen.
fn sold(minor: i64) -> Sale {
    Sale { merchant: 2, amount: yuan(minor), limit: yuan(200), ..sale(1) }
}

fn back(number: u32, sale: &Sale, minor: impl Into<Option<i64>>) -> GiveBack {
    GiveBack::of(number, sale, minor.into().map(yuan))
}

/// Rules under which a payment may have this many refunds.
fn with_refunds(refunds_max: u32) -> Rules {
    let mut rules = rules();
    rules.payments.refunds_max = refunds_max;
    rules
}

#[test]
fn each_part_returns_its_share_of_the_fee_and_the_last_one_what_is_left_of_it() {
    for (amount, parts) in [
        // (refunded, fee returned); the fee is 1 fen and as large as the payment.
        (1, &[(1, 1)][..]),
        (2, &[(1, 0), (1, 1)]),
        // The fee is 2 fen.
        (100, &[(100, 2)]),
        (100, &[(33, 0), (33, 1), (34, 1)]),
        (100, &[(50, 1), (50, 1)]),
        (100, &[(49, 0), (1, 1), (50, 1)]),
        (100, &[(99, 1), (1, 1)]),
        (100, &[(1, 0), (1, 0), (98, 2)]),
        (200, &[(67, 0), (67, 1), (66, 1)]),
    ] {
        for at_once in [true, false] {
            let mut database = Database::with_money_and(with_refunds(9), 200);
            let sale = sold(amount);
            database.run(0, [sale.clone()]);
            let refunds = parts.iter().zip(2..).map(|(part, number)| back(number, &sale, part.0));
            let seen = if at_once {
                database.run(1, refunds)
            } else {
                refunds.flat_map(|refund| database.run(1, [refund])).collect()
            };
            let numbered = parts.iter().zip(2..);
            let expected: Vec<_> =
                numbered.map(|(part, number)| New(Refunded(number, part.0, part.1))).collect();
            assert_eq!(seen, expected, "{amount}");
            assert_eq!((database.wallet(1), database.owed(2)), (200, 0));
            assert_eq!(database.own(AccountKind::Fees, Mode::Live, "CNY"), 0);
        }
    }
}

#[test]
fn a_payment_without_a_fee_returns_none() {
    let mut database = Database::with_money(100);
    database.run(0, [sale(1)]);
    let seen = database.run(1, [back(2, &sale(1), 3), back(3, &sale(1), None)]);
    assert_eq!(seen, [New(Refunded(2, 3, 0)), New(Refunded(3, 7, 0))]);
}

#[test]
fn the_share_of_the_fee_is_one_of_what_was_captured() {
    let mut database = Database::with_money(200);
    let manual = Sale { manual: true, ..sold(200) };
    database.run(0, [manual.clone()]);
    // 100 of 200 are captured, for 2 fen.
    database.run(1, [Decision::of(2, &manual, By::Capture(1, Some(yuan(100))))]);
    let seen =
        database.run(2, [back(3, &manual, 50), back(4, &manual, 51), back(5, &manual, None)]);
    let exceeds = New(Kept("refund_exceeds_payment", 50));
    assert_eq!(seen, [New(Refunded(3, 50, 1)), exceeds, New(Refunded(5, 50, 1))]);
    assert_eq!(database.wallet(1), 200);
}

#[test]
fn an_issuer_that_keeps_its_fees_lets_the_merchant_pay_them() {
    let mut rules = rules();
    rules.payments.fees_returned = false;
    let mut database = Database::with_money_and(rules, 200);
    let another = Sale { amount: yuan(3), ..sold(3) };
    let another = Sale { number: 4, key: 4, reference: 4, seq: 4, ..another };
    database.run(0, [sold(100)]);
    let seen = database.run(
        1,
        [
            Command::from(back(2, &sold(100), None)),
            back(3, &sold(100), 98).into(),
            // It brings 2 fen.
            another.into(),
            back(5, &sold(100), None).into(),
        ],
    );
    let short = New(Kept("balance_insufficient", 0));
    assert_eq!(seen, [short, New(Refunded(3, 98, 0)), New(Paid(4)), New(Refunded(5, 2, 0))]);
    assert_eq!(database.owed(2), 0);
    assert_eq!(database.own(AccountKind::Fees, Mode::Live, "CNY"), 3);
}

#[test]
fn two_refunds_of_one_batch_are_never_more_than_the_payment() {
    let mut database = Database::with_money_and(with_refunds(9), 200);
    database.run(0, [sold(100)]);
    let seen = database.run(
        1,
        [
            back(2, &sold(100), 60),
            back(3, &sold(100), 60),
            back(4, &sold(100), 40),
            back(5, &sold(100), 1),
        ],
    );
    let exceeds = |left| New(Kept("refund_exceeds_payment", left));
    assert_eq!(seen, [New(Refunded(2, 60, 1)), exceeds(40), New(Refunded(4, 40, 1)), exceeds(0)]);
    assert_eq!(database.run(2, [back(6, &sold(100), None)]), [exceeds(0)]);
}

#[test]
fn two_refunds_of_one_batch_never_take_a_merchant_below_zero() {
    let mut database = Database::with_money(300);
    let first = sold(100);
    let second = Sale { number: 2, key: 2, reference: 2, seq: 2, ..sold(100) };
    let third = Sale { number: 3, key: 3, reference: 3, seq: 3, ..sold(100) };
    database.run(0, [first.clone(), second.clone()]);
    database.change(Change::PayMerchant(2));
    let seen = database.run(
        1,
        [
            Command::from(back(4, &first, None)),
            third.into(),
            back(5, &first, None).into(),
            back(6, &second, None).into(),
        ],
    );
    let short = New(Kept("balance_insufficient", 0));
    assert_eq!(seen, [short, New(Paid(3)), New(Refunded(5, 100, 2)), short]);
    assert_eq!((database.wallet(1), database.owed(2)), (100, 0));
}

#[test]
fn what_was_refused_once_stays_refused_under_its_key() {
    let mut database = Database::with_money(300);
    database.run(0, [sold(100)]);
    database.change(Change::PayMerchant(2));
    let short = Kept("balance_insufficient", 0);
    assert_eq!(database.run(1, [back(2, &sold(100), 9)]), [New(short)]);
    let second = Sale { number: 3, key: 3, reference: 3, seq: 3, ..sold(100) };
    database.run(1, [second]);
    let resent = GiveBack { number: 4, ..back(2, &sold(100), 9) };
    let other_amount = back(2, &sold(100), 8);
    let seen = database.run(2, [resent, other_amount, back(5, &sold(100), 9)]);
    assert_eq!(seen, [Again(short), Refused(Refusal::KeyReused), New(Refunded(5, 9, 0))]);
}

#[test]
fn a_refund_gives_no_limit_back() {
    let mut database = Database::with_money(1000);
    let sales: Vec<Sale> = (1..=5).map(|it| Sale { amount: yuan(100), ..sale(it) }).collect();
    database.run(0, sales.clone());
    let seen = database.run(1, [Command::from(back(6, &sales[0], None)), sale(7).into()]);
    let over = New(Declined(7, DeclineCode::DeclinedByLimit));
    assert_eq!(seen, [New(Refunded(6, 100, 0)), over]);
    assert_eq!(database.wallet(1), 600);
}

#[test]
fn a_payment_can_be_refunded_until_the_last_second_counted_from_its_charge() {
    for (seconds, seen) in
        [(REFUND, New(Refunded(2, 10, 0))), (REFUND + 1, New(Kept("refund_too_late", 0)))]
    {
        let mut database = Database::with_money(100);
        database.run(0, [sale(1)]);
        assert_eq!(database.run(seconds, [back(2, &sale(1), None)]), [seen], "at {seconds}");
    }
}

#[test]
fn a_refunds_first_broken_rule_is_told() {
    let mut database = Database::with_money_and(with_refunds(1), 300);
    let manual = Sale { manual: true, amount: yuan(5), ..sale(3) };
    database.run(0, [Command::from(sale(1)), sale(2).into(), manual.clone().into()]);
    database.run(0, [back(4, &sale(1), 1)]);
    database.change(Change::PayMerchant(1));
    database.change(Change::RevokeKey(2));
    let (now, late) = (1, REFUND + 1);
    let refund = |number| back(number, &sale(1), 10);
    let of_dollars = |number| GiveBack { amount: Some(dollars(10)), ..refund(number) };
    let refused = [
        (GiveBack { key: 4, api_key: 2, ..of_dollars(9) }, Refusal::KeyRevoked),
        (GiveBack { key: 4, ..of_dollars(9) }, Refusal::KeyReused),
        (GiveBack { payer: 2, ..of_dollars(9) }, Refusal::UnknownPayment),
        (GiveBack { merchant: 2, ..of_dollars(9) }, Refusal::UnknownPayment),
        (GiveBack { payment: 3, ..of_dollars(9) }, Refusal::NotRefundable),
    ];
    let before = database.books().clone();
    for (refund, refusal) in refused {
        assert_eq!(database.run(late, [refund.clone()]), [Refused(refusal)], "{refund:?}");
        assert_eq!(*database.books(), before, "it leaves no trace");
    }
    for (seconds, refund, code, left) in [
        (late, of_dollars(11), "currency_mismatch", 0),
        (late, refund(12), "refund_too_late", 0),
        (now, refund(13), "too_many_refunds", 0),
        (now, back(14, &sale(2), 11), "refund_exceeds_payment", 10),
        (now, back(15, &sale(2), 10), "balance_insufficient", 0),
    ] {
        let seen = database.run(seconds, [refund.clone()]);
        assert_eq!(seen, [New(Kept(code, left))], "{refund:?}");
    }
}

#[test]
fn a_refunded_payment_is_not_made_again() {
    let mut database = Database::with_money(100);
    database.run(0, [sale(1)]);
    let new_key = Sale { number: 3, key: 3, ..sale(1) };
    let seen =
        database.run(1, [Command::from(back(2, &sale(1), None)), new_key.into(), sale(1).into()]);
    // Its money went back, but the sale took place.
    assert_eq!(seen, [New(Refunded(2, 10, 0)), Again(Paid(1)), Again(Paid(1))]);
    let undo = database.run(1, [Undo::of(4, &sale(1))]);
    assert_eq!(undo, [New(super::fixture::What::Returned(1))]);
}
