//! What merchants and payers do with codes that merchants show: orders and plates.

use wallet_core::{PositiveMoney, Timestamp};

use super::{CodeSource, PayerRequest, ReferenceRef, Request};
use crate::domain::ids::{ApiKeyId, MerchantId, OrderId, PaymentId, PlateId, TransferId};

/// A code that a merchant shows, by what it stands for.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum MerchantCodeId {
    /// One payment of one amount.
    Order(OrderId),
    /// Any number of payments.
    Plate(PlateId),
}

impl MerchantCodeId {
    /// The bytes of the id.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 16] {
        match self {
            Self::Order(id) => id.as_bytes(),
            Self::Plate(id) => id.as_bytes(),
        }
    }

    /// How a payment says that it came by this.
    #[must_use]
    pub const fn code_source(self) -> CodeSource {
        match self {
            Self::Order(_) => CodeSource::Order,
            Self::Plate(_) => CodeSource::Plate,
        }
    }

    /// The one with these bytes, which a payment that came by `source` names; none for one that
    /// came by a payer's own code.
    #[must_use]
    pub const fn read(source: CodeSource, bytes: [u8; 16]) -> Option<Self> {
        match source {
            CodeSource::Order => Some(Self::Order(OrderId::from_bytes(bytes))),
            CodeSource::Plate => Some(Self::Plate(PlateId::from_bytes(bytes))),
            CodeSource::Scan | CodeSource::Typed => None,
        }
    }

    /// The order, if it is one.
    #[must_use]
    pub const fn order(self) -> Option<OrderId> {
        match self {
            Self::Order(id) => Some(id),
            Self::Plate(_) => None,
        }
    }

    /// The plate, if it is one.
    #[must_use]
    pub const fn plate(self) -> Option<PlateId> {
        match self {
            Self::Order(_) => None,
            Self::Plate(id) => Some(id),
        }
    }
}

/// A merchant asks to be paid an amount, once, by whoever scans its code.
#[derive(Clone, Debug)]
pub struct MakeOrder {
    /// Its id.
    pub id: OrderId,
    /// The merchant's reference, which it takes for ever.
    pub reference: ReferenceRef,
    /// How much.
    pub amount: PositiveMoney,
    /// For the payer to read.
    pub description: Option<String>,
    /// The merchant's own data: a JSON object, kept as it is.
    pub metadata: Option<String>,
    /// The text of its code, signed.
    pub payload: String,
    /// Until when it can be paid.
    pub expires_at: Timestamp,
    /// The API key that was used.
    pub api_key: ApiKeyId,
    /// The request.
    pub request: Request,
}

/// Nobody is to pay an order any more.
#[derive(Clone, Debug)]
pub struct EndOrder {
    /// The order.
    pub order: OrderId,
    /// Whose it is.
    pub merchant: MerchantId,
    /// Who ends it.
    pub by: OrderEnd,
}

/// Who ends an order.
#[derive(Clone, Debug)]
pub enum OrderEnd {
    /// Its merchant.
    Merchant {
        /// The API key that was used.
        api_key: ApiKeyId,
        /// The request.
        request: Request,
    },
    /// Nobody has paid it in time.
    Time,
}

impl EndOrder {
    /// The request that asks for it, unless it is the time.
    #[must_use]
    pub fn request(&self) -> Option<&Request> {
        match &self.by {
            OrderEnd::Merchant { request, .. } => Some(request),
            OrderEnd::Time => None,
        }
    }

    /// The API key that was used for it.
    #[must_use]
    pub fn api_key(&self) -> Option<ApiKeyId> {
        match self.by {
            OrderEnd::Merchant { api_key, .. } => Some(api_key),
            OrderEnd::Time => None,
        }
    }
}

/// A payer pays a code that a merchant shows.
#[derive(Clone, Debug)]
pub struct PayMerchantCode {
    /// Who pays.
    pub by: PayerRequest,
    /// The id of the payment, if there will be one.
    pub id: PaymentId,
    /// The id of its transfer.
    pub transfer: TransferId,
    /// What is paid: read from a code whose signature was right.
    pub code: MerchantCodeId,
    /// Whose code it is, as it says itself.
    pub merchant: MerchantId,
    /// How much, where the payer said so.
    pub amount: Option<PositiveMoney>,
    /// Whether the payer typed the PIN, which was right.
    pub with_pin: bool,
    /// The payer's signed request, encrypted under the evidence key.
    pub evidence: Vec<u8>,
}
