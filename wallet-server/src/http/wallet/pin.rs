//! `PUT /v1/wallet/pin`: the payer sets a PIN.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::{Router, routing};
use serde::Deserialize;

use super::proof;
use crate::http::auth::SignedRequest;
use crate::http::input;
use crate::http::problem::Problem;
use crate::service::{App, PinProof};

pub(super) fn routes() -> Router<Arc<App>> {
    Router::new().route("/v1/wallet/pin", routing::put(set))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PinBody {
    pin: String,
    current_pin: Option<String>,
    totp: Option<String>,
    recovery_code: Option<String>,
}

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
