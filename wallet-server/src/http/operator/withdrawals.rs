//! Paying out what payers take out.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::Response;
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use wallet_core::receipt::PaymentState;

use crate::domain::command::WithdrawalEnd;
use crate::domain::ids::WithdrawalId;
use crate::http::input;
use crate::http::list::List;
use crate::http::not_moved::movement;
use crate::http::openapi::{IdempotencyKey, schema};
use crate::http::problem::Problem;
use crate::http::withdrawal_body::WithdrawalBody;
use crate::service::App;

const REFERENCE_LENGTH_MAX: usize = 64;

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(pay)).routes(routes!(give_back))
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct Filter {
    /// `live` unless said otherwise.
    #[param(value_type = Option<schema::Mode>)]
    mode: Option<String>,
    /// All states unless said otherwise.
    #[param(value_type = Option<schema::WithdrawalState>)]
    state: Option<String>,
    /// How many.
    #[param(minimum = 1, maximum = 100, default = 20)]
    limit: Option<usize>,
    /// The `next` of the page before.
    #[param(value_type = Option<schema::WithdrawalId>)]
    after: Option<String>,
}

/// List withdrawals
///
/// Newest first.
#[utoipa::path(
    get,
    path = "/v1/operator/withdrawals",
    operation_id = "list_all_withdrawals",
    tag = "Money",
    params(Filter),
    responses((status = OK, description = "A page, with destinations.", body = List<WithdrawalBody>)),
)]
async fn list(
    State(app): State<Arc<App>>,
    uri: Uri,
) -> Result<Json<List<WithdrawalBody>>, Problem> {
    let filter: Filter = input::query(&uri)?;
    let size = input::page_size(filter.limit)?;
    let mode = input::mode(filter.mode.as_deref())?;
    let wrong = || Problem::field("/state", "state is authorized, succeeded or canceled");
    let state = match filter.state.as_deref().map(PaymentState::from_name) {
        None => None,
        Some(
            state @ Some(
                PaymentState::Authorized | PaymentState::Succeeded | PaymentState::Canceled,
            ),
        ) => state,
        Some(_) => return Err(wrong()),
    };
    let before = input::cursor(filter.after.as_deref(), WithdrawalId::parse)?;
    let found = app.store.withdrawals(mode, state, before, size + 1).await?;
    Ok(Json(List::page(
        found,
        size,
        |withdrawal| withdrawal.id.to_string(),
        |withdrawal| WithdrawalBody::current(&app, &withdrawal),
    )))
}

type ExternalReference = schema::Text<REFERENCE_LENGTH_MAX>;

/// How it was paid.
#[derive(Deserialize, ToSchema)]
#[schema(as = WithdrawalPayment)]
#[serde(deny_unknown_fields)]
struct PayBody {
    /// The bank's name for it: stands for one withdrawal.
    #[schema(value_type = ExternalReference)]
    external_reference: String,
}

/// The bank has paid it
///
/// The money leaves the books.
#[utoipa::path(
    post,
    path = "/v1/operator/withdrawals/{id}/pay",
    operation_id = "pay_withdrawal",
    tag = "Money",
    params(("id" = schema::WithdrawalId, Path), IdempotencyKey),
    request_body = PayBody,
    responses((status = OK, description = "The withdrawal, `succeeded`.", body = WithdrawalBody)),
    extensions(("x-errors" = json!(["409 withdrawal_closed", "409 reference_conflict"]))),
)]
async fn pay(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Problem> {
    let key = input::idempotency_key(&headers)?;
    let PayBody { external_reference } = input::json(&body)?;
    input::text("/external_reference", &external_reference, REFERENCE_LENGTH_MAX)?;
    finish(&app, &id, WithdrawalEnd::Paid { external_reference }, key).await
}

/// It cannot be paid
///
/// The money is free again.
#[utoipa::path(
    post,
    path = "/v1/operator/withdrawals/{id}/return",
    operation_id = "return_withdrawal",
    tag = "Money",
    params(("id" = schema::WithdrawalId, Path), IdempotencyKey),
    request_body = Option<input::Nothing>,
    responses((status = OK, description = "The withdrawal, `canceled`.", body = WithdrawalBody)),
    extensions(("x-errors" = json!(["409 withdrawal_closed"]))),
)]
async fn give_back(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Problem> {
    let key = input::idempotency_key(&headers)?;
    input::nothing(&body)?;
    finish(&app, &id, WithdrawalEnd::Returned, key).await
}

async fn finish(
    app: &Arc<App>,
    id: &str,
    end: WithdrawalEnd,
    key: String,
) -> Result<Response, Problem> {
    let id = WithdrawalId::parse(id).ok_or_else(|| Problem::not_found("withdrawal"))?;
    let outcome = app.finish_withdrawal(id, end, key).await?;
    movement(app, outcome, StatusCode::OK, |answer| WithdrawalBody::answered(app, answer))
}
