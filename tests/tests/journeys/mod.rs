//! What people do with the whole, over real HTTP. Each program that includes this runs all of it on
//! its `DATABASE`.

mod account;
mod authorities;
mod bad_input;
mod bad_requests;
pub(crate) mod books;
mod cancellations;
mod captures;
mod charge;
mod checks;
mod confirmations;
mod device_requests;
mod devices;
mod disconnect;
mod enrolment;
mod envelopes;
mod evidence;
mod export;
mod issuer_keys;
mod limits;
mod lists;
mod merchants;
mod operator;
mod payment_races;
mod people_checks;
mod pin;
mod refunds;
mod refusals;
mod retention;
mod schema;
mod settlement_scenarios;
mod stolen_database;
mod suspense;
mod tls;
mod totp;
mod transfers;
mod withdrawals;
