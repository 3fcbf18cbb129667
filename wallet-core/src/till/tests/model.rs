//! A server in memory with the promises that a till relies upon: keys, references, tombstones.

use std::collections::BTreeMap;

use core::time::Duration;

use serde_json::{Value, json};

use crate::Timestamp;
use crate::till::{Answer, Method, Request};

/// How long a payer may take, and how long a code lives.
const CONFIRMATION_MILLIS: i64 = 60_000;
const CODE_MILLIS: i64 = 60_000;
/// Other customers pay, and then the merchant can give back again.
const POOR_FOR: u32 = 3;

/// What the payer does when asked.
#[derive(Clone, Copy, Debug)]
pub(super) enum Payer {
    IsNotAsked,
    ConfirmsAfter(i64),
    RefusesAfter(i64),
    IsSilent,
}

/// What becomes of a reversal of a payment that succeeded.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Undo {
    Done,
    TooLate,
    BalanceInsufficient,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Rules {
    pub(super) payer: Payer,
    pub(super) declines: bool,
    pub(super) undo: Undo,
    pub(super) manual: bool,
}

struct Payment {
    code: String,
    state: &'static str,
    decides_at: Timestamp,
    decided: &'static str,
}

/// The request and the answer that are kept under a key.
struct Kept {
    request: (String, String),
    status: u16,
    body: String,
}

pub(super) struct Server {
    rules: Rules,
    payment: Option<Payment>,
    called_off: bool,
    kept: BTreeMap<String, Kept>,
    /// The newest code that was presented.
    mark: Option<String>,
    made_at: BTreeMap<String, Timestamp>,
    /// How many payments there ever were.
    pub(super) payments: u32,
    /// How many reversals find the merchant's balance too small.
    poor_for: u32,
}

impl Server {
    pub(super) fn new(rules: Rules) -> Self {
        Self {
            rules,
            payment: None,
            called_off: false,
            kept: BTreeMap::new(),
            mark: None,
            made_at: BTreeMap::new(),
            payments: 0,
            poor_for: POOR_FOR,
        }
    }

    /// A payer shows a code; later ones are greater.
    pub(super) fn show(&mut self, code: &str, now: Timestamp) {
        self.made_at.insert(code.to_owned(), now);
    }

    /// Whether the merchant has the payer's money, or holds it.
    pub(super) fn is_paid(&self) -> bool {
        let paid = ["succeeded", "authorized", "partially_refunded"];
        self.state().is_some_and(|state| paid.contains(&state))
    }

    pub(super) fn state(&self) -> Option<&'static str> {
        self.payment.as_ref().map(|payment| payment.state)
    }

    pub(super) fn pass_time(&mut self, now: Timestamp) {
        if let Some(payment) = &mut self.payment
            && payment.state == "requires_confirmation"
            && now >= payment.decides_at
        {
            payment.state = payment.decided;
        }
    }

    /// The back office gives part of the money back.
    pub(super) fn refund_part(&mut self) {
        if let Some(payment) = self.payment.as_mut().filter(|it| it.state == "succeeded") {
            payment.state = "partially_refunded";
        }
    }

    /// The back office calls the sale off.
    pub(super) fn cancel_elsewhere(&mut self, now: Timestamp) {
        let request = json!({ "reference": "order-1" }).to_string();
        self.post("/v1/payments/cancel", "elsewhere", &request, now);
    }

    /// How long a question would be held open.
    pub(super) fn holds(&self, request: &Request, now: Timestamp) -> i64 {
        let Some((_, wait)) = request.path.split_once("wait=") else { return 0 };
        match &self.payment {
            Some(payment) if payment.state == "requires_confirmation" => {
                let left = payment.decides_at.unix_millis() - now.unix_millis();
                left.min(wait.parse::<i64>().unwrap() * 1000)
            }
            _ => 0,
        }
    }

    pub(super) fn handle(&mut self, request: &Request, now: Timestamp) -> Answer {
        self.pass_time(now);
        match (request.method, &request.idempotency_key, &request.body) {
            (Method::Post, Some(key), Some(body)) => self.post(&request.path, key, body, now),
            (Method::Get, None, None) => self.get(&request.path),
            _ => panic!("a request that no server takes: {request:?}"),
        }
    }

    fn get(&self, path: &str) -> Answer {
        if path == "/v1/payments?reference=order-1" {
            let data: Vec<Value> = self.body().into_iter().collect();
            return answer(200, &json!({ "data": data }));
        }
        assert!(path.starts_with("/v1/payments/pay_1?wait="), "{path}");
        match self.body() {
            Some(body) => answer(200, &body),
            None => problem(404, "not_found", "retry", None),
        }
    }

    fn post(&mut self, path: &str, key: &str, body: &str, now: Timestamp) -> Answer {
        let request = (path.to_owned(), body.to_owned());
        if let Some(kept) = self.kept.get(key) {
            if kept.request != request {
                return problem(422, "idempotency_key_reused", "retry", None);
            }
            return Answer { replayed: true, ..text(kept.status, kept.body.clone()) };
        }
        let read: Value = serde_json::from_str(body).unwrap();
        assert_eq!(read["reference"], "order-1");
        let (answer, kept) = match path {
            "/v1/payments" => self.charge(read["code"].as_str().unwrap(), now),
            "/v1/payments/cancel" => self.cancel(),
            _ => panic!("no such call: {path}"),
        };
        if kept {
            let (status, body) = (answer.status, answer.body.clone());
            self.kept.insert(key.to_owned(), Kept { request, status, body });
        }
        answer
    }

    /// The answer, and whether it is kept.
    fn charge(&mut self, code: &str, now: Timestamp) -> (Answer, bool) {
        if let Some(payment) = &self.payment {
            let body = self.body();
            if payment.code == code {
                return (answer(201, &body.unwrap()), true);
            }
            return (problem(409, "reference_conflict", "retry", body), false);
        }
        if self.called_off {
            return (problem(409, "reference_canceled", "final", None), false);
        }
        let Some(made_at) = self.made_at.get(code) else {
            return (problem(422, "invalid_code", "final", None), false);
        };
        if now.unix_millis() - made_at.unix_millis() > CODE_MILLIS {
            return (problem(422, "code_expired", "final", None), true);
        }
        if self.mark.as_deref().is_some_and(|mark| code <= mark) {
            return (problem(422, "code_used", "final", None), true);
        }
        self.mark = Some(code.to_owned());
        self.payments += 1;
        let done = if self.rules.manual { "authorized" } else { "succeeded" };
        let (state, decides_after, decided) = match self.rules.payer {
            _ if self.rules.declines => ("declined", 0, ""),
            Payer::IsNotAsked => (done, 0, ""),
            Payer::ConfirmsAfter(millis) => ("requires_confirmation", millis, done),
            Payer::RefusesAfter(millis) => ("requires_confirmation", millis, "declined"),
            Payer::IsSilent => ("requires_confirmation", CONFIRMATION_MILLIS, "expired"),
        };
        let decides_at = now.plus_millis(decides_after);
        self.payment = Some(Payment { code: code.to_owned(), state, decides_at, decided });
        let body = self.body().unwrap();
        if state == "declined" {
            return (problem(402, "insufficient_funds", "final", Some(body)), true);
        }
        (answer(201, &body), true)
    }

    fn cancel(&mut self) -> (Answer, bool) {
        let rules = self.rules;
        match &mut self.payment {
            None => self.called_off = true,
            Some(payment) => match (payment.state, rules.undo) {
                ("partially_refunded", _) => {
                    return (problem(409, "payment_closed", "retry", self.body()), false);
                }
                ("succeeded", Undo::TooLate) => {
                    return (problem(409, "cancel_too_late", "retry", None), false);
                }
                ("succeeded", Undo::BalanceInsufficient) if self.poor_for > 0 => {
                    self.poor_for -= 1;
                    return (problem(422, "balance_insufficient", "retry", self.body()), false);
                }
                ("succeeded" | "authorized" | "requires_confirmation", _) => {
                    payment.state = "canceled";
                }
                _ => {}
            },
        }
        let payment = self.body();
        let body = json!({ "object": "cancellation", "reference": "order-1", "payment": payment });
        (answer(200, &body), true)
    }

    fn body(&self) -> Option<Value> {
        self.payment
            .as_ref()
            .map(|it| json!({ "id": "pay_1", "object": "payment", "state": it.state }))
    }
}

pub(super) fn answer(status: u16, body: &Value) -> Answer {
    text(status, body.to_string())
}

pub(super) fn text(status: u16, body: String) -> Answer {
    Answer { status, replayed: false, retry_after: None, body }
}

pub(super) fn problem(status: u16, code: &str, certainty: &str, payment: Option<Value>) -> Answer {
    let mut body = json!({ "code": code, "certainty": certainty, "detail": "a sentence" });
    if let Some(payment) = payment {
        body["payment"] = payment;
    }
    answer(status, &body)
}

/// A server that is busy, and says for how long.
pub(super) fn busy(seconds: u64) -> Answer {
    let retry_after = Some(Duration::from_secs(seconds));
    Answer { retry_after, ..problem(503, "overloaded", "retry", None) }
}
