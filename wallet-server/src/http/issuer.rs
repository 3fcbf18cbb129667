//! `/v1/issuer`: what everyone may know about the issuer.

use std::sync::Arc;

use axum::extract::State;
use axum::{Json, Router, routing};
use serde::Serialize;

use super::time::rfc3339;
use crate::service::App;

pub(super) fn routes() -> Router<Arc<App>> {
    Router::new().route("/v1/issuer", routing::get(issuer))
}

/// The issuer.
#[derive(Serialize)]
pub(super) struct IssuerBody {
    issuer_id: String,
    server_time: String,
    currency: &'static str,
    code_prefix: String,
    sealing_keys: Vec<SealingKeyBody>,
    signing_keys: Vec<SigningKeyBody>,
    /// All of the keys, certified with the root key: what clients believe.
    document: String,
}

#[derive(Serialize)]
struct SealingKeyBody {
    slot: u8,
    public_key: String,
    created_at: String,
    retires_at: String,
    current: bool,
}

#[derive(Serialize)]
struct SigningKeyBody {
    id: String,
    public_key: String,
}

impl IssuerBody {
    pub(super) fn new(app: &App) -> Self {
        let keys = app.keys.public();
        let now = app.now();
        let current = keys.sealing.last().filter(|key| now < key.retires_at).map(|key| key.slot);
        let sealing_keys = keys.sealing.iter().map(|key| SealingKeyBody {
            slot: key.slot.number(),
            public_key: base16ct::lower::encode_string(key.key.as_bytes()),
            created_at: rfc3339(key.created_at),
            retires_at: rfc3339(key.retires_at),
            current: Some(key.slot) == current,
        });
        let signing_keys = keys.signing.iter().map(|key| SigningKeyBody {
            id: key.id().to_string(),
            public_key: base16ct::lower::encode_string(key.as_bytes()),
        });
        Self {
            issuer_id: keys.issuer_id.to_string(),
            server_time: rfc3339(now),
            currency: app.currency.code(),
            code_prefix: app.prefix.to_string(),
            sealing_keys: sealing_keys.collect(),
            signing_keys: signing_keys.collect(),
            document: app.keys.document(app.prefix, now).to_string(),
        }
    }
}

/// `GET /v1/issuer`.
async fn issuer(State(app): State<Arc<App>>) -> Json<IssuerBody> {
    Json(IssuerBody::new(&app))
}
