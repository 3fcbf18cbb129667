//! A payment in an answer.

use serde::Serialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;
use wallet_core::receipt::PaymentState;

use super::openapi::schema::{self, kind};
use super::time::rfc3339;
use crate::domain::command::MerchantCodeId;
use crate::domain::outcome::DeclineCode;
use crate::issuer::IssuerKeys;
use crate::service::App;
use crate::store::Payment;

/// A payment as merchants see it. It has no payer, and nothing that two payments of one payer
/// share.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Payment)]
pub(super) struct PaymentBody {
    #[schema(value_type = schema::PaymentId)]
    id: String,
    #[schema(schema_with = kind::payment)]
    object: &'static str,
    #[schema(value_type = schema::Mode)]
    mode: &'static str,
    #[schema(value_type = schema::PaymentState)]
    state: &'static str,
    /// What was charged.
    #[schema(value_type = schema::Amount)]
    amount: String,
    #[schema(value_type = schema::Currency)]
    currency: &'static str,
    /// What became the merchant's.
    #[schema(value_type = schema::Amount)]
    amount_settled: String,
    #[schema(value_type = schema::Amount)]
    amount_refunded: String,
    #[schema(value_type = schema::Amount)]
    fee: String,
    /// What was settled, without the fee.
    #[schema(value_type = schema::Amount)]
    net: String,
    /// The merchant's name for it.
    reference: String,
    /// Whether it was captured at once.
    #[schema(value_type = schema::Capture)]
    capture: &'static str,
    #[schema(value_type = schema::CodeSource)]
    code_source: &'static str,
    /// The order that it paid.
    #[schema(value_type = Option<schema::OrderId>)]
    order: Option<String>,
    /// The plate that the payer scanned.
    #[schema(value_type = Option<schema::PlateId>)]
    plate: Option<String>,
    #[schema(value_type = Option<schema::TerminalId>)]
    terminal: Option<String>,
    description: Option<String>,
    /// The merchant's own.
    #[schema(value_type = Option<schema::Metadata>)]
    metadata: Option<Box<RawValue>>,
    #[schema(value_type = Option<schema::DeclineReason>)]
    decline_code: Option<&'static str>,
    #[schema(value_type = schema::Time)]
    created_at: String,
    /// Until when the payer may confirm it or the merchant capture it, while it waits for that.
    #[schema(value_type = Option<schema::Time>)]
    expires_at: Option<String>,
    #[schema(value_type = schema::Receipt)]
    receipt: String,
}

impl PaymentBody {
    pub(super) fn new(app: &App, payment: Payment) -> Self {
        Self::signed(app.keys.as_ref(), payment)
    }

    /// The same for those who have the issuer's keys and nothing else.
    pub(super) fn signed(keys: &dyn IssuerKeys, payment: Payment) -> Self {
        let answer = payment.answer;
        let record = &answer.record;
        let net = record.settled.checked_sub(answer.fee).unwrap_or(record.settled);
        let expires_at = match record.state {
            PaymentState::RequiresConfirmation => answer.expires_at,
            PaymentState::Authorized => answer.hold_expires_at,
            PaymentState::Succeeded
            | PaymentState::Declined
            | PaymentState::Canceled
            | PaymentState::Expired
            | PaymentState::PartiallyRefunded
            | PaymentState::Refunded => None,
        };
        let code = answer.merchant_code;
        Self {
            id: answer.id.to_string(),
            object: "payment",
            mode: answer.mode.as_str(),
            state: record.state.as_str(),
            amount: record.asked.amount_text(),
            currency: record.asked.currency().code(),
            amount_settled: record.settled.amount_text(),
            amount_refunded: payment.refunded.amount_text(),
            fee: answer.fee.amount_text(),
            net: net.amount_text(),
            capture: answer.capture.as_str(),
            code_source: answer.code_source.as_str(),
            order: code.and_then(MerchantCodeId::order).map(|id| id.to_string()),
            plate: code.and_then(MerchantCodeId::plate).map(|id| id.to_string()),
            terminal: answer.terminal.map(|id| id.to_string()),
            description: answer.description,
            // It was valid JSON when it was written.
            metadata: answer.metadata.and_then(|json| RawValue::from_string(json).ok()),
            decline_code: answer.decline_code.map(DeclineCode::as_str),
            created_at: rfc3339(answer.created_at),
            expires_at: expires_at.map(rfc3339),
            receipt: keys.sign(record).to_string(),
            reference: answer.reference,
        }
    }
}
