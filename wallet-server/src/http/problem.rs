//! Errors as `application/problem+json` (RFC 9457), with what the till may conclude from them.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;
use wallet_core::Timestamp;

use super::openapi::schema;
use super::payment_body::PaymentBody;
use super::time::rfc3339;
use crate::store::StoreError;
use crate::worker::{Unanswered, Unsettled};

/// What may be concluded from an error. A till that looks at nothing else still does the right
/// thing.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Certainty {
    /// No money moved and none will.
    Final,
    /// It may have happened: ask again with the same key.
    Unknown,
    /// This request did nothing, an earlier one may have: repeat with the same key.
    Retry,
}

/// What is wrong with one field.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(super) struct FieldError {
    /// Where: a JSON pointer (RFC 6901) into the body, or into the query as an object.
    #[schema(examples("/amount"))]
    pub(super) pointer: String,
    /// What.
    pub(super) detail: String,
}

/// What is left of what was exceeded. Which limit of a payer that is: for the payer alone.
#[derive(Clone, Debug)]
pub(super) struct OverLimitBody {
    pub(super) limit: Option<&'static str>,
    pub(super) remaining: String,
}

/// An error on its way to the client. The outermost layer gives it its request id and writes it.
#[derive(Clone, Debug)]
pub(super) struct Problem {
    pub(super) status: StatusCode,
    pub(super) code: &'static str,
    pub(super) detail: String,
    pub(super) certainty: Certainty,
    pub(super) errors: Vec<FieldError>,
    pub(super) payment: Option<Box<PaymentBody>>,
    pub(super) over_limit: Option<Box<OverLimitBody>>,
    pub(super) server_time: Option<String>,
    pub(super) retry_after_seconds: Option<u16>,
    /// Whether the same answer must come again to the byte: then its body cannot hold the id of
    /// the request, which stands in a header anyway.
    pub(super) kept: bool,
}

/// How long a client should wait before it repeats a request that met an overloaded server.
const RETRY_AFTER_SECONDS: u16 = 1;

impl Problem {
    pub(super) fn new(
        status: StatusCode,
        code: &'static str,
        certainty: Certainty,
        detail: impl Into<String>,
    ) -> Self {
        Self {
            status,
            code,
            detail: detail.into(),
            certainty,
            errors: Vec::new(),
            payment: None,
            over_limit: None,
            server_time: None,
            retry_after_seconds: None,
            kept: false,
        }
    }

    /// A request that makes no sense. It did nothing, but one with the same key may have.
    pub(super) fn invalid(errors: Vec<FieldError>) -> Self {
        let detail = match errors.first() {
            Some(error) if error.pointer.is_empty() => error.detail.clone(),
            Some(error) => format!("{}: {}", error.pointer, error.detail),
            None => "The request is not understood.".to_owned(),
        };
        let problem =
            Self::new(StatusCode::BAD_REQUEST, "invalid_request", Certainty::Retry, detail);
        Self { errors, ..problem }
    }

    /// One field that makes no sense.
    pub(super) fn field(pointer: &str, detail: impl Into<String>) -> Self {
        Self::invalid(vec![FieldError { pointer: pointer.to_owned(), detail: detail.into() }])
    }

    /// A request without a valid key. Only this one asks for a bearer token; devices sign.
    pub(super) fn unauthorized(detail: &str) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "unauthorized", Certainty::Retry, detail)
    }

    pub(super) fn not_found(what: &str) -> Self {
        let detail = format!("There is no such {what}.");
        Self::new(StatusCode::NOT_FOUND, "not_found", Certainty::Final, detail)
    }

    fn overloaded(detail: &str) -> Self {
        let status = StatusCode::SERVICE_UNAVAILABLE;
        Self::new(status, "overloaded", Certainty::Retry, detail)
            .with_retry_after(RETRY_AFTER_SECONDS)
    }

    /// Something failed that cannot; this request did nothing.
    pub(super) fn internal() -> Self {
        let detail = "The server failed, and this request did nothing.";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", Certainty::Retry, detail)
    }

    pub(super) fn with_retry_after(self, seconds: u16) -> Self {
        Self { retry_after_seconds: Some(seconds), ..self }
    }

    pub(super) fn with_server_time(self, now: Timestamp) -> Self {
        Self { server_time: Some(rfc3339(now)), ..self }
    }

    /// The response, once the request id is known.
    pub(super) fn write(self, instance: &str, request_id: &str) -> Response {
        let body = ProblemBody {
            r#type: format!("urn:wallet:error:{}", self.code),
            title: self.status.canonical_reason().unwrap_or("Error"),
            status: self.status.as_u16(),
            detail: &self.detail,
            instance,
            code: self.code,
            certainty: self.certainty,
            request_id: Some(request_id).filter(|_| !self.kept),
            errors: &self.errors,
            payment: self.payment.as_deref(),
            limit: self.over_limit.as_deref().and_then(|over| over.limit),
            remaining: self.over_limit.as_deref().map(|over| over.remaining.as_str()),
            server_time: self.server_time.as_deref(),
        };
        let json = serde_json::to_vec(&body).unwrap_or_default();
        let mut response = (self.status, json).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if let Some(seconds) = self.retry_after_seconds {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.code == "unauthorized" && !instance.starts_with("/v1/wallet/") {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

/// An error: what happened, and what may be concluded from it.
#[derive(Serialize, ToSchema)]
#[schema(as = Problem)]
pub(super) struct ProblemBody<'a> {
    /// `urn:wallet:error:` and the code.
    #[schema(examples("urn:wallet:error:code_expired"))]
    r#type: String,
    /// What the status is called.
    title: &'a str,
    status: u16,
    /// For people; it may change.
    detail: &'a str,
    /// The path that was called.
    instance: &'a str,
    /// For programs; it stays.
    #[schema(pattern = "^[a-z_]+$", examples("code_expired"))]
    code: &'a str,
    certainty: Certainty,
    /// As in `X-Request-Id`; not in an answer that must come again to the byte.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, pattern = "^req_[0-9a-f]{24}$")]
    request_id: Option<&'a str>,
    /// What is wrong with which field.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    errors: &'a [FieldError],
    /// The payment that was declined, or that stands in the way.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    payment: Option<&'a PaymentBody>,
    /// Which of the payer's limits was in the way; for the payer alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    limit: Option<&'a str>,
    /// What was left of it, or of what a refund may still give back.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<schema::Amount>, nullable = false)]
    remaining: Option<&'a str>,
    /// With errors about clocks.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<schema::Time>, nullable = false)]
    server_time: Option<&'a str>,
}

/// The status for now; the body follows when the outermost layer knows the request id.
impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        tracing::error!(%error, "the database failed");
        let (certainty, detail) = if error.is_uncertain() {
            (Certainty::Unknown, "The server does not know whether this was done. Look.")
        } else {
            let detail =
                "The server could not use its books, and this request did nothing. Try again.";
            (Certainty::Retry, detail)
        };
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", certainty, detail)
    }
}

impl Problem {
    /// What was asked for was done, and then the answer could not be read. Nobody may be told that
    /// nothing happened.
    #[expect(clippy::needless_pass_by_value, reason = "for `map_err`")]
    pub(super) fn done_but_unread(error: StoreError) -> Self {
        tracing::error!(%error, "the answer to what was done cannot be read");
        Unsettled::Unknown.into()
    }
}

impl From<Unanswered> for Problem {
    fn from(Unanswered: Unanswered) -> Self {
        Self::overloaded("The server is busy and did nothing. Sign the request anew.")
    }
}

impl From<Unsettled> for Problem {
    fn from(unsettled: Unsettled) -> Self {
        match unsettled {
            Unsettled::Overloaded | Unsettled::Late => {
                Self::overloaded("The server is busy and did nothing. Repeat with the same key.")
            }
            Unsettled::Unknown => {
                let detail = "The outcome is not known. Ask again with the same key.";
                let status = StatusCode::INTERNAL_SERVER_ERROR;
                Self::new(status, "internal", Certainty::Unknown, detail)
            }
        }
    }
}
