//! What a merchant pays, in requests and answers.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use wallet_core::{Currency, Money};

use super::openapi::schema;
use super::problem::Problem;
use crate::domain::fee::FeeRule;

/// What a merchant pays for a payment: never more than the payment.
#[derive(Serialize, Deserialize, ToSchema)]
#[schema(as = Fee)]
#[serde(deny_unknown_fields)]
pub(super) struct FeeBody {
    /// Of the amount, rounded half up.
    #[schema(minimum = 0, maximum = 10_000)]
    basis_points: u16,
    #[schema(value_type = schema::Amount)]
    fixed: String,
}

impl FeeBody {
    pub(super) fn new(fee: FeeRule, currency: Currency) -> Self {
        let fixed = Money::from_minor(fee.fixed_minor(), currency);
        Self { basis_points: fee.basis_points(), fixed: fixed.amount_text() }
    }

    /// The rule, in a body where the fee stands at this pointer.
    pub(super) fn rule(&self, pointer: &str, currency: Currency) -> Result<FeeRule, Problem> {
        let fixed = Money::parse(&self.fixed, currency)
            .map_err(|error| Problem::field(&format!("{pointer}/fixed"), error.to_string()))?;
        FeeRule::new(self.basis_points, fixed.minor())
            .ok_or_else(|| Problem::field(&format!("{pointer}/basis_points"), "0 to 10000"))
    }
}
