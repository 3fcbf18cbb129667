//! What is known about codes that merchants show.

use std::collections::HashMap;

use wallet_core::{Currency, Mode, PositiveMoney};

use crate::domain::ids::{MerchantId, OrderId, PlateId};
use crate::domain::outcome::OrderAnswer;

/// Those that commands name.
#[derive(Clone, Default, Debug)]
pub struct MerchantCodes {
    /// Orders, as they are now.
    pub orders: HashMap<OrderId, OrderAnswer>,
    /// Plates.
    pub plates: HashMap<PlateId, KnownPlate>,
}

/// A plate.
#[derive(Clone, Copy, Debug)]
pub struct KnownPlate {
    /// Whose it is.
    pub merchant: MerchantId,
    /// Live or test.
    pub mode: Mode,
    /// What it is paid in.
    pub currency: Currency,
    /// How much, if it is always the same.
    pub amount: Option<PositiveMoney>,
    /// Whether it may be paid.
    pub active: bool,
}
