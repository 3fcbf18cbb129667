//! Random histories: batches of commands that often repeat, contradict and exceed each other.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::Index;
use wallet_core::{Mode, Money, Timestamp};

use super::fixture::{Change, Deposit, Sale, at, currency, deposit, dollars, sale, yuan};
use super::paying_out::{Payout, Towards, payout};
use crate::domain::command::Command;

/// The number of money in suspense that is not there, unless the operator sees some: the first of
/// it has this number, and so on.
pub(super) const NOTHING: u32 = 9_000_000;

/// Commands that are settled at one time, after something else may have happened.
#[derive(Clone, Debug)]
pub(super) struct Batch {
    pub(super) change: Option<Change>,
    pub(super) now: Timestamp,
    pub(super) commands: Vec<Command>,
}

/// A request before it has a number: what is `None` follows from the number.
#[derive(Clone, Debug)]
pub(super) enum Request {
    Sale(Sale, Option<u32>, Option<u32>, Option<u8>),
    Deposit(Deposit, Option<u32>),
    /// An earlier request again, or one of the latest, with something changed.
    Repeat(Index, Twist, bool),
    /// An earlier sale goes on or is called off: under a key, by the right one or another.
    Decide(Index, Choice, Option<u32>, bool),
    /// Some of an earlier sale is given back: under a key, by its merchant or another.
    GiveBack(Index, Part, Option<u32>, bool),
    /// What stands under an earlier sale's reference is undone, or under another one: under a key.
    Undo(Index, Option<u32>, Option<u32>, bool),
    /// The operator releases money in suspense, or has paid it out.
    End(u32, Option<u32>, Option<u32>),
    /// A merchant has money paid out: under a key.
    PayOut(Payout, Option<u32>),
    /// An earlier payout goes on or back: under a key, of its merchant or another.
    Step(Index, Towards, Option<u32>, bool),
}

/// How much of a sale.
#[derive(Clone, Copy, Debug)]
pub(super) enum Part {
    All,
    Minor(i64),
    TooMuch,
    OtherCurrency,
}

impl Part {
    pub(super) fn of(self, sale: &Sale) -> Option<Money> {
        let amount = |minor| Some(Money::from_minor(minor, sale.amount.currency()));
        match self {
            Self::All => None,
            Self::Minor(minor) => amount(minor.min(sale.amount.minor())),
            Self::TooMuch => amount(sale.amount.minor() + 1),
            Self::OtherCurrency if sale.amount.currency() == currency("USD") => Some(yuan(1)),
            Self::OtherCurrency => Some(dollars(1)),
        }
    }
}

/// Who decides about a sale that may wait.
#[derive(Clone, Copy, Debug)]
pub(super) enum Choice {
    Confirm,
    Refuse,
    Cancel,
    Capture(Part),
    Time,
    TimeOfTest,
}

/// What differs in a repeat.
#[derive(Clone, Copy, Debug)]
pub(super) enum Twist {
    /// Nothing: the server runs it again, with the same ids.
    Rerun,
    /// The ids: the caller sends it again.
    Resend,
    OtherKey,
    OtherAmount,
    OtherCode,
    OtherKeyAndCode,
    /// The same code for another sale, as a thief of the picture would present it.
    OtherSale,
}

fn mode() -> impl Strategy<Value = Mode> {
    prop_oneof![30 => Just(Mode::Live), 1 => Just(Mode::Test)]
}

fn money() -> impl Strategy<Value = Money> {
    // Round sums meet limits and balances exactly.
    let round = prop::sample::select(vec![50_i64, 100, 100, 200]);
    let minor = prop_oneof![3 => 1_i64..=90, 1 => 91_i64..=260, 4 => round];
    let code = prop_oneof![40 => Just("CNY"), 2 => Just("USD"), 1 => Just("JPY")];
    (minor, code).prop_map(|(minor, code)| Money::from_minor(minor, currency(code)))
}

fn arbitrary_sale() -> impl Strategy<Value = Sale> {
    let merchant =
        prop_oneof![12 => Just(1_u32), 12 => Just(2_u32), 4 => Just(3_u32), 2 => 4..=6_u32];
    let device = prop_oneof![12 => Just(1_u32), 6 => 2..=3_u32, 1 => 4..=6_u32];
    let limit = prop_oneof![4 => Just(yuan(230)), 1 => money()];
    let step = prop_oneof![30 => Just(0_i64), 4 => -1_i64..=1, 1 => -4_i64..=4];
    let genuine = prop::bool::weighted(0.97);
    let fitting = prop::bool::weighted(0.9);
    let till = (prop::bool::weighted(0.1), option::weighted(0.3, 1..=2_u8));
    let till = (till, prop::bool::weighted(0.3));
    (merchant, mode(), 1..=3_u32, money(), device, limit, step, genuine, fitting, till).prop_map(
        |(merchant, mode, api_key, amount, device, limit, step, genuine, fitting, till)| {
            let ((typed, terminal), manual) = till;
            let mut sale = Sale { mode, merchant, api_key, amount, typed, terminal, ..sale(0) };
            sale = Sale { genuine, device, step, limit, manual, ..sale };
            match (merchant, fitting) {
                (3, true) => Sale { mode: Mode::Test, device: 4, ..sale },
                (4, true) => {
                    let dollars = |it: Money| Money::from_minor(it.minor(), currency("USD"));
                    let (amount, limit) = (dollars(sale.amount), dollars(sale.limit));
                    Sale { mode: Mode::Live, device: 5, amount, limit, ..sale }
                }
                _ => sale,
            }
        },
    )
}

fn arbitrary_deposit() -> impl Strategy<Value = Deposit> {
    let payer = prop_oneof![3 => Just(1_u32), 2 => Just(2_u32), 1 => 3..=5_u32];
    (payer, mode(), money(), option::weighted(0.5, 0..4_u32)).prop_map(
        |(payer, mode, amount, reference)| {
            let mode = if payer == 3 { Mode::Test } else { mode };
            let reference = reference.unwrap_or(u32::MAX);
            Deposit { mode, reference, ..deposit(0, payer, amount) }
        },
    )
}

fn request() -> impl Strategy<Value = Request> {
    let twist = prop_oneof![
        Just(Twist::Rerun),
        Just(Twist::Resend),
        Just(Twist::OtherKey),
        Just(Twist::OtherAmount),
        Just(Twist::OtherCode),
        Just(Twist::OtherKeyAndCode),
        Just(Twist::OtherSale),
    ];
    let key = || option::weighted(0.1, 0..4_u32);
    prop_oneof![
        10 => (arbitrary_sale(), key(), key(), option::weighted(0.1, any::<u8>()))
            .prop_map(|(sale, key, reference, seq)| Request::Sale(sale, key, reference, seq)),
        3 => (arbitrary_deposit(), key()).prop_map(|(it, key)| Request::Deposit(it, key)),
        9 => (any::<Index>(), twist, any::<bool>())
            .prop_map(|(index, twist, latest)| Request::Repeat(index, twist, latest)),
        7 => (any::<Index>(), choice(), key(), prop::bool::weighted(0.05))
            .prop_map(|(it, choice, key, other)| Request::Decide(it, choice, key, other)),
        8 => (any::<Index>(), part(), key(), prop::bool::weighted(0.05))
            .prop_map(|(it, part, key, other)| Request::GiveBack(it, part, key, other)),
        3 => (any::<Index>(), option::weighted(0.3, 0..4_u32), key(), prop::bool::weighted(0.8))
            .prop_map(|(it, other, key, looked)| Request::Undo(it, other, key, looked)),
        5 => (0..2_u32, option::weighted(0.5, 0..3_u32), option::weighted(0.4, 8..10_u32))
            .prop_map(|(nth, paid, key)| Request::End(nth, paid, key)),
        4 => (arbitrary_payout(), key()).prop_map(|(it, key)| Request::PayOut(it, key)),
        5 => (any::<Index>(), towards(), key(), prop::bool::weighted(0.05))
            .prop_map(|(it, to, key, other)| Request::Step(it, to, key, other)),
    ]
}

fn arbitrary_payout() -> impl Strategy<Value = Payout> {
    let merchant =
        prop_oneof![12 => Just(1_u32), 12 => Just(2_u32), 4 => Just(3_u32), 2 => 4..=6_u32];
    let amount = prop_oneof![
        5 => Just(None),
        6 => (1..=60_i64).prop_map(|minor| Some(yuan(minor))),
        1 => Just(Some(yuan(5_000))),
        1 => Just(Some(dollars(5))),
    ];
    let asker = prop_oneof![4 => (1..=3_u32).prop_map(Some), 1 => Just(None)];
    let (known, fitting) = (prop::bool::weighted(0.9), prop::bool::weighted(0.95));
    (merchant, amount, asker, known, fitting).prop_map(
        |(merchant, amount, api_key, destination, fitting)| {
            let test = (merchant == 3) == fitting;
            let mode = if test { Mode::Test } else { Mode::Live };
            Payout { api_key, mode, merchant, destination, ..payout(0, amount) }
        },
    )
}

fn towards() -> impl Strategy<Value = Towards> {
    prop_oneof![
        2 => (1..=3_u32).prop_map(Towards::Cancel),
        3 => (0..6_u32).prop_map(Towards::Paid),
        2 => Just(Towards::Returned),
        1 => Just(Towards::ReturnedUnpaid),
    ]
}

fn part() -> impl Strategy<Value = Part> {
    prop_oneof![
        4 => Just(Part::All),
        6 => (1..=40_i64).prop_map(Part::Minor),
        1 => Just(Part::TooMuch),
        1 => Just(Part::OtherCurrency),
    ]
}

fn choice() -> impl Strategy<Value = Choice> {
    prop_oneof![
        4 => Just(Choice::Confirm),
        2 => Just(Choice::Refuse),
        3 => Just(Choice::Cancel),
        5 => part().prop_map(Choice::Capture),
        2 => Just(Choice::Time),
        1 => Just(Choice::TimeOfTest),
    ]
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        9 => (1..=2_u32, any::<bool>()).prop_map(|(it, on)| Change::PayerActive(it, on)),
        2 => (1..=5_u32, any::<bool>()).prop_map(|(it, on)| Change::MerchantActive(it, on)),
        1 => (1..=5_u32).prop_map(Change::RevokeDevice),
        1 => (1..=3_u32).prop_map(Change::RevokeKey),
        2 => (1..=4_u32).prop_map(Change::PayMerchant),
        1 => Just(Change::BatchPayouts),
    ]
}

/// Up to six batches, on a clock that also goes back and that passes midnight.
pub(super) fn history() -> impl Strategy<Value = Vec<Batch>> {
    let batch = (-40_i64..=70, option::weighted(0.5, change()), vec(request(), 0..14));
    vec(batch, 1..=6).prop_map(|batches| {
        let (mut past, mut seconds, mut number) = (Vec::new(), 0, 0);
        let mut history = Vec::new();
        for (passed, change, requests) in batches {
            seconds += passed;
            let step = seconds.div_euclid(30);
            let mut commands = Vec::new();
            for request in requests {
                number += 1;
                let asked = request.ask(number, step, &past);
                past.push(asked.clone());
                commands.push(asked.into());
            }
            history.push(Batch { change, now: at(seconds), commands });
        }
        history
    })
}
