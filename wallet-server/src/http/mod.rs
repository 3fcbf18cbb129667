//! HTTP: routes, who may call them, what goes in and out. No rules and no SQL.
//!
//! There are two listeners: one for merchants and payers' devices, one for the operator. Each
//! call is a file.

mod auth;
mod balance;
mod cursor;
mod edge;
mod event_body;
mod events;
mod fee_body;
mod input;
mod issuer;
mod journal;
mod key_use;
mod list;
mod not_moved;
mod object;
mod openapi;
mod operator;
mod orders;
mod payment_body;
mod payment_changes;
mod payments;
mod payout_body;
mod payouts;
mod pictures;
mod plates;
mod problem;
mod refund_body;
mod refunds;
mod refusal;
mod replay;
mod statements;
mod subject;
mod terminals;
mod test_mode;
mod time;
mod transactions;
mod wallet;
mod webhooks;
mod withdrawal_body;

use std::sync::Arc;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::{Json, Router, middleware};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::service::{App, NotReady};
use edge::Edge;
use openapi::{Audience, Document};
use problem::{Certainty, Problem};

pub use event_body::{merchant_event_id, merchant_event_text};
pub use operator::OperatorAuth;
pub(crate) use webhooks::event_texts;

/// The longest body: a charge is under 2 KB.
const BODY_LENGTH_MAX: usize = 64 * 1024;

/// What merchants and payers' devices call.
pub fn public_router(app: Arc<App>) -> Router {
    finish(public_routes(), app, Audience::Public)
}

fn public_routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .merge(payments::routes())
        .merge(payment_changes::routes())
        .merge(refunds::routes())
        .merge(orders::routes())
        .merge(plates::routes())
        .merge(payouts::routes())
        .merge(terminals::routes())
        .merge(balance::routes())
        .merge(transactions::routes())
        .merge(statements::routes())
        .merge(events::routes())
        .merge(webhooks::routes())
        .merge(test_mode::routes())
        .merge(issuer::routes())
        .merge(journal::routes())
        .merge(wallet::routes())
}

/// What the operator calls.
pub fn operator_router(app: Arc<App>, auth: OperatorAuth) -> Router {
    let guard = middleware::from_fn_with_state(auth, operator::authorise);
    finish(operator_routes().layer(guard), app, Audience::Operator)
}

fn operator_routes() -> OpenApiRouter<Arc<App>> {
    operator::routes().routes(routes!(metrics))
}

/// What `GET /openapi.json` answers merchants and payers' devices.
#[must_use]
pub fn public_document() -> String {
    let openapi = with_health(public_routes()).into_openapi();
    Document::new(openapi, Audience::Public).json
}

/// What `GET /openapi.json` answers the operator.
#[must_use]
pub fn operator_document() -> String {
    let openapi = with_health(operator_routes()).into_openapi();
    Document::new(openapi, Audience::Operator).json
}

fn with_health(routes: OpenApiRouter<Arc<App>>) -> OpenApiRouter<Arc<App>> {
    routes.routes(routes!(live)).routes(routes!(ready))
}

/// What both have: health, their own description, an answer for every wrong path, and the
/// outermost layer.
fn finish(routes: OpenApiRouter<Arc<App>>, app: Arc<App>, audience: Audience) -> Router {
    let (routes, openapi) = with_health(routes).split_for_parts();
    let document = Arc::new(Document::new(openapi, audience));
    let edge = Edge { app: Arc::clone(&app), document: Arc::clone(&document) };
    routes
        .merge(openapi::pages(&document))
        .fallback(async || Problem::not_found("path"))
        .method_not_allowed_fallback(async || method_not_allowed())
        .layer(axum::extract::DefaultBodyLimit::max(BODY_LENGTH_MAX))
        .layer(middleware::from_fn_with_state(edge, edge::edge))
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

/// How the server is.
#[derive(Serialize, ToSchema)]
#[schema(as = Health)]
struct HealthBody {
    #[schema(pattern = "^ok$")]
    status: &'static str,
}

const HEALTHY: Json<HealthBody> = Json(HealthBody { status: "ok" });

/// The process runs
#[utoipa::path(
    get,
    path = "/livez",
    operation_id = "get_liveness",
    tag = "Everyone",
    responses((status = OK, description = "It does.", body = HealthBody)),
)]
async fn live() -> Json<HealthBody> {
    HEALTHY
}

/// Payments can be settled
///
/// The database takes a transaction, and everything runs that must. The answer may be a second old.
#[utoipa::path(
    get,
    path = "/readyz",
    operation_id = "get_readiness",
    tag = "Everyone",
    responses((status = OK, description = "They can.", body = HealthBody)),
    extensions(("x-errors" = json!(["503 not_ready"]))),
)]
async fn ready(State(app): State<Arc<App>>) -> Result<Json<HealthBody>, Problem> {
    app.ready().await.map_err(|not_ready| {
        let detail = match not_ready {
            NotReady::Stopped => "A part of the server has stopped.",
            NotReady::Database => "The database does not answer.",
        };
        Problem::new(StatusCode::SERVICE_UNAVAILABLE, "not_ready", Certainty::Retry, detail)
    })?;
    Ok(HEALTHY)
}

/// Measurements, for Prometheus
#[utoipa::path(
    get,
    path = "/metrics",
    operation_id = "get_metrics",
    tag = "Books",
    responses((
        status = OK,
        description = "In the OpenMetrics text format.",
        body = String,
        content_type = "application/openmetrics-text",
    )),
)]
async fn metrics(State(app): State<Arc<App>>) -> impl IntoResponse {
    let media_type = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    ([(header::CONTENT_TYPE, media_type)], app.metrics.render())
}
