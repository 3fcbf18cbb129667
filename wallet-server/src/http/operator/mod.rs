//! What the operator calls, on a listener of its own.

mod api_keys;
mod books;
mod key_trail;
mod keys;
mod merchants;
mod payers;
mod payout_batches;
mod payout_destinations;
mod payouts;
mod suspense;
mod top_ups;
mod withdrawals;

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use utoipa_axum::router::OpenApiRouter;

use super::auth::bearer;
use super::problem::Problem;
use crate::service::{App, secret_hash};

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .merge(merchants::routes())
        .merge(api_keys::routes())
        .merge(key_trail::routes())
        .merge(payers::routes())
        .merge(top_ups::routes())
        .merge(withdrawals::routes())
        .merge(suspense::routes())
        .merge(payouts::routes())
        .merge(payout_batches::routes())
        .merge(payout_destinations::routes())
        .merge(books::routes())
        .merge(keys::routes())
}

/// Who may call the operator's API.
#[derive(Clone, Debug)]
pub enum OperatorAuth {
    /// Whoever can open the Unix socket: the file's mode decides.
    Socket,
    /// Whoever has the operator key, known by its hash, and names one of these hosts.
    ///
    /// The `Host` is checked so that a web page cannot reach a loopback listener by giving its own
    /// name the address 127.0.0.1.
    Key {
        /// The hash of the key.
        hash: [u8; 32],
        /// Host names, with ports.
        hosts: Vec<String>,
    },
}

pub(super) async fn authorise(
    State(auth): State<OperatorAuth>,
    request: Request,
    next: Next,
) -> Response {
    let allowed = match &auth {
        OperatorAuth::Socket => true,
        OperatorAuth::Key { hash, hosts } => {
            let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
            let host_known = host.is_some_and(|host| hosts.iter().any(|known| known == host));
            // Comparing hashes gives nothing away about the key.
            host_known && bearer(request.headers()).map(secret_hash) == Some(*hash)
        }
    };
    if allowed {
        next.run(request).await
    } else {
        Problem::unauthorized("Send Authorization: Bearer with the operator key.").into_response()
    }
}
