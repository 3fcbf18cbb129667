//! Tests of settlement: rules one by one, then random batches against a simpler model.
//!
//! Everything runs through [`Database`](database::Database), which checks the books after each
//! batch; so each table test is also a test of the invariants.

mod asked;
mod audit;
mod books;
mod cancellations;
mod captures;
mod changes;
mod confirmations;
mod database;
mod declines;
mod fixture;
mod load;
mod merchant_codes;
mod model;
mod money;
mod paying_out;
mod payouts;
mod people;
mod precedence;
mod properties;
mod refunds;
mod repeats;
mod requests;
mod seen;
mod simulation;
mod strategy;
mod suspense;
mod transitions;
mod writing;
