//! What is to be written about codes that merchants show.

use std::collections::BTreeMap;

use crate::domain::ids::OrderId;
use crate::domain::outcome::{OrderAnswer, OrderState};

/// Orders that were made, and that have come to their end.
#[derive(Default, Debug)]
pub struct MerchantCodeChanges {
    /// New orders.
    pub orders: Vec<OrderAnswer>,
    /// Orders that have come to their end, those of the same batch included.
    pub ended: BTreeMap<OrderId, EndedOrder>,
}

/// An order that has come to its end: paid, closed, or too late.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct EndedOrder {
    /// How it ended.
    pub state: OrderState,
    /// The position of the event that says so, in [`Plan::events`](super::Plan::events): the
    /// payment's, if it was paid.
    pub event: usize,
}
