//! `/v1/refunds`: money of a payment that its merchant gives back.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::{Json, Router, routing};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::auth::{MerchantAuth, SettlingMerchant};
use super::input;
use super::list::List;
use super::not_moved::not_moved;
use super::object::Texts;
use super::payment_changes::{names_payment, with_payment};
use super::payments::metadata;
use super::problem::{Certainty, Problem};
use super::refusal::refused;
use super::replay::mark;
use super::time::rfc3339;
use crate::domain::ids::{PaymentId, RefundId};
use crate::domain::outcome::{Answer, Outcome, RefundAnswer, Refusal};
use crate::service::{ApiKeyScope, App, RefundRequest};

const REASON_LENGTH_MAX: usize = 200;

pub(super) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/v1/refunds", routing::post(refund).get(list))
        .route("/v1/refunds/{id}", routing::get(one))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewRefundBody {
    payment: String,
    amount: Option<String>,
    currency: Option<String>,
    reason: Option<String>,
    metadata: Option<Texts>,
}

/// A refund as merchants see it.
#[derive(Serialize)]
struct RefundBody {
    id: String,
    object: &'static str,
    mode: &'static str,
    state: &'static str,
    payment: String,
    amount: String,
    currency: &'static str,
    /// How much of the payment's fee came back with it.
    fee_returned: String,
    reason: Option<String>,
    metadata: Option<Box<RawValue>>,
    created_at: String,
    receipt: String,
}

impl RefundBody {
    fn new(app: &App, refund: RefundAnswer) -> Self {
        let record = &refund.record;
        Self {
            id: refund.id.to_string(),
            object: "refund",
            mode: record.mode.as_str(),
            state: record.state.as_str(),
            payment: refund.payment.to_string(),
            amount: record.asked.amount_text(),
            currency: record.asked.currency().code(),
            fee_returned: refund.fee_returned.amount_text(),
            created_at: rfc3339(record.decided_at),
            receipt: app.keys.sign(record).to_string(),
            reason: refund.reason,
            // It was valid JSON when it was written.
            metadata: refund.metadata.and_then(|json| RawValue::from_string(json).ok()),
        }
    }
}

/// `POST /v1/refunds`.
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
        | Answer::ReferenceCanceled
        | Answer::Movement(_) => return Err(refused(&app, Refusal::KeyReused)),
    };
    Ok(mark(response, replayed))
}

/// Not `final`: a refund that is not there now may be on its way.
fn unknown_refund() -> Problem {
    Problem { certainty: Certainty::Retry, ..Problem::not_found("refund") }
}

/// `GET /v1/refunds/{id}`.
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

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Filter {
    payment: Option<String>,
    limit: Option<usize>,
    after: Option<String>,
}

/// `GET /v1/refunds`, newest first.
async fn list(
    auth: MerchantAuth,
    State(app): State<Arc<App>>,
    uri: Uri,
) -> Result<Json<List<RefundBody>>, Problem> {
    auth.allow(ApiKeyScope::Read)?;
    let filter: Filter = input::query(&uri)?;
    let size = input::page_size(filter.limit)?;
    let after = input::cursor(filter.after.as_deref(), RefundId::parse)?;
    let no_id = || Problem::field("", "payment is the id of a payment, as in pay_0…");
    let payment = filter.payment.map(|id| PaymentId::parse(&id).ok_or_else(no_id)).transpose()?;
    let whose = (auth.0.merchant, auth.0.mode);
    let refunds = app.store.refunds(whose, payment, after, size + 1).await?;
    let id = |refund: &RefundAnswer| refund.id.to_string();
    Ok(Json(List::page(refunds, size, id, |refund| RefundBody::new(&app, refund))))
}
