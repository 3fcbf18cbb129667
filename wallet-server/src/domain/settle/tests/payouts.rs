//! Money that merchants have paid out: how much, to where, and who may say what becomes of it.

use wallet_core::Mode;

use super::database::{Database, SHARD};
use super::fixture::Seen::{Again, New, Refused};
use super::fixture::What::{Kept, Paid, PayoutBack, PayoutHeld, PayoutPaid, Refunded};
use super::fixture::{Change, GiveBack, LEAST_PAYOUT, Sale, dollars, merchant_id, sale, yuan};
use super::paying_out::{Payout, PayoutStep, Towards, payout};
use crate::domain::command::Command;
use crate::domain::ledger::AccountKind;
use crate::domain::outcome::Refusal;

/// Books in which merchant 1 is owed 100 fen.
fn sold() -> Database {
    let mut database = Database::with_money(200);
    let sold = database.run(0, [Sale { amount: yuan(100), limit: yuan(200), ..sale(1) }]);
    assert_eq!(sold, [New(Paid(1))]);
    database
}

fn step(number: u32, of: &Payout, to: Towards) -> PayoutStep {
    PayoutStep::of(number, of, to)
}

/// What merchant 1 has free and held, and what should be in the bank account, in fen.
fn standing(database: &Database) -> (i64, i64, i64) {
    let held = database.books().paying_out(merchant_id(1));
    (database.owed(1), held, -database.own(AccountKind::Bank, Mode::Live, "CNY"))
}

#[test]
fn money_is_held_until_the_bank_has_paid_it_and_then_it_has_left() {
    let mut database = sold();
    let asked = payout(2, yuan(60));
    assert_eq!(database.run(1, [asked.clone()]), [New(PayoutHeld(2, 60))]);
    assert_eq!(standing(&database), (40, 60, 200));
    assert_eq!(database.run(2, [step(3, &asked, Towards::Paid(1))]), [New(PayoutPaid(2, 60))]);
    assert_eq!(standing(&database), (40, 0, 140));
    // Whatever comes again hears the same.
    let again = [asked.clone().into(), Command::from(step(3, &asked, Towards::Paid(1)))];
    assert_eq!(database.run(3, again), [Again(PayoutHeld(2, 60)), Again(PayoutPaid(2, 60))]);
    assert_eq!(standing(&database), (40, 0, 140));
}

#[test]
fn all_that_is_available_is_paid_out_when_no_amount_is_said() {
    let mut database = sold();
    let seen = database.run(1, [payout(2, yuan(30)), payout(3, None), payout(4, None)]);
    let nothing = New(Kept("balance_insufficient", 0));
    assert_eq!(seen, [New(PayoutHeld(2, 30)), New(PayoutHeld(3, 70)), nothing]);
    assert_eq!(standing(&database), (0, 100, 200));
}

#[test]
fn what_is_sold_in_a_batch_is_paid_out_in_the_same_less_its_fee() {
    let mut database = Database::with_money(200);
    let sold = Sale { merchant: 2, amount: yuan(100), limit: yuan(200), ..sale(1) };
    let all = Payout { merchant: 2, ..payout(3, yuan(100)) };
    let less_the_fee = Payout { merchant: 2, ..payout(4, None) };
    let seen = database.run(1, [Command::from(sold), all.into(), less_the_fee.into()]);
    // The fee is 60 basis points and one fen.
    assert_eq!(seen, [New(Paid(1)), New(Kept("balance_insufficient", 0)), New(PayoutHeld(4, 98))]);
}

#[test]
fn a_merchant_never_has_less_than_nothing_whatever_it_gives_back_and_has_paid_out_at_once() {
    let mut database = sold();
    let back = |number, minor| -> Command {
        let sale = Sale { amount: yuan(100), limit: yuan(200), ..sale(1) };
        GiveBack::of(number, &sale, Some(yuan(minor))).into()
    };
    let seen = database.run(
        1,
        [
            Command::from(payout(2, yuan(60))),
            back(3, 41),
            back(4, 40),
            payout(5, yuan(LEAST_PAYOUT)).into(),
        ],
    );
    let short = New(Kept("balance_insufficient", 0));
    assert_eq!(seen, [New(PayoutHeld(2, 60)), short, New(Refunded(4, 40, 0)), short]);
    assert_eq!(standing(&database), (0, 60, 200));
}

#[test]
fn what_cannot_be_paid_is_the_merchants_again_and_can_be_asked_for_anew() {
    for to in [Towards::Cancel(1), Towards::Returned] {
        let mut database = sold();
        let asked = payout(2, None);
        database.run(1, [asked.clone()]);
        // The money that comes free is there for the next command of the batch.
        let seen = database.run(2, [Command::from(step(3, &asked, to)), payout(4, None).into()]);
        assert_eq!(seen, [New(PayoutBack(2, 100)), New(PayoutHeld(4, 100))]);
        assert_eq!(standing(&database), (0, 100, 200));
    }
}

#[test]
fn what_the_bank_sends_back_is_the_merchants_again() {
    let mut database = sold();
    let asked = payout(2, None);
    database.run(1, [asked.clone()]);
    // Both in one batch, and one after the other: run() does both.
    let paid_and_back = [step(3, &asked, Towards::Paid(1)), step(4, &asked, Towards::Returned)];
    let seen = database.run(2, paid_and_back);
    assert_eq!(seen, [New(PayoutPaid(2, 100)), New(PayoutBack(2, 100))]);
    assert_eq!(standing(&database), (100, 0, 200));
    let twice = database.run(3, [step(5, &asked, Towards::Returned)]);
    assert_eq!(twice, [Refused(Refusal::PayoutClosed)]);
    // The reference stays taken.
    let other = payout(6, yuan(50));
    database.run(4, [other.clone()]);
    let seen = database.run(5, [step(7, &other, Towards::Paid(1))]);
    assert_eq!(seen, [Refused(Refusal::ReferenceConflict)]);
}

#[test]
fn nothing_becomes_of_a_payout_from_where_it_cannot() {
    // After these steps, this one is refused like that.
    let table: [(&[Towards], bool, Towards, Refusal); 9] = [
        (&[Towards::Cancel(1)], false, Towards::Cancel(1), Refusal::PayoutClosed),
        (&[Towards::Cancel(1)], false, Towards::Paid(9), Refusal::PayoutClosed),
        (&[Towards::Cancel(1)], false, Towards::Returned, Refusal::PayoutClosed),
        (&[Towards::Returned], false, Towards::Paid(9), Refusal::PayoutClosed),
        (&[Towards::Paid(1)], false, Towards::Cancel(1), Refusal::PayoutClosed),
        (&[Towards::Paid(1)], false, Towards::Paid(9), Refusal::PayoutClosed),
        (&[Towards::Paid(1)], true, Towards::ReturnedUnpaid, Refusal::PayoutClosed),
        (&[], true, Towards::Cancel(1), Refusal::PayoutBatched),
        (&[Towards::Paid(1), Towards::Returned], true, Towards::Paid(9), Refusal::PayoutClosed),
    ];
    for (before, batched, to, refusal) in table {
        let mut database = sold();
        let asked = payout(2, None);
        database.run(1, [asked.clone()]);
        if batched {
            database.change(Change::BatchPayouts);
        }
        for (number, to) in (3..).zip(before) {
            database.run(2, [step(number, &asked, *to)]);
        }
        let standing_before = standing(&database);
        assert_eq!(database.run(3, [step(20, &asked, to)]), [Refused(refusal)], "{before:?}");
        assert_eq!(standing(&database), standing_before);
    }
}

#[test]
fn a_payout_in_a_batch_is_paid_or_returned_by_the_operator() {
    for (to, seen) in
        [(Towards::Paid(1), PayoutPaid(2, 100)), (Towards::Returned, PayoutBack(2, 100))]
    {
        let mut database = sold();
        let asked = payout(2, None);
        database.run(1, [asked.clone()]);
        database.change(Change::BatchPayouts);
        assert_eq!(database.run(2, [step(3, &asked, to)]), [New(seen)]);
    }
}

#[test]
fn what_may_not_be_paid_out_is_refused_and_stays_so_under_its_key() {
    let mut database = sold();
    let little = payout(2, yuan(LEAST_PAYOUT - 1));
    let nowhere = Payout { destination: false, ..payout(3, None) };
    let table = [
        (payout(4, dollars(50)), "currency_mismatch", 0),
        (nowhere.clone(), "payout_destination_missing", 0),
        (little, "payout_too_small", LEAST_PAYOUT),
        (payout(5, yuan(101)), "balance_insufficient", 0),
        (Payout { merchant: 2, ..payout(6, None) }, "balance_insufficient", 0),
    ];
    for (asked, code, left) in table {
        assert_eq!(database.run(1, [asked.clone()]), [New(Kept(code, left))]);
        // Also once it would be possible.
        let possible = Payout { destination: true, ..asked };
        assert_eq!(database.run(2, [possible]), [Again(Kept(code, left))]);
    }
    assert_eq!(standing(&database), (100, 0, 200));
}

#[test]
fn others_do_not_see_a_merchants_payouts() {
    let mut database = sold();
    let asked = payout(2, None);
    database.run(1, [asked.clone()]);
    let others = [
        PayoutStep { merchant: 2, ..step(3, &asked, Towards::Cancel(1)) },
        PayoutStep { mode: Mode::Test, ..step(4, &asked, Towards::Paid(1)) },
        PayoutStep { payout: 77, ..step(5, &asked, Towards::Returned) },
    ];
    assert_eq!(database.run(2, others), [Refused(Refusal::UnknownPayout); 3]);
    let unknown =
        [Payout { merchant: 6, ..payout(6, None) }, Payout { mode: Mode::Test, ..payout(7, None) }];
    assert_eq!(database.run(3, unknown), [Refused(Refusal::UnknownMerchant); 2]);
}

#[test]
fn a_revoked_key_pays_nothing_out_and_a_closed_merchant_has_its_money_paid_out() {
    let mut database = sold();
    database.change(Change::RevokeKey(1));
    let asked = payout(2, None);
    assert_eq!(database.run(1, [asked]), [Refused(Refusal::KeyRevoked)]);
    database.change(Change::MerchantActive(1, false));
    let other_key = Payout { api_key: Some(2), ..payout(3, yuan(40)) };
    let by_operator = Payout { api_key: None, ..payout(4, None) };
    let seen = database.run(2, [other_key.clone(), by_operator]);
    assert_eq!(seen, [New(PayoutHeld(3, 40)), New(PayoutHeld(4, 60))]);
    let seen = database.run(3, [step(5, &other_key, Towards::Cancel(1))]);
    assert_eq!(seen, [Refused(Refusal::KeyRevoked)]);
}

#[test]
fn it_is_counted_in_the_shard_of_whoever_decides() {
    let mut database = sold();
    let asked = payout(2, None);
    database.run(1, [asked.clone()]);
    database.run(2, [step(3, &asked, Towards::Returned)]);
    let account = database.merchants[&merchant_id(1)].account;
    assert!(database.books().entries().filter(|it| it.account == account).count() >= 5);
    // Database::audit() checks every entry's shard against this one.
    assert_ne!(SHARD.0, 0);
}
