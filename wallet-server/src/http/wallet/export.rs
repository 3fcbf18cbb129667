//! `GET /v1/wallet/export`: everything that the issuer has about a payer, for that payer.
//!
//! Written page by page, so that a long history takes no more memory than a short one. If the
//! database fails on the way, the body breaks off, and so is no JSON.

mod bodies;

use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use self::bodies::{ClaimedBody, SentBody};
use super::account::AccountBody;
use super::devices::DeviceBody;
use super::events::ActivityBody;
use super::limits::LimitsBody;
use crate::domain::ids::{BatchId, ClaimId, EnvelopeId, PayerId, WithdrawalId};
use crate::http::auth::SignedRequest;
use crate::http::balance::CurrencyBalance;
use crate::http::openapi::schema::kind;
use crate::http::problem::Problem;
use crate::http::withdrawal_body::WithdrawalBody;
use crate::service::App;
use crate::store::StoreError;

/// How many rows of a list are read at once.
const PAGE_SIZE: usize = 100;

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(export))
}

/// What comes before the lists.
#[derive(Serialize, ToSchema)]
#[schema(as = ExportHead)]
struct HeadBody {
    #[schema(schema_with = kind::export)]
    object: &'static str,
    account: AccountBody,
    devices: Vec<DeviceBody>,
    limits: LimitsBody,
    balances: Vec<CurrencyBalance>,
}

/// All that is written, for the document: the lists follow page by page.
#[derive(ToSchema)]
#[schema(as = Export)]
#[expect(dead_code, reason = "the description of what is written piece by piece")]
struct ExportBody {
    #[schema(inline)]
    #[serde(flatten)]
    head: HeadBody,
    withdrawals: Vec<WithdrawalBody>,
    envelopes: Vec<SentBody>,
    envelope_claims: Vec<ClaimedBody>,
    activity: Vec<ActivityBody>,
}

/// Everything about the payer
///
/// Lists are whole, newest first.
#[utoipa::path(
    get,
    path = "/v1/wallet/export",
    operation_id = "export",
    tag = "Wallet",
    responses((status = OK, description = "All of it.", body = ExportBody)),
    extensions(("x-errors" = json!(["404 not_found"]))),
)]
async fn export(State(app): State<Arc<App>>, request: SignedRequest) -> Result<Response, Problem> {
    let device = request.device(&app).await?;
    let devices = app.store.devices_of(device.payer).await?;
    let balances = app.store.balances(*device.payer.as_bytes()).await?;
    let head = HeadBody {
        object: "export",
        account: AccountBody::of(&app, &device).await?,
        devices: devices.iter().map(|own| DeviceBody::new(&app, own, &device)).collect(),
        limits: LimitsBody::of(&app, &device).await?,
        balances: balances.into_iter().map(CurrencyBalance::from).collect(),
    };
    let mut head = serde_json::to_vec(&head).map_err(|_| Problem::internal())?;
    // The lists go on where the object would end.
    head.pop();
    let export = Export { app, payer: device.payer, part: Part::Head(head) };
    let body = Body::from_stream(stream::try_unfold(export, Export::next));
    Ok(([(header::CONTENT_TYPE, "application/json")], body).into_response())
}

struct Export {
    app: Arc<App>,
    payer: PayerId,
    part: Part,
}

/// What comes next: of a list, what is older than this, or the newest.
enum Part {
    Head(Vec<u8>),
    Withdrawals(Option<WithdrawalId>),
    Envelopes(Option<EnvelopeId>),
    Claims(Option<ClaimId>),
    Activity(Option<(BatchId, i64)>),
    End,
}

impl Export {
    /// The next part of the body.
    async fn next(mut self) -> Result<Option<(Bytes, Self)>, StoreError> {
        let (app, payer, store) = (&*self.app, self.payer, &self.app.store);
        let (bytes, part) = match self.part {
            Part::Head(head) => (head, Part::Withdrawals(None)),
            Part::Withdrawals(before) => {
                let found = store.payer_withdrawals(payer, before, PAGE_SIZE).await?;
                let last = full(&found).map(|last| last.id);
                let next = last.map_or(Part::Envelopes(None), |id| Part::Withdrawals(Some(id)));
                let bodies = found.iter().map(|one| WithdrawalBody::current(app, one));
                (page("withdrawals", before.is_none(), bodies, last.is_none())?, next)
            }
            Part::Envelopes(before) => {
                let found = store.envelopes(payer, before, PAGE_SIZE).await?;
                let last = full(&found).map(|last| last.id);
                let next = last.map_or(Part::Claims(None), |id| Part::Envelopes(Some(id)));
                let bodies = found.iter().map(|one| SentBody::new(app, one));
                (page("envelopes", before.is_none(), bodies, last.is_none())?, next)
            }
            Part::Claims(before) => {
                let found = store.claimed_shares(payer, before, PAGE_SIZE).await?;
                let last = full(&found).map(|last| last.id);
                let next = last.map_or(Part::Activity(None), |id| Part::Claims(Some(id)));
                let bodies = found.iter().map(|one| ClaimedBody::new(app, one));
                (page("envelope_claims", before.is_none(), bodies, last.is_none())?, next)
            }
            Part::Activity(before) => {
                let found = store.payer_activity(payer, before, PAGE_SIZE).await?;
                let last = full(&found).map(|last| (last.batch, last.cursor.n));
                let next = last.map_or(Part::End, |place| Part::Activity(Some(place)));
                let bodies = found.iter().map(|event| ActivityBody::new(app, event));
                let mut bytes = page("activity", before.is_none(), bodies, last.is_none())?;
                if last.is_none() {
                    bytes.extend_from_slice(b"}\n");
                }
                (bytes, next)
            }
            Part::End => return Ok(None),
        };
        self.part = part;
        Ok(Some((bytes.into(), self)))
    }
}

/// The last row of a page after which there may be more.
fn full<Row>(rows: &[Row]) -> Option<&Row> {
    rows.last().filter(|_| rows.len() == PAGE_SIZE)
}

/// A part of a list in the object.
fn page(
    name: &str,
    first: bool,
    bodies: impl Iterator<Item: Serialize>,
    last: bool,
) -> Result<Vec<u8>, StoreError> {
    let mut part = Vec::new();
    if first {
        part.extend_from_slice(format!(",\"{name}\":[").as_bytes());
    }
    for (position, body) in bodies.enumerate() {
        if !first || position > 0 {
            part.push(b',');
        }
        serde_json::to_writer(&mut part, &body)?;
    }
    if last {
        part.push(b']');
    }
    Ok(part)
}
