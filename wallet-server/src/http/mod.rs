//! HTTP: routes, who may call them, what goes in and out. No rules and no SQL.
//!
//! There are two listeners: one for merchants and payers' devices, one for the operator. Each
//! call is a file.

mod auth;
mod balance;
mod edge;
mod input;
mod issuer;
mod key_use;
mod list;
mod not_moved;
mod object;
mod operator;
mod payment_body;
mod payment_changes;
mod payments;
mod problem;
mod refunds;
mod refusal;
mod replay;
mod terminals;
mod test_mode;
mod time;
mod wallet;
mod withdrawal_body;

use std::sync::Arc;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::{Json, Router, middleware, routing};
use serde_json::{Value, json};

use crate::service::App;
use problem::{Certainty, Problem};

pub use operator::OperatorAuth;

/// The longest body: a charge is under 2 KB.
const BODY_LENGTH_MAX: usize = 64 * 1024;

/// What merchants and payers' devices call.
pub fn public_router(app: Arc<App>) -> Router {
    let routes = Router::new()
        .merge(payments::routes())
        .merge(payment_changes::routes())
        .merge(refunds::routes())
        .merge(terminals::routes())
        .merge(balance::routes())
        .merge(test_mode::routes())
        .merge(issuer::routes())
        .merge(wallet::routes());
    finish(routes, app)
}

/// What the operator calls.
pub fn operator_router(app: Arc<App>, auth: OperatorAuth) -> Router {
    let metrics = Router::new().route("/metrics", routing::get(metrics));
    let guarded = operator::routes().merge(metrics);
    let guarded = guarded.layer(middleware::from_fn_with_state(auth, operator::authorise));
    finish(guarded, app)
}

/// What both have: health, an answer for every wrong path, and the outermost layer.
fn finish(routes: Router<Arc<App>>, app: Arc<App>) -> Router {
    routes
        .route("/livez", routing::get(live))
        .route("/readyz", routing::get(ready))
        .fallback(async || Problem::not_found("path"))
        .method_not_allowed_fallback(async || method_not_allowed())
        .layer(axum::extract::DefaultBodyLimit::max(BODY_LENGTH_MAX))
        .layer(middleware::from_fn_with_state(Arc::clone(&app), edge::edge))
        .with_state(app)
}

fn method_not_allowed() -> Problem {
    let detail = "This path has no such method.";
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", Certainty::Final, detail)
}

fn too_large() -> Problem {
    let detail = format!("A body has at most {BODY_LENGTH_MAX} bytes.");
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", Certainty::Retry, detail)
}

/// The process runs.
async fn live() -> Json<Value> {
    Json(json!({ "status": "ok" }))
}

/// Payments can be settled: the database takes a transaction and the batcher runs.
async fn ready(State(app): State<Arc<App>>) -> Result<Json<Value>, Problem> {
    let not_ready = |detail| {
        let status = StatusCode::SERVICE_UNAVAILABLE;
        Problem::new(status, "not_ready", Certainty::Retry, detail)
    };
    if !app.batcher.is_running() {
        return Err(not_ready("Settlement has stopped."));
    }
    app.store.ping().await.map_err(|error| {
        tracing::warn!(%error, "not ready");
        not_ready("The database does not answer.")
    })?;
    Ok(Json(json!({ "status": "ok" })))
}

async fn metrics(State(app): State<Arc<App>>) -> impl IntoResponse {
    let media_type = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    ([(header::CONTENT_TYPE, media_type)], app.metrics.render())
}
