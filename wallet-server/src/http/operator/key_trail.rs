//! What was done to an API key, and what it was used for.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::Uri;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use wallet_core::Timestamp;

use super::api_keys::known;
use crate::http::input;
use crate::http::list::List;
use crate::http::openapi::schema::{self, kind};
use crate::http::problem::Problem;
use crate::http::time::rfc3339;
use crate::service::App;
use crate::store::{ApiKeyEvent, KeyUseCursor, KeyUseRow};

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(events)).routes(routes!(uses))
}

/// What was done to an API key.
#[derive(Serialize, ToSchema)]
#[schema(as = ApiKeyEvent)]
struct EventBody {
    #[schema(schema_with = kind::api_key_event)]
    object: &'static str,
    r#type: String,
    actor: String,
    /// Of a rotation: the key that took over.
    #[schema(value_type = Option<schema::ApiKeyId>)]
    replaced_by: Option<String>,
    #[schema(value_type = schema::Time)]
    created_at: String,
}

impl From<ApiKeyEvent> for EventBody {
    fn from(event: ApiKeyEvent) -> Self {
        Self {
            object: "api_key_event",
            replaced_by: event.replaced_by().map(|id| id.to_string()),
            created_at: rfc3339(Timestamp::from_unix_millis(event.created_at)),
            r#type: event.r#type,
            actor: event.actor,
        }
    }
}

/// What was done to an API key
///
/// Newest first.
#[utoipa::path(
    get,
    path = "/v1/operator/api_keys/{id}/events",
    operation_id = "list_api_key_events",
    tag = "API keys",
    params(("id" = schema::ApiKeyId, Path), input::Page, ("after" = Option<schema::ApiKeyEventCursor>, Query, description = "The `next` of the page before.")),
    responses((status = OK, description = "A page.", body = List<EventBody>)),
)]
async fn events(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    uri: Uri,
) -> Result<Json<List<EventBody>>, Problem> {
    let page: input::Page = input::query(&uri)?;
    let size = page.size()?;
    let after = input::cursor(page.after.as_deref(), |text| {
        let (millis, r#type) = text.split_once('_')?;
        Some((millis.parse().ok()?, r#type.to_owned()))
    })?;
    let id = known(&app, &id).await?.key.id;
    let after = after.as_ref().map(|(millis, r#type)| (*millis, r#type.as_str()));
    let events = app.store.api_key_events(id, after, size + 1).await?;
    let cursor = |event: &ApiKeyEvent| format!("{}_{}", event.created_at, event.r#type);
    Ok(Json(List::page(events, size, cursor, EventBody::from)))
}

/// What an API key was used for in an hour.
#[derive(Serialize, ToSchema)]
#[schema(as = ApiKeyUse)]
struct UseBody {
    #[schema(schema_with = kind::api_key_use)]
    object: &'static str,
    /// When the hour began.
    #[schema(value_type = schema::Time)]
    hour: String,
    /// The method and the path.
    operation: String,
    outcome: String,
    count: u64,
    #[schema(value_type = schema::Time)]
    last_at: String,
}

impl From<KeyUseRow> for UseBody {
    fn from(row: KeyUseRow) -> Self {
        Self {
            object: "api_key_use",
            hour: rfc3339(row.hour()),
            last_at: rfc3339(row.last_at()),
            operation: row.operation,
            outcome: row.outcome,
            count: row.count,
        }
    }
}

/// What an API key was used for
///
/// Newest hour first.
#[utoipa::path(
    get,
    path = "/v1/operator/api_keys/{id}/uses",
    operation_id = "list_api_key_uses",
    tag = "API keys",
    params(("id" = schema::ApiKeyId, Path), input::Page, ("after" = Option<schema::ApiKeyUseCursor>, Query, description = "The `next` of the page before.")),
    responses((status = OK, description = "A page.", body = List<UseBody>)),
)]
async fn uses(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    uri: Uri,
) -> Result<Json<List<UseBody>>, Problem> {
    let page: input::Page = input::query(&uri)?;
    let size = page.size()?;
    let after = input::cursor(page.after.as_deref(), read_cursor)?;
    let id = known(&app, &id).await?.key.id;
    let uses = app.store.key_uses(id, after.as_ref(), size + 1).await?;
    Ok(Json(List::page(uses, size, |row| write_cursor(&row.cursor()), UseBody::from)))
}

/// A cursor as hexadecimal digits, since a route does not travel well in a query string.
fn write_cursor(cursor: &KeyUseCursor) -> String {
    let KeyUseCursor { hour, operation, outcome } = cursor;
    base16ct::lower::encode_string(format!("{hour} {outcome} {operation}").as_bytes())
}

fn read_cursor(text: &str) -> Option<KeyUseCursor> {
    let text = String::from_utf8(base16ct::lower::decode_vec(text).ok()?).ok()?;
    let (hour, rest) = text.split_once(' ')?;
    let (outcome, operation) = rest.split_once(' ')?;
    Some(KeyUseCursor {
        hour: hour.parse().ok()?,
        operation: operation.to_owned(),
        outcome: outcome.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::{KeyUseCursor, read_cursor, write_cursor};

    #[test]
    fn a_cursor_reads_back_and_nothing_else_does() {
        let (operation, outcome) = ("POST /v1/payments".to_owned(), "succeeded".to_owned());
        let cursor = KeyUseCursor { hour: 498_708, operation, outcome };
        assert_eq!(read_cursor(&write_cursor(&cursor)), Some(cursor));
        for text in ["", "0", "zz", "6120622063", "ff"] {
            assert_eq!(read_cursor(text), None, "{text}");
        }
    }
}
