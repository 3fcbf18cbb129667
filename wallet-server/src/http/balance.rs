//! `/v1/balance`: what a merchant is owed.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::auth::MerchantAuth;
use super::fee_body::FeeBody;
use super::openapi::schema::{self, kind};
use super::problem::Problem;
use crate::service::{ApiKeyScope, App};
use crate::store::{Balance, StoreError};

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(balance))
}

/// What a merchant is owed.
#[derive(Serialize, ToSchema)]
#[schema(as = Balance)]
struct BalanceBody {
    #[schema(schema_with = kind::balance)]
    object: &'static str,
    #[schema(value_type = schema::Mode)]
    mode: &'static str,
    balances: Vec<CurrencyBalance>,
    /// What the merchant pays for what is captured from now on.
    fee: FeeBody,
}

/// What there is in one currency.
#[derive(Serialize, ToSchema)]
pub(super) struct CurrencyBalance {
    #[schema(value_type = schema::Currency)]
    pub(super) currency: &'static str,
    #[schema(value_type = schema::Amount)]
    pub(super) available: String,
    /// What waits to be decided.
    #[schema(value_type = schema::Amount)]
    pub(super) held: String,
}

impl From<Balance> for CurrencyBalance {
    fn from(balance: Balance) -> Self {
        Self {
            currency: balance.available.currency().code(),
            available: balance.available.amount_text(),
            held: balance.held.amount_text(),
        }
    }
}

/// What the merchant is owed
#[utoipa::path(
    get,
    path = "/v1/balance",
    operation_id = "get_balance",
    tag = "Balance",
    security(("api_key" = ["read"])),
    responses((status = OK, description = "By currency.", body = BalanceBody)),
)]
async fn balance(
    auth: MerchantAuth,
    State(app): State<Arc<App>>,
) -> Result<Json<BalanceBody>, Problem> {
    auth.allow(ApiKeyScope::Read)?;
    let balances = app.store.balances(*auth.0.merchant.as_bytes()).await?;
    let merchant = app.store.merchant(auth.0.merchant).await?;
    let merchant = merchant.ok_or(StoreError::Corrupt("the merchant of a key"))?;
    Ok(Json(BalanceBody {
        object: "balance",
        mode: auth.0.mode.as_str(),
        balances: balances.into_iter().map(CurrencyBalance::from).collect(),
        fee: FeeBody::new(merchant.fee, merchant.currency),
    }))
}
