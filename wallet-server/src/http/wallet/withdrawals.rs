//! `/v1/wallet/withdrawals`: a payer takes money out.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::proof;
use crate::domain::ids::WithdrawalId;
use crate::http::auth::SignedRequest;
use crate::http::input;
use crate::http::list::List;
use crate::http::not_moved::movement;
use crate::http::openapi::{IdempotencyKey, schema};
use crate::http::problem::Problem;
use crate::http::withdrawal_body::WithdrawalBody;
use crate::service::{App, WithdrawalRequest};

const DESTINATION_LENGTH_MAX: usize = 200;

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(create, list))
}

type Destination = schema::Text<DESTINATION_LENGTH_MAX>;

/// Money to be taken out.
#[derive(Deserialize, ToSchema)]
#[schema(as = NewWithdrawal)]
#[serde(deny_unknown_fields)]
struct NewWithdrawalBody {
    #[schema(value_type = schema::PositiveAmount)]
    amount: String,
    #[schema(value_type = schema::Currency)]
    currency: String,
    /// For the operator to read.
    #[schema(value_type = Destination)]
    destination: String,
    #[schema(value_type = schema::SixDigits)]
    pin: String,
}

/// Take money out
///
/// The money is held until the operator has paid it or returns it. The PIN is looked at first, and
/// only a right one gets into the ledger.
#[utoipa::path(
    post,
    path = "/v1/wallet/withdrawals",
    operation_id = "create_withdrawal",
    tag = "Withdrawals",
    params(IdempotencyKey),
    request_body = NewWithdrawalBody,
    responses((status = CREATED, description = "The withdrawal, `authorized`.", body = WithdrawalBody)),
    extensions(("x-errors" = json!(["a PIN", "a payer's money"]))),
)]
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

/// List the payer's withdrawals
///
/// Newest first.
#[utoipa::path(
    get,
    path = "/v1/wallet/withdrawals",
    operation_id = "list_withdrawals",
    tag = "Withdrawals",
    params(input::Page, ("after" = Option<schema::WithdrawalId>, Query, description = "The `next` of the page before.")),
    responses((status = OK, description = "A page.", body = List<WithdrawalBody>)),
)]
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
