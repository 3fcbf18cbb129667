//! Payers, invitations and devices.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{StatusCode, Uri};
use axum::{Json, Router, routing};
use serde::{Deserialize, Serialize};
use wallet_core::DeviceKeyId;

use crate::domain::ids::PayerId;
use crate::http::input;
use crate::http::list::List;
use crate::http::problem::Problem;
use crate::http::test_mode::keep_out_live;
use crate::http::time::rfc3339;
use crate::service::{App, payer_name};
use crate::store::Payer;

const NAME_LENGTH_MAX: usize = 100;

pub(super) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/v1/operator/payers", routing::post(create).get(list))
        .route("/v1/operator/payers/{id}/freeze", routing::post(freeze))
        .route("/v1/operator/payers/{id}/unfreeze", routing::post(unfreeze))
        .route("/v1/operator/payers/{id}/reset_secrets", routing::post(reset_secrets))
        .route("/v1/operator/payers/{id}/invitations", routing::post(invite))
        .route("/v1/operator/devices/{key_id}/revoke", routing::post(revoke_device))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewPayerBody {
    name: String,
    mode: Option<String>,
}

#[derive(Serialize)]
struct PayerBody {
    id: String,
    object: &'static str,
    name: String,
    mode: &'static str,
    currency: &'static str,
    state: String,
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

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Filter {
    mode: Option<String>,
    limit: Option<usize>,
    after: Option<String>,
}

/// Of one mode, or of both: tests leave many payers behind.
async fn list(State(app): State<Arc<App>>, uri: Uri) -> Result<Json<List<PayerBody>>, Problem> {
    let filter: Filter = input::query(&uri)?;
    let size = input::page_size(filter.limit)?;
    let mode = filter.mode.map(|name| input::mode(Some(&name))).transpose()?;
    let after = input::cursor(filter.after.as_deref(), PayerId::parse)?;
    let payers = app.store.payers(mode, after, size + 1).await?;
    let cursor = |payer: &Payer| payer.id.to_string();
    Ok(Json(List::page(payers, size, cursor, |payer| PayerBody::new(&app, payer))))
}

#[derive(Serialize)]
struct InvitationBody {
    id: String,
    object: &'static str,
    /// Shown this once; enrols one device.
    invitation: String,
    payer: String,
    expires_at: String,
}

async fn invite(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
) -> Result<(StatusCode, Json<InvitationBody>), Problem> {
    let id = PayerId::parse(&id).ok_or_else(|| Problem::not_found("payer"))?;
    let invitation = app.invite(id).await?.ok_or_else(|| Problem::not_found("payer"))?;
    let body = InvitationBody {
        id: invitation.made.id.to_string(),
        object: "invitation",
        invitation: invitation.secret.expose().to_owned(),
        payer: invitation.made.payer.to_string(),
        expires_at: rfc3339(invitation.made.expires_at),
    };
    Ok((StatusCode::CREATED, Json(body)))
}

async fn freeze(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
) -> Result<Json<PayerBody>, Problem> {
    set_frozen(&app, &id, true).await
}

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
