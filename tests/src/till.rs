//! A merchant's till.

use serde_json::{Value, json};

use wallet_server::Server;

use crate::{Answer, World};

/// A till with an API key.
#[derive(Clone, Debug)]
pub struct Till {
    /// The merchant's id.
    pub merchant: String,
    /// The API key.
    pub api_key: String,
    base: String,
    http: reqwest::Client,
}

/// What a till asks for.
#[derive(Clone, Debug)]
pub struct Charge {
    /// The idempotency key.
    pub key: String,
    /// The body.
    pub body: Value,
}

impl Charge {
    /// A charge of a code, with the reference as idempotency key.
    #[must_use]
    pub fn new(reference: &str, code: &str, amount: &str) -> Self {
        let body =
            json!({ "code": code, "amount": amount, "currency": "CNY", "reference": reference });
        Self { key: format!("key-{reference}"), body }
    }

    /// The same with another idempotency key.
    #[must_use]
    pub fn key(self, key: &str) -> Self {
        Self { key: key.to_owned(), ..self }
    }

    /// The same with a field set.
    #[must_use]
    pub fn with(mut self, field: &str, value: impl Into<Value>) -> Self {
        self.body[field] = value.into();
        self
    }
}

impl Till {
    pub(crate) fn new(world: &World, merchant: &str, api_key: &str) -> Self {
        Self {
            merchant: merchant.to_owned(),
            api_key: api_key.to_owned(),
            base: world.url(""),
            http: world.http().clone(),
        }
    }

    /// The same till with another API key.
    #[must_use]
    pub fn with_key(&self, api_key: &str) -> Self {
        Self { api_key: api_key.to_owned(), ..self.clone() }
    }

    /// The same till after the server was started again, perhaps at another port.
    #[must_use]
    pub fn at(&self, world: &World) -> Self {
        Self { base: world.url(""), ..self.clone() }
    }

    /// The same till, connected to another server.
    #[must_use]
    pub fn connected_to(&self, server: &Server) -> Self {
        Self { base: server.public_url().to_owned(), ..self.clone() }
    }

    /// Charges.
    pub async fn charge(&self, charge: &Charge) -> Answer {
        self.post("/v1/payments", &[("idempotency-key", &charge.key)], charge.body.to_string())
            .await
    }

    /// Looks something up.
    pub async fn get(&self, path: &str) -> Answer {
        let request = self.http.get(format!("{}{path}", self.base)).bearer_auth(&self.api_key);
        Answer::read(request.send().await.unwrap()).await
    }

    /// Posts a body as it is.
    pub async fn post(
        &self,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<reqwest::Body>,
    ) -> Answer {
        let mut request = self.http.post(format!("{}{path}", self.base)).bearer_auth(&self.api_key);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        Answer::read(request.body(body).send().await.unwrap()).await
    }

    /// Registers a till and returns its id.
    pub async fn terminal(&self, name: &str) -> String {
        let body = json!({ "name": name }).to_string();
        self.post("/v1/terminals", &[], body).await.created().text("/id").to_owned()
    }

    /// What the merchant is owed.
    pub async fn balance(&self) -> String {
        self.get("/v1/balance").await.text("/balances/0/available").to_owned()
    }
}
