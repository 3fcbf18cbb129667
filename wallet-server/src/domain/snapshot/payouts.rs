//! What is known about payouts.

use std::collections::{HashMap, HashSet};

use wallet_core::Mode;
use wallet_core::receipt::Record;

use crate::domain::ids::{MerchantId, PayoutId};

/// What commands name of them.
#[derive(Clone, Default, Debug)]
pub struct Payouts {
    /// Those that are to go on or back.
    pub open: HashMap<PayoutId, KnownPayout>,
    /// Those of the bank's references that stand for a payout already.
    pub paid_references: HashSet<(Mode, String)>,
}

/// A payout that was asked for before.
#[derive(Clone, Copy, Debug)]
pub struct KnownPayout {
    /// Whose money it is.
    pub merchant: MerchantId,
    /// Whether it is in a batch, of which the bank may know.
    pub batched: bool,
    /// What the journal said last.
    pub record: Record,
}
