//! Red envelopes in an export: without what they can still be claimed by.

use serde::Serialize;

use crate::http::time::rfc3339;
use crate::service::{App, EnvelopeShown, Person};
use crate::store::{ClaimedShare, Envelope};

/// An envelope that the payer made.
#[derive(Serialize)]
pub(super) struct SentBody {
    id: String,
    object: &'static str,
    state: &'static str,
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
#[derive(Serialize)]
pub(super) struct ClaimedBody {
    id: String,
    object: &'static str,
    envelope: String,
    n: u16,
    amount: String,
    currency: &'static str,
    from: Person,
    greeting: Option<String>,
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
