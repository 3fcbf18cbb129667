//! Which API key a request showed: noted where the key is read, counted when the answer is known.
//!
//! Counting ends with the request, however it ends: a thief who hangs up leaves a trail as well.

use std::sync::{Arc, OnceLock};

use axum::extract::Request;
use axum::http::{Extensions, StatusCode, header};

use crate::domain::ids::ApiKeyId;
use crate::service::App;
use crate::store::KeyUseOutcome;
use crate::worker::UsedKey;

/// Where the key is noted.
#[derive(Clone, Default)]
struct Shown(Arc<OnceLock<ApiKeyId>>);

/// Notes that a request shows this key, whether or not the key lets it in.
pub(super) fn note(extensions: &Extensions, key: ApiKeyId) {
    if let Some(shown) = extensions.get::<Shown>() {
        // A request shows one key, however often that is read.
        let _ = shown.0.set(key);
    }
}

/// A request that may show a key. Counted when this is dropped.
pub(super) struct Watched<'a> {
    app: &'a App,
    method: &'static str,
    route: &'a str,
    shown: Shown,
    outcome: KeyUseOutcome,
}

impl<'a> Watched<'a> {
    /// Watches a request that has a bearer token; `None` for all others.
    pub(super) fn begin(
        app: &'a App,
        request: &mut Request,
        method: &'static str,
        route: &'a str,
    ) -> Option<Self> {
        request.headers().get(header::AUTHORIZATION)?;
        let shown = Shown::default();
        request.extensions_mut().insert(shown.clone());
        Some(Self { app, method, route, shown, outcome: KeyUseOutcome::Unanswered })
    }

    /// The request has its answer.
    pub(super) fn answered(mut self, status: StatusCode) {
        self.outcome = outcome(status);
    }
}

impl Drop for Watched<'_> {
    fn drop(&mut self) {
        if let Some(&api_key) = self.shown.0.get() {
            let Self { method, route, outcome, .. } = *self;
            self.app.count_key_use(UsedKey { api_key, method, route, outcome });
        }
    }
}

/// What a status says to a merchant.
fn outcome(status: StatusCode) -> KeyUseOutcome {
    match status {
        StatusCode::PAYMENT_REQUIRED => KeyUseOutcome::Declined,
        StatusCode::UNAUTHORIZED => KeyUseOutcome::KeyRefused,
        StatusCode::FORBIDDEN => KeyUseOutcome::ScopeMissing,
        StatusCode::TOO_MANY_REQUESTS => KeyUseOutcome::RateLimited,
        status if status.is_server_error() => KeyUseOutcome::Failed,
        status if status.is_client_error() => KeyUseOutcome::Refused,
        _ => KeyUseOutcome::Succeeded,
    }
}
