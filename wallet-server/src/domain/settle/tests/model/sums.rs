//! What everybody has, added up from what happened.

use wallet_core::Mode;

use super::super::fixture::{Seen, What, number_of};
use super::{Made, Model, Payment};
use crate::domain::command::{Command, SuspenseEnd};
use crate::domain::ids::TransferId;

/// Money whose owner could not have it.
pub(super) struct Suspended<'a> {
    pub(super) number: u32,
    pub(super) payer: u32,
    pub(super) mode: Mode,
    pub(super) amount: i64,
    pub(super) ended: Option<&'a SuspenseEnd>,
}

impl Model {
    /// Money that came back for payers who were frozen, and what became of it.
    pub(super) fn suspense(&self) -> impl Iterator<Item = Suspended<'_>> {
        self.past.iter().filter_map(|past| {
            let effect = past.effect.filter(|effect| effect.suspended)?;
            let amount = match effect.made {
                Made::Reversed(amount) | Made::Refunded(amount, _) => amount,
                Made::Authorized | Made::Captured(_) | Made::Freed(_) => return None,
            };
            let number = number_of(transfer(&past.command)?.as_bytes());
            let mode = past.command.key()?.mode;
            let ended = self.end_of(number);
            Some(Suspended { number, payer: past.payer()?, mode, amount, ended })
        })
    }

    fn end_of(&self, number: u32) -> Option<&SuspenseEnd> {
        self.past.iter().find_map(|past| match &past.command {
            Command::EndSuspense(end) if past.seen == Seen::New(What::Ended(number)) => {
                Some(&end.end)
            }
            _ => None,
        })
    }

    /// What waits for the operator, in minor units.
    pub(in super::super) fn suspended(&self) -> i64 {
        self.suspense().filter(|it| it.ended.is_none()).map(|it| it.amount).sum()
    }

    /// What a payer has free, in minor units.
    pub(in super::super) fn wallet(&self, payer: u32) -> i64 {
        let credits = self.credits().filter(|it| number_of(it.0.payer.as_bytes()) == payer);
        let paid_in: i64 = credits.map(|it| it.0.amount.money().minor()).sum();
        let own = self.payments().filter(|it| it.payer() == Some(payer));
        let spent: i64 = own.map(|it| it.counted() - it.refunded).sum();
        let released = Some(&SuspenseEnd::Released);
        let not_had = self.suspense().filter(|it| it.payer == payer && it.ended != released);
        paid_in - spent - not_had.map(|it| it.amount).sum::<i64>()
    }

    /// What is held for a payer, in minor units.
    pub(in super::super) fn held(&self, payer: u32) -> i64 {
        let waits = |it: &Payment<'_>| matches!(it.last, What::Waits(_) | What::Authorized(_));
        let held = self.payments().filter(|it| it.payer() == Some(payer) && waits(it));
        held.map(|it| it.amount()).sum()
    }

    /// What a merchant is owed and has not asked for yet, in minor units.
    pub(in super::super) fn owed(&self, merchant: u32) -> i64 {
        let own = self.payments().filter(|it| it.merchant() == merchant);
        let sold: i64 =
            own.map(|it| it.captured - it.fee() - (it.refunded - it.fee_returned)).sum();
        let paid = self.paid_to_merchants.get(&merchant).copied().unwrap_or_default();
        sold - paid - self.asked_for(merchant)
    }

    /// The fees earned, in minor units.
    pub(in super::super) fn fees(&self) -> i64 {
        self.payments().map(|it| it.fee() - it.fee_returned).sum()
    }

    /// What should be in the bank account, in minor units.
    pub(in super::super) fn bank(&self) -> i64 {
        let paid_in: i64 = self.credits().map(|it| it.0.amount.money().minor()).sum();
        let paid_out = |it: &Suspended<'_>| matches!(it.ended, Some(SuspenseEnd::PaidOut { .. }));
        let to_owners: i64 = self.suspense().filter(paid_out).map(|it| it.amount).sum();
        paid_in - to_owners - self.paid_to_merchants.values().sum::<i64>() - self.paid_out()
    }
}

/// The id of the movement that a command may make about a payment that was there before.
fn transfer(command: &Command) -> Option<TransferId> {
    match command {
        Command::Resolve(resolve) => Some(resolve.transfer),
        Command::CancelReference(cancel) => Some(cancel.transfer),
        Command::Refund(refund) => Some(refund.transfer),
        _ => None,
    }
}
