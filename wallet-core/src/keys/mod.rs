//! Keys: who holds which, and the checks that make them safe to use.
//!
//! | key | held by | does |
//! |---|---|---|
//! | [`DeviceKey`] | the payer's phone | signs codes and requests |
//! | [`SealingKey`] | the issuer | opens codes; the phone has the public half |
//! | [`SigningKey`] | the issuer | signs receipts; tills and phones have the public half |

mod device;
mod ids;
mod sealing;
mod signing;

pub use device::{DeviceKey, DevicePublicKey};
pub(crate) use sealing::NOT_OPENED;

pub use ids::{DeviceKeyId, IssuerId, SigningKeyId, TerminalId};
pub use sealing::{SEALING_KEY_LIFE_MILLIS, SealingKey, SealingKeys, SealingPublicKey, Slot};
pub use signing::{SigningKey, SigningPublicKey};
