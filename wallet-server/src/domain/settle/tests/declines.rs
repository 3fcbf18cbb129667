//! Declined payments and rejected codes: why, in which order, and what they leave behind.

use super::database::Database;
use super::fixture::Seen::{Again, New, Refused};
use super::fixture::What::{Declined, Paid, Rejected};
use super::fixture::{Change, PAYMENT_LIMIT, Sale, deposit, dollars, sale, yuan};
use crate::domain::outcome::{DeclineCode, Refusal, Rejection};

#[test]
fn each_rule_of_the_payer_declines_in_its_order() {
    let mut database = Database::with_money(PAYMENT_LIMIT - 1);
    database.change(Change::RevokeDevice(1));
    database.change(Change::PayerActive(1, false));
    // Breaks every rule; each line below repairs the one that was named.
    let hopeless = |number| Sale { amount: yuan(201), limit: dollars(1), ..sale(number) };
    let mut declined = |sale: Sale| database.run(0, [sale])[0];
    assert_eq!(declined(hopeless(1)), New(Declined(1, DeclineCode::DeviceRevoked)));
    let on_other_device = |number| Sale { device: 2, ..hopeless(number) };
    let frozen = declined(on_other_device(2));
    assert_eq!(frozen, New(Declined(2, DeclineCode::PayerUnavailable)));

    database.change(Change::PayerActive(1, true));
    let mut declined = |sale: Sale| database.run(0, [sale])[0];
    let mixed = declined(on_other_device(3));
    assert_eq!(mixed, New(Declined(3, DeclineCode::CurrencyMismatch)));
    let over_code_limit = Sale { limit: yuan(200), ..on_other_device(4) };
    assert_eq!(declined(over_code_limit), New(Declined(4, DeclineCode::OverCodeLimit)));
    let over_limit = Sale { limit: yuan(201), ..on_other_device(5) };
    assert_eq!(declined(over_limit), New(Declined(5, DeclineCode::DeclinedByLimit)));
    let unfunded = Sale { amount: yuan(200), limit: yuan(200), ..on_other_device(6) };
    assert_eq!(declined(unfunded), New(Declined(6, DeclineCode::InsufficientFunds)));
    let at_last = Sale { amount: yuan(199), limit: yuan(199), ..on_other_device(7) };
    assert_eq!(declined(at_last), New(Paid(7)));
}

#[test]
fn a_wallet_in_another_currency_than_code_and_request_is_declined() {
    let mut database = Database::open();
    database.run(0, [deposit(100, 4, dollars(100))]);
    let seen = database.run(0, [Sale { device: 5, ..sale(1) }]);
    assert_eq!(seen, [New(Declined(1, DeclineCode::CurrencyMismatch))]);
}

#[test]
fn a_payer_may_spend_the_last_fen_and_no_more() {
    let mut database = Database::with_money(20);
    let seen = database.run(
        0,
        [Sale { amount: yuan(19), ..sale(1) }, Sale { amount: yuan(2), ..sale(2) }, sale(3)],
    );
    let broke = |number| New(Declined(number, DeclineCode::InsufficientFunds));
    assert_eq!(seen, [New(Paid(1)), broke(2), broke(3)]);
    assert_eq!(database.run(0, [Sale { amount: yuan(1), ..sale(4) }]), [New(Paid(4))]);
    assert_eq!(database.wallet(1), 0);
}

#[test]
fn a_declined_payment_burns_its_code_and_keeps_its_reference() {
    let mut database = Database::open();
    let declined = Declined(1, DeclineCode::InsufficientFunds);
    assert_eq!(database.run(0, [sale(1)]), [New(declined)]);
    database.run(0, [deposit(100, 1, yuan(100))]);
    let seen = database.run(
        0,
        [
            sale(1),
            Sale { key: 2, ..sale(1) },
            Sale { seq: 1, ..sale(3) },
            Sale { reference: 1, ..sale(4) },
            sale(5),
        ],
    );
    let used = New(Rejected(Rejection::CodeUsed));
    let conflict = Refused(Refusal::ReferenceConflict);
    assert_eq!(seen, [Again(declined), Again(declined), used, conflict, New(Paid(5))]);
}

#[test]
fn a_rejected_code_leaves_its_reference_free_for_another_scan() {
    for (stale, rejection) in [
        (Sale { step: -2, ..sale(2) }, Rejection::CodeExpired),
        (Sale { seq: 1, ..sale(2) }, Rejection::CodeUsed),
    ] {
        let mut database = Database::with_money(100);
        let rescan = Sale { reference: 2, ..sale(3) };
        let seen = database.run(0, [sale(1), stale.clone(), stale, rescan]);
        let rejected = Rejected(rejection);
        assert_eq!(seen, [New(Paid(1)), New(rejected), Again(rejected), New(Paid(3))]);
    }
}

#[test]
fn a_rejected_code_leaves_the_mark_where_it_was() {
    let mut database = Database::with_money(100);
    let seen =
        database.run(0, [Sale { step: -2, seq: 9, ..sale(1) }, Sale { step: -1, ..sale(2) }]);
    assert_eq!(seen, [New(Rejected(Rejection::CodeExpired)), New(Paid(2))]);
}

#[test]
fn a_key_that_heard_of_a_rejection_stands_for_that_request_only() {
    let mut database = Database::with_money(100);
    let stale = Sale { step: -2, ..sale(1) };
    let seen = database.run(0, [stale, Sale { seq: 2, ..sale(1) }]);
    let rejected = New(Rejected(Rejection::CodeExpired));
    assert_eq!(seen, [rejected, Refused(Refusal::KeyReused)]);
}

#[test]
fn what_is_declined_rejected_or_refused_does_nothing_to_its_neighbours() {
    let good = || [sale(2), sale(5), sale(9)];
    let mut alone = Database::with_money(100);
    assert_eq!(alone.run(0, good()), [New(Paid(2)), New(Paid(5)), New(Paid(9))]);

    let mut crowded = Database::with_money(100);
    let [first, second, third] = good();
    let seen = crowded.run(
        0,
        [
            Sale { limit: yuan(1), ..sale(1) },
            first,
            Sale { amount: yuan(140), ..sale(3) },
            Sale { step: -2, ..sale(4) },
            second,
            Sale { genuine: false, ..sale(6) },
            Sale { key: 2, ..sale(7) },
            Sale { merchant: 9, ..sale(8) },
            third,
        ],
    );
    assert_eq!([seen[1], seen[4], seen[8]], [New(Paid(2)), New(Paid(5)), New(Paid(9))]);
    assert_eq!((crowded.wallet(1), crowded.owed(1)), (alone.wallet(1), alone.owed(1)));
    for number in [2, 5, 9] {
        assert_eq!(crowded.payment(number), alone.payment(number));
    }
}
