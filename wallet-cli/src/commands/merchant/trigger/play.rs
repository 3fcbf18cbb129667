//! Has an outcome come about, step by step.

use std::time::Duration;

use serde_json::{Value, json};
use wallet_core::Money;

use super::plans::{Expected, Plan, Then};
use crate::client::models::Payment;
use crate::client::{Answer, Client, Request};
use crate::commands::merchant::cancel::cancel;
use crate::commands::merchant::test_code;
use crate::failure::{Exit, Failure};
use crate::system;

/// How long a payer of a test may take to decide: about a second, and much more on a busy machine.
const PATIENCE: Duration = Duration::from_mins(1);
/// How long the server may hold a question open.
const WAIT_SECONDS: u8 = 10;

/// What came about.
pub(super) enum Seen {
    /// A payment, and whether its first answer was lost.
    Payment { payment: Box<Answer<Payment>>, asked_again: bool },
    /// An error without a payment.
    Error(Failure),
}

/// A charge for a test.
pub(super) struct Trial<'a> {
    pub(super) client: &'a Client,
    pub(super) plan: Plan,
    pub(super) amount: Money,
    pub(super) reference: String,
}

impl Trial<'_> {
    /// Has it come about.
    pub(super) async fn run(&self) -> Result<Seen, Failure> {
        if self.plan.calls_off {
            self.call_off_reference().await?;
        }
        let code = test_code::make(self.client, self.plan.code.as_str(), None).await?.value.code;
        let asked_again = match self.charge(&code).await {
            Ok(payment) => {
                if let Some(then) = self.plan.then {
                    self.go_on(&payment.value, then).await?;
                }
                payment.replayed
            }
            // A declined payment is there, an error without one is the outcome.
            Err(failure) if failure.is_answer() && failure.exit() != Exit::AskAgain => {
                if failure.payment_id().is_none() {
                    return Ok(Seen::Error(failure));
                }
                false
            }
            Err(failure) if failure.code() == "clock_skew" => return Ok(Seen::Error(failure)),
            Err(failure) => return Err(failure),
        };
        Ok(Seen::Payment { payment: Box::new(self.look_up().await?), asked_again })
    }

    async fn charge(&self, code: &str) -> Result<Answer<Payment>, Failure> {
        let mut body = json!({
            "code": code,
            "amount": self.amount.amount_text(),
            "currency": self.amount.currency().code(),
            "reference": self.reference,
        });
        if self.plan.holds {
            body["capture"] = json!("manual");
        }
        self.post("/v1/payments".to_owned(), body).await
    }

    /// The truth about it.
    async fn look_up(&self) -> Result<Answer<Payment>, Failure> {
        let request = Request::get("/v1/payments").query("reference", Some(&self.reference));
        let list = self.client.send::<Value>(request).await?;
        let id = list.value["data"][0]["id"].as_str().unwrap_or_default().to_owned();
        if id.is_empty() {
            let sentence = "the payment that was answered is not there";
            return Err(Failure::new(Exit::Unexpected, "unexpected_answer", sentence));
        }
        self.client.send(Request::get(format!("/v1/payments/{id}"))).await
    }

    async fn go_on(&self, payment: &Payment, then: Then) -> Result<(), Failure> {
        let id = &payment.id;
        match then {
            Then::Wait => self.wait(id).await,
            Then::Expire => self.done(format!("/v1/test/payments/{id}/expire"), json!({})).await,
            Then::Capture => self.done(format!("/v1/payments/{id}/capture"), json!({})).await,
            Then::Cancel => cancel(self.client, id, &system::random_hex::<16>()).await.map(drop),
            Then::RefundAll => self.done("/v1/refunds".to_owned(), json!({ "payment": id })).await,
            Then::RefundHalf => {
                let half = Money::from_minor(self.amount.minor() / 2, self.amount.currency());
                let (amount, currency) = (half.amount_text(), half.currency().code());
                let body = json!({ "payment": id, "amount": amount, "currency": currency });
                self.done("/v1/refunds".to_owned(), body).await
            }
        }
    }

    async fn wait(&self, id: &str) -> Result<(), Failure> {
        let begun = system::instant();
        while begun.elapsed() < PATIENCE {
            let request = Request::get(format!("/v1/payments/{id}"));
            let request = request.query("wait", Some(WAIT_SECONDS));
            if !self.client.send::<Payment>(request).await?.value.is_waiting() {
                return Ok(());
            }
        }
        Err(Failure::new(Exit::AskAgain, "requires_confirmation", "the payer does not decide"))
    }

    async fn call_off_reference(&self) -> Result<(), Failure> {
        let body = json!({ "reference": self.reference });
        self.done("/v1/payments/cancel".to_owned(), body).await
    }

    async fn done(&self, path: String, body: Value) -> Result<(), Failure> {
        self.post::<Value>(path, body).await.map(drop)
    }

    async fn post<T: serde::de::DeserializeOwned>(
        &self,
        path: String,
        body: Value,
    ) -> Result<Answer<T>, Failure> {
        let request = Request::post(path, body).idempotency_key(&system::random_hex::<16>());
        self.client.send(request).await
    }
}

impl Seen {
    /// Whether it is what was to come about.
    pub(super) fn is(&self, expected: Expected) -> bool {
        match (self, expected) {
            (Self::Error(failure), Expected::Error(code)) => failure.code() == code,
            (Self::Payment { payment, asked_again }, expected) => {
                let Payment { state, decline_code, .. } = &payment.value;
                match expected {
                    Expected::State(expected) => state == expected,
                    Expected::StateAskedAgain(expected) => state == expected && *asked_again,
                    Expected::Declined(code) => {
                        state == "declined" && decline_code.as_deref() == Some(code)
                    }
                    Expected::Error(_) => false,
                }
            }
            (Self::Error(_), _) => false,
        }
    }

    /// In a word.
    pub(super) fn name(&self) -> &str {
        match self {
            Self::Error(failure) => failure.code(),
            Self::Payment { payment, .. } => {
                payment.value.decline_code.as_deref().unwrap_or(&payment.value.state)
            }
        }
    }
}
