//! The log of an endpoint, and sending an event again.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{StatusCode, Uri};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::own;
use crate::domain::webhooks::AttemptError;
use crate::http::auth::MerchantAuth;
use crate::http::cursor;
use crate::http::input;
use crate::http::list::List;
use crate::http::openapi::schema::{self, kind};
use crate::http::problem::{Certainty, Problem};
use crate::http::time::rfc3339;
use crate::service::{ApiKeyScope, App, NotReplayed};
use crate::store::{ListedDeliveries, WebhookAttempt, WebhookDelivery};

/// The most attempts that an answer shows: more than there are unless somebody replays again and
/// again.
const ATTEMPTS_MAX: usize = 50;

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(one)).routes(routes!(replay))
}

/// An attempt to tell an endpoint of an event.
#[derive(Serialize, ToSchema)]
#[schema(as = WebhookAttempt)]
struct AttemptBody {
    /// How many there had been, this one included.
    number: u32,
    #[schema(value_type = schema::Time)]
    attempted_at: String,
    /// How long it took.
    duration_ms: i64,
    /// The status of the answer, if there was one.
    status: Option<u16>,
    /// Why it failed, if it did.
    #[schema(value_type = Option<schema::WebhookError>)]
    error: Option<&'static str>,
}

impl From<WebhookAttempt> for AttemptBody {
    fn from(attempt: WebhookAttempt) -> Self {
        Self {
            number: attempt.number,
            attempted_at: rfc3339(attempt.attempted_at),
            duration_ms: attempt.duration_millis,
            status: attempt.status,
            error: attempt.error.map(AttemptError::as_str),
        }
    }
}

/// What becomes of an event for an endpoint.
#[derive(Serialize, ToSchema)]
#[schema(as = WebhookDelivery)]
struct DeliveryBody {
    /// The event's id, which is the `webhook-id` of each attempt.
    #[schema(value_type = schema::EventId)]
    event: String,
    #[schema(schema_with = kind::webhook_delivery)]
    object: &'static str,
    #[schema(value_type = schema::WebhookEventType)]
    r#type: String,
    #[schema(value_type = schema::WebhookDeliveryState)]
    state: &'static str,
    /// How often it was sent.
    attempts: u32,
    last_attempt: Option<AttemptBody>,
    #[schema(value_type = Option<schema::Time>)]
    next_attempt_at: Option<String>,
    #[schema(value_type = schema::Time)]
    created_at: String,
    /// Those that failed, the last one first. Only in the answer about one delivery.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    failed_attempts: Option<Vec<AttemptBody>>,
}

impl From<WebhookDelivery> for DeliveryBody {
    fn from(delivery: WebhookDelivery) -> Self {
        Self {
            event: cursor::write(delivery.cursor),
            object: "webhook_delivery",
            r#type: delivery.event_type,
            state: delivery.state.as_str(),
            attempts: delivery.attempts,
            last_attempt: delivery.last.map(AttemptBody::from),
            next_attempt_at: delivery.next_attempt_at.map(rfc3339),
            created_at: rfc3339(delivery.created_at),
            failed_attempts: None,
        }
    }
}

fn unknown() -> Problem {
    Problem::not_found("delivery")
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct Filter {
    /// Those that wait, or that were given up.
    #[param(value_type = Option<schema::WebhookListedState>)]
    state: Option<String>,
    /// How many.
    #[param(minimum = 1, maximum = 100, default = 20)]
    limit: Option<usize>,
    /// The `next` of the page before.
    #[param(value_type = Option<schema::EventId>)]
    after: Option<String>,
}

/// What a webhook endpoint is and was told of
///
/// The newest event first, for 30 days.
#[utoipa::path(
    get,
    path = "/v1/webhook_endpoints/{id}/deliveries",
    operation_id = "list_webhook_deliveries",
    tag = "Webhooks",
    security(("api_key" = ["manage"])),
    params(("id" = schema::WebhookEndpointId, Path), Filter),
    responses((status = OK, description = "A page.", body = List<DeliveryBody>)),
)]
async fn list(
    auth: MerchantAuth,
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    uri: Uri,
) -> Result<Json<List<DeliveryBody>>, Problem> {
    auth.allow(ApiKeyScope::Manage)?;
    let filter: Filter = input::query(&uri)?;
    let size = input::page_size(filter.limit)?;
    let after = input::cursor(filter.after.as_deref(), cursor::read)?.map(Into::into);
    let listed = match filter.state.as_deref() {
        None => ListedDeliveries::All,
        Some("waiting") => ListedDeliveries::Waiting,
        Some("failed") => ListedDeliveries::Failed,
        Some(_) => return Err(Problem::field("/state", "waiting or failed")),
    };
    let endpoint = own(&app, &auth, &id).await?;
    let deliveries = app.store.webhook_deliveries(endpoint.id, listed, after, size + 1).await?;
    let id = |delivery: &WebhookDelivery| cursor::write(delivery.cursor);
    Ok(Json(List::page(deliveries, size, id, DeliveryBody::from)))
}

/// What became of an event for a webhook endpoint
#[utoipa::path(
    get,
    path = "/v1/webhook_endpoints/{id}/deliveries/{event}",
    operation_id = "get_webhook_delivery",
    tag = "Webhooks",
    security(("api_key" = ["manage"])),
    params(("id" = schema::WebhookEndpointId, Path), ("event" = schema::EventId, Path)),
    responses((status = OK, description = "The delivery.", body = DeliveryBody)),
)]
async fn one(
    auth: MerchantAuth,
    State(app): State<Arc<App>>,
    Path((id, event)): Path<(String, String)>,
) -> Result<Json<DeliveryBody>, Problem> {
    auth.allow(ApiKeyScope::Manage)?;
    let endpoint = own(&app, &auth, &id).await?;
    let event = cursor::read(&event).ok_or_else(unknown)?;
    let delivery = app.webhook_delivery(&endpoint, event).await?.ok_or_else(unknown)?;
    let failed = app.store.failed_attempts(endpoint.id, event.into(), ATTEMPTS_MAX).await?;
    let failed_attempts = Some(failed.into_iter().map(AttemptBody::from).collect());
    Ok(Json(DeliveryBody { failed_attempts, ..DeliveryBody::from(delivery) }))
}

/// Send an event to a webhook endpoint again
///
/// Whatever became of it before: at once, and then as if it were new. It has the same id and says the
/// same.
#[utoipa::path(
    post,
    path = "/v1/webhook_endpoints/{id}/deliveries/{event}/replay",
    operation_id = "replay_webhook_delivery",
    tag = "Webhooks",
    security(("api_key" = ["manage"])),
    params(("id" = schema::WebhookEndpointId, Path), ("event" = schema::EventId, Path)),
    request_body = Option<input::Nothing>,
    responses((status = ACCEPTED, description = "It waits to be sent.", body = DeliveryBody)),
    extensions(("x-errors" = json!(["409 webhook_endpoint_disabled"]))),
)]
async fn replay(
    auth: MerchantAuth,
    State(app): State<Arc<App>>,
    Path((id, event)): Path<(String, String)>,
    body: Bytes,
) -> Result<(StatusCode, Json<DeliveryBody>), Problem> {
    auth.allow(ApiKeyScope::Manage)?;
    input::nothing(&body)?;
    let endpoint = own(&app, &auth, &id).await?;
    let event = cursor::read(&event).ok_or_else(unknown)?;
    match app.replay_webhook(&endpoint, event).await? {
        Ok(delivery) => Ok((StatusCode::ACCEPTED, Json(DeliveryBody::from(delivery)))),
        Err(NotReplayed::Unknown) => Err(unknown()),
        Err(NotReplayed::Disabled) => {
            let detail = "The endpoint is disabled, and nothing is sent to it. Enable it first.";
            let status = StatusCode::CONFLICT;
            Err(Problem::new(status, "webhook_endpoint_disabled", Certainty::Retry, detail))
        }
    }
}
