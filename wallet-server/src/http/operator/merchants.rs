//! Taking on merchants.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{StatusCode, Uri};
use axum::{Json, Router, routing};
use serde::{Deserialize, Serialize};
use wallet_core::Money;

use super::api_keys::ApiKeyBody;
use crate::domain::fee::FeeRule;
use crate::domain::ids::MerchantId;
use crate::http::input;
use crate::http::list::List;
use crate::http::object::Object;
use crate::http::problem::Problem;
use crate::http::test_mode::keep_out_live;
use crate::http::time::rfc3339;
use crate::service::{App, NewMerchant};
use crate::store::Merchant;

const NAME_LENGTH_MAX: usize = 100;

pub(super) fn routes() -> Router<Arc<App>> {
    Router::new().route("/v1/operator/merchants", routing::post(create).get(list))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewMerchantBody {
    name: String,
    mode: Option<String>,
    fee: Option<Object<FeeBody>>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct FeeBody {
    basis_points: u16,
    fixed: String,
}

#[derive(Serialize)]
struct MerchantBody {
    id: String,
    object: &'static str,
    name: String,
    mode: &'static str,
    currency: &'static str,
    fee: FeeBody,
    created_at: String,
    /// Only in the answer that makes the merchant.
    #[serde(skip_serializing_if = "Option::is_none")]
    api_key: Option<ApiKeyBody>,
}

impl MerchantBody {
    fn new(merchant: Merchant) -> Self {
        let fixed = Money::from_minor(merchant.fee.fixed_minor(), merchant.currency);
        Self {
            id: merchant.id.to_string(),
            object: "merchant",
            name: merchant.name,
            mode: merchant.mode.as_str(),
            currency: merchant.currency.code(),
            fee: FeeBody { basis_points: merchant.fee.basis_points(), fixed: fixed.amount_text() },
            created_at: rfc3339(merchant.created_at),
            api_key: None,
        }
    }
}

async fn create(
    State(app): State<Arc<App>>,
    body: Bytes,
) -> Result<(StatusCode, Json<MerchantBody>), Problem> {
    let body: NewMerchantBody = input::json(&body)?;
    input::text("/name", &body.name, NAME_LENGTH_MAX)?;
    let mode = input::mode(body.mode.as_deref())?;
    keep_out_live(&app, mode)?;
    let fee = body.fee.map_or(Ok(FeeRule::FREE), |Object(fee)| {
        let fixed = Money::parse(&fee.fixed, app.currency)
            .map_err(|error| Problem::field("/fee/fixed", error.to_string()))?;
        FeeRule::new(fee.basis_points, fixed.minor())
            .ok_or_else(|| Problem::field("/fee/basis_points", "0 to 10000"))
    })?;
    let new = NewMerchant { name: body.name, mode, fee };
    let (merchant, key) = app.create_merchant(new).await?;
    let body = MerchantBody {
        api_key: Some(ApiKeyBody::made(key, app.now())),
        ..MerchantBody::new(merchant)
    };
    Ok((StatusCode::CREATED, Json(body)))
}

async fn list(State(app): State<Arc<App>>, uri: Uri) -> Result<Json<List<MerchantBody>>, Problem> {
    let page: input::Page = input::query(&uri)?;
    let size = page.size()?;
    let after = input::cursor(page.after.as_deref(), MerchantId::parse)?;
    let merchants = app.store.merchants(after, size + 1).await?;
    Ok(Json(List::page(merchants, size, |merchant| merchant.id.to_string(), MerchantBody::new)))
}
