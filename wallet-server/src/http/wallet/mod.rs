//! What payers' devices call; every request is signed.

mod balance;
mod confirmations;
mod devices;
mod enrolments;
mod events;
mod pin;
mod proof;
mod totp;

use std::sync::Arc;

use axum::Router;

use crate::service::App;

pub(super) fn routes() -> Router<Arc<App>> {
    Router::new()
        .merge(enrolments::routes())
        .merge(balance::routes())
        .merge(confirmations::routes())
        .merge(events::routes())
        .merge(devices::routes())
        .merge(pin::routes())
        .merge(totp::routes())
}
