//! `PUT /v1/wallet/pin`: the payer sets a PIN.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::proof;
use crate::http::auth::SignedRequest;
use crate::http::input;
use crate::http::openapi::schema;
use crate::http::problem::Problem;
use crate::service::{App, PinProof};

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(set))
}

/// A PIN, and, where there was one before, one proof.
#[derive(Deserialize, ToSchema)]
#[schema(as = NewPin)]
#[serde(deny_unknown_fields)]
struct PinBody {
    #[schema(value_type = schema::SixDigits)]
    pin: String,
    #[schema(value_type = Option<schema::SixDigits>)]
    current_pin: Option<String>,
    #[schema(value_type = Option<schema::SixDigits>)]
    totp: Option<String>,
    #[schema(value_type = Option<schema::RecoveryCode>)]
    recovery_code: Option<String>,
}

/// Set the PIN
///
/// `{pin}` the first time, then with `current_pin`, `totp` or `recovery_code`. `{pin}` alone with the
/// PIN that is set is `204` as well: so a phone that lost the answer finds out. One digit repeated
/// and digits in a row are refused. A first PIN is not set while the account is frozen; later than an
/// hour after the device joined, it makes the payer's devices new.
#[utoipa::path(
    put,
    path = "/v1/wallet/pin",
    operation_id = "set_pin",
    tag = "Account",
    request_body = PinBody,
    responses((status = NO_CONTENT, description = "It is set.")),
    extensions(("x-errors" = json!([
        "a PIN",
        "403 payer_unavailable",
        "422 otp_wrong",
        "422 otp_used",
        "422 recovery_code_wrong",
        "429 otp_locked",
    ]))),
)]
async fn set(State(app): State<Arc<App>>, request: SignedRequest) -> Result<StatusCode, Problem> {
    let device = request.pin_actor(&app).await?;
    let body: PinBody = input::json(&request.body)?;
    let pin = proof::pin("/pin", &body.pin)?;
    if pin.is_too_simple() {
        let detail = "too simple: one digit repeated, or digits that follow one another";
        return Err(Problem::field("/pin", detail));
    }
    let factor = proof::factor(body.totp, body.recovery_code)?;
    let proof = match (body.current_pin, factor) {
        (None, None) => PinProof::None,
        (Some(current), None) => PinProof::CurrentPin(proof::pin("/current_pin", &current)?),
        (None, Some(factor)) => PinProof::Factor(factor),
        (Some(_), Some(_)) => {
            return Err(Problem::field("/current_pin", "one proof, not two"));
        }
    };
    app.set_pin(&device, &pin, &proof).await?;
    Ok(StatusCode::NO_CONTENT)
}
