//! `POST /v1/wallet/merchant_codes`: what a code that the payer scanned stands for.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use wallet_core::Mode;

use crate::domain::outcome::Refusal;
use crate::http::auth::SignedRequest;
use crate::http::input;
use crate::http::openapi::schema::{self, kind};
use crate::http::problem::{Certainty, Problem};
use crate::http::refusal::refused;
use crate::http::time::rfc3339;
use crate::service::{App, KnownMerchantCode, NoMerchantCode, ScannedCode, SignedMerchantCode};
use crate::store::Merchant;

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(look))
}

/// A code that a payer scanned.
#[derive(Deserialize, ToSchema)]
#[schema(as = NewMerchantCodeQuestion)]
#[serde(deny_unknown_fields)]
pub(super) struct ScannedBody {
    /// The text of the QR code.
    #[schema(value_type = schema::MerchantCodePayload)]
    pub(super) code: String,
    /// With its currency: what the payer would pay where the code leaves that open.
    #[schema(value_type = Option<schema::PositiveAmount>)]
    pub(super) amount: Option<String>,
    #[schema(value_type = Option<schema::Currency>)]
    pub(super) currency: Option<String>,
}

/// The merchant of a code.
#[derive(Serialize, ToSchema)]
#[schema(as = MerchantOfCode)]
pub(super) struct MerchantOfCodeBody {
    #[schema(value_type = schema::MerchantId)]
    id: String,
    name: String,
}

impl From<Merchant> for MerchantOfCodeBody {
    fn from(merchant: Merchant) -> Self {
        Self { id: merchant.id.to_string(), name: merchant.name }
    }
}

/// What a code stands for.
#[derive(Serialize, ToSchema)]
#[schema(as = MerchantCode)]
struct MerchantCodeBody {
    #[schema(schema_with = kind::merchant_code)]
    object: &'static str,
    #[schema(value_type = schema::MerchantCodeKind)]
    kind: &'static str,
    /// The order or the plate.
    #[schema(pattern = "^(ord|plt)_[0-9a-f]{32}$")]
    id: String,
    merchant: MerchantOfCodeBody,
    /// Null: the payer says how much.
    #[schema(value_type = Option<schema::Amount>)]
    amount: Option<String>,
    #[schema(value_type = schema::Currency)]
    currency: &'static str,
    /// Of a plate: the goods, or the stall.
    label: Option<String>,
    /// Of an order.
    description: Option<String>,
    /// `open`, `paid`, `canceled` or `expired` of an order, `active` or `closed` of a plate.
    #[schema(pattern = "^(open|paid|canceled|expired|active|closed)$")]
    state: &'static str,
    /// Whether paying it takes the PIN, as things stand; of a plate without an amount, and none
    /// in the question, whether every amount does.
    #[schema(value_type = schema::PinNeed)]
    pin: &'static str,
    /// Of an order: until when it can be paid.
    #[schema(value_type = Option<schema::Time>)]
    expires_at: Option<String>,
}

impl MerchantCodeBody {
    fn new(scanned: ScannedCode) -> Self {
        let ScannedCode { code, merchant, pin_needed } = scanned;
        let amount = code.amount().map(|amount| amount.money().amount_text());
        let currency = code.currency().code();
        let pin = if pin_needed { "required" } else { "not_required" };
        let (object, merchant) = ("merchant_code", merchant.into());
        match code {
            KnownMerchantCode::Order(order) => Self {
                object,
                kind: "order",
                id: order.id.to_string(),
                merchant,
                amount,
                currency,
                label: None,
                description: order.description,
                state: order.state.as_str(),
                pin,
                expires_at: Some(rfc3339(order.expires_at)),
            },
            KnownMerchantCode::Plate(plate) => Self {
                object,
                kind: "plate",
                id: plate.id.to_string(),
                merchant,
                amount,
                currency,
                state: plate.state(),
                label: Some(plate.label),
                description: None,
                pin,
                expires_at: None,
            },
        }
    }
}

/// What a merchant's code stands for
///
/// Nothing moves. The phone verifies the code's signature itself, with the issuer's document, and can
/// warn its payer before it asks.
#[utoipa::path(
    post,
    path = "/v1/wallet/merchant_codes",
    operation_id = "look_at_merchant_code",
    tag = "Merchants' codes",
    request_body = ScannedBody,
    responses((status = OK, description = "What it stands for.", body = MerchantCodeBody)),
    extensions(("x-errors" = json!(["a merchant's code"]))),
)]
async fn look(
    State(app): State<Arc<App>>,
    request: SignedRequest,
) -> Result<Json<MerchantCodeBody>, Problem> {
    let device = request.actor(&app).await?;
    let body: ScannedBody = input::json(&request.body)?;
    let amount = input::optional_amount(body.amount.as_deref(), body.currency.as_deref())?;
    let code = read(&app, device.mode, &body.code).await?;
    let scanned = app.look_at_merchant_code(&device, code, amount).await?;
    let unknown = || refused(&app, Refusal::UnknownMerchantCode);
    Ok(Json(MerchantCodeBody::new(scanned.ok_or_else(unknown)?)))
}

/// Reads a code that a payer scanned, and verifies that the issuer signed it.
pub(super) async fn read(
    app: &Arc<App>,
    mode: Mode,
    text: &str,
) -> Result<SignedMerchantCode, Problem> {
    app.read_merchant_code(mode, text).await?.map_err(no_code)
}

/// Final for none of them: nothing is kept, and a right code is another request.
fn no_code(why: NoMerchantCode) -> Problem {
    let (code, detail) = match why {
        NoMerchantCode::Malformed(rule) => {
            ("merchant_code_malformed", format!("This is no payment code: {rule}."))
        }
        NoMerchantCode::Foreign => (
            "merchant_code_foreign",
            "This code is another issuer's, another scheme's, or for the other mode.".to_owned(),
        ),
        NoMerchantCode::Unsigned => (
            "merchant_code_unsigned",
            "This code looks like ours, and the issuer has not signed it. Do not pay it."
                .to_owned(),
        ),
        NoMerchantCode::Forged => (
            "merchant_code_forged",
            "This code looks like ours, and the issuer did not make it. Do not pay it.".to_owned(),
        ),
    };
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, code, Certainty::Retry, detail)
}
