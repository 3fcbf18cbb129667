//! What may be asked for. Everything that was made before is named by its number: the first payment
//! is 0, whatever id it has in the books. So a history is the same on each run of its seed.

/// One request under an idempotency key.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    /// The number of the key.
    pub(super) key: usize,
    pub(super) command: Command,
}

/// Whose key it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Caller {
    Merchant(usize),
    Payer(usize),
    Operator,
}

/// A merchant's name for a payment or an order.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Reference {
    /// One that the merchant made up.
    Named(usize),
    /// The id of a payment, which a plate's payments have.
    OfPayment(usize),
}

/// A charge of a payer's code.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Charge {
    pub(super) merchant: usize,
    /// Which of the merchant's tills, if it has a name.
    pub(super) terminal: Option<usize>,
    pub(super) code: usize,
    pub(super) amount: i64,
    pub(super) reference: Reference,
    pub(super) typed: bool,
    pub(super) manual: bool,
}

/// A code that a merchant shows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Shown {
    Order(usize),
    Plate(usize),
}

/// What becomes of a payout.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum PayoutEnd {
    CanceledBy(usize),
    Paid(usize),
    Returned,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Command {
    Charge(Charge),
    Confirm { phone: usize, payment: usize },
    Refuse { phone: usize, payment: usize },
    Capture { merchant: usize, payment: usize, amount: Option<i64> },
    Cancel { merchant: usize, payment: usize },
    CancelReference { merchant: usize, reference: Reference },
    Refund { merchant: usize, payment: usize, amount: Option<i64> },
    TopUp { payer: usize, amount: i64, external: usize },
    Transfer { phone: usize, to: usize, amount: i64 },
    Withdraw { phone: usize, amount: i64 },
    EndWithdrawal { withdrawal: usize, paid: Option<usize> },
    MakeEnvelope { phone: usize, amount: i64, shares: usize, to: Option<usize> },
    Claim { phone: usize, envelope: usize },
    MakeOrder { merchant: usize, amount: i64, reference: Reference, seconds: i64 },
    CloseOrder { merchant: usize, order: usize },
    PayCode { phone: usize, code: Shown, amount: Option<i64>, pin: bool },
    AskPayout { merchant: usize, by_operator: bool, amount: Option<i64> },
    EndPayout { payout: usize, end: PayoutEnd },
    EndSuspense { suspense: usize, paid: Option<usize> },
}

/// Whose phone it is: everybody has one, and the first payer a second one.
pub(super) const OWNERS: [usize; 5] = [0, 1, 2, 3, 0];

impl Command {
    pub(super) fn caller(&self) -> Caller {
        match *self {
            Self::Charge(Charge { merchant, .. })
            | Self::Capture { merchant, .. }
            | Self::Cancel { merchant, .. }
            | Self::CancelReference { merchant, .. }
            | Self::Refund { merchant, .. }
            | Self::MakeOrder { merchant, .. }
            | Self::CloseOrder { merchant, .. }
            | Self::AskPayout { merchant, by_operator: false, .. }
            | Self::EndPayout { end: PayoutEnd::CanceledBy(merchant), .. } => {
                Caller::Merchant(merchant)
            }
            Self::Confirm { phone, .. }
            | Self::Refuse { phone, .. }
            | Self::Transfer { phone, .. }
            | Self::Withdraw { phone, .. }
            | Self::MakeEnvelope { phone, .. }
            | Self::Claim { phone, .. }
            | Self::PayCode { phone, .. } => Caller::Payer(OWNERS[phone]),
            Self::TopUp { .. }
            | Self::EndWithdrawal { .. }
            | Self::AskPayout { by_operator: true, .. }
            | Self::EndPayout { end: PayoutEnd::Paid(_) | PayoutEnd::Returned, .. }
            | Self::EndSuspense { .. } => Caller::Operator,
        }
    }

    /// Whether it is the same request under the same key: from another phone of the payer, and with
    /// the PIN or without it.
    pub(super) fn is_repeat_of(&self, other: &Self) -> bool {
        self.bare() == other.bare()
    }

    fn bare(mut self) -> Self {
        match &mut self {
            Self::PayCode { phone, pin, .. } => (*phone, *pin) = (OWNERS[*phone], false),
            Self::Confirm { phone, .. }
            | Self::Refuse { phone, .. }
            | Self::Transfer { phone, .. }
            | Self::Withdraw { phone, .. }
            | Self::MakeEnvelope { phone, .. }
            | Self::Claim { phone, .. } => *phone = OWNERS[*phone],
            _ => {}
        }
        self
    }
}
