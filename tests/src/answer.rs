//! What the server answered.

use reqwest::StatusCode;
use serde_json::Value;

use crate::contract;

/// What an error must not say: the names of libraries, types and files are for the log.
const INTERNAL_WORDS: [&str; 13] = [
    "sqlx",
    "sqlite",
    "serde",
    "axum",
    "hyper",
    "tokio",
    "panicked",
    "struct ",
    "body with",
    ".rs",
    "/src/",
    "select ",
    "insert into",
];

/// An answer, read to its end.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// Whether it was marked as a repeat of an earlier answer.
    pub replayed: bool,
    /// The id of the request.
    pub request_id: String,
    /// The media type.
    pub media_type: String,
    /// All header fields.
    pub headers: reqwest::header::HeaderMap,
    /// The body, to the byte.
    pub text: String,
    /// The body as JSON, or null.
    pub json: Value,
}

impl Answer {
    /// Reads a response, and holds it against the API's description.
    pub async fn read(response: reqwest::Response) -> Self {
        Self::try_read(response).await.expect("the answer breaks off")
    }

    /// The same; none if the server was gone before its end.
    pub async fn try_read(response: reqwest::Response) -> Option<Self> {
        let path = response.url().path().to_owned();
        let status = response.status();
        let headers = response.headers().clone();
        let text = response.text().await.ok()?;
        let json = serde_json::from_str(&text).unwrap_or(Value::Null);
        let header = |name: &str| {
            let value = headers.get(name).and_then(|value| value.to_str().ok());
            value.unwrap_or_default().to_owned()
        };
        let (replayed, media_type) =
            (header("idempotent-replayed") == "true", header("content-type"));
        let request_id = header("x-request-id");
        let answer = Self { status, replayed, request_id, media_type, headers, text, json };
        if let Some(fault) = contract::fault(&path, &answer) {
            panic!("{path}: {fault}: {status} {}", answer.text);
        }
        Some(answer)
    }

    /// A text field, by JSON pointer; empty when there is none.
    #[must_use]
    pub fn text(&self, pointer: &str) -> &str {
        self.json.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
    }

    /// The error code, or the state of the payment.
    #[must_use]
    pub fn outcome(&self) -> &str {
        let code = self.text("/code");
        if code.is_empty() { self.text("/state") } else { code }
    }

    /// Checks that this is an error as every error must be, with this status and code.
    #[track_caller]
    pub fn assert_problem(&self, status: u16, code: &str, certainty: &str) {
        assert_eq!(self.media_type, "application/problem+json", "{}", self.text);
        let found = (self.status.as_u16(), self.text("/code"), self.text("/certainty"));
        assert_eq!(found, (status, code, certainty), "{}", self.text);
        for field in ["/type", "/title", "/detail", "/instance"] {
            assert!(!self.text(field).is_empty(), "no {field} in {}", self.text);
        }
        assert!(self.request_id.starts_with("req_"), "{}", self.request_id);
    }

    /// Checks that this error names one field, and tells nothing about how the server is made.
    #[track_caller]
    pub fn assert_points_at(&self, pointer: &str) {
        self.assert_problem(400, "invalid_request", "retry");
        assert_eq!(self.text("/errors/0/pointer"), pointer, "{}", self.text);
        assert!(!self.text("/errors/0/detail").is_empty(), "{}", self.text);
        self.assert_tells_nothing_internal();
    }

    /// Checks that no library, type, file or statement of the server shows.
    #[track_caller]
    pub fn assert_tells_nothing_internal(&self) {
        assert!(!self.status.is_server_error(), "{}", self.text);
        let text = self.text.to_lowercase();
        for word in INTERNAL_WORDS {
            assert!(!text.contains(word), "{word} in {}", self.text);
        }
    }

    /// Checks that the request was answered.
    #[track_caller]
    #[must_use]
    pub fn ok(self) -> Self {
        assert_eq!(self.status, StatusCode::OK, "{}", self.text);
        self
    }

    /// Checks that the request succeeded.
    #[track_caller]
    #[must_use]
    pub fn created(self) -> Self {
        assert_eq!(self.status, StatusCode::CREATED, "{}", self.text);
        self
    }
}
