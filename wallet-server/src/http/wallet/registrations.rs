//! `POST /v1/wallet/registrations`: somebody takes out a wallet.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::{Json, Router, routing};
use serde::Deserialize;

use super::account;
use super::enrolments::{EnrolledBody, NAME_LENGTH_MAX, public_key};
use crate::http::auth::SignedRequest;
use crate::http::input;
use crate::http::problem::Problem;
use crate::http::test_mode::keep_out_live;
use crate::service::{App, Registering};

pub(super) fn routes() -> Router<Arc<App>> {
    Router::new().route("/v1/wallet/registrations", routing::post(register))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RegistrationBody {
    public_key: String,
    device_name: String,
    name: String,
    mode: Option<String>,
    handle: Option<String>,
}

/// Signed with the key of the device, as an enrolment is.
async fn register(
    State(app): State<Arc<App>>,
    request: SignedRequest,
) -> Result<(StatusCode, Json<EnrolledBody>), Problem> {
    let body: RegistrationBody = input::json(&request.body)?;
    input::text("/device_name", &body.device_name, NAME_LENGTH_MAX)?;
    input::text("/name", &body.name, NAME_LENGTH_MAX)?;
    let mode = input::mode(body.mode.as_deref())?;
    keep_out_live(&app, mode)?;
    let handle = body.handle.as_deref().map(account::handle).transpose()?;
    let public_key = public_key(&body.public_key)?;
    request.verify(&app, &public_key).await?;
    let new = Registering {
        public_key,
        device_name: &body.device_name,
        name: &body.name,
        mode,
        handle: handle.as_ref(),
    };
    let enrolled = app.register(new).await?;
    EnrolledBody::answer(&app, enrolled).await
}
