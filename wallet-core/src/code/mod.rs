//! Payment codes of kind 1: signed by the device, sealed to the issuer, shown as digits.
//!
//! The specification is `docs/payment-code.md`. The payer's side is [`PayerDevice`] and
//! [`Rotation`]; the issuer's is [`SealedCode`], [`OpenedCode`] and [`VerifiedCode`].

mod device;
mod digits;
mod issuer;
mod layout;
mod rotation;

pub use device::{CodeTerms, IssuerProfile, PayerDevice, PaymentCode};
pub use digits::CodePrefix;
pub use issuer::{EVIDENCE_LENGTH, Freshness, OpenedCode, SealedCode, SealedMessage, VerifiedCode};
pub use layout::{Claims, CodeLimit, Mark};
pub use rotation::{Ask, MarkStore, Rotation, Showing, adopt_mark, mark_not_stored};

#[cfg(test)]
mod tests;
