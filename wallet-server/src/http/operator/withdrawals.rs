//! Paying out what payers take out.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::Response;
use axum::{Json, Router, routing};
use serde::Deserialize;
use wallet_core::receipt::PaymentState;

use crate::domain::command::WithdrawalEnd;
use crate::domain::ids::WithdrawalId;
use crate::http::input;
use crate::http::list::List;
use crate::http::not_moved::movement;
use crate::http::problem::Problem;
use crate::http::withdrawal_body::WithdrawalBody;
use crate::service::App;

const REFERENCE_LENGTH_MAX: usize = 64;

pub(super) fn routes() -> Router<Arc<App>> {
    let one = "/v1/operator/withdrawals/{id}";
    Router::new()
        .route("/v1/operator/withdrawals", routing::get(list))
        .route(&format!("{one}/pay"), routing::post(pay))
        .route(&format!("{one}/return"), routing::post(give_back))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Filter {
    mode: Option<String>,
    state: Option<String>,
    limit: Option<usize>,
    after: Option<String>,
}

/// Newest first.
async fn list(
    State(app): State<Arc<App>>,
    uri: Uri,
) -> Result<Json<List<WithdrawalBody>>, Problem> {
    let filter: Filter = input::query(&uri)?;
    let size = input::page_size(filter.limit)?;
    let mode = input::mode(filter.mode.as_deref())?;
    let wrong = || Problem::field("", "state is authorized, succeeded or canceled");
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

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PayBody {
    external_reference: String,
}

/// The bank has paid it.
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

/// It cannot be paid.
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
