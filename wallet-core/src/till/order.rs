//! What is sold, and the request that asks for its money.

use core::fmt;
use core::time::Duration;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::{PositiveMoney, TerminalId};

/// How long a till waits unless told otherwise: what shops know from other wallets.
const PATIENCE_SECONDS: u64 = 45;

/// What a till asks for, apart from the code.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Order {
    /// The merchant's name for this sale: 1 to 64 characters, unique for ever, never used again.
    ///
    /// Calling a sale off undoes whatever stands under its reference.
    pub reference: String,
    /// How much.
    pub amount: PositiveMoney,
    /// How the code came.
    pub code_source: CodeSource,
    /// Whether the money is taken at once.
    pub capture: Capture,
    /// The till that scanned: one of the merchant's own.
    pub terminal: Option<TerminalId>,
    /// What was bought, for the payer to read.
    pub description: Option<String>,
    /// The merchant's own data.
    pub metadata: BTreeMap<String, String>,
}

impl Order {
    /// An order for a scanned code whose money is taken at once, and nothing more.
    #[must_use]
    pub fn new(reference: &str, amount: PositiveMoney) -> Self {
        Self {
            reference: reference.to_owned(),
            amount,
            code_source: CodeSource::Scan,
            capture: Capture::Automatic,
            terminal: None,
            description: None,
            metadata: BTreeMap::new(),
        }
    }

    /// The body of `POST /v1/payments`: always the same text for one order and one code.
    #[must_use]
    pub fn body(&self, code: &str) -> String {
        let amount = self.amount.money();
        let mut body = Map::new();
        body.insert("code".to_owned(), json!(code));
        body.insert("code_source".to_owned(), json!(self.code_source.as_str()));
        body.insert("amount".to_owned(), json!(amount.amount_text()));
        body.insert("currency".to_owned(), json!(amount.currency().code()));
        body.insert("reference".to_owned(), json!(self.reference));
        // Absent rather than null or the default: older servers know no other way to capture.
        if self.capture == Capture::Manual {
            body.insert("capture".to_owned(), json!(self.capture.as_str()));
        }
        if let Some(terminal) = self.terminal {
            body.insert("terminal".to_owned(), json!(terminal.to_string()));
        }
        if let Some(description) = &self.description {
            body.insert("description".to_owned(), json!(description));
        }
        if !self.metadata.is_empty() {
            body.insert("metadata".to_owned(), json!(self.metadata));
        }
        Value::Object(body).to_string()
    }
}

/// How a code came to the till.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CodeSource {
    /// A scanner or a camera read it.
    Scan,
    /// Somebody keyed it in: its payer confirms the payment.
    Typed,
}

impl CodeSource {
    /// `scan` or `typed`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Scan => "scan",
            Self::Typed => "typed",
        }
    }
}

/// When the money of a payment is taken.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Capture {
    /// With the payment.
    Automatic,
    /// Later, all or part of it; until then it is held.
    Manual,
}

impl Capture {
    /// `automatic` or `manual`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Automatic => "automatic",
            Self::Manual => "manual",
        }
    }
}

/// The idempotency keys of a sale: random, 1 to 255 visible ASCII characters, never used before.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Keys {
    /// Under which the charge is sent, however often.
    pub charge: String,
    /// Under which it is called off, however often.
    pub reversal: String,
}

/// How long a till asks, counted from when the sale began, before it calls the sale off.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Patience(Duration);

impl Patience {
    /// This long. With zero, the charge is sent once and looked at once.
    #[must_use]
    pub fn of(duration: Duration) -> Self {
        Self(duration)
    }

    /// How long.
    #[must_use]
    pub fn duration(self) -> Duration {
        self.0
    }
}

/// 45 seconds.
impl Default for Patience {
    fn default() -> Self {
        Self(Duration::from_secs(PATIENCE_SECONDS))
    }
}

/// What to send; the caller adds the address of the server and the API key.
#[derive(Clone, PartialEq, Eq)]
pub struct Request {
    /// Which request of this run it is; an answer to an earlier one counts for nothing.
    pub(super) number: u32,
    /// How.
    pub method: Method,
    /// The path and the query, beginning with `/v1`.
    pub path: String,
    /// For the header `Idempotency-Key`.
    pub idempotency_key: Option<String>,
    /// JSON, as it is.
    pub body: Option<String>,
    /// How long to wait for the whole answer.
    pub timeout: Duration,
}

/// A code is worth money until it is used: it stays out of logs.
impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method.as_str(), self.path)
    }
}

/// The two ways in which a till asks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Method {
    /// `GET`
    Get,
    /// `POST`
    Post,
}

impl Method {
    /// `GET` or `POST`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Capture, CodeSource, Order};
    use crate::{Currency, Money, PositiveMoney, TerminalId};

    #[test]
    fn the_body_says_what_was_ordered_and_leaves_out_what_was_not() {
        let money = Money::parse("12.50", Currency::from_code("CNY").unwrap()).unwrap();
        let order = Order::new("order-1", PositiveMoney::new(money).unwrap());
        assert_eq!(
            order.body("70"),
            r#"{"amount":"12.50","code":"70","code_source":"scan","currency":"CNY","reference":"order-1"}"#
        );
        let order = Order {
            code_source: CodeSource::Typed,
            capture: Capture::Manual,
            terminal: Some(TerminalId::from_bytes([1; 16])),
            description: Some("\"tea\"".to_owned()),
            metadata: [("table".to_owned(), "4".to_owned())].into(),
            ..order
        };
        assert_eq!(
            order.body("70"),
            concat!(
                r#"{"amount":"12.50","capture":"manual","code":"70","code_source":"typed","#,
                r#""currency":"CNY","description":"\"tea\"","metadata":{"table":"4"},"#,
                r#""reference":"order-1","terminal":"01010101010101010101010101010101"}"#
            )
        );
    }
}
