//! Repeats, in one batch and in later ones: the first answer is told again, to the letter.

use super::database::Database;
use super::fixture::Seen::{Again, New, Refused};
use super::fixture::What::{Declined, Paid, Rejected};
use super::fixture::{Sale, at, sale, yuan};
use crate::domain::command::{CodeSource, Command};
use crate::domain::outcome::{Answer, DeclineCode, Outcome, Refusal, Rejection};

#[test]
fn a_key_sent_twice_pays_once() {
    let mut database = Database::with_money(100);
    let resent = Sale { number: 2, ..sale(1) };
    assert_eq!(database.run(0, [sale(1), resent.clone()]), [New(Paid(1)), Again(Paid(1))]);
    assert_eq!(database.run(30, [resent, sale(1)]), [Again(Paid(1)), Again(Paid(1))]);
    assert_eq!(database.wallet(1), 90);
}

#[test]
fn a_key_with_another_body_is_refused() {
    let mut database = Database::with_money(100);
    let bodies = [
        Sale { amount: yuan(11), ..sale(1) },
        Sale { seq: 2, ..sale(1) },
        Sale { reference: 2, ..sale(1) },
        Sale { description: None, ..sale(1) },
    ];
    let mut batch = vec![sale(1)];
    batch.extend(bodies);
    let seen = database.run(0, batch);
    assert_eq!(seen[0], New(Paid(1)));
    assert_eq!(seen[1..], [Refused(Refusal::KeyReused); 4]);
}

#[test]
fn a_reference_under_a_new_key_gets_the_stored_answer_and_the_key_keeps_it() {
    let mut database = Database::with_money(100);
    let new_key = Sale { number: 2, key: 2, ..sale(1) };
    let seen = database.run(0, [sale(1), new_key.clone(), new_key.clone()]);
    assert_eq!(seen, [New(Paid(1)), Again(Paid(1)), Again(Paid(1))]);
    let reused = Sale { description: None, ..new_key };
    assert_eq!(database.run(0, [reused]), [Refused(Refusal::KeyReused)]);
    assert_eq!(database.wallet(1), 90);
}

#[test]
fn a_reference_with_the_same_code_and_amount_is_the_same_whatever_else_differs() {
    let mut database = Database::with_money(100);
    let described = Sale { number: 2, key: 2, description: Some("coffee"), ..sale(1) };
    assert_eq!(database.run(0, [sale(1), described]), [New(Paid(1)), Again(Paid(1))]);
}

#[test]
fn a_reference_with_another_code_or_amount_is_refused_and_burns_nothing() {
    let mut database = Database::with_money(100);
    let same_reference = |number| Sale { reference: 1, ..sale(number) };
    let other_amount = Sale { seq: 1, amount: yuan(11), ..same_reference(2) };
    let seen = database.run(0, [sale(1), other_amount, same_reference(3), sale(3)]);
    let conflict = Refused(Refusal::ReferenceConflict);
    assert_eq!(seen, [New(Paid(1)), conflict, conflict, New(Paid(3))]);
}

#[test]
fn one_code_at_two_tills_pays_once() {
    let mut database = Database::with_money(100);
    let seen = database.run(0, [sale(1), Sale { merchant: 2, ..sale(1) }]);
    assert_eq!(seen, [New(Paid(1)), New(Rejected(Rejection::CodeUsed))]);
    assert_eq!((database.owed(1), database.owed(2)), (10, 0));
}

#[test]
fn a_refused_request_may_be_sent_again_under_its_key() {
    let mut database = Database::with_money(100);
    let forged = Sale { genuine: false, ..sale(1) };
    let seen = database.run(0, [forged.clone(), forged, sale(1)]);
    let invalid = Refused(Refusal::InvalidCode);
    assert_eq!(seen, [invalid, invalid, New(Paid(1))]);
}

#[test]
fn a_declined_payment_is_told_again_as_declined() {
    let mut database = Database::with_money(100);
    let large = Sale { amount: yuan(140), ..sale(1) };
    let declined = Declined(1, DeclineCode::InsufficientFunds);
    let new_key = Sale { number: 2, key: 2, ..large.clone() };
    let seen = database.run(0, [large.clone(), large, new_key]);
    assert_eq!(seen, [New(declined), Again(declined), Again(declined)]);
}

#[test]
fn a_replayed_payment_is_identical_to_its_first_answer() {
    let mut database = Database::with_money(100);
    let large = Sale { amount: yuan(140), ..sale(2) };
    let first: Vec<Command> = vec![sale(1).into(), large.clone().into()];
    let later: Vec<Command> = vec![
        Sale { number: 3, ..sale(1) }.into(),
        Sale { number: 4, ..large.clone() }.into(),
        Sale { number: 5, key: 5, description: None, ..sale(1) }.into(),
        Sale { number: 6, key: 6, description: None, ..large }.into(),
    ];
    let answers = |outcomes: Vec<Outcome>, repeat: bool| -> Vec<Answer> {
        let answer = |outcome| match outcome {
            Outcome::Answered { answer, replayed } if replayed == repeat => answer,
            other => panic!("{other:?}"),
        };
        outcomes.into_iter().map(answer).collect()
    };
    let told = answers(database.settle(&first, at(0)), false);
    let again = answers(database.settle(&later, at(3600)), true);
    assert_eq!(again, [&told[..], &told[..]].concat());
    let Answer::Payment(payment) = &told[0] else { panic!("{told:?}") };
    assert_eq!(payment.code_source, CodeSource::Scan);
    assert_eq!(payment.description.as_deref(), Some("tea"));
    assert_eq!(payment.record.decided_at, at(0));
}
