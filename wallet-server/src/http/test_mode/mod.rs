//! `/v1/test`: what only exists in test mode. Codes of payers that do what a test wants, their
//! decisions, and the time.

mod clock;
mod codes;
mod payments;

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::StatusCode;
use axum::http::request::Parts;
use utoipa_axum::router::OpenApiRouter;
use wallet_core::Mode;

use super::auth::MerchantAuth;
use super::problem::{Certainty, Problem};
use crate::service::App;

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().merge(codes::routes()).merge(payments::routes()).merge(clock::routes())
}

/// A merchant in test mode.
struct TestMerchant(MerchantAuth);

impl FromRequestParts<Arc<App>> for TestMerchant {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Problem> {
        let auth = MerchantAuth::from_request_parts(parts, app).await?;
        if auth.0.mode == Mode::Test {
            return Ok(Self(auth));
        }
        let detail = "This is for test keys (sk_test_…). Nothing live is touched by it.";
        Err(Problem::new(StatusCode::FORBIDDEN, "test_mode_only", Certainty::Retry, detail))
    }
}

/// Refuses to make something live in books whose clock tests move.
pub(super) fn keep_out_live(app: &App, mode: Mode) -> Result<(), Problem> {
    if app.keeps_out(mode) {
        let detail = "Tests move the clock of this server, so nothing live is made here. Say mode \
                      test.";
        return Err(Problem::new(StatusCode::CONFLICT, "test_clock_on", Certainty::Final, detail));
    }
    Ok(())
}
