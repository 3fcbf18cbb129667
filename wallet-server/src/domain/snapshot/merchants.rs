//! What is known about payments that were made before, and about what came of them.

use wallet_core::{DeviceKeyId, Mode, Money};

use crate::domain::ids::{OrderId, PayerId};
use crate::domain::limits::{Day, Proof};
use crate::domain::outcome::PaymentAnswer;
use crate::domain::request_hash::RequestHash;

/// What holds a reference.
#[derive(Clone, Debug)]
pub enum TakenReference {
    /// A payment.
    Payment {
        /// Of the request that made it.
        fingerprint: RequestHash,
        /// As it was first answered.
        first: Box<PaymentAnswer>,
        /// Whether its merchant has called it off since.
        canceled: bool,
    },
    /// A cancellation that came before any payment.
    Tombstone,
    /// An order, whether or not it is paid.
    Order(OrderId),
}

/// A payment that may still change.
#[derive(Clone, Debug)]
pub struct OpenPayment {
    /// As it was last answered.
    pub answer: PaymentAnswer,
    /// Who pays.
    pub payer: PayerId,
    /// Whose code was charged.
    pub device: DeviceKeyId,
    /// How it counts.
    pub proof: Proof,
    /// When it counted.
    pub day: Day,
    /// What was given back.
    pub refunded: Refunded,
}

/// What was given back of a payment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Refunded {
    /// How much, over all refunds.
    pub amount: Money,
    /// How much of the fee.
    pub fee: Money,
    /// How many refunds there were.
    pub count: u32,
}

/// Money whose owner could not have it.
#[derive(Clone, Copy, Debug)]
pub struct OpenSuspense {
    /// Whose it is.
    pub payer: PayerId,
    /// Live or test.
    pub mode: Mode,
    /// How much.
    pub amount: Money,
    /// Whether it has been released or paid out.
    pub ended: bool,
}
