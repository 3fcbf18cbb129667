//! Money that came back for payers who could not have it: what is there, and what becomes of it.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, Uri};
use axum::response::{IntoResponse, Response};
use axum::{Json, Router, routing};
use serde::{Deserialize, Serialize};

use crate::domain::command::SuspenseEnd;
use crate::domain::ids::SuspenseId;
use crate::domain::outcome::Outcome;
use crate::domain::plan::SuspenseSubject;
use crate::http::input;
use crate::http::list::List;
use crate::http::problem::Problem;
use crate::http::refusal::refused;
use crate::http::replay::mark;
use crate::http::time::rfc3339;
use crate::service::App;
use crate::store::{StoreError, Suspense};

const REFERENCE_LENGTH_MAX: usize = 64;

pub(super) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/v1/operator/suspense", routing::get(list))
        .route("/v1/operator/suspense/{id}/release", routing::post(release))
        .route("/v1/operator/suspense/{id}/pay_out", routing::post(pay_out))
}

#[derive(Serialize)]
struct SuspenseBody {
    id: String,
    object: &'static str,
    mode: &'static str,
    state: &'static str,
    payer: String,
    amount: String,
    currency: &'static str,
    /// What gave it back: a refund, or a payment that was called off.
    subject: String,
    external_reference: Option<String>,
    created_at: String,
    ended_at: Option<String>,
}

impl From<Suspense> for SuspenseBody {
    fn from(suspense: Suspense) -> Self {
        Self {
            id: suspense.id.to_string(),
            object: "suspense",
            mode: suspense.mode.as_str(),
            state: suspense.state.as_str(),
            payer: suspense.payer.to_string(),
            amount: suspense.amount.amount_text(),
            currency: suspense.amount.currency().code(),
            subject: match suspense.subject {
                SuspenseSubject::Refund(id) => id.to_string(),
                SuspenseSubject::Payment(id) => id.to_string(),
            },
            external_reference: suspense.external_reference,
            created_at: rfc3339(suspense.created_at),
            ended_at: suspense.ended_at.map(rfc3339),
        }
    }
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
async fn list(State(app): State<Arc<App>>, uri: Uri) -> Result<Json<List<SuspenseBody>>, Problem> {
    let filter: Filter = input::query(&uri)?;
    let size = input::page_size(filter.limit)?;
    let mode = input::mode(filter.mode.as_deref())?;
    let only_open = match filter.state.as_deref() {
        None => false,
        Some("open") => true,
        Some(_) => return Err(Problem::field("", "state is open, or is left out")),
    };
    let before = input::cursor(filter.after.as_deref(), SuspenseId::parse)?;
    let found = app.store.all_suspense(mode, only_open, before, size + 1).await?;
    let id = |suspense: &Suspense| suspense.id.to_string();
    Ok(Json(List::page(found, size, id, SuspenseBody::from)))
}

/// Its owner has it after all.
async fn release(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Problem> {
    let key = input::idempotency_key(&headers)?;
    input::nothing(&body)?;
    end(&app, &id, SuspenseEnd::Released, key).await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PayOutBody {
    external_reference: String,
}

/// The bank has paid it to its owner.
async fn pay_out(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Problem> {
    let key = input::idempotency_key(&headers)?;
    let PayOutBody { external_reference } = input::json(&body)?;
    input::text("/external_reference", &external_reference, REFERENCE_LENGTH_MAX)?;
    end(&app, &id, SuspenseEnd::PaidOut { external_reference }, key).await
}

async fn end(app: &Arc<App>, id: &str, end: SuspenseEnd, key: String) -> Result<Response, Problem> {
    let id = SuspenseId::parse(id).ok_or_else(|| Problem::not_found("money in suspense"))?;
    let replayed = match app.end_suspense(id, end, key).await? {
        Outcome::Answered { replayed, .. } => replayed,
        Outcome::Refused(refusal) => return Err(refused(app, refusal)),
    };
    // Once it has ended nothing of it changes, so a repeat reads the same.
    let suspense = app.store.suspense(id).await?;
    let suspense = suspense.ok_or(StoreError::Corrupt("money in suspense"))?;
    Ok(mark(Json(SuspenseBody::from(suspense)).into_response(), replayed))
}
