//! Paying out what merchants ask for.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::Response;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use wallet_core::receipt::{PaymentState, Record};

use super::payout_destinations::DestinationBody;
use crate::domain::command::PayoutEnd;
use crate::domain::ids::{MerchantId, PayoutId};
use crate::http::input;
use crate::http::list::List;
use crate::http::openapi::{IdempotencyKey, schema};
use crate::http::payout_body::{PayoutFields, answer, unknown_payout};
use crate::http::payouts::{DESCRIPTION_LENGTH_MAX, page, state};
use crate::http::problem::Problem;
use crate::service::{App, PayoutActor, PayoutRequest};
use crate::store::{Payout, PayoutFilter, StoreError};

pub(super) const REFERENCE_LENGTH_MAX: usize = 64;
pub(super) const REASON_LENGTH_MAX: usize = 200;

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(create, list))
        .routes(routes!(one))
        .routes(routes!(pay))
        .routes(routes!(give_back))
}

/// A payout as the operator sees it.
#[derive(Serialize, ToSchema)]
#[schema(as = OperatorPayout)]
pub(super) struct OperatorPayoutBody {
    #[serde(flatten)]
    fields: PayoutFields,
    #[schema(value_type = schema::MerchantId)]
    merchant: String,
    destination: DestinationBody,
    /// The batch that it is in. The answer that makes a payout says none.
    #[schema(value_type = Option<schema::PayoutBatchId>)]
    batch: Option<String>,
}

impl OperatorPayoutBody {
    /// As a record left it.
    fn at(app: &App, payout: &Payout, record: &Record) -> Result<Self, StoreError> {
        let body = Self::current(app, payout)?;
        // A payout gets into a batch without a record, and stays there for ever once it was decided.
        let batch = body.batch.filter(|_| record.state != PaymentState::Authorized);
        Ok(Self { fields: PayoutFields::at(app.keys.as_ref(), payout, record), batch, ..body })
    }

    /// As it is now.
    pub(super) fn current(app: &App, payout: &Payout) -> Result<Self, StoreError> {
        Ok(Self {
            fields: PayoutFields::at(app.keys.as_ref(), payout, &payout.record),
            merchant: payout.merchant.to_string(),
            destination: DestinationBody::from(&app.destination_of(payout)?),
            batch: payout.batch.map(|(batch, _)| batch.to_string()),
        })
    }
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct Filter {
    /// `live` unless said otherwise.
    #[param(value_type = Option<schema::Mode>)]
    mode: Option<String>,
    /// All states unless said otherwise.
    #[param(value_type = Option<schema::PayoutState>)]
    state: Option<String>,
    /// Those of this merchant.
    #[param(value_type = Option<schema::MerchantId>)]
    merchant: Option<String>,
    /// How many.
    #[param(minimum = 1, maximum = 100, default = 20)]
    limit: Option<usize>,
    /// The `next` of the page before.
    #[param(value_type = Option<schema::PayoutId>)]
    after: Option<String>,
}

/// List payouts of all merchants
///
/// Newest first.
#[utoipa::path(
    get,
    path = "/v1/operator/payouts",
    operation_id = "list_all_payouts",
    tag = "Payouts",
    params(Filter),
    responses((status = OK, description = "A page, with destinations.", body = List<OperatorPayoutBody>)),
)]
async fn list(
    State(app): State<Arc<App>>,
    uri: Uri,
) -> Result<Json<List<OperatorPayoutBody>>, Problem> {
    let filter: Filter = input::query(&uri)?;
    let size = input::page_size(filter.limit)?;
    let before = input::cursor(filter.after.as_deref(), PayoutId::parse)?;
    let filter = PayoutFilter {
        mode: input::mode(filter.mode.as_deref())?,
        state: state(filter.state.as_deref())?,
        merchant: filter.merchant.as_deref().map(merchant_id).transpose()?,
    };
    let found = app.store.payouts(filter, before, size + 1).await?;
    page(&found, size, |payout| Ok(OperatorPayoutBody::current(&app, payout)?)).map(Json)
}

fn merchant_id(text: &str) -> Result<MerchantId, Problem> {
    let wrong = || Problem::field("/merchant", "the id of a merchant, as in mer_0…");
    MerchantId::parse(text).ok_or_else(wrong)
}

/// A payout of any merchant
#[utoipa::path(
    get,
    path = "/v1/operator/payouts/{id}",
    operation_id = "get_any_payout",
    tag = "Payouts",
    params(("id" = schema::PayoutId, Path)),
    responses((status = OK, description = "The payout.", body = OperatorPayoutBody)),
)]
async fn one(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
) -> Result<Json<OperatorPayoutBody>, Problem> {
    let id = PayoutId::parse(&id).ok_or_else(unknown_payout)?;
    let payout = app.store.payout(id).await?.ok_or_else(unknown_payout)?;
    Ok(Json(OperatorPayoutBody::current(&app, &payout)?))
}

type Description = schema::Text<DESCRIPTION_LENGTH_MAX>;

/// Money of a merchant to be paid out.
#[derive(Deserialize, ToSchema)]
#[schema(as = NewPayoutFor)]
#[serde(deny_unknown_fields)]
struct NewPayoutBody {
    #[schema(value_type = schema::MerchantId)]
    merchant: String,
    /// Goes together with the currency; all that is available when nothing is said.
    #[schema(value_type = Option<schema::PositiveAmount>)]
    amount: Option<String>,
    #[schema(value_type = Option<schema::Currency>)]
    currency: Option<String>,
    /// For the merchant to read.
    #[schema(value_type = Option<Description>)]
    description: Option<String>,
}

/// Have money of a merchant paid out
///
/// On behalf of one that cannot ask any more, such as a closed one.
#[utoipa::path(
    post,
    path = "/v1/operator/payouts",
    operation_id = "create_payout_for_merchant",
    tag = "Payouts",
    params(IdempotencyKey),
    request_body = NewPayoutBody,
    responses((status = CREATED, description = "The payout, `authorized`.", body = OperatorPayoutBody)),
    extensions(("x-errors" = json!([
        "404 not_found",
        "422 balance_insufficient",
        "422 payout_too_small",
        "422 payout_destination_missing",
        "422 currency_mismatch",
    ]))),
)]
async fn create(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Problem> {
    let key = input::idempotency_key(&headers)?;
    let body: NewPayoutBody = input::json(&body)?;
    let merchant = merchant_id(&body.merchant)?;
    let amount = input::optional_amount(body.amount.as_deref(), body.currency.as_deref())?;
    if let Some(description) = &body.description {
        input::text("/description", description, DESCRIPTION_LENGTH_MAX)?;
    }
    let request = PayoutRequest { key, amount, description: body.description, metadata: None };
    let outcome = app.request_payout_for(merchant, request).await?;
    answer(&app, outcome, StatusCode::CREATED, OperatorPayoutBody::at).await
}

type ExternalReference = schema::Text<REFERENCE_LENGTH_MAX>;

/// How it was paid.
#[derive(Deserialize, ToSchema)]
#[schema(as = PayoutPayment)]
#[serde(deny_unknown_fields)]
struct PayBody {
    /// The bank's name for it: stands for one payout.
    #[schema(value_type = ExternalReference)]
    external_reference: String,
}

/// The bank has paid it
///
/// The money leaves the books.
#[utoipa::path(
    post,
    path = "/v1/operator/payouts/{id}/pay",
    operation_id = "pay_payout",
    tag = "Payouts",
    params(("id" = schema::PayoutId, Path), IdempotencyKey),
    request_body = PayBody,
    responses((status = OK, description = "The payout, `succeeded`.", body = OperatorPayoutBody)),
    extensions(("x-errors" = json!(["409 payout_closed", "409 reference_conflict"]))),
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
    finish(&app, &id, PayoutEnd::Paid { external_reference }, key).await
}

pub(super) type Reason = schema::Text<REASON_LENGTH_MAX>;

/// Why the merchant has the money again.
#[derive(Deserialize, ToSchema)]
#[schema(as = PayoutReturn)]
#[serde(deny_unknown_fields)]
struct ReturnBody {
    /// For the merchant to read.
    #[schema(value_type = Reason)]
    reason: String,
}

/// The bank cannot pay it, or has sent the money back
///
/// The merchant has the money again; also that of a payout that was paid.
#[utoipa::path(
    post,
    path = "/v1/operator/payouts/{id}/return",
    operation_id = "return_payout",
    tag = "Payouts",
    params(("id" = schema::PayoutId, Path), IdempotencyKey),
    request_body = ReturnBody,
    responses((status = OK, description = "The payout, `canceled`.", body = OperatorPayoutBody)),
    extensions(("x-errors" = json!(["409 payout_closed"]))),
)]
async fn give_back(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Problem> {
    let key = input::idempotency_key(&headers)?;
    let ReturnBody { reason } = input::json(&body)?;
    input::text("/reason", &reason, REASON_LENGTH_MAX)?;
    finish(&app, &id, PayoutEnd::Returned { reason, include_paid: true }, key).await
}

async fn finish(
    app: &Arc<App>,
    id: &str,
    end: PayoutEnd,
    key: String,
) -> Result<Response, Problem> {
    let id = PayoutId::parse(id).ok_or_else(unknown_payout)?;
    let outcome = app.finish_payout(id, PayoutActor::Operator, end, key).await?;
    answer(app, outcome, StatusCode::OK, OperatorPayoutBody::at).await
}
