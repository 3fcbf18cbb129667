//! How a sale can end, and what stands in the way until then.

use core::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// How a sale ended. Each of these is certain: there is no variant for "perhaps".
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Outcome {
    /// The money is the merchant's: hand out the goods.
    Paid(Payment),
    /// The money is held for the merchant, to be captured later.
    Authorized(Payment),
    /// No money moved: a rule or the payer was against it. A new try needs a new reference.
    Declined {
        /// The payment that was declined.
        payment: Payment,
        /// What the server said, where it declined at once and not after the payer was asked.
        problem: Option<Problem>,
    },
    /// No money moved: the code is too old, was used, or is none. Scan again under new keys; the
    /// reference is still free.
    CodeUnusable(Problem),
    /// Nothing is owed: called off, expired or given back; the payment, if there ever was one,
    /// says which. No payment will come under this reference any more.
    Reversed(Option<Payment>),
    /// No money moved: the request never left or did nothing, every time. The reference is free.
    Refused(Problem),
    /// No money moved for this code: the reference stands for another payment, which is in the
    /// problem's body. If that was for the same goods, they are paid or not as it says.
    ReferenceTaken(Problem),
}

impl Outcome {
    /// Whether the goods may be handed out.
    #[must_use]
    pub fn is_paid(&self) -> bool {
        match self {
            Self::Paid(_) | Self::Authorized(_) => true,
            Self::Declined { .. }
            | Self::CodeUnusable(_)
            | Self::Reversed(_)
            | Self::Refused(_)
            | Self::ReferenceTaken(_) => false,
        }
    }

    /// Whether another code may be charged under the same reference.
    #[must_use]
    pub fn leaves_the_reference_free(&self) -> bool {
        matches!(self, Self::CodeUnusable(_) | Self::Refused(_))
    }

    /// The payment of the sale, where there is one.
    #[must_use]
    pub fn payment(&self) -> Option<&Payment> {
        match self {
            Self::Paid(payment) | Self::Authorized(payment) | Self::Declined { payment, .. } => {
                Some(payment)
            }
            Self::Reversed(payment) => payment.as_ref(),
            Self::CodeUnusable(_) | Self::Refused(_) | Self::ReferenceTaken(_) => None,
        }
    }

    /// What a state means for the till, or nothing while it is open.
    pub(super) fn of(payment: Payment) -> Result<Self, Payment> {
        match payment.state.as_str() {
            "succeeded" | "partially_refunded" => Ok(Self::Paid(payment)),
            "authorized" => Ok(Self::Authorized(payment)),
            "declined" => Ok(Self::Declined { payment, problem: None }),
            "canceled" | "expired" | "refunded" => Ok(Self::Reversed(Some(payment))),
            // That it waits, or whatever a later server has to say.
            _ => Err(payment),
        }
    }
}

/// A payment as the server described it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Payment {
    /// Its id, `pay_…`.
    pub id: String,
    /// Its state.
    pub state: String,
    /// All of it, as JSON; its receipt is to be verified.
    pub body: String,
}

impl Payment {
    /// Reads a payment; its id can't change a path that it is put in.
    pub(super) fn read(value: &Value) -> Option<Self> {
        let text = |name: &str| value.get(name)?.as_str().map(str::to_owned);
        let id = text("id")?;
        let harmless = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        if id.is_empty() || !id.bytes().all(harmless) {
            return None;
        }
        Some(Self { id, state: text("state")?, body: value.to_string() })
    }

    /// Reads the payment of a body that has one.
    pub(super) fn within(body: &Value) -> Option<Self> {
        body.get("payment").and_then(Self::read)
    }
}

/// Why a request did not do what it was for.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Problem {
    /// The HTTP status, where there was an answer.
    pub status: Option<u16>,
    /// The server's stable code; `unreachable`, `no_answer`, `unexpected_answer` or `called_off`
    /// are the till's own.
    pub code: String,
    /// A sentence for people.
    pub detail: String,
    /// All that the server said.
    pub body: String,
}

impl Problem {
    /// What the till itself has to say.
    pub(super) fn own(code: &str, detail: &str) -> Self {
        Self { status: None, code: code.to_owned(), detail: detail.to_owned(), body: String::new() }
    }

    /// Whether waiting may help: a busy or broken server or network, a clock that is ahead. What
    /// else is wrong stays wrong until somebody does something about it.
    #[must_use]
    pub fn passes_by_itself(&self) -> bool {
        self.status.is_none_or(|status| status >= 500 || matches!(status, 408 | 425 | 429))
            || self.code == "clock_skew"
            || self.code == "unexpected_answer"
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} [{}]", self.detail, self.code)
    }
}
