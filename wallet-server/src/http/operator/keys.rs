//! The issuer's keys: what there is, and making new ones.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::http::input;
use crate::http::issuer::IssuerBody;
use crate::http::openapi::schema;
use crate::http::problem::{Certainty, Problem};
use crate::issuer::{KeyFileError, KeyKind};
use crate::service::App;

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(rotate))
}

/// The issuer's keys
#[utoipa::path(
    get,
    path = "/v1/operator/keys",
    operation_id = "list_keys",
    tag = "Keys",
    responses((status = OK, description = "All that are in use.", body = IssuerBody)),
)]
async fn list(State(app): State<Arc<App>>) -> Json<IssuerBody> {
    Json(IssuerBody::new(&app))
}

/// Which kind of key.
#[derive(Deserialize, ToSchema)]
#[schema(as = KeyRotation)]
#[serde(deny_unknown_fields)]
struct RotateBody {
    #[schema(value_type = schema::KeyKind)]
    kind: String,
}

/// Make a new key
///
/// A signing key signs from a minute later on.
#[utoipa::path(
    post,
    path = "/v1/operator/keys/rotate",
    operation_id = "rotate_key",
    tag = "Keys",
    request_body = RotateBody,
    responses((status = OK, description = "All that are in use.", body = IssuerBody)),
    extensions(("x-errors" = json!(["409 no_room_for_key", "409 key_file_differs"]))),
)]
async fn rotate(State(app): State<Arc<App>>, body: Bytes) -> Result<Json<IssuerBody>, Problem> {
    let body: RotateBody = input::json(&body)?;
    let kind = match body.kind.as_str() {
        "sealing" => KeyKind::Sealing,
        "signing" => KeyKind::Signing,
        _ => return Err(Problem::field("/kind", "sealing or signing")),
    };
    let rotating = Arc::clone(&app);
    // Writing the key file, and deriving a key from its passphrase, takes its time.
    let task = tokio::task::spawn_blocking(move || rotating.keys.rotate(kind, rotating.now()));
    match task.await {
        Ok(Ok(())) => {
            tracing::info!(?kind, "a key was rotated");
            Ok(Json(IssuerBody::new(&app)))
        }
        Ok(Err(KeyFileError::NoRoom(detail))) => {
            Err(Problem::new(StatusCode::CONFLICT, "no_room_for_key", Certainty::Final, detail))
        }
        Ok(Err(error @ (KeyFileError::OtherIssuer(_) | KeyFileError::Older(_)))) => {
            tracing::error!(%error, "a key was not rotated");
            let status = StatusCode::CONFLICT;
            let detail = error.to_string();
            Err(Problem::new(status, "key_file_differs", Certainty::Final, detail))
        }
        Ok(Err(error @ KeyFileError::NotDurable(..))) => {
            tracing::error!(%error, ?kind, "a key was rotated, perhaps not for good");
            Err(failed(
                Certainty::Unknown,
                "The new key is in use, but its file may not survive a power failure. Check the \
                 disk; do not repeat this.",
            ))
        }
        Ok(Err(error)) => {
            tracing::error!(%error, "a key was not rotated");
            Err(failed(Certainty::Final, "The key file could not be written. Nothing changed."))
        }
        // It panicked: who knows where.
        Err(_) => Err(failed(Certainty::Unknown, "Look whether there is a new key.")),
    }
}

fn failed(certainty: Certainty, detail: &str) -> Problem {
    Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", certainty, detail)
}
