//! A withdrawal in an answer.

use serde::Serialize;
use utoipa::ToSchema;
use wallet_core::receipt::Record;

use super::openapi::schema::{self, kind};
use super::time::rfc3339;
use crate::domain::ids::WithdrawalId;
use crate::domain::outcome::MovementAnswer;
use crate::service::{App, ShownWithdrawal};
use crate::store::{StoreError, Withdrawal};

/// A withdrawal as its payer and the operator see it.
#[derive(Serialize, ToSchema)]
#[schema(as = Withdrawal)]
pub(super) struct WithdrawalBody {
    #[schema(value_type = schema::WithdrawalId)]
    id: String,
    #[schema(schema_with = kind::withdrawal)]
    object: &'static str,
    #[schema(value_type = schema::Mode)]
    mode: &'static str,
    #[schema(value_type = schema::PayerId)]
    payer: String,
    #[schema(value_type = schema::WithdrawalState)]
    state: &'static str,
    #[schema(value_type = schema::Amount)]
    amount: String,
    #[schema(value_type = schema::Currency)]
    currency: &'static str,
    /// Where to, as the payer wrote it.
    destination: Option<String>,
    /// The bank's name for it, once it is paid.
    external_reference: Option<String>,
    #[schema(value_type = schema::Time)]
    created_at: String,
    #[schema(value_type = schema::Time)]
    decided_at: String,
    #[schema(value_type = schema::Receipt)]
    receipt: String,
}

impl WithdrawalBody {
    /// As it was answered.
    pub(super) fn answered(app: &App, answer: &MovementAnswer) -> Result<Self, StoreError> {
        Ok(Self::new(app, &answer.record, app.answered_withdrawal(answer)?))
    }

    /// As it is now.
    pub(super) fn current(app: &App, withdrawal: &Withdrawal) -> Self {
        Self::new(app, &withdrawal.record, app.shown_withdrawal(withdrawal))
    }

    fn new(app: &App, record: &Record, shown: ShownWithdrawal) -> Self {
        Self {
            id: WithdrawalId::from_bytes(record.subject).to_string(),
            object: "withdrawal",
            mode: record.mode.as_str(),
            payer: shown.payer.to_string(),
            state: record.state.as_str(),
            amount: record.asked.amount_text(),
            currency: record.asked.currency().code(),
            destination: shown.destination,
            external_reference: shown.external_reference,
            created_at: rfc3339(shown.created_at),
            decided_at: rfc3339(record.decided_at),
            receipt: app.keys.sign(record).to_string(),
        }
    }
}
