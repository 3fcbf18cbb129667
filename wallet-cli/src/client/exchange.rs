//! One request as a till makes it: whatever comes of it is for the till to judge.

use std::time::Duration;

use reqwest::Method;
use wallet_core::till::{self, Answer};

use super::Client;

/// What came of a request.
#[derive(Debug)]
pub(crate) enum Exchange {
    /// An answer of whoever answered.
    Answered(Answer),
    /// No connection stood, so nothing was sent.
    Unsent,
    /// It may have arrived.
    Lost,
}

impl Client {
    /// Sends a request once and reads the answer as it is.
    pub(crate) async fn exchange(&self, request: &till::Request) -> Exchange {
        match self.try_exchange(request).await {
            Ok(answer) => Exchange::Answered(answer),
            // A request that can't be built is not sent either.
            Err(error) if error.is_connect() || error.is_builder() => Exchange::Unsent,
            Err(_) => Exchange::Lost,
        }
    }

    async fn try_exchange(&self, request: &till::Request) -> reqwest::Result<Answer> {
        let mut url = self.base.clone();
        let (path, query) = request.path.split_once('?').unwrap_or((&request.path, ""));
        url.set_path(path);
        url.set_query(Some(query).filter(|query| !query.is_empty()));
        let method = match request.method {
            till::Method::Get => Method::GET,
            till::Method::Post => Method::POST,
        };
        let mut builder = self.http.request(method, url).timeout(request.timeout);
        if let Some(key) = &self.bearer {
            builder = builder.bearer_auth(key.as_str());
        }
        if let Some(key) = &request.idempotency_key {
            builder = builder.header("idempotency-key", key);
        }
        if let Some(body) = &request.body {
            builder = builder.header("content-type", "application/json").body(body.clone());
        }
        let response = builder.send().await?;
        Ok(Answer {
            status: response.status().as_u16(),
            replayed: response.headers().contains_key("idempotent-replayed"),
            retry_after: super::retry_after(&response)
                .map(|seconds| Duration::from_secs(seconds.into())),
            body: response.text().await?,
        })
    }
}
