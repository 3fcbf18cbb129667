//! What is known about money that concerns no merchant.

use std::collections::{HashMap, HashSet};

use wallet_core::Mode;
use wallet_core::receipt::Record;

use crate::domain::ids::{PayerId, WithdrawalId};

/// What commands name of it.
#[derive(Clone, Default, Debug)]
pub struct People {
    /// Withdrawals that are to come to their end.
    pub withdrawals: HashMap<WithdrawalId, OpenWithdrawal>,
    /// Those of the bank's references that stand for a withdrawal already.
    pub paid_references: HashSet<(Mode, String)>,
}

/// A withdrawal that may still come to its end.
#[derive(Clone, Copy, Debug)]
pub struct OpenWithdrawal {
    /// Whose money it is.
    pub payer: PayerId,
    /// What the journal said last.
    pub record: Record,
}
