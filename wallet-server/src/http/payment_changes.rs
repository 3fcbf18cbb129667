//! What becomes of a payment: captured or called off, by its id or by its reference.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::auth::SettlingMerchant;
use super::input;
use super::openapi::IdempotencyKey;
use super::openapi::schema::{self, kind};
use super::payment_body::PaymentBody;
use super::payments::{REFERENCE_LENGTH_MAX, Reference, answer, unknown_payment};
use super::problem::Problem;
use super::refusal::refused;
use super::replay::mark;
use crate::domain::command::ReferenceRef;
use crate::domain::ids::PaymentId;
use crate::domain::outcome::{Answer, Outcome, Refusal};
use crate::service::{ApiKeyScope, App};
use crate::store::{ApiKey, Payment};

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(capture))
        .routes(routes!(cancel))
        .routes(routes!(cancel_reference))
}

/// How much is captured; all of it when nothing is said.
#[derive(Default, Deserialize, ToSchema)]
#[schema(as = NewCapture)]
#[serde(deny_unknown_fields)]
struct CaptureBody {
    /// Goes together with the currency.
    #[schema(value_type = Option<schema::PositiveAmount>)]
    amount: Option<String>,
    #[schema(value_type = Option<schema::Currency>)]
    currency: Option<String>,
}

/// Capture a payment that is held
///
/// All of it, or part of it: the rest is the payer's again.
#[utoipa::path(
    post,
    path = "/v1/payments/{id}/capture",
    operation_id = "capture_payment",
    tag = "Payments",
    security(("api_key" = ["charge"])),
    params(("id" = schema::PaymentId, Path), IdempotencyKey),
    request_body = Option<CaptureBody>,
    responses((status = OK, description = "The payment, `succeeded`.", body = PaymentBody)),
    extensions(("x-errors" = json!([
        "409 payment_closed",
        "409 payment_waiting",
        "409 hold_expired",
        "422 amount_too_large",
        "422 currency_mismatch",
    ]))),
)]
async fn capture(
    SettlingMerchant(auth): SettlingMerchant,
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Problem> {
    auth.allow(ApiKeyScope::Charge)?;
    let key = input::idempotency_key(&headers)?;
    let body = if body.is_empty() { CaptureBody::default() } else { input::json(&body)? };
    let amount = input::optional_amount(body.amount.as_deref(), body.currency.as_deref())?;
    let id = PaymentId::parse(&id).ok_or_else(unknown_payment)?;
    let outcome = app.capture_payment(&auth.0, id, amount, key).await?;
    changed(&app, &auth.0, id, outcome).await
}

/// Call a payment off
///
/// One that waits for its payer, one that is held, or one that was captured a short while ago and of
/// which nothing was refunded. Whatever the payer paid is the payer's again. A cancellation and a
/// confirmation that race are decided one after the other, and the second one finds the state that
/// the first one left.
#[utoipa::path(
    post,
    path = "/v1/payments/{id}/cancel",
    operation_id = "cancel_payment",
    tag = "Payments",
    security(("api_key" = ["charge"])),
    params(("id" = schema::PaymentId, Path), IdempotencyKey),
    request_body = Option<input::Nothing>,
    responses((status = OK, description = "The payment, `canceled`.", body = PaymentBody)),
    extensions(("x-errors" = json!([
        "409 payment_closed",
        "409 cancel_too_late",
        "422 balance_insufficient",
        "422 amount_too_large",
    ]))),
)]
async fn cancel(
    SettlingMerchant(auth): SettlingMerchant,
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Problem> {
    auth.allow(ApiKeyScope::Charge)?;
    let key = input::idempotency_key(&headers)?;
    input::nothing(&body)?;
    let id = PaymentId::parse(&id).ok_or_else(unknown_payment)?;
    let outcome = app.cancel_payment(&auth.0, id, key).await?;
    changed(&app, &auth.0, id, outcome).await
}

/// The payment, or why it stays as it is; then it comes with the error.
async fn changed(
    app: &App,
    api_key: &ApiKey,
    id: PaymentId,
    outcome: Outcome,
) -> Result<Response, Problem> {
    match outcome {
        Outcome::Refused(refusal) if names_payment(refusal) => {
            let payment = app.store.payment(api_key.merchant, api_key.mode, id).await?;
            Err(with_payment(app, refusal, payment))
        }
        outcome => answer(app, outcome, StatusCode::OK),
    }
}

/// Whether a till that hears this should see the payment.
pub(super) fn names_payment(refusal: Refusal) -> bool {
    matches!(
        refusal,
        Refusal::PaymentClosed
            | Refusal::PaymentWaiting
            | Refusal::HoldExpired
            | Refusal::CancelTooLate
            | Refusal::NotRefundable
            | Refusal::BalanceInsufficient
    )
}

/// A refusal with the payment that it is about.
pub(super) fn with_payment(app: &App, refusal: Refusal, payment: Option<Payment>) -> Problem {
    let payment = payment.map(|payment| Box::new(PaymentBody::new(app, payment)));
    Problem { payment, ..refused(app, refusal) }
}

/// A reference to be called off.
#[derive(Deserialize, ToSchema)]
#[schema(as = NewCancellation)]
#[serde(deny_unknown_fields)]
struct CancelBody {
    #[schema(value_type = Reference)]
    reference: String,
}

/// What stands under a reference that was called off.
#[derive(Serialize, ToSchema)]
#[schema(as = Cancellation)]
struct CancellationBody {
    #[schema(schema_with = kind::cancellation)]
    object: &'static str,
    #[schema(value_type = schema::Mode)]
    mode: &'static str,
    reference: String,
    /// Nothing, if none came; none will.
    payment: Option<PaymentBody>,
}

/// Call off whatever stands under a reference
///
/// For a till that has no answer, and so no id: whether the payment succeeded, waits, or has not arrived
/// yet. A payment that comes under this reference later is refused with `reference_canceled`. What was
/// declined, canceled, expired or refunded before is answered as it is.
#[utoipa::path(
    post,
    path = "/v1/payments/cancel",
    operation_id = "cancel_reference",
    tag = "Payments",
    security(("api_key" = ["charge"])),
    params(IdempotencyKey),
    request_body = CancelBody,
    responses((status = OK, description = "What stands there now.", body = CancellationBody)),
    extensions(("x-errors" = json!([
        "409 payment_closed",
        "409 cancel_too_late",
        "422 balance_insufficient",
        "422 amount_too_large",
    ]))),
)]
async fn cancel_reference(
    SettlingMerchant(auth): SettlingMerchant,
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Problem> {
    auth.allow(ApiKeyScope::Charge)?;
    let key = input::idempotency_key(&headers)?;
    let CancelBody { reference } = input::json(&body)?;
    input::text("/reference", &reference, REFERENCE_LENGTH_MAX)?;
    let (merchant, mode) = (auth.0.merchant, auth.0.mode);
    let outcome = app.cancel_reference(&auth.0, reference.clone(), key).await?;
    let (answer, replayed) = match outcome {
        Outcome::Answered { answer, replayed } => (answer, replayed),
        Outcome::Refused(refusal) if names_payment(refusal) => {
            let reference = ReferenceRef { merchant, mode, reference };
            let payment = app.store.payment_by_reference(&reference).await?;
            return Err(with_payment(&app, refusal, payment));
        }
        Outcome::Refused(refusal) => return Err(refused(&app, refusal)),
    };
    let payment = match answer {
        Answer::Payment(payment) => Some(PaymentBody::new(&app, Payment::answered(*payment))),
        Answer::ReferenceCanceled => None,
        // Whatever else a key stands for was another request.
        Answer::Rejected(_)
        | Answer::TopUp(_)
        | Answer::Refund(_)
        | Answer::Movement(_)
        | Answer::Order(_)
        | Answer::NotMoved(_) => return Err(refused(&app, Refusal::KeyReused)),
    };
    let body = CancellationBody { object: "cancellation", mode: mode.as_str(), reference, payment };
    Ok(mark(Json(body).into_response(), replayed))
}
