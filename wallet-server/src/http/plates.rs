//! `/v1/plates`: printed codes that are paid many times.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{StatusCode, Uri};
use axum::response::Response;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use wallet_core::merchant_code::PrintedAmount;
use wallet_core::qr::Medium;

use super::auth::MerchantAuth;
use super::input;
use super::list::List;
use super::openapi::schema::{self, kind};
use super::orders::printed_amount;
use super::pictures::{png, svg};
use super::problem::Problem;
use super::refusal::refused;
use super::time::rfc3339;
use crate::domain::ids::PlateId;
use crate::domain::outcome::Refusal;
use crate::service::{ApiKeyScope, App};
use crate::store::Plate;

const LABEL_LENGTH_MAX: usize = 100;

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(create, list))
        .routes(routes!(one))
        .routes(routes!(close))
        .routes(routes!(as_svg))
        .routes(routes!(as_png))
}

type Label = schema::Text<LABEL_LENGTH_MAX>;

/// A new plate.
#[derive(Deserialize, ToSchema)]
#[schema(as = NewPlate)]
#[serde(deny_unknown_fields)]
struct NewPlateBody {
    /// The goods, or the stall: the payer reads it. A code holds it if it is short and printable
    /// ASCII.
    #[schema(value_type = Label)]
    label: String,
    /// With its currency: what everybody pays. Without both, the payer says how much.
    #[schema(value_type = Option<schema::PositiveAmount>)]
    amount: Option<String>,
    #[schema(value_type = Option<schema::Currency>)]
    currency: Option<String>,
}

/// A printed code that is paid many times.
#[derive(Serialize, ToSchema)]
#[schema(as = Plate)]
struct PlateBody {
    #[schema(value_type = schema::PlateId)]
    id: String,
    #[schema(schema_with = kind::plate)]
    object: &'static str,
    #[schema(value_type = schema::Mode)]
    mode: &'static str,
    #[schema(value_type = schema::PlateState)]
    state: &'static str,
    label: String,
    /// What everybody pays; null: the payer says how much.
    #[schema(value_type = Option<schema::Amount>)]
    amount: Option<String>,
    #[schema(value_type = schema::Currency)]
    currency: &'static str,
    /// What the payer scans: print it as a QR code.
    #[schema(value_type = schema::MerchantCodePayload)]
    payload: String,
    #[schema(value_type = schema::Time)]
    created_at: String,
    #[schema(value_type = Option<schema::Time>)]
    closed_at: Option<String>,
}

impl From<Plate> for PlateBody {
    fn from(plate: Plate) -> Self {
        Self {
            id: plate.id.to_string(),
            object: "plate",
            mode: plate.mode.as_str(),
            state: plate.state(),
            amount: plate.amount.map(|amount| amount.money().amount_text()),
            currency: plate.currency.code(),
            created_at: rfc3339(plate.created_at),
            closed_at: plate.closed_at.map(rfc3339),
            label: plate.label,
            payload: plate.payload,
        }
    }
}

/// Make a plate
///
/// Print `payload` as a QR code, or take the picture from `/qr.svg` or `/qr.png`. Each payment by it
/// has the field `plate`, and its own id as its reference.
#[utoipa::path(
    post,
    path = "/v1/plates",
    operation_id = "create_plate",
    tag = "Plates",
    security(("api_key" = ["charge"])),
    request_body = NewPlateBody,
    responses((status = CREATED, description = "The plate.", body = PlateBody)),
    extensions(("x-errors" = json!(["422 currency_not_accepted"]))),
)]
async fn create(
    auth: MerchantAuth,
    State(app): State<Arc<App>>,
    body: Bytes,
) -> Result<(StatusCode, Json<PlateBody>), Problem> {
    auth.allow(ApiKeyScope::Charge)?;
    let body: NewPlateBody = input::json(&body)?;
    input::text("/label", &body.label, LABEL_LENGTH_MAX)?;
    let amount = amount(&app, body.amount.as_deref(), body.currency.as_deref())?;
    let plate = app.create_plate(&auth.0, body.label, amount).await?;
    let plate = plate.ok_or_else(|| refused(&app, Refusal::MerchantUnavailable))?;
    Ok((StatusCode::CREATED, Json(plate.into())))
}

/// What everybody is to pay, if that is to be said, in the one currency that merchants are paid in.
fn amount(
    app: &App,
    amount: Option<&str>,
    currency: Option<&str>,
) -> Result<Option<PrintedAmount>, Problem> {
    if input::optional_amount(amount, currency)?.is_none() {
        return Ok(None);
    }
    let amount = printed_amount(amount.unwrap_or_default(), currency.unwrap_or_default())?;
    if amount.money().currency() == app.currency {
        Ok(Some(amount))
    } else {
        Err(refused(app, Refusal::MerchantUnavailable))
    }
}

fn unknown_plate() -> Problem {
    Problem::not_found("plate")
}

async fn own(app: &App, auth: &MerchantAuth, id: &str) -> Result<Plate, Problem> {
    let id = PlateId::parse(id).ok_or_else(unknown_plate)?;
    app.plate(&auth.0, id).await?.ok_or_else(unknown_plate)
}

/// A plate
#[utoipa::path(
    get,
    path = "/v1/plates/{id}",
    operation_id = "get_plate",
    tag = "Plates",
    security(("api_key" = ["read"])),
    params(("id" = schema::PlateId, Path)),
    responses((status = OK, description = "The plate.", body = PlateBody)),
)]
async fn one(
    auth: MerchantAuth,
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
) -> Result<Json<PlateBody>, Problem> {
    auth.allow(ApiKeyScope::Read)?;
    Ok(Json(own(&app, &auth, &id).await?.into()))
}

/// List plates
///
/// Newest first.
#[utoipa::path(
    get,
    path = "/v1/plates",
    operation_id = "list_plates",
    tag = "Plates",
    security(("api_key" = ["read"])),
    params(input::Page, ("after" = Option<schema::PlateId>, Query, description = "The `next` of the page before.")),
    responses((status = OK, description = "A page.", body = List<PlateBody>)),
)]
async fn list(
    auth: MerchantAuth,
    State(app): State<Arc<App>>,
    uri: Uri,
) -> Result<Json<List<PlateBody>>, Problem> {
    auth.allow(ApiKeyScope::Read)?;
    let page: input::Page = input::query(&uri)?;
    let size = page.size()?;
    let after = input::cursor(page.after.as_deref(), PlateId::parse)?;
    let plates = app.store.plates((auth.0.merchant, auth.0.mode), after, size + 1).await?;
    Ok(Json(List::page(plates, size, |plate| plate.id.to_string(), PlateBody::from)))
}

/// Close a plate
///
/// Nobody pays it from now on. Closing it again changes nothing.
#[utoipa::path(
    post,
    path = "/v1/plates/{id}/close",
    operation_id = "close_plate",
    tag = "Plates",
    security(("api_key" = ["charge"])),
    params(("id" = schema::PlateId, Path)),
    request_body = Option<input::Nothing>,
    responses((status = OK, description = "The plate, `closed`.", body = PlateBody)),
)]
async fn close(
    auth: MerchantAuth,
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    body: Bytes,
) -> Result<Json<PlateBody>, Problem> {
    auth.allow(ApiKeyScope::Charge)?;
    input::nothing(&body)?;
    let id = PlateId::parse(&id).ok_or_else(unknown_plate)?;
    let plate = app.close_plate(&auth.0, id).await?;
    Ok(Json(plate.ok_or_else(unknown_plate)?.into()))
}

/// The code of a plate, as an SVG picture
///
/// For paper: with more error correction than a screen needs.
#[utoipa::path(
    get,
    path = "/v1/plates/{id}/qr.svg",
    operation_id = "get_plate_svg",
    tag = "Plates",
    security(("api_key" = ["read"])),
    params(("id" = schema::PlateId, Path)),
    responses((status = OK, description = "The picture.", body = schema::Svg, content_type = "image/svg+xml")),
)]
async fn as_svg(
    auth: MerchantAuth,
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    svg(&payload(&app, &auth, &id).await?, Medium::Print)
}

/// The code of a plate, as a PNG picture
///
/// For paper: with more error correction than a screen needs.
#[utoipa::path(
    get,
    path = "/v1/plates/{id}/qr.png",
    operation_id = "get_plate_png",
    tag = "Plates",
    security(("api_key" = ["read"])),
    params(("id" = schema::PlateId, Path)),
    responses((status = OK, description = "The picture.", body = schema::Png, content_type = "image/png")),
)]
async fn as_png(
    auth: MerchantAuth,
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    png(&payload(&app, &auth, &id).await?, Medium::Print)
}

async fn payload(app: &App, auth: &MerchantAuth, id: &str) -> Result<String, Problem> {
    auth.allow(ApiKeyScope::Read)?;
    Ok(own(app, auth, id).await?.payload)
}
