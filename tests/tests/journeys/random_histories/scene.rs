//! The people of a world, and the ids of what they made.

use std::time::Duration;

use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng as _;
use serde_json::json;
use wallet_core::code::{CodeLimit, CodeTerms};
use wallet_core::{Currency, Money, Timestamp};
use wallet_tests::{Answer, Phone, Till, World};

use super::command::OWNERS;
use super::model::{Code, Model};
use super::rules::{self, text};
use crate::DATABASE;
use crate::journeys::payouts::{destination, set_destination};
use crate::journeys::transfers::receive_code;

const NAMES: [&str; 4] = ["Wei", "Li", "Mei", "Bo"];
/// How long what is overdue may take to end: far more than the worker needs.
const OVERDUE_DEADLINE: Duration = Duration::from_mins(1);

/// The ids of what was made, by their numbers.
#[derive(Default)]
pub(super) struct Ids {
    pub(super) payments: Vec<String>,
    pub(super) withdrawals: Vec<String>,
    /// With their tokens.
    pub(super) envelopes: Vec<(String, String)>,
    /// With what their codes say.
    pub(super) orders: Vec<(String, String)>,
    pub(super) plates: Vec<String>,
    pub(super) payouts: Vec<String>,
    pub(super) suspense: Vec<String>,
}

pub(super) struct Scene {
    pub(super) world: World,
    pub(super) tills: Vec<Till>,
    pub(super) phones: Vec<Phone>,
    pub(super) ids: Ids,
    pub(super) terminals: Vec<[String; 2]>,
    pub(super) receive_codes: Vec<String>,
    pub(super) codes: Vec<String>,
    rng: ChaCha20Rng,
}

impl Scene {
    pub(super) async fn start(seed: u64) -> Self {
        let settings = rules::settings();
        let settings: Vec<_> = settings.iter().map(|(name, to)| (*name, to.as_str())).collect();
        let world = World::start_with(DATABASE, seed, &settings).await;
        let (mut tills, mut terminals) = (Vec::new(), Vec::new());
        for ((points, fixed), has_account) in rules::FEES.into_iter().zip(rules::WITH_ACCOUNT) {
            let fee = json!({ "basis_points": points, "fixed": text(fixed) });
            let till = world.merchant_with(json!({ "name": "Tea House", "fee": fee })).await;
            if has_account {
                let set = set_destination(&world, &till.merchant, &destination()).await;
                assert_eq!(set.status, 200, "{}", set.text);
            }
            terminals.push([till.terminal("till 1").await, till.terminal("till 2").await]);
            tills.push(till);
        }
        let mut phones = Vec::new();
        for name in NAMES {
            phones.push(world.payer(name, "0").await);
        }
        let mut receive_codes = Vec::new();
        for (n, phone) in phones.iter().enumerate() {
            phone.set_pin(&world).await;
            receive_codes.push(receive_code(&world, phone).await);
            let handle = json!({ "handle": format!("payer{n}") });
            let set = phone.send(&world, "PUT", "/v1/wallet/handle", handle).await;
            assert_eq!(set.status, 200, "{}", set.text);
        }
        phones.push(phones[OWNERS[4]].another(&world, "second").await);
        let (ids, codes, rng) = (Ids::default(), Vec::new(), ChaCha20Rng::seed_from_u64(seed));
        Self { world, tills, phones, ids, terminals, receive_codes, codes, rng }
    }

    pub(super) fn now(&self) -> i64 {
        self.world.now().unix_millis()
    }

    /// Makes the codes that phones have shown.
    pub(super) fn show(&mut self, codes: &[Code]) {
        for code in &codes[self.codes.len()..] {
            let limit = Money::from_minor(code.limit, Currency::from_code("CNY").unwrap());
            let terms = CodeTerms::up_to(CodeLimit::new(limit).unwrap());
            let (step, seq) = code.mark;
            let at = Timestamp::from_unix_seconds(step * 30);
            let device = &self.phones[code.phone].device;
            let made = device.make_code(at, seq, &terms, &mut self.rng).unwrap();
            self.codes.push(made.digits().to_owned());
        }
    }

    /// Waits until nothing is overdue any more.
    pub(super) async fn ended(&self) {
        let now = self.now();
        let overdue = format!(
            "select (select count(*) from payments where state = 'requires_confirmation' \
               and expires_at <= {now} or state = 'authorized' and hold_expires_at <= {now}) \
             + (select count(*) from envelopes where state = 'authorized' and expires_at <= {now}) \
             + (select count(*) from orders where state = 'open' and expires_at <= {now})"
        );
        let mut database = self.world.database().await;
        let wait = async {
            loop {
                let overdue = sqlx::AssertSqlSafe(overdue.clone());
                let left: i64 = sqlx::query_scalar(overdue).fetch_one(&mut database).await.unwrap();
                if left == 0 {
                    break;
                }
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(OVERDUE_DEADLINE, wait).await.expect("what is overdue stays");
    }

    /// Remembers the ids of what the model has made of this answer's request.
    pub(super) async fn learn(&mut self, model: &Model, answer: &Answer) {
        let id = || answer.text("/id").to_owned();
        let ids = &mut self.ids;
        if model.payments.len() > ids.payments.len() {
            let declined = answer.text("/payment/id").to_owned();
            ids.payments.push(if declined.is_empty() { id() } else { declined });
        }
        if model.withdrawals.len() > ids.withdrawals.len() {
            ids.withdrawals.push(id());
        }
        if model.envelopes.len() > ids.envelopes.len() {
            ids.envelopes.push((id(), answer.text("/token").to_owned()));
        }
        if model.orders.len() > ids.orders.len() {
            ids.orders.push((id(), answer.text("/payload").to_owned()));
        }
        if model.payouts.len() > ids.payouts.len() {
            ids.payouts.push(id());
        }
        if model.suspense.len() > ids.suspense.len() {
            let payment = answer.text("/payment/id");
            let subject =
                if answer.text("/object") == "cancellation" { payment } else { answer.text("/id") };
            let list = self.world.operator_get("/v1/operator/suspense?state=open&limit=100").await;
            let rows = list.json["data"].as_array().unwrap().iter();
            let mut found = rows.filter(|row| row["subject"] == subject);
            let found = found.next().unwrap_or_else(|| panic!("{subject} in {}", list.text));
            self.ids.suspense.push(found["id"].as_str().unwrap().to_owned());
        }
    }
}
