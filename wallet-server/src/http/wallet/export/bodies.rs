//! Red envelopes in an export: without what they can still be claimed by.

use serde::Serialize;
use utoipa::ToSchema;

use crate::http::openapi::schema::{self, kind};
use crate::http::time::rfc3339;
use crate::service::{App, EnvelopeShown, Person};
use crate::store::{ClaimedShare, Envelope};

/// An envelope that the payer made.
#[derive(Serialize, ToSchema)]
#[schema(as = ExportedEnvelope)]
pub(super) struct SentBody {
    #[schema(value_type = schema::EnvelopeId)]
    id: String,
    #[schema(schema_with = kind::envelope)]
    object: &'static str,
    #[schema(value_type = schema::EnvelopeState)]
    state: &'static str,
    #[schema(value_type = schema::Amount)]
    amount: String,
    #[schema(value_type = schema::Currency)]
    currency: &'static str,
    shares: u16,
    #[schema(value_type = schema::Split)]
    split: String,
    to: Option<Person>,
    greeting: Option<String>,
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

impl SentBody {
    pub(super) fn new(app: &App, envelope: &Envelope) -> Self {
        let shown = app.shown_envelope(envelope);
        let expires_at = rfc3339(shown.expires_at());
        let EnvelopeShown { shares, split, to, greeting, .. } = shown;
        Self {
            id: envelope.id.to_string(),
            object: "envelope",
            state: envelope.record.state.as_str(),
            amount: envelope.record.asked.amount_text(),
            currency: envelope.record.asked.currency().code(),
            shares,
            split,
            to,
            greeting,
            claimed: envelope.claimed,
            amount_claimed: envelope.amount_claimed.amount_text(),
            created_at: rfc3339(envelope.created_at),
            expires_at,
            receipt: app.keys.sign(&envelope.record).to_string(),
        }
    }
}

/// A share that the payer claimed. Its receipt is in the history.
#[derive(Serialize, ToSchema)]
#[schema(as = ExportedClaim)]
pub(super) struct ClaimedBody {
    #[schema(value_type = schema::ClaimId)]
    id: String,
    #[schema(schema_with = kind::envelope_claim)]
    object: &'static str,
    #[schema(value_type = schema::EnvelopeId)]
    envelope: String,
    n: u16,
    #[schema(value_type = schema::Amount)]
    amount: String,
    #[schema(value_type = schema::Currency)]
    currency: &'static str,
    from: Person,
    greeting: Option<String>,
    #[schema(value_type = schema::Time)]
    created_at: String,
}

impl ClaimedBody {
    pub(super) fn new(app: &App, claimed: &ClaimedShare) -> Self {
        let greeting = claimed.greeting.as_deref();
        Self {
            id: claimed.id.to_string(),
            object: "envelope_claim",
            envelope: claimed.envelope.to_string(),
            n: claimed.share,
            amount: claimed.amount.amount_text(),
            currency: claimed.amount.currency().code(),
            from: app.person(&claimed.sender),
            greeting: greeting.and_then(|text| app.greeting(claimed.envelope, text)),
            created_at: rfc3339(claimed.claimed_at),
        }
    }
}
