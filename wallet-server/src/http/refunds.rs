//! `/v1/refunds`: money of a payment that its merchant gives back.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::auth::{MerchantAuth, SettlingMerchant};
use super::input;
use super::list::List;
use super::not_moved::not_moved;
use super::object::Texts;
use super::openapi::IdempotencyKey;
use super::openapi::schema;
use super::payment_changes::{names_payment, with_payment};
use super::payments::metadata;
use super::problem::{Certainty, Problem};
use super::refund_body::RefundBody;
use super::refusal::refused;
use super::replay::mark;
use crate::domain::ids::{PaymentId, RefundId};
use crate::domain::outcome::{Answer, Outcome, RefundAnswer, Refusal};
use crate::service::{ApiKeyScope, App, RefundRequest};

const REASON_LENGTH_MAX: usize = 200;

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(refund, list)).routes(routes!(one))
}

type Reason = schema::Text<REASON_LENGTH_MAX>;

/// Money to be given back.
#[derive(Deserialize, ToSchema)]
#[schema(as = NewRefund)]
#[serde(deny_unknown_fields)]
struct NewRefundBody {
    #[schema(value_type = schema::PaymentId)]
    payment: String,
    /// Goes together with the currency; all that is left when nothing is said.
    #[schema(value_type = Option<schema::PositiveAmount>)]
    amount: Option<String>,
    #[schema(value_type = Option<schema::Currency>)]
    currency: Option<String>,
    /// Why, in the merchant's words.
    #[schema(value_type = Option<Reason>)]
    reason: Option<String>,
    #[schema(value_type = Option<schema::Metadata>)]
    metadata: Option<Texts>,
}

/// Give money back
///
/// All that is left of a payment, or part of it, as often as there is something left. It goes to the
/// payer, and, if the payer cannot have it, to the issuer for the payer.
#[utoipa::path(
    post,
    path = "/v1/refunds",
    operation_id = "create_refund",
    tag = "Refunds",
    security(("api_key" = ["refund"])),
    params(IdempotencyKey),
    request_body = NewRefundBody,
    responses((status = CREATED, description = "The refund.", body = RefundBody)),
    extensions(("x-errors" = json!([
        "404 not_found",
        "409 payment_not_refundable",
        "422 refund_exceeds_payment",
        "422 balance_insufficient",
        "422 too_many_refunds",
        "422 refund_too_late",
        "422 currency_mismatch",
        "422 amount_too_large",
    ]))),
)]
async fn refund(
    SettlingMerchant(auth): SettlingMerchant,
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Problem> {
    auth.allow(ApiKeyScope::Refund)?;
    let key = input::idempotency_key(&headers)?;
    let body: NewRefundBody = input::json(&body)?;
    let no_id = || Problem::field("/payment", "the id of a payment, as in pay_0…");
    let payment = PaymentId::parse(&body.payment).ok_or_else(no_id)?;
    let amount = input::optional_amount(body.amount.as_deref(), body.currency.as_deref())?;
    if let Some(reason) = &body.reason {
        input::text("/reason", reason, REASON_LENGTH_MAX)?;
    }
    let metadata = body.metadata.map(|Texts(map)| metadata(&map)).transpose()?;
    let request = RefundRequest { key, payment, amount, reason: body.reason, metadata };
    let (answer, replayed) = match app.refund(&auth.0, request).await? {
        Outcome::Answered { answer, replayed } => (answer, replayed),
        Outcome::Refused(refusal) if names_payment(refusal) => {
            let payment = app.store.payment(auth.0.merchant, auth.0.mode, payment).await?;
            return Err(with_payment(&app, refusal, payment));
        }
        Outcome::Refused(refusal) => return Err(refused(&app, refusal)),
    };
    let response = match answer {
        Answer::Refund(refund) => {
            (StatusCode::CREATED, Json(RefundBody::new(&app, *refund))).into_response()
        }
        Answer::NotMoved(why) => not_moved(why).into_response(),
        // Whatever else a key stands for was another request.
        Answer::Payment(_)
        | Answer::Rejected(_)
        | Answer::TopUp(_)
        | Answer::Order(_)
        | Answer::ReferenceCanceled
        | Answer::Movement(_) => return Err(refused(&app, Refusal::KeyReused)),
    };
    Ok(mark(response, replayed))
}

/// Not `final`: a refund that is not there now may be on its way.
fn unknown_refund() -> Problem {
    Problem { certainty: Certainty::Retry, ..Problem::not_found("refund") }
}

/// A refund
#[utoipa::path(
    get,
    path = "/v1/refunds/{id}",
    operation_id = "get_refund",
    tag = "Refunds",
    security(("api_key" = ["read"])),
    params(("id" = schema::RefundId, Path)),
    responses((status = OK, description = "The refund.", body = RefundBody)),
)]
async fn one(
    auth: MerchantAuth,
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
) -> Result<Json<RefundBody>, Problem> {
    auth.allow(ApiKeyScope::Read)?;
    let id = RefundId::parse(&id).ok_or_else(unknown_refund)?;
    let refund = app.store.refund(auth.0.merchant, auth.0.mode, id).await?;
    Ok(Json(RefundBody::new(&app, refund.ok_or_else(unknown_refund)?)))
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct Filter {
    /// Those of this payment.
    #[param(value_type = Option<schema::PaymentId>)]
    payment: Option<String>,
    /// How many.
    #[param(minimum = 1, maximum = 100, default = 20)]
    limit: Option<usize>,
    /// The `next` of the page before.
    #[param(value_type = Option<schema::RefundId>)]
    after: Option<String>,
}

/// List refunds
///
/// Newest first.
#[utoipa::path(
    get,
    path = "/v1/refunds",
    operation_id = "list_refunds",
    tag = "Refunds",
    security(("api_key" = ["read"])),
    params(Filter),
    responses((status = OK, description = "A page.", body = List<RefundBody>)),
)]
async fn list(
    auth: MerchantAuth,
    State(app): State<Arc<App>>,
    uri: Uri,
) -> Result<Json<List<RefundBody>>, Problem> {
    auth.allow(ApiKeyScope::Read)?;
    let filter: Filter = input::query(&uri)?;
    let size = input::page_size(filter.limit)?;
    let after = input::cursor(filter.after.as_deref(), RefundId::parse)?;
    let no_id = || Problem::field("/payment", "the id of a payment, as in pay_0…");
    let payment = filter.payment.map(|id| PaymentId::parse(&id).ok_or_else(no_id)).transpose()?;
    let whose = (auth.0.merchant, auth.0.mode);
    let refunds = app.store.refunds(whose, payment, after, size + 1).await?;
    let id = |refund: &RefundAnswer| refund.id.to_string();
    Ok(Json(List::page(refunds, size, id, |refund| RefundBody::new(&app, refund))))
}
