//! Crediting what payers paid in.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::domain::ids::PayerId;
use crate::domain::outcome::{Answer, Outcome, Refusal, TopUpAnswer};
use crate::http::input;
use crate::http::openapi::IdempotencyKey;
use crate::http::openapi::schema::{self, kind};
use crate::http::problem::Problem;
use crate::http::refusal::refused;
use crate::http::replay::mark;
use crate::http::time::rfc3339;
use crate::service::{App, TopUpRequest};

const REFERENCE_LENGTH_MAX: usize = 64;

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(create))
}

type ExternalReference = schema::Text<REFERENCE_LENGTH_MAX>;

/// Money that a payer paid in.
#[derive(Deserialize, ToSchema)]
#[schema(as = NewTopUp)]
#[serde(deny_unknown_fields)]
struct NewTopUpBody {
    #[schema(value_type = schema::PayerId)]
    payer: String,
    #[schema(value_type = schema::PositiveAmount)]
    amount: String,
    #[schema(value_type = schema::Currency)]
    currency: String,
    /// The bank's name for it.
    #[schema(value_type = ExternalReference)]
    external_reference: String,
}

/// Money that was credited.
#[derive(Serialize, ToSchema)]
#[schema(as = TopUp)]
struct TopUpBody {
    #[schema(value_type = schema::TopUpId)]
    id: String,
    #[schema(schema_with = kind::top_up)]
    object: &'static str,
    #[schema(value_type = schema::PayerId)]
    payer: String,
    #[schema(value_type = schema::Amount)]
    amount: String,
    #[schema(value_type = schema::Currency)]
    currency: &'static str,
    external_reference: String,
    #[schema(value_type = schema::Time)]
    created_at: String,
    #[schema(value_type = schema::Receipt)]
    receipt: String,
}

impl TopUpBody {
    fn new(app: &App, top_up: TopUpAnswer) -> Self {
        Self {
            id: top_up.id.to_string(),
            object: "top_up",
            payer: top_up.payer.to_string(),
            amount: top_up.record.asked.amount_text(),
            currency: top_up.record.asked.currency().code(),
            external_reference: top_up.external_reference,
            created_at: rfc3339(top_up.record.decided_at),
            receipt: app.keys.sign(&top_up.record).to_string(),
        }
    }
}

/// Credit what a payer paid in
///
/// An external reference is credited once, under whatever key.
#[utoipa::path(
    post,
    path = "/v1/operator/top_ups",
    operation_id = "create_top_up",
    tag = "Money",
    params(IdempotencyKey),
    request_body = NewTopUpBody,
    responses((status = CREATED, description = "It is credited.", body = TopUpBody)),
    extensions(("x-errors" = json!([
        "409 reference_conflict",
        "422 unknown_payer",
        "422 payer_unavailable",
        "422 currency_mismatch",
        "422 amount_too_large",
    ]))),
)]
async fn create(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Problem> {
    let key = input::idempotency_key(&headers)?;
    let body: NewTopUpBody = input::json(&body)?;
    let amount = input::amount(&body.amount, &body.currency)?;
    input::text("/external_reference", &body.external_reference, REFERENCE_LENGTH_MAX)?;
    let unknown = || Problem::field("/payer", "There is no such payer.");
    let payer = PayerId::parse(&body.payer).ok_or_else(unknown)?;
    let mode = app.store.payer(payer).await?.ok_or_else(unknown)?.mode;
    let external_reference = body.external_reference;
    let request = TopUpRequest { key, payer, mode, amount, external_reference };
    let (top_up, replayed) = match app.top_up(request).await? {
        Outcome::Answered { answer: Answer::TopUp(top_up), replayed } => (*top_up, replayed),
        Outcome::Answered { .. } => return Err(refused(&app, Refusal::KeyReused)),
        Outcome::Refused(refusal) => return Err(refused(&app, refusal)),
    };
    let response = (StatusCode::CREATED, Json(TopUpBody::new(&app, top_up))).into_response();
    Ok(mark(response, replayed))
}
