//! What is asked of the server.

use std::fmt;

use reqwest::Method;
use serde_json::Value;
use zeroize::Zeroizing;

use super::DeviceSigner;
use crate::secrets::Pin;

/// A request; paths begin with `/v1`.
pub(crate) struct Request<'a> {
    pub(super) method: Method,
    pub(super) path: String,
    pub(super) query: Vec<(&'static str, String)>,
    pub(super) body: Option<Value>,
    pub(super) idempotency_key: Option<String>,
    pub(super) accept: Option<&'static str>,
    pub(super) signer: Option<&'a DeviceSigner<'a>>,
    pub(super) pin: Option<Zeroizing<String>>,
}

impl<'a> Request<'a> {
    pub(crate) fn get(path: impl Into<String>) -> Self {
        Self::new(Method::GET, path, None)
    }

    pub(crate) fn post(path: impl Into<String>, body: Value) -> Self {
        Self::new(Method::POST, path, Some(body))
    }

    pub(crate) fn put(path: impl Into<String>, body: Value) -> Self {
        Self::new(Method::PUT, path, Some(body))
    }

    pub(crate) fn patch(path: impl Into<String>, body: Value) -> Self {
        Self::new(Method::PATCH, path, Some(body))
    }

    pub(crate) fn delete(path: impl Into<String>) -> Self {
        Self::new(Method::DELETE, path, None)
    }

    fn new(method: Method, path: impl Into<String>, body: Option<Value>) -> Self {
        let path = path.into();
        let (query, idempotency_key) = (Vec::new(), None);
        let (accept, signer, pin) = (None, None, None);
        Self { method, path, query, body, idempotency_key, accept, signer, pin }
    }

    /// Adds a parameter to the query, if it has a value.
    #[must_use]
    pub(crate) fn query(mut self, name: &'static str, value: Option<impl fmt::Display>) -> Self {
        self.query.extend(value.map(|value| (name, value.to_string())));
        self
    }

    /// Makes the request safe to repeat.
    #[must_use]
    pub(crate) fn idempotency_key(mut self, key: &str) -> Self {
        self.idempotency_key = Some(key.to_owned());
        self
    }

    /// Adds the PIN beside what is signed, which the server keeps.
    #[must_use]
    pub(crate) fn pin(mut self, pin: Option<&Pin>) -> Self {
        self.pin = pin.map(|pin| Zeroizing::new(pin.digits().to_owned()));
        self
    }

    /// Asks for another form than JSON, by its media type.
    #[must_use]
    pub(crate) fn accept(mut self, media_type: &'static str) -> Self {
        self.accept = Some(media_type);
        self
    }

    /// Signs the request as a payer's device.
    #[must_use]
    pub(crate) fn signed_by(mut self, signer: &'a DeviceSigner<'a>) -> Self {
        self.signer = Some(signer);
        self
    }
}

/// Without the PIN.
impl fmt::Debug for Request<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("method", &self.method)
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}
