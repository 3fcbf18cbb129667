//! Errors of the server: `application/problem+json` (RFC 9457) with a code and a certainty.

use core::fmt;

use serde::Deserialize;
use serde_json::Value;

use crate::failure::Exit;

/// What may be concluded from an error.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Certainty {
    /// No money moved and none will.
    Final,
    /// Nobody knows yet: ask again with the same key.
    Unknown,
    /// It waits for the payer.
    NeedsPayer,
    /// This request did nothing, an earlier one may have: repeat with the same key.
    Retry,
}

impl Certainty {
    /// The name in JSON.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Final => "final",
            Self::Unknown => "unknown",
            Self::NeedsPayer => "needs_payer",
            Self::Retry => "retry",
        }
    }

    fn meaning(self) -> &'static str {
        match self {
            Self::Final => "no money moved and none will",
            Self::Unknown => "the outcome is not known: ask again with the same key",
            Self::NeedsPayer => "the payer must act",
            Self::Retry => "this request did nothing; an earlier one with the same key may have",
        }
    }
}

/// An error that the server reported.
#[derive(Debug)]
pub(crate) struct Problem {
    pub(crate) status: u16,
    pub(crate) code: String,
    pub(crate) certainty: Certainty,
    title: String,
    detail: String,
    request_id: Option<String>,
    fields: Vec<Field>,
    /// As the server wrote it.
    pub(crate) raw: Value,
}

#[derive(Debug, Deserialize)]
struct Field {
    #[serde(default)]
    pointer: String,
    #[serde(default)]
    detail: String,
}

#[derive(Deserialize)]
struct Body {
    code: String,
    certainty: Certainty,
    #[serde(default)]
    title: String,
    #[serde(default)]
    detail: String,
    request_id: Option<String>,
    #[serde(default)]
    errors: Vec<Field>,
}

impl Problem {
    /// Reads the body of an error. Whatever is not the server's own error, as a proxy's page,
    /// leaves the outcome unknown.
    pub(crate) fn read(status: u16, body: &[u8]) -> Self {
        let raw = serde_json::from_slice(body).unwrap_or_default();
        let body = Body::deserialize(&raw).unwrap_or_else(|_| Body {
            code: "unexpected_answer".to_owned(),
            certainty: Certainty::Unknown,
            title: format!("the server answered {status} without saying why"),
            detail: String::new(),
            request_id: None,
            errors: Vec::new(),
        });
        let Body { code, certainty, title, detail, request_id, errors: fields } = body;
        Self { status, code, certainty, title, detail, request_id, fields, raw }
    }

    /// The sentence to show.
    pub(crate) fn detail_or_title(&self) -> &str {
        if self.detail.is_empty() { &self.title } else { &self.detail }
    }

    /// The exit code that says what may be concluded.
    ///
    /// A request that did nothing because it is wrong, as one with an unknown key, is refused:
    /// the same again stays wrong.
    pub(crate) fn exit(&self) -> Exit {
        match self.certainty {
            Certainty::Final => Exit::Refused,
            Certainty::Retry if matches!(self.status, 400..=499 if !self.passes()) => Exit::Refused,
            Certainty::Unknown | Certainty::NeedsPayer | Certainty::Retry => Exit::AskAgain,
        }
    }

    /// Whether a client error passes by itself: a clock that is ahead, or too many requests. Other
    /// conflicts stay, as that with a payment which has been decided.
    fn passes(&self) -> bool {
        self.status == 429 || self.code == "clock_skew"
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Field { pointer, detail } in &self.fields {
            write!(f, "\n  {pointer}: {detail}")?;
        }
        write!(f, "\n  {}: {}", self.certainty.as_str(), self.certainty.meaning())?;
        if let Some(payment) = self.raw["payment"]["id"].as_str() {
            write!(f, "\n  payment {payment}")?;
        }
        self.request_id.iter().try_for_each(|id| write!(f, "\n  request {id}"))
    }
}

#[cfg(test)]
mod tests {
    use super::{Certainty, Problem};
    use crate::failure::{Exit, Failure};

    #[test]
    fn an_error_shows_its_sentence_code_certainty_and_bad_fields() {
        let body = r#"{"type":"x","title":"Bad","status":400,"detail":"the body is wrong",
            "code":"invalid_request","certainty":"final","request_id":"req_1",
            "errors":[{"pointer":"/amount","detail":"is no amount"}]}"#;
        let failure = Failure::problem(Problem::read(400, body.as_bytes()));
        assert_eq!(failure.exit(), Exit::Refused);
        assert_eq!(
            failure.to_string(),
            "the body is wrong [invalid_request]\n  /amount: is no amount\n  \
             final: no money moved and none will\n  request req_1"
        );
        assert_eq!(failure.to_json()["error"]["certainty"], "final");
    }

    #[test]
    fn a_request_that_is_wrong_is_refused_though_an_earlier_one_may_have_worked() {
        for (status, code, exit) in [
            (400, "invalid_request", Exit::Refused),
            (401, "unauthorized", Exit::Refused),
            (403, "pin_refused", Exit::Refused),
            (409, "payment_closed", Exit::Refused),
            (409, "reference_conflict", Exit::Refused),
            (422, "idempotency_key_reused", Exit::Refused),
            (409, "clock_skew", Exit::AskAgain),
            (429, "too_many_requests", Exit::AskAgain),
            (503, "overloaded", Exit::AskAgain),
        ] {
            let body = format!(r#"{{"code":"{code}","certainty":"retry"}}"#);
            let problem = Problem::read(status, body.as_bytes());
            assert_eq!(problem.exit(), exit, "{status} {code}");
        }
    }

    #[test]
    fn only_a_final_error_is_a_refusal_and_the_others_say_ask_again() {
        for (certainty, exit) in [
            (Certainty::Final, Exit::Refused),
            (Certainty::Unknown, Exit::AskAgain),
            (Certainty::NeedsPayer, Exit::AskAgain),
            (Certainty::Retry, Exit::AskAgain),
        ] {
            let certainty_name = certainty.as_str();
            let body = format!(r#"{{"code":"x","certainty":"{certainty_name}"}}"#);
            let problem = Problem::read(503, body.as_bytes());
            assert_eq!((problem.certainty, problem.exit()), (certainty, exit));
        }
    }

    #[test]
    fn an_error_page_of_a_proxy_leaves_the_outcome_unknown() {
        for body in ["<html>502</html>", "", "{}", r#"{"code":"x","certainty":"sure"}"#] {
            let problem = Problem::read(502, body.as_bytes());
            assert_eq!(problem.certainty, Certainty::Unknown, "{body}");
            assert_eq!(problem.code, "unexpected_answer");
        }
    }
}
