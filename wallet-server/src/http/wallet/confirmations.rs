//! `/v1/wallet/confirmations`: payments that wait for their payer, who confirms with the PIN or
//! refuses.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::{Json, Router, routing};
use serde::{Deserialize, Serialize};

use crate::domain::ids::PaymentId;
use crate::domain::outcome::{Answer, DeclineCode, Outcome, PaymentAnswer, Refusal};
use crate::http::auth::SignedRequest;
use crate::http::input;
use crate::http::problem::{Certainty, Problem};
use crate::http::refusal::refused;
use crate::http::replay::mark;
use crate::http::time::rfc3339;
use crate::service::App;
use crate::store::{Confirmation, Device};

pub(super) fn routes() -> Router<Arc<App>> {
    let one = "/v1/wallet/confirmations/{payment}";
    Router::new()
        .route("/v1/wallet/confirmations", routing::get(list))
        .route(&format!("{one}/confirm"), routing::post(confirm))
        .route(&format!("{one}/refuse"), routing::post(refuse))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ListQuery {
    wait: Option<u64>,
}

#[derive(Serialize)]
struct ListBody {
    data: Vec<ConfirmationBody>,
    server_time: String,
}

#[derive(Serialize)]
struct ConfirmationBody {
    object: &'static str,
    payment: String,
    /// Whether this is the device whose code was charged: no other may confirm.
    this_device: bool,
    merchant_name: String,
    terminal_name: Option<String>,
    amount: String,
    currency: &'static str,
    description: Option<String>,
    reason: &'static str,
    code_source: String,
    created_at: String,
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

/// `GET /v1/wallet/confirmations`: what waits, oldest first; with `wait`, as soon as something does.
async fn list(
    State(app): State<Arc<App>>,
    request: SignedRequest,
) -> Result<Json<ListBody>, Problem> {
    let device = request.device(&app).await?;
    let wait = input::wait(request.query::<ListQuery>()?.wait)?;
    let waiting = app.confirmations(&device, wait).await?;
    Ok(Json(ListBody {
        data: waiting.into_iter().map(|one| ConfirmationBody::new(one, &device)).collect(),
        server_time: rfc3339(app.now()),
    }))
}

/// A payment as its payer sees it.
#[derive(Serialize)]
struct DecidedBody {
    object: &'static str,
    id: String,
    state: &'static str,
    amount: String,
    currency: &'static str,
    decline_code: Option<&'static str>,
    created_at: String,
    decided_at: String,
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

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ConfirmBody {
    pin: String,
}

/// `POST …/confirm`: the PIN is looked at first, and only a right one gets into the ledger.
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

/// `POST …/refuse`: nothing is lost by a refusal, so it needs no PIN.
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
