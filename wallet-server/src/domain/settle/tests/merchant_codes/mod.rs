//! Orders and plates: rules one by one, then random histories against a simpler model.

mod histories;
mod requests;

use wallet_core::Mode;

use self::requests::{Code, close, make, plate, scan};
use super::database::Database;
use super::fixture::{
    By, Change, Decision, GiveBack, PAYMENT_LIMIT, SUSPECTED, Sale, Seen, Undo, What, asking_rules,
    at, deposit, dollars, rules, sale, yuan,
};
use crate::domain::command::{Command, ReferenceRef};
use crate::domain::ids::PaymentId;
use crate::domain::limits::Proof;
use crate::domain::outcome::Refusal;
use crate::domain::settle::Rules;
use crate::domain::snapshot::TakenReference;

/// Payers 1 and 2 with some money, and an order of 10 yuan with number 1, open for a minute.
fn with_order() -> Database {
    with_order_under(rules())
}

fn with_order_under(rules: Rules) -> Database {
    let mut database = Database::with_money_and(rules, 1000);
    database.run(0, [deposit(901, 2, yuan(1000))]);
    let made = database.run(0, [make(1)]);
    assert_eq!(made, [Seen::New(What::Order(1, "open"))]);
    database
}

fn kept(code: &'static str) -> [Seen; 1] {
    [Seen::New(What::Kept(code, 0))]
}

#[test]
fn an_order_is_paid_once_whoever_comes_second() {
    let mut database = with_order();
    let seen = database.run(5, [scan(2, Code::Order(1)), scan(3, Code::Order(1)).by(2, 3)]);
    assert_eq!(seen, [Seen::New(What::Paid(2)), Seen::New(What::Kept("order_paid", 0))]);
    assert_eq!((database.wallet(1), database.wallet(2), database.owed(1)), (990, 1000, 10));
    // The payer whose answer was lost hears of the payment, and nobody pays again.
    assert_eq!(database.run(6, [scan(2, Code::Order(1))]), [Seen::Again(What::Paid(2))]);
    assert_eq!(database.run(6, [scan(4, Code::Order(1))]), kept("order_paid"));
    let payment = database.payment(2);
    assert_eq!((payment.reference.as_str(), payment.code_source.as_str()), ("order 1", "order"));
    assert_eq!(payment.description.as_deref(), Some("tea"));
}

#[test]
fn an_order_is_paid_until_its_time_is_over_and_not_at_that_moment() {
    let mut database = with_order();
    assert_eq!(database.clone().run(59, [scan(2, Code::Order(1))]), [Seen::New(What::Paid(2))]);
    assert_eq!(database.run(60, [scan(2, Code::Order(1))]), kept("order_expired"));
    // A clock that was ahead: what was kept stays.
    let again = database.run(30, [scan(2, Code::Order(1))]);
    assert_eq!(again, [Seen::Again(What::Kept("order_expired", 0))]);
    let early = database.run(59, [close(5, 1).by_time()]);
    assert_eq!(early, [Seen::Refused(Refusal::OrderEnded)]);
    let ended = [Seen::New(What::Order(1, "expired"))];
    assert_eq!(database.run(60, [close(5, 1).by_time()]), ended);
    assert_eq!(database.run(30, [scan(6, Code::Order(1))]), kept("order_expired"));
}

#[test]
fn a_closed_order_is_not_paid_and_a_paid_one_is_not_closed() {
    let mut database = with_order();
    let mut paid = database.clone();
    let closed = Seen::New(What::Order(1, "canceled"));
    assert_eq!(database.run(1, [close(2, 1)]), [closed]);
    assert_eq!(database.run(2, [close(2, 1)]), [Seen::Again(What::Order(1, "canceled"))]);
    assert_eq!(database.run(2, [close(3, 1)]), [closed]);
    assert_eq!(database.run(3, [scan(4, Code::Order(1))]), kept("order_canceled"));

    paid.run(1, [scan(2, Code::Order(1))]);
    assert_eq!(paid.run(2, [close(3, 1)]), [Seen::Refused(Refusal::OrderPaid)]);
    assert_eq!(paid.run(99, [close(4, 1).by_time()]), [Seen::Refused(Refusal::OrderEnded)]);
}

#[test]
fn an_order_is_closed_by_nobody_but_its_merchant() {
    let mut database = with_order();
    let unknown = [Seen::Refused(Refusal::UnknownOrder)];
    assert_eq!(database.run(1, [close(2, 1).of(2)]), unknown);
    assert_eq!(database.run(1, [close(2, 7)]), unknown);
    assert_eq!(database.run(1, [close(2, 1).in_mode(Mode::Test)]), unknown);
    database.change(Change::RevokeKey(1));
    assert_eq!(database.run(1, [close(3, 1)]), [Seen::Refused(Refusal::KeyRevoked)]);
    assert_eq!(database.run(1, [make(4)]), [Seen::Refused(Refusal::KeyRevoked)]);
}

#[test]
fn a_reference_belongs_to_one_order_or_charge_or_to_nothing_for_ever() {
    let mut database = with_order();
    let conflict = [Seen::Refused(Refusal::ReferenceConflict)];
    let charge = Sale { reference: 1, key: 50, ..sale(2) };
    assert_eq!(database.run(1, [charge]), conflict);
    assert_eq!(database.run(1, [make(3).under(1)]), conflict);
    assert_eq!(database.run(1, [sale(4)]), [Seen::New(What::Paid(4))]);
    assert_eq!(database.run(1, [make(5).under(4)]), conflict);
    assert_eq!(database.run(1, [Undo::reference(6, 60)]), [Seen::New(What::Buried)]);
    let buried = [Seen::Refused(Refusal::ReferenceCanceled)];
    assert_eq!(database.run(1, [make(7).under(60)]), buried);
    // The other merchant has references of its own.
    assert_eq!(database.run(1, [make(8).of(2).under(1)]), [Seen::New(What::Order(8, "open"))]);
}

#[test]
fn undoing_a_reference_closes_its_order_or_calls_its_payment_off() {
    let undo = |number| Undo { order: Some(1), ..Undo::reference(number, 1) };
    let mut database = with_order();
    let mut paid = database.clone();
    let moved = [Seen::Refused(Refusal::ReferenceMoved)];
    assert_eq!(database.run(1, [Undo::reference(2, 1)]), moved);
    assert_eq!(database.run(1, [undo(3)]), [Seen::New(What::Buried)]);
    assert_eq!(database.run(1, [undo(4)]), [Seen::New(What::Buried)]);
    assert_eq!(database.run(2, [scan(5, Code::Order(1))]), kept("order_canceled"));

    paid.run(1, [scan(2, Code::Order(1))]);
    assert_eq!(paid.run(2, [undo(3)]), moved);
    let undo = Undo { holder: Some((2, 1)), ..undo(4) };
    assert_eq!(paid.run(2, [undo.clone()]), [Seen::New(What::Canceled(2))]);
    assert_eq!((paid.wallet(1), paid.owed(1)), (1000, 0));
    // It stays paid: nobody pays what was called off.
    assert_eq!(paid.run(3, [scan(6, Code::Order(1)).by(2, 3)]), kept("order_paid"));
    let again = Undo { number: 7, key: 7, ..undo };
    assert_eq!(paid.run(3, [again]), [Seen::New(What::Canceled(2))]);
}

#[test]
fn an_orders_payment_is_refunded_like_every_other() {
    let mut database = with_order();
    database.run(1, [scan(2, Code::Order(1))]);
    let sold = sale(2);
    let back = GiveBack::of(3, &sold, Some(yuan(4)));
    assert_eq!(database.run(2, [back]), [Seen::New(What::Refunded(3, 4, 0))]);
    assert_eq!((database.wallet(1), database.owed(1)), (994, 6));
    let capture = Decision::of(4, &sold, By::Capture(1, None));
    assert_eq!(database.run(2, [capture]), [Seen::Refused(Refusal::PaymentClosed)]);
}

#[test]
fn a_plate_is_paid_again_and_again_with_its_amount_or_the_payers() {
    let mut database = with_order();
    plate(&mut database, 1, Some(yuan(7)));
    plate(&mut database, 2, None);
    let fixed = |number| scan(number, Code::Plate(1));
    let open = |number| scan(number, Code::Plate(2));
    let seen = database.run(1, [fixed(2), fixed(3).amount(yuan(7)), open(4).amount(yuan(30))]);
    assert_eq!(seen, [2, 3, 4].map(|number| Seen::New(What::Paid(number))));
    assert_eq!(database.wallet(1), 1000 - 7 - 7 - 30);
    let wrong = [Seen::Refused(Refusal::WrongAmount)];
    assert_eq!(database.run(1, [fixed(5).amount(yuan(6))]), wrong);
    assert_eq!(database.run(1, [fixed(5).amount(dollars(7))]), wrong);
    assert_eq!(database.run(1, [open(5).amount(dollars(7))]), wrong);
    assert_eq!(database.run(1, [open(5)]), [Seen::Refused(Refusal::AmountMissing)]);
    let other = scan(5, Code::Order(1)).amount(yuan(11));
    assert_eq!(database.run(1, [other]), wrong);
    // Each payment has a reference that finds it.
    let payment = database.payment(2);
    assert_eq!(payment.reference, payment.id.to_string());
    let (merchant, mode, reference) = (payment.merchant, payment.mode, payment.reference);
    let taken = database.books().taken(&ReferenceRef { merchant, mode, reference });
    let Some(TakenReference::Payment { first, .. }) = taken else { panic!("{taken:?}") };
    assert_eq!(first.id, payment.id);
    assert_eq!(payment.code_source.as_str(), "plate");
    database.plates.values_mut().for_each(|plate| plate.active = false);
    assert_eq!(database.run(1, [fixed(6)]), kept("plate_closed"));
}

#[test]
fn a_code_of_another_merchant_or_mode_or_of_nothing_is_unknown() {
    let mut database = with_order();
    plate(&mut database, 1, Some(yuan(7)));
    let unknown = [Seen::Refused(Refusal::UnknownMerchantCode)];
    for code in [Code::Order(1), Code::Plate(1)] {
        assert_eq!(database.run(1, [scan(2, code).of(2)]), unknown);
        let of_test = scan(2, code).of(3).by(3, 4).in_mode(Mode::Test);
        assert_eq!(database.run(1, [of_test]), unknown);
    }
    for code in [Code::Order(8), Code::Plate(8)] {
        assert_eq!(database.run(1, [scan(2, code)]), unknown);
    }
}

#[test]
fn nobody_pays_a_closed_merchant_and_a_frozen_payer_pays_nobody() {
    let mut database = with_order();
    plate(&mut database, 1, Some(yuan(7)));
    database.change(Change::MerchantActive(1, false));
    for (number, code) in [(2, Code::Order(1)), (3, Code::Plate(1))] {
        assert_eq!(database.run(1, [scan(number, code)]), kept("merchant_unavailable"));
    }
    assert_eq!(database.run(1, [make(9)]), [Seen::Refused(Refusal::MerchantUnavailable)]);
    database.change(Change::MerchantActive(1, true));
    database.change(Change::PayerActive(1, false));
    assert_eq!(database.run(1, [scan(4, Code::Order(1))]), kept("payer_unavailable"));
    // What was kept stays, also when the payer may pay again.
    database.change(Change::PayerActive(1, true));
    let again = database.run(1, [scan(4, Code::Order(1))]);
    assert_eq!(again, [Seen::Again(What::Kept("payer_unavailable", 0))]);
    database.change(Change::RevokeDevice(1));
    let revoked = [Seen::Refused(Refusal::DeviceRevoked)];
    assert_eq!(database.run(1, [scan(5, Code::Order(1))]), revoked);
    assert_eq!(database.wallet(1), 1000);
}

#[test]
fn limits_and_funds_hold_and_the_order_stays_open() {
    let mut database = with_order();
    database.run(0, [make(2).amount(yuan(PAYMENT_LIMIT + 1))]);
    assert_eq!(database.run(1, [scan(3, Code::Order(2))]), kept("declined_by_limit"));
    let mut poor = Database::with_money(9);
    poor.run(0, [make(1)]);
    assert_eq!(poor.run(1, [scan(2, Code::Order(1))]), kept("insufficient_funds"));
    poor.run(2, [deposit(3, 1, yuan(1))]);
    let again = poor.run(3, [scan(2, Code::Order(1))]);
    assert_eq!(again, [Seen::Again(What::Kept("insufficient_funds", 0))], "a late repeat");
    assert_eq!(poor.run(3, [scan(4, Code::Order(1))]), [Seen::New(What::Paid(4))]);
}

#[test]
fn what_is_paid_by_plates_counts_as_static_with_and_without_the_pin() {
    let mut rules = asking_rules();
    rules.limits.proof.static_code = yuan(100);
    let mut database = with_order_under(rules);
    plate(&mut database, 1, None);
    let pay = |number, minor| scan(number, Code::Plate(1)).amount(yuan(minor));
    assert_eq!(database.run(1, [pay(2, 60)]), [Seen::New(What::Paid(2))]);
    assert_eq!(database.run(1, [pay(3, 30).with_pin()]), [Seen::New(What::Paid(3))]);
    for with_pin in [false, true] {
        let more = pay(4 + u32::from(with_pin), 11);
        let more = if with_pin { more.with_pin() } else { more };
        assert_eq!(database.run(1, [more]), kept("declined_by_limit"));
    }
    assert_eq!(database.run(1, [pay(6, 10)]), [Seen::New(What::Paid(6))]);
    assert!(proofs(&database).iter().all(|proof| *proof == Proof::Static));
    // An order is proved by the device: the other limit.
    assert_eq!(database.run(1, [scan(7, Code::Order(1))]), [Seen::New(What::Paid(7))]);
    let usage = database.books().payers.values().next().unwrap().usage;
    assert_eq!((usage.day_static, usage.day_code, usage.day_without_pin), (100, 10, 3));
}

fn proofs(database: &Database) -> Vec<Proof> {
    database.books().payments.values().map(|row| row.proof).collect()
}

#[test]
fn the_pin_is_asked_for_where_a_charge_would_wait_and_not_in_vain() {
    let mut database = with_order_under(asking_rules());
    database.run(0, [make(2).amount(yuan(151)), make(3).amount(yuan(PAYMENT_LIMIT + 1))]);
    let asked = [Seen::Refused(Refusal::PinRequired)];
    assert_eq!(database.run(1, [scan(4, Code::Order(2))]), asked);
    // The limit would refuse it anyway.
    assert_eq!(database.run(1, [scan(5, Code::Order(3))]), kept("declined_by_limit"));
    // The same request with the PIN, under the same key.
    assert_eq!(database.run(1, [scan(4, Code::Order(2)).with_pin()]), [Seen::New(What::Paid(4))]);
    let row = &database.books().payments[&PaymentId::from_bytes(super::fixture::id_bytes(4))];
    assert_eq!((row.proof, row.counted), (Proof::Pin, 151));
    // Three without the PIN are as many as a day may have.
    plate(&mut database, 1, Some(yuan(1)));
    for number in 6..=8 {
        let seen = database.run(1, [scan(number, Code::Plate(1))]);
        assert_eq!(seen, [Seen::New(What::Paid(number))]);
    }
    assert_eq!(database.run(1, [scan(9, Code::Plate(1))]), asked);
    assert_eq!(database.run(1, [scan(9, Code::Plate(1)).with_pin()]), [Seen::New(What::Paid(9))]);
}

#[test]
fn a_suspected_payer_is_asked_and_the_pin_ends_the_suspicion() {
    let mut database = with_order_under(asking_rules());
    let shown = Sale { seq: 9, amount: yuan(3), ..sale(2) };
    let copied = Sale { merchant: 2, key: 70, reference: 70, number: 70, ..shown.clone() };
    database.run(1, [Command::from(shown), copied.into()]);
    let asked = [Seen::Refused(Refusal::PinRequired)];
    assert_eq!(database.run(2, [scan(4, Code::Order(1))]), asked);
    // The suspicion ends by itself as well.
    let mut later = database.clone();
    later.run(2, [make(8).until(SUSPECTED + 2)]);
    assert_eq!(later.run(SUSPECTED, [scan(9, Code::Order(8))]), asked);
    assert_eq!(later.run(SUSPECTED + 1, [scan(9, Code::Order(8))]), [Seen::New(What::Paid(9))]);
    assert_eq!(database.run(2, [scan(4, Code::Order(1)).with_pin()]), [Seen::New(What::Paid(4))]);
    database.run(2, [make(5)]);
    assert_eq!(database.run(3, [scan(6, Code::Order(5))]), [Seen::New(What::Paid(6))]);
    assert_eq!(database.payment(6).created_at, at(3));
}
