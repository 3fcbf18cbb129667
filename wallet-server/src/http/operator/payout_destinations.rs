//! Where merchants' payouts go to.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use wallet_core::Timestamp;

use crate::domain::ids::MerchantId;
use crate::domain::payout::{PAYOUT_NAME_LENGTH_MAX, PayoutDestination};
use crate::http::input;
use crate::http::openapi::schema::{self, kind};
use crate::http::problem::Problem;
use crate::http::time::rfc3339;
use crate::service::App;

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(one, set))
}

type BankName = schema::Text<PAYOUT_NAME_LENGTH_MAX>;

/// An account at a bank.
#[derive(Serialize, Deserialize, ToSchema)]
#[schema(as = PayoutDestination)]
#[serde(deny_unknown_fields)]
pub(super) struct DestinationBody {
    /// Who has the account.
    #[schema(value_type = BankName)]
    holder: String,
    /// An IBAN or another account number: capital letters and digits.
    #[schema(value_type = schema::BankAccount)]
    account: String,
    /// The bank's name or code, where the account does not say it.
    #[schema(value_type = Option<BankName>)]
    bank: Option<String>,
}

impl From<&PayoutDestination> for DestinationBody {
    fn from(destination: &PayoutDestination) -> Self {
        Self {
            holder: destination.holder().to_owned(),
            account: destination.account().to_owned(),
            bank: destination.bank().map(str::to_owned),
        }
    }
}

/// Where a merchant's payouts go to.
#[derive(Serialize, ToSchema)]
#[schema(as = MerchantPayoutDestination)]
struct MerchantDestinationBody {
    #[schema(schema_with = kind::payout_destination)]
    object: &'static str,
    #[schema(value_type = schema::MerchantId)]
    merchant: String,
    holder: String,
    #[schema(value_type = schema::BankAccount)]
    account: String,
    bank: Option<String>,
    #[schema(value_type = schema::Time)]
    changed_at: String,
}

impl MerchantDestinationBody {
    fn new(merchant: MerchantId, destination: &PayoutDestination, changed_at: Timestamp) -> Self {
        let DestinationBody { holder, account, bank } = destination.into();
        Self {
            object: "payout_destination",
            merchant: merchant.to_string(),
            holder,
            account,
            bank,
            changed_at: rfc3339(changed_at),
        }
    }
}

/// Where a merchant's payouts go to
#[utoipa::path(
    get,
    path = "/v1/operator/merchants/{id}/payout_destination",
    operation_id = "get_payout_destination",
    tag = "Payouts",
    params(("id" = schema::MerchantId, Path)),
    responses((status = OK, description = "An account.", body = MerchantDestinationBody)),
)]
async fn one(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
) -> Result<Json<MerchantDestinationBody>, Problem> {
    let merchant = merchant(&app, &id).await?;
    current(&app, merchant).await
}

/// Set where a merchant's payouts go to
///
/// Those that are asked for from now on. Others go to the account that they were asked for with.
#[utoipa::path(
    put,
    path = "/v1/operator/merchants/{id}/payout_destination",
    operation_id = "set_payout_destination",
    tag = "Payouts",
    params(("id" = schema::MerchantId, Path)),
    request_body = DestinationBody,
    responses((status = OK, description = "The account.", body = MerchantDestinationBody)),
)]
async fn set(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    body: Bytes,
) -> Result<Json<MerchantDestinationBody>, Problem> {
    let body: DestinationBody = input::json(&body)?;
    let destination = PayoutDestination::new(body.holder, body.account, body.bank);
    let destination = destination.map_err(|field| {
        let detail = match field {
            "account" => "6 to 34 capital letters and digits, without blanks".to_owned(),
            _ => format!("1 to {PAYOUT_NAME_LENGTH_MAX} characters, no control characters"),
        };
        Problem::field(&format!("/{field}"), detail)
    })?;
    let merchant = merchant(&app, &id).await?;
    app.set_payout_destination(merchant, &destination).await?;
    current(&app, merchant).await
}

async fn merchant(app: &App, id: &str) -> Result<MerchantId, Problem> {
    let unknown = || Problem::not_found("merchant");
    let id = MerchantId::parse(id).ok_or_else(unknown)?;
    app.store.merchant(id).await?.ok_or_else(unknown)?;
    Ok(id)
}

async fn current(
    app: &App,
    merchant: MerchantId,
) -> Result<Json<MerchantDestinationBody>, Problem> {
    let found = app.payout_destination(merchant).await?;
    let (destination, changed_at) =
        found.ok_or_else(|| Problem::not_found("account to pay out to"))?;
    Ok(Json(MerchantDestinationBody::new(merchant, &destination, changed_at)))
}
