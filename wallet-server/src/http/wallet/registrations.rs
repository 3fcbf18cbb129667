//! `POST /v1/wallet/registrations`: somebody takes out a wallet.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::account;
use super::enrolments::{DeviceName, EnrolledBody, NAME_LENGTH_MAX, public_key};
use crate::http::auth::SignedRequest;
use crate::http::input;
use crate::http::openapi::schema;
use crate::http::problem::Problem;
use crate::http::test_mode::keep_out_live;
use crate::service::{App, Registering};

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(register))
}

/// Somebody who takes out a wallet, and their first device.
#[derive(Deserialize, ToSchema)]
#[schema(as = NewRegistration)]
#[serde(deny_unknown_fields)]
struct RegistrationBody {
    #[schema(value_type = schema::PublicKey)]
    public_key: String,
    #[schema(value_type = DeviceName)]
    device_name: String,
    #[schema(value_type = DeviceName)]
    name: String,
    /// `live` unless said otherwise.
    #[schema(value_type = Option<schema::Mode>)]
    mode: Option<String>,
    #[schema(value_type = Option<schema::Handle>)]
    handle: Option<String>,
}

/// Somebody takes out a wallet
///
/// Without an invitation, where the issuer allows it. Signed with the key of the device, as an
/// enrolment is; the same key again gets the same answer.
#[utoipa::path(
    post,
    path = "/v1/wallet/registrations",
    operation_id = "create_registration",
    tag = "Joining",
    request_body = RegistrationBody,
    responses((status = CREATED, description = "The device, active.", body = EnrolledBody)),
    extensions(("x-errors" = json!([
        "403 registration_closed",
        "404 not_found",
        "409 test_clock_on",
        "409 key_enrolled",
        "409 handle_taken",
    ]))),
)]
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
