//! Payers, invitations and devices.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{StatusCode, Uri};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use wallet_core::DeviceKeyId;

use crate::domain::ids::PayerId;
use crate::http::input;
use crate::http::list::List;
use crate::http::openapi::schema::{self, kind};
use crate::http::problem::Problem;
use crate::http::test_mode::keep_out_live;
use crate::http::time::rfc3339;
use crate::service::{App, payer_name};
use crate::store::Payer;

const NAME_LENGTH_MAX: usize = 100;

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(create, list))
        .routes(routes!(freeze))
        .routes(routes!(unfreeze))
        .routes(routes!(reset_secrets))
        .routes(routes!(invite))
        .routes(routes!(revoke_device))
}

type Name = schema::Text<NAME_LENGTH_MAX>;

/// A new payer.
#[derive(Deserialize, ToSchema)]
#[schema(as = NewPayer)]
#[serde(deny_unknown_fields)]
struct NewPayerBody {
    #[schema(value_type = Name)]
    name: String,
    /// `live` unless said otherwise.
    #[schema(value_type = Option<schema::Mode>)]
    mode: Option<String>,
}

/// A payer.
#[derive(Serialize, ToSchema)]
#[schema(as = Payer)]
struct PayerBody {
    #[schema(value_type = schema::PayerId)]
    id: String,
    #[schema(schema_with = kind::payer)]
    object: &'static str,
    name: String,
    #[schema(value_type = schema::Mode)]
    mode: &'static str,
    #[schema(value_type = schema::Currency)]
    currency: &'static str,
    #[schema(value_type = schema::PayerState)]
    state: String,
    #[schema(value_type = schema::Time)]
    created_at: String,
}

impl PayerBody {
    fn new(app: &App, payer: Payer) -> Self {
        Self {
            id: payer.id.to_string(),
            object: "payer",
            name: payer_name(app, &payer),
            mode: payer.mode.as_str(),
            currency: payer.currency.code(),
            state: payer.state,
            created_at: rfc3339(payer.created_at),
        }
    }
}

/// Take on a payer
#[utoipa::path(
    post,
    path = "/v1/operator/payers",
    operation_id = "create_payer",
    tag = "Payers",
    request_body = NewPayerBody,
    responses((status = CREATED, description = "The payer.", body = PayerBody)),
    extensions(("x-errors" = json!(["409 test_clock_on"]))),
)]
async fn create(
    State(app): State<Arc<App>>,
    body: Bytes,
) -> Result<(StatusCode, Json<PayerBody>), Problem> {
    let body: NewPayerBody = input::json(&body)?;
    input::text("/name", &body.name, NAME_LENGTH_MAX)?;
    let mode = input::mode(body.mode.as_deref())?;
    keep_out_live(&app, mode)?;
    let payer = app.create_payer(&body.name, mode).await?;
    Ok((StatusCode::CREATED, Json(PayerBody::new(&app, payer))))
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct Filter {
    /// Both unless said otherwise.
    #[param(value_type = Option<schema::Mode>)]
    mode: Option<String>,
    /// How many.
    #[param(minimum = 1, maximum = 100, default = 20)]
    limit: Option<usize>,
    /// The `next` of the page before.
    #[param(value_type = Option<schema::PayerId>)]
    after: Option<String>,
}

/// List payers
///
/// Of one mode, or of both; newest first.
#[utoipa::path(
    get,
    path = "/v1/operator/payers",
    operation_id = "list_payers",
    tag = "Payers",
    params(Filter),
    responses((status = OK, description = "A page.", body = List<PayerBody>)),
)]
async fn list(State(app): State<Arc<App>>, uri: Uri) -> Result<Json<List<PayerBody>>, Problem> {
    let filter: Filter = input::query(&uri)?;
    let size = input::page_size(filter.limit)?;
    let mode = filter.mode.map(|name| input::mode(Some(&name))).transpose()?;
    let after = input::cursor(filter.after.as_deref(), PayerId::parse)?;
    let payers = app.store.payers(mode, after, size + 1).await?;
    let cursor = |payer: &Payer| payer.id.to_string();
    Ok(Json(List::page(payers, size, cursor, |payer| PayerBody::new(&app, payer))))
}

/// An invitation for a payer's device.
#[derive(Serialize, ToSchema)]
#[schema(as = Invitation)]
struct InvitationBody {
    #[schema(value_type = schema::InvitationId)]
    id: String,
    #[schema(schema_with = kind::invitation)]
    object: &'static str,
    /// Shown this once; enrols one device.
    invitation: String,
    #[schema(value_type = schema::PayerId)]
    payer: String,
    #[schema(value_type = schema::Time)]
    expires_at: String,
}

/// Invite a device of a payer
#[utoipa::path(
    post,
    path = "/v1/operator/payers/{id}/invitations",
    operation_id = "invite_payer",
    tag = "Payers",
    params(("id" = schema::PayerId, Path)),
    responses((status = CREATED, description = "The invitation, shown this once.", body = InvitationBody)),
    extensions(("x-errors" = json!(["409 too_many_devices"]))),
)]
async fn invite(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
) -> Result<(StatusCode, Json<InvitationBody>), Problem> {
    let id = PayerId::parse(&id).ok_or_else(|| Problem::not_found("payer"))?;
    let invitation = app.invite(id).await?;
    let body = InvitationBody {
        id: invitation.made.id.to_string(),
        object: "invitation",
        invitation: invitation.secret.expose().to_owned(),
        payer: invitation.made.payer.to_string(),
        expires_at: rfc3339(invitation.made.expires_at),
    };
    Ok((StatusCode::CREATED, Json(body)))
}

/// Freeze a payer
///
/// Only the operator unfreezes what the operator froze.
#[utoipa::path(
    post,
    path = "/v1/operator/payers/{id}/freeze",
    operation_id = "freeze_payer",
    tag = "Payers",
    params(("id" = schema::PayerId, Path)),
    responses((status = OK, description = "The payer.", body = PayerBody)),
    extensions(("x-errors" = json!(["409 payer_closed"]))),
)]
async fn freeze(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
) -> Result<Json<PayerBody>, Problem> {
    set_frozen(&app, &id, true).await
}

/// End a payer's freeze
#[utoipa::path(
    post,
    path = "/v1/operator/payers/{id}/unfreeze",
    operation_id = "unfreeze_payer",
    tag = "Payers",
    params(("id" = schema::PayerId, Path)),
    responses((status = OK, description = "The payer.", body = PayerBody)),
    extensions(("x-errors" = json!(["409 payer_closed"]))),
)]
async fn unfreeze(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
) -> Result<Json<PayerBody>, Problem> {
    set_frozen(&app, &id, false).await
}

async fn set_frozen(app: &App, id: &str, frozen: bool) -> Result<Json<PayerBody>, Problem> {
    let unknown = || Problem::not_found("payer");
    let id = PayerId::parse(id).ok_or_else(unknown)?;
    app.operator_sets_frozen(id, frozen).await?;
    let payer = app.store.payer(id).await?.ok_or_else(unknown)?;
    Ok(Json(PayerBody::new(app, payer)))
}

/// Forget a payer's secrets
///
/// PIN, one-time passwords and recovery codes. For a payer who has lost them all: make sure first who
/// it is.
#[utoipa::path(
    post,
    path = "/v1/operator/payers/{id}/reset_secrets",
    operation_id = "reset_payer_secrets",
    tag = "Payers",
    params(("id" = schema::PayerId, Path)),
    responses((status = OK, description = "The payer.", body = PayerBody)),
    extensions(("x-errors" = json!(["409 payer_closed"]))),
)]
async fn reset_secrets(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
) -> Result<Json<PayerBody>, Problem> {
    let unknown = || Problem::not_found("payer");
    let id = PayerId::parse(&id).ok_or_else(unknown)?;
    app.operator_resets_secrets(id).await?;
    let payer = app.store.payer(id).await?.ok_or_else(unknown)?;
    Ok(Json(PayerBody::new(&app, payer)))
}

/// Revoke a device
#[utoipa::path(
    post,
    path = "/v1/operator/devices/{key_id}/revoke",
    operation_id = "revoke_device",
    tag = "Payers",
    params(("key_id" = schema::DeviceKeyId, Path)),
    responses((status = NO_CONTENT, description = "Its codes and requests are refused from now on.")),
)]
async fn revoke_device(
    State(app): State<Arc<App>>,
    Path(key_id): Path<String>,
) -> Result<StatusCode, Problem> {
    let key_id = DeviceKeyId::from_hex(&key_id).map_err(|_| Problem::not_found("device"))?;
    if app.revoke_device(key_id).await? {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(Problem::not_found("device"))
    }
}
