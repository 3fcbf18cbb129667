//! Making, listing, changing and deleting endpoints, and rotating their secrets.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{StatusCode, Uri};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{endpoint_id, own, unknown};
use crate::domain::ids::WebhookEndpointId;
use crate::domain::webhooks::{DisabledBecause, EndpointState, WantedEvents};
use crate::http::auth::MerchantAuth;
use crate::http::input;
use crate::http::list::List;
use crate::http::openapi::schema::{self, kind};
use crate::http::problem::{Certainty, Problem};
use crate::http::time::rfc3339;
use crate::service::{
    ApiKeyScope, App, EndpointWithSecret, NoEndpoint, WEBHOOK_ENDPOINTS_MAX, WebhookRequest,
};
use crate::store::{EndpointChange, WebhookEndpoint};

const DESCRIPTION_LENGTH_MAX: usize = 200;
const OVERLAP_HOURS_DEFAULT: u16 = 24;
/// A month: a secret that is to work for longer is not being rotated.
const OVERLAP_HOURS_MAX: u16 = 30 * 24;

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(create, list))
        .routes(routes!(one, change, delete))
        .routes(routes!(rotate))
}

type Description = schema::Text<DESCRIPTION_LENGTH_MAX>;

/// Where a merchant is told of events.
#[derive(Serialize, ToSchema)]
#[schema(as = WebhookEndpoint)]
struct EndpointBody {
    #[schema(value_type = schema::WebhookEndpointId)]
    id: String,
    #[schema(schema_with = kind::webhook_endpoint)]
    object: &'static str,
    #[schema(value_type = schema::Mode)]
    mode: &'static str,
    #[schema(value_type = schema::WebhookUrl)]
    url: String,
    /// Types of events, or `*`.
    #[schema(value_type = Vec<schema::WebhookEventType>)]
    events: Vec<String>,
    description: Option<String>,
    #[schema(value_type = schema::WebhookEndpointState)]
    state: &'static str,
    /// Why it is told of nothing.
    #[schema(value_type = Option<schema::WebhookDisabledBecause>)]
    disabled_because: Option<&'static str>,
    /// Only in the answers that make it: the key of the HMAC, `v1`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, pattern = "^whsec_[A-Za-z0-9+/]{43}=$")]
    secret: Option<String>,
    /// The Ed25519 key that verifies `v1a`.
    #[schema(pattern = "^whpk_[A-Za-z0-9+/]{43}=$")]
    public_key: String,
    /// Until when the secret before this one signs as well.
    #[schema(value_type = Option<schema::Time>)]
    former_secret_until: Option<String>,
    /// How many attempts have failed in a row.
    failures: u32,
    #[schema(value_type = Option<schema::Time>)]
    failing_since: Option<String>,
    #[schema(value_type = schema::Time)]
    created_at: String,
}

impl EndpointBody {
    fn new(app: &App, endpoint: WebhookEndpoint) -> Self {
        let public_key = app.webhook_public_key(&endpoint);
        let (state, disabled_because) = match endpoint.state {
            EndpointState::Enabled => ("enabled", None),
            EndpointState::Disabled(because) => ("disabled", Some(because)),
        };
        let now = app.now();
        let former = endpoint.former_secret_until.filter(|until| now < *until);
        Self {
            id: endpoint.id.to_string(),
            object: "webhook_endpoint",
            mode: endpoint.mode.as_str(),
            url: endpoint.url,
            events: endpoint.events.names(),
            description: endpoint.description,
            state,
            disabled_because: disabled_because.map(DisabledBecause::as_str),
            secret: None,
            public_key,
            former_secret_until: former.map(rfc3339),
            failures: endpoint.health.failures,
            failing_since: endpoint.health.failing_since.map(rfc3339),
            created_at: rfc3339(endpoint.created_at),
        }
    }

    fn with_secret(app: &App, made: EndpointWithSecret) -> Self {
        let secret = Some(made.secret.as_str().to_owned());
        Self { secret, ..Self::new(app, made.endpoint) }
    }
}

/// Where a merchant wants to be told of events.
#[derive(Deserialize, ToSchema)]
#[schema(as = NewWebhookEndpoint)]
#[serde(deny_unknown_fields)]
struct NewEndpointBody {
    /// `https://` and an address of the internet. It is called with POST.
    #[schema(value_type = schema::WebhookUrl)]
    url: String,
    /// Types of events; all of them unless said otherwise.
    #[schema(value_type = Option<Vec<schema::WebhookEventType>>, min_items = 1, max_items = 50)]
    events: Option<Vec<String>>,
    #[schema(value_type = Option<Description>)]
    description: Option<String>,
}

fn wanted(names: Option<Vec<String>>) -> Result<Option<WantedEvents>, Problem> {
    let wrong = "types of a merchant's events, as in payment.succeeded, or *";
    names
        .map(|names| {
            WantedEvents::from_names(&names).ok_or_else(|| Problem::field("/events", wrong))
        })
        .transpose()
}

fn check_description(description: Option<&String>) -> Result<(), Problem> {
    description.map_or(Ok(()), |text| input::text("/description", text, DESCRIPTION_LENGTH_MAX))
}

fn no_endpoint(why: NoEndpoint) -> Problem {
    match why {
        NoEndpoint::Refused(refused) => {
            let detail = format!("Nothing is sent to this URL: {refused}.");
            let status = StatusCode::UNPROCESSABLE_ENTITY;
            Problem::new(status, "webhook_url_refused", Certainty::Final, detail)
        }
        NoEndpoint::TooMany => {
            let detail = format!("A merchant has at most {WEBHOOK_ENDPOINTS_MAX} endpoints.");
            let status = StatusCode::CONFLICT;
            Problem::new(status, "too_many_webhook_endpoints", Certainty::Final, detail)
        }
        NoEndpoint::Unknown => unknown(),
    }
}

/// Say where to be told of events
///
/// Of those that happen from now on. The answer shows the secret by which the endpoint knows who
/// tells it, this once.
#[utoipa::path(
    post,
    path = "/v1/webhook_endpoints",
    operation_id = "create_webhook_endpoint",
    tag = "Webhooks",
    security(("api_key" = ["manage"])),
    request_body = NewEndpointBody,
    responses((status = CREATED, description = "The endpoint.", body = EndpointBody)),
    extensions(("x-errors" = json!([
        "409 too_many_webhook_endpoints",
        "422 webhook_url_refused",
    ]))),
)]
async fn create(
    auth: MerchantAuth,
    State(app): State<Arc<App>>,
    body: Bytes,
) -> Result<(StatusCode, Json<EndpointBody>), Problem> {
    auth.allow(ApiKeyScope::Manage)?;
    let NewEndpointBody { url, events, description } = input::json(&body)?;
    let events = wanted(events)?.unwrap_or(WantedEvents::All);
    check_description(description.as_ref())?;
    let request = WebhookRequest { url, events, description };
    let made = app.create_webhook_endpoint(&auth.0, request).await?.map_err(no_endpoint)?;
    Ok((StatusCode::CREATED, Json(EndpointBody::with_secret(&app, made))))
}

/// List webhook endpoints
///
/// Newest first.
#[utoipa::path(
    get,
    path = "/v1/webhook_endpoints",
    operation_id = "list_webhook_endpoints",
    tag = "Webhooks",
    security(("api_key" = ["manage"])),
    params(input::Page, ("after" = Option<schema::WebhookEndpointId>, Query, description = "The `next` of the page before.")),
    responses((status = OK, description = "A page.", body = List<EndpointBody>)),
)]
async fn list(
    auth: MerchantAuth,
    State(app): State<Arc<App>>,
    uri: Uri,
) -> Result<Json<List<EndpointBody>>, Problem> {
    auth.allow(ApiKeyScope::Manage)?;
    let page: input::Page = input::query(&uri)?;
    let size = page.size()?;
    let after = input::cursor(page.after.as_deref(), WebhookEndpointId::parse)?;
    let whose = (auth.0.merchant, auth.0.mode);
    let endpoints = app.store.webhook_endpoints(whose, after, size + 1).await?;
    let id = |endpoint: &WebhookEndpoint| endpoint.id.to_string();
    Ok(Json(List::page(endpoints, size, id, |endpoint| EndpointBody::new(&app, endpoint))))
}

/// A webhook endpoint
#[utoipa::path(
    get,
    path = "/v1/webhook_endpoints/{id}",
    operation_id = "get_webhook_endpoint",
    tag = "Webhooks",
    security(("api_key" = ["manage"])),
    params(("id" = schema::WebhookEndpointId, Path)),
    responses((status = OK, description = "The endpoint.", body = EndpointBody)),
)]
async fn one(
    auth: MerchantAuth,
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
) -> Result<Json<EndpointBody>, Problem> {
    auth.allow(ApiKeyScope::Manage)?;
    let endpoint = own(&app, &auth, &id).await?;
    Ok(Json(EndpointBody::new(&app, endpoint)))
}

/// What becomes of an endpoint; what is not named stays.
#[derive(Deserialize, ToSchema)]
#[schema(as = WebhookEndpointChange)]
#[serde(deny_unknown_fields)]
struct ChangeBody {
    #[schema(value_type = Option<schema::WebhookUrl>)]
    url: Option<String>,
    #[schema(value_type = Option<Vec<schema::WebhookEventType>>, min_items = 1, max_items = 50)]
    events: Option<Vec<String>>,
    #[schema(value_type = Option<Description>)]
    description: Option<String>,
    /// A disabled endpoint is told of nothing. One that is enabled again goes on with what waited
    /// when it was disabled, and with what happens from now on.
    #[schema(value_type = Option<schema::WebhookEndpointState>)]
    state: Option<String>,
}

/// Change a webhook endpoint, disable it, or enable it again
#[utoipa::path(
    patch,
    path = "/v1/webhook_endpoints/{id}",
    operation_id = "change_webhook_endpoint",
    tag = "Webhooks",
    security(("api_key" = ["manage"])),
    params(("id" = schema::WebhookEndpointId, Path)),
    request_body = ChangeBody,
    responses((status = OK, description = "The endpoint.", body = EndpointBody)),
    extensions(("x-errors" = json!(["422 webhook_url_refused"]))),
)]
async fn change(
    auth: MerchantAuth,
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    body: Bytes,
) -> Result<Json<EndpointBody>, Problem> {
    auth.allow(ApiKeyScope::Manage)?;
    let id = endpoint_id(&id)?;
    let ChangeBody { url, events, description, state } = input::json(&body)?;
    let events = wanted(events)?;
    check_description(description.as_ref())?;
    let enabled = match state.as_deref() {
        None => None,
        Some("enabled") => Some(true),
        Some("disabled") => Some(false),
        Some(_) => return Err(Problem::field("/state", "enabled or disabled")),
    };
    let change = EndpointChange { url, events, description, enabled };
    let endpoint = app.change_webhook_endpoint(&auth.0, id, change).await?;
    Ok(Json(EndpointBody::new(&app, endpoint.map_err(no_endpoint)?)))
}

/// Delete a webhook endpoint
///
/// What waited for it is not sent, and its log is gone.
#[utoipa::path(
    delete,
    path = "/v1/webhook_endpoints/{id}",
    operation_id = "delete_webhook_endpoint",
    tag = "Webhooks",
    security(("api_key" = ["manage"])),
    params(("id" = schema::WebhookEndpointId, Path)),
    responses((status = NO_CONTENT, description = "It is gone.")),
)]
async fn delete(
    auth: MerchantAuth,
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    auth.allow(ApiKeyScope::Manage)?;
    let whose = (auth.0.merchant, auth.0.mode);
    if app.store.delete_webhook_endpoint(whose, endpoint_id(&id)?).await? {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(unknown())
    }
}

/// How the old secret ends.
#[derive(Deserialize, ToSchema)]
#[schema(as = WebhookSecretRotation)]
#[serde(deny_unknown_fields)]
struct RotateBody {
    /// For how long it signs beside the new one; 24 unless said otherwise.
    #[schema(minimum = 0, maximum = 720)]
    overlap_hours: Option<u16>,
}

/// Rotate the secret of a webhook endpoint
///
/// Both keys are new: the secret, shown this once, and the public key. For some hours the keys before
/// them sign as well. Rotating again ends those before the last ones.
#[utoipa::path(
    post,
    path = "/v1/webhook_endpoints/{id}/rotate_secret",
    operation_id = "rotate_webhook_secret",
    tag = "Webhooks",
    security(("api_key" = ["manage"])),
    params(("id" = schema::WebhookEndpointId, Path)),
    request_body = RotateBody,
    responses((status = OK, description = "The endpoint.", body = EndpointBody)),
)]
async fn rotate(
    auth: MerchantAuth,
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    body: Bytes,
) -> Result<Json<EndpointBody>, Problem> {
    auth.allow(ApiKeyScope::Manage)?;
    let id = endpoint_id(&id)?;
    let body: RotateBody = input::json(&body)?;
    let overlap_hours = body.overlap_hours.unwrap_or(OVERLAP_HOURS_DEFAULT);
    if overlap_hours > OVERLAP_HOURS_MAX {
        return Err(Problem::field("/overlap_hours", format!("0 to {OVERLAP_HOURS_MAX}")));
    }
    let rotated = app.rotate_webhook_secret(&auth.0, id, overlap_hours).await?;
    Ok(Json(EndpointBody::with_secret(&app, rotated.map_err(no_endpoint)?)))
}
