//! Random histories: settlement agrees with the model, and batching is invisible.

use std::collections::BTreeSet;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use wallet_core::Mode;

use super::database::Database;
use super::fixture::{MERCHANTS, PAYERS, Seen, What, asking_rules, deposit, yuan};
use super::model::Model;
use super::strategy::{Batch, history};
use crate::domain::command::Command;
use crate::domain::ids::PaymentId;
use crate::domain::ledger::AccountKind;
use crate::domain::outcome::{DeclineCode, Refusal, Rejection};

/// A database and the model of it, in which payers 1 and 2 have a little money.
fn beginning(history: &[Batch]) -> (Database, Model) {
    let (mut database, mut model) = (Database::open_with(asking_rules()), Model::default());
    let now = history[0].now;
    for number in [1, 2] {
        let command = deposit(1_000 + number, number, yuan(600)).into();
        model.decide(&command, now);
        database.settle(&[command], now);
    }
    (database, model)
}

/// Runs a history in both and returns what both saw.
fn run(history: &[Batch]) -> Vec<Seen> {
    let (mut database, mut model) = beginning(history);
    let mut all = Vec::new();
    for batch in history {
        if let Some(change) = batch.change {
            database.change(change);
            model.change(change);
        }
        let commands = told(&database, &batch.commands);
        let outcomes = database.settle(&commands, batch.now);
        let seen: Vec<Seen> = outcomes.iter().map(Seen::from).collect();
        let expected: Vec<Seen> =
            commands.iter().map(|command| model.decide(command, batch.now)).collect();
        assert_eq!(seen, expected, "at {:?}", batch.now);
        check_balances(&database, &model);
        all.extend(seen);
    }
    all
}

/// A batch without decisions about payments that are made in it: nobody has been told of those.
fn told(database: &Database, commands: &[Command]) -> Vec<Command> {
    let made = |id: PaymentId| {
        let charged = |it: &Command| matches!(it, Command::Charge(charge) if charge.id == id);
        commands.iter().any(charged) && !database.books().payments.contains_key(&id)
    };
    let decides = |it: &Command| matches!(it, Command::Resolve(resolve) if made(resolve.payment));
    commands.iter().filter(|command| !decides(command)).cloned().collect()
}

fn check_balances(database: &Database, model: &Model) {
    let mut paid_in = 0;
    for (number, ..) in PAYERS {
        let (free, held) = (model.wallet(number), model.held(number));
        assert_eq!((database.wallet(number), database.held(number)), (free, held), "{number}");
        paid_in += free + held;
    }
    let mut fees = 0;
    for (number, ..) in MERCHANTS {
        let (sold, fee) = model.sold(number);
        assert_eq!(database.owed(number), sold - fee, "merchant {number}");
        (paid_in, fees) = (paid_in + sold, fees + fee);
    }
    let own = |kind| {
        let accounts = [(Mode::Live, "CNY"), (Mode::Test, "CNY"), (Mode::Live, "USD")];
        accounts.into_iter().map(|(mode, code)| database.own(kind, mode, code)).sum::<i64>()
    };
    assert_eq!(own(AccountKind::Fees), fees);
    assert_eq!(own(AccountKind::Bank), -paid_in, "the bank account backs all that is owed");
}

proptest! {
    #[test]
    fn settlement_agrees_with_the_model_and_keeps_the_books(history in history()) {
        run(&history);
    }

    #[test]
    fn how_commands_fall_into_batches_is_invisible(
        history in history(),
        sizes in vec(1_usize..6, 1..8),
    ) {
        let (mut whole, _) = beginning(&history);
        let mut split = whole.clone();
        let mut sizes = sizes.into_iter().cycle();
        for batch in &history {
            if let Some(change) = batch.change {
                whole.change(change);
                split.change(change);
            }
            let mut outcomes = Vec::new();
            let commands = told(&whole, &batch.commands);
            let mut rest = &commands[..];
            while !rest.is_empty() {
                let (now, later) = rest.split_at(sizes.next().unwrap_or(1).min(rest.len()));
                outcomes.extend(split.settle(now, batch.now));
                rest = later;
            }
            prop_assert_eq!(whole.settle(&commands, batch.now), outcomes);
            prop_assert_eq!(whole.books(), split.books());
        }
    }
}

#[test]
fn random_histories_reach_every_outcome() {
    let mut runner = TestRunner::deterministic();
    let mut reached = BTreeSet::new();
    for _ in 0..400 {
        let history = history().new_tree(&mut runner).unwrap().current();
        reached.extend(run(&history).into_iter().map(without_number));
    }
    let declines = [
        DeclineCode::DeviceRevoked,
        DeclineCode::PayerUnavailable,
        DeclineCode::CurrencyMismatch,
        DeclineCode::OverCodeLimit,
        DeclineCode::DeclinedByLimit,
        DeclineCode::InsufficientFunds,
        DeclineCode::RefusedByPayer,
    ];
    let rejections = [Rejection::CodeExpired, Rejection::CodeUsed];
    let mut expected =
        BTreeSet::from([What::Paid(0), What::Waits(0), What::Canceled(0), What::Credited(0)]);
    expected.extend(declines.map(|decline| What::Declined(0, decline)));
    expected.extend(rejections.map(What::Rejected));
    let mut expected: BTreeSet<Seen> =
        expected.iter().flat_map(|what| [Seen::New(*what), Seen::Again(*what)]).collect();
    // Nobody asks for that under a key.
    expected.insert(Seen::New(What::Expired(0)));
    let refusals = [
        Refusal::UnknownPayment,
        Refusal::OtherDevice,
        Refusal::ConfirmationExpired,
        Refusal::PaymentClosed,
        Refusal::KeyRevoked,
        Refusal::KeyReused,
        Refusal::ReferenceCanceled,
        Refusal::ReferenceConflict,
        Refusal::MerchantUnavailable,
        Refusal::InvalidCode,
        Refusal::ClockSkew,
        Refusal::UnknownPayer,
        Refusal::PayerUnavailable,
        Refusal::WrongCurrency,
    ];
    expected.extend(refusals.map(Seen::Refused));
    assert_eq!(reached, expected);
}

fn without_number(seen: Seen) -> Seen {
    let plain = |what| match what {
        What::Paid(_) => What::Paid(0),
        What::Waits(_) => What::Waits(0),
        What::Canceled(_) => What::Canceled(0),
        What::Expired(_) => What::Expired(0),
        What::Declined(_, decline) => What::Declined(0, decline),
        What::Credited(_) => What::Credited(0),
        What::Rejected(_) => what,
    };
    match seen {
        Seen::New(what) => Seen::New(plain(what)),
        Seen::Again(what) => Seen::Again(plain(what)),
        Seen::Refused(_) => seen,
    }
}
