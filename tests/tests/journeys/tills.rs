//! The state machine that tills embed, against the server itself, over a network and on a machine
//! that fail at random. Its own tests know the server as a model only.

use std::collections::BTreeSet;

use crate::DATABASE;
use rand_chacha::ChaCha20Rng;
use rand_core::{Rng as _, SeedableRng as _};
use wallet_core::till::{Action, Answer, Keys, Method, Order, Outcome, Patience, Request, Sale};
use wallet_core::{Currency, Money, PositiveMoney, Timestamp};
use wallet_tests::{Till, World};

const SALES: u32 = 80;

/// What becomes of a request, and of the till meanwhile.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Fate {
    Arrives,
    LostBefore,
    LostAfter,
    /// It arrives when the sale has ended.
    ArrivesLate,
    CrashBefore,
    CrashAfter,
    CalledOff,
    /// Somebody calls the sale off by hand, seeing the payment and no sale.
    CanceledByHand,
}

const FATES: [Fate; 16] = [
    Fate::Arrives,
    Fate::Arrives,
    Fate::Arrives,
    Fate::Arrives,
    Fate::LostBefore,
    Fate::LostBefore,
    Fate::LostAfter,
    Fate::LostAfter,
    Fate::LostAfter,
    Fate::ArrivesLate,
    Fate::ArrivesLate,
    Fate::CrashBefore,
    Fate::CrashAfter,
    Fate::CrashAfter,
    Fate::CalledOff,
    Fate::CanceledByHand,
];

/// A till with a clock of its own, that runs as fast as the test does.
struct Shop<'a> {
    till: &'a Till,
    rng: ChaCha20Rng,
    now: Timestamp,
    disk: String,
    late: Vec<Request>,
    /// Whether no charge arrives at all.
    cut_off: bool,
}

impl Shop<'_> {
    async fn arrive(&self, request: &Request) -> Answer {
        let answer = match (request.method, &request.idempotency_key, &request.body) {
            (Method::Get, ..) => self.till.get(&request.path).await,
            (Method::Post, Some(key), Some(body)) => {
                self.till.post(&request.path, &[("idempotency-key", key)], body.clone()).await
            }
            (Method::Post, ..) => panic!("{request:?} without a key"),
        };
        let (status, replayed) = (answer.status.as_u16(), answer.replayed);
        Answer { status, replayed, retry_after: None, body: answer.text }
    }

    async fn send(&mut self, mut sale: Sale, request: Request) -> Sale {
        let mut fate = FATES[usize::try_from(self.rng.next_u32() % 16).unwrap()];
        if self.cut_off && request.path == "/v1/payments" {
            fate = Fate::LostBefore;
        }
        match fate {
            Fate::LostBefore | Fate::CrashBefore => {}
            Fate::ArrivesLate => self.late.push(request.clone()),
            Fate::Arrives => {
                let answer = self.arrive(&request).await;
                sale.answered(&request, &answer, self.now);
                return sale;
            }
            Fate::LostAfter | Fate::CrashAfter | Fate::CalledOff => {
                self.arrive(&request).await;
            }
            Fate::CanceledByHand => {
                self.arrive(&request).await;
                let reference = sale.order().reference.clone();
                let body = serde_json::json!({ "reference": reference }).to_string();
                let key = format!("by-hand-{}", self.rng.next_u64());
                let key = [("idempotency-key", key.as_str())];
                drop(self.till.post("/v1/payments/cancel", &key, body).await);
            }
        }
        match fate {
            Fate::CrashBefore | Fate::CrashAfter => Sale::resume(&self.disk, self.now).unwrap(),
            Fate::CalledOff => {
                sale.call_off(self.now);
                sale
            }
            _ => {
                self.pass(request.timeout);
                sale.lost(&request, self.now);
                sale
            }
        }
    }

    fn pass(&mut self, time: std::time::Duration) {
        self.now = self.now.plus_millis(i64::try_from(time.as_millis()).unwrap());
    }

    async fn sell(&mut self, mut sale: Sale) -> Outcome {
        loop {
            sale = match sale.next(self.now) {
                Action::Store(record) => {
                    self.disk = record;
                    sale.stored();
                    sale
                }
                Action::Send(request) => self.send(sale, request).await,
                Action::Wait(pause) => {
                    self.pass(pause);
                    sale
                }
                Action::End(outcome) => return outcome,
            };
        }
    }
}

fn sale(number: u32, code: &str, now: Timestamp) -> Sale {
    let amount = Money::from_minor(100, Currency::from_code("CNY").unwrap());
    let order = Order::new(&format!("order-{number}"), PositiveMoney::new(amount).unwrap());
    let keys = Keys { charge: format!("c-{number}"), reversal: format!("r-{number}") };
    Sale::begin(order, code, keys, Patience::default(), now)
}

/// What the books say of a sale: the state of its payment, if there is one.
async fn truth(till: &Till, number: u32) -> Option<String> {
    let found = till.get(&format!("/v1/payments?reference=order-{number}")).await;
    let payments = found.json["data"].as_array().unwrap();
    assert!(payments.len() <= 1, "{payments:?}");
    payments.first().map(|payment| payment["state"].as_str().unwrap().to_owned())
}

#[tokio::test]
async fn tills_whose_network_and_machine_fail_end_each_sale_as_the_books_have_it() {
    let world = World::start(DATABASE, 45).await;
    let till = world.merchant("Tea House").await;
    let mut phone = world.payer("Wei", "500.00").await;
    let rng = ChaCha20Rng::seed_from_u64(45);
    let now = Timestamp::from_unix_seconds(1_795_353_372);
    let mut shop =
        Shop { till: &till, rng, now, disk: String::new(), late: Vec::new(), cut_off: false };
    let mut outcomes = Vec::new();
    for number in 0..SALES {
        let code = phone.code(&world, "200.00");
        shop.cut_off = number % 8 == 7;
        let outcome = shop.sell(sale(number, &code, shop.now)).await;
        outcomes.push(outcome);
    }
    // What was on its way for hours changes nothing that a cashier was told.
    for request in std::mem::take(&mut shop.late) {
        shop.arrive(&request).await;
    }
    let (mut paid, mut payments, mut kinds) = (0, 0, BTreeSet::new());
    for (number, outcome) in (0..).zip(&outcomes) {
        let state = truth(&till, number).await;
        let expected: &[Option<&str>] = match outcome {
            Outcome::Paid(_) => &[Some("succeeded")],
            Outcome::Reversed(Some(_)) => &[Some("canceled")],
            Outcome::Reversed(None) => &[None, Some("canceled")],
            other => panic!("order-{number}: {other:?}"),
        };
        assert!(expected.contains(&state.as_deref()), "order-{number}: {outcome:?}, {state:?}");
        paid += u32::from(outcome.is_paid());
        payments += i64::from(state.is_some());
        kinds.insert((outcome.is_paid(), outcome.payment().is_some()));
    }
    assert_eq!(kinds.len(), 3, "not everything was tried: {kinds:?}");
    assert_eq!(till.balance().await, format!("{paid}.00"));
    assert_eq!(phone.balance(&world).await, format!("{}.00", 500 - paid));
    assert_eq!(world.standing().await.payments, payments);
}
