//! Taking on merchants.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{StatusCode, Uri};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use wallet_core::merchant_code::{City, Country, MerchantCategory};

use super::api_keys::ApiKeyBody;
use crate::domain::fee::FeeRule;
use crate::domain::ids::MerchantId;
use crate::http::fee_body::FeeBody;
use crate::http::input;
use crate::http::list::List;
use crate::http::object::Object;
use crate::http::openapi::schema::{self, kind};
use crate::http::problem::Problem;
use crate::http::test_mode::keep_out_live;
use crate::http::time::rfc3339;
use crate::service::{App, NewMerchant};
use crate::store::{Merchant, MerchantPlace};

const NAME_LENGTH_MAX: usize = 100;

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(create, list))
        .routes(routes!(set_fee))
        .routes(routes!(close))
}

type Name = schema::Text<NAME_LENGTH_MAX>;

/// A new merchant.
#[derive(Deserialize, ToSchema)]
#[schema(as = NewMerchant)]
#[serde(deny_unknown_fields)]
struct NewMerchantBody {
    #[schema(value_type = Name)]
    name: String,
    /// `live` unless said otherwise.
    #[schema(value_type = Option<schema::Mode>)]
    mode: Option<String>,
    #[schema(value_type = Option<FeeBody>)]
    fee: Option<Object<FeeBody>>,
    /// What it sells. This and the next two are for the codes that it shows; without them, the
    /// issuer's settings hold.
    #[schema(value_type = Option<schema::MerchantCategory>)]
    category: Option<String>,
    #[schema(value_type = Option<schema::Country>)]
    country: Option<String>,
    /// As it stands in Latin letters.
    #[schema(value_type = Option<schema::City>)]
    city: Option<String>,
}

/// A merchant.
#[derive(Serialize, ToSchema)]
#[schema(as = Merchant)]
struct MerchantBody {
    #[schema(value_type = schema::MerchantId)]
    id: String,
    #[schema(schema_with = kind::merchant)]
    object: &'static str,
    name: String,
    #[schema(value_type = schema::Mode)]
    mode: &'static str,
    #[schema(value_type = schema::MerchantState)]
    state: &'static str,
    #[schema(value_type = schema::Currency)]
    currency: &'static str,
    fee: FeeBody,
    /// Of its codes; null: what the issuer's settings say.
    #[schema(value_type = Option<schema::MerchantCategory>)]
    category: Option<String>,
    #[schema(value_type = Option<schema::Country>)]
    country: Option<String>,
    #[schema(value_type = Option<schema::City>)]
    city: Option<String>,
    #[schema(value_type = schema::Time)]
    created_at: String,
    /// Only in the answer that makes the merchant.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    api_key: Option<ApiKeyBody>,
}

impl MerchantBody {
    fn new(merchant: Merchant) -> Self {
        Self {
            id: merchant.id.to_string(),
            object: "merchant",
            state: merchant.state(),
            name: merchant.name,
            mode: merchant.mode.as_str(),
            currency: merchant.currency.code(),
            fee: FeeBody::new(merchant.fee, merchant.currency),
            category: merchant.place.category.map(|it| it.to_string()),
            country: merchant.place.country.map(|it| it.to_string()),
            city: merchant.place.city.map(|it| it.to_string()),
            created_at: rfc3339(merchant.created_at),
            api_key: None,
        }
    }
}

/// Take on a merchant
///
/// The API key's secret is shown this once.
#[utoipa::path(
    post,
    path = "/v1/operator/merchants",
    operation_id = "create_merchant",
    tag = "Merchants",
    request_body = NewMerchantBody,
    responses((status = CREATED, description = "The merchant, and the first API key.", body = MerchantBody)),
    extensions(("x-errors" = json!(["409 test_clock_on"]))),
)]
async fn create(
    State(app): State<Arc<App>>,
    body: Bytes,
) -> Result<(StatusCode, Json<MerchantBody>), Problem> {
    let body: NewMerchantBody = input::json(&body)?;
    input::text("/name", &body.name, NAME_LENGTH_MAX)?;
    let mode = input::mode(body.mode.as_deref())?;
    keep_out_live(&app, mode)?;
    let fee = body.fee.map_or(Ok(FeeRule::FREE), |Object(fee)| fee.rule("/fee", app.currency))?;
    let place = MerchantPlace {
        category: read("/category", body.category, MerchantCategory::parse)?,
        country: read("/country", body.country, Country::parse)?,
        city: read("/city", body.city, City::parse)?,
    };
    let new = NewMerchant { name: body.name, mode, fee, place };
    let (merchant, key) = app.create_merchant(new).await?;
    let body = MerchantBody {
        api_key: Some(ApiKeyBody::made(key, app.now())),
        ..MerchantBody::new(merchant)
    };
    Ok((StatusCode::CREATED, Json(body)))
}

/// A part of what the merchant's codes are to say, if there is one.
fn read<T>(
    pointer: &str,
    text: Option<String>,
    parse: impl Fn(&str) -> Result<T, wallet_core::Error>,
) -> Result<Option<T>, Problem> {
    let parse =
        |text: String| parse(&text).map_err(|error| Problem::field(pointer, error.to_string()));
    text.map(parse).transpose()
}

/// Change what a merchant pays
///
/// For payments that are captured from now on. What was captured before keeps its fee, also when it
/// is refunded or called off.
#[utoipa::path(
    post,
    path = "/v1/operator/merchants/{id}/fee",
    operation_id = "set_merchant_fee",
    tag = "Merchants",
    params(("id" = schema::MerchantId, Path)),
    request_body = FeeBody,
    responses((status = OK, description = "The merchant.", body = MerchantBody)),
)]
async fn set_fee(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    body: Bytes,
) -> Result<Json<MerchantBody>, Problem> {
    let unknown = || Problem::not_found("merchant");
    let Object(body): Object<FeeBody> = input::json(&body)?;
    let id = MerchantId::parse(&id).ok_or_else(unknown)?;
    let merchant = app.store.merchant(id).await?.ok_or_else(unknown)?;
    let fee = body.rule("", merchant.currency)?;
    app.store.set_merchant_fee(id, fee).await?;
    tracing::info!(merchant = %id, basis_points = fee.basis_points(), fixed = fee.fixed_minor(),
        "a merchant's fee was changed");
    Ok(Json(MerchantBody::new(Merchant { fee, ..merchant })))
}

/// Close a merchant
///
/// It takes no payments from now on, and its codes are paid by nobody. What it took before can still
/// be captured, called off and refunded, its books can be read, and what it is owed be paid out. A
/// merchant who is closed stays so.
#[utoipa::path(
    post,
    path = "/v1/operator/merchants/{id}/close",
    operation_id = "close_merchant",
    tag = "Merchants",
    params(("id" = schema::MerchantId, Path)),
    request_body = Option<input::Nothing>,
    responses((status = OK, description = "The merchant.", body = MerchantBody)),
)]
async fn close(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    body: Bytes,
) -> Result<Json<MerchantBody>, Problem> {
    input::nothing(&body)?;
    let unknown = || Problem::not_found("merchant");
    let id = MerchantId::parse(&id).ok_or_else(unknown)?;
    let merchant = app.store.merchant(id).await?.ok_or_else(unknown)?;
    app.store.close_merchant(id).await?;
    tracing::info!(merchant = %id, "a merchant was closed");
    Ok(Json(MerchantBody::new(Merchant { closed: true, ..merchant })))
}

/// List merchants
///
/// Newest first.
#[utoipa::path(
    get,
    path = "/v1/operator/merchants",
    operation_id = "list_merchants",
    tag = "Merchants",
    params(input::Page, ("after" = Option<schema::MerchantId>, Query, description = "The `next` of the page before.")),
    responses((status = OK, description = "A page.", body = List<MerchantBody>)),
)]
async fn list(State(app): State<Arc<App>>, uri: Uri) -> Result<Json<List<MerchantBody>>, Problem> {
    let page: input::Page = input::query(&uri)?;
    let size = page.size()?;
    let after = input::cursor(page.after.as_deref(), MerchantId::parse)?;
    let merchants = app.store.merchants(after, size + 1).await?;
    Ok(Json(List::page(merchants, size, |merchant| merchant.id.to_string(), MerchantBody::new)))
}
