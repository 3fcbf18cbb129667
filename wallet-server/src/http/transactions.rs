//! `GET /v1/balance/transactions`: what moved a merchant's money, and what was left of it.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::Uri;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::auth::MerchantAuth;
use super::cursor;
use super::input;
use super::list::List;
use super::openapi::schema::{self, kind};
use super::problem::Problem;
use super::subject;
use super::time::rfc3339;
use crate::domain::ids::PaymentId;
use crate::service::{ApiKeyScope, App};
use crate::store::{BalanceTransaction, StoreError, TransactionFilter};

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(list))
}

/// A movement of a merchant's money. Amounts are in major units; those that leave the merchant are
/// negative.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = BalanceTransaction)]
pub(super) struct TransactionBody {
    /// The id of the event that it belongs to.
    #[schema(value_type = schema::EventId)]
    pub(super) id: String,
    #[schema(schema_with = kind::balance_transaction)]
    pub(super) object: &'static str,
    /// What happened.
    #[schema(value_type = schema::EventType)]
    pub(super) r#type: String,
    /// The id of what it is about: a payment, a refund, a payout.
    pub(super) subject: String,
    /// The payment behind it, if there is one.
    #[schema(value_type = Option<schema::PaymentId>)]
    pub(super) payment: Option<String>,
    /// The merchant's name for that payment.
    pub(super) reference: Option<String>,
    #[schema(value_type = schema::Currency)]
    pub(super) currency: &'static str,
    /// What it was about: net and fee together.
    #[schema(value_type = schema::SignedAmount)]
    pub(super) gross: String,
    /// What the merchant paid for it; negative where a fee came back.
    #[schema(value_type = schema::SignedAmount)]
    pub(super) fee: String,
    /// What the merchant got.
    #[schema(value_type = schema::SignedAmount)]
    pub(super) net: String,
    /// What was available after it.
    #[schema(value_type = schema::SignedAmount)]
    pub(super) balance: String,
    #[schema(value_type = schema::Time)]
    pub(super) created_at: String,
}

impl TransactionBody {
    /// # Errors
    /// When the books say what they never may.
    pub(super) fn new(transaction: BalanceTransaction) -> Result<Self, StoreError> {
        let BalanceTransaction { cursor, event_type, moved, balance, payment, .. } = transaction;
        let (payment, reference) = payment.unzip();
        let gross = moved.gross().map_err(|_| StoreError::Corrupt("a gross amount"))?;
        Ok(Self {
            id: cursor::write(cursor),
            object: "balance_transaction",
            subject: subject::id(&event_type, transaction.subject)?,
            r#type: event_type,
            payment: payment.map(|id| id.to_string()),
            reference,
            currency: balance.currency().code(),
            gross: gross.amount_text(),
            fee: moved.fee.amount_text(),
            net: moved.net.amount_text(),
            balance: balance.amount_text(),
            created_at: rfc3339(transaction.created_at),
        })
    }
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct Filter {
    /// Those of such events, for example `refund.succeeded`.
    #[param(value_type = Option<schema::EventType>)]
    r#type: Option<String>,
    /// Those of this payment and its refunds.
    #[param(value_type = Option<schema::PaymentId>)]
    payment: Option<String>,
    /// How many.
    #[param(minimum = 1, maximum = 100, default = 20)]
    limit: Option<usize>,
    /// The `next` of the page before.
    #[param(value_type = Option<schema::EventId>)]
    after: Option<String>,
}

/// What moved the merchant's money
///
/// Newest first. One request looks at a thousand of the merchant's events, so with `type` a page may
/// have little, or nothing, and another one after it. Each movement says its fee and what was available after it, so that the newest one
/// has the balance.
#[utoipa::path(
    get,
    path = "/v1/balance/transactions",
    operation_id = "list_balance_transactions",
    tag = "Balance",
    security(("api_key" = ["read"])),
    params(Filter),
    responses((status = OK, description = "A page.", body = List<TransactionBody>)),
)]
async fn list(
    auth: MerchantAuth,
    State(app): State<Arc<App>>,
    uri: Uri,
) -> Result<Json<List<TransactionBody>>, Problem> {
    auth.allow(ApiKeyScope::Read)?;
    let filter: Filter = input::query(&uri)?;
    let size = input::page_size(filter.limit)?;
    let after = input::cursor(filter.after.as_deref(), cursor::read)?;
    let no_id = || Problem::field("/payment", "the id of a payment, as in pay_0…");
    let payment = filter.payment.map(|id| PaymentId::parse(&id).ok_or_else(no_id)).transpose()?;
    input::event_type(filter.r#type.as_deref())?;
    let which = TransactionFilter { payment, event_type: filter.r#type.as_deref() };
    let merchant = auth.0.merchant;
    let found = app.store.balance_transactions(merchant, which, after, size).await?;
    let bodies =
        found.transactions.into_iter().map(TransactionBody::new).collect::<Result<Vec<_>, _>>()?;
    Ok(Json(List::part(bodies, found.next.map(cursor::write))))
}
