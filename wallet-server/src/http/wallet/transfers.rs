//! `POST /v1/wallet/transfers`: money from one payer to another.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{proof, recipients};
use crate::domain::ids::PayerTransferId;
use crate::domain::outcome::MovementAnswer;
use crate::http::auth::SignedRequest;
use crate::http::input;
use crate::http::not_moved::movement;
use crate::http::openapi::IdempotencyKey;
use crate::http::openapi::schema::{self, kind};
use crate::http::problem::Problem;
use crate::http::time::rfc3339;
use crate::service::{App, Person, TransferRequest, TransferShown};
use crate::store::StoreError;

const NOTE_LENGTH_MAX: usize = 100;

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(create))
}

type Note = schema::Text<NOTE_LENGTH_MAX>;

/// Money for another payer, who is named by a handle or by a receive code.
#[derive(Deserialize, ToSchema)]
#[schema(as = NewTransfer)]
#[serde(deny_unknown_fields)]
struct NewTransferBody {
    #[schema(value_type = Option<recipients::HandleText>)]
    handle: Option<String>,
    #[schema(value_type = Option<schema::ReceiveCode>)]
    receive_code: Option<String>,
    #[schema(value_type = schema::PositiveAmount)]
    amount: String,
    #[schema(value_type = schema::Currency)]
    currency: String,
    /// For the payee to read.
    #[schema(value_type = Option<Note>)]
    note: Option<String>,
    #[schema(value_type = schema::SixDigits)]
    pin: String,
}

/// Money that went to another payer.
#[derive(Serialize, ToSchema)]
#[schema(as = PayerTransfer)]
struct TransferBody {
    #[schema(value_type = schema::PayerTransferId)]
    id: String,
    #[schema(schema_with = kind::payer_transfer)]
    object: &'static str,
    #[schema(pattern = "^succeeded$")]
    state: &'static str,
    #[schema(value_type = schema::Amount)]
    amount: String,
    #[schema(value_type = schema::Currency)]
    currency: &'static str,
    to: Person,
    note: Option<String>,
    #[schema(value_type = schema::Time)]
    created_at: String,
    #[schema(value_type = schema::Receipt)]
    receipt: String,
}

impl TransferBody {
    fn new(app: &App, answer: &MovementAnswer) -> Result<Self, StoreError> {
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

/// Money to another payer
///
/// The PIN is looked at first, and only a right one gets into the ledger. Refusals are kept under the
/// key like any answer: a request that was late on its way never moves money that its payer was told
/// would not move. To try again, take another key.
#[utoipa::path(
    post,
    path = "/v1/wallet/transfers",
    operation_id = "create_transfer",
    tag = "Between payers",
    params(IdempotencyKey),
    request_body = NewTransferBody,
    responses((status = CREATED, description = "It is there.", body = TransferBody)),
    extensions(("x-errors" = json!(["a PIN", "a payer's money", "a recipient"]))),
)]
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
