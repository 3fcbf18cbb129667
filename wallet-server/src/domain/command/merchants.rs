//! What merchants ask for after a charge, and what the operator does with money that came back.

use wallet_core::PositiveMoney;

use super::{ReferenceRef, Request};
use crate::domain::ids::{
    ApiKeyId, MerchantId, OrderId, PayerId, PaymentId, RefundId, SuspenseId, TransferId,
};

/// A merchant undoes whatever stands under a reference; if nothing does, nothing ever will.
#[derive(Clone, Debug)]
pub struct CancelReference {
    /// The reference.
    pub reference: ReferenceRef,
    /// The payment that holds it and who pays, as it was looked up before: whoever decides about a
    /// payment locks its payer, and must know whom.
    pub holder: Option<(PaymentId, PayerId)>,
    /// The order that holds it, as it was looked up before: it is locked as well.
    pub order: Option<OrderId>,
    /// The id of the transfer, if money moves.
    pub transfer: TransferId,
    /// The API key that was used.
    pub api_key: ApiKeyId,
    /// The request.
    pub request: Request,
}

/// A merchant gives money of a payment back.
#[derive(Clone, Debug)]
pub struct Refund {
    /// Its id.
    pub id: RefundId,
    /// The payment.
    pub payment: PaymentId,
    /// Who paid.
    pub payer: PayerId,
    /// Who gives it back.
    pub merchant: MerchantId,
    /// How much; none for all that is left.
    pub amount: Option<PositiveMoney>,
    /// Why, in the merchant's words.
    pub reason: Option<String>,
    /// The merchant's own data: a JSON object, kept as it is.
    pub metadata: Option<String>,
    /// The id of the transfer.
    pub transfer: TransferId,
    /// The API key that was used.
    pub api_key: ApiKeyId,
    /// The request.
    pub request: Request,
}

/// The operator decides about money whose owner could not have it.
#[derive(Clone, Debug)]
pub struct EndSuspense {
    /// Which.
    pub id: SuspenseId,
    /// Whose money it is.
    pub payer: PayerId,
    /// The id of the transfer.
    pub transfer: TransferId,
    /// The request.
    pub request: Request,
    /// What becomes of it.
    pub end: SuspenseEnd,
}

/// What becomes of money in suspense.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum SuspenseEnd {
    /// The payer has it after all.
    Released,
    /// The bank has paid it to its owner.
    PaidOut {
        /// The bank's reference: each for one payment of the bank.
        external_reference: String,
    },
}
