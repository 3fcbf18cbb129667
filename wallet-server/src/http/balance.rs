//! `/v1/balance`: what a merchant is owed.

use std::sync::Arc;

use axum::extract::State;
use axum::{Json, Router, routing};
use serde::Serialize;

use super::auth::MerchantAuth;
use super::problem::Problem;
use crate::service::{ApiKeyScope, App};
use crate::store::Balance;

pub(super) fn routes() -> Router<Arc<App>> {
    Router::new().route("/v1/balance", routing::get(balance))
}

#[derive(Serialize)]
struct BalanceBody {
    object: &'static str,
    mode: &'static str,
    balances: Vec<CurrencyBalance>,
}

/// What there is in one currency.
#[derive(Serialize)]
pub(super) struct CurrencyBalance {
    pub(super) currency: &'static str,
    pub(super) available: String,
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

/// `GET /v1/balance`.
async fn balance(
    auth: MerchantAuth,
    State(app): State<Arc<App>>,
) -> Result<Json<BalanceBody>, Problem> {
    auth.allow(ApiKeyScope::Read)?;
    let balances = app.store.balances(*auth.0.merchant.as_bytes()).await?;
    Ok(Json(BalanceBody {
        object: "balance",
        mode: auth.0.mode.as_str(),
        balances: balances.into_iter().map(CurrencyBalance::from).collect(),
    }))
}
