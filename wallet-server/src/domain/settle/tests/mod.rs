//! Tests of settlement: rules one by one, then random batches against a simpler model.
//!
//! Everything runs through [`Database`](database::Database), which checks the books after each
//! batch; so each table test is also a test of the invariants.

mod books;
mod database;
mod declines;
mod fixture;
mod model;
mod money;
mod people;
mod precedence;
mod properties;
mod repeats;
mod strategy;
mod writing;
