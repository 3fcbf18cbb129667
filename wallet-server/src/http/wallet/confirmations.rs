//! `/v1/wallet/confirmations`: payments that wait for their payer, who confirms with the PIN or
//! refuses.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::domain::ids::PaymentId;
use crate::domain::outcome::{Answer, DeclineCode, Outcome, PaymentAnswer, Refusal};
use crate::http::auth::{SignedRequest, still_enrolled};
use crate::http::input;
use crate::http::openapi::IdempotencyKey;
use crate::http::openapi::schema::{self, kind};
use crate::http::problem::{Certainty, Problem};
use crate::http::refusal::refused;
use crate::http::replay::mark;
use crate::http::time::rfc3339;
use crate::service::App;
use crate::store::{Confirmation, Device};

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(confirm)).routes(routes!(refuse))
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct ListQuery {
    /// For so many seconds, keep the request open until something waits.
    #[param(minimum = 0, maximum = 25)]
    wait: Option<u64>,
}

/// The payments that wait for their payer.
#[derive(Serialize, ToSchema)]
#[schema(as = Confirmations)]
struct ListBody {
    data: Vec<ConfirmationBody>,
    #[schema(value_type = schema::Time)]
    server_time: String,
}

/// A payment that waits for its payer.
#[derive(Serialize, ToSchema)]
#[schema(as = Confirmation)]
struct ConfirmationBody {
    #[schema(schema_with = kind::confirmation)]
    object: &'static str,
    #[schema(value_type = schema::PaymentId)]
    payment: String,
    /// Whether this is the device whose code was charged: no other may confirm.
    this_device: bool,
    merchant_name: String,
    terminal_name: Option<String>,
    #[schema(value_type = schema::Amount)]
    amount: String,
    #[schema(value_type = schema::Currency)]
    currency: &'static str,
    description: Option<String>,
    #[schema(value_type = schema::ConfirmationReason)]
    reason: &'static str,
    #[schema(value_type = schema::CodeSource)]
    code_source: String,
    #[schema(value_type = schema::Time)]
    created_at: String,
    #[schema(value_type = schema::Time)]
    expires_at: String,
}

impl ConfirmationBody {
    fn new(confirmation: Confirmation, device: &Device) -> Self {
        Self {
            object: "confirmation",
            payment: confirmation.payment.to_string(),
            this_device: confirmation.device == device.key_id,
            merchant_name: confirmation.merchant_name,
            terminal_name: confirmation.terminal_name,
            amount: confirmation.amount.amount_text(),
            currency: confirmation.amount.currency().code(),
            description: confirmation.description,
            reason: confirmation.reason.as_str(),
            code_source: confirmation.code_source,
            created_at: rfc3339(confirmation.created_at),
            expires_at: rfc3339(confirmation.expires_at),
        }
    }
}

/// What waits for the payer
///
/// Oldest first; with `wait`, as soon as something does.
#[utoipa::path(
    get,
    path = "/v1/wallet/confirmations",
    operation_id = "list_confirmations",
    tag = "Confirmations",
    params(ListQuery),
    responses((status = OK, description = "What waits.", body = ListBody)),
)]
async fn list(
    State(app): State<Arc<App>>,
    request: SignedRequest,
) -> Result<Json<ListBody>, Problem> {
    let device = request.device(&app).await?;
    let wait = input::wait(request.query::<ListQuery>()?.wait)?;
    let waiting = app.confirmations(&device, wait).await?;
    if !wait.is_zero() {
        still_enrolled(&app, &device).await?;
    }
    Ok(Json(ListBody {
        data: waiting.into_iter().map(|one| ConfirmationBody::new(one, &device)).collect(),
        server_time: rfc3339(app.now()),
    }))
}

/// A payment as its payer sees it.
#[derive(Serialize, ToSchema)]
#[schema(as = DecidedPayment)]
struct DecidedBody {
    #[schema(schema_with = kind::payment)]
    object: &'static str,
    #[schema(value_type = schema::PaymentId)]
    id: String,
    #[schema(value_type = schema::PaymentState)]
    state: &'static str,
    #[schema(value_type = schema::Amount)]
    amount: String,
    #[schema(value_type = schema::Currency)]
    currency: &'static str,
    #[schema(value_type = Option<schema::DeclineReason>)]
    decline_code: Option<&'static str>,
    #[schema(value_type = schema::Time)]
    created_at: String,
    #[schema(value_type = schema::Time)]
    decided_at: String,
    #[schema(value_type = schema::Receipt)]
    receipt: String,
}

impl DecidedBody {
    fn new(app: &App, payment: &PaymentAnswer) -> Self {
        let record = &payment.record;
        Self {
            object: "payment",
            id: payment.id.to_string(),
            state: record.state.as_str(),
            amount: record.asked.amount_text(),
            currency: record.asked.currency().code(),
            decline_code: payment.decline_code.map(DeclineCode::as_str),
            created_at: rfc3339(payment.created_at),
            decided_at: rfc3339(record.decided_at),
            receipt: app.keys.sign(record).to_string(),
        }
    }
}

/// The PIN.
#[derive(Deserialize, ToSchema)]
#[schema(as = PaymentConfirmation)]
#[serde(deny_unknown_fields)]
struct ConfirmBody {
    #[schema(value_type = schema::SixDigits)]
    pin: String,
}

/// Confirm a payment
///
/// The PIN is looked at first, and only a right one gets into the ledger. Only the device whose code
/// was charged decides.
#[utoipa::path(
    post,
    path = "/v1/wallet/confirmations/{payment}/confirm",
    operation_id = "confirm_payment",
    tag = "Confirmations",
    params(("payment" = schema::PaymentId, Path), IdempotencyKey),
    request_body = ConfirmBody,
    responses((status = OK, description = "The payment.", body = DecidedBody)),
    extensions(("x-errors" = json!([
        "a PIN",
        "403 other_device",
        "403 payer_unavailable",
        "409 payment_closed",
        "409 confirmation_expired",
    ]))),
)]
async fn confirm(
    State(app): State<Arc<App>>,
    Path(payment): Path<String>,
    request: SignedRequest,
) -> Result<Response, Problem> {
    let device = request.pin_actor(&app).await?;
    let key = input::idempotency_key(request.headers())?;
    let body: ConfirmBody = input::json(&request.body)?;
    app.check_pin(&device, &super::proof::pin("/pin", &body.pin)?).await?;
    decide(&app, &device, &payment, true, key).await
}

/// Refuse a payment
///
/// Nothing is lost by a refusal, so it needs no PIN.
#[utoipa::path(
    post,
    path = "/v1/wallet/confirmations/{payment}/refuse",
    operation_id = "refuse_payment",
    tag = "Confirmations",
    params(("payment" = schema::PaymentId, Path), IdempotencyKey),
    request_body = Option<input::Nothing>,
    responses((status = OK, description = "The payment, `declined`.", body = DecidedBody)),
    extensions(("x-errors" = json!([
        "403 other_device",
        "403 payer_unavailable",
        "409 payment_closed",
        "409 confirmation_expired",
    ]))),
)]
async fn refuse(
    State(app): State<Arc<App>>,
    Path(payment): Path<String>,
    request: SignedRequest,
) -> Result<Response, Problem> {
    let device = request.actor(&app).await?;
    let key = input::idempotency_key(request.headers())?;
    input::nothing(&request.body)?;
    decide(&app, &device, &payment, false, key).await
}

async fn decide(
    app: &Arc<App>,
    device: &Device,
    payment: &str,
    confirmed: bool,
    key: String,
) -> Result<Response, Problem> {
    let payment = PaymentId::parse(payment).ok_or_else(|| Problem::not_found("payment"))?;
    let outcome = app.decide_confirmation(device, payment, confirmed, key).await?;
    let (answer, replayed) = match outcome {
        Outcome::Answered { answer, replayed } => (answer, replayed),
        Outcome::Refused(Refusal::PayerUnavailable) => return Err(frozen()),
        Outcome::Refused(refusal) => return Err(refused(app, refusal)),
    };
    let Answer::Payment(payment) = answer else {
        // A key that stands for something else has another request.
        return Err(Problem::not_found("payment"));
    };
    let response = Json(DecidedBody::new(app, &payment)).into_response();
    Ok(mark(response, replayed))
}

/// Not `final`: nothing is kept of it, and once the payer is unfrozen the same request pays.
fn frozen() -> Problem {
    let detail = "The account is frozen. Unfreeze it first.";
    Problem::new(StatusCode::FORBIDDEN, "payer_unavailable", Certainty::Retry, detail)
}
