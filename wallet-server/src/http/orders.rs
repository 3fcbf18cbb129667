//! `/v1/orders`: what a merchant asks to be paid, once, by whoever scans its code.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use wallet_core::merchant_code::PrintedAmount;
use wallet_core::qr::Medium;

use super::auth::{MerchantAuth, SettlingMerchant, still_let_in};
use super::input;
use super::list::List;
use super::object::Texts;
use super::openapi::IdempotencyKey;
use super::openapi::schema::{self, kind};
use super::payments::{
    DESCRIPTION_LENGTH_MAX, Description, REFERENCE_LENGTH_MAX, Reference, conflict, metadata,
};
use super::pictures::{png, svg};
use super::problem::Problem;
use super::refusal::refused;
use super::replay::mark;
use super::time::rfc3339;
use crate::domain::command::ReferenceRef;
use crate::domain::ids::OrderId;
use crate::domain::outcome::{Answer, OrderAnswer, OrderState, Outcome, Refusal};
use crate::service::{ApiKeyScope, App, OrderRequest};
use crate::store::ApiKey;

/// As long as somebody takes at a counter or a table, unless the merchant says otherwise.
const LIFE_SECONDS_DEFAULT: i64 = 900;
/// Shorter ones end before a phone has asked its payer.
const LIFE_SECONDS_MIN: i64 = 60;
/// What is to be paid later than tomorrow is an invoice, and its amount changes.
const LIFE_SECONDS_MAX: i64 = 86_400;

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(create, list))
        .routes(routes!(one))
        .routes(routes!(close))
        .routes(routes!(as_svg))
        .routes(routes!(as_png))
}

/// What a merchant asks to be paid.
#[derive(Deserialize, ToSchema)]
#[schema(as = NewOrder)]
#[serde(deny_unknown_fields)]
struct NewOrderBody {
    /// At most 13 characters, which is what a code holds.
    #[schema(value_type = schema::PositiveAmount)]
    amount: String,
    #[schema(value_type = schema::Currency)]
    currency: String,
    /// The merchant's name for this order and its payment, unique for ever in its mode.
    #[schema(value_type = Reference)]
    reference: String,
    /// For the payer to read.
    #[schema(value_type = Option<Description>)]
    description: Option<String>,
    #[schema(value_type = Option<schema::Metadata>)]
    metadata: Option<Texts>,
    /// For how many seconds it can be paid.
    #[schema(minimum = 60, maximum = 86_400, default = 900)]
    expires_in: Option<i64>,
}

/// What a merchant asks to be paid, and whether it was.
#[derive(Serialize, ToSchema)]
#[schema(as = Order)]
pub(super) struct OrderBody {
    #[schema(value_type = schema::OrderId)]
    id: String,
    #[schema(schema_with = kind::order)]
    object: &'static str,
    #[schema(value_type = schema::Mode)]
    mode: &'static str,
    #[schema(value_type = schema::OrderState)]
    state: &'static str,
    #[schema(value_type = schema::Amount)]
    amount: String,
    #[schema(value_type = schema::Currency)]
    currency: &'static str,
    /// The merchant's name for it, and for its payment.
    reference: String,
    description: Option<String>,
    /// The merchant's own.
    #[schema(value_type = Option<schema::Metadata>)]
    metadata: Option<Box<RawValue>>,
    /// What the payer scans: show it as a QR code.
    #[schema(value_type = schema::MerchantCodePayload)]
    payload: String,
    /// The payment that paid it.
    #[schema(value_type = Option<schema::PaymentId>)]
    payment: Option<String>,
    #[schema(value_type = schema::Time)]
    created_at: String,
    /// Until when it can be paid.
    #[schema(value_type = schema::Time)]
    expires_at: String,
}

impl From<OrderAnswer> for OrderBody {
    fn from(order: OrderAnswer) -> Self {
        let amount = order.amount.money();
        Self {
            id: order.id.to_string(),
            object: "order",
            mode: order.mode.as_str(),
            state: order.state.as_str(),
            amount: amount.amount_text(),
            currency: amount.currency().code(),
            reference: order.reference,
            description: order.description,
            // It was valid JSON when it was written.
            metadata: order.metadata.and_then(|json| RawValue::from_string(json).ok()),
            payload: order.payload,
            payment: order.state.payment().map(|id| id.to_string()),
            created_at: rfc3339(order.created_at),
            expires_at: rfc3339(order.expires_at),
        }
    }
}

/// Ask to be paid
///
/// Show `payload` as a QR code, or take the picture from `/qr.svg` or `/qr.png`, and wait with
/// `GET /v1/orders/{id}?wait=25` until the order is `paid`. The reference is taken for ever: another
/// order, or a charge, under it is `reference_conflict`.
#[utoipa::path(
    post,
    path = "/v1/orders",
    operation_id = "create_order",
    tag = "Orders",
    security(("api_key" = ["charge"])),
    params(IdempotencyKey),
    request_body = NewOrderBody,
    responses((status = CREATED, description = "The order, `open`.", body = OrderBody)),
    extensions(("x-errors" = json!([
        "409 reference_conflict",
        "409 reference_canceled",
        "422 currency_not_accepted",
    ]))),
)]
async fn create(
    SettlingMerchant(auth): SettlingMerchant,
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Problem> {
    auth.allow(ApiKeyScope::Charge)?;
    let key = input::idempotency_key(&headers)?;
    let request = read(key, input::json(&body)?)?;
    let reference = ReferenceRef {
        merchant: auth.0.merchant,
        mode: auth.0.mode,
        reference: request.reference.clone(),
    };
    match app.make_order(&auth.0, request).await? {
        Outcome::Refused(Refusal::ReferenceConflict) => Err(conflict(&app, &reference).await?),
        outcome => answer(&app, outcome, StatusCode::CREATED),
    }
}

/// Parses the body into what the service takes.
fn read(key: String, body: NewOrderBody) -> Result<OrderRequest, Problem> {
    let amount = printed_amount(&body.amount, &body.currency)?;
    input::text("/reference", &body.reference, REFERENCE_LENGTH_MAX)?;
    if let Some(description) = &body.description {
        input::text("/description", description, DESCRIPTION_LENGTH_MAX)?;
    }
    let life_seconds = body.expires_in.unwrap_or(LIFE_SECONDS_DEFAULT);
    if !(LIFE_SECONDS_MIN..=LIFE_SECONDS_MAX).contains(&life_seconds) {
        let detail = format!("{LIFE_SECONDS_MIN} to {LIFE_SECONDS_MAX} seconds");
        return Err(Problem::field("/expires_in", detail));
    }
    Ok(OrderRequest {
        key,
        amount,
        reference: body.reference,
        description: body.description,
        metadata: body.metadata.map(|Texts(map)| metadata(&map)).transpose()?,
        life_seconds,
    })
}

/// An amount that a code can hold.
pub(super) fn printed_amount(amount: &str, currency: &str) -> Result<PrintedAmount, Problem> {
    let amount = input::amount(amount, currency)?;
    PrintedAmount::new(amount).map_err(|error| Problem::field("/amount", error.to_string()))
}

/// What the merchant hears.
fn answer(app: &App, outcome: Outcome, done: StatusCode) -> Result<Response, Problem> {
    let (answer, replayed) = match outcome {
        Outcome::Answered { answer, replayed } => (answer, replayed),
        Outcome::Refused(refusal) => return Err(refused(app, refusal)),
    };
    let Answer::Order(order) = answer else {
        // Whatever else a key stands for was another request.
        return Err(refused(app, Refusal::KeyReused));
    };
    let response = (done, Json(OrderBody::from(*order))).into_response();
    Ok(mark(response, replayed))
}

fn unknown_order() -> Problem {
    Problem::not_found("order")
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct Wait {
    /// For so many seconds, keep the request open while the order is open.
    #[param(minimum = 0, maximum = 25)]
    wait: Option<u64>,
}

/// An order
///
/// Now, or, with `wait`, as soon as it is not open any more.
#[utoipa::path(
    get,
    path = "/v1/orders/{id}",
    operation_id = "get_order",
    tag = "Orders",
    security(("api_key" = ["read"])),
    params(("id" = schema::OrderId, Path), Wait),
    responses((status = OK, description = "The order.", body = OrderBody)),
)]
async fn one(
    auth: MerchantAuth,
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    uri: Uri,
) -> Result<Json<OrderBody>, Problem> {
    auth.allow(ApiKeyScope::Read)?;
    let wait = input::wait(input::query::<Wait>(&uri)?.wait)?;
    let id = OrderId::parse(&id).ok_or_else(unknown_order)?;
    let order = app.order_when_ended(&auth.0, id, wait).await?;
    if !wait.is_zero() {
        still_let_in(&app, &auth).await?;
    }
    Ok(Json(order.ok_or_else(unknown_order)?.into()))
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct Filter {
    /// The one order that this reference stands for.
    #[param(value_type = Option<Reference>)]
    reference: Option<String>,
    /// Those in this state.
    #[param(value_type = Option<schema::OrderState>)]
    state: Option<String>,
    /// How many.
    #[param(minimum = 1, maximum = 100, default = 20)]
    limit: Option<usize>,
    /// The `next` of the page before.
    #[param(value_type = Option<schema::OrderId>)]
    after: Option<String>,
}

/// List orders
///
/// Newest first. With `reference`, one or none.
#[utoipa::path(
    get,
    path = "/v1/orders",
    operation_id = "list_orders",
    tag = "Orders",
    security(("api_key" = ["read"])),
    params(Filter),
    responses((status = OK, description = "A page.", body = List<OrderBody>)),
)]
async fn list(
    auth: MerchantAuth,
    State(app): State<Arc<App>>,
    uri: Uri,
) -> Result<Json<List<OrderBody>>, Problem> {
    auth.allow(ApiKeyScope::Read)?;
    let filter: Filter = input::query(&uri)?;
    if let Some(reference) = &filter.reference {
        input::text("/reference", reference, REFERENCE_LENGTH_MAX)?;
    }
    let size = input::page_size(filter.limit)?;
    let (merchant, mode) = (auth.0.merchant, auth.0.mode);
    let after = input::cursor(filter.after.as_deref(), OrderId::parse)?;
    let state = filter.state.as_deref();
    if state.is_some_and(|state| !OrderState::NAMES.contains(&state)) {
        return Err(Problem::field("/state", "no such state"));
    }
    let orders = if let Some(reference) = filter.reference {
        let reference = ReferenceRef { merchant, mode, reference };
        let found = app.store.order_by_reference(&reference).await?;
        let wanted = |order: &OrderAnswer| state.is_none_or(|state| order.state.as_str() == state);
        found.into_iter().filter(wanted).collect()
    } else {
        app.store.orders((merchant, mode), state, after, size + 1).await?
    };
    Ok(Json(List::page(orders, size, |order| order.id.to_string(), OrderBody::from)))
}

/// Close an order
///
/// Nobody pays it from now on. One that is closed or too late is so already; one that was paid is
/// `order_paid`: refund its payment, or call it off.
#[utoipa::path(
    post,
    path = "/v1/orders/{id}/close",
    operation_id = "close_order",
    tag = "Orders",
    security(("api_key" = ["charge"])),
    params(("id" = schema::OrderId, Path), IdempotencyKey),
    request_body = Option<input::Nothing>,
    responses((status = OK, description = "The order, `canceled` or `expired`.", body = OrderBody)),
    extensions(("x-errors" = json!(["409 order_paid"]))),
)]
async fn close(
    SettlingMerchant(auth): SettlingMerchant,
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Problem> {
    auth.allow(ApiKeyScope::Charge)?;
    let key = input::idempotency_key(&headers)?;
    input::nothing(&body)?;
    let id = OrderId::parse(&id).ok_or_else(unknown_order)?;
    let outcome = app.close_order(&auth.0, id, key).await?;
    answer(&app, outcome, StatusCode::OK)
}

/// The code of an order, as an SVG picture
///
/// For a screen.
#[utoipa::path(
    get,
    path = "/v1/orders/{id}/qr.svg",
    operation_id = "get_order_svg",
    tag = "Orders",
    security(("api_key" = ["read"])),
    params(("id" = schema::OrderId, Path)),
    responses((status = OK, description = "The picture.", body = schema::Svg, content_type = "image/svg+xml")),
)]
async fn as_svg(
    auth: MerchantAuth,
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    svg(&payload(&app, &auth, &id).await?, Medium::Screen)
}

/// The code of an order, as a PNG picture
///
/// For a screen.
#[utoipa::path(
    get,
    path = "/v1/orders/{id}/qr.png",
    operation_id = "get_order_png",
    tag = "Orders",
    security(("api_key" = ["read"])),
    params(("id" = schema::OrderId, Path)),
    responses((status = OK, description = "The picture.", body = schema::Png, content_type = "image/png")),
)]
async fn as_png(
    auth: MerchantAuth,
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    png(&payload(&app, &auth, &id).await?, Medium::Screen)
}

async fn payload(app: &App, auth: &MerchantAuth, id: &str) -> Result<String, Problem> {
    auth.allow(ApiKeyScope::Read)?;
    let id = OrderId::parse(id).ok_or_else(unknown_order)?;
    let order = own(app.store.order(id).await?, &auth.0);
    Ok(order.ok_or_else(unknown_order)?.payload)
}

fn own(order: Option<OrderAnswer>, api_key: &ApiKey) -> Option<OrderAnswer> {
    order.filter(|order| (order.merchant, order.mode) == (api_key.merchant, api_key.mode))
}
