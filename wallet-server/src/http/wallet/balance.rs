//! `GET /v1/wallet/balance`: what is in the wallet, and what may be spent of it today.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use wallet_core::Money;

use super::enrolments::LimitsBody;
use super::events::MarkBody;
use crate::http::auth::SignedRequest;
use crate::http::balance::CurrencyBalance;
use crate::http::openapi::schema::{self, kind};
use crate::http::problem::Problem;
use crate::http::time::rfc3339;
use crate::service::App;

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(balance))
}

/// What is in a wallet.
#[derive(Serialize, ToSchema)]
#[schema(as = Wallet)]
struct WalletBody {
    #[schema(schema_with = kind::wallet)]
    object: &'static str,
    #[serde(flatten)]
    balance: CurrencyBalance,
    limits: LimitsLeftBody,
    /// The highest code of this device that was presented. A phone whose own mark was lost, or
    /// ran ahead with a wrong clock, goes on from here.
    mark: Option<MarkBody>,
    #[schema(value_type = schema::Time)]
    server_time: String,
}

/// What a payer may spend, and what is left of it today.
#[derive(Serialize, ToSchema)]
#[schema(as = SpendingLimitsLeft)]
struct LimitsLeftBody {
    #[serde(flatten)]
    limits: LimitsBody,
    #[schema(value_type = schema::Amount)]
    day_left: String,
}

/// What is in the wallet
///
/// And what may be spent of it today with this device: less while it is new.
#[utoipa::path(
    get,
    path = "/v1/wallet/balance",
    operation_id = "get_wallet",
    tag = "Wallet",
    responses((status = OK, description = "The wallet.", body = WalletBody)),
    extensions(("x-errors" = json!(["404 not_found"]))),
)]
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
