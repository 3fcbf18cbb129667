//! `GET /v1/wallet/export`: everything that the issuer has about a payer, for that payer.
//!
//! Written page by page, so that a long history takes no more memory than a short one. If the
//! database fails on the way, the body breaks off, and so is no JSON.

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use axum::routing;
use futures_util::stream;
use serde::Serialize;

use super::account::AccountBody;
use super::devices::DeviceBody;
use super::events::ActivityBody;
use super::limits::LimitsBody;
use crate::domain::ids::{BatchId, PayerId};
use crate::http::auth::SignedRequest;
use crate::http::balance::CurrencyBalance;
use crate::http::problem::Problem;
use crate::service::App;
use crate::store::StoreError;

/// How many rows of the history are read at once.
const PAGE_SIZE: usize = 100;

pub(super) fn routes() -> Router<Arc<App>> {
    Router::new().route("/v1/wallet/export", routing::get(export))
}

/// What comes before the history.
#[derive(Serialize)]
struct HeadBody {
    object: &'static str,
    account: AccountBody,
    devices: Vec<DeviceBody>,
    limits: LimitsBody,
    balances: Vec<CurrencyBalance>,
}

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
    // The history goes on where the object would end.
    head.pop();
    head.extend_from_slice(b",\"activity\":[");
    let history = History { app, payer: device.payer, head: Some(head), place: Place::Newest };
    let body = Body::from_stream(stream::try_unfold(history, History::next));
    Ok(([(header::CONTENT_TYPE, "application/json")], body).into_response())
}

struct History {
    app: Arc<App>,
    payer: PayerId,
    head: Option<Vec<u8>>,
    place: Place,
}

enum Place {
    Newest,
    Before(BatchId, i64),
    End,
}

impl History {
    /// The next part of the body.
    async fn next(mut self) -> Result<Option<(Bytes, Self)>, StoreError> {
        if let Some(head) = self.head.take() {
            return Ok(Some((head.into(), self)));
        }
        let (before, first) = match self.place {
            Place::Newest => (None, true),
            Place::Before(batch, n) => (Some((batch, n)), false),
            Place::End => return Ok(None),
        };
        let events = self.app.store.payer_activity(self.payer, before, PAGE_SIZE).await?;
        let mut part = Vec::new();
        for (position, event) in events.iter().enumerate() {
            if !first || position > 0 {
                part.push(b',');
            }
            serde_json::to_writer(&mut part, &ActivityBody::new(&self.app, event))?;
        }
        self.place = match events.last() {
            Some(last) if events.len() == PAGE_SIZE => Place::Before(last.batch, last.cursor.n),
            _ => Place::End,
        };
        if matches!(self.place, Place::End) {
            part.extend_from_slice(b"]}\n");
        }
        Ok(Some((part.into(), self)))
    }
}
