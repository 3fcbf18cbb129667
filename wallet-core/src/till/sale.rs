//! One sale: what to do next, and what has been heard.

use core::fmt;
use core::time::Duration;

use super::answer::Answer;
use super::order::{Keys, Method, Order, Patience, Request};
use super::outcome::{Outcome, Payment, Problem};
use super::pace::Pace;
use super::record;
use super::state::{Charging, Following, Missing, Moment, Reversing, State};
use crate::{Error, Timestamp};

/// How long an answer may take before the same is asked again. The server works on, and a repeat
/// under the same key waits for it.
const ANSWER_SECONDS_MAX: u64 = 10;
/// However little patience is left, an answer gets the time that a slow network needs.
const ANSWER_SECONDS_MIN: u64 = 3;
/// How long the server may hold a question open.
const WAIT_SECONDS_MAX: u64 = 25;

/// One sale at a till. See the [module](super) for how to drive it.
#[derive(Clone)]
pub struct Sale {
    pub(super) order: Order,
    pub(super) keys: Keys,
    pub(super) patience: Patience,
    pub(super) begun_at: Timestamp,
    pub(super) state: State,
    /// Whether what has to be durable is.
    pub(super) stored: bool,
    /// Whether the till waits no longer, whatever the time.
    pub(super) hurried: bool,
    pub(super) sent: u32,
    pub(super) in_flight: Option<InFlight>,
}

/// The request that is on its way.
#[derive(Clone, Copy)]
pub(super) struct InFlight {
    number: u32,
    sent_at: Timestamp,
}

/// What to do next.
#[derive(Clone, PartialEq, Eq)]
pub enum Action {
    /// Make this line durable in place of the one before, then call [`Sale::stored`].
    Store(String),
    /// Send this, then tell what came of it.
    Send(Request),
    /// Nothing, for this long.
    Wait(Duration),
    /// Tell the cashier. It is durable.
    End(Outcome),
}

/// A record holds a code: it stays out of logs.
impl fmt::Debug for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Store(_) => f.write_str("Store"),
            Self::Send(request) => write!(f, "Send({request:?})"),
            Self::Wait(pause) => write!(f, "Wait({pause:?})"),
            Self::End(outcome) => write!(f, "End({outcome:?})"),
        }
    }
}

impl Sale {
    /// Begins to charge a code. Nothing is sent before the first record is stored.
    #[must_use]
    pub fn begin(order: Order, code: &str, keys: Keys, patience: Patience, now: Timestamp) -> Self {
        Self::charging(order, code, keys, patience, now, false)
    }

    /// Begins to repeat a charge of which no record is left: its keys, or only the one of the
    /// charge, are known from elsewhere.
    ///
    /// That charge may have arrived, so nothing that happens to this one alone tells that nobody
    /// paid: where [`Sale::begin`] would end with nothing done, this one is called off.
    #[must_use]
    pub fn repeat(
        order: Order,
        code: &str,
        keys: Keys,
        patience: Patience,
        now: Timestamp,
    ) -> Self {
        Self::charging(order, code, keys, patience, now, true)
    }

    fn charging(
        order: Order,
        code: &str,
        keys: Keys,
        patience: Patience,
        now: Timestamp,
        open: bool,
    ) -> Self {
        let charging = Charging { code: code.to_owned(), pace: Pace::new(now), open };
        Self {
            order,
            keys,
            patience,
            begun_at: now,
            state: State::Charging(charging),
            stored: false,
            hurried: false,
            sent: 0,
            in_flight: None,
        }
    }

    /// Goes on with the sale of this record, after whatever ended the run that stored it.
    ///
    /// Within its patience the charge is repeated; after that the sale is called off.
    ///
    /// # Errors
    /// `till_record_malformed`, or that of an amount, a currency or a terminal.
    pub fn resume(record: &str, now: Timestamp) -> Result<Self, Error> {
        record::read(record, now)
    }

    /// What to do next. A request that was not answered when this is called counts as lost.
    ///
    /// The clock should not go back while a sale runs: one that is set from the network and then
    /// counts by itself is best.
    pub fn next(&mut self, now: Timestamp) -> Action {
        self.miss(Missing::Lost, now);
        if self.stored && (self.hurried || now >= self.deadline()) {
            self.become_late(now);
        }
        if !self.stored {
            return Action::Store(record::write(self));
        }
        let due = match &self.state {
            State::Ended(outcome) => return Action::End(outcome.clone()),
            State::Charging(Charging { pace, .. }) | State::Following(Following { pace, .. }) => {
                pace.due.min(self.deadline())
            }
            State::Reversing(Reversing { pace, .. }) => pace.due,
        };
        if due > now {
            return Action::Wait(until(due, now));
        }
        self.sent = self.sent.wrapping_add(1);
        self.in_flight = Some(InFlight { number: self.sent, sent_at: now });
        let request = self.request(now);
        self.state = self.state.clone().attempt();
        Action::Send(request)
    }

    /// The last record is durable.
    pub fn stored(&mut self) {
        self.stored = true;
    }

    /// The answer to a request. One that is not waited for any more counts for nothing.
    pub fn answered(&mut self, request: &Request, answer: &Answer, now: Timestamp) {
        let Some(asked) = self.in_flight.take_if(|asked| asked.number == request.number) else {
            return;
        };
        let key = self.keys.charge.clone();
        let at = Moment { now, asked_at: asked.sent_at, key: &key };
        self.change(self.state.clone().answered(answer, at));
    }

    /// The request is certain not to have left: no connection stood.
    pub fn unsent(&mut self, request: &Request, now: Timestamp) {
        if self.in_flight.is_some_and(|asked| asked.number == request.number) {
            self.miss(Missing::Unsent, now);
        }
    }

    /// No answer came in time, or the connection broke.
    pub fn lost(&mut self, request: &Request, now: Timestamp) {
        if self.in_flight.is_some_and(|asked| asked.number == request.number) {
            self.miss(Missing::Lost, now);
        }
    }

    /// The till waits no longer: the cashier or the customer has changed their mind.
    ///
    /// If the payment turns out to have been decided, that is the outcome.
    pub fn call_off(&mut self, now: Timestamp) {
        self.miss(Missing::Lost, now);
        self.hurried = true;
    }

    /// What is sold.
    #[must_use]
    pub fn order(&self) -> &Order {
        &self.order
    }

    /// The keys of the sale.
    #[must_use]
    pub fn keys(&self) -> &Keys {
        &self.keys
    }

    /// When the till stops waiting.
    #[must_use]
    pub fn deadline(&self) -> Timestamp {
        let millis = i64::try_from(self.patience.duration().as_millis()).unwrap_or(i64::MAX);
        self.begun_at.plus_millis(millis)
    }

    /// The code, while it may have to be sent again.
    #[must_use]
    pub fn code(&self) -> Option<&str> {
        match &self.state {
            State::Charging(Charging { code, .. }) | State::Following(Following { code, .. }) => {
                Some(code)
            }
            State::Reversing(_) | State::Ended(_) => None,
        }
    }

    /// The payment that is followed: its payer may have to confirm it.
    #[must_use]
    pub fn followed(&self) -> Option<&Payment> {
        match &self.state {
            State::Following(Following { payment, .. }) => Some(payment),
            State::Charging(_) | State::Reversing(_) | State::Ended(_) => None,
        }
    }

    /// Whether the sale is being called off.
    #[must_use]
    pub fn is_reversing(&self) -> bool {
        matches!(self.state, State::Reversing(_))
    }

    /// How it ended.
    #[must_use]
    pub fn outcome(&self) -> Option<&Outcome> {
        match &self.state {
            State::Ended(outcome) => Some(outcome),
            State::Charging(_) | State::Following(_) | State::Reversing(_) => None,
        }
    }

    /// Why the last request did not do, while there is no outcome.
    #[must_use]
    pub fn problem(&self) -> Option<&Problem> {
        self.state.pace().and_then(|pace| pace.problem.as_ref())
    }

    fn miss(&mut self, missing: Missing, now: Timestamp) {
        let Some(asked) = self.in_flight.take() else { return };
        let key = self.keys.charge.clone();
        let at = Moment { now, asked_at: asked.sent_at, key: &key };
        self.change(self.state.clone().missed(missing, at));
    }

    fn become_late(&mut self, now: Timestamp) {
        self.change(self.state.clone().late(self.hurried, now));
    }

    /// Calling off and the end are durable before anything follows from them. What is learnt on
    /// the way there is learnt again after a crash.
    fn change(&mut self, state: State) {
        let steps = |state: &State| match state {
            State::Charging(_) | State::Following(_) => 0,
            State::Reversing(_) => 1,
            State::Ended(_) => 2,
        };
        self.stored &= steps(&state) == steps(&self.state);
        self.state = state;
    }

    fn request(&self, now: Timestamp) -> Request {
        let patience = until(self.deadline(), now);
        let answer_max = Duration::from_secs(ANSWER_SECONDS_MAX);
        let post = |path: &str, key: &str, body: String, timeout: Duration| Request {
            number: self.sent,
            method: Method::Post,
            path: path.to_owned(),
            idempotency_key: Some(key.to_owned()),
            body: Some(body),
            timeout,
        };
        let get = |path: String, timeout: Duration| Request {
            number: self.sent,
            method: Method::Get,
            path,
            idempotency_key: None,
            body: None,
            timeout,
        };
        match &self.state {
            State::Charging(Charging { code, .. }) => {
                let timeout = patience.clamp(Duration::from_secs(ANSWER_SECONDS_MIN), answer_max);
                post("/v1/payments", &self.keys.charge, self.order.body(code), timeout)
            }
            State::Following(Following { payment, .. }) => {
                let wait = patience.as_secs().min(WAIT_SECONDS_MAX);
                let path = format!("/v1/payments/{}?wait={wait}", payment.id);
                get(path, answer_max + Duration::from_secs(wait))
            }
            State::Reversing(Reversing { looks: false, .. }) => {
                let body = serde_json::json!({ "reference": self.order.reference }).to_string();
                post("/v1/payments/cancel", &self.keys.reversal, body, answer_max)
            }
            State::Reversing(Reversing { looks: true, .. }) | State::Ended(_) => {
                let reference = percent_encoded(&self.order.reference);
                get(format!("/v1/payments?reference={reference}"), answer_max)
            }
        }
    }
}

/// The code stays out of logs.
impl fmt::Debug for Sale {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match &self.state {
            State::Charging(_) => "charging",
            State::Following(_) => "following",
            State::Reversing(_) => "reversing",
            State::Ended(_) => "ended",
        };
        write!(f, "Sale({}, {state})", self.order.reference)
    }
}

/// From one moment to a later one; nothing if it is not later.
fn until(later: Timestamp, now: Timestamp) -> Duration {
    let millis = later.unix_millis().saturating_sub(now.unix_millis());
    Duration::from_millis(u64::try_from(millis).unwrap_or(0))
}

/// A value of a query (RFC 3986, section 2).
fn percent_encoded(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                encoded.push(char::from(byte));
            }
            _ => {
                encoded.push('%');
                encoded.push_str(&base16ct::upper::encode_string(&[byte]));
            }
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_reference_in_a_query_is_one_value_whatever_is_in_it() {
        assert_eq!(super::percent_encoded("order-1_.~"), "order-1_.~");
        assert_eq!(super::percent_encoded("a b&c=ü/?#%"), "a%20b%26c%3D%C3%BC%2F%3F%23%25");
    }
}
