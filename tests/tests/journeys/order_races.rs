//! Thousands of orders about which several decide at once: payers who pay, their merchant who closes
//! or cancels by the reference, the end of their time; as commands through running settlement, on
//! PostgreSQL through two processes' worth of it.
//!
//! Each is paid once or not at all, as the answers say, nobody's money is gone, and the books balance.

use std::sync::Arc;

use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};
use wallet_core::{Currency, DeviceKeyId, Mode, Money, PositiveMoney};
use wallet_server::clock::Clock;
use wallet_server::domain::command::{
    Caller, CancelReference, Command, EndOrder, KeyRef, MakeOrder, MerchantCodeId, OrderEnd,
    PayMerchantCode, PayerRequest, ReferenceRef, Request,
};
use wallet_server::domain::ids::{ApiKeyId, MerchantId, OrderId, PayerId, PaymentId};
use wallet_server::domain::outcome::{Answer, NotMoved, OrderState, Outcome, Refusal};
use wallet_server::entropy::Entropy;
use wallet_server::store::{PaymentFilter, Store};
use wallet_tests::{Database, World, at_once};

use crate::DATABASE;
use crate::journeys::payment_races::{engine, people};

const ORDERS: usize = 1_500;
const WAVE: usize = 50;
const AMOUNT: i64 = 1_000;

struct Maker {
    devices: Vec<(DeviceKeyId, PayerId)>,
    entropy: Entropy,
    rng: ChaCha20Rng,
    keys: u64,
}

/// An order to be raced about.
#[derive(Clone, Copy)]
struct Raced {
    id: OrderId,
    merchant: MerchantId,
    number: usize,
}

impl Raced {
    fn reference(&self) -> ReferenceRef {
        let reference = format!("order {}", self.number);
        ReferenceRef { merchant: self.merchant, mode: Mode::Live, reference }
    }
}

impl Maker {
    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.rng.next_u32()).unwrap() % end
    }

    fn request(&mut self, caller: Caller) -> Request {
        self.keys += 1;
        let key = KeyRef { caller, mode: Mode::Live, key: format!("order-key-{}", self.keys) };
        let mut hash = [0; 32];
        hash[..8].copy_from_slice(&self.keys.to_be_bytes());
        Request { key, hash: hash.into() }
    }

    fn make(&mut self, clock: &dyn Clock, raced: Raced) -> Command {
        let yuan = Currency::from_code("CNY").unwrap();
        Command::MakeOrder(MakeOrder {
            id: raced.id,
            reference: raced.reference(),
            amount: PositiveMoney::new(Money::from_minor(AMOUNT, yuan)).unwrap(),
            description: None,
            metadata: None,
            payload: format!("code {}", raced.number),
            expires_at: clock.now().plus_millis(60_000),
            api_key: ApiKeyId::from_bytes([0; 16]),
            request: self.request(Caller::Merchant(raced.merchant)),
        })
    }

    /// Somebody who decides about it: mostly payers.
    fn contender(&mut self, clock: &dyn Clock, raced: Raced) -> Command {
        let merchant = raced.merchant;
        let api_key = ApiKeyId::from_bytes([0; 16]);
        match self.below(8) {
            0 => {
                let request = self.request(Caller::Merchant(merchant));
                let by = OrderEnd::Merchant { api_key, request };
                Command::EndOrder(EndOrder { order: raced.id, merchant, by })
            }
            1 => {
                let by = OrderEnd::Time;
                Command::EndOrder(EndOrder { order: raced.id, merchant, by })
            }
            2 => Command::CancelReference(CancelReference {
                reference: raced.reference(),
                holder: None,
                order: Some(raced.id),
                transfer: self.entropy.id(clock.now()),
                api_key,
                request: self.request(Caller::Merchant(merchant)),
            }),
            _ => {
                let number = self.below(self.devices.len());
                let (device, payer) = self.devices[number];
                let request = self.request(Caller::Payer(payer));
                let by = PayerRequest { payer, device, request, shown: Vec::new() };
                Command::PayMerchantCode(PayMerchantCode {
                    by,
                    id: self.entropy.id(clock.now()),
                    transfer: self.entropy.id(clock.now()),
                    code: MerchantCodeId::Order(raced.id),
                    merchant,
                    amount: None,
                    with_pin: true,
                    evidence: vec![7; 40],
                })
            }
        }
    }
}

/// The payment that was answered, after checking that nothing contradicts it.
fn told(outcomes: &[Outcome], late: bool) -> (Option<PaymentId>, bool) {
    let (mut paid, mut ended) = (None, false);
    for outcome in outcomes {
        match outcome {
            Outcome::Answered { answer: Answer::Payment(payment), .. } => {
                assert_eq!(paid.replace(payment.id), None, "it is paid once: {outcomes:?}");
            }
            Outcome::Answered { answer: Answer::Order(order), .. } => {
                assert!(matches!(order.state, OrderState::Canceled | OrderState::Expired));
                ended = true;
            }
            Outcome::Answered { answer: Answer::ReferenceCanceled, .. } => ended = true,
            Outcome::Answered {
                answer:
                    Answer::NotMoved(
                        NotMoved::OrderPaid | NotMoved::OrderCanceled | NotMoved::OrderExpired,
                    ),
                ..
            }
            | Outcome::Refused(
                Refusal::OrderPaid | Refusal::OrderEnded | Refusal::ReferenceMoved,
            ) => {}
            other => panic!("{other:?}"),
        }
    }
    assert!(paid.is_none() || !ended, "paid and ended: {outcomes:?}");
    assert!(paid.is_none() || !late, "paid too late: {outcomes:?}");
    (paid, ended)
}

#[tokio::test]
async fn orders_that_many_decide_about_at_once_are_paid_once_or_not_at_all() {
    let mut world = World::start(DATABASE, 3201).await;
    let people = people(&mut world).await;
    let clock = Arc::clone(&world.clock);
    let mut engines = vec![engine(&world, &clock, 3202).await];
    if DATABASE == Database::Postgres {
        engines.push(engine(&world, &clock, 3203).await);
    }
    let mut maker = Maker {
        devices: people.devices,
        entropy: Entropy::new(Box::new(ChaCha20Rng::seed_from_u64(3204))),
        rng: ChaCha20Rng::seed_from_u64(3205),
        keys: 0,
    };
    let mut ends = std::collections::BTreeMap::<&str, usize>::new();
    let mut payments = 0;
    for wave in 0..ORDERS / WAVE {
        clock.advance_millis(100_000);
        let deadline = clock.now().plus_millis(1_000_000);
        let settle = async |(n, command): (usize, Command)| {
            engines[n % engines.len()].0.settle(command, deadline).await.expect("it is settled")
        };
        let raced: Vec<Raced> = (0..WAVE)
            .map(|n| Raced {
                id: maker.entropy.id(clock.now()),
                merchant: people.merchants[n % people.merchants.len()],
                number: wave * WAVE + n,
            })
            .collect();
        let made: Vec<Command> =
            raced.iter().map(|raced| maker.make(clock.as_ref(), *raced)).collect();
        for outcome in at_once(made.into_iter().enumerate().map(settle)).await {
            assert!(matches!(outcome, Outcome::Answered { replayed: false, .. }), "{outcome:?}");
        }
        let late = wave % 5 == 4;
        if late {
            clock.advance_millis(60_000);
        }
        let mut contenders = Vec::new();
        for (n, raced) in raced.iter().enumerate() {
            for _ in 0..2 + maker.below(5) {
                contenders.push((n, maker.contender(clock.as_ref(), *raced)));
            }
        }
        for n in (1..contenders.len()).rev() {
            let other = maker.below(n + 1);
            contenders.swap(n, other);
        }
        let whose: Vec<usize> = contenders.iter().map(|it| it.0).collect();
        let commands = contenders.into_iter().map(|it| it.1).enumerate();
        let mut outcomes: Vec<Vec<Outcome>> = vec![Vec::new(); raced.len()];
        for (n, outcome) in whose.into_iter().zip(at_once(commands.map(settle)).await) {
            outcomes[n].push(outcome);
        }
        for (raced, outcomes) in raced.iter().zip(&outcomes) {
            let (paid, ended) = told(outcomes, late);
            let order = engines[0].2.order(raced.id).await.unwrap().unwrap();
            assert_eq!(order.state.payment(), paid, "{outcomes:?}");
            let closed = matches!(order.state, OrderState::Canceled | OrderState::Expired);
            assert_eq!(closed, ended, "{:?} {outcomes:?}", order.state);
            payments += usize::from(paid.is_some());
            *ends.entry(order.state.as_str()).or_default() += 1;
        }
    }
    assert_eq!(ends.len(), 4, "every state is reached: {ends:?}");
    for (batcher, engine, store) in engines {
        drop(batcher);
        engine.stop().await;
        store.close().await;
    }
    let store = Store::open(&world.database_url()).await.unwrap();
    let findings = store.check_books(|_| ()).await.unwrap();
    let wrong: Vec<_> = findings.iter().filter(|finding| !finding.is_ok()).collect();
    assert!(wrong.is_empty(), "{wrong:?}");
    let mut owed = 0;
    for merchant in people.merchants {
        owed += store
            .payments((merchant, Mode::Live), PaymentFilter::default(), None, 2_000)
            .await
            .unwrap()
            .len();
    }
    assert_eq!(owed, payments, "no payment but those that were answered");
    store.close().await;
}
