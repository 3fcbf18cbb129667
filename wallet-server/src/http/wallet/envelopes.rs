//! `/v1/wallet/envelopes`: red envelopes.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use axum::{Json, Router, routing};
use serde::{Deserialize, Serialize};
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
use crate::http::problem::Problem;
use crate::http::time::rfc3339;
use crate::service::{App, ClaimShown, EnvelopeRequest, EnvelopeShown, Person, RecipientName};
use crate::store::{Claim, Envelope};

const GREETING_LENGTH_MAX: usize = 100;
const TOKEN_LENGTH_MAX: usize = 64;

pub(super) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/v1/wallet/envelopes", routing::post(create).get(list))
        .route("/v1/wallet/envelopes/claim", routing::post(claim))
        .route("/v1/wallet/envelopes/{id}", routing::get(one))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewEnvelopeBody {
    amount: String,
    currency: String,
    shares: u16,
    split: String,
    handle: Option<String>,
    greeting: Option<String>,
    pin: String,
}

/// An envelope as its sender sees it.
#[derive(Serialize)]
struct EnvelopeBody {
    id: String,
    object: &'static str,
    state: &'static str,
    token: String,
    qr_svg: String,
    amount: String,
    currency: &'static str,
    shares: u16,
    split: String,
    to: Option<Person>,
    greeting: Option<String>,
    claimed: u16,
    amount_claimed: String,
    created_at: String,
    expires_at: String,
    receipt: String,
}

impl EnvelopeBody {
    /// As it was when it was made: nobody had claimed anything.
    fn answered(app: &App, answer: &MovementAnswer) -> Result<Self, Problem> {
        let record = &answer.record;
        let nothing = Money::zero(record.asked.currency());
        Self::new(app, record, app.shown(answer)?, (0, nothing, rfc3339(record.decided_at)))
    }

    /// As it is now.
    fn current(app: &App, envelope: &Envelope) -> Result<Self, Problem> {
        let created_at = rfc3339(envelope.created_at);
        let now = (envelope.claimed, envelope.amount_claimed, created_at);
        Self::new(app, &envelope.record, app.shown_envelope(envelope), now)
    }

    fn new(
        app: &App,
        record: &Record,
        shown: EnvelopeShown,
        (claimed, amount_claimed, created_at): (u16, Money, String),
    ) -> Result<Self, Problem> {
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

/// The PIN is looked at first, and only a right one gets into the ledger.
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

/// What the payer has sent, newest first.
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
#[derive(Serialize)]
#[serde(untagged)]
enum OneBody {
    Sender {
        #[serde(flatten)]
        envelope: Box<EnvelopeBody>,
        claims: Vec<ClaimedBody>,
    },
    Claimant {
        id: String,
        object: &'static str,
        state: &'static str,
        shares: u16,
        claimed: u16,
        expires_at: String,
        claims: Vec<ClaimedBody>,
    },
}

#[derive(Serialize)]
struct ClaimedBody {
    n: u16,
    amount: String,
    by: Person,
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
        return Ok(Json(OneBody::Sender { envelope, claims }));
    }
    Ok(Json(OneBody::Claimant {
        id: envelope.id.to_string(),
        object: "envelope",
        state: envelope.record.state.as_str(),
        shares: envelope.shares,
        claimed: envelope.claimed,
        expires_at: rfc3339(envelope.expires_at),
        claims,
    }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewClaimBody {
    token: String,
}

#[derive(Serialize)]
struct ClaimBody {
    id: String,
    object: &'static str,
    envelope: String,
    n: Option<u16>,
    amount: String,
    currency: &'static str,
    from: Person,
    greeting: Option<String>,
    created_at: String,
    receipt: String,
}

impl ClaimBody {
    fn new(app: &App, answer: &MovementAnswer) -> Result<Self, Problem> {
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

/// Nothing of the claimant's can be lost by a claim, so it needs no PIN.
async fn claim(State(app): State<Arc<App>>, request: SignedRequest) -> Result<Response, Problem> {
    let device = request.actor(&app).await?;
    let key = input::idempotency_key(request.headers())?;
    let NewClaimBody { token } = input::json(&request.body)?;
    input::text("/token", &token, TOKEN_LENGTH_MAX)?;
    let outcome = app.claim_share(&device, &token, key).await?;
    movement(&app, outcome, StatusCode::CREATED, |answer| ClaimBody::new(&app, answer))
}
