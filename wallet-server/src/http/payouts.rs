//! `/v1/payouts`: money that a merchant has paid out to its bank account.

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

use super::auth::{MerchantAuth, SettlingMerchant};
use super::input;
use super::list::List;
use super::object::Texts;
use super::openapi::IdempotencyKey;
use super::openapi::schema;
use super::payments::metadata;
use super::payout_body::{PayoutBody, answer, unknown_payout};
use super::problem::Problem;
use crate::domain::command::PayoutEnd;
use crate::domain::ids::PayoutId;
use crate::service::{ApiKeyScope, App, PayoutActor, PayoutRequest};
use crate::store::{Payout, PayoutFilter};

pub(super) const DESCRIPTION_LENGTH_MAX: usize = 200;

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(create, list)).routes(routes!(one)).routes(routes!(cancel))
}

type Description = schema::Text<DESCRIPTION_LENGTH_MAX>;

/// Money to be paid out.
#[derive(Deserialize, ToSchema)]
#[schema(as = NewPayout)]
#[serde(deny_unknown_fields)]
struct NewPayoutBody {
    /// Goes together with the currency; all that is available when nothing is said.
    #[schema(value_type = Option<schema::PositiveAmount>)]
    amount: Option<String>,
    #[schema(value_type = Option<schema::Currency>)]
    currency: Option<String>,
    /// For the merchant to read.
    #[schema(value_type = Option<Description>)]
    description: Option<String>,
    #[schema(value_type = Option<schema::Metadata>)]
    metadata: Option<Texts>,
}

/// Have money paid out
///
/// It is held from now on, and goes to the account that the operator knows of the merchant; no API
/// key can change which that is.
#[utoipa::path(
    post,
    path = "/v1/payouts",
    operation_id = "create_payout",
    tag = "Payouts",
    security(("api_key" = ["payout"])),
    params(IdempotencyKey),
    request_body = NewPayoutBody,
    responses((status = CREATED, description = "The payout, `authorized`.", body = PayoutBody)),
    extensions(("x-errors" = json!([
        "422 balance_insufficient",
        "422 payout_too_small",
        "422 payout_destination_missing",
        "422 currency_mismatch",
    ]))),
)]
async fn create(
    SettlingMerchant(auth): SettlingMerchant,
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Problem> {
    auth.allow(ApiKeyScope::Payout)?;
    let key = input::idempotency_key(&headers)?;
    let body: NewPayoutBody = input::json(&body)?;
    let amount = input::optional_amount(body.amount.as_deref(), body.currency.as_deref())?;
    if let Some(description) = &body.description {
        input::text("/description", description, DESCRIPTION_LENGTH_MAX)?;
    }
    let metadata = body.metadata.map(|Texts(map)| metadata(&map)).transpose()?;
    let request = PayoutRequest { key, amount, description: body.description, metadata };
    let outcome = app.request_payout(&auth.0, request).await?;
    answer(&app, outcome, StatusCode::CREATED, PayoutBody::at).await
}

/// Call a payout off
///
/// As long as it is in no batch, of which the bank may have been told.
#[utoipa::path(
    post,
    path = "/v1/payouts/{id}/cancel",
    operation_id = "cancel_payout",
    tag = "Payouts",
    security(("api_key" = ["payout"])),
    params(("id" = schema::PayoutId, Path), IdempotencyKey),
    request_body = Option<input::Nothing>,
    responses((status = OK, description = "The payout, `canceled`.", body = PayoutBody)),
    extensions(("x-errors" = json!(["409 payout_batched", "409 payout_closed"]))),
)]
async fn cancel(
    SettlingMerchant(auth): SettlingMerchant,
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Problem> {
    auth.allow(ApiKeyScope::Payout)?;
    let key = input::idempotency_key(&headers)?;
    input::nothing(&body)?;
    let id = PayoutId::parse(&id).ok_or_else(unknown_payout)?;
    let end = PayoutEnd::Canceled { api_key: auth.0.id };
    let outcome = app.finish_payout(id, PayoutActor::Merchant(&auth.0), end, key).await?;
    answer(&app, outcome, StatusCode::OK, PayoutBody::at).await
}

/// A payout
#[utoipa::path(
    get,
    path = "/v1/payouts/{id}",
    operation_id = "get_payout",
    tag = "Payouts",
    security(("api_key" = ["read"])),
    params(("id" = schema::PayoutId, Path)),
    responses((status = OK, description = "The payout.", body = PayoutBody)),
)]
async fn one(
    auth: MerchantAuth,
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
) -> Result<Json<PayoutBody>, Problem> {
    auth.allow(ApiKeyScope::Read)?;
    let id = PayoutId::parse(&id).ok_or_else(unknown_payout)?;
    let own = (auth.0.merchant, auth.0.mode);
    let payout = app.store.payout(id).await?;
    let payout = payout.filter(|payout| (payout.merchant, payout.record.mode) == own);
    Ok(Json(PayoutBody::current(&app, &payout.ok_or_else(unknown_payout)?)?))
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct Filter {
    /// All states unless said otherwise.
    #[param(value_type = Option<schema::PayoutState>)]
    state: Option<String>,
    /// How many.
    #[param(minimum = 1, maximum = 100, default = 20)]
    limit: Option<usize>,
    /// The `next` of the page before.
    #[param(value_type = Option<schema::PayoutId>)]
    after: Option<String>,
}

/// List payouts
///
/// Newest first.
#[utoipa::path(
    get,
    path = "/v1/payouts",
    operation_id = "list_payouts",
    tag = "Payouts",
    security(("api_key" = ["read"])),
    params(Filter),
    responses((status = OK, description = "A page.", body = List<PayoutBody>)),
)]
async fn list(
    auth: MerchantAuth,
    State(app): State<Arc<App>>,
    uri: Uri,
) -> Result<Json<List<PayoutBody>>, Problem> {
    auth.allow(ApiKeyScope::Read)?;
    let filter: Filter = input::query(&uri)?;
    let size = input::page_size(filter.limit)?;
    let before = input::cursor(filter.after.as_deref(), PayoutId::parse)?;
    let filter = PayoutFilter {
        mode: auth.0.mode,
        state: state(filter.state.as_deref())?,
        merchant: Some(auth.0.merchant),
    };
    let found = app.store.payouts(filter, before, size + 1).await?;
    page(&found, size, |payout| Ok(PayoutBody::current(&app, payout)?)).map(Json)
}

/// A state that a payout may have.
pub(super) fn state(name: Option<&str>) -> Result<Option<PaymentState>, Problem> {
    let wrong = || Problem::field("/state", "state is authorized, succeeded or canceled");
    match name.map(PaymentState::from_name) {
        None => Ok(None),
        Some(
            state @ Some(
                PaymentState::Authorized | PaymentState::Succeeded | PaymentState::Canceled,
            ),
        ) => Ok(state),
        Some(_) => Err(wrong()),
    }
}

/// A page of payouts.
pub(super) fn page<T: ToSchema>(
    found: &[Payout],
    size: usize,
    body: impl Fn(&Payout) -> Result<T, Problem>,
) -> Result<List<T>, Problem> {
    let rows: Vec<(PayoutId, T)> = found
        .iter()
        .map(|payout| Ok((payout.id, body(payout)?)))
        .collect::<Result<_, Problem>>()?;
    Ok(List::page(rows, size, |row| row.0.to_string(), |row| row.1))
}
