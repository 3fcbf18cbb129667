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

    /// Charges through a server that may be gone before it has answered: none then.
    pub async fn try_charge(&self, charge: &Charge) -> Option<Answer> {
        let request = self.http.post(format!("{}/v1/payments", self.base));
        let request = request.bearer_auth(&self.api_key).header("idempotency-key", &charge.key);
        let response = request.body(charge.body.to_string()).send().await.ok()?;
        Answer::try_read(response).await
    }

    /// Posts JSON under an idempotency key; nothing for null.
    pub async fn ask(&self, path: &str, key: &str, body: Value) -> Answer {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        self.post(path, &[("idempotency-key", key)], body).await
    }

    /// Captures a payment, all of it unless an amount is said.
    pub async fn capture(&self, payment: &str, key: &str, amount: Option<&str>) -> Answer {
        let body =
            amount.map_or(Value::Null, |amount| json!({ "amount": amount, "currency": "CNY" }));
        self.ask(&format!("/v1/payments/{payment}/capture"), key, body).await
    }

    /// Calls a payment off.
    pub async fn cancel(&self, payment: &str, key: &str) -> Answer {
        self.ask(&format!("/v1/payments/{payment}/cancel"), key, Value::Null).await
    }

    /// Calls off whatever stands under a reference.
    pub async fn cancel_reference(&self, reference: &str, key: &str) -> Answer {
        self.ask("/v1/payments/cancel", key, json!({ "reference": reference })).await
    }

    /// Gives money of a payment back, all that is left unless an amount is said.
    pub async fn refund(&self, payment: &str, key: &str, amount: Option<&str>) -> Answer {
        let mut body = json!({ "payment": payment });
        if let Some(amount) = amount {
            (body["amount"], body["currency"]) = (amount.into(), "CNY".into());
        }
        self.ask("/v1/refunds", key, body).await
    }

    /// A payment's state.
    pub async fn state_of(&self, payment: &str) -> String {
        self.get(&format!("/v1/payments/{payment}")).await.text("/state").to_owned()
    }

    /// Looks something up.
    pub async fn get(&self, path: &str) -> Answer {
        let request = self.http.get(format!("{}{path}", self.base)).bearer_auth(&self.api_key);
        Answer::read(request.send().await.unwrap()).await
    }

    /// Looks something up in another form than JSON.
    pub async fn get_as(&self, path: &str, media_type: &str) -> Answer {
        let request = self.http.get(format!("{}{path}", self.base)).bearer_auth(&self.api_key);
        Answer::read(request.header("accept", media_type).send().await.unwrap()).await
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

    /// Sends a body by another method.
    pub async fn send(&self, method: &str, path: &str, body: impl Into<reqwest::Body>) -> Answer {
        let url = format!("{}{path}", self.base);
        let request = self.http.request(method.parse().unwrap(), url).bearer_auth(&self.api_key);
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
