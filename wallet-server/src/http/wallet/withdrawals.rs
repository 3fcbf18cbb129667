//! `/v1/wallet/withdrawals`: a payer takes money out.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use axum::{Json, Router, routing};
use serde::Deserialize;

use super::proof;
use crate::domain::ids::WithdrawalId;
use crate::http::auth::SignedRequest;
use crate::http::input;
use crate::http::list::List;
use crate::http::not_moved::movement;
use crate::http::problem::Problem;
use crate::http::withdrawal_body::WithdrawalBody;
use crate::service::{App, WithdrawalRequest};

const DESTINATION_LENGTH_MAX: usize = 200;

pub(super) fn routes() -> Router<Arc<App>> {
    Router::new().route("/v1/wallet/withdrawals", routing::post(create).get(list))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewWithdrawalBody {
    amount: String,
    currency: String,
    destination: String,
    pin: String,
}

/// The PIN is looked at first, and only a right one gets into the ledger.
async fn create(State(app): State<Arc<App>>, request: SignedRequest) -> Result<Response, Problem> {
    let device = request.pin_actor(&app).await?;
    let key = input::idempotency_key(request.headers())?;
    let body: NewWithdrawalBody = input::json(&request.body)?;
    let amount = input::amount(&body.amount, &body.currency)?;
    input::text("/destination", &body.destination, DESTINATION_LENGTH_MAX)?;
    let pin = proof::pin("/pin", &body.pin)?;
    app.check_pin(&device, &pin).await?;
    let request = WithdrawalRequest { key, amount, destination: body.destination };
    let outcome = app.withdraw(&device, request).await?;
    movement(&app, outcome, StatusCode::CREATED, |answer| WithdrawalBody::answered(&app, answer))
}

/// The payer's own, newest first.
async fn list(
    State(app): State<Arc<App>>,
    request: SignedRequest,
) -> Result<Json<List<WithdrawalBody>>, Problem> {
    let device = request.device(&app).await?;
    let page: input::Page = request.query()?;
    let size = page.size()?;
    let before = input::cursor(page.after.as_deref(), WithdrawalId::parse)?;
    let found = app.store.payer_withdrawals(device.payer, before, size + 1).await?;
    Ok(Json(List::page(
        found,
        size,
        |withdrawal| withdrawal.id.to_string(),
        |withdrawal| WithdrawalBody::current(&app, &withdrawal),
    )))
}
