//! `/v1/events`: what happened to a merchant, in the order of the journal, for ever.

use std::sync::{Arc, Mutex, PoisonError};

use axum::Json;
use axum::extract::{Path, State};
use axum::http::Uri;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::auth::{MerchantAuth, still_let_in};
use super::cursor;
use super::event_body::MerchantEventBody;
use super::input;
use super::openapi::schema;
use super::problem::{Certainty, Problem};
use crate::service::{ApiKeyScope, App};
use crate::store::{MerchantEventPage, StoreError};

/// What `after` says for: from now on.
const LATEST: &str = "latest";

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(one))
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct Filter {
    /// Those of this type, such as `refund.succeeded`.
    #[param(value_type = Option<schema::EventType>)]
    r#type: Option<String>,
    /// How many.
    #[param(minimum = 1, maximum = 100, default = 20)]
    limit: Option<usize>,
    /// The id of an event, the `next` of the answer before, or `latest` for those from now on. All
    /// there are, from the first, when nothing is said.
    #[param(pattern = "^(latest|evt_[0-9]+_[0-9]+_[0-9]+)$")]
    after: Option<String>,
    /// For so many seconds, keep the request open until something happens.
    #[param(minimum = 0, maximum = 25)]
    wait: Option<u64>,
}

/// What happened.
#[derive(Serialize, ToSchema)]
#[schema(as = MerchantEvents)]
struct EventsBody {
    data: Vec<MerchantEventBody>,
    /// Whether there is more by now. With `type` there may be more although there is little here, or
    /// nothing: one request looks at a thousand events.
    has_more: bool,
    /// Always there: go on from here.
    #[schema(value_type = schema::EventId)]
    next: String,
}

/// What happened to the merchant
///
/// Oldest first, as they stand in the journal: payments, whether they succeeded or not, and what
/// became of them, refunds, and whatever else concerns the merchant. `wait` keeps the request open
/// until something happens. An event comes some milliseconds after the answer that it belongs to.
#[utoipa::path(
    get,
    path = "/v1/events",
    operation_id = "list_merchant_events",
    tag = "Events",
    security(("api_key" = ["read"])),
    params(Filter),
    responses((status = OK, description = "Some of them.", body = EventsBody)),
)]
async fn list(
    auth: MerchantAuth,
    State(app): State<Arc<App>>,
    uri: Uri,
) -> Result<Json<EventsBody>, Problem> {
    auth.allow(ApiKeyScope::Read)?;
    let filter: Filter = input::query(&uri)?;
    let size = input::page_size(filter.limit)?;
    let wait = input::wait(filter.wait)?;
    input::event_type(filter.r#type.as_deref())?;
    let after = match filter.after.as_deref() {
        Some(LATEST) => app.store.feed_end().await?,
        after => input::cursor(after, cursor::read)?.unwrap_or_default(),
    };
    let (merchant, event_type) = (auth.0.merchant, filter.r#type.as_deref());
    // Whoever waits long does not have the same events looked at again.
    let place = Mutex::new(after);
    let look = || async {
        let from = *place.lock().unwrap_or_else(PoisonError::into_inner);
        let page = app.store.events_of_merchant(merchant, from, event_type, size).await?;
        *place.lock().unwrap_or_else(PoisonError::into_inner) = page.next;
        Ok::<_, StoreError>(page)
    };
    let found = |page: &MerchantEventPage| !page.events.is_empty() || page.more;
    let page = app.wait_until(merchant, wait, look, found).await?;
    if !wait.is_zero() {
        still_let_in(&app, &auth).await?;
    }
    let MerchantEventPage { events, next, more: has_more } = page;
    let body = |event| MerchantEventBody::new(app.keys.as_ref(), event);
    Ok(Json(EventsBody {
        data: events.into_iter().map(body).collect(),
        has_more,
        next: cursor::write(next),
    }))
}

/// An event
///
/// As it was: what it is about may have gone on since.
#[utoipa::path(
    get,
    path = "/v1/events/{id}",
    operation_id = "get_merchant_event",
    tag = "Events",
    security(("api_key" = ["read"])),
    params(("id" = schema::EventId, Path)),
    responses((status = OK, description = "The event.", body = MerchantEventBody)),
)]
async fn one(
    auth: MerchantAuth,
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
) -> Result<Json<MerchantEventBody>, Problem> {
    auth.allow(ApiKeyScope::Read)?;
    let at = cursor::read(&id).ok_or_else(unknown_event)?;
    let event = app.store.event_of_merchant(auth.0.merchant, at).await?;
    let event = event.ok_or_else(unknown_event)?;
    Ok(Json(MerchantEventBody::new(app.keys.as_ref(), event)))
}

/// Not `final`: it may be on its way from the journal.
fn unknown_event() -> Problem {
    Problem { certainty: Certainty::Retry, ..Problem::not_found("event") }
}
