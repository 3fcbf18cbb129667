//! `/v1/wallet/account` and what changes it: handle, freezing, closing.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::{Json, Router, routing};
use serde::{Deserialize, Serialize};

use super::devices::DeviceBody;
use super::{proof, recipients};
use crate::http::auth::SignedRequest;
use crate::http::input;
use crate::http::problem::Problem;
use crate::http::time::rfc3339;
use crate::service::{App, Handle};
use crate::store::Device;

pub(super) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/v1/wallet/account", routing::get(show))
        .route("/v1/wallet/handle", routing::put(set_handle))
        .route("/v1/wallet/freeze", routing::post(freeze))
        .route("/v1/wallet/unfreeze", routing::post(unfreeze))
        .route("/v1/wallet/close", routing::post(close))
}

/// An account, for its owner.
#[derive(Serialize)]
pub(super) struct AccountBody {
    object: &'static str,
    payer: String,
    mode: &'static str,
    state: &'static str,
    /// Whether the operator froze it, so that the payer cannot unfreeze it.
    frozen_by: Option<&'static str>,
    name: String,
    handle: Option<String>,
    receive_code: Option<String>,
    pin_set: bool,
    totp_set: bool,
    recovery_codes_left: u32,
    created_at: String,
    device: Option<DeviceBody>,
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

async fn show(
    State(app): State<Arc<App>>,
    request: SignedRequest,
) -> Result<Json<AccountBody>, Problem> {
    let device = request.device(&app).await?;
    AccountBody::of(&app, &device).await.map(Json)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct HandleBody {
    handle: String,
}

/// A handle, from its field.
pub(super) fn handle(text: &str) -> Result<Handle, Problem> {
    let detail = "3 to 30 of a-z, 0-9, dot and underscore, a letter first";
    Handle::parse(text).ok_or_else(|| Problem::field("/handle", detail))
}

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

async fn freeze(
    State(app): State<Arc<App>>,
    request: SignedRequest,
) -> Result<Json<AccountBody>, Problem> {
    let device = request.actor(&app).await?;
    input::nothing(&request.body)?;
    app.freeze(&device).await?;
    AccountBody::of(&app, &device).await.map(Json)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct UnfreezeBody {
    pin: String,
    totp: Option<String>,
    recovery_code: Option<String>,
}

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

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CloseBody {
    pin: String,
}

async fn close(State(app): State<Arc<App>>, request: SignedRequest) -> Result<StatusCode, Problem> {
    let device = request.pin_actor(&app).await?;
    let body: CloseBody = input::json(&request.body)?;
    let pin = proof::pin("/pin", &body.pin)?;
    app.close_account(&device, &pin).await?;
    Ok(StatusCode::NO_CONTENT)
}
