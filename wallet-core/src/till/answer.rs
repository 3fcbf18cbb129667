//! What the server answered, and what a till may conclude from it.

use core::time::Duration;

use serde::Deserialize;
use serde_json::Value;

use super::outcome::{Payment, Problem};

/// An HTTP answer, as it came.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// Whether it has the header `Idempotent-Replayed`: then it tells what once was, not what is.
    pub replayed: bool,
    /// The header `Retry-After`.
    pub retry_after: Option<Duration>,
    /// The body; text that is not JSON counts as no answer.
    pub body: String,
}

/// What the server lets a till conclude from an error.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Certainty {
    Final,
    Unknown,
    NeedsPayer,
    Retry,
}

/// What an answer to a charge means for the charge.
pub(super) enum Charged {
    /// There is a payment.
    Payment(Payment),
    /// The payment was declined. The server keeps this answer, so it counts for every attempt.
    Declined(Payment, Problem),
    /// The code is spent. The server keeps this answer as well.
    CodeSpent(Problem),
    /// The code is not authentic; nothing is kept.
    CodeInvalid(Problem),
    /// The reference was called off: nothing will ever come under it.
    Canceled,
    /// The reference stands for another payment: nothing will ever come of this code under it.
    ReferenceTaken(Problem),
    /// This attempt did nothing, and the next one will do no more.
    Refused(Problem),
    /// This attempt did nothing; the next one may.
    NotYet(Problem),
    /// This attempt may have done something.
    Unknown(Problem),
}

/// What an answer to a reversal means.
pub(super) enum Reversed {
    /// It is done: no payment, or one that says how it ended.
    Done(Option<Payment>),
    /// The payment can't be undone any more, by any attempt; it has to be looked at.
    TooLate,
    /// The merchant's balance is less than would be given back: this attempt did nothing, another
    /// one may do more.
    Unaffordable(Problem),
    /// This attempt did nothing.
    NotYet(Problem),
    /// This attempt may have done something.
    Unknown(Problem),
}

/// The fields that every error of the server has.
#[derive(Deserialize)]
struct Body {
    code: String,
    certainty: Certainty,
    #[serde(default)]
    detail: String,
    #[serde(default)]
    title: String,
}

impl Answer {
    /// Reads the answer to a charge.
    pub(super) fn to_charge(&self) -> Charged {
        let body = self.json();
        if self.is_success() {
            return Payment::read(&body)
                .map_or_else(|| Charged::Unknown(self.unexpected()), Charged::Payment);
        }
        let Some((problem, certainty)) = self.problem(&body) else {
            return Charged::Unknown(self.unexpected());
        };
        match (certainty, self.status, problem.code.as_str()) {
            (Certainty::Final, 402, _) => match Payment::within(&body) {
                Some(payment) => Charged::Declined(payment, problem),
                None => Charged::Unknown(problem),
            },
            (Certainty::Final, _, "code_expired" | "code_used") => Charged::CodeSpent(problem),
            (Certainty::Final, _, "invalid_code") => Charged::CodeInvalid(problem),
            (Certainty::Final, _, "reference_canceled") => Charged::Canceled,
            (Certainty::Retry, _, "reference_conflict") => Charged::ReferenceTaken(problem),
            (Certainty::Retry, ..) if problem.passes_by_itself() => Charged::NotYet(problem),
            (Certainty::Final | Certainty::Retry, ..) => Charged::Refused(problem),
            (Certainty::Unknown | Certainty::NeedsPayer, ..) => Charged::Unknown(problem),
        }
    }

    /// Reads the answer to a reversal.
    pub(super) fn to_reversal(&self) -> Reversed {
        let body = self.json();
        if self.is_success() {
            let payment = body.get("payment").filter(|_| body["object"] == "cancellation");
            return match payment {
                Some(Value::Null) => Reversed::Done(None),
                Some(payment) => Payment::read(payment).map_or_else(
                    || Reversed::Unknown(self.unexpected()),
                    |payment| Reversed::Done(Some(payment)),
                ),
                None => Reversed::Unknown(self.unexpected()),
            };
        }
        let Some((problem, certainty)) = self.problem(&body) else {
            return Reversed::Unknown(self.unexpected());
        };
        match (certainty, problem.code.as_str()) {
            (_, "payment_closed" | "cancel_too_late") => Reversed::TooLate,
            (_, "balance_insufficient") => Reversed::Unaffordable(problem),
            (Certainty::Final | Certainty::Retry, _) => Reversed::NotYet(problem),
            (Certainty::Unknown | Certainty::NeedsPayer, _) => Reversed::Unknown(problem),
        }
    }

    /// Reads the answer to a question about one payment.
    pub(super) fn to_question(&self) -> Result<Payment, Problem> {
        let body = self.json();
        if self.is_success() {
            return Payment::read(&body).ok_or_else(|| self.unexpected());
        }
        Err(self.problem(&body).map_or_else(|| self.unexpected(), |(problem, _)| problem))
    }

    /// Reads the answer to a question about a reference; that there is none proves nothing.
    pub(super) fn to_look_up(&self) -> Result<Option<Payment>, Problem> {
        let body = self.json();
        if self.is_success() {
            let list = body.get("data").and_then(Value::as_array);
            let list = list.ok_or_else(|| self.unexpected())?;
            return Ok(list.first().and_then(Payment::read));
        }
        Err(self.problem(&body).map_or_else(|| self.unexpected(), |(problem, _)| problem))
    }

    fn is_success(&self) -> bool {
        matches!(self.status, 200..=299)
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_default()
    }

    /// The server's own error; whatever else stands between, as a proxy, has no say.
    fn problem(&self, body: &Value) -> Option<(Problem, Certainty)> {
        let Body { code, certainty, detail, title } = Body::deserialize(body).ok()?;
        let detail = if detail.is_empty() { title } else { detail };
        let problem = Problem { status: Some(self.status), code, detail, body: self.body.clone() };
        Some((problem, certainty))
    }

    fn unexpected(&self) -> Problem {
        Problem {
            status: Some(self.status),
            code: "unexpected_answer".to_owned(),
            detail: format!(
                "the server answered {} with something else than expected",
                self.status
            ),
            body: self.body.clone(),
        }
    }
}
