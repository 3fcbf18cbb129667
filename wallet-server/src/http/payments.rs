//! `/v1/payments`: charge a shown code, and the truth about what was charged.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use wallet_core::TerminalId;

use super::auth::{MerchantAuth, SettlingMerchant, still_let_in};
use super::input;
use super::list::List;
use super::object::Texts;
use super::openapi::{IdempotencyKey, schema};
use super::payment_body::PaymentBody;
use super::problem::{Certainty, Problem};
use super::refusal::refused;
use super::replay::mark;
use crate::domain::command::{Capture, CodeSource, ReferenceRef};
use crate::domain::ids::{PaymentId, PlateId};
use crate::domain::outcome::{Answer, DeclineCode, Outcome, Refusal, Rejection};
use crate::service::{ApiKeyScope, App, ChargeRequest};
use crate::store::{ApiKey, Payment, PaymentFilter};
use wallet_core::receipt::PaymentState;

pub(super) const REFERENCE_LENGTH_MAX: usize = 64;
pub(super) const DESCRIPTION_LENGTH_MAX: usize = 200;
/// Room for what a merchant's systems want to find again, not for documents.
pub(super) const METADATA_KEYS_MAX: usize = 20;
pub(super) const METADATA_KEY_LENGTH_MAX: usize = 40;
pub(super) const METADATA_VALUE_LENGTH_MAX: usize = 200;

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(charge, list)).routes(routes!(one))
}

pub(super) type Reference = schema::Text<REFERENCE_LENGTH_MAX>;
pub(super) type Description = schema::Text<DESCRIPTION_LENGTH_MAX>;

/// What a till sends.
#[derive(Deserialize, ToSchema)]
#[schema(as = NewPayment)]
#[serde(deny_unknown_fields)]
struct ChargeBody {
    /// The digits that were scanned or typed.
    code: String,
    /// `scan` unless said otherwise.
    #[schema(value_type = Option<schema::TillSource>)]
    code_source: Option<String>,
    #[schema(value_type = schema::PositiveAmount)]
    amount: String,
    #[schema(value_type = schema::Currency)]
    currency: String,
    /// The merchant's name for this payment, unique for ever in its mode.
    #[schema(value_type = Reference)]
    reference: String,
    /// `automatic` unless said otherwise.
    #[schema(value_type = Option<schema::Capture>)]
    capture: Option<String>,
    /// The till that scanned: one of the merchant's own. A code that is bound to a terminal works
    /// with that one only.
    #[schema(value_type = Option<schema::TerminalId>)]
    terminal: Option<String>,
    /// For the payer to read.
    #[schema(value_type = Option<Description>)]
    description: Option<String>,
    #[schema(value_type = Option<schema::Metadata>)]
    metadata: Option<Texts>,
}

/// Charge a shown code
///
/// `201` and the payment: `succeeded`, or `requires_confirmation` if its payer must confirm it on
/// the phone; then wait with `GET /v1/payments/{id}?wait=25`. A declined payment is `402` with the
/// payment: it exists, keeps its reference, and its code is used up. A code that is expired or used
/// is `422` without a payment, and the reference stays free.
#[utoipa::path(
    post,
    path = "/v1/payments",
    operation_id = "create_payment",
    tag = "Payments",
    security(("api_key" = ["charge"])),
    params(IdempotencyKey),
    request_body = ChargeBody,
    responses((status = CREATED, description = "The payment.", body = PaymentBody)),
    extensions(("x-errors" = json!([
        "402 device_revoked",
        "402 payer_unavailable",
        "402 currency_mismatch",
        "402 over_code_limit",
        "402 declined_by_limit",
        "402 insufficient_funds",
        "409 reference_conflict",
        "409 reference_canceled",
        "409 clock_skew",
        "422 currency_not_accepted",
        "422 unknown_terminal",
        "422 invalid_code",
        "422 code_expired",
        "422 code_used",
    ]))),
)]
async fn charge(
    SettlingMerchant(auth): SettlingMerchant,
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Problem> {
    auth.allow(ApiKeyScope::Charge)?;
    let key = input::idempotency_key(&headers)?;
    let request = read(key, input::json(&body)?)?;
    own_terminal(&app, &auth.0, request.terminal).await?;
    let reference = ReferenceRef {
        merchant: auth.0.merchant,
        mode: auth.0.mode,
        reference: request.reference.clone(),
    };
    match app.charge(&auth.0, request).await? {
        Outcome::Refused(Refusal::ReferenceConflict) => Err(conflict(&app, &reference).await?),
        outcome => answer(&app, outcome, StatusCode::CREATED),
    }
}

/// A reference that stands for another payment: a cashier who scans again after an answer was lost
/// comes here, and must learn that the first payment went through.
pub(super) async fn conflict(app: &App, reference: &ReferenceRef) -> Result<Problem, Problem> {
    let holder = app.store.payment_by_reference(reference).await?;
    let payment = holder.map(|payment| Box::new(PaymentBody::new(app, payment)));
    Ok(Problem { payment, ..refused(app, Refusal::ReferenceConflict) })
}

/// Parses the body into what the service takes.
fn read(key: String, body: ChargeBody) -> Result<ChargeRequest, Problem> {
    let amount = input::amount(&body.amount, &body.currency)?;
    input::text("/reference", &body.reference, REFERENCE_LENGTH_MAX)?;
    if let Some(description) = &body.description {
        input::text("/description", description, DESCRIPTION_LENGTH_MAX)?;
    }
    let code_source = match body.code_source.as_deref() {
        None | Some("scan") => CodeSource::Scan,
        Some("typed") => CodeSource::Typed,
        Some(_) => return Err(Problem::field("/code_source", "scan or typed")),
    };
    let capture = match body.capture.as_deref() {
        None => Capture::Automatic,
        Some(name) => Capture::from_name(name)
            .ok_or_else(|| Problem::field("/capture", "automatic or manual"))?,
    };
    let terminal = body
        .terminal
        .map(|id| TerminalId::from_hex(&id))
        .transpose()
        .map_err(|error| Problem::field("/terminal", error.to_string()))?;
    Ok(ChargeRequest {
        key,
        code: body.code,
        capture,
        code_source,
        amount,
        reference: body.reference,
        terminal,
        description: body.description,
        metadata: body.metadata.map(|Texts(map)| metadata(&map)).transpose()?,
    })
}

/// The merchant's data in one canonical form: keys in order.
pub(super) fn metadata(map: &BTreeMap<String, String>) -> Result<String, Problem> {
    if map.len() > METADATA_KEYS_MAX {
        return Err(Problem::field("/metadata", format!("at most {METADATA_KEYS_MAX} keys")));
    }
    for (key, value) in map {
        input::text("/metadata", key, METADATA_KEY_LENGTH_MAX)?;
        if value.chars().count() > METADATA_VALUE_LENGTH_MAX {
            let detail = format!("a value has at most {METADATA_VALUE_LENGTH_MAX} characters");
            return Err(Problem::field("/metadata", detail));
        }
    }
    serde_json::to_string(map).map_err(|error| Problem::field("/metadata", error.to_string()))
}

/// Another merchant's terminal is refused before anything else: it would let a thief relay a code
/// that is bound to the victim's till.
async fn own_terminal(
    app: &App,
    api_key: &ApiKey,
    terminal: Option<TerminalId>,
) -> Result<(), Problem> {
    let Some(id) = terminal else { return Ok(()) };
    let found = app.store.terminal(id).await?;
    let own = |merchant, mode| (merchant, mode) == (api_key.merchant, api_key.mode);
    if found.is_some_and(|terminal| own(terminal.merchant, terminal.mode)) {
        return Ok(());
    }
    let detail = "This terminal is not one of yours.";
    let status = StatusCode::UNPROCESSABLE_ENTITY;
    Err(Problem::new(status, "unknown_terminal", Certainty::Retry, detail))
}

/// What the till hears.
pub(super) fn answer(app: &App, outcome: Outcome, done: StatusCode) -> Result<Response, Problem> {
    let (answer, replayed) = match outcome {
        Outcome::Answered { answer, replayed } => (answer, replayed),
        Outcome::Refused(refusal) => return Err(refused(app, refusal)),
    };
    let response = match answer {
        Answer::Payment(payment) => {
            let declined = payment.decline_code;
            let body = PaymentBody::new(app, Payment::answered(*payment));
            match declined {
                None => (done, Json(body)).into_response(),
                Some(code) => declined_problem(code, body).into_response(),
            }
        }
        Answer::Rejected(rejection) => rejected(rejection).into_response(),
        // Whatever else a key stands for was another request.
        Answer::TopUp(_)
        | Answer::Movement(_)
        | Answer::NotMoved(_)
        | Answer::Refund(_)
        | Answer::Order(_)
        | Answer::ReferenceCanceled => return Err(refused(app, Refusal::KeyReused)),
    };
    Ok(mark(response, replayed))
}

fn declined_problem(code: DeclineCode, payment: PaymentBody) -> Problem {
    let detail = match code {
        DeclineCode::DeviceRevoked => "The payer's device was revoked.",
        DeclineCode::PayerUnavailable => "The payer's wallet is frozen or closed.",
        DeclineCode::CurrencyMismatch => "The payer's code is for another currency.",
        DeclineCode::OverCodeLimit => "The amount is above the limit of this code.",
        DeclineCode::DeclinedByLimit => "The amount is above what the payer may spend.",
        DeclineCode::InsufficientFunds => "The payer does not have enough money.",
        DeclineCode::RefusedByPayer => "The payer refused.",
    };
    let status = StatusCode::PAYMENT_REQUIRED;
    let problem = Problem::new(status, code.as_str(), Certainty::Final, detail);
    Problem { payment: Some(Box::new(payment)), kept: true, ..problem }
}

fn rejected(rejection: Rejection) -> Problem {
    let detail = match rejection {
        Rejection::CodeExpired => "The code is too old. Scan the one that is shown now.",
        Rejection::CodeUsed => "The code was presented before. Scan the next one.",
    };
    let status = StatusCode::UNPROCESSABLE_ENTITY;
    Problem { kept: true, ..Problem::new(status, rejection.as_str(), Certainty::Final, detail) }
}

/// The truth about a payment
///
/// Now, or, with `wait`, as soon as it does not wait for its payer any more.
#[utoipa::path(
    get,
    path = "/v1/payments/{id}",
    operation_id = "get_payment",
    tag = "Payments",
    security(("api_key" = ["read"])),
    params(("id" = schema::PaymentId, Path), Wait),
    responses((status = OK, description = "The payment.", body = PaymentBody)),
)]
async fn one(
    auth: MerchantAuth,
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    uri: Uri,
) -> Result<Json<PaymentBody>, Problem> {
    auth.allow(ApiKeyScope::Read)?;
    let wait = input::wait(input::query::<Wait>(&uri)?.wait)?;
    let id = PaymentId::parse(&id).ok_or_else(unknown_payment)?;
    let payment = app.payment_when_decided(auth.0.merchant, auth.0.mode, id, wait).await?;
    if !wait.is_zero() {
        still_let_in(&app, &auth).await?;
    }
    let payment = payment.ok_or_else(unknown_payment)?;
    Ok(Json(PaymentBody::new(&app, payment)))
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct Wait {
    /// For so many seconds, keep the request open while the payment waits for its payer.
    #[param(minimum = 0, maximum = 25)]
    wait: Option<u64>,
}

/// Not `final`: a payment that is not there now may be on its way.
pub(super) fn unknown_payment() -> Problem {
    Problem { certainty: Certainty::Retry, ..Problem::not_found("payment") }
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct Filter {
    /// The one payment that this reference stands for.
    #[param(value_type = Option<Reference>)]
    reference: Option<String>,
    /// Those in this state.
    #[param(value_type = Option<schema::PaymentState>)]
    state: Option<String>,
    /// Those that were made at this time or later.
    #[param(value_type = Option<schema::Time>)]
    created_since: Option<String>,
    /// Those that were made before this time.
    #[param(value_type = Option<schema::Time>)]
    created_before: Option<String>,
    /// Those that payers made by scanning this plate.
    #[param(value_type = Option<schema::PlateId>)]
    plate: Option<String>,
    /// How many.
    #[param(minimum = 1, maximum = 100, default = 20)]
    limit: Option<usize>,
    /// The `next` of the page before.
    #[param(value_type = Option<schema::PaymentId>)]
    after: Option<String>,
}

impl Filter {
    fn wanted(&self) -> Result<PaymentFilter, Problem> {
        let state = self.state.as_deref().map(|name| {
            PaymentState::from_name(name).ok_or_else(|| Problem::field("/state", "no such state"))
        });
        let time = |name, text: Option<&str>| input::time(name, text);
        Ok(PaymentFilter {
            state: state.transpose()?,
            created_since: time("created_since", self.created_since.as_deref())?,
            created_before: time("created_before", self.created_before.as_deref())?,
            plate: self.plate.as_deref().map(plate).transpose()?,
        })
    }
}

fn plate(text: &str) -> Result<PlateId, Problem> {
    PlateId::parse(text).ok_or_else(|| Problem::field("/plate", "the id of a plate"))
}

/// List payments
///
/// Newest first. With `reference`, one or none.
#[utoipa::path(
    get,
    path = "/v1/payments",
    operation_id = "list_payments",
    tag = "Payments",
    security(("api_key" = ["read"])),
    params(Filter),
    responses((status = OK, description = "A page.", body = List<PaymentBody>)),
)]
async fn list(
    auth: MerchantAuth,
    State(app): State<Arc<App>>,
    uri: Uri,
) -> Result<Json<List<PaymentBody>>, Problem> {
    auth.allow(ApiKeyScope::Read)?;
    let filter: Filter = input::query(&uri)?;
    if let Some(reference) = &filter.reference {
        input::text("/reference", reference, REFERENCE_LENGTH_MAX)?;
    }
    let size = input::page_size(filter.limit)?;
    let (merchant, mode) = (auth.0.merchant, auth.0.mode);
    let after = input::cursor(filter.after.as_deref(), PaymentId::parse)?;
    let wanted = filter.wanted()?;
    let payments = if let Some(reference) = filter.reference {
        let reference = ReferenceRef { merchant, mode, reference };
        let found = app.store.payment_by_reference(&reference).await?;
        found.into_iter().filter(|payment| wanted.takes(payment)).collect()
    } else {
        app.store.payments((merchant, mode), wanted, after, size + 1).await?
    };
    Ok(Json(List::page(
        payments,
        size,
        |payment| payment.answer.id.to_string(),
        |payment| PaymentBody::new(&app, payment),
    )))
}
