//! Answers about money that merchants give back.

use wallet_core::Money;
use wallet_core::receipt::Record;

use crate::domain::ids::{MerchantId, PaymentId, RefundId};

/// A refund as it was answered. Nothing of it ever changes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RefundAnswer {
    /// Its id.
    pub id: RefundId,
    /// Whose it is.
    pub merchant: MerchantId,
    /// The payment.
    pub payment: PaymentId,
    /// How much, and when: what the journal says.
    pub record: Record,
    /// How much of its fee the merchant got back.
    pub fee_returned: Money,
    /// Why, in the merchant's words.
    pub reason: Option<String>,
    /// The merchant's own data, as JSON.
    pub metadata: Option<String>,
}
