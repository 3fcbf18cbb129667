//! `/v1/wallet/totp` and `/v1/wallet/recovery_codes`: the payer gets a second factor.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use wallet_core::qr::{Medium, Qr};
use zeroize::Zeroizing;

use super::proof;
use crate::http::auth::SignedRequest;
use crate::http::input;
use crate::http::openapi::schema::{self, kind};
use crate::http::problem::Problem;
use crate::service::App;

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(begin)).routes(routes!(confirm)).routes(routes!(renew))
}

/// The PIN, and a second factor where one is in use.
#[derive(Deserialize, ToSchema)]
#[schema(as = Proof)]
#[serde(deny_unknown_fields)]
struct ProvedBody {
    #[schema(value_type = schema::SixDigits)]
    pin: String,
    #[schema(value_type = Option<schema::SixDigits>)]
    totp: Option<String>,
    #[schema(value_type = Option<schema::RecoveryCode>)]
    recovery_code: Option<String>,
}

/// A secret of one-time passwords, shown this once.
#[derive(Serialize, ToSchema)]
#[schema(as = TotpSecret)]
struct SecretBody {
    #[schema(schema_with = kind::totp_secret)]
    object: &'static str,
    /// What an authenticator app scans.
    #[schema(pattern = "^otpauth://totp/")]
    otpauth_uri: String,
    #[schema(value_type = schema::Svg)]
    qr_svg: String,
}

/// Ask for a secret of one-time passwords
///
/// It is in use once it is confirmed.
#[utoipa::path(
    post,
    path = "/v1/wallet/totp",
    operation_id = "begin_totp",
    tag = "Account",
    request_body = ProvedBody,
    responses((status = CREATED, description = "The secret.", body = SecretBody)),
    extensions(("x-errors" = json!(["a PIN", "a second factor"]))),
)]
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

/// A one-time password.
#[derive(Deserialize, ToSchema)]
#[schema(as = TotpConfirmation)]
#[serde(deny_unknown_fields)]
struct ConfirmBody {
    #[schema(value_type = schema::SixDigits)]
    totp: String,
}

/// Recovery codes, shown this once.
#[derive(Serialize, ToSchema)]
#[schema(as = RecoveryCodes)]
struct CodesBody {
    #[schema(schema_with = kind::recovery_codes)]
    object: &'static str,
    recovery_codes: Vec<String>,
}

impl CodesBody {
    fn new(codes: &[Zeroizing<String>]) -> Json<Self> {
        let recovery_codes = codes.iter().map(|code| code.as_str().to_owned()).collect();
        Json(Self { object: "recovery_codes", recovery_codes })
    }
}

/// Take one-time passwords into use
#[utoipa::path(
    post,
    path = "/v1/wallet/totp/confirm",
    operation_id = "confirm_totp",
    tag = "Account",
    request_body = ConfirmBody,
    responses((status = OK, description = "Ten recovery codes.", body = CodesBody)),
    extensions(("x-errors" = json!([
        "409 nothing_to_confirm",
        "422 otp_wrong",
        "422 otp_used",
        "429 otp_locked",
    ]))),
)]
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

/// Make new recovery codes
///
/// The old ones are worth nothing from now on.
#[utoipa::path(
    post,
    path = "/v1/wallet/recovery_codes",
    operation_id = "renew_recovery_codes",
    tag = "Account",
    request_body = ProvedBody,
    responses((status = CREATED, description = "Ten new ones.", body = CodesBody)),
    extensions(("x-errors" = json!(["a PIN", "a second factor", "409 totp_not_set"]))),
)]
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
