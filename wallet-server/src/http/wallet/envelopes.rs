//! `/v1/wallet/envelopes`: red envelopes.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use wallet_core::Money;
use wallet_core::receipt::Record;

use super::{proof, recipients};
use crate::domain::ids::{ClaimId, EnvelopeId};
use crate::domain::outcome::MovementAnswer;
use crate::domain::shares::{SHARES_MAX, Split};
use crate::http::auth::SignedRequest;
use crate::http::input;
use crate::http::list::List;
use crate::http::not_moved::movement;
use crate::http::openapi::IdempotencyKey;
use crate::http::openapi::schema::{self, kind};
use crate::http::problem::Problem;
use crate::http::time::rfc3339;
use crate::service::{App, ClaimShown, EnvelopeRequest, EnvelopeShown, Person, RecipientName};
use crate::store::{Claim, Envelope, StoreError};

const GREETING_LENGTH_MAX: usize = 100;
const TOKEN_LENGTH_MAX: usize = 64;

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(create, list)).routes(routes!(claim)).routes(routes!(one))
}

type Greeting = schema::Text<GREETING_LENGTH_MAX>;
type Token = schema::Text<TOKEN_LENGTH_MAX>;

/// Money for others to claim.
#[derive(Deserialize, ToSchema)]
#[schema(as = NewEnvelope)]
#[serde(deny_unknown_fields)]
struct NewEnvelopeBody {
    #[schema(value_type = schema::PositiveAmount)]
    amount: String,
    #[schema(value_type = schema::Currency)]
    currency: String,
    /// At most as many as the amount has minor units.
    #[schema(minimum = 1, maximum = 100)]
    shares: u16,
    #[schema(value_type = schema::Split)]
    split: String,
    /// The one payer who may claim; then there is one share.
    #[schema(value_type = Option<recipients::HandleText>)]
    handle: Option<String>,
    /// For those who claim to read.
    #[schema(value_type = Option<Greeting>)]
    greeting: Option<String>,
    #[schema(value_type = schema::SixDigits)]
    pin: String,
}

/// An envelope as its sender sees it.
#[derive(Serialize, ToSchema)]
#[schema(as = Envelope)]
struct EnvelopeBody {
    #[schema(value_type = schema::EnvelopeId)]
    id: String,
    #[schema(schema_with = kind::envelope)]
    object: &'static str,
    #[schema(value_type = schema::EnvelopeState)]
    state: &'static str,
    /// What whoever may claim is given.
    #[schema(pattern = "^wallet:envelope:")]
    token: String,
    #[schema(value_type = schema::Svg)]
    qr_svg: String,
    #[schema(value_type = schema::Amount)]
    amount: String,
    #[schema(value_type = schema::Currency)]
    currency: &'static str,
    shares: u16,
    #[schema(value_type = schema::Split)]
    split: String,
    /// The one payer who may claim.
    to: Option<Person>,
    greeting: Option<String>,
    /// How many shares are claimed.
    claimed: u16,
    #[schema(value_type = schema::Amount)]
    amount_claimed: String,
    #[schema(value_type = schema::Time)]
    created_at: String,
    #[schema(value_type = schema::Time)]
    expires_at: String,
    #[schema(value_type = schema::Receipt)]
    receipt: String,
}

impl EnvelopeBody {
    /// As it was when it was made: nobody had claimed anything.
    fn answered(app: &App, answer: &MovementAnswer) -> Result<Self, StoreError> {
        let record = &answer.record;
        let nothing = Money::zero(record.asked.currency());
        Self::new(app, record, app.shown(answer)?, (0, nothing, rfc3339(record.decided_at)))
    }

    /// As it is now.
    fn current(app: &App, envelope: &Envelope) -> Result<Self, StoreError> {
        let created_at = rfc3339(envelope.created_at);
        let now = (envelope.claimed, envelope.amount_claimed, created_at);
        Self::new(app, &envelope.record, app.shown_envelope(envelope), now)
    }

    fn new(
        app: &App,
        record: &Record,
        shown: EnvelopeShown,
        (claimed, amount_claimed, created_at): (u16, Money, String),
    ) -> Result<Self, StoreError> {
        let id = EnvelopeId::from_bytes(record.subject);
        let token = app.envelope_token(id);
        Ok(Self {
            id: id.to_string(),
            object: "envelope",
            state: record.state.as_str(),
            qr_svg: recipients::qr_svg(&token)?,
            token,
            amount: record.asked.amount_text(),
            currency: record.asked.currency().code(),
            shares: shown.shares,
            claimed,
            amount_claimed: amount_claimed.amount_text(),
            created_at,
            expires_at: rfc3339(shown.expires_at()),
            receipt: app.keys.sign(record).to_string(),
            split: shown.split,
            to: shown.to,
            greeting: shown.greeting,
        })
    }
}

/// Make a red envelope
///
/// The amount is held, and counts against the payer's limits; what nobody claims in time is free again
/// and does not count any more. The PIN is looked at first, and only a right one gets into the ledger.
#[utoipa::path(
    post,
    path = "/v1/wallet/envelopes",
    operation_id = "create_envelope",
    tag = "Between payers",
    params(IdempotencyKey),
    request_body = NewEnvelopeBody,
    responses((status = CREATED, description = "The envelope.", body = EnvelopeBody)),
    extensions(("x-errors" = json!(["a PIN", "a payer's money", "a recipient"]))),
)]
async fn create(State(app): State<Arc<App>>, request: SignedRequest) -> Result<Response, Problem> {
    let device = request.pin_actor(&app).await?;
    let key = input::idempotency_key(request.headers())?;
    let body: NewEnvelopeBody = input::json(&request.body)?;
    let amount = input::amount(&body.amount, &body.currency)?;
    let handle = body.handle.map(|handle| recipients::recipient(Some(handle), None));
    let to: Option<RecipientName> = handle.transpose()?;
    if !(1..=SHARES_MAX).contains(&body.shares) {
        return Err(Problem::field("/shares", format!("1 to {SHARES_MAX}")));
    }
    if to.is_some() && body.shares != 1 {
        return Err(Problem::field("/shares", "1, as only one payer may claim"));
    }
    let split = Split::from_name(&body.split);
    let split = split.ok_or_else(|| Problem::field("/split", "equal or random"))?;
    if let Some(greeting) = &body.greeting {
        input::text("/greeting", greeting, GREETING_LENGTH_MAX)?;
    }
    let too_many = || Problem::field("/shares", "not more than the amount has minor units");
    if amount.money().minor() < i64::from(body.shares) {
        return Err(too_many());
    }
    let pin = proof::pin("/pin", &body.pin)?;
    app.check_pin(&device, &pin).await?;
    let (shares, greeting) = (body.shares, body.greeting);
    let request = EnvelopeRequest { key, amount, shares, split, to, greeting };
    let outcome = app.make_envelope(&device, request).await?.ok_or_else(too_many)?;
    movement(&app, outcome, StatusCode::CREATED, |answer| EnvelopeBody::answered(&app, answer))
}

/// List red envelopes that the payer made
///
/// Newest first.
#[utoipa::path(
    get,
    path = "/v1/wallet/envelopes",
    operation_id = "list_envelopes",
    tag = "Between payers",
    params(input::Page, ("after" = Option<schema::EnvelopeId>, Query, description = "The `next` of the page before.")),
    responses((status = OK, description = "A page.", body = List<EnvelopeBody>)),
)]
async fn list(
    State(app): State<Arc<App>>,
    request: SignedRequest,
) -> Result<Json<List<EnvelopeBody>>, Problem> {
    let device = request.device(&app).await?;
    let page: input::Page = request.query()?;
    let size = page.size()?;
    let before = input::cursor(page.after.as_deref(), EnvelopeId::parse)?;
    let found = app.store.envelopes(device.payer, before, size + 1).await?;
    let bodies = found.iter().map(|envelope| EnvelopeBody::current(&app, envelope));
    let bodies = bodies.collect::<Result<Vec<_>, _>>()?;
    Ok(Json(List::page(bodies, size, |body| body.id.clone(), |body| body)))
}

/// An envelope with its claims: to its sender all of it, to one who claimed the own share.
#[derive(Serialize, ToSchema)]
#[schema(as = EnvelopeWithClaims)]
#[serde(untagged)]
enum OneBody {
    Sender(SenderBody),
    Claimant(ClaimantBody),
}

/// An envelope and its claims, for its sender.
#[derive(Serialize, ToSchema)]
#[schema(as = SentEnvelope)]
struct SenderBody {
    #[serde(flatten)]
    #[schema(value_type = EnvelopeBody)]
    envelope: Box<EnvelopeBody>,
    claims: Vec<ClaimedBody>,
}

/// An envelope and the own claim, for one who claimed.
#[derive(Serialize, ToSchema)]
#[schema(as = ClaimedEnvelope)]
struct ClaimantBody {
    #[schema(value_type = schema::EnvelopeId)]
    id: String,
    #[schema(schema_with = kind::envelope)]
    object: &'static str,
    #[schema(value_type = schema::EnvelopeState)]
    state: &'static str,
    shares: u16,
    claimed: u16,
    #[schema(value_type = schema::Time)]
    expires_at: String,
    claims: Vec<ClaimedBody>,
}

/// A share, and who claimed it.
#[derive(Serialize, ToSchema)]
#[schema(as = ClaimedShare)]
struct ClaimedBody {
    /// Which share.
    n: u16,
    #[schema(value_type = schema::Amount)]
    amount: String,
    by: Person,
    #[schema(value_type = schema::Time)]
    created_at: String,
}

impl ClaimedBody {
    fn new(app: &App, envelope: &Envelope, claim: &Claim) -> Self {
        Self {
            n: claim.share,
            amount: Money::from_minor(claim.minor, envelope.record.asked.currency()).amount_text(),
            by: app.person(&claim.claimant),
            created_at: rfc3339(claim.claimed_at),
        }
    }
}

/// A red envelope and its claims
///
/// The sender sees all of it, a claimant the state and the own claim, everybody else `404`.
#[utoipa::path(
    get,
    path = "/v1/wallet/envelopes/{id}",
    operation_id = "get_envelope",
    tag = "Between payers",
    params(("id" = schema::EnvelopeId, Path)),
    responses((status = OK, description = "The envelope.", body = OneBody)),
)]
async fn one(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    request: SignedRequest,
) -> Result<Json<OneBody>, Problem> {
    let device = request.device(&app).await?;
    let unknown = || Problem::not_found("envelope");
    let id = EnvelopeId::parse(&id).ok_or_else(unknown)?;
    let envelope = app.store.envelope(id).await?.ok_or_else(unknown)?;
    let mut claims = app.store.claims(id).await?;
    let sender = envelope.payer == device.payer;
    claims.retain(|claim| sender || claim.claimant.payer == device.payer);
    if !sender && claims.is_empty() {
        return Err(unknown());
    }
    let claims = claims.iter().map(|claim| ClaimedBody::new(&app, &envelope, claim)).collect();
    if sender {
        let envelope = Box::new(EnvelopeBody::current(&app, &envelope)?);
        return Ok(Json(OneBody::Sender(SenderBody { envelope, claims })));
    }
    Ok(Json(OneBody::Claimant(ClaimantBody {
        id: envelope.id.to_string(),
        object: "envelope",
        state: envelope.record.state.as_str(),
        shares: envelope.shares,
        claimed: envelope.claimed,
        expires_at: rfc3339(envelope.expires_at),
        claims,
    })))
}

/// A share to be claimed.
#[derive(Deserialize, ToSchema)]
#[schema(as = NewClaim)]
#[serde(deny_unknown_fields)]
struct NewClaimBody {
    #[schema(value_type = Token)]
    token: String,
}

/// A share that was claimed.
#[derive(Serialize, ToSchema)]
#[schema(as = EnvelopeClaim)]
struct ClaimBody {
    #[schema(value_type = schema::ClaimId)]
    id: String,
    #[schema(schema_with = kind::envelope_claim)]
    object: &'static str,
    #[schema(value_type = schema::EnvelopeId)]
    envelope: String,
    /// Which share.
    n: Option<u16>,
    #[schema(value_type = schema::Amount)]
    amount: String,
    #[schema(value_type = schema::Currency)]
    currency: &'static str,
    from: Person,
    greeting: Option<String>,
    #[schema(value_type = schema::Time)]
    created_at: String,
    #[schema(value_type = schema::Receipt)]
    receipt: String,
}

impl ClaimBody {
    fn new(app: &App, answer: &MovementAnswer) -> Result<Self, StoreError> {
        let ClaimShown { envelope, from, greeting } = app.shown(answer)?;
        let record = &answer.record;
        Ok(Self {
            id: ClaimId::from_bytes(record.subject).to_string(),
            object: "envelope_claim",
            envelope,
            n: answer.share,
            amount: record.asked.amount_text(),
            currency: record.asked.currency().code(),
            from,
            greeting,
            created_at: rfc3339(record.decided_at),
            receipt: app.keys.sign(record).to_string(),
        })
    }
}

/// Claim a share of a red envelope
///
/// The next share, once for each payer. Nothing of the claimant's can be lost by a claim, so it needs
/// no PIN.
#[utoipa::path(
    post,
    path = "/v1/wallet/envelopes/claim",
    operation_id = "claim_envelope",
    tag = "Between payers",
    params(IdempotencyKey),
    request_body = NewClaimBody,
    responses((status = CREATED, description = "The share.", body = ClaimBody)),
    extensions(("x-errors" = json!([
        "403 own_envelope",
        "403 payer_unavailable",
        "403 sender_unavailable",
        "409 envelope_claimed",
        "409 envelope_empty",
        "409 envelope_expired",
        "422 unknown_envelope",
        "422 currency_mismatch",
    ]))),
)]
async fn claim(State(app): State<Arc<App>>, request: SignedRequest) -> Result<Response, Problem> {
    let device = request.actor(&app).await?;
    let key = input::idempotency_key(request.headers())?;
    let NewClaimBody { token } = input::json(&request.body)?;
    input::text("/token", &token, TOKEN_LENGTH_MAX)?;
    let outcome = app.claim_share(&device, &token, key).await?;
    movement(&app, outcome, StatusCode::CREATED, |answer| ClaimBody::new(&app, answer))
}
