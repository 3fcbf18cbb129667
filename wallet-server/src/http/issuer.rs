//! `/v1/issuer`: what everyone may know about the issuer.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::openapi::schema;
use super::time::rfc3339;
use crate::service::App;

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(issuer))
}

/// The issuer, and its public keys.
#[derive(Serialize, ToSchema)]
#[schema(as = Issuer)]
pub(super) struct IssuerBody {
    #[schema(pattern = "^[0-9a-f]+$")]
    issuer_id: String,
    #[schema(value_type = schema::Time)]
    server_time: String,
    #[schema(value_type = schema::Currency)]
    currency: &'static str,
    /// What its codes begin with.
    #[schema(pattern = "^[0-9]+$")]
    code_prefix: String,
    sealing_keys: Vec<SealingKeyBody>,
    signing_keys: Vec<SigningKeyBody>,
    /// All of the keys, certified with the root key: what clients believe.
    document: String,
}

/// A key to which phones encrypt their codes.
#[derive(Serialize, ToSchema)]
#[schema(as = SealingKey)]
struct SealingKeyBody {
    slot: u8,
    #[schema(value_type = schema::PublicKey)]
    public_key: String,
    #[schema(value_type = schema::Time)]
    created_at: String,
    #[schema(value_type = schema::Time)]
    retires_at: String,
    /// Whether phones take this one.
    current: bool,
}

/// A key that signs receipts.
#[derive(Serialize, ToSchema)]
#[schema(as = SigningKey)]
struct SigningKeyBody {
    #[schema(pattern = "^[0-9a-f]+$")]
    id: String,
    #[schema(value_type = schema::PublicKey)]
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

/// What everyone may know about the issuer
#[utoipa::path(
    get,
    path = "/v1/issuer",
    operation_id = "get_issuer",
    tag = "Everyone",
    responses((status = OK, description = "The issuer.", body = IssuerBody)),
)]
async fn issuer(State(app): State<Arc<App>>) -> Json<IssuerBody> {
    Json(IssuerBody::new(&app))
}
