//! `POST /v1/wallet/payments`: a payer pays a code that a merchant shows.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use wallet_core::requests::EVIDENCE_BODY_BYTES_MAX;

use super::merchant_codes::{MerchantOfCodeBody, ScannedBody, read};
use super::proof;
use crate::domain::command::MerchantCodeId;
use crate::domain::outcome::{Answer, Outcome, PaymentAnswer, Refusal};
use crate::http::auth::SignedRequest;
use crate::http::input;
use crate::http::not_moved::not_moved;
use crate::http::openapi::IdempotencyKey;
use crate::http::openapi::schema::{self, kind};
use crate::http::problem::Problem;
use crate::http::refusal::refused;
use crate::http::replay::mark;
use crate::http::time::rfc3339;
use crate::service::{App, MerchantCodePayment, Pin};
use crate::store::StoreError;

/// Where the PIN stands. Not in the body: the signed request is kept as evidence, and from a digest
/// of all else in a body six digits are found in a moment.
const PIN_FIELD: &str = "wallet-pin";

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(pay))
}

#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "for the document alone")]
struct PinHeader {
    /// The PIN, where the payment takes it. It is not among what is signed, because what is signed
    /// is kept.
    #[param(rename = "Wallet-Pin", value_type = Option<schema::SixDigits>)]
    pin: Option<String>,
}

/// A payment as its payer sees it.
#[derive(Serialize, ToSchema)]
#[schema(as = PaymentOfPayer)]
struct PaymentOfPayerBody {
    #[schema(value_type = schema::PaymentId)]
    id: String,
    #[schema(schema_with = kind::payment)]
    object: &'static str,
    #[schema(value_type = schema::PaymentState)]
    state: &'static str,
    #[schema(value_type = schema::Amount)]
    amount: String,
    #[schema(value_type = schema::Currency)]
    currency: &'static str,
    merchant: MerchantOfCodeBody,
    #[schema(value_type = Option<schema::OrderId>)]
    order: Option<String>,
    #[schema(value_type = Option<schema::PlateId>)]
    plate: Option<String>,
    description: Option<String>,
    #[schema(value_type = schema::Time)]
    created_at: String,
    #[schema(value_type = schema::Receipt)]
    receipt: String,
}

impl PaymentOfPayerBody {
    async fn new(app: &App, payment: PaymentAnswer) -> Result<Self, StoreError> {
        let merchant = app.store.merchant(payment.merchant).await?;
        let merchant = merchant.ok_or(StoreError::Corrupt("the merchant of a payment"))?;
        let (record, code) = (&payment.record, payment.merchant_code);
        Ok(Self {
            id: payment.id.to_string(),
            object: "payment",
            state: record.state.as_str(),
            amount: record.asked.amount_text(),
            currency: record.asked.currency().code(),
            merchant: merchant.into(),
            order: code.and_then(MerchantCodeId::order).map(|id| id.to_string()),
            plate: code.and_then(MerchantCodeId::plate).map(|id| id.to_string()),
            created_at: rfc3339(payment.created_at),
            receipt: app.keys.sign(record).to_string(),
            description: payment.description,
        })
    }
}

/// Pay a merchant's code
///
/// An order or a plate with an amount is paid with that amount, whether or not it is said again; a
/// plate without one needs it. `pin_required` is not kept: sign the request anew, with the PIN in
/// `Wallet-Pin`, under the same key. Every other refusal that might change is kept under the key.
/// What is signed is kept with the payment, encrypted: body and signature prove that the payer asked
/// for it.
#[utoipa::path(
    post,
    path = "/v1/wallet/payments",
    operation_id = "pay_merchant_code",
    tag = "Merchants' codes",
    params(IdempotencyKey, PinHeader),
    request_body = ScannedBody,
    responses((status = CREATED, description = "It is paid.", body = PaymentOfPayerBody)),
    extensions(("x-errors" = json!([
        "a PIN",
        "a payer's money",
        "a merchant's code",
        "403 pin_required",
        "409 order_paid",
        "409 order_canceled",
        "409 order_expired",
        "409 plate_closed",
        "422 merchant_unavailable",
        "422 wrong_amount",
        "422 amount_missing",
    ]))),
)]
async fn pay(State(app): State<Arc<App>>, request: SignedRequest) -> Result<Response, Problem> {
    let with_pin = request.headers().contains_key(PIN_FIELD);
    let device =
        if with_pin { request.pin_actor(&app).await? } else { request.actor(&app).await? };
    let key = input::idempotency_key(request.headers())?;
    let body: ScannedBody = input::json(&request.body)?;
    let amount = input::optional_amount(body.amount.as_deref(), body.currency.as_deref())?;
    let pin = pin(request.headers())?;
    let evidence = request.evidence().ok_or_else(too_long)?;
    let code = read(&app, device.mode, &body.code).await?;
    if let Some(pin) = &pin {
        app.check_pin(&device, pin).await?;
    }
    let payment = MerchantCodePayment {
        key,
        text: body.code,
        code,
        amount,
        with_pin: pin.is_some(),
        evidence,
    };
    let (answer, replayed) = match app.pay_merchant_code(&device, payment).await? {
        Outcome::Answered { answer, replayed } => (answer, replayed),
        Outcome::Refused(refusal) => return Err(refused(&app, refusal)),
    };
    let response = match answer {
        Answer::Payment(payment) => {
            let body = PaymentOfPayerBody::new(&app, *payment).await;
            let body = body.map_err(Problem::done_but_unread)?;
            (StatusCode::CREATED, Json(body)).into_response()
        }
        Answer::NotMoved(why) => not_moved(why).into_response(),
        // Whatever else a key stands for was another request.
        Answer::Rejected(_)
        | Answer::TopUp(_)
        | Answer::Refund(_)
        | Answer::Movement(_)
        | Answer::Order(_)
        | Answer::ReferenceCanceled => return Err(refused(&app, Refusal::KeyReused)),
    };
    Ok(mark(response, replayed))
}

/// The PIN, if it was sent: once.
fn pin(headers: &HeaderMap) -> Result<Option<Pin>, Problem> {
    let mut fields = headers.get_all(PIN_FIELD).iter();
    match (fields.next(), fields.next()) {
        (None, _) => Ok(None),
        (Some(field), None) => {
            proof::pin("", field.to_str().unwrap_or_default()).map(Some).map_err(|_| no_pin())
        }
        (Some(_), Some(_)) => Err(no_pin()),
    }
}

fn no_pin() -> Problem {
    Problem::field("", "Wallet-Pin is six digits, once")
}

fn too_long() -> Problem {
    let detail =
        format!("this request is kept: its body has at most {EVIDENCE_BODY_BYTES_MAX} bytes");
    Problem::field("", detail)
}
