//! A refund in an answer.

use serde::Serialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::openapi::schema::{self, kind};
use super::time::rfc3339;
use crate::domain::outcome::RefundAnswer;
use crate::issuer::IssuerKeys;
use crate::service::App;

/// A refund as merchants see it.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Refund)]
pub(super) struct RefundBody {
    #[schema(value_type = schema::RefundId)]
    id: String,
    #[schema(schema_with = kind::refund)]
    object: &'static str,
    #[schema(value_type = schema::Mode)]
    mode: &'static str,
    #[schema(pattern = "^succeeded$")]
    state: &'static str,
    #[schema(value_type = schema::PaymentId)]
    payment: String,
    #[schema(value_type = schema::Amount)]
    amount: String,
    #[schema(value_type = schema::Currency)]
    currency: &'static str,
    /// How much of the payment's fee came back with it.
    #[schema(value_type = schema::Amount)]
    fee_returned: String,
    reason: Option<String>,
    #[schema(value_type = Option<schema::Metadata>)]
    metadata: Option<Box<RawValue>>,
    #[schema(value_type = schema::Time)]
    created_at: String,
    #[schema(value_type = schema::Receipt)]
    receipt: String,
}

impl RefundBody {
    pub(super) fn new(app: &App, refund: RefundAnswer) -> Self {
        Self::signed(app.keys.as_ref(), refund)
    }

    /// The same for those who have the issuer's keys and nothing else.
    pub(super) fn signed(keys: &dyn IssuerKeys, refund: RefundAnswer) -> Self {
        let record = &refund.record;
        Self {
            id: refund.id.to_string(),
            object: "refund",
            mode: record.mode.as_str(),
            state: record.state.as_str(),
            payment: refund.payment.to_string(),
            amount: record.asked.amount_text(),
            currency: record.asked.currency().code(),
            fee_returned: refund.fee_returned.amount_text(),
            created_at: rfc3339(record.decided_at),
            receipt: keys.sign(record).to_string(),
            reason: refund.reason,
            // It was valid JSON when it was written.
            metadata: refund.metadata.and_then(|json| RawValue::from_string(json).ok()),
        }
    }
}
