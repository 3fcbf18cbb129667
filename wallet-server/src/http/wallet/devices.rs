//! `/v1/wallet/devices`: the payer's devices, which approve, name and revoke one another.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::{Json, Router, routing};
use serde::{Deserialize, Serialize};
use wallet_core::DeviceKeyId;

use super::enrolments::NAME_LENGTH_MAX;
use super::proof;
use crate::http::auth::SignedRequest;
use crate::http::input;
use crate::http::list::List;
use crate::http::problem::Problem;
use crate::http::time::rfc3339;
use crate::service::App;
use crate::store::{Device, OwnDevice};

pub(super) fn routes() -> Router<Arc<App>> {
    let one = "/v1/wallet/devices/{key_id}";
    Router::new()
        .route("/v1/wallet/devices", routing::get(list))
        .route("/v1/wallet/devices/invitations", routing::post(invite))
        .route(one, routing::patch(rename))
        .route(&format!("{one}/approve"), routing::post(approve))
        .route(&format!("{one}/revoke"), routing::post(revoke))
}

/// A device of the payer.
#[derive(Serialize)]
pub(super) struct DeviceBody {
    object: &'static str,
    key_id: String,
    name: String,
    state: &'static str,
    /// Whether it is the one that asks.
    current: bool,
    created_at: String,
    /// Until then its limits are lower.
    new_until: Option<String>,
}

impl DeviceBody {
    pub(super) fn new(app: &App, device: &OwnDevice, asking: &Device) -> Self {
        let new_until = device.new_until.filter(|until| *until > app.now());
        Self {
            object: "device",
            key_id: device.key_id.to_string(),
            name: app.device_name(device),
            state: device.state.as_str(),
            current: device.key_id == asking.key_id,
            created_at: rfc3339(device.created_at),
            new_until: new_until.map(rfc3339),
        }
    }
}

async fn list(
    State(app): State<Arc<App>>,
    request: SignedRequest,
) -> Result<Json<List<DeviceBody>>, Problem> {
    let asking = request.device(&app).await?;
    // A payer has few: each took an invitation.
    let devices = app.store.devices_of(asking.payer).await?;
    let all = devices.len();
    let body = |device: OwnDevice| DeviceBody::new(&app, &device, &asking);
    Ok(Json(List::page(devices, all, |device| device.key_id.to_string(), body)))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PinBody {
    pin: String,
}

#[derive(Serialize)]
struct InvitationBody {
    object: &'static str,
    /// Shown this once; enrols one device.
    invitation: String,
    expires_at: String,
}

async fn invite(
    State(app): State<Arc<App>>,
    request: SignedRequest,
) -> Result<(StatusCode, Json<InvitationBody>), Problem> {
    let asking = request.pin_actor(&app).await?;
    let body: PinBody = input::json(&request.body)?;
    let pin = proof::pin("/pin", &body.pin)?;
    let invitation = app.invite_device(&asking, &pin).await?;
    let body = InvitationBody {
        object: "invitation",
        invitation: invitation.secret.expose().to_owned(),
        expires_at: rfc3339(invitation.made.expires_at),
    };
    Ok((StatusCode::CREATED, Json(body)))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NameBody {
    name: String,
}

async fn rename(
    State(app): State<Arc<App>>,
    Path(key_id): Path<String>,
    request: SignedRequest,
) -> Result<Json<DeviceBody>, Problem> {
    let asking = request.actor(&app).await?;
    let body: NameBody = input::json(&request.body)?;
    input::text("/name", &body.name, NAME_LENGTH_MAX)?;
    let device = app.rename_device(&asking, parse(&key_id)?, &body.name).await?;
    Ok(Json(DeviceBody::new(&app, &device, &asking)))
}

async fn approve(
    State(app): State<Arc<App>>,
    Path(key_id): Path<String>,
    request: SignedRequest,
) -> Result<Json<DeviceBody>, Problem> {
    let asking = request.pin_actor(&app).await?;
    let body: PinBody = input::json(&request.body)?;
    let pin = proof::pin("/pin", &body.pin)?;
    let device = app.approve_device(&asking, parse(&key_id)?, &pin).await?;
    Ok(Json(DeviceBody::new(&app, &device, &asking)))
}

async fn revoke(
    State(app): State<Arc<App>>,
    Path(key_id): Path<String>,
    request: SignedRequest,
) -> Result<Json<DeviceBody>, Problem> {
    let asking = request.actor(&app).await?;
    input::nothing(&request.body)?;
    let device = app.revoke_own_device(&asking, parse(&key_id)?).await?;
    Ok(Json(DeviceBody::new(&app, &device, &asking)))
}

fn parse(key_id: &str) -> Result<DeviceKeyId, Problem> {
    DeviceKeyId::from_hex(key_id).map_err(|_| Problem::not_found("device"))
}
