//! `/v1/wallet/totp` and `/v1/wallet/recovery_codes`: the payer gets a second factor.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::{Json, Router, routing};
use serde::{Deserialize, Serialize};
use wallet_core::qr::{Medium, Qr};
use zeroize::Zeroizing;

use super::proof;
use crate::http::auth::SignedRequest;
use crate::http::input;
use crate::http::problem::Problem;
use crate::service::App;

pub(super) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/v1/wallet/totp", routing::post(begin))
        .route("/v1/wallet/totp/confirm", routing::post(confirm))
        .route("/v1/wallet/recovery_codes", routing::post(renew))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ProvedBody {
    pin: String,
    totp: Option<String>,
    recovery_code: Option<String>,
}

#[derive(Serialize)]
struct SecretBody {
    object: &'static str,
    otpauth_uri: String,
    qr_svg: String,
}

async fn begin(
    State(app): State<Arc<App>>,
    request: SignedRequest,
) -> Result<(StatusCode, Json<SecretBody>), Problem> {
    let device = request.pin_actor(&app).await?;
    let body: ProvedBody = input::json(&request.body)?;
    let pin = proof::pin("/pin", &body.pin)?;
    let factor = proof::factor(body.totp, body.recovery_code)?;
    let secret = app.begin_totp(&device, &pin, factor.as_ref()).await?;
    let uri = app.otp_uri(&device, &secret).await?;
    let qr = Qr::new(&uri, Medium::Screen).map_err(|error| {
        tracing::error!(%error, "a secret cannot be shown");
        Problem::internal()
    })?;
    let body = SecretBody {
        object: "totp_secret",
        otpauth_uri: uri.as_str().to_owned(),
        qr_svg: qr.to_svg(),
    };
    Ok((StatusCode::CREATED, Json(body)))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ConfirmBody {
    totp: String,
}

#[derive(Serialize)]
struct CodesBody {
    object: &'static str,
    recovery_codes: Vec<String>,
}

impl CodesBody {
    fn new(codes: &[Zeroizing<String>]) -> Json<Self> {
        let recovery_codes = codes.iter().map(|code| code.as_str().to_owned()).collect();
        Json(Self { object: "recovery_codes", recovery_codes })
    }
}

async fn confirm(
    State(app): State<Arc<App>>,
    request: SignedRequest,
) -> Result<Json<CodesBody>, Problem> {
    let device = request.actor(&app).await?;
    let body: ConfirmBody = input::json(&request.body)?;
    let password = Zeroizing::new(body.totp);
    proof::one_time_password(&password)?;
    Ok(CodesBody::new(&app.confirm_totp(&device, &password).await?))
}

async fn renew(
    State(app): State<Arc<App>>,
    request: SignedRequest,
) -> Result<(StatusCode, Json<CodesBody>), Problem> {
    let device = request.pin_actor(&app).await?;
    let body: ProvedBody = input::json(&request.body)?;
    let pin = proof::pin("/pin", &body.pin)?;
    let factor = proof::factor(body.totp, body.recovery_code)?;
    let codes = app.renew_recovery_codes(&device, &pin, factor.as_ref()).await?;
    Ok((StatusCode::CREATED, CodesBody::new(&codes)))
}
