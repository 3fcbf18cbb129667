//! Answers about orders.

use wallet_core::{Mode, PositiveMoney, Timestamp};

use crate::domain::ids::{MerchantId, OrderId, PaymentId};

/// Where an order stands. Nothing leads out of any state but the first.
///
/// ```text
///        ┌─ a payer pays ──────► paid
///   open ┼─ its merchant closes ► canceled
///        └─ the time is over ───► expired
/// ```
///
/// A paid order stays so, whatever becomes of its payment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum OrderState {
    /// Whoever scans its code may pay it.
    Open,
    /// This payment paid it.
    Paid(PaymentId),
    /// Its merchant closed it.
    Canceled,
    /// Nobody paid it in time.
    Expired,
}

impl OrderState {
    /// The names, in the order of the variants.
    pub const NAMES: [&'static str; 4] = ["open", "paid", "canceled", "expired"];

    /// The name, in `snake_case`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => Self::NAMES[0],
            Self::Paid(_) => Self::NAMES[1],
            Self::Canceled => Self::NAMES[2],
            Self::Expired => Self::NAMES[3],
        }
    }

    /// The payment, if there is one.
    #[must_use]
    pub const fn payment(self) -> Option<PaymentId> {
        match self {
            Self::Paid(payment) => Some(payment),
            Self::Open | Self::Canceled | Self::Expired => None,
        }
    }

    /// The state with this name; a paid order has a payment, and no other has one.
    #[must_use]
    pub fn read(name: &str, payment: Option<PaymentId>) -> Option<Self> {
        match (name, payment) {
            ("open", None) => Some(Self::Open),
            ("paid", Some(payment)) => Some(Self::Paid(payment)),
            ("canceled", None) => Some(Self::Canceled),
            ("expired", None) => Some(Self::Expired),
            _ => None,
        }
    }
}

/// An order as it was answered at some time. But for its state, nothing of it changes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OrderAnswer {
    /// Its id.
    pub id: OrderId,
    /// Whose it is.
    pub merchant: MerchantId,
    /// Live or test.
    pub mode: Mode,
    /// Where it stands.
    pub state: OrderState,
    /// How much.
    pub amount: PositiveMoney,
    /// The merchant's reference.
    pub reference: String,
    /// For the payer to read.
    pub description: Option<String>,
    /// The merchant's own data, as JSON.
    pub metadata: Option<String>,
    /// The text of its code.
    pub payload: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// Until when it can be paid.
    pub expires_at: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::OrderState;
    use crate::domain::ids::PaymentId;

    #[test]
    fn a_state_reads_back_from_its_name_and_payment_and_from_nothing_else() {
        let payment = PaymentId::from_bytes([7; 16]);
        let states = [
            OrderState::Open,
            OrderState::Paid(payment),
            OrderState::Canceled,
            OrderState::Expired,
        ];
        for (state, name) in states.into_iter().zip(OrderState::NAMES) {
            assert_eq!(state.as_str(), name);
            assert_eq!(OrderState::read(name, state.payment()), Some(state));
            let other = if state.payment().is_some() { None } else { Some(payment) };
            assert_eq!(OrderState::read(name, other), None, "{name}");
        }
        assert_eq!(OrderState::read("closed", None), None);
    }
}
