//! `/v1/test/payments`: a test is the payer's phone, or the time.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::{Json, Router, routing};
use wallet_core::Mode;

use super::TestMerchant;
use crate::domain::ids::PaymentId;
use crate::domain::outcome::{Answer, Outcome, Refusal};
use crate::http::input;
use crate::http::payment_body::PaymentBody;
use crate::http::payment_changes::{names_payment, with_payment};
use crate::http::problem::{Certainty, Problem};
use crate::http::refusal::refused;
use crate::http::replay::mark;
use crate::service::{ApiKeyScope, App, NotDecided, TestDecision};
use crate::store::Payment;

pub(super) fn routes() -> Router<Arc<App>> {
    let one = "/v1/test/payments/{id}";
    Router::new()
        .route(&format!("{one}/confirm"), routing::post(confirm))
        .route(&format!("{one}/refuse"), routing::post(refuse))
        .route(&format!("{one}/expire"), routing::post(expire))
}

/// `POST …/confirm`.
async fn confirm(
    merchant: TestMerchant,
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Problem> {
    decide(&app, merchant, &id, TestDecision::Confirm, (&headers, &body)).await
}

/// `POST …/refuse`.
async fn refuse(
    merchant: TestMerchant,
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Problem> {
    decide(&app, merchant, &id, TestDecision::Refuse, (&headers, &body)).await
}

/// `POST …/expire`.
async fn expire(
    merchant: TestMerchant,
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Problem> {
    decide(&app, merchant, &id, TestDecision::Expire, (&headers, &body)).await
}

async fn decide(
    app: &Arc<App>,
    TestMerchant(auth): TestMerchant,
    id: &str,
    decision: TestDecision,
    (headers, body): (&HeaderMap, &[u8]),
) -> Result<Response, Problem> {
    auth.allow(ApiKeyScope::Charge)?;
    let key = input::idempotency_key(headers)?;
    input::nothing(body)?;
    let id = PaymentId::parse(id).ok_or_else(|| refused(app, Refusal::UnknownPayment))?;
    let outcome = app.decide_in_test(&auth.0, id, decision, key).await.map_err(not_decided)?;
    match outcome {
        // Whatever the payment has become, the decision was made.
        Outcome::Answered { answer: Answer::Payment(payment), replayed } => {
            let body = PaymentBody::new(app, Payment::answered(*payment));
            Ok(mark(Json(body).into_response(), replayed))
        }
        Outcome::Answered { .. } => Err(refused(app, Refusal::KeyReused)),
        Outcome::Refused(refusal) if names_payment(refusal) => {
            let payment = app.store.payment(auth.0.merchant, Mode::Test, id).await?;
            Err(with_payment(app, refusal, payment))
        }
        Outcome::Refused(refusal) => Err(refused(app, refusal)),
    }
}

fn not_decided(why: NotDecided) -> Problem {
    match why {
        NotDecided::PayerDecides => {
            let detail = "This payer was not made for a test, and decides on the phone.";
            Problem::new(StatusCode::CONFLICT, "payer_decides", Certainty::Retry, detail)
        }
        NotDecided::Store(error) => error.into(),
        NotDecided::Unsettled(unsettled) => unsettled.into(),
    }
}
