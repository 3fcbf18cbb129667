//! `/v1/wallet/account` and what changes it: handle, freezing, closing.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::devices::DeviceBody;
use super::{proof, recipients};
use crate::http::auth::SignedRequest;
use crate::http::input;
use crate::http::openapi::schema::{self, kind};
use crate::http::problem::Problem;
use crate::http::time::rfc3339;
use crate::service::{App, Handle};
use crate::store::Device;

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(show))
        .routes(routes!(set_handle))
        .routes(routes!(freeze))
        .routes(routes!(unfreeze))
        .routes(routes!(close))
}

/// An account, for its owner.
#[derive(Serialize, ToSchema)]
#[schema(as = Account)]
pub(super) struct AccountBody {
    #[schema(schema_with = kind::account)]
    object: &'static str,
    #[schema(value_type = schema::PayerId)]
    payer: String,
    #[schema(value_type = schema::Mode)]
    mode: &'static str,
    #[schema(value_type = schema::PayerState)]
    state: &'static str,
    /// Whether the operator froze it, so that the payer cannot unfreeze it.
    #[schema(pattern = "^(operator|payer)$")]
    frozen_by: Option<&'static str>,
    name: String,
    #[schema(value_type = Option<schema::Handle>)]
    handle: Option<String>,
    #[schema(value_type = Option<schema::ReceiveCode>)]
    receive_code: Option<String>,
    pin_set: bool,
    totp_set: bool,
    recovery_codes_left: u32,
    #[schema(value_type = schema::Time)]
    created_at: String,
    device: Option<DeviceBody>,
    #[schema(value_type = schema::Time)]
    server_time: String,
}

impl AccountBody {
    /// The account of the device that asks.
    pub(super) async fn of(app: &App, device: &Device) -> Result<Self, Problem> {
        let account = app.account(device.payer).await?;
        let mut devices = app.store.devices_of(device.payer).await?.into_iter();
        let this = devices.find(|own| own.key_id == device.key_id);
        let receive_code = account
            .receive_token
            .map(|token| format!("wallet:receive:{}", base16ct::lower::encode_string(&token)));
        Ok(Self {
            object: "account",
            payer: device.payer.to_string(),
            mode: device.mode.as_str(),
            state: account.standing.as_str(),
            frozen_by: account.standing.frozen_by(),
            name: app.name_text(device.payer, &account),
            handle: app.handle_text(device.payer, &account),
            receive_code,
            pin_set: account.pin_set,
            totp_set: account.totp_set,
            recovery_codes_left: account.recovery_codes_left,
            created_at: rfc3339(account.created_at),
            device: this.map(|own| DeviceBody::new(app, &own, device)),
            server_time: rfc3339(app.now()),
        })
    }
}

/// The account of the device that asks
#[utoipa::path(
    get,
    path = "/v1/wallet/account",
    operation_id = "get_account",
    tag = "Account",
    responses((status = OK, description = "The account.", body = AccountBody)),
    extensions(("x-errors" = json!(["404 not_found"]))),
)]
async fn show(
    State(app): State<Arc<App>>,
    request: SignedRequest,
) -> Result<Json<AccountBody>, Problem> {
    let device = request.device(&app).await?;
    AccountBody::of(&app, &device).await.map(Json)
}

/// A handle to take.
#[derive(Deserialize, ToSchema)]
#[schema(as = NewHandle)]
#[serde(deny_unknown_fields)]
struct HandleBody {
    #[schema(value_type = schema::Handle)]
    handle: String,
}

/// A handle, from its field.
pub(super) fn handle(text: &str) -> Result<Handle, Problem> {
    let detail = "3 to 30 of a-z, 0-9, dot and underscore, a letter first";
    Handle::parse(text).ok_or_else(|| Problem::field("/handle", detail))
}

/// Choose a handle
///
/// For 30 days the old handle goes to nobody but who gave it up; of a payer's, three at a time.
#[utoipa::path(
    put,
    path = "/v1/wallet/handle",
    operation_id = "set_handle",
    tag = "Account",
    request_body = HandleBody,
    responses((status = OK, description = "The account.", body = AccountBody)),
    extensions(("x-errors" = json!([
        "403 payer_unavailable",
        "404 not_found",
        "409 handle_taken",
        "409 too_many_handles",
        "429 too_many_requests",
    ]))),
)]
async fn set_handle(
    State(app): State<Arc<App>>,
    request: SignedRequest,
) -> Result<Json<AccountBody>, Problem> {
    let device = request.actor(&app).await?;
    let body: HandleBody = input::json(&request.body)?;
    let handle = handle(&body.handle)?;
    recipients::count_lookup(&app, &device)?;
    app.set_handle(&device, &handle).await?;
    AccountBody::of(&app, &device).await.map(Json)
}

/// Freeze everything
///
/// Nothing is paid from now on.
#[utoipa::path(
    post,
    path = "/v1/wallet/freeze",
    operation_id = "freeze_account",
    tag = "Account",
    request_body = Option<input::Nothing>,
    responses((status = OK, description = "The account.", body = AccountBody)),
    extensions(("x-errors" = json!(["404 not_found"]))),
)]
async fn freeze(
    State(app): State<Arc<App>>,
    request: SignedRequest,
) -> Result<Json<AccountBody>, Problem> {
    let device = request.actor(&app).await?;
    input::nothing(&request.body)?;
    app.freeze(&device).await?;
    AccountBody::of(&app, &device).await.map(Json)
}

/// The PIN, and a second factor where one is in use.
#[derive(Deserialize, ToSchema)]
#[schema(as = Unfreezing)]
#[serde(deny_unknown_fields)]
struct UnfreezeBody {
    #[schema(value_type = schema::SixDigits)]
    pin: String,
    #[schema(value_type = Option<schema::SixDigits>)]
    totp: Option<String>,
    #[schema(value_type = Option<schema::RecoveryCode>)]
    recovery_code: Option<String>,
}

/// End a freeze
#[utoipa::path(
    post,
    path = "/v1/wallet/unfreeze",
    operation_id = "unfreeze_account",
    tag = "Account",
    request_body = UnfreezeBody,
    responses((status = OK, description = "The account.", body = AccountBody)),
    extensions(("x-errors" = json!([
        "a PIN",
        "a second factor",
        "404 not_found",
        "409 frozen_by_operator",
    ]))),
)]
async fn unfreeze(
    State(app): State<Arc<App>>,
    request: SignedRequest,
) -> Result<Json<AccountBody>, Problem> {
    let device = request.pin_actor(&app).await?;
    let body: UnfreezeBody = input::json(&request.body)?;
    let pin = proof::pin("/pin", &body.pin)?;
    let factor = proof::factor(body.totp, body.recovery_code)?;
    app.unfreeze(&device, &pin, factor.as_ref()).await?;
    AccountBody::of(&app, &device).await.map(Json)
}

/// The PIN.
#[derive(Deserialize, ToSchema)]
#[schema(as = Closing)]
#[serde(deny_unknown_fields)]
struct CloseBody {
    #[schema(value_type = schema::SixDigits)]
    pin: String,
}

/// Close the account
///
/// Once there is no money in it or held. What names the payer is erased, devices are revoked; the
/// ledger stays.
#[utoipa::path(
    post,
    path = "/v1/wallet/close",
    operation_id = "close_account",
    tag = "Account",
    request_body = CloseBody,
    responses((status = NO_CONTENT, description = "It is closed.")),
    extensions(("x-errors" = json!(["a PIN", "403 payer_unavailable", "409 account_not_empty"]))),
)]
async fn close(State(app): State<Arc<App>>, request: SignedRequest) -> Result<StatusCode, Problem> {
    let device = request.pin_actor(&app).await?;
    let body: CloseBody = input::json(&request.body)?;
    let pin = proof::pin("/pin", &body.pin)?;
    app.close_account(&device, &pin).await?;
    Ok(StatusCode::NO_CONTENT)
}
