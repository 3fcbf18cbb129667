//! A world to test in: the real server on loopback with a new database, a clock that the test
//! sets, seeded randomness, and the people who use it, speaking real HTTP.

#![expect(
    clippy::missing_panics_doc,
    clippy::unwrap_used,
    reason = "a test that cannot set up its world fails"
)]

mod answer;
mod apart;
mod at_once;
pub mod contract;
mod database;
mod hostile;
mod otp;
mod phone;
mod receiver;
mod signed;
mod standing;
mod till;
mod world;

pub use answer::Answer;
pub use apart::serve_apart;
pub use at_once::at_once;
pub use database::{Books, Database};
pub use hostile::{Hostile, altered};
pub use otp::otp_secret;
pub use phone::{PIN, Phone};
pub use receiver::{Receiver, Reply, Webhook};
pub use signed::{Signed, Signer};
pub use standing::Standing;
pub use till::{Charge, Till};
pub use world::World;

/// The README's Rust compiles.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
