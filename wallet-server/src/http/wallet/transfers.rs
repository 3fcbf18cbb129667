//! `POST /v1/wallet/transfers`: money from one payer to another.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing;
use serde::{Deserialize, Serialize};

use super::{proof, recipients};
use crate::domain::ids::PayerTransferId;
use crate::domain::outcome::MovementAnswer;
use crate::http::auth::SignedRequest;
use crate::http::input;
use crate::http::not_moved::movement;
use crate::http::problem::Problem;
use crate::http::time::rfc3339;
use crate::service::{App, Person, TransferRequest, TransferShown};

const NOTE_LENGTH_MAX: usize = 100;

pub(super) fn routes() -> Router<Arc<App>> {
    Router::new().route("/v1/wallet/transfers", routing::post(create))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewTransferBody {
    handle: Option<String>,
    receive_code: Option<String>,
    amount: String,
    currency: String,
    note: Option<String>,
    pin: String,
}

#[derive(Serialize)]
struct TransferBody {
    id: String,
    object: &'static str,
    state: &'static str,
    amount: String,
    currency: &'static str,
    to: Person,
    note: Option<String>,
    created_at: String,
    receipt: String,
}

impl TransferBody {
    fn new(app: &App, answer: &MovementAnswer) -> Result<Self, Problem> {
        let TransferShown { to, note } = app.shown(answer)?;
        let record = &answer.record;
        Ok(Self {
            id: PayerTransferId::from_bytes(record.subject).to_string(),
            object: "payer_transfer",
            state: record.state.as_str(),
            amount: record.asked.amount_text(),
            currency: record.asked.currency().code(),
            to,
            note,
            created_at: rfc3339(record.decided_at),
            receipt: app.keys.sign(record).to_string(),
        })
    }
}

/// The PIN is looked at first, and only a right one gets into the ledger.
async fn create(State(app): State<Arc<App>>, request: SignedRequest) -> Result<Response, Problem> {
    let device = request.pin_actor(&app).await?;
    let key = input::idempotency_key(request.headers())?;
    let body: NewTransferBody = input::json(&request.body)?;
    let to = recipients::recipient(body.handle, body.receive_code.as_deref())?;
    let amount = input::amount(&body.amount, &body.currency)?;
    if let Some(note) = &body.note {
        input::text("/note", note, NOTE_LENGTH_MAX)?;
    }
    let pin = proof::pin("/pin", &body.pin)?;
    app.check_pin(&device, &pin).await?;
    let transfer = TransferRequest { key, to, amount, note: body.note };
    let outcome = app.transfer(&device, transfer).await?;
    movement(&app, outcome, StatusCode::CREATED, |answer| TransferBody::new(&app, answer))
}
