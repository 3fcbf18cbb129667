//! Random histories of orders and plates: settlement agrees with a model that keeps no balances, and
//! how commands fall into batches is invisible.

use std::collections::{BTreeMap, BTreeSet};

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use super::super::database::Database;
use super::super::fixture::{CANCEL, DAY_LIMIT, Seen, Undo, What, deposit, number_of, yuan};
use super::requests::{Close, Code, Making, Scan, close, make, plate, scan};
use crate::domain::command::Command;
use crate::domain::ids::{OrderId, PaymentId};
use crate::domain::outcome::{OrderState, Refusal};
use crate::domain::plan::NewHolder;

/// How many histories it takes to see everything.
const HISTORIES: usize = 1500;
/// What both payers have at first.
const MONEY: i64 = 100;
/// The plates: 1 with an amount, 2 without, 3 closed.
const FIXED: i64 = 7;

/// What is asked for.
#[derive(Clone, Debug)]
enum Asked {
    Make(Making),
    Close(Close),
    Scan(Scan),
    Undo(Undo),
}

/// The same before it has a number, and about what was asked before.
#[derive(Clone, Debug)]
enum Request {
    Make(u32, Option<u32>, i64, i64),
    Close(Index, bool, bool),
    PayOrder(Index, u32, Option<i64>, bool),
    PayPlate(u32, u32, Option<i64>, bool),
    Undo(Index, Option<u32>, bool),
    Repeat(Index),
}

#[derive(Clone, Debug)]
struct Batch {
    seconds: i64,
    asked: Vec<Asked>,
}

fn request() -> impl Strategy<Value = Request> {
    let amount = || prop::sample::select(vec![10_i64, 10, 60, 201]);
    let said = || option::weighted(0.3, prop::sample::select(vec![FIXED, 10, 60]));
    prop_oneof![
        6 => (1..=2_u32, option::weighted(0.2, 1..8_u32), amount(), -5..120_i64)
            .prop_map(|(of, reference, amount, life)| Request::Make(of, reference, amount, life)),
        4 => (any::<Index>(), any::<bool>(), prop::bool::weighted(0.1))
            .prop_map(|(it, time, other)| Request::Close(it, time, other)),
        9 => (any::<Index>(), 1..=2_u32, said(), prop::bool::weighted(0.05))
            .prop_map(|(it, payer, said, other)| Request::PayOrder(it, payer, said, other)),
        4 => (1..=4_u32, 1..=2_u32, said(), prop::bool::weighted(0.05))
            .prop_map(|(it, payer, said, other)| Request::PayPlate(it, payer, said, other)),
        3 => (any::<Index>(), option::weighted(0.3, 1..8_u32), prop::bool::weighted(0.9))
            .prop_map(|(it, other, looked)| Request::Undo(it, other, looked)),
        3 => any::<Index>().prop_map(Request::Repeat),
    ]
}

fn history() -> impl Strategy<Value = Vec<Batch>> {
    vec((-10_i64..=40, vec(request(), 0..10)), 1..=6).prop_map(|batches| {
        let (mut past, mut history): (Vec<Asked>, Vec<Batch>) = (Vec::new(), Vec::new());
        // On one day, which counts all.
        let (mut seconds, mut number) = (200, 0);
        for (passed, requests) in batches {
            seconds += passed;
            let mut asked = Vec::new();
            for request in requests {
                number += 1;
                let next = ask(&request, number, seconds, &past);
                past.push(next.clone());
                asked.push(next);
            }
            history.push(Batch { seconds, asked });
        }
        history
    })
}

fn ask(request: &Request, number: u32, seconds: i64, past: &[Asked]) -> Asked {
    let orders: Vec<&Making> = past
        .iter()
        .filter_map(|asked| if let Asked::Make(making) = asked { Some(making) } else { None })
        .collect();
    let fallback = Asked::Make(Making { until: seconds + 50, ..make(number) });
    let about = |index: Index| (!orders.is_empty()).then(|| *index.get(&orders));
    let pay = |code, of, payer, said: Option<i64>| {
        let device = if payer == 1 { 1 } else { 3 };
        let scan = scan(number, code).of(of).by(payer, device);
        Asked::Scan(said.map_or(scan.clone(), |minor| scan.amount(yuan(minor))))
    };
    match *request {
        Request::Make(of, reference, amount, life) => Asked::Make(
            Making { until: seconds + life, ..make(number) }
                .of(of)
                .under(reference.unwrap_or(number))
                .amount(yuan(amount)),
        ),
        Request::Close(index, by_time, other) => about(index).map_or(fallback, |order| {
            let merchant = if other { 3 - order.merchant } else { order.merchant };
            Asked::Close(Close { by_time, ..close(number, order.number).of(merchant) })
        }),
        Request::PayOrder(index, payer, said, other) => about(index).map_or(fallback, |order| {
            let of = if other { 3 - order.merchant } else { order.merchant };
            pay(Code::Order(order.number), of, payer, said)
        }),
        Request::PayPlate(it, payer, said, other) => {
            pay(Code::Plate(it), if other { 2 } else { 1 }, payer, said)
        }
        Request::Undo(index, other, looked) => about(index).map_or(fallback, |order| {
            let order_number = looked.then_some(order.number);
            let undo = Undo::reference(number, other.unwrap_or(order.reference));
            Asked::Undo(Undo { merchant: order.merchant, order: order_number, ..undo })
        }),
        Request::Repeat(_) if past.is_empty() => fallback,
        Request::Repeat(index) => index.get(past).clone(),
    }
}

/// What the rules say, looked up in what happened.
#[derive(Default)]
struct Model {
    orders: BTreeMap<u32, (Making, OrderState)>,
    /// What holds a reference of a merchant: an order, or nothing for ever.
    references: BTreeMap<(u32, u32), Option<u32>>,
    /// Payments: who pays, to whom, how much, when, and whether it was called off.
    payments: BTreeMap<u32, (u32, u32, i64, i64, bool)>,
    kept: BTreeMap<String, Seen>,
}

impl Model {
    fn wallet(&self, payer: u32) -> i64 {
        let own = self.payments.values().filter(|it| it.0 == payer && !it.4);
        MONEY - own.map(|it| it.2).sum::<i64>()
    }

    fn decide(&mut self, asked: &Asked, looked: &Command, seconds: i64) -> Seen {
        let key = looked.key().map(|key| format!("{key:?}"));
        if let Some(Seen::New(what)) = key.as_ref().and_then(|key| self.kept.get(key)) {
            return Seen::Again(*what);
        }
        let seen = match asked {
            Asked::Make(making) => self.make(making),
            Asked::Close(close) => self.close(close, seconds),
            Asked::Scan(scan) => self.pay(scan, seconds),
            Asked::Undo(undo) => self.undo(undo, looked, seconds),
        };
        if let (Some(key), Seen::New(_)) = (key, seen) {
            self.kept.insert(key, seen);
        }
        seen
    }

    fn make(&mut self, making: &Making) -> Seen {
        let reference = (making.merchant, making.reference);
        match self.references.get(&reference) {
            Some(None) => return Seen::Refused(Refusal::ReferenceCanceled),
            Some(Some(_)) => return Seen::Refused(Refusal::ReferenceConflict),
            None => {}
        }
        self.references.insert(reference, Some(making.number));
        self.orders.insert(making.number, (making.clone(), OrderState::Open));
        Seen::New(What::Order(making.number, "open"))
    }

    /// Ends an open order.
    fn end(&mut self, number: u32, seconds: i64) -> &'static str {
        let (making, state) = self.orders.get_mut(&number).unwrap();
        let late = making.until <= seconds;
        *state = if late { OrderState::Expired } else { OrderState::Canceled };
        state.as_str()
    }

    fn close(&mut self, close: &Close, seconds: i64) -> Seen {
        let order = self.orders.get(&close.order).filter(|it| it.0.merchant == close.merchant);
        let Some((making, state)) = order else { return Seen::Refused(Refusal::UnknownOrder) };
        match state {
            OrderState::Open if !close.by_time || making.until <= seconds => {
                Seen::New(What::Order(close.order, self.end(close.order, seconds)))
            }
            _ if close.by_time => Seen::Refused(Refusal::OrderEnded),
            OrderState::Paid(_) => Seen::Refused(Refusal::OrderPaid),
            other => Seen::New(What::Order(close.order, other.as_str())),
        }
    }

    fn pay(&mut self, scan: &Scan, seconds: i64) -> Seen {
        let kept = |code| Seen::New(What::Kept(code, 0));
        let fixed = match scan.code {
            Code::Order(number) => {
                let order = self.orders.get(&number).filter(|it| it.0.merchant == scan.merchant);
                let Some((making, state)) = order else {
                    return Seen::Refused(Refusal::UnknownMerchantCode);
                };
                match state {
                    OrderState::Open if making.until > seconds => {}
                    OrderState::Open | OrderState::Expired => return kept("order_expired"),
                    OrderState::Paid(_) => return kept("order_paid"),
                    OrderState::Canceled => return kept("order_canceled"),
                }
                Some(making.amount.minor())
            }
            Code::Plate(number) if number > 3 || scan.merchant != 1 => {
                return Seen::Refused(Refusal::UnknownMerchantCode);
            }
            Code::Plate(3) => return kept("plate_closed"),
            Code::Plate(number) => (number == 1).then_some(FIXED),
        };
        let said = scan.amount.map(wallet_core::Money::minor);
        let amount = match (fixed, said) {
            (None, None) => return Seen::Refused(Refusal::AmountMissing),
            (Some(fixed), Some(said)) if fixed != said => {
                return Seen::Refused(Refusal::WrongAmount);
            }
            (Some(amount), _) | (None, Some(amount)) => amount,
        };
        // All that is called off is called off on the same day, and so does not count.
        let spent = MONEY - self.wallet(scan.payer);
        if amount > 200 || spent + amount > DAY_LIMIT {
            return kept("declined_by_limit");
        }
        if amount > self.wallet(scan.payer) {
            return kept("insufficient_funds");
        }
        self.payments.insert(scan.number, (scan.payer, scan.merchant, amount, seconds, false));
        if let Code::Order(number) = scan.code {
            let payment = PaymentId::from_bytes(super::super::fixture::id_bytes(scan.number));
            self.orders.get_mut(&number).unwrap().1 = OrderState::Paid(payment);
        }
        Seen::New(What::Paid(scan.number))
    }

    fn undo(&mut self, undo: &Undo, looked: &Command, seconds: i64) -> Seen {
        let Command::CancelReference(cancel) = looked else { panic!("{looked:?}") };
        let reference = (undo.merchant, undo.reference);
        let Some(holder) = self.references.get(&reference).copied() else {
            self.references.insert(reference, None);
            return Seen::New(What::Buried);
        };
        let Some(order) = holder else { return Seen::New(What::Buried) };
        if cancel.order.map(|id| number_of(id.as_bytes())) != Some(order) {
            return Seen::Refused(Refusal::ReferenceMoved);
        }
        match self.orders[&order].1 {
            OrderState::Open => {
                self.end(order, seconds);
                Seen::New(What::Buried)
            }
            OrderState::Canceled | OrderState::Expired => Seen::New(What::Buried),
            OrderState::Paid(id) if cancel.holder.is_none_or(|holder| holder.0 != id) => {
                Seen::Refused(Refusal::ReferenceMoved)
            }
            OrderState::Paid(id) => {
                let number = number_of(id.as_bytes());
                let (.., paid_at, canceled) = self.payments.get_mut(&number).unwrap();
                if !*canceled && seconds > *paid_at + CANCEL {
                    return Seen::Refused(Refusal::CancelTooLate);
                }
                *canceled = true;
                Seen::New(What::Canceled(number))
            }
        }
    }
}

fn beginning() -> Database {
    let mut database = Database::open();
    database.run(0, [deposit(1001, 1, yuan(MONEY)), deposit(1002, 2, yuan(MONEY))]);
    plate(&mut database, 1, Some(yuan(FIXED)));
    plate(&mut database, 2, None);
    plate(&mut database, 3, None);
    let closed = crate::domain::ids::PlateId::from_bytes(super::super::fixture::id_bytes(3));
    database.plates.get_mut(&closed).unwrap().active = false;
    database
}

/// A request as a command; whoever undoes a reference finds what held it before the batch.
fn told(database: &Database, asked: &Asked) -> Command {
    match asked {
        Asked::Make(making) => making.clone().into(),
        Asked::Close(close) => close.clone().into(),
        Asked::Scan(scan) => scan.clone().into(),
        Asked::Undo(undo) => {
            let mut command = Command::from(undo.clone());
            let Command::CancelReference(cancel) = &mut command else { panic!("{command:?}") };
            let books = database.books();
            let found = books.references.get(&cancel.reference);
            let order = match found {
                Some(NewHolder::Order(id)) if undo.order.is_some() => Some(*id),
                _ => None,
            };
            let paid = |id: OrderId| books.orders[&id].state.payment();
            cancel.order = order;
            cancel.holder = order.and_then(paid).map(|id| (id, books.payments[&id].payer));
            command
        }
    }
}

fn run(history: &[Batch]) -> Vec<Seen> {
    let (mut database, mut model) = (beginning(), Model::default());
    let mut all = Vec::new();
    for batch in history {
        let commands: Vec<Command> =
            batch.asked.iter().map(|asked| told(&database, asked)).collect();
        let seen = database.run(batch.seconds, commands.clone());
        let asked = batch.asked.iter().zip(&commands);
        let expected: Vec<Seen> =
            asked.map(|(asked, command)| model.decide(asked, command, batch.seconds)).collect();
        assert_eq!(seen, expected, "at {}", batch.seconds);
        for payer in [1, 2] {
            assert_eq!(database.wallet(payer), model.wallet(payer));
        }
        for (number, (_, state)) in &model.orders {
            let id = OrderId::from_bytes(super::super::fixture::id_bytes(*number));
            assert_eq!(database.books().orders[&id].state, *state);
        }
        all.extend(seen);
    }
    all
}

proptest! {
    #[test]
    fn orders_and_plates_agree_with_the_model_however_they_fall_into_batches(
        history in history(),
    ) {
        run(&history);
    }
}

#[test]
fn random_histories_of_orders_reach_every_outcome() {
    let mut runner = TestRunner::deterministic();
    let mut reached = BTreeSet::new();
    for _ in 0..HISTORIES {
        let history = history().new_tree(&mut runner).unwrap().current();
        reached.extend(run(&history).into_iter().map(|seen| match seen {
            Seen::New(What::Paid(_)) => Seen::New(What::Paid(0)),
            Seen::Again(What::Paid(_)) => Seen::Again(What::Paid(0)),
            Seen::New(What::Canceled(_)) => Seen::New(What::Canceled(0)),
            Seen::Again(What::Canceled(_)) => Seen::Again(What::Canceled(0)),
            Seen::New(What::Order(_, state)) => Seen::New(What::Order(0, state)),
            Seen::Again(What::Order(_, state)) => Seen::Again(What::Order(0, state)),
            other => other,
        }));
    }
    let mut expected = BTreeSet::new();
    let kept = [
        "order_paid",
        "order_canceled",
        "order_expired",
        "plate_closed",
        "declined_by_limit",
        "insufficient_funds",
    ];
    let told = kept.map(|code| What::Kept(code, 0)).into_iter();
    let told = told.chain(["open", "canceled", "expired"].map(|state| What::Order(0, state)));
    for what in told.chain([What::Paid(0), What::Canceled(0), What::Buried]) {
        expected.extend([Seen::New(what), Seen::Again(what)]);
    }
    let refusals = [
        Refusal::ReferenceConflict,
        Refusal::ReferenceCanceled,
        Refusal::ReferenceMoved,
        Refusal::CancelTooLate,
        Refusal::UnknownOrder,
        Refusal::OrderPaid,
        Refusal::OrderEnded,
        Refusal::UnknownMerchantCode,
        Refusal::WrongAmount,
        Refusal::AmountMissing,
    ];
    expected.extend(refusals.map(Seen::Refused));
    let missing: Vec<_> = expected.difference(&reached).collect();
    let unknown: Vec<_> = reached.difference(&expected).collect();
    assert!(missing.is_empty() && unknown.is_empty(), "{missing:?} are missing, {unknown:?} new");
}
