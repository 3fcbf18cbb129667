//! Random networks, servers, payers, cashiers and crashes, against the model.

use std::collections::VecDeque;

use proptest::prelude::*;
use proptest::test_runner::RngSeed;

use super::model::{Payer, Rules, Server, Undo, busy, problem, text};
use super::{NOW, keys, order};
use crate::Timestamp;
use crate::till::{Action, Outcome, Patience, Request, Sale};

/// More than any sale takes once the network is calm.
const CALM_STEPS_MAX: usize = 60;
/// A customer shows at most so many codes.
const CODES_MAX: u32 = 3;

/// What happens at one step.
#[derive(Clone, Copy, Debug)]
enum Fate {
    Arrives,
    Unsent,
    LostBefore,
    LostAfter,
    /// It arrives much later.
    Delayed,
    /// What was delayed arrives.
    DelayedArrives,
    Busy(u64),
    BrokenBefore,
    BrokenAfter,
    Unauthorized,
    ProxyPage(u16),
    CrashBefore,
    CrashAfter,
    CalledOff,
    CanceledElsewhere,
    RefundedInPart,
    TimePasses(i64),
}

fn fate() -> impl Strategy<Value = Fate> {
    prop_oneof![
        4 => Just(Fate::Arrives),
        2 => Just(Fate::Unsent),
        3 => Just(Fate::LostBefore),
        4 => Just(Fate::LostAfter),
        3 => Just(Fate::Delayed),
        3 => Just(Fate::DelayedArrives),
        1 => (0..90_u64).prop_map(Fate::Busy),
        1 => Just(Fate::BrokenBefore),
        1 => Just(Fate::BrokenAfter),
        1 => Just(Fate::Unauthorized),
        1 => prop_oneof![Just(200), Just(404), Just(502)].prop_map(Fate::ProxyPage),
        3 => Just(Fate::CrashBefore),
        3 => Just(Fate::CrashAfter),
        1 => Just(Fate::CalledOff),
        1 => Just(Fate::CanceledElsewhere),
        1 => Just(Fate::RefundedInPart),
        1 => (-100_000..100_000_i64).prop_map(Fate::TimePasses),
    ]
}

fn rules() -> impl Strategy<Value = Rules> {
    let payer = prop_oneof![
        3 => Just(Payer::IsNotAsked),
        1 => (0..60_000_i64).prop_map(Payer::ConfirmsAfter),
        1 => (0..60_000_i64).prop_map(Payer::RefusesAfter),
        1 => Just(Payer::IsSilent),
    ];
    let undo = prop_oneof![
        4 => Just(Undo::Done),
        1 => Just(Undo::TooLate),
        1 => Just(Undo::BalanceInsufficient),
    ];
    (payer, any::<bool>(), prop::bool::weighted(0.1), undo)
        .prop_map(|(payer, manual, declines, undo)| Rules { payer, declines, undo, manual })
}

struct World {
    server: Server,
    fates: VecDeque<Fate>,
    now: Timestamp,
    delayed: VecDeque<Request>,
    disk: Option<String>,
    codes: u32,
    patience: Patience,
}

impl World {
    fn begin(&mut self) -> Sale {
        self.codes += 1;
        let code = format!("code-{}", self.codes);
        self.server.show(&code, self.now);
        Sale::begin(order(), &code, keys(self.codes), self.patience, self.now)
    }

    /// The till starts again, from what its disk holds.
    fn restart(&mut self) -> Sale {
        match &self.disk {
            Some(record) => Sale::resume(record, self.now).unwrap(),
            None => self.begin(),
        }
    }

    fn fate(&mut self) -> Fate {
        self.fates.pop_front().unwrap_or(Fate::Arrives)
    }

    /// Time passes at the server only as it does at the till, and never back.
    fn pass(&mut self, millis: i64) {
        self.now = self.now.plus_millis(millis);
        self.server.pass_time(self.now);
    }

    fn arrive(&mut self, request: &Request) -> crate::till::Answer {
        self.pass(self.server.holds(request, self.now));
        self.server.handle(request, self.now)
    }

    fn send(&mut self, mut sale: Sale, request: &Request) -> Sale {
        self.pass(20);
        let timeout = i64::try_from(request.timeout.as_millis()).unwrap();
        let answer = match self.fate() {
            Fate::Arrives => self.arrive(request),
            Fate::Unsent => {
                sale.unsent(request, self.now);
                return sale;
            }
            Fate::LostBefore => return self.lost(sale, request, timeout),
            Fate::LostAfter => {
                self.arrive(request);
                return self.lost(sale, request, timeout);
            }
            Fate::Delayed => {
                self.delayed.push_back(request.clone());
                return self.lost(sale, request, timeout);
            }
            Fate::DelayedArrives => {
                self.deliver();
                return self.lost(sale, request, timeout);
            }
            Fate::Busy(seconds) => busy(seconds),
            Fate::BrokenBefore => problem(500, "internal", "unknown", None),
            Fate::BrokenAfter => {
                self.arrive(request);
                problem(504, "timeout", "unknown", None)
            }
            Fate::Unauthorized => problem(401, "unauthorized", "retry", None),
            Fate::ProxyPage(status) => text(status, "<html>".to_owned()),
            Fate::CrashBefore => return self.restart(),
            Fate::CrashAfter => {
                self.arrive(request);
                return self.restart();
            }
            Fate::CalledOff => {
                // The cashier is not kept waiting for the answer.
                self.arrive(request);
                sale.call_off(self.now);
                return sale;
            }
            Fate::CanceledElsewhere => {
                let answer = self.arrive(request);
                self.server.cancel_elsewhere(self.now);
                // Only of an answer that has not come can the till be wrong.
                drop(answer);
                return self.lost(sale, request, timeout);
            }
            Fate::RefundedInPart => {
                self.arrive(request);
                self.server.refund_part();
                return self.lost(sale, request, timeout);
            }
            Fate::TimePasses(millis) => {
                self.pass(millis.max(0));
                if millis < 0 {
                    // A clock that is turned back while the till is off.
                    let now = self.now;
                    self.now = now.plus_millis(millis);
                    let sale = self.restart();
                    self.now = now;
                    return sale;
                }
                self.arrive(request)
            }
        };
        sale.answered(request, &answer, self.now);
        sale
    }

    fn lost(&mut self, mut sale: Sale, request: &Request, timeout: i64) -> Sale {
        self.pass(timeout);
        sale.lost(request, self.now);
        sale
    }

    fn deliver(&mut self) {
        for request in std::mem::take(&mut self.delayed) {
            self.server.handle(&request, self.now);
        }
    }

    fn store(&mut self, mut sale: Sale, record: String) -> Sale {
        match self.fate() {
            Fate::CrashBefore => self.restart(),
            Fate::CrashAfter => {
                self.disk = Some(record);
                self.restart()
            }
            _ => {
                self.disk = Some(record);
                sale.stored();
                sale
            }
        }
    }

    /// Runs a sale until it ends, and says how.
    fn run(&mut self, mut sale: Sale) -> Outcome {
        let mut calm = 0;
        loop {
            calm += usize::from(self.fates.is_empty());
            assert!(calm < CALM_STEPS_MAX, "it never ends: {sale:?}, {:?}", sale.problem());
            sale = match sale.next(self.now) {
                Action::Store(record) => self.store(sale, record),
                Action::Send(request) => self.send(sale, &request),
                Action::Wait(pause) => {
                    self.pass(i64::try_from(pause.as_millis()).unwrap());
                    sale
                }
                Action::End(outcome) => {
                    let again = self.restart().next(self.now);
                    assert_eq!(again, Action::End(outcome.clone()), "a crash changes the outcome");
                    return outcome;
                }
            };
        }
    }
}

/// What the till says is so at the server, for ever.
fn assert_true(outcome: &Outcome, world: &mut World) {
    world.deliver();
    world.pass(1_000_000);
    let (paid, state) = (world.server.is_paid(), world.server.state());
    assert_eq!(outcome.is_paid(), paid, "{outcome:?}, but the payment is {state:?}");
    let expected: &[Option<&str>] = match outcome {
        Outcome::Paid(_) => &[Some("succeeded"), Some("partially_refunded")],
        Outcome::Authorized(_) => &[Some("authorized")],
        Outcome::Declined { .. } => &[Some("declined")],
        Outcome::Reversed(Some(_)) => &[Some("canceled"), Some("expired")],
        // Called off here before there was one, or elsewhere, and then repeated.
        Outcome::Reversed(None) => &[None, Some("canceled")],
        Outcome::CodeUnusable(_) | Outcome::Refused(_) => &[None],
        Outcome::ReferenceTaken(_) => &[],
    };
    assert!(expected.contains(&state), "{outcome:?}, but the payment is {state:?}");
    assert!(world.server.payments <= 1);
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 20_000,
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(45),
        ..ProptestConfig::default()
    })]

    #[test]
    fn whatever_breaks_a_sale_ends_makes_one_payment_at_most_and_its_outcome_is_true(
        rules in rules(),
        patience_seconds in prop_oneof![Just(45_u64), Just(0), 0..100_u64],
        fates in prop::collection::vec(fate(), 0..30),
    ) {
        let patience = Patience::of(core::time::Duration::from_secs(patience_seconds));
        let mut world = World {
            server: Server::new(rules),
            fates: fates.into(),
            now: NOW,
            delayed: VecDeque::new(),
            disk: None,
            codes: 0,
            patience,
        };
        loop {
            let sale = world.begin();
            let outcome = world.run(sale);
            if outcome.leaves_the_reference_free() && world.codes < CODES_MAX {
                // The customer shows the next code for the same sale.
                continue;
            }
            assert_true(&outcome, &mut world);
            break;
        }
    }
}
