//! A small HTTP client for the three kinds of caller that the server knows.
//!
//! | caller | proves itself by |
//! |---|---|
//! | merchant | an API key |
//! | payer's device | signed requests, [`DeviceSigner`] |
//! | operator | being able to open the Unix socket, or an operator key |

pub(crate) mod device;
mod download;
mod exchange;
pub(crate) mod models;
mod problem;
mod request;
mod retry;
mod server;

use std::fmt;
use std::time::Duration;

use reqwest::Url;
use reqwest::header::HeaderValue;
use serde::de::DeserializeOwned;
use serde::{Serialize, Serializer};
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use wallet_core::Mode;
use zeroize::Zeroizing;

use crate::failure::{Exit, Failure};
pub(crate) use device::DeviceSigner;
pub(crate) use exchange::Exchange;
pub(crate) use problem::{Certainty, Problem};
pub(crate) use request::Request;
pub(crate) use server::{OperatorArgs, ServerArgs, on_loopback, over_socket};

/// How long a connection may take: a till's customer waits.
const CONNECT_SECONDS_MAX: u64 = 5;
/// How long an answer may take. Longer than the longest poll.
const ANSWER_SECONDS_MAX: u64 = 60;
/// The pause before the second attempt; it doubles each time.
const FIRST_PAUSE_MILLIS: u64 = 200;
/// How often a request that moves money is sent before its outcome is called unknown.
const ATTEMPTS_MAX: u32 = 5;

/// One server, and who talks to it.
#[derive(Clone)]
pub(crate) struct Client {
    http: reqwest::Client,
    base: Url,
    bearer: Option<Zeroizing<String>>,
    /// How long to wait before the second attempt.
    first_pause: Duration,
}

/// An answer: as the server wrote it, for `--json`, and as this program understands it.
#[derive(Debug)]
pub(crate) struct Answer<T> {
    raw: Value,
    /// The parsed answer.
    pub(crate) value: T,
    /// Whether the server had decided this before and repeated its answer.
    pub(crate) replayed: bool,
}

impl<T: DeserializeOwned> Answer<T> {
    /// Reads an answer that was kept as text.
    pub(crate) fn read(body: &str) -> Result<Self, Failure> {
        parse(serde_json::from_str(body).map_err(|_| unexpected("it is not JSON"))?, false)
    }
}

impl<T: fmt::Display> fmt::Display for Answer<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.value.fmt(f)
    }
}

impl<T> Serialize for Answer<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.raw.serialize(serializer)
    }
}

impl Client {
    /// A client without credentials.
    pub(crate) fn new(builder: reqwest::ClientBuilder, base: Url) -> Result<Self, Failure> {
        // Only the first call installs it; the others find it there.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = builder
            .connect_timeout(Duration::from_secs(CONNECT_SECONDS_MAX))
            .timeout(Duration::from_secs(ANSWER_SECONDS_MAX))
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(concat!("wallet-cli/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| Failure::new(Exit::Unexpected, "http_client", error.to_string()))?;
        let first_pause = Duration::from_millis(FIRST_PAUSE_MILLIS);
        Ok(Self { http, base, bearer: None, first_pause })
    }

    /// The same with an API key.
    #[must_use]
    pub(crate) fn with_key(mut self, key: Zeroizing<String>) -> Self {
        self.bearer = Some(key);
        self
    }

    /// Where the server is.
    pub(crate) fn url(&self) -> &Url {
        &self.base
    }

    /// Whether the API key is for real money; a key says so itself.
    pub(crate) fn mode(&self) -> Mode {
        match &self.bearer {
            Some(key) if key.starts_with("sk_test_") => Mode::Test,
            _ => Mode::Live,
        }
    }

    /// Tells API keys apart. They are random, so nobody finds a key from this.
    pub(crate) fn key_fingerprint(&self) -> String {
        let key = self.bearer.as_ref().map_or("", |key| key.as_str());
        base16ct::lower::encode_string(&Sha256::digest(key)[..8])
    }

    /// Sends a request and reads its answer.
    ///
    /// A request with an idempotency key is repeated, with that key, while the server can't be
    /// reached or can't tell: the money moves at most once.
    pub(crate) async fn send<T: DeserializeOwned>(
        &self,
        request: Request<'_>,
    ) -> Result<Answer<T>, Failure> {
        let attempts_max = if request.idempotency_key.is_some() { ATTEMPTS_MAX } else { 1 };
        let mut retries = retry::Retries::up_to(attempts_max, self.first_pause);
        loop {
            let failure = match self.attempt(&request).await {
                Ok((raw, replayed)) => return parse(raw, replayed),
                Err(failure) => failure,
            };
            match retries.after(failure) {
                Ok(pause) => tokio::time::sleep(pause).await,
                Err(failure) => return Err(failure),
            }
        }
    }

    async fn attempt(&self, request: &Request<'_>) -> Result<(Value, bool), Failure> {
        let response =
            self.http.execute(self.prepare(request)?).await.map_err(|error| self.lost(&error))?;
        let status = response.status();
        let replayed = response.headers().contains_key("idempotent-replayed");
        let later = retry_after(&response);
        let body = response.bytes().await.map_err(|error| self.lost(&error))?;
        if !status.is_success() {
            return Err(refusal(status.as_u16(), &body, later));
        }
        if body.is_empty() {
            return Ok((Value::Null, replayed));
        }
        let raw = serde_json::from_slice(&body).map_err(|_| unexpected("it is not JSON"))?;
        Ok((raw, replayed))
    }

    fn prepare(&self, request: &Request<'_>) -> Result<reqwest::Request, Failure> {
        let mut url = self.base.clone();
        url.set_path(&request.path);
        if !request.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&request.query);
        }
        let body = request.body.as_ref().map(Value::to_string).unwrap_or_default();
        let mut headers = Vec::new();
        headers.extend(request.idempotency_key.clone().map(|key| ("idempotency-key".into(), key)));
        if let Some(signer) = request.signer {
            headers.extend(signer.headers(request.method.as_str(), &url, &headers, &body)?);
        }
        let mut builder = self.http.request(request.method.clone(), url);
        for (name, value) in headers {
            builder = builder.header(name, value);
        }
        if let Some(pin) = &request.pin {
            let mut value = HeaderValue::from_str(pin).map_err(|_| unsendable())?;
            value.set_sensitive(true);
            builder = builder.header("wallet-pin", value);
        }
        if let Some(media_type) = request.accept {
            builder = builder.header("accept", media_type);
        }
        if let Some(key) = &self.bearer {
            builder = builder.bearer_auth(key.as_str());
        }
        if request.body.is_some() {
            builder = builder.header("content-type", "application/json").body(body);
        }
        builder.build().map_err(|_| unsendable())
    }

    /// No answer came. Only a connection that never stood tells that nothing was decided.
    fn lost(&self, error: &reqwest::Error) -> Failure {
        if error.is_connect() {
            let cause = root_cause(error);
            let sentence = format!("can't reach the server at {}: {cause}", self.base);
            let hint = if cause.contains("certificate") {
                "--ca-file names the certificate to trust"
            } else {
                "is it running? `wallet serve` starts one; --server names another"
            };
            Failure::new(Exit::Unreachable, "unreachable", sentence).hint(hint)
        } else {
            Failure::new(Exit::AskAgain, "no_answer", "the connection broke before the answer came")
        }
    }
}

fn unsendable() -> Failure {
    let sentence = "a key or an id holds a character that HTTP can't carry";
    Failure::new(Exit::Usage, "invalid_request", sentence)
}

/// What the server refused with, and when it may be asked again.
fn refusal(status: u16, body: &[u8], retry_after_seconds: Option<u32>) -> Failure {
    let failure = Failure::problem(Problem::read(status, body));
    match retry_after_seconds {
        Some(seconds) => failure.hint(format!("ask again in {seconds} s")),
        None => failure,
    }
}

/// `Retry-After` in seconds (RFC 9110, section 10.2.3).
fn retry_after(response: &reqwest::Response) -> Option<u32> {
    response.headers().get("retry-after")?.to_str().ok()?.parse().ok()
}

/// What went wrong underneath; the layers above it say "error sending request".
fn root_cause(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}

fn parse<T: DeserializeOwned>(raw: Value, replayed: bool) -> Result<Answer<T>, Failure> {
    let value = T::deserialize(&raw).map_err(|error| unexpected(&error.to_string()))?;
    Ok(Answer { raw, value, replayed })
}

fn unexpected(why: &str) -> Failure {
    let sentence = format!("the server's answer is not what this release understands: {why}");
    Failure::new(Exit::Unexpected, "unexpected_answer", sentence)
}

#[cfg(test)]
mod tests;
