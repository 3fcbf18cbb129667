//! What becomes of a payment: every state and every command, in one table.
//!
//! A cell is the state that the command leads to, or why it does nothing: then nothing at all has
//! changed but, for a refund, what its key stands for.

use wallet_core::receipt::PaymentState;

use super::database::Database;
use super::fixture::{By, Decision, GiveBack, HOLD, Sale, Undo, asking_rules, at, sale, yuan};
use crate::domain::command::Command;
use crate::domain::outcome::{Answer, Outcome};

const IN_TIME: &str = "
                       confirm               refuse                capture          cancel           undo             refund                  refund 4                time
requires_confirmation  succeeded             declined              payment_waiting  canceled         canceled         payment_not_refundable  payment_not_refundable  payment_closed
… to be captured       authorized            declined              payment_waiting  canceled         canceled         payment_not_refundable  payment_not_refundable  payment_closed
authorized             payment_closed        payment_closed        succeeded        canceled         canceled         payment_not_refundable  payment_not_refundable  payment_closed
… once confirmed       payment_closed        payment_closed        succeeded        canceled         canceled         payment_not_refundable  payment_not_refundable  payment_closed
succeeded              payment_closed        payment_closed        payment_closed   canceled         canceled         refunded                partially_refunded      payment_closed
… captured in part     payment_closed        payment_closed        payment_closed   canceled         canceled         refunded                partially_refunded      payment_closed
partially_refunded     payment_closed        payment_closed        payment_closed   payment_closed   payment_closed   refunded                partially_refunded      payment_closed
refunded               payment_closed        payment_closed        payment_closed   payment_closed   refunded         refund_exceeds_payment  refund_exceeds_payment  payment_closed
declined               payment_closed        payment_closed        payment_closed   payment_closed   declined         payment_not_refundable  payment_not_refundable  payment_closed
… by the payer         payment_closed        payment_closed        payment_closed   payment_closed   declined         payment_not_refundable  payment_not_refundable  payment_closed
canceled               payment_closed        payment_closed        payment_closed   payment_closed   canceled         payment_not_refundable  payment_not_refundable  payment_closed
… after its capture    payment_closed        payment_closed        payment_closed   payment_closed   canceled         payment_not_refundable  payment_not_refundable  payment_closed
expired                payment_closed        payment_closed        payment_closed   payment_closed   expired          payment_not_refundable  payment_not_refundable  payment_closed
";

/// When every time has run out. What has come to its end is as it is above.
const TOO_LATE: &str = "
                       confirm               refuse                capture          cancel           undo             refund                  refund 4                time
requires_confirmation  confirmation_expired  confirmation_expired  payment_waiting  canceled         canceled         payment_not_refundable  payment_not_refundable  expired
… to be captured       confirmation_expired  confirmation_expired  payment_waiting  canceled         canceled         payment_not_refundable  payment_not_refundable  expired
authorized             payment_closed        payment_closed        hold_expired     canceled         canceled         payment_not_refundable  payment_not_refundable  expired
… once confirmed       payment_closed        payment_closed        hold_expired     canceled         canceled         payment_not_refundable  payment_not_refundable  expired
succeeded              payment_closed        payment_closed        payment_closed   cancel_too_late  cancel_too_late  refund_too_late         refund_too_late         payment_closed
… captured in part     payment_closed        payment_closed        payment_closed   cancel_too_late  cancel_too_late  refund_too_late         refund_too_late         payment_closed
partially_refunded     payment_closed        payment_closed        payment_closed   payment_closed   payment_closed   refund_too_late         refund_too_late         payment_closed
refunded               payment_closed        payment_closed        payment_closed   payment_closed   refunded         refund_too_late         refund_too_late         payment_closed
";

/// What comes after a sale.
type Then = Box<dyn Fn(&Sale) -> Command>;

/// A sale in the state of a row, and the time at which it came there.
fn made(state: &str) -> (Database, Sale, i64) {
    let plain = Sale { merchant: 2, amount: yuan(100), ..sale(1) };
    let typed = Sale { typed: true, ..plain.clone() };
    let manual = Sale { manual: true, ..plain.clone() };
    let by = |by| move |sale: &Sale| -> Command { Decision::of(2, sale, by).into() };
    let back = |minor: Option<i64>| {
        move |sale: &Sale| -> Command { GiveBack::of(2, sale, minor.map(yuan)).into() }
    };
    let (sale, then): (Sale, Option<Then>) = match state {
        "requires_confirmation" => (typed, None),
        "… to be captured" => (Sale { manual: true, ..typed }, None),
        "authorized" => (manual, None),
        "… once confirmed" => {
            (Sale { manual: true, ..typed }, Some(Box::new(by(By::Confirm(1)))))
        }
        "succeeded" => (plain, None),
        "… captured in part" => (manual, Some(Box::new(by(By::Capture(1, Some(yuan(60))))))),
        "partially_refunded" => (plain, Some(Box::new(back(Some(10))))),
        "refunded" => (plain, Some(Box::new(back(None)))),
        "declined" => (Sale { limit: yuan(99), ..plain }, None),
        "… by the payer" => (typed, Some(Box::new(by(By::Refuse(1))))),
        "canceled" => (manual, Some(Box::new(by(By::Cancel(1))))),
        "… after its capture" => (plain, Some(Box::new(by(By::Cancel(1))))),
        "expired" => (manual, Some(Box::new(by(By::Time)))),
        other => panic!("how to get to {other}?"),
    };
    let mut database = Database::with_money_and(asking_rules(), 300);
    database.run(0, [sale.clone()]);
    let seconds = if state == "expired" { HOLD } else { 1 };
    database.run(seconds, then.map(|then| then(&sale)));
    (database, sale, seconds)
}

fn asked(command: &str, sale: &Sale) -> Command {
    let decision = |by| Decision::of(3, sale, by).into();
    match command {
        "confirm" => decision(By::Confirm(1)),
        "refuse" => decision(By::Refuse(1)),
        "capture" => decision(By::Capture(1, None)),
        "cancel" => decision(By::Cancel(1)),
        "undo" => Undo::of(3, sale).into(),
        "refund" => GiveBack::of(3, sale, None).into(),
        "refund 4" => GiveBack::of(3, sale, Some(yuan(4))).into(),
        "time" => decision(By::Time),
        other => panic!("what is {other}?"),
    }
}

/// What a cell says, after the command has been settled alone.
fn cell(database: &mut Database, command: Command, seconds: i64) -> &'static str {
    let before = (database.payment(1), database.wallet(1), database.owed(2), database.held(1));
    let outcome = database.settle(&[command], at(seconds)).remove(0);
    let after = (database.payment(1), database.wallet(1), database.owed(2), database.held(1));
    let why = match outcome {
        Outcome::Refused(refusal) => refusal.as_str(),
        Outcome::Answered { answer: Answer::NotMoved(why), .. } => why.code(),
        Outcome::Answered { answer: Answer::Payment(payment), .. } => {
            assert_eq!(*payment, after.0, "it is told what has become of it");
            return after.0.record.state.as_str();
        }
        Outcome::Answered { .. } => return after.0.record.state.as_str(),
    };
    assert_eq!(after, before, "{why}: nothing has changed");
    why
}

fn words(line: &str) -> Vec<&str> {
    line.split("  ").map(str::trim).filter(|word| !word.is_empty()).collect()
}

fn check(table: &str, later: i64) -> usize {
    let mut lines = table.lines().filter(|line| !line.is_empty());
    let commands = words(lines.next().unwrap());
    let mut rows = 0;
    for line in lines {
        let row = words(line);
        assert_eq!(row.len(), commands.len() + 1, "{line}");
        for (command, expected) in commands.iter().zip(&row[1..]) {
            let (mut database, sale, seconds) = made(row[0]);
            let seen = cell(&mut database, asked(command, &sale), seconds + later);
            assert_eq!(seen, *expected, "{} × {command}", row[0]);
        }
        rows += 1;
    }
    rows
}

#[test]
fn every_state_and_every_command_in_time() {
    assert_eq!(check(IN_TIME, 1), 13);
}

#[test]
fn every_state_that_has_not_come_to_its_end_and_every_command_too_late() {
    assert_eq!(check(TOO_LATE, 200), 8);
}

#[test]
fn every_state_there_is_stands_in_the_table() {
    let states = [
        PaymentState::RequiresConfirmation,
        PaymentState::Authorized,
        PaymentState::Succeeded,
        PaymentState::PartiallyRefunded,
        PaymentState::Refunded,
        PaymentState::Declined,
        PaymentState::Canceled,
        PaymentState::Expired,
    ];
    for line in IN_TIME.lines().skip(2) {
        let (database, ..) = made(words(line)[0]);
        assert!(states.contains(&database.payment(1).record.state), "{line}");
    }
    for state in states {
        let made = |line: &str| made(words(line)[0]).0.payment(1).record.state;
        assert!(IN_TIME.lines().skip(2).any(|line| made(line) == state), "{}", state.as_str());
    }
}
