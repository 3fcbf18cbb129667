//! `GET /v1/wallet/events` tells a phone at once what happened to its codes and its money;
//! `GET /v1/wallet/activity` is the history, newest first.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use wallet_core::code::Mark;
use wallet_core::receipt::RecordKind;
use wallet_core::{DeviceKeyId, Money};

use crate::domain::ids::{
    BatchId, ClaimId, EnvelopeId, OrderId, PayerId, PayerTransferId, PaymentId, RefundId,
    SuspenseId, TopUpId, WithdrawalId,
};
use crate::domain::outcome::DeclineCode;
use crate::http::auth::{SignedRequest, still_enrolled};
use crate::http::cursor;
use crate::http::input;
use crate::http::list::List;
use crate::http::openapi::schema;
use crate::http::problem::Problem;
use crate::http::time::rfc3339;
use crate::service::{App, Person};
use crate::store::{Cursor, PayerEvent, StoreError};

const EVENTS_MAX: usize = 100;

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(events)).routes(routes!(activity))
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct EventsQuery {
    /// The `next` of the answer before.
    #[param(pattern = "^evt_[0-9]+_[0-9]+_[0-9]+$")]
    after: Option<String>,
    /// For so many seconds, keep the request open until something happens.
    #[param(minimum = 0, maximum = 25)]
    wait: Option<u64>,
}

/// What happened since.
#[derive(Serialize, ToSchema)]
#[schema(as = Events)]
struct EventsBody {
    data: Vec<EventBody>,
    has_more: bool,
    /// Always there: go on from here.
    next: String,
}

/// An event.
#[derive(Serialize, ToSchema)]
#[schema(as = Event)]
struct EventBody {
    #[schema(pattern = "^evt_[0-9]+_[0-9]+_[0-9]+$")]
    id: String,
    #[serde(flatten)]
    what: WhatBody,
    /// Which shown code it was, so that the phone shows the next one.
    code: Option<MarkBody>,
}

/// What happened, for a payer.
#[derive(Serialize, ToSchema)]
#[schema(as = Happening)]
struct WhatBody {
    /// For programs, such as `payment.succeeded`: `docs/http-api.md` lists them.
    #[schema(pattern = "^[a-z_]+[.][a-z_]+$")]
    r#type: String,
    /// The id of what it is about.
    subject: String,
    /// The kind of what it is about.
    kind: &'static str,
    #[schema(value_type = schema::PaymentState)]
    state: &'static str,
    /// None where it is about no money.
    #[schema(value_type = Option<schema::Amount>)]
    amount: Option<String>,
    #[schema(value_type = schema::Currency)]
    currency: &'static str,
    merchant_name: Option<String>,
    #[schema(value_type = Option<schema::DeclineReason>)]
    decline_code: Option<&'static str>,
    /// Which limit was in the way.
    limit: Option<&'static str>,
    /// What is left of it.
    #[schema(value_type = Option<schema::Amount>)]
    remaining: Option<String>,
    /// Between payers: the other one.
    counterparty: Option<Person>,
    /// Between payers: which way the money went.
    #[schema(pattern = "^(in|out)$")]
    direction: Option<&'static str>,
    note: Option<String>,
    #[schema(value_type = schema::Time)]
    created_at: String,
}

/// A place in a device's sequence of codes.
#[derive(Serialize, ToSchema)]
#[schema(as = Mark)]
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
#[derive(Serialize, ToSchema)]
#[schema(as = Activity)]
pub(super) struct ActivityBody {
    /// The id of what it is about.
    id: String,
    #[serde(flatten)]
    what: WhatBody,
    #[schema(value_type = schema::Receipt)]
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
        RecordKind::Order => OrderId::from_bytes(event.record.subject).to_string(),
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
        let id = cursor::write(event.cursor);
        Self { id, what: WhatBody::new(app, event), code }
    }
}

/// A batch and a number in it.
fn read_activity_cursor(text: &str) -> Option<(BatchId, i64)> {
    let (batch, n) = text.rsplit_once('_')?;
    Some((BatchId::parse(batch)?, n.parse().ok()?))
}

/// What happens to the payer's codes and money
///
/// Oldest first. Without `after`, only what happens from now on; `wait` keeps the request open until
/// something does.
#[utoipa::path(
    get,
    path = "/v1/wallet/events",
    operation_id = "list_events",
    tag = "Wallet",
    params(EventsQuery),
    responses((status = OK, description = "At most 100 events.", body = EventsBody)),
)]
async fn events(
    State(app): State<Arc<App>>,
    request: SignedRequest,
) -> Result<Json<EventsBody>, Problem> {
    let device = request.device(&app).await?;
    let query: EventsQuery = request.query()?;
    let wait = input::wait(query.wait)?;
    let after = match input::cursor(query.after.as_deref(), cursor::read)? {
        Some(after) => after,
        None => app.store.journal_end().await?,
    };
    let mut events = wait_for_events(&app, device.payer, after, wait).await?;
    if !wait.is_zero() {
        still_enrolled(&app, &device).await?;
    }
    let has_more = events.len() > EVENTS_MAX;
    events.truncate(EVENTS_MAX);
    let next = events.last().map_or(after, |event| event.cursor);
    Ok(Json(EventsBody {
        data: events.iter().map(|event| EventBody::new(&app, event)).collect(),
        has_more,
        next: cursor::write(next),
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

/// The history
///
/// Newest first.
#[utoipa::path(
    get,
    path = "/v1/wallet/activity",
    operation_id = "list_activity",
    tag = "Wallet",
    params(input::Page, ("after" = Option<schema::ActivityCursor>, Query, description = "The `next` of the page before.")),
    responses((status = OK, description = "A page.", body = List<ActivityBody>)),
)]
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
