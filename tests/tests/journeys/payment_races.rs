//! Ten thousand payments about which several decide at once: capture, cancel, refund, confirm,
//! refuse, the end of the time, all in any order and at once, as commands through running
//! settlement; on PostgreSQL through two processes' worth of it.
//!
//! Each must end in the one state that follows from what was answered, and the books must balance.

use std::sync::Arc;

use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};
use wallet_core::code::Mark;
use wallet_core::receipt::PaymentState;
use wallet_core::{Currency, DeviceKeyId, Mode, Money, PositiveMoney};
use wallet_server::clock::{Clock, ManualClock};
use wallet_server::domain::command::{
    AuthenticCode, Caller, CancelReference, Capture, Charge, CodeSource, Command, KeyRef,
    ReferenceRef, Refund, Request, Resolve, Resolver, Verdict,
};
use wallet_server::domain::ids::{ApiKeyId, MerchantId, PayerId, PaymentId};
use wallet_server::domain::outcome::{Answer, Outcome};
use wallet_server::entropy::Entropy;
use wallet_server::metrics::Metrics;
use wallet_server::store::Store;
use wallet_server::worker::{Alarm, Batcher, Engine, EngineParts, Notifier};
use wallet_tests::{Database, World, at_once};

use crate::DATABASE;

const RACES: usize = 10_000;
/// How many payments are raced about at the same time.
const WAVE: usize = 250;
const PAYERS: usize = 50;
const AMOUNT: i64 = 1_000;

/// Who is there.
pub(crate) struct People {
    pub(crate) devices: Vec<(DeviceKeyId, PayerId)>,
    pub(crate) merchants: Vec<MerchantId>,
}

/// Makes commands with ids and keys of their own.
struct Maker {
    people: People,
    entropy: Entropy,
    clock: Arc<ManualClock>,
    rng: ChaCha20Rng,
    keys: u64,
}

/// A payment to be raced about.
#[derive(Clone)]
struct Raced {
    charge: Charge,
    device: DeviceKeyId,
    payer: PayerId,
}

impl Maker {
    fn below(&mut self, end: u32) -> u32 {
        self.rng.next_u32() % end
    }

    fn request(&mut self, caller: Caller) -> Request {
        self.keys += 1;
        let key = KeyRef { caller, mode: Mode::Live, key: format!("key-{}", self.keys) };
        let mut hash = [0; 32];
        hash[..8].copy_from_slice(&self.keys.to_be_bytes());
        Request { key, hash: hash.into() }
    }

    fn charge(&mut self, n: usize) -> Raced {
        let (device, payer) = self.people.devices[n % PAYERS];
        let merchant = self.people.merchants[n % self.people.merchants.len()];
        let now = self.clock.now();
        let Request { key, hash } = self.request(Caller::Merchant(merchant));
        let seq = u8::try_from(n % WAVE / PAYERS).unwrap();
        let code = AuthenticCode {
            device,
            payer,
            mark: Mark { step: now.step(), seq },
            limit: yuan(AMOUNT),
            evidence: vec![7; 64],
        };
        let charge = Charge {
            id: self.entropy.id(now),
            transfer: self.entropy.id(now),
            key,
            request_hash: hash,
            api_key: ApiKeyId::from_bytes([1; 16]),
            reference: ReferenceRef { merchant, mode: Mode::Live, reference: format!("order-{n}") },
            fingerprint: hash,
            amount: PositiveMoney::new(yuan(AMOUNT)).unwrap(),
            capture: if self.below(3) == 0 { Capture::Automatic } else { Capture::Manual },
            // Codes that were keyed in must be confirmed.
            code_source: if self.below(2) == 0 { CodeSource::Typed } else { CodeSource::Scan },
            terminal: None,
            description: None,
            metadata: None,
            verdict: Verdict::Authentic(code),
        };
        Raced { charge, device, payer }
    }

    /// Something that somebody may want of a payment.
    fn contender(&mut self, raced: &Raced) -> Command {
        let (payment, payer) = (raced.charge.id, raced.payer);
        let (merchant, api_key) = (raced.charge.reference.merchant, raced.charge.api_key);
        let transfer = self.entropy.id(self.clock.now());
        let part = yuan(i64::from(self.below(9) + 1) * 100);
        let amount = (self.below(2) == 0).then(|| PositiveMoney::new(part).unwrap());
        let by = match self.below(10) {
            0 | 1 => {
                let confirmed = self.below(4) > 0;
                let request = self.request(Caller::Payer(payer));
                Resolver::Payer { device: raced.device, confirmed, request }
            }
            2 | 3 => {
                let request = self.request(Caller::Merchant(merchant));
                Resolver::Capture { api_key, amount, request }
            }
            4 => Resolver::Merchant { api_key, request: self.request(Caller::Merchant(merchant)) },
            5 => Resolver::Time,
            6 => {
                return Command::CancelReference(CancelReference {
                    order: None,
                    reference: raced.charge.reference.clone(),
                    holder: Some((payment, payer)),
                    transfer,
                    api_key,
                    request: self.request(Caller::Merchant(merchant)),
                });
            }
            _ => {
                return Command::Refund(Refund {
                    id: self.entropy.id(self.clock.now()),
                    payment,
                    payer,
                    merchant,
                    amount,
                    reason: None,
                    metadata: None,
                    transfer,
                    api_key,
                    request: self.request(Caller::Merchant(merchant)),
                });
            }
        };
        Command::Resolve(Resolve { payment, payer, merchant, transfer, by })
    }
}

fn yuan(minor: i64) -> Money {
    Money::from_minor(minor, Currency::from_code("CNY").unwrap())
}

/// What was answered about one payment.
#[derive(Default, Debug)]
struct Told {
    states: Vec<PaymentState>,
    captured: i64,
    refunded: i64,
}

impl Told {
    fn hear(&mut self, outcome: &Outcome) {
        let Outcome::Answered { answer, replayed: false } = outcome else { return };
        match answer {
            Answer::Payment(payment) => {
                self.states.push(payment.record.state);
                if payment.record.state == PaymentState::Succeeded {
                    self.captured = payment.record.settled.minor();
                }
            }
            Answer::Refund(refund) => self.refunded += refund.record.settled.minor(),
            _ => {}
        }
    }

    /// The state that follows from it.
    fn state(&self) -> PaymentState {
        let has = |state| self.states.contains(&state);
        let ends = [PaymentState::Declined, PaymentState::Canceled, PaymentState::Expired];
        let ended: Vec<PaymentState> = ends.into_iter().filter(|state| has(*state)).collect();
        assert!(ended.len() <= 1, "it ended once: {self:?}");
        if let [end] = ended[..] {
            assert_eq!(self.refunded, 0, "nothing is refunded of what came to nothing: {self:?}");
            return end;
        }
        let captures = self.states.iter().filter(|state| **state == PaymentState::Succeeded);
        assert!(captures.count() <= 1, "it is captured once: {self:?}");
        assert!(self.refunded <= self.captured, "{self:?}");
        match (has(PaymentState::Succeeded), self.refunded) {
            (true, 0) => PaymentState::Succeeded,
            (true, refunded) if refunded == self.captured => PaymentState::Refunded,
            (true, _) => PaymentState::PartiallyRefunded,
            (false, _) if has(PaymentState::Authorized) => PaymentState::Authorized,
            (false, _) => PaymentState::RequiresConfirmation,
        }
    }
}

/// Enrols everybody over HTTP, and stops the server.
pub(crate) async fn people(world: &mut World) -> People {
    let mut people = People { devices: Vec::new(), merchants: Vec::new() };
    for n in 0..PAYERS {
        let phone = world.payer(&format!("payer {n}"), "1000000.00").await;
        let id = base16ct::lower::decode_vec(phone.payer.strip_prefix("payer_").unwrap()).unwrap();
        let payer = PayerId::from_bytes(id.try_into().unwrap());
        people.devices.push((phone.device.key_id(), payer));
    }
    for n in 0..4 {
        let body = serde_json::json!({ "name": format!("Shop {n}"),
            "fee": { "basis_points": 37 * n, "fixed": "0.01" } });
        people
            .merchants
            .push(MerchantId::parse(&world.merchant_with(body).await.merchant).unwrap());
    }
    world.placed().await;
    world.stop().await;
    people
}

/// Running settlement on a world's books.
pub(crate) async fn engine(
    world: &World,
    clock: &Arc<ManualClock>,
    seed: u64,
) -> (Batcher, Engine, Arc<Store>) {
    let store = Arc::new(Store::open(&world.database_url()).await.unwrap());
    let changes = [
        ("limits.day", "9000000.00"),
        ("limits.month", "9000000.00"),
        ("limits.new_payers.day", "9000000.00"),
        ("limits.new_payers.month", "9000000.00"),
        ("limits.new_payers.without_pin_count", "1000000"),
        ("limits.without_pin_count", "1000000"),
        ("limits.proof.code", "9000000.00"),
        ("limits.proof.pin", "9000000.00"),
        ("confirmation.same_amount_seconds", "0"),
    ];
    let changes = changes.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let rules = wallet_server::Settings::load(None, &changes).unwrap().rules().unwrap();
    let parts = EngineParts {
        store: Arc::clone(&store),
        rules,
        clock: Arc::clone(clock) as Arc<dyn Clock>,
        entropy: Arc::new(Entropy::new(Box::new(ChaCha20Rng::seed_from_u64(seed)))),
        notifier: Notifier::default(),
        metrics: Arc::new(Metrics::default()),
        alarm: Alarm::default(),
    };
    let (batcher, engine) = Engine::start(parts).await.unwrap();
    (batcher, engine, store)
}

async fn state(store: &Store, raced: &Raced) -> PaymentState {
    let payment: PaymentId = raced.charge.id;
    let merchant = raced.charge.reference.merchant;
    let found = store.payment(merchant, Mode::Live, payment).await.unwrap();
    found.expect("it is there").answer.record.state
}

#[tokio::test]
async fn ten_thousand_races_end_in_the_state_that_follows_from_the_answers() {
    let mut world = World::start(DATABASE, 2501).await;
    let people = people(&mut world).await;
    let clock = Arc::clone(&world.clock);
    let mut engines = vec![engine(&world, &clock, 2502).await];
    if DATABASE == Database::Postgres {
        engines.push(engine(&world, &clock, 2503).await);
    }
    let mut maker = Maker {
        people,
        entropy: Entropy::new(Box::new(ChaCha20Rng::seed_from_u64(2504))),
        clock: Arc::clone(&clock),
        rng: ChaCha20Rng::seed_from_u64(2505),
        keys: 0,
    };
    let mut ended = std::collections::BTreeMap::<&str, usize>::new();
    for wave in 0..RACES / WAVE {
        clock.advance_millis(30_000);
        let deadline = clock.now().plus_millis(1_000_000);
        let raced: Vec<Raced> = (0..WAVE).map(|n| maker.charge(wave * WAVE + n)).collect();
        let settle = async |(n, command): (usize, Command)| {
            engines[n % engines.len()].0.settle(command, deadline).await.expect("it is settled")
        };
        let charges = raced.iter().map(|it| Command::Charge(it.charge.clone())).enumerate();
        let outcomes = at_once(charges.map(settle)).await;
        let mut told: Vec<Told> = raced.iter().map(|_| Told::default()).collect();
        for (told, outcome) in told.iter_mut().zip(&outcomes) {
            told.hear(outcome);
        }
        // Half of the waves are late for whoever waits for the payer.
        let late = wave % 2 == 1;
        if late {
            clock.advance_millis(61_000);
        }
        let mut contenders = Vec::new();
        for (n, raced) in raced.iter().enumerate() {
            for _ in 0..2 + maker.below(4) {
                contenders.push((n, maker.contender(raced)));
            }
        }
        for n in (1..contenders.len()).rev() {
            let other = maker.below(u32::try_from(n + 1).unwrap()) as usize;
            contenders.swap(n, other);
        }
        let whose: Vec<usize> = contenders.iter().map(|it| it.0).collect();
        let commands = contenders.into_iter().map(|it| it.1).enumerate();
        for (n, outcome) in whose.into_iter().zip(at_once(commands.map(settle)).await) {
            told[n].hear(&outcome);
        }
        for (raced, told) in raced.iter().zip(&told) {
            let state = state(&engines[0].2, raced).await;
            assert_eq!(state, told.state(), "{told:?}");
            *ended.entry(state.as_str()).or_default() += 1;
        }
    }
    assert_eq!(ended.len(), 8, "every state is reached: {ended:?}");
    for (batcher, engine, store) in engines {
        drop(batcher);
        engine.stop().await;
        store.close().await;
    }
    let store = Store::open(&world.database_url()).await.unwrap();
    let findings = store.check_books(|_| ()).await.unwrap();
    store.close().await;
    let wrong: Vec<_> = findings.iter().filter(|finding| !finding.is_ok()).collect();
    assert!(wrong.is_empty(), "{wrong:?}");
}
