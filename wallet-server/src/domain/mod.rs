//! The rules: pure, synchronous, and unaware of SQL, HTTP and clocks.
//!
//! Start at [`settle`]: it is the whole life of a payment once its code has been verified.

pub mod audit;
pub mod command;
pub mod fee;
pub mod ids;
pub mod journal;
pub mod ledger;
pub mod limits;
pub mod merchant_feed;
pub(crate) mod named;
pub mod outcome;
pub mod payout;
pub mod plan;
pub mod request_hash;
pub mod settle;
pub mod shares;
pub mod snapshot;
pub mod stage;
pub mod statement;
pub mod test_payer;
pub mod tree;
pub mod trusted_time;
pub mod webhooks;
