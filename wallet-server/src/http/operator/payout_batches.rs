//! Payouts that the bank is told of together.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use wallet_core::receipt::PaymentState;

use super::payouts::{OperatorPayoutBody, REASON_LENGTH_MAX, REFERENCE_LENGTH_MAX, Reason};
use crate::domain::ids::PayoutBatchId;
use crate::domain::outcome::Refusal;
use crate::http::input;
use crate::http::list::List;
use crate::http::openapi::IdempotencyKey;
use crate::http::openapi::schema::{self, kind};
use crate::http::problem::{Certainty, Problem};
use crate::http::refusal::refused;
use crate::http::replay::mark;
use crate::http::time::rfc3339;
use crate::service::{App, BatchOutcome, PayoutBatchEnd};
use crate::store::{PAYOUT_BATCH_MAX, Payout, PayoutBatch, StoreError};

/// The most characters of the bank's reference of a whole batch: with a slash and a line of up to
/// three digits it is as long as one of a payout may be.
const BATCH_REFERENCE_LENGTH_MAX: usize = REFERENCE_LENGTH_MAX - 4;

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(create, list))
        .routes(routes!(one))
        .routes(routes!(payouts))
        .routes(routes!(bank_file))
        .routes(routes!(pay))
        .routes(routes!(give_back))
}

/// A batch of payouts.
#[derive(Serialize, ToSchema)]
#[schema(as = PayoutBatch)]
struct PayoutBatchBody {
    #[schema(value_type = schema::PayoutBatchId)]
    id: String,
    #[schema(schema_with = kind::payout_batch)]
    object: &'static str,
    #[schema(value_type = schema::Mode)]
    mode: &'static str,
    /// How many payouts it has.
    payouts: u32,
    /// What they come to.
    #[schema(value_type = schema::Amount)]
    amount: String,
    #[schema(value_type = schema::Currency)]
    currency: &'static str,
    /// How many of them wait for the bank.
    authorized: u32,
    /// What those come to.
    #[schema(value_type = schema::Amount)]
    amount_authorized: String,
    /// How many the bank has paid.
    succeeded: u32,
    /// How many were returned.
    canceled: u32,
    /// The bank's name for it, if all of it was paid as one order.
    external_reference: Option<String>,
    #[schema(value_type = schema::Time)]
    created_at: String,
}

impl From<PayoutBatch> for PayoutBatchBody {
    fn from(batch: PayoutBatch) -> Self {
        Self {
            id: batch.id.to_string(),
            object: "payout_batch",
            mode: batch.mode.as_str(),
            payouts: batch.payouts,
            amount: batch.amount.amount_text(),
            currency: batch.amount.currency().code(),
            authorized: batch.authorized,
            amount_authorized: batch.amount_authorized.amount_text(),
            succeeded: batch.succeeded,
            canceled: batch.canceled,
            external_reference: batch.external_reference,
            created_at: rfc3339(batch.created_at),
        }
    }
}

/// Which payouts to put into a batch.
#[derive(Deserialize, ToSchema)]
#[schema(as = NewPayoutBatch)]
#[serde(deny_unknown_fields)]
struct NewBatchBody {
    /// `live` unless said otherwise.
    #[schema(value_type = Option<schema::Mode>)]
    mode: Option<String>,
    /// At most so many, the oldest first.
    #[schema(minimum = 1, maximum = 500, default = 500)]
    limit: Option<usize>,
}

/// Put open payouts into a batch
///
/// The oldest ones that are in none. From now on their merchants cannot call them off. It moves no
/// money: an answer that is lost is found in the list of batches.
#[utoipa::path(
    post,
    path = "/v1/operator/payout_batches",
    operation_id = "create_payout_batch",
    tag = "Payouts",
    request_body = NewBatchBody,
    responses((status = CREATED, description = "The batch.", body = PayoutBatchBody)),
    extensions(("x-errors" = json!(["409 no_open_payouts"]))),
)]
async fn create(
    State(app): State<Arc<App>>,
    body: Bytes,
) -> Result<(StatusCode, Json<PayoutBatchBody>), Problem> {
    let body: NewBatchBody = input::json(&body)?;
    let mode = input::mode(body.mode.as_deref())?;
    let size = body.limit.unwrap_or(PAYOUT_BATCH_MAX);
    if !(1..=PAYOUT_BATCH_MAX).contains(&size) {
        return Err(Problem::field("/limit", format!("limit is 1 to {PAYOUT_BATCH_MAX}")));
    }
    let batch = app.make_payout_batch(mode, size).await?.ok_or_else(|| {
        let detail = "There is no open payout that is in no batch.";
        Problem::new(StatusCode::CONFLICT, "no_open_payouts", Certainty::Final, detail)
    })?;
    Ok((StatusCode::CREATED, Json(batch.into())))
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct Filter {
    /// `live` unless said otherwise.
    #[param(value_type = Option<schema::Mode>)]
    mode: Option<String>,
    /// How many.
    #[param(minimum = 1, maximum = 100, default = 20)]
    limit: Option<usize>,
    /// The `next` of the page before.
    #[param(value_type = Option<schema::PayoutBatchId>)]
    after: Option<String>,
}

/// List batches of payouts
///
/// Newest first.
#[utoipa::path(
    get,
    path = "/v1/operator/payout_batches",
    operation_id = "list_payout_batches",
    tag = "Payouts",
    params(Filter),
    responses((status = OK, description = "A page.", body = List<PayoutBatchBody>)),
)]
async fn list(
    State(app): State<Arc<App>>,
    uri: Uri,
) -> Result<Json<List<PayoutBatchBody>>, Problem> {
    let filter: Filter = input::query(&uri)?;
    let size = input::page_size(filter.limit)?;
    let mode = input::mode(filter.mode.as_deref())?;
    let before = input::cursor(filter.after.as_deref(), PayoutBatchId::parse)?;
    let found = app.store.payout_batches(mode, before, size + 1).await?;
    let id = |batch: &PayoutBatch| batch.id.to_string();
    Ok(Json(List::page(found, size, id, PayoutBatchBody::from)))
}

fn unknown_batch() -> Problem {
    Problem::not_found("batch of payouts")
}

async fn batch(app: &App, id: &str) -> Result<PayoutBatch, Problem> {
    let id = PayoutBatchId::parse(id).ok_or_else(unknown_batch)?;
    app.store.payout_batch(id).await?.ok_or_else(unknown_batch)
}

/// A batch of payouts
#[utoipa::path(
    get,
    path = "/v1/operator/payout_batches/{id}",
    operation_id = "get_payout_batch",
    tag = "Payouts",
    params(("id" = schema::PayoutBatchId, Path)),
    responses((status = OK, description = "The batch.", body = PayoutBatchBody)),
)]
async fn one(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
) -> Result<Json<PayoutBatchBody>, Problem> {
    Ok(Json(batch(&app, &id).await?.into()))
}

/// The payouts of a batch.
#[derive(Serialize, ToSchema)]
#[schema(as = PayoutsOfBatch)]
struct PayoutsBody {
    /// Line by line.
    data: Vec<OperatorPayoutBody>,
}

/// The payouts of a batch
#[utoipa::path(
    get,
    path = "/v1/operator/payout_batches/{id}/payouts",
    operation_id = "list_payouts_of_batch",
    tag = "Payouts",
    params(("id" = schema::PayoutBatchId, Path)),
    responses((status = OK, description = "All of them.", body = PayoutsBody)),
)]
async fn payouts(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
) -> Result<Json<PayoutsBody>, Problem> {
    let PayoutBatch { id, .. } = batch(&app, &id).await?;
    let found = app.store.payouts_of(id).await?;
    let bodies = found.iter().map(|payout| OperatorPayoutBody::current(&app, payout));
    Ok(Json(PayoutsBody { data: bodies.collect::<Result<_, _>>()? }))
}

/// The file for the bank
///
/// CSV (RFC 4180) with a line for each payout that waits for the bank: those that were paid, or
/// returned, must not be paid by it, whenever the file is asked for. What the lines come to is the
/// batch's `amount_authorized`.
#[utoipa::path(
    get,
    path = "/v1/operator/payout_batches/{id}/payouts.csv",
    operation_id = "get_bank_file",
    tag = "Payouts",
    params(("id" = schema::PayoutBatchId, Path)),
    responses((
        status = OK,
        description = "The columns line, payout, holder, account, bank, amount and currency.",
        body = String,
        content_type = "text/csv",
    )),
)]
async fn bank_file(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let PayoutBatch { id, .. } = batch(&app, &id).await?;
    let found = app.store.payouts_of(id).await?;
    let file = write_bank_file(&app, &found)?;
    Ok(([(header::CONTENT_TYPE, "text/csv; charset=utf-8; header=present")], file).into_response())
}

fn write_bank_file(app: &App, payouts: &[Payout]) -> Result<Vec<u8>, StoreError> {
    // Writing to memory does not fail.
    const FAILED: StoreError = StoreError::Corrupt("a line of a bank file");
    let mut file =
        csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
    let columns = ["line", "payout", "holder", "account", "bank", "amount", "currency"];
    file.write_record(columns).map_err(|_| FAILED)?;
    for payout in payouts {
        let waits = payout.record.state == PaymentState::Authorized;
        let Some((_, line)) = payout.batch.filter(|_| waits) else { continue };
        let destination = app.destination_of(payout)?;
        let amount = payout.record.asked;
        let line = [
            &*line.to_string(),
            &payout.id.to_string(),
            destination.holder(),
            destination.account(),
            destination.bank().unwrap_or_default(),
            &amount.amount_text(),
            amount.currency().code(),
        ];
        file.write_record(line).map_err(|_| FAILED)?;
    }
    file.into_inner().map_err(|_| FAILED)
}

type BatchReference = schema::Text<BATCH_REFERENCE_LENGTH_MAX>;

/// How all of it was paid.
#[derive(Deserialize, ToSchema)]
#[schema(as = PayoutBatchPayment)]
#[serde(deny_unknown_fields)]
struct PayBody {
    /// The bank's name for the order: stands for one batch. A payout's own is this one, a slash, and
    /// its line.
    #[schema(value_type = BatchReference)]
    external_reference: String,
}

/// The bank has paid all of it
///
/// Those of its payouts that have come to their end before stay as they are. If only some of the
/// others could be decided about, the answer is an error with the certainty `unknown`, the batch
/// says which, and the same request goes on with the rest.
#[utoipa::path(
    post,
    path = "/v1/operator/payout_batches/{id}/pay",
    operation_id = "pay_payout_batch",
    tag = "Payouts",
    params(("id" = schema::PayoutBatchId, Path), IdempotencyKey),
    request_body = PayBody,
    responses((status = OK, description = "The batch.", body = PayoutBatchBody)),
    extensions(("x-errors" = json!([
        "409 payout_closed",
        "409 reference_conflict or unknown",
        "422 idempotency_key_reused or unknown",
    ]))),
)]
async fn pay(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Problem> {
    let key = input::idempotency_key(&headers)?;
    let PayBody { external_reference } = input::json(&body)?;
    input::text("/external_reference", &external_reference, BATCH_REFERENCE_LENGTH_MAX)?;
    finish(&app, &id, &PayoutBatchEnd::Paid { external_reference }, &key).await
}

/// Why the merchants have the money again.
#[derive(Deserialize, ToSchema)]
#[schema(as = PayoutBatchReturn)]
#[serde(deny_unknown_fields)]
struct BatchReturnBody {
    /// For the merchants to read.
    #[schema(value_type = Reason)]
    reason: String,
    /// Whether also what the bank had paid has come back. Unless that is said, payouts that were paid
    /// stay paid.
    #[serde(default)]
    include_paid: bool,
}

/// The bank cannot pay it
///
/// The merchants have the money again of what waits for the bank; with `include_paid` also of what
/// was paid, because the bank has sent it back. Payouts that were returned before stay as they are.
#[utoipa::path(
    post,
    path = "/v1/operator/payout_batches/{id}/return",
    operation_id = "return_payout_batch",
    tag = "Payouts",
    params(("id" = schema::PayoutBatchId, Path), IdempotencyKey),
    request_body = BatchReturnBody,
    responses((status = OK, description = "The batch.", body = PayoutBatchBody)),
    extensions(("x-errors" = json!([
        "409 payout_closed",
        "422 idempotency_key_reused or unknown",
    ]))),
)]
async fn give_back(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Problem> {
    let key = input::idempotency_key(&headers)?;
    let BatchReturnBody { reason, include_paid } = input::json(&body)?;
    input::text("/reason", &reason, REASON_LENGTH_MAX)?;
    finish(&app, &id, &PayoutBatchEnd::Returned { reason, include_paid }, &key).await
}

async fn finish(
    app: &Arc<App>,
    id: &str,
    end: &PayoutBatchEnd,
    key: &str,
) -> Result<Response, Problem> {
    let id = PayoutBatchId::parse(id).ok_or_else(unknown_batch)?;
    let replayed = match app.finish_payout_batch(id, end, key).await? {
        BatchOutcome::Unknown => return Err(unknown_batch()),
        BatchOutcome::Decided { replayed } => replayed,
        BatchOutcome::Refused(Refusal::UnknownPayout) => {
            return Err(StoreError::Corrupt("a payout of a batch").into());
        }
        BatchOutcome::Refused(refusal) => return Err(refused(app, refusal)),
        BatchOutcome::PartlyRefused(Refusal::UnknownPayout) => {
            return Err(Problem::done_but_unread(StoreError::Corrupt("a payout of a batch")));
        }
        BatchOutcome::PartlyRefused(refusal) => return Err(partly(refused(app, refusal))),
    };
    let batch = app.store.payout_batch(id).await.map_err(Problem::done_but_unread)?;
    let batch = batch.ok_or_else(unknown_batch)?;
    Ok(mark(Json(PayoutBatchBody::from(batch)).into_response(), replayed))
}

/// What was in the way of some of the payouts. Others are paid, or returned, so nobody may be told
/// that nothing happened.
fn partly(refused: Problem) -> Problem {
    let detail = "This request decided about some of the payouts, and something was in the way of \
                  another: look at the batch. The same request goes on with the rest.";
    Problem { detail: detail.to_owned(), certainty: Certainty::Unknown, ..refused }
}
