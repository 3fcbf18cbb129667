//! Random histories: batches of commands that often repeat, contradict and exceed each other.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::Index;
use wallet_core::{Mode, Money, Timestamp};

use super::fixture::{By, Change, Decision, Deposit, Sale, at, currency, deposit, sale, yuan};
use crate::domain::command::Command;

/// Commands that are settled at one time, after something else may have happened.
#[derive(Clone, Debug)]
pub(super) struct Batch {
    pub(super) change: Option<Change>,
    pub(super) now: Timestamp,
    pub(super) commands: Vec<Command>,
}

/// A request before it has a number: what is `None` follows from the number.
#[derive(Clone, Debug)]
enum Request {
    Sale(Sale, Option<u32>, Option<u32>, Option<u8>),
    Deposit(Deposit, Option<u32>),
    /// An earlier request again, with something changed.
    Repeat(Index, Twist),
    /// An earlier sale is decided, if it waits: under a key, of this device or API key.
    Decide(Index, Choice, Option<u32>, bool),
}

/// Who decides about a sale that may wait.
#[derive(Clone, Copy, Debug)]
enum Choice {
    Confirm,
    Refuse,
    Cancel,
    Time,
}

/// What differs in a repeat.
#[derive(Clone, Copy, Debug)]
enum Twist {
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
    (merchant, mode(), 1..=3_u32, money(), device, limit, step, genuine, fitting, till).prop_map(
        |(merchant, mode, api_key, amount, device, limit, step, genuine, fitting, till)| {
            let (typed, terminal) = till;
            let mut sale = Sale { mode, merchant, api_key, amount, typed, terminal, ..sale(0) };
            sale = Sale { genuine, device, step, limit, ..sale };
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
        5 => (any::<Index>(), twist).prop_map(|(index, twist)| Request::Repeat(index, twist)),
        6 => (any::<Index>(), choice(), key(), prop::bool::weighted(0.05))
            .prop_map(|(it, choice, key, other)| Request::Decide(it, choice, key, other)),
    ]
}

fn choice() -> impl Strategy<Value = Choice> {
    prop_oneof![
        4 => Just(Choice::Confirm),
        2 => Just(Choice::Refuse),
        2 => Just(Choice::Cancel),
        2 => Just(Choice::Time),
    ]
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        5 => (1..=3_u32, any::<bool>()).prop_map(|(it, on)| Change::PayerActive(it, on)),
        2 => (1..=5_u32, any::<bool>()).prop_map(|(it, on)| Change::MerchantActive(it, on)),
        1 => (1..=5_u32).prop_map(Change::RevokeDevice),
        1 => (1..=3_u32).prop_map(Change::RevokeKey),
        2 => (1..=4_u32, 0..4_u32).prop_map(|(it, order)| Change::CancelReference(it, order)),
    ]
}

/// What was asked so far, by which repeats are made.
#[derive(Clone)]
enum Asked {
    Sale(Sale),
    Deposit(Deposit),
    Decision(Decision),
}

impl Request {
    /// The request as it is asked, as number `number`, at a step.
    fn ask(self, number: u32, step: i64, past: &[Asked]) -> Asked {
        match self {
            Self::Sale(sale, key, reference, seq) => Asked::Sale(Sale {
                number,
                key: key.unwrap_or(number),
                reference: reference.unwrap_or(number),
                seq: seq.unwrap_or_else(|| u8::try_from(number % 256).unwrap()),
                step: step + sale.step,
                ..sale
            }),
            Self::Deposit(it, key) => {
                let key = key.unwrap_or(number);
                let reference = if it.reference == u32::MAX { number } else { it.reference };
                Asked::Deposit(Deposit { number, key, reference, ..it })
            }
            Self::Repeat(_, _) if past.is_empty() => Asked::Deposit(deposit(number, 1, yuan(200))),
            Self::Repeat(index, twist) => twist.apply(index.get(past).clone(), number, step),
            Self::Decide(index, choice, key, other) => {
                let sale = |asked: &Asked| match asked {
                    Asked::Sale(sale) => Some(sale.clone()),
                    Asked::Deposit(_) | Asked::Decision(_) => None,
                };
                let sales: Vec<Sale> = past.iter().filter_map(sale).collect();
                // The later ones are more likely to wait.
                let recent = &sales[sales.len().saturating_sub(12)..];
                if recent.is_empty() {
                    return Asked::Deposit(deposit(number, 1, yuan(200)));
                }
                let sale = index.get(recent);
                let device = if other { 3 - sale.device.min(2) } else { sale.device };
                let by = match choice {
                    Choice::Confirm => By::Confirm(device),
                    Choice::Refuse => By::Refuse(device),
                    Choice::Cancel => By::Cancel(sale.api_key),
                    Choice::Time => By::Time,
                };
                let decision = Decision::of(number, sale, by);
                let payer = if other && number.is_multiple_of(2) { 2 } else { decision.payer };
                Asked::Decision(Decision { key: key.unwrap_or(number), payer, ..decision })
            }
        }
    }
}

impl Twist {
    fn apply(self, asked: Asked, number: u32, step: i64) -> Asked {
        match (asked, self) {
            (asked, Self::Rerun) => asked,
            (Asked::Decision(it), Self::OtherKey) => {
                Asked::Decision(Decision { number, key: number, ..it })
            }
            (Asked::Decision(it), _) => Asked::Decision(Decision { number, ..it }),
            (Asked::Sale(sale), twist) => Asked::Sale(twist.resell(Sale { number, ..sale }, step)),
            (Asked::Deposit(it), twist) => {
                let it = Deposit { number, ..it };
                Asked::Deposit(match twist {
                    Self::Rerun | Self::Resend => it,
                    Self::OtherKey | Self::OtherCode | Self::OtherSale => {
                        Deposit { key: number, ..it }
                    }
                    Self::OtherAmount => Deposit { amount: yuan(77), ..it },
                    Self::OtherKeyAndCode => Deposit { key: number, amount: yuan(78), ..it },
                })
            }
        }
    }

    fn resell(self, sale: Sale, step: i64) -> Sale {
        let (key, seq) = (sale.number, u8::try_from(sale.number % 256).unwrap());
        match self {
            Self::Rerun | Self::Resend => sale,
            Self::OtherKey => Sale { key, ..sale },
            Self::OtherAmount => Sale { amount: yuan(77), ..sale },
            Self::OtherCode => Sale { step, seq, ..sale },
            Self::OtherKeyAndCode => Sale { key, step, seq, ..sale },
            Self::OtherSale => Sale { key, reference: sale.number, ..sale },
        }
    }
}

/// Up to six batches, on a clock that also goes back and that passes midnight.
pub(super) fn history() -> impl Strategy<Value = Vec<Batch>> {
    let batch = (-40_i64..=70, option::weighted(0.4, change()), vec(request(), 0..14));
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
                commands.push(match asked {
                    Asked::Sale(sale) => sale.into(),
                    Asked::Deposit(deposit) => deposit.into(),
                    Asked::Decision(decision) => decision.into(),
                });
            }
            history.push(Batch { change, now: at(seconds), commands });
        }
        history
    })
}
