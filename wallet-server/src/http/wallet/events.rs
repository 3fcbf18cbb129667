//! `GET /v1/wallet/events` tells a phone at once what happened to its codes and its money;
//! `GET /v1/wallet/activity` is the history, newest first.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::{Json, Router, routing};
use serde::{Deserialize, Serialize};
use wallet_core::code::Mark;
use wallet_core::receipt::RecordKind;
use wallet_core::{DeviceKeyId, Money};

use crate::domain::ids::{
    BatchId, ClaimId, EnvelopeId, PayerId, PayerTransferId, PaymentId, RefundId, SuspenseId,
    TopUpId, WithdrawalId,
};
use crate::domain::outcome::DeclineCode;
use crate::http::auth::SignedRequest;
use crate::http::input;
use crate::http::list::List;
use crate::http::problem::Problem;
use crate::http::time::rfc3339;
use crate::service::{App, Person};
use crate::store::{Cursor, PayerEvent, StoreError};

const EVENTS_MAX: usize = 100;

pub(super) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/v1/wallet/events", routing::get(events))
        .route("/v1/wallet/activity", routing::get(activity))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EventsQuery {
    after: Option<String>,
    wait: Option<u64>,
}

#[derive(Serialize)]
struct EventsBody {
    data: Vec<EventBody>,
    has_more: bool,
    /// Always there: go on from here.
    next: String,
}

#[derive(Serialize)]
struct EventBody {
    id: String,
    #[serde(flatten)]
    what: WhatBody,
    code: Option<MarkBody>,
}

/// What happened, for a payer.
#[derive(Serialize)]
struct WhatBody {
    r#type: String,
    subject: String,
    kind: &'static str,
    state: &'static str,
    /// None where it is about no money.
    amount: Option<String>,
    currency: &'static str,
    merchant_name: Option<String>,
    decline_code: Option<&'static str>,
    /// Which limit was in the way, and what is left of it.
    limit: Option<&'static str>,
    remaining: Option<String>,
    /// Between payers: the other one, and which way the money went.
    counterparty: Option<Person>,
    direction: Option<&'static str>,
    note: Option<String>,
    created_at: String,
}

/// A place in a device's sequence of codes.
#[derive(Serialize)]
pub(super) struct MarkBody {
    step: u32,
    seq: u8,
}

impl From<Mark> for MarkBody {
    fn from(Mark { step, seq }: Mark) -> Self {
        Self { step: step.number(), seq }
    }
}

/// Something in a payer's history.
#[derive(Serialize)]
pub(super) struct ActivityBody {
    id: String,
    #[serde(flatten)]
    what: WhatBody,
    receipt: String,
}

impl ActivityBody {
    pub(super) fn new(app: &App, event: &PayerEvent) -> Self {
        Self {
            id: subject(event),
            what: WhatBody::new(app, event),
            receipt: app.keys.sign(&event.record).to_string(),
        }
    }
}

impl WhatBody {
    fn new(app: &App, event: &PayerEvent) -> Self {
        let record = &event.record;
        let between = event.between.as_ref();
        let note = between.and_then(|between| between.note.as_ref());
        let amount = Some(record.asked).filter(|asked| asked.minor() > 0);
        Self {
            r#type: event.event_type.clone(),
            subject: subject(event),
            kind: record.kind.as_str(),
            state: record.state.as_str(),
            amount: amount.map(Money::amount_text),
            currency: record.asked.currency().code(),
            merchant_name: event.merchant_name.clone(),
            decline_code: event.decline_code.map(DeclineCode::as_str),
            limit: event.over_limit.map(|over| over.limit.as_str()),
            remaining: event.over_limit.map(|over| over.left.amount_text()),
            counterparty: between.map(|between| app.person(&between.other)),
            direction: between.map(|between| between.direction.as_str()),
            note: note.and_then(|(id, note)| app.note(*id, note)),
            created_at: rfc3339(record.decided_at),
        }
    }
}

fn subject(event: &PayerEvent) -> String {
    match event.record.kind {
        RecordKind::TopUp => TopUpId::from_bytes(event.record.subject).to_string(),
        RecordKind::Notice => notice_subject(event),
        RecordKind::Envelope => EnvelopeId::from_bytes(event.record.subject).to_string(),
        RecordKind::EnvelopeClaim => ClaimId::from_bytes(event.record.subject).to_string(),
        RecordKind::Withdrawal => WithdrawalId::from_bytes(event.record.subject).to_string(),
        RecordKind::Refund => RefundId::from_bytes(event.record.subject).to_string(),
        RecordKind::Suspense => SuspenseId::from_bytes(event.record.subject).to_string(),
        RecordKind::PayerTransfer => PayerTransferId::from_bytes(event.record.subject).to_string(),
        _ => PaymentId::from_bytes(event.record.subject).to_string(),
    }
}

/// A device, the payer or a payment, as the event's type says.
fn notice_subject(event: &PayerEvent) -> String {
    let subject = event.record.subject;
    match event.event_type.split_once('.') {
        Some(("code", _)) => PaymentId::from_bytes(subject).to_string(),
        Some(("device", _)) => {
            let mut key_id = [0; 8];
            key_id.copy_from_slice(&subject[..8]);
            DeviceKeyId::from_bytes(key_id).to_string()
        }
        _ => PayerId::from_bytes(subject).to_string(),
    }
}

impl EventBody {
    fn new(app: &App, event: &PayerEvent) -> Self {
        let code = event.mark.map(MarkBody::from);
        let id = write_cursor(event.cursor);
        Self { id, what: WhatBody::new(app, event), code }
    }
}

/// A place in the journal as text: position, number in the batch, time.
fn write_cursor(cursor: Cursor) -> String {
    format!("evt_{}_{}_{}", cursor.position, cursor.n, cursor.millis)
}

fn read_cursor(text: &str) -> Option<Cursor> {
    let mut numbers = text.strip_prefix("evt_")?.split('_').map(|part| part.parse().ok());
    let cursor =
        Cursor { position: numbers.next()??, n: numbers.next()??, millis: numbers.next()?? };
    numbers.next().is_none().then_some(cursor)
}

/// A batch and a number in it.
fn read_activity_cursor(text: &str) -> Option<(BatchId, i64)> {
    let (batch, n) = text.rsplit_once('_')?;
    Some((BatchId::parse(batch)?, n.parse().ok()?))
}

/// Without `after`, only what happens from now on.
async fn events(
    State(app): State<Arc<App>>,
    request: SignedRequest,
) -> Result<Json<EventsBody>, Problem> {
    let device = request.device(&app).await?;
    let query: EventsQuery = request.query()?;
    let wait = input::wait(query.wait)?;
    let after = match input::cursor(query.after.as_deref(), read_cursor)? {
        Some(after) => after,
        None => app.store.journal_end().await?,
    };
    let mut events = wait_for_events(&app, device.payer, after, wait).await?;
    let has_more = events.len() > EVENTS_MAX;
    events.truncate(EVENTS_MAX);
    let next = events.last().map_or(after, |event| event.cursor);
    Ok(Json(EventsBody {
        data: events.iter().map(|event| EventBody::new(&app, event)).collect(),
        has_more,
        next: write_cursor(next),
    }))
}

/// Looks, and while nothing is there, waits for something to happen and looks again.
async fn wait_for_events(
    app: &App,
    payer: PayerId,
    after: Cursor,
    wait: Duration,
) -> Result<Vec<PayerEvent>, StoreError> {
    let look = || app.store.payer_events(payer, after, EVENTS_MAX + 1);
    app.wait_until(payer, wait, look, |events| !events.is_empty()).await
}

async fn activity(
    State(app): State<Arc<App>>,
    request: SignedRequest,
) -> Result<Json<List<ActivityBody>>, Problem> {
    let device = request.device(&app).await?;
    let page: input::Page = request.query()?;
    let size = page.size()?;
    let before = input::cursor(page.after.as_deref(), read_activity_cursor)?;
    let events = app.store.payer_activity(device.payer, before, size + 1).await?;
    Ok(Json(List::page(
        events,
        size,
        |event| format!("{}_{}", event.batch, event.cursor.n),
        |event| ActivityBody::new(&app, &event),
    )))
}
