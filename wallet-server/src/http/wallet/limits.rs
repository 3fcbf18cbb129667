//! `/v1/wallet/limits`: what a payer may spend, and chooses to be able to spend.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use wallet_core::{Currency, Money};

use super::proof;
use crate::domain::limits::{Limits, OwnLimits};
use crate::http::auth::SignedRequest;
use crate::http::input;
use crate::http::openapi::schema::{self, kind};
use crate::http::problem::{Certainty, FieldError, Problem};
use crate::service::App;
use crate::store::Device;

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(show, set))
}

/// The limits that hold for a payer, the issuer's, and what is left.
#[derive(Serialize, ToSchema)]
#[schema(as = Limits)]
pub(super) struct LimitsBody {
    #[schema(schema_with = kind::limits)]
    object: &'static str,
    #[schema(value_type = schema::Currency)]
    currency: &'static str,
    own: SetBody,
    issuer: SetBody,
    left: LeftBody,
}

/// A set of limits.
#[derive(Serialize, ToSchema)]
#[schema(as = LimitSet)]
struct SetBody {
    #[schema(value_type = schema::Amount)]
    payment: String,
    #[schema(value_type = schema::Amount)]
    day: String,
    #[schema(value_type = schema::Amount)]
    month: String,
    /// A larger payment needs the PIN.
    #[schema(value_type = schema::Amount)]
    without_pin: String,
    /// So many payments of a day need no PIN.
    without_pin_count: i64,
}

impl From<Limits> for SetBody {
    fn from(limits: Limits) -> Self {
        Self {
            payment: limits.payment.amount_text(),
            day: limits.day.amount_text(),
            month: limits.month.amount_text(),
            without_pin: limits.without_pin.amount_text(),
            without_pin_count: limits.without_pin_count,
        }
    }
}

/// What is left of the limits that are counted.
#[derive(Serialize, ToSchema)]
#[schema(as = LimitsLeft)]
struct LeftBody {
    #[schema(value_type = schema::Amount)]
    day: String,
    #[schema(value_type = schema::Amount)]
    month: String,
    without_pin_count: i64,
}

impl LimitsBody {
    /// Of the payer of a device.
    pub(super) async fn of(app: &App, device: &Device) -> Result<Self, Problem> {
        let (own, usage) = app.limits(device.payer).await?;
        let left = |limit: Money, spent: i64| {
            let left = limit.minor().saturating_sub(spent).max(0);
            Money::from_minor(left, limit.currency()).amount_text()
        };
        Ok(Self {
            object: "limits",
            currency: own.payment.currency().code(),
            left: LeftBody {
                day: left(own.day, usage.day_spent()),
                month: left(own.month, usage.month),
                without_pin_count: (own.without_pin_count - usage.day_without_pin).max(0),
            },
            own: own.into(),
            issuer: app.rules.limits.issuer.into(),
        })
    }
}

/// What the payer may spend
#[utoipa::path(
    get,
    path = "/v1/wallet/limits",
    operation_id = "get_limits",
    tag = "Account",
    responses((status = OK, description = "The limits.", body = LimitsBody)),
)]
async fn show(
    State(app): State<Arc<App>>,
    request: SignedRequest,
) -> Result<Json<LimitsBody>, Problem> {
    let device = request.device(&app).await?;
    LimitsBody::of(&app, &device).await.map(Json)
}

/// The limits that a payer chooses; those that are left out stay.
#[derive(Deserialize, ToSchema)]
#[schema(as = NewLimits)]
#[serde(deny_unknown_fields)]
struct NewLimitsBody {
    #[schema(value_type = schema::SixDigits)]
    pin: String,
    #[schema(value_type = Option<schema::Amount>)]
    payment: Option<String>,
    #[schema(value_type = Option<schema::Amount>)]
    day: Option<String>,
    #[schema(value_type = Option<schema::Amount>)]
    month: Option<String>,
    #[schema(value_type = Option<schema::Amount>)]
    without_pin: Option<String>,
    without_pin_count: Option<u32>,
}

/// Choose limits
///
/// None of them may be above the issuer's.
#[utoipa::path(
    put,
    path = "/v1/wallet/limits",
    operation_id = "set_limits",
    tag = "Account",
    request_body = NewLimitsBody,
    responses((status = OK, description = "The limits.", body = LimitsBody)),
    extensions(("x-errors" = json!([
        "a PIN",
        "403 payer_unavailable",
        "422 limit_above_issuer",
    ]))),
)]
async fn set(
    State(app): State<Arc<App>>,
    request: SignedRequest,
) -> Result<Json<LimitsBody>, Problem> {
    let device = request.pin_actor(&app).await?;
    let body: NewLimitsBody = input::json(&request.body)?;
    let pin = proof::pin("/pin", &body.pin)?;
    let limits = parse(&body, &app.rules.limits.issuer)?;
    app.set_limits(&device, &pin, &limits).await?;
    LimitsBody::of(&app, &device).await.map(Json)
}

/// The limits in a body, none of which is above the issuer's.
fn parse(body: &NewLimitsBody, issuer: &Limits) -> Result<OwnLimits, Problem> {
    let mut above = Vec::new();
    let mut check = |pointer: &str, own: i64, most: i64, text: String| {
        if own > most {
            let detail = format!("the issuer allows {text} at most");
            above.push(FieldError { pointer: pointer.to_owned(), detail });
        }
    };
    let currency = issuer.payment.currency();
    let mut money = |pointer: &str, text: &Option<String>, most: Money| {
        let Some(text) = text else { return Ok(None) };
        let own = amount(pointer, text, currency)?;
        check(pointer, own, most.minor(), most.amount_text());
        Ok::<_, Problem>(Some(own))
    };
    let limits = OwnLimits {
        payment: money("/payment", &body.payment, issuer.payment)?,
        day: money("/day", &body.day, issuer.day)?,
        month: money("/month", &body.month, issuer.month)?,
        without_pin: money("/without_pin", &body.without_pin, issuer.without_pin)?,
        without_pin_count: body.without_pin_count.map(i64::from),
    };
    if let Some(count) = limits.without_pin_count {
        let most = issuer.without_pin_count;
        check("/without_pin_count", count, most, most.to_string());
    }
    if above.is_empty() {
        return Ok(limits);
    }
    let detail = "A limit is above the issuer's.";
    let status = StatusCode::UNPROCESSABLE_ENTITY;
    let problem = Problem::new(status, "limit_above_issuer", Certainty::Final, detail);
    Err(Problem { errors: above, ..problem })
}

/// Nothing or more.
fn amount(pointer: &str, text: &str, currency: Currency) -> Result<i64, Problem> {
    let money =
        Money::parse(text, currency).map_err(|error| Problem::field(pointer, error.to_string()))?;
    if money.minor() < 0 {
        return Err(Problem::field(pointer, "zero or more"));
    }
    Ok(money.minor())
}
