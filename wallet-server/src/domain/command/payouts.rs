//! What merchants and the operator do with payouts.

use wallet_core::PositiveMoney;

use super::Request;
use crate::domain::ids::{ApiKeyId, MerchantId, PayoutId, TransferId};

/// A merchant has money paid out to its bank account.
#[derive(Clone, Debug)]
pub struct RequestPayout {
    /// Its id.
    pub id: PayoutId,
    /// Whose money it is.
    pub merchant: MerchantId,
    /// Who asks.
    pub by: PayoutAsker,
    /// How much; none for all that is available.
    pub amount: Option<PositiveMoney>,
    /// Where to, encrypted; none if the operator knows no account of the merchant.
    pub destination: Option<Vec<u8>>,
    /// For the merchant to read.
    pub description: Option<String>,
    /// The merchant's own data: a JSON object, kept as it is.
    pub metadata: Option<String>,
    /// The id of the transfer that sets the money aside.
    pub transfer: TransferId,
    /// The request.
    pub request: Request,
}

/// Who asks for a payout.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PayoutAsker {
    /// The merchant, with this API key.
    Merchant(ApiKeyId),
    /// The operator, on the merchant's behalf.
    Operator,
}

/// A payout goes on, or back.
#[derive(Clone, Debug)]
pub struct FinishPayout {
    /// The payout.
    pub id: PayoutId,
    /// Whose money it is.
    pub merchant: MerchantId,
    /// The id of the transfer.
    pub transfer: TransferId,
    /// The request.
    pub request: Request,
    /// What becomes of it.
    pub end: PayoutEnd,
}

/// What becomes of a payout.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum PayoutEnd {
    /// The merchant calls it off.
    Canceled {
        /// The API key that was used.
        api_key: ApiKeyId,
    },
    /// The bank has paid it.
    Paid {
        /// The bank's reference: each for one payout.
        external_reference: String,
    },
    /// The bank cannot pay it, or has sent the money back; the merchant has it again.
    Returned {
        /// Why, for the merchant to read.
        reason: String,
        /// Whether also a payout that was paid: then the money has come back.
        include_paid: bool,
    },
}

impl FinishPayout {
    /// The API key that was used for it.
    #[must_use]
    pub fn api_key(&self) -> Option<ApiKeyId> {
        match self.end {
            PayoutEnd::Canceled { api_key } => Some(api_key),
            PayoutEnd::Paid { .. } | PayoutEnd::Returned { .. } => None,
        }
    }
}

impl RequestPayout {
    /// The API key that was used for it.
    #[must_use]
    pub fn api_key(&self) -> Option<ApiKeyId> {
        match self.by {
            PayoutAsker::Merchant(api_key) => Some(api_key),
            PayoutAsker::Operator => None,
        }
    }
}
