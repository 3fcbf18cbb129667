//! `/v1/wallet/devices`: the payer's devices, which approve, name and revoke one another.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use wallet_core::DeviceKeyId;

use super::enrolments::{DeviceName, NAME_LENGTH_MAX};
use super::proof;
use crate::http::auth::SignedRequest;
use crate::http::input;
use crate::http::list::List;
use crate::http::openapi::schema::{self, kind};
use crate::http::problem::Problem;
use crate::http::time::rfc3339;
use crate::service::App;
use crate::store::{Device, OwnDevice};

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(invite))
        .routes(routes!(rename))
        .routes(routes!(approve))
        .routes(routes!(revoke))
}

/// A device of the payer.
#[derive(Serialize, ToSchema)]
#[schema(as = Device)]
pub(super) struct DeviceBody {
    #[schema(schema_with = kind::device)]
    object: &'static str,
    #[schema(value_type = schema::DeviceKeyId)]
    key_id: String,
    name: String,
    #[schema(value_type = schema::DeviceState)]
    state: &'static str,
    /// Whether it is the one that asks.
    current: bool,
    #[schema(value_type = schema::Time)]
    created_at: String,
    /// Until then its limits are lower.
    #[schema(value_type = Option<schema::Time>)]
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

/// List the payer's devices
///
/// Oldest first.
#[utoipa::path(
    get,
    path = "/v1/wallet/devices",
    operation_id = "list_devices",
    tag = "Devices",
    responses((status = OK, description = "All of them.", body = List<DeviceBody>)),
)]
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

/// The PIN.
#[derive(Deserialize, ToSchema)]
#[schema(as = DeviceApproval)]
#[serde(deny_unknown_fields)]
struct PinBody {
    #[schema(value_type = schema::SixDigits)]
    pin: String,
}

/// An invitation for another device.
#[derive(Serialize, ToSchema)]
#[schema(as = DeviceInvitation)]
struct InvitationBody {
    #[schema(schema_with = kind::invitation)]
    object: &'static str,
    /// Shown this once; enrols one device.
    invitation: String,
    #[schema(value_type = schema::Time)]
    expires_at: String,
}

/// Invite another device
///
/// The device that uses it needs no approval.
#[utoipa::path(
    post,
    path = "/v1/wallet/devices/invitations",
    operation_id = "invite_device",
    tag = "Devices",
    request_body = PinBody,
    responses((status = CREATED, description = "The invitation.", body = InvitationBody)),
    extensions(("x-errors" = json!(["a PIN", "403 payer_unavailable", "409 too_many_devices"]))),
)]
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

/// A name.
#[derive(Deserialize, ToSchema)]
#[schema(as = NewDeviceName)]
#[serde(deny_unknown_fields)]
struct NameBody {
    #[schema(value_type = DeviceName)]
    name: String,
}

/// Name a device
#[utoipa::path(
    patch,
    path = "/v1/wallet/devices/{key_id}",
    operation_id = "rename_device",
    tag = "Devices",
    params(("key_id" = schema::DeviceKeyId, Path)),
    request_body = NameBody,
    responses((status = OK, description = "The device.", body = DeviceBody)),
)]
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

/// Approve a device
#[utoipa::path(
    post,
    path = "/v1/wallet/devices/{key_id}/approve",
    operation_id = "approve_device",
    tag = "Devices",
    params(("key_id" = schema::DeviceKeyId, Path)),
    request_body = PinBody,
    responses((status = OK, description = "The device.", body = DeviceBody)),
    extensions(("x-errors" = json!(["a PIN", "403 payer_unavailable", "409 device_revoked"]))),
)]
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

/// Revoke a device
///
/// Its codes, requests and invitations are worth nothing from now on. A device that is new revokes
/// itself, others that are new, and what waits to be approved.
#[utoipa::path(
    post,
    path = "/v1/wallet/devices/{key_id}/revoke",
    operation_id = "revoke_own_device",
    tag = "Devices",
    params(("key_id" = schema::DeviceKeyId, Path)),
    request_body = Option<input::Nothing>,
    responses((status = OK, description = "The device.", body = DeviceBody)),
    extensions(("x-errors" = json!(["403 device_too_new"]))),
)]
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
