//! A withdrawal in an answer.

use serde::Serialize;
use wallet_core::receipt::Record;

use super::problem::Problem;
use super::time::rfc3339;
use crate::domain::ids::WithdrawalId;
use crate::domain::outcome::MovementAnswer;
use crate::service::{App, ShownWithdrawal};
use crate::store::Withdrawal;

/// A withdrawal as its payer and the operator see it.
#[derive(Serialize)]
pub(super) struct WithdrawalBody {
    id: String,
    object: &'static str,
    mode: &'static str,
    payer: String,
    state: &'static str,
    amount: String,
    currency: &'static str,
    destination: Option<String>,
    external_reference: Option<String>,
    created_at: String,
    decided_at: String,
    receipt: String,
}

impl WithdrawalBody {
    /// As it was answered.
    pub(super) fn answered(app: &App, answer: &MovementAnswer) -> Result<Self, Problem> {
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
