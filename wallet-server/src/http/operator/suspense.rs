//! Money that came back for payers who could not have it: what is there, and what becomes of it.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, Uri};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::domain::command::SuspenseEnd;
use crate::domain::ids::SuspenseId;
use crate::domain::outcome::Outcome;
use crate::domain::plan::SuspenseSubject;
use crate::http::input;
use crate::http::list::List;
use crate::http::openapi::IdempotencyKey;
use crate::http::openapi::schema::{self, kind};
use crate::http::problem::Problem;
use crate::http::refusal::refused;
use crate::http::replay::mark;
use crate::http::time::rfc3339;
use crate::service::App;
use crate::store::{StoreError, Suspense};

const REFERENCE_LENGTH_MAX: usize = 64;

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(release)).routes(routes!(pay_out))
}

/// Money that came back for a payer who could not have it.
#[derive(Serialize, ToSchema)]
#[schema(as = Suspense)]
struct SuspenseBody {
    #[schema(value_type = schema::SuspenseId)]
    id: String,
    #[schema(schema_with = kind::suspense)]
    object: &'static str,
    #[schema(value_type = schema::Mode)]
    mode: &'static str,
    #[schema(value_type = schema::SuspenseState)]
    state: &'static str,
    #[schema(value_type = schema::PayerId)]
    payer: String,
    #[schema(value_type = schema::Amount)]
    amount: String,
    #[schema(value_type = schema::Currency)]
    currency: &'static str,
    /// What gave it back: a refund, or a payment that was called off.
    #[schema(pattern = "^(pay|ref)_[0-9a-f]{32}$")]
    subject: String,
    /// The bank's name for it, once it is paid out.
    external_reference: Option<String>,
    #[schema(value_type = schema::Time)]
    created_at: String,
    #[schema(value_type = Option<schema::Time>)]
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

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct Filter {
    /// `live` unless said otherwise.
    #[param(value_type = Option<schema::Mode>)]
    mode: Option<String>,
    /// Only what is there still.
    #[param(pattern = "^open$")]
    state: Option<String>,
    /// How many.
    #[param(minimum = 1, maximum = 100, default = 20)]
    limit: Option<usize>,
    /// The `next` of the page before.
    #[param(value_type = Option<schema::SuspenseId>)]
    after: Option<String>,
}

/// List money in suspense
///
/// Newest first.
#[utoipa::path(
    get,
    path = "/v1/operator/suspense",
    operation_id = "list_suspense",
    tag = "Money",
    params(Filter),
    responses((status = OK, description = "A page.", body = List<SuspenseBody>)),
)]
async fn list(State(app): State<Arc<App>>, uri: Uri) -> Result<Json<List<SuspenseBody>>, Problem> {
    let filter: Filter = input::query(&uri)?;
    let size = input::page_size(filter.limit)?;
    let mode = input::mode(filter.mode.as_deref())?;
    let only_open = match filter.state.as_deref() {
        None => false,
        Some("open") => true,
        Some(_) => return Err(Problem::field("/state", "open, or left out")),
    };
    let before = input::cursor(filter.after.as_deref(), SuspenseId::parse)?;
    let found = app.store.all_suspense(mode, only_open, before, size + 1).await?;
    let id = |suspense: &Suspense| suspense.id.to_string();
    Ok(Json(List::page(found, size, id, SuspenseBody::from)))
}

/// Its owner has it after all
///
/// Once the payer is active again.
#[utoipa::path(
    post,
    path = "/v1/operator/suspense/{id}/release",
    operation_id = "release_suspense",
    tag = "Money",
    params(("id" = schema::SuspenseId, Path), IdempotencyKey),
    request_body = Option<input::Nothing>,
    responses((status = OK, description = "It has ended.", body = SuspenseBody)),
    extensions(("x-errors" = json!([
        "409 suspense_closed",
        "422 payer_unavailable",
        "422 unknown_payer",
        "422 currency_mismatch",
        "422 amount_too_large",
    ]))),
)]
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

type ExternalReference = schema::Text<REFERENCE_LENGTH_MAX>;

/// How it was paid out.
#[derive(Deserialize, ToSchema)]
#[schema(as = SuspensePayment)]
#[serde(deny_unknown_fields)]
struct PayOutBody {
    /// The bank's name for it: stands for one payment.
    #[schema(value_type = ExternalReference)]
    external_reference: String,
}

/// The bank has paid it to its owner
///
/// The money leaves the books.
#[utoipa::path(
    post,
    path = "/v1/operator/suspense/{id}/pay_out",
    operation_id = "pay_out_suspense",
    tag = "Money",
    params(("id" = schema::SuspenseId, Path), IdempotencyKey),
    request_body = PayOutBody,
    responses((status = OK, description = "It has ended.", body = SuspenseBody)),
    extensions(("x-errors" = json!([
        "409 suspense_closed",
        "409 reference_conflict",
        "422 unknown_payer",
        "422 currency_mismatch",
        "422 amount_too_large",
    ]))),
)]
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
    let suspense = app.store.suspense(id).await.map_err(Problem::done_but_unread)?;
    let suspense = suspense.ok_or(StoreError::Corrupt("money in suspense"));
    let suspense = suspense.map_err(Problem::done_but_unread)?;
    Ok(mark(Json(SuspenseBody::from(suspense)).into_response(), replayed))
}
