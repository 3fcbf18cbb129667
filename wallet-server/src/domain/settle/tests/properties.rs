//! Random histories: settlement agrees with the model, and batching is invisible.

use std::collections::BTreeSet;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use wallet_core::Mode;

use super::database::Database;
use super::fixture::{MERCHANTS, PAYERS, Seen, What, asking_rules, deposit, number_of, yuan};
use super::model::Model;
use super::strategy::{Batch, NOTHING, history};
use crate::domain::command::Command;
use crate::domain::ids::{PaymentId, PayoutId};
use crate::domain::ledger::AccountKind;
use crate::domain::outcome::{DeclineCode, Refusal, Rejection};
use crate::domain::plan::NewHolder;

/// How many histories it takes to see everything.
const HISTORIES: usize = 2000;

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

/// A batch as it is asked for: whoever looks something up finds it as it was before the batch, and
/// nobody decides about a payment that is made in it, as nobody has been told of it.
fn told(database: &Database, commands: &[Command]) -> Vec<Command> {
    let books = database.books();
    let made = |id: PaymentId| {
        let charged = |it: &Command| matches!(it, Command::Charge(charge) if charge.id == id);
        commands.iter().any(charged) && !books.payments.contains_key(&id)
    };
    let asked = |id: PayoutId| {
        let asks = |it: &Command| matches!(it, Command::RequestPayout(ask) if ask.id == id);
        commands.iter().any(asks) && !books.payouts.contains_key(&id)
    };
    let look_up = |command: &Command| {
        let mut command = command.clone();
        match &mut command {
            Command::Resolve(resolve) if made(resolve.payment) => return None,
            Command::Refund(refund) if made(refund.payment) => return None,
            Command::FinishPayout(finish) if asked(finish.id) => return None,
            Command::CancelReference(cancel) if cancel.holder.is_some() => {
                cancel.holder = match books.references.get(&cancel.reference) {
                    Some(NewHolder::Payment(id, _)) => Some((*id, books.payments[id].payer)),
                    Some(NewHolder::Order(_) | NewHolder::Nothing) | None => None,
                };
            }
            Command::EndSuspense(end) => {
                let nth = usize::try_from(number_of(end.id.as_bytes()) - NOTHING).unwrap();
                if let Some((id, row)) = books.suspense.iter().nth(nth) {
                    (end.id, end.payer) = (*id, row.payer);
                }
            }
            _ => {}
        }
        Some(command)
    };
    commands.iter().filter_map(look_up).collect()
}

fn check_balances(database: &Database, model: &Model) {
    for (number, ..) in PAYERS {
        let expected = (model.wallet(number), model.held(number));
        assert_eq!((database.wallet(number), database.held(number)), expected, "{number}");
    }
    for (number, ..) in MERCHANTS {
        assert_eq!(database.owed(number), model.owed(number), "merchant {number}");
    }
    let own = |kind| {
        let accounts = [(Mode::Live, "CNY"), (Mode::Test, "CNY"), (Mode::Live, "USD")];
        accounts.into_iter().map(|(mode, code)| database.own(kind, mode, code)).sum::<i64>()
    };
    assert_eq!(own(AccountKind::Fees), model.fees());
    assert_eq!(own(AccountKind::Suspense), model.suspended());
    assert_eq!(own(AccountKind::Bank), -model.bank(), "the bank account backs all that is owed");
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
    for _ in 0..HISTORIES {
        let history = history().new_tree(&mut runner).unwrap().current();
        reached.extend(run(&history).into_iter().map(without_number));
    }
    let expected = every_outcome();
    let missing: Vec<_> = expected.difference(&reached).collect();
    let unknown: Vec<_> = reached.difference(&expected).collect();
    assert!(missing.is_empty() && unknown.is_empty(), "{missing:?} are missing, {unknown:?} new");
}

/// Everything that may be seen.
fn every_outcome() -> BTreeSet<Seen> {
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
    let mut told = vec![What::Paid(0), What::Waits(0), What::Authorized(0), What::Canceled(0)];
    told.extend([What::Credited(0), What::Refunded(0, 0, 0), What::Buried, What::Ended(0)]);
    told.push(What::Returned(0));
    told.extend([What::PayoutHeld(0, 0), What::PayoutPaid(0, 0), What::PayoutBack(0, 0)]);
    told.extend(declines.map(|decline| What::Declined(0, decline)));
    told.extend(rejections.map(What::Rejected));
    let not_moved = [
        "currency_mismatch",
        "refund_too_late",
        "refund_exceeds_payment",
        "too_many_refunds",
        "balance_insufficient",
        "payout_destination_missing",
        "payout_too_small",
    ];
    told.extend(not_moved.map(|code| What::Kept(code, 0)));
    let mut all: BTreeSet<Seen> =
        told.iter().flat_map(|what| [Seen::New(*what), Seen::Again(*what)]).collect();
    // Nobody asks for that under a key.
    all.insert(Seen::New(What::Expired(0)));
    let refusals = [
        Refusal::UnknownPayment,
        Refusal::OtherDevice,
        Refusal::ConfirmationExpired,
        Refusal::PaymentWaiting,
        Refusal::HoldExpired,
        Refusal::PaymentClosed,
        Refusal::NotRefundable,
        Refusal::CancelTooLate,
        Refusal::CaptureTooLarge,
        Refusal::BalanceInsufficient,
        Refusal::ReferenceMoved,
        Refusal::UnknownSuspense,
        Refusal::SuspenseClosed,
        Refusal::UnknownMerchant,
        Refusal::UnknownPayout,
        Refusal::PayoutBatched,
        Refusal::PayoutClosed,
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
    all.extend(refusals.map(Seen::Refused));
    all
}

fn without_number(seen: Seen) -> Seen {
    let plain = |what| match what {
        What::Paid(_) => What::Paid(0),
        What::Waits(_) => What::Waits(0),
        What::Authorized(_) => What::Authorized(0),
        What::Canceled(_) => What::Canceled(0),
        What::Expired(_) => What::Expired(0),
        What::Returned(_) => What::Returned(0),
        What::Declined(_, decline) => What::Declined(0, decline),
        What::Credited(_) => What::Credited(0),
        What::Refunded(..) => What::Refunded(0, 0, 0),
        What::Ended(_) => What::Ended(0),
        What::PayoutHeld(..) => What::PayoutHeld(0, 0),
        What::PayoutPaid(..) => What::PayoutPaid(0, 0),
        What::PayoutBack(..) => What::PayoutBack(0, 0),
        What::Kept(code, _) => What::Kept(code, 0),
        What::Rejected(_) | What::Buried | What::Order(..) => what,
    };
    match seen {
        Seen::New(what) => Seen::New(plain(what)),
        Seen::Again(what) => Seen::Again(plain(what)),
        Seen::Refused(_) => seen,
    }
}
