//! `/v1/terminals`: tills, so that a payer can bind a code to the one in front of them.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{StatusCode, Uri};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use wallet_core::qr::{Medium, Qr};
use wallet_core::{TerminalId, Timestamp};

use super::auth::MerchantAuth;
use super::input;
use super::list::List;
use super::openapi::schema::{self, kind};
use super::problem::Problem;
use super::time::rfc3339;
use crate::service::{ApiKeyScope, App};
use crate::store::Terminal;

const NAME_LENGTH_MAX: usize = 100;

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(create, list))
}

type Name = schema::Text<NAME_LENGTH_MAX>;

/// A new till.
#[derive(Deserialize, ToSchema)]
#[schema(as = NewTerminal)]
#[serde(deny_unknown_fields)]
struct NewTerminalBody {
    #[schema(value_type = Name)]
    name: String,
}

/// A till.
#[derive(Serialize, ToSchema)]
#[schema(as = Terminal)]
struct TerminalBody {
    #[schema(value_type = schema::TerminalId)]
    id: String,
    #[schema(schema_with = kind::terminal)]
    object: &'static str,
    #[schema(value_type = schema::Mode)]
    mode: &'static str,
    name: String,
    /// What the phone scans: print it on the till.
    #[schema(pattern = "^wallet:terminal:[0-9a-f]{32}$")]
    qr_text: String,
    #[schema(value_type = schema::Svg)]
    qr_svg: String,
    #[schema(value_type = schema::Time)]
    created_at: String,
}

impl TerminalBody {
    fn new(terminal: Terminal) -> Self {
        let qr_text = format!("wallet:terminal:{}", terminal.id);
        Self {
            id: terminal.id.to_string(),
            object: "terminal",
            mode: terminal.mode.as_str(),
            name: terminal.name,
            qr_svg: Qr::new(&qr_text, Medium::Print).map(|qr| qr.to_svg()).unwrap_or_default(),
            qr_text,
            created_at: rfc3339(terminal.created_at),
        }
    }
}

/// Register a till
///
/// Print `qr_svg` and put it on the till: a payer who scans it shows a code that works there and
/// nowhere else.
#[utoipa::path(
    post,
    path = "/v1/terminals",
    operation_id = "create_terminal",
    tag = "Terminals",
    security(("api_key" = ["charge"])),
    request_body = NewTerminalBody,
    responses((status = CREATED, description = "The till.", body = TerminalBody)),
)]
async fn create(
    auth: MerchantAuth,
    State(app): State<Arc<App>>,
    body: Bytes,
) -> Result<(StatusCode, Json<TerminalBody>), Problem> {
    auth.allow(ApiKeyScope::Charge)?;
    let body: NewTerminalBody = input::json(&body)?;
    input::text("/name", &body.name, NAME_LENGTH_MAX)?;
    let terminal = app.create_terminal(&auth.0, body.name).await?;
    Ok((StatusCode::CREATED, Json(TerminalBody::new(terminal))))
}

/// A time and an id.
fn read_cursor(text: &str) -> Option<(Timestamp, TerminalId)> {
    let (millis, id) = text.split_once('_')?;
    Some((Timestamp::from_unix_millis(millis.parse().ok()?), TerminalId::from_hex(id).ok()?))
}

/// List tills
///
/// Newest first.
#[utoipa::path(
    get,
    path = "/v1/terminals",
    operation_id = "list_terminals",
    tag = "Terminals",
    security(("api_key" = ["read"])),
    params(input::Page, ("after" = Option<schema::TerminalCursor>, Query, description = "The `next` of the page before.")),
    responses((status = OK, description = "A page.", body = List<TerminalBody>)),
)]
async fn list(
    auth: MerchantAuth,
    State(app): State<Arc<App>>,
    uri: Uri,
) -> Result<Json<List<TerminalBody>>, Problem> {
    auth.allow(ApiKeyScope::Read)?;
    let page: input::Page = input::query(&uri)?;
    let size = page.size()?;
    let after = input::cursor(page.after.as_deref(), read_cursor)?;
    let terminals = app.store.terminals(auth.0.merchant, auth.0.mode, after, size + 1).await?;
    Ok(Json(List::page(
        terminals,
        size,
        |terminal| format!("{}_{}", terminal.created_at.unix_millis(), terminal.id),
        TerminalBody::new,
    )))
}
