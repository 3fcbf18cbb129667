//! `GET /v1/wallet/balance`: what is in the wallet, and what may be spent of it today.

use std::sync::Arc;

use axum::extract::State;
use axum::{Json, Router, routing};
use serde::Serialize;
use wallet_core::Money;

use super::enrolments::LimitsBody;
use super::events::MarkBody;
use crate::http::auth::SignedRequest;
use crate::http::balance::CurrencyBalance;
use crate::http::problem::Problem;
use crate::http::time::rfc3339;
use crate::service::App;

pub(super) fn routes() -> Router<Arc<App>> {
    Router::new().route("/v1/wallet/balance", routing::get(balance))
}

#[derive(Serialize)]
struct WalletBody {
    object: &'static str,
    #[serde(flatten)]
    balance: CurrencyBalance,
    limits: LimitsLeftBody,
    /// The highest code of this device that was presented. A phone whose own mark was lost, or
    /// ran ahead with a wrong clock, goes on from here.
    mark: Option<MarkBody>,
    server_time: String,
}

#[derive(Serialize)]
struct LimitsLeftBody {
    #[serde(flatten)]
    limits: LimitsBody,
    day_left: String,
}

async fn balance(
    State(app): State<Arc<App>>,
    request: SignedRequest,
) -> Result<Json<WalletBody>, Problem> {
    let device = request.device(&app).await?;
    let now = app.now();
    let balances = app.store.balances(*device.payer.as_bytes()).await?;
    let balance = balances
        .into_iter()
        .find(|balance| balance.available.currency() == device.currency)
        .ok_or_else(|| Problem::not_found("wallet"))?;
    let (limits, usage) = app.limits_of_device(&device).await?;
    let left = limits.day.minor().saturating_sub(usage.day_spent()).max(0);
    Ok(Json(WalletBody {
        object: "wallet",
        balance: balance.into(),
        limits: LimitsLeftBody {
            limits: LimitsBody::new(&limits),
            day_left: Money::from_minor(left, limits.day.currency()).amount_text(),
        },
        mark: device.mark.map(MarkBody::from),
        server_time: rfc3339(now),
    }))
}
