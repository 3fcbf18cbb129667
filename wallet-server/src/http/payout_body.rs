//! A payout in an answer.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;
use wallet_core::receipt::{PaymentState, Record};

use super::not_moved::not_moved;
use super::openapi::schema::{self, kind};
use super::problem::{Certainty, Problem};
use super::refusal::refused;
use super::replay::mark;
use super::time::rfc3339;
use crate::domain::ids::PayoutId;
use crate::domain::outcome::{Answer, Outcome, Refusal};
use crate::domain::payout::PayoutDestination;
use crate::issuer::IssuerKeys;
use crate::service::App;
use crate::store::{Payout, StoreError};

/// Where a payout goes to, as its merchant sees it.
#[derive(Serialize, ToSchema)]
#[schema(as = MaskedPayoutDestination)]
pub(super) struct MaskedDestinationBody {
    holder: String,
    /// Two stars, and the end of the account.
    account: String,
    /// The bank's name or code.
    bank: Option<String>,
}

impl From<&PayoutDestination> for MaskedDestinationBody {
    fn from(destination: &PayoutDestination) -> Self {
        Self {
            holder: destination.holder().to_owned(),
            account: destination.masked_account(),
            bank: destination.bank().map(str::to_owned),
        }
    }
}

/// What merchants and the operator see of a payout.
#[derive(Serialize, ToSchema)]
pub(super) struct PayoutFields {
    #[schema(value_type = schema::PayoutId)]
    pub(super) id: String,
    #[schema(schema_with = kind::payout)]
    object: &'static str,
    #[schema(value_type = schema::Mode)]
    mode: &'static str,
    #[schema(value_type = schema::PayoutState)]
    state: &'static str,
    #[schema(value_type = schema::Amount)]
    amount: String,
    #[schema(value_type = schema::Currency)]
    currency: &'static str,
    /// The bank's name for it, once it was paid.
    external_reference: Option<String>,
    /// Why the money came back, if the operator returned it.
    return_reason: Option<String>,
    description: Option<String>,
    #[schema(value_type = Option<schema::Metadata>)]
    metadata: Option<Box<RawValue>>,
    #[schema(value_type = schema::Time)]
    created_at: String,
    /// When the bank paid it.
    #[schema(value_type = Option<schema::Time>)]
    paid_at: Option<String>,
    /// When the state was reached.
    #[schema(value_type = schema::Time)]
    decided_at: String,
    #[schema(value_type = schema::Receipt)]
    receipt: String,
}

impl PayoutFields {
    /// As a record left it. What a payout has beside its records is set once, in the transition
    /// after which it is shown; so it is the same at any later time.
    pub(super) fn at(keys: &dyn IssuerKeys, payout: &Payout, record: &Record) -> Self {
        let ended = record.state == PaymentState::Canceled;
        let shown = ended || record.state == PaymentState::Succeeded;
        let metadata = payout.metadata.clone();
        Self {
            id: payout.id.to_string(),
            object: "payout",
            mode: record.mode.as_str(),
            state: record.state.as_str(),
            amount: record.asked.amount_text(),
            currency: record.asked.currency().code(),
            external_reference: payout.external_reference.clone().filter(|_| shown),
            return_reason: payout.return_reason.clone().filter(|_| ended),
            description: payout.description.clone(),
            // It was valid JSON when it was written.
            metadata: metadata.and_then(|json| RawValue::from_string(json).ok()),
            created_at: rfc3339(payout.created_at),
            paid_at: payout.paid_at.filter(|_| shown).map(rfc3339),
            decided_at: rfc3339(record.decided_at),
            receipt: keys.sign(record).to_string(),
        }
    }
}

/// A payout as its merchant sees it.
#[derive(Serialize, ToSchema)]
#[schema(as = Payout)]
pub(super) struct PayoutBody {
    #[serde(flatten)]
    fields: PayoutFields,
    destination: MaskedDestinationBody,
}

impl PayoutBody {
    /// As a record left it.
    pub(super) fn at(app: &App, payout: &Payout, record: &Record) -> Result<Self, StoreError> {
        let destination = app.destination_of(payout)?;
        let destination = MaskedDestinationBody::from(&destination);
        Ok(Self { fields: PayoutFields::at(app.keys.as_ref(), payout, record), destination })
    }

    /// As it is now.
    pub(super) fn current(app: &App, payout: &Payout) -> Result<Self, StoreError> {
        Self::at(app, payout, &payout.record)
    }
}

/// What a caller hears of an outcome; `body` writes a payout as a record left it.
pub(super) async fn answer<Body: Serialize>(
    app: &App,
    outcome: Outcome,
    status: StatusCode,
    body: impl FnOnce(&App, &Payout, &Record) -> Result<Body, StoreError>,
) -> Result<Response, Problem> {
    let (answer, replayed) = match outcome {
        Outcome::Answered { answer, replayed } => (answer, replayed),
        Outcome::Refused(refusal) => return Err(refused(app, refusal)),
    };
    let response = match answer {
        Answer::Movement(answer) => {
            let id = PayoutId::from_bytes(answer.record.subject);
            let payout = app.store.payout(id).await.map_err(Problem::done_but_unread)?;
            let Some(payout) = payout else { return Err(refused(app, Refusal::KeyReused)) };
            let body = body(app, &payout, &answer.record).map_err(Problem::done_but_unread)?;
            (status, Json(body)).into_response()
        }
        Answer::NotMoved(why) => not_moved(why).into_response(),
        // Whatever else a key stands for was another request.
        Answer::Payment(_)
        | Answer::Rejected(_)
        | Answer::TopUp(_)
        | Answer::Refund(_)
        | Answer::Order(_)
        | Answer::ReferenceCanceled => return Err(refused(app, Refusal::KeyReused)),
    };
    Ok(mark(response, replayed))
}

/// Not `final`: a payout that is not there now may be on its way.
pub(super) fn unknown_payout() -> Problem {
    Problem { certainty: Certainty::Retry, ..Problem::not_found("payout") }
}
