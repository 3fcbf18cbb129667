//! `/v1/test/payments`: a test is the payer's phone, or the time.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use wallet_core::Mode;

use super::TestMerchant;
use crate::domain::ids::PaymentId;
use crate::domain::outcome::{Answer, Outcome, Refusal};
use crate::http::input;
use crate::http::openapi::{IdempotencyKey, schema};
use crate::http::payment_body::PaymentBody;
use crate::http::payment_changes::{names_payment, with_payment};
use crate::http::problem::{Certainty, Problem};
use crate::http::refusal::refused;
use crate::http::replay::mark;
use crate::service::{ApiKeyScope, App, NotDecided, TestDecision};
use crate::store::Payment;

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(confirm)).routes(routes!(refuse)).routes(routes!(expire))
}

/// Confirm, as the payer
#[utoipa::path(
    post,
    path = "/v1/test/payments/{id}/confirm",
    operation_id = "confirm_test_payment",
    tag = "Test mode",
    security(("api_key" = ["charge"])),
    params(("id" = schema::PaymentId, Path), IdempotencyKey),
    request_body = Option<input::Nothing>,
    responses((status = OK, description = "The payment.", body = PaymentBody)),
    extensions(("x-errors" = json!([
        "403 test_mode_only",
        "409 payer_decides",
        "409 payment_closed",
        "409 confirmation_expired",
    ]))),
)]
async fn confirm(
    merchant: TestMerchant,
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Problem> {
    decide(&app, merchant, &id, TestDecision::Confirm, (&headers, &body)).await
}

/// Refuse, as the payer
#[utoipa::path(
    post,
    path = "/v1/test/payments/{id}/refuse",
    operation_id = "refuse_test_payment",
    tag = "Test mode",
    security(("api_key" = ["charge"])),
    params(("id" = schema::PaymentId, Path), IdempotencyKey),
    request_body = Option<input::Nothing>,
    responses((status = OK, description = "The payment.", body = PaymentBody)),
    extensions(("x-errors" = json!([
        "403 test_mode_only",
        "409 payer_decides",
        "409 payment_closed",
        "409 confirmation_expired",
    ]))),
)]
async fn refuse(
    merchant: TestMerchant,
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Problem> {
    decide(&app, merchant, &id, TestDecision::Refuse, (&headers, &body)).await
}

/// Let the time run out in which something had to be done
#[utoipa::path(
    post,
    path = "/v1/test/payments/{id}/expire",
    operation_id = "expire_test_payment",
    tag = "Test mode",
    security(("api_key" = ["charge"])),
    params(("id" = schema::PaymentId, Path), IdempotencyKey),
    request_body = Option<input::Nothing>,
    responses((status = OK, description = "The payment.", body = PaymentBody)),
    extensions(("x-errors" = json!([
        "403 test_mode_only",
        "409 payer_decides",
        "409 payment_closed",
        "409 confirmation_expired",
    ]))),
)]
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
