//! Plays one history.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};
use wallet_tests::{Answer, at_once};

use super::command::{Asked, Caller, Command};
use super::compare;
use super::generate::{Event, Generator};
use super::model::{Expected, Model};
use super::rules::text;
use super::scene::Scene;
use crate::journeys::audit::{assert_audited, assert_hledger_agrees};

/// After how many events everything is compared.
const EVERY: usize = 65;

/// What came of what, and how often.
pub(super) type Reached = BTreeMap<(&'static str, &'static str), u64>;

struct Play {
    scene: Scene,
    model: Model,
    generator: Generator,
    reached: Reached,
    /// What was answered first under each key.
    first: Vec<((Caller, usize), String)>,
}

/// How a request is sent.
#[derive(Clone, Copy, Debug)]
enum Way {
    Once,
    /// Twice at the same time.
    Twice,
    /// Its answer does not come, and it is sent again.
    Lost,
    /// The connection is cut at some moment, and it is sent again.
    Cut(u64),
}

pub(super) async fn play(seed: u64, events: usize) -> Reached {
    let scene = Scene::start(1_000 + seed).await;
    let (model, generator) = (Model::default(), Generator::new(seed));
    let (reached, first) = (Reached::new(), Vec::new());
    let mut play = Play { scene, model, generator, reached, first };
    for n in 0..events {
        let event = play.generator.event();
        let told = play.event(event).await;
        let told = match told {
            Ok(()) if n % EVERY == EVERY - 1 || n + 1 == events => {
                compare::everything(&play.scene, &play.model).await
            }
            other => other,
        };
        if let Err(fault) = told {
            panic!("seed {seed}, event {n}: {fault}");
        }
    }
    let Play { mut scene, reached, .. } = play;
    scene.world.placed().await;
    scene.world.stop().await;
    assert_audited(&scene.world).await;
    assert_hledger_agrees(&scene.world).await;
    reached
}

impl Play {
    async fn event(&mut self, event: Event) -> Result<(), String> {
        match event {
            Event::Request => return self.request().await,
            Event::Clock(by) => {
                self.scene.world.clock.advance_millis(by);
                if self.model.expire(self.scene.now()) {
                    *self.reached.entry(("clock", "expired")).or_default() += 1;
                    self.scene.ended().await;
                }
            }
            Event::Freeze { payer, frozen } => {
                let verb = if frozen { "freeze" } else { "unfreeze" };
                let payer_id = &self.scene.phones[payer].payer;
                let path = format!("/v1/operator/payers/{payer_id}/{verb}");
                let _ = self.scene.world.operator_post(&path, Value::Null).await.ok();
                self.model.freeze(payer, frozen);
            }
            Event::Fee { merchant, fee } => {
                let id = &self.scene.tills[merchant].merchant;
                let body = json!({ "basis_points": fee.0, "fixed": text(fee.1) });
                let path = format!("/v1/operator/merchants/{id}/fee");
                let _ = self.scene.world.operator_post(&path, body).await.ok();
                self.model.set_fee(merchant, fee);
            }
            Event::Batch => {
                let path = "/v1/operator/payout_batches";
                let answer = self.scene.world.operator_post(path, json!({})).await;
                let expected = if self.model.batch_payouts() { 201 } else { 409 };
                if answer.status != expected {
                    return Err(format!("a batch: {}", answer.text));
                }
            }
            Event::Plate { merchant, amount } => {
                let mut body = json!({ "label": "tea" });
                if let Some(amount) = amount {
                    body["amount"] = text(amount).into();
                    body["currency"] = "CNY".into();
                }
                let till = &self.scene.tills[merchant];
                let made = till.post("/v1/plates", &[], body.to_string()).await.created();
                self.scene.ids.plates.push(made.text("/payload").to_owned());
                self.model.make_plate(merchant, amount);
            }
        }
        Ok(())
    }

    async fn request(&mut self) -> Result<(), String> {
        let now = self.scene.now();
        let asked = self.generator.asked(&mut self.model, now);
        self.scene.show(&self.model.codes);
        let expected = self.model.decide(&asked, now);
        let way = self.way(&expected);
        let told = |fault: String| format!("{way:?} {asked:?}: {fault}");
        let answer = match way {
            Way::Once => self.scene.send(&asked).await,
            Way::Twice => {
                let both = at_once([0, 1].map(|_| self.scene.send(&asked))).await;
                let second = self.model.decide(&asked, now);
                // Which of them is the first one is not known.
                let [mut one, mut other] = <[Answer; 2]>::try_from(both).unwrap();
                if one.replayed && !other.replayed {
                    (one, other) = (other, one);
                }
                self.check(&asked, &second, &other).map_err(told)?;
                one
            }
            Way::Lost => {
                drop(self.scene.send(&asked).await);
                let answer = self.scene.send(&asked).await;
                let second = self.model.decide(&asked, now);
                self.check(&asked, &second, &answer).map_err(told)?;
                Answer { replayed: expected.replayed, ..answer }
            }
            Way::Cut(after) => {
                let patience = Duration::from_micros(after);
                drop(tokio::time::timeout(patience, self.scene.send(&asked)).await);
                // Whether the first one arrived is not known.
                let answer = self.scene.send(&asked).await;
                self.model.decide(&asked, now);
                Answer { replayed: expected.replayed, ..answer }
            }
        };
        self.check(&asked, &expected, &answer).map_err(told)?;
        self.scene.learn(&self.model, &answer).await;
        let outcome = if expected.replayed { "replayed" } else { outcome(&expected) };
        *self.reached.entry((kind(&asked.command), outcome)).or_default() += 1;
        Ok(())
    }

    /// What leaves no trace may be decided otherwise when it arrives late: only the rest is cut.
    fn way(&mut self, expected: &Expected) -> Way {
        let dice = &mut self.generator.dice;
        match dice.below(100) {
            0..5 => Way::Twice,
            5..9 => Way::Lost,
            9..14 if expected.kept => Way::Cut(u64::try_from(dice.below(6_000)).unwrap()),
            _ => Way::Once,
        }
    }

    /// Whether it is as expected; what is kept under a key is to the byte what it was at first.
    fn check(&mut self, asked: &Asked, expected: &Expected, answer: &Answer) -> Result<(), String> {
        if let Some(fault) = compare::fault(expected, answer) {
            return Err(format!("{fault}: {expected:?}: {}", answer.text));
        }
        if !expected.kept {
            return Ok(());
        }
        let key = (asked.command.caller(), asked.key);
        match self.first.iter().find(|it| it.0 == key) {
            Some((_, first)) if *first != answer.text => {
                Err(format!("{} was {first} at first", answer.text))
            }
            Some(_) => Ok(()),
            None => {
                self.first.push((key, answer.text.clone()));
                Ok(())
            }
        }
    }
}

/// The error, or the state.
fn outcome(expected: &Expected) -> &'static str {
    const STATES: [&str; 9] = [
        "succeeded",
        "authorized",
        "requires_confirmation",
        "declined",
        "canceled",
        "expired",
        "refunded",
        "released",
        "paid_out",
    ];
    let is_state = |says: &&(&str, String)| says.0.ends_with("/state");
    let state = expected.says.iter().find(is_state).map_or("", |says| says.1.as_str());
    if !expected.code.is_empty() {
        return expected.code;
    }
    STATES.into_iter().find(|name| *name == state).unwrap_or("done")
}

fn kind(command: &Command) -> &'static str {
    match command {
        Command::Charge(_) => "charge",
        Command::Confirm { .. } => "confirm",
        Command::Refuse { .. } => "refuse",
        Command::Capture { .. } => "capture",
        Command::Cancel { .. } => "cancel",
        Command::CancelReference { .. } => "cancel reference",
        Command::Refund { .. } => "refund",
        Command::TopUp { .. } => "top-up",
        Command::Transfer { .. } => "transfer",
        Command::Withdraw { .. } => "withdraw",
        Command::EndWithdrawal { .. } => "end withdrawal",
        Command::MakeEnvelope { .. } => "envelope",
        Command::Claim { .. } => "claim",
        Command::MakeOrder { .. } => "order",
        Command::CloseOrder { .. } => "close order",
        Command::PayCode { .. } => "pay code",
        Command::AskPayout { .. } => "payout",
        Command::EndPayout { .. } => "end payout",
        Command::EndSuspense { .. } => "end suspense",
    }
}
