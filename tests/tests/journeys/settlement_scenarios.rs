//! The `settlement` scenarios of `tests/vectors/payment-code.json`, played against the server.

use crate::DATABASE;
use serde::Deserialize;
use serde_json::{Value, json};
use sqlx::Connection;
use wallet_tests::{Answer, Charge, Database, Phone, Standing, Till, World};

#[derive(Deserialize)]
struct Vectors {
    settlement: Vec<Scenario>,
}

#[derive(Deserialize)]
struct Scenario {
    name: String,
    expected: Expected,
}

#[derive(Deserialize)]
struct Expected {
    code: String,
    payment: String,
    mark_moves: bool,
}

struct Stage {
    world: World,
    a: Till,
    b: Till,
    phone: Phone,
}

/// The step that the scenario is about, everything before it having been done.
enum Last {
    Charge(Till, Charge),
    /// The same, but time passes between verification and settlement.
    Delayed(Till, Charge, i64),
}

/// A charge of 12.50 with this code under a reference of its own.
fn charge(reference: &str, code: &str) -> Charge {
    Charge::new(reference, code, "12.50")
}

impl Stage {
    async fn new(seed: u64) -> Self {
        let world = World::start(DATABASE, seed).await;
        let a = world.merchant("Merchant A").await;
        let b = world.merchant("Merchant B").await;
        let phone = world.payer("Wei", "500.00").await;
        Self { world, a, b, phone }
    }

    fn code(&mut self) -> String {
        self.phone.code(&self.world, "200.00")
    }

    /// Merchant A charges a fresh code and succeeds.
    async fn succeeds(&mut self) -> Charge {
        let charge = charge("order-1", &self.code());
        let _ = self.a.charge(&charge).await.created();
        charge
    }

    /// Plays all steps of a scenario but the last.
    async fn prepare(&mut self, name: &str) -> Option<Last> {
        let a = self.a.clone();
        Some(match name {
            "the same code twice at one merchant, under a new key and reference" => {
                let first = self.succeeds().await;
                Last::Charge(a, first.with("reference", "order-2").key("key-order-2"))
            }
            "the same code at another merchant" => {
                let first = self.succeeds().await;
                Last::Charge(self.b.clone(), first.with("amount", "1.00"))
            }
            "an older code of the step after a newer one" => {
                let older = self.code();
                let _ = self.succeeds().await;
                Last::Charge(self.b.clone(), charge("order-1", &older))
            }
            "a declined code is burned" => {
                let code = self.code();
                let declined = Charge::new("order-1", &code, "200.01");
                assert_eq!(a.charge(&declined).await.outcome(), "over_code_limit");
                Last::Charge(a, Charge::new("order-2", &code, "200.00"))
            }
            "an amount over the code's limit" => {
                Last::Charge(a, Charge::new("order-1", &self.code(), "200.01"))
            }
            "another currency than the code's" => self.in_dollars().await,
            "a revoked device" => {
                let code = self.code();
                let path = format!("/v1/operator/devices/{}/revoke", self.phone.device.key_id());
                assert_eq!(self.world.operator_post(&path, json!({})).await.status, 204);
                Last::Charge(a, charge("order-1", &code))
            }
            "another merchant's terminal" => {
                let terminal = self.b.terminal("Till 1").await;
                let code = self.phone.bound_code(&self.world, "200.00", &terminal);
                Last::Charge(a, charge("order-1", &code).with("terminal", terminal))
            }
            "a code that expired while it waited in the queue" => {
                let code = self.code();
                // The world began seven seconds into a step: 53 are left of the window.
                self.world.advance_seconds(52);
                Last::Delayed(a, charge("order-1", &code), 1)
            }
            "a till repeats a payment that succeeded after its code has expired" => {
                let first = self.succeeds().await;
                self.world.advance_seconds(120);
                Last::Charge(a, first)
            }
            "a canceled payment leaves its code burned" => {
                let first = self.succeeds().await;
                let canceled = a.cancel_reference("order-1", "cancel").await;
                assert_eq!(canceled.text("/payment/state"), "canceled", "{}", canceled.text);
                Last::Charge(a, first.with("reference", "order-2").key("key-order-2"))
            }
            "the same code, amount and reference under a new idempotency key" => {
                Last::Charge(a, self.succeeds().await.key("another"))
            }
            _ => return None,
        })
    }

    /// Merchants are paid in the issuer's currency; one in dollars needs an issuer that changed.
    async fn in_dollars(&mut self) -> Last {
        let code = self.code();
        self.world.restart_with(&[("currency", "USD")]).await.unwrap();
        let till = self.world.merchant("Merchant A").await;
        Last::Charge(till, charge("order-1", &code).with("currency", "USD"))
    }

    async fn play(&self, last: Last) -> Answer {
        match last {
            Last::Charge(till, charge) => till.charge(&charge).await,
            Last::Delayed(till, charge, seconds) => {
                // While somebody else writes, a charge is verified and waits. Were it slower than
                // this test and verified later, it would be refused for the same reason.
                let mut database = self.world.database().await;
                let begin = DATABASE.choose("begin immediate", "begin");
                let mut writing = database.begin_with(begin).await.unwrap();
                if DATABASE == Database::Postgres {
                    // Where batches lock the payer, which is before they decide.
                    let lock = "lock table balances in exclusive mode";
                    sqlx::raw_sql(lock).execute(&mut *writing).await.unwrap();
                }
                let waiting = tokio::spawn(async move { till.charge(&charge).await });
                for _ in 0..20 {
                    let _ = self.a.get("/livez").await;
                }
                self.world.advance_seconds(seconds);
                writing.rollback().await.unwrap();
                waiting.await.unwrap()
            }
        }
    }
}

fn check(scenario: &Scenario, answer: &Answer, before: &Standing, after: &Standing) {
    let (name, expected) = (&scenario.name, &scenario.expected);
    assert_eq!(answer.outcome(), expected.code, "{name}: {}", answer.text);
    assert_eq!(before.marks != after.marks, expected.mark_moves, "{name}");
    assert_eq!(before.balances, after.balances, "{name}");
    let payments = after.payments - before.payments;
    match expected.payment.as_str() {
        "none" => {
            assert_eq!(payments, 0, "{name}");
            assert_eq!(after.references, before.references, "{name}");
            assert_eq!(answer.json.get("payment"), None, "{name}");
        }
        "declined" => {
            assert_eq!(payments, 1, "{name}");
            assert_eq!((answer.status.as_u16(), answer.text("/payment/state")), (402, "declined"));
        }
        "succeeded" => {
            assert_eq!(payments, 0, "{name}: it is the payment that was there");
            assert_eq!((answer.status.as_u16(), answer.replayed), (201, true), "{name}");
        }
        other => panic!("{name} expects {other}"),
    }
}

#[tokio::test]
async fn every_settlement_scenario_of_the_vectors_goes_as_they_say() {
    let vectors: Vectors =
        serde_json::from_str(include_str!("../../vectors/payment-code.json")).unwrap();
    assert!(vectors.settlement.len() >= 12);
    for (scenario, seed) in vectors.settlement.iter().zip(1..) {
        let mut stage = Stage::new(seed).await;
        let last = stage.prepare(&scenario.name).await;
        let last = last.unwrap_or_else(|| panic!("nobody plays “{}”", scenario.name));
        let before = stage.world.standing().await;
        let answer = stage.play(last).await;
        check(scenario, &answer, &before, &stage.world.standing().await);
    }
}

#[tokio::test]
async fn a_bound_code_works_at_its_terminal_and_nowhere_else() {
    let mut stage = Stage::new(100).await;
    let (till, world) = (stage.a.clone(), &stage.world);
    let (here, there) = (till.terminal("Till 1").await, till.terminal("Till 2").await);
    let theirs = stage.b.terminal("Till 1").await;
    let code = stage.phone.bound_code(world, "200.00", &here);
    let before = world.standing().await;

    let charge = charge("order-1", &code);
    till.charge(&charge).await.assert_problem(422, "invalid_code", "final");
    let elsewhere = till.charge(&charge.clone().with("terminal", there)).await;
    elsewhere.assert_problem(422, "invalid_code", "final");
    // Before anything else: even a key and a reference that stand for nothing yet are not read,
    // nor is the code.
    for terminal in [theirs.as_str(), "00000000000000000000000000000000"] {
        let relayed = till.charge(&charge.clone().with("terminal", terminal)).await;
        relayed.assert_problem(422, "unknown_terminal", "retry");
        let garbage = charge.clone().with("terminal", terminal).with("code", "x");
        till.charge(&garbage).await.assert_problem(422, "unknown_terminal", "retry");
    }
    assert_eq!(world.standing().await, before);

    let payment = till.charge(&charge.with("terminal", here.as_str())).await.created();
    assert_eq!(payment.text("/terminal"), here);
    // A code that is not bound works at a terminal as well.
    let code = stage.phone.code(world, "200.00");
    let free = Charge::new("order-2", &code, "1.00").with("terminal", here);
    assert_eq!(till.charge(&free).await.created().json["decline_code"], Value::Null);
}
