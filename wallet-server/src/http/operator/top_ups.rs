//! Crediting what payers paid in.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::{Json, Router, routing};
use serde::{Deserialize, Serialize};

use crate::domain::ids::PayerId;
use crate::domain::outcome::{Answer, Outcome, Refusal, TopUpAnswer};
use crate::http::input;
use crate::http::problem::Problem;
use crate::http::refusal::refused;
use crate::http::replay::mark;
use crate::http::time::rfc3339;
use crate::service::{App, TopUpRequest};

const REFERENCE_LENGTH_MAX: usize = 64;

pub(super) fn routes() -> Router<Arc<App>> {
    Router::new().route("/v1/operator/top_ups", routing::post(create))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewTopUpBody {
    payer: String,
    amount: String,
    currency: String,
    external_reference: String,
}

#[derive(Serialize)]
struct TopUpBody {
    id: String,
    object: &'static str,
    payer: String,
    amount: String,
    currency: &'static str,
    external_reference: String,
    created_at: String,
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
