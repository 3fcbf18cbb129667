//! Merchants' API keys: made, listed, rotated, revoked, and what they were used for.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{StatusCode, Uri};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use wallet_core::Timestamp;

use crate::domain::ids::{ApiKeyId, MerchantId};
use crate::http::input;
use crate::http::list::List;
use crate::http::openapi::schema::{self, kind};
use crate::http::problem::{Certainty, Problem};
use crate::http::time::rfc3339;
use crate::service::{ApiKeyScope, App, Rotated, WithSecret};
use crate::store::{ApiKeyState, KnownApiKey, NewApiKey, NotRotated};

const NAME_LENGTH_MAX: usize = 100;
const OVERLAP_HOURS_DEFAULT: u16 = 24;
/// A month: a key that is to work for longer is not being rotated.
const OVERLAP_HOURS_MAX: u16 = 30 * 24;

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(create, list))
        .routes(routes!(one, revoke))
        .routes(routes!(rotate))
}

type Name = schema::Text<NAME_LENGTH_MAX>;

/// An API key.
#[derive(Serialize, ToSchema)]
#[schema(as = ApiKey)]
pub(super) struct ApiKeyBody {
    #[schema(value_type = schema::ApiKeyId)]
    id: String,
    #[schema(schema_with = kind::api_key)]
    object: &'static str,
    #[schema(value_type = schema::MerchantId)]
    merchant: String,
    #[schema(value_type = schema::Mode)]
    mode: &'static str,
    name: Option<String>,
    #[schema(value_type = Vec<schema::Scope>)]
    scopes: Vec<String>,
    /// Only in the answer that makes the key.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, pattern = "^sk_(live|test)_")]
    secret: Option<String>,
    /// Its last characters, to tell keys apart.
    secret_end: Option<String>,
    #[schema(value_type = schema::ApiKeyStateName)]
    state: &'static str,
    #[schema(value_type = schema::Time)]
    created_at: String,
    #[schema(value_type = Option<schema::Time>)]
    last_used_at: Option<String>,
    #[schema(value_type = Option<schema::Time>)]
    expires_at: Option<String>,
    #[schema(value_type = Option<schema::Time>)]
    revoked_at: Option<String>,
    #[schema(value_type = Option<schema::ApiKeyId>)]
    replaced_by: Option<String>,
    /// Only in the answer to a rotation.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    replaces: Option<ReplacedBody>,
}

/// The key that another one takes over from.
#[derive(Serialize, ToSchema)]
#[schema(as = ReplacedApiKey)]
struct ReplacedBody {
    #[schema(value_type = schema::ApiKeyId)]
    id: String,
    #[schema(value_type = schema::Time)]
    expires_at: String,
}

impl ApiKeyBody {
    fn new(known: KnownApiKey, now: Timestamp) -> Self {
        let state = known.state(now);
        let key = known.key;
        Self {
            id: key.id.to_string(),
            object: "api_key",
            merchant: key.merchant.to_string(),
            mode: key.mode.as_str(),
            name: known.name,
            scopes: key.scopes.split(' ').map(str::to_owned).collect(),
            secret: None,
            secret_end: known.secret_end,
            state: state_name(state),
            created_at: rfc3339(key.created_at),
            last_used_at: known.last_used_at.map(rfc3339),
            expires_at: key.expires_at.map(rfc3339),
            revoked_at: known.revoked_at.map(rfc3339),
            replaced_by: known.replaced_by.map(|id| id.to_string()),
            replaces: None,
        }
    }

    /// A key that was just made, with its secret.
    pub(super) fn made(key: WithSecret<NewApiKey>, now: Timestamp) -> Self {
        let secret = Some(key.secret.expose().to_owned());
        Self { secret, ..Self::new(key.made.into(), now) }
    }
}

fn state_name(state: ApiKeyState) -> &'static str {
    match state {
        ApiKeyState::Active => "active",
        ApiKeyState::Expiring => "expiring",
        ApiKeyState::Expired => "expired",
        ApiKeyState::Revoked => "revoked",
    }
}

fn unknown() -> Problem {
    Problem::not_found("API key")
}

pub(super) fn key_id(text: &str) -> Result<ApiKeyId, Problem> {
    ApiKeyId::parse(text).ok_or_else(unknown)
}

/// A key with this id, whatever became of it. What this process knows of its use counts.
pub(super) async fn known(app: &App, id: &str) -> Result<KnownApiKey, Problem> {
    let id = key_id(id)?;
    app.key_uses_written().await;
    app.store.api_key_by_id(id).await?.ok_or_else(unknown)
}

/// A new API key.
#[derive(Deserialize, ToSchema)]
#[schema(as = NewApiKey)]
#[serde(deny_unknown_fields)]
struct NewKeyBody {
    /// All of them unless said otherwise.
    #[schema(value_type = Option<Vec<schema::Scope>>, min_items = 1)]
    scopes: Option<Vec<String>>,
    #[schema(value_type = Option<Name>)]
    name: Option<String>,
}

/// Make another API key
///
/// Its secret is shown this once.
#[utoipa::path(
    post,
    path = "/v1/operator/merchants/{id}/api_keys",
    operation_id = "create_api_key",
    tag = "API keys",
    params(("id" = schema::MerchantId, Path)),
    request_body = NewKeyBody,
    responses((status = CREATED, description = "The key.", body = ApiKeyBody)),
)]
async fn create(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    body: Bytes,
) -> Result<(StatusCode, Json<ApiKeyBody>), Problem> {
    let id = MerchantId::parse(&id).ok_or_else(|| Problem::not_found("merchant"))?;
    let body: NewKeyBody = input::json(&body)?;
    let scopes = scopes(body.scopes)?;
    if let Some(name) = &body.name {
        input::text("/name", name, NAME_LENGTH_MAX)?;
    }
    let key = app.create_api_key(id, &scopes, body.name).await?;
    let key = key.ok_or_else(|| Problem::not_found("merchant"))?;
    Ok((StatusCode::CREATED, Json(ApiKeyBody::made(key, app.now()))))
}

/// Each once and in one order, however often and wherever they are named; all when none are.
fn scopes(names: Option<Vec<String>>) -> Result<Vec<ApiKeyScope>, Problem> {
    let Some(names) = names else { return Ok(ApiKeyScope::ALL.to_vec()) };
    let named: Option<Vec<_>> = names.iter().map(|name| ApiKeyScope::from_name(name)).collect();
    named
        .filter(|scopes| !scopes.is_empty())
        .map(|named| ApiKeyScope::ALL.iter().copied().filter(|it| named.contains(it)).collect())
        .ok_or_else(|| Problem::field("/scopes", "some of charge, refund, payout, read, manage"))
}

/// List a merchant's API keys
///
/// Newest first.
#[utoipa::path(
    get,
    path = "/v1/operator/merchants/{id}/api_keys",
    operation_id = "list_api_keys",
    tag = "API keys",
    params(("id" = schema::MerchantId, Path), input::Page, ("after" = Option<schema::ApiKeyId>, Query, description = "The `next` of the page before.")),
    responses((status = OK, description = "A page.", body = List<ApiKeyBody>)),
)]
async fn list(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    uri: Uri,
) -> Result<Json<List<ApiKeyBody>>, Problem> {
    let merchant = MerchantId::parse(&id).ok_or_else(|| Problem::not_found("merchant"))?;
    let page: input::Page = input::query(&uri)?;
    let size = page.size()?;
    let after = input::cursor(page.after.as_deref(), ApiKeyId::parse)?;
    let known = app.store.merchant(merchant).await?;
    known.ok_or_else(|| Problem::not_found("merchant"))?;
    app.key_uses_written().await;
    let keys = app.store.api_keys(merchant, after, size + 1).await?;
    let now = app.now();
    let (cursor, body) =
        (|known: &KnownApiKey| known.key.id.to_string(), |known| ApiKeyBody::new(known, now));
    Ok(Json(List::page(keys, size, cursor, body)))
}

/// An API key
#[utoipa::path(
    get,
    path = "/v1/operator/api_keys/{id}",
    operation_id = "get_api_key",
    tag = "API keys",
    params(("id" = schema::ApiKeyId, Path)),
    responses((status = OK, description = "The key.", body = ApiKeyBody)),
)]
async fn one(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
) -> Result<Json<ApiKeyBody>, Problem> {
    let known = known(&app, &id).await?;
    Ok(Json(ApiKeyBody::new(known, app.now())))
}

/// Revoke an API key
#[utoipa::path(
    delete,
    path = "/v1/operator/api_keys/{id}",
    operation_id = "revoke_api_key",
    tag = "API keys",
    params(("id" = schema::ApiKeyId, Path)),
    responses((status = NO_CONTENT, description = "It is refused from now on.")),
)]
async fn revoke(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    if app.store.revoke_api_key(key_id(&id)?, app.now()).await? {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(unknown())
    }
}

/// How the old key ends.
#[derive(Deserialize, ToSchema)]
#[schema(as = ApiKeyRotation)]
#[serde(deny_unknown_fields)]
struct RotateBody {
    /// For how long it works beside the new one; 24 unless said otherwise.
    #[schema(minimum = 0, maximum = 720)]
    overlap_hours: Option<u16>,
}

/// Let another API key take over
///
/// The answer shows the new secret, and nobody has it but whoever gets the answer. So this takes no
/// idempotency key: a repeat could not say the same again. It hears which key took over.
#[utoipa::path(
    post,
    path = "/v1/operator/api_keys/{id}/rotate",
    operation_id = "rotate_api_key",
    tag = "API keys",
    params(("id" = schema::ApiKeyId, Path)),
    request_body = RotateBody,
    responses((status = CREATED, description = "The new key.", body = ApiKeyBody)),
    extensions(("x-errors" = json!([
        "409 api_key_rotated",
        "409 api_key_revoked",
        "409 api_key_expired",
    ]))),
)]
async fn rotate(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    body: Bytes,
) -> Result<(StatusCode, Json<ApiKeyBody>), Problem> {
    let old = key_id(&id)?;
    let body: RotateBody = input::json(&body)?;
    let overlap_hours = body.overlap_hours.unwrap_or(OVERLAP_HOURS_DEFAULT);
    if overlap_hours > OVERLAP_HOURS_MAX {
        return Err(Problem::field("/overlap_hours", format!("0 to {OVERLAP_HOURS_MAX}")));
    }
    let rotated = app.rotate_api_key(old, overlap_hours).await?;
    let Rotated { key, old_expires_at } = rotated.map_err(|why| not_rotated(&why))?;
    let replaces = ReplacedBody { id: old.to_string(), expires_at: rfc3339(old_expires_at) };
    let made = ApiKeyBody::made(key, app.now());
    Ok((StatusCode::CREATED, Json(ApiKeyBody { replaces: Some(replaces), ..made })))
}

fn not_rotated(why: &NotRotated) -> Problem {
    let (code, detail) = match why {
        NotRotated::Unknown => return unknown(),
        NotRotated::Revoked => ("api_key_revoked", "This API key is revoked.".to_owned()),
        NotRotated::Expired => ("api_key_expired", "The time of this API key is over.".to_owned()),
        NotRotated::Replaced(by) => {
            let detail = format!("{by} has taken over from this API key. Rotate that one.");
            ("api_key_rotated", detail)
        }
    };
    Problem::new(StatusCode::CONFLICT, code, Certainty::Final, detail)
}
