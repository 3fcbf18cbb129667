//! What payers' devices call; every request is signed.

mod account;
mod balance;
mod confirmations;
mod devices;
mod enrolments;
mod envelopes;
mod events;
mod export;
mod limits;
mod merchant_codes;
mod payments;
mod pin;
mod proof;
mod recipients;
mod registrations;
mod totp;
mod transfers;
mod withdrawals;

use std::sync::Arc;

use utoipa_axum::router::OpenApiRouter;

use crate::service::App;

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .merge(enrolments::routes())
        .merge(balance::routes())
        .merge(confirmations::routes())
        .merge(events::routes())
        .merge(account::routes())
        .merge(devices::routes())
        .merge(export::routes())
        .merge(limits::routes())
        .merge(registrations::routes())
        .merge(pin::routes())
        .merge(totp::routes())
        .merge(recipients::routes())
        .merge(merchant_codes::routes())
        .merge(payments::routes())
        .merge(transfers::routes())
        .merge(envelopes::routes())
        .merge(withdrawals::routes())
}
