//! `/v1/webhook_endpoints`: where a merchant wants to be told of events, and how telling it went.

mod deliveries;
mod endpoints;
mod text;

use std::sync::Arc;

use utoipa_axum::router::OpenApiRouter;

pub(crate) use text::event_texts;

use super::auth::MerchantAuth;
use super::problem::Problem;
use crate::domain::ids::WebhookEndpointId;
use crate::service::App;
use crate::store::WebhookEndpoint;

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    endpoints::routes().merge(deliveries::routes())
}

fn unknown() -> Problem {
    Problem::not_found("webhook endpoint")
}

fn endpoint_id(text: &str) -> Result<WebhookEndpointId, Problem> {
    WebhookEndpointId::parse(text).ok_or_else(unknown)
}

/// The caller's own endpoint with this id.
async fn own(app: &App, auth: &MerchantAuth, id: &str) -> Result<WebhookEndpoint, Problem> {
    let whose = (auth.0.merchant, auth.0.mode);
    app.store.webhook_endpoint(whose, endpoint_id(id)?).await?.ok_or_else(unknown)
}
