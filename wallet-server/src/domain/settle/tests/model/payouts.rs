//! Money that merchants have paid out.

use wallet_core::Mode;

use super::super::fixture::{LEAST_PAYOUT, MERCHANTS, Seen, What, number_of};
use super::Model;
use crate::domain::command::{Command, FinishPayout, PayoutEnd, RequestPayout};
use crate::domain::outcome::Refusal;

/// A payout that was asked for, and what has become of it.
#[derive(Clone, Copy)]
struct Payout {
    number: u32,
    merchant: u32,
    mode: Mode,
    amount: i64,
    last: What,
}

impl Payout {
    fn is_open(&self) -> bool {
        matches!(self.last, What::PayoutHeld(..))
    }
}

impl Model {
    /// Payouts that were asked for, with what has become of them.
    fn payouts(&self) -> impl Iterator<Item = Payout> {
        self.past.iter().filter_map(|past| match (&past.command, past.seen) {
            (Command::RequestPayout(ask), Seen::New(first @ What::PayoutHeld(number, amount))) => {
                let merchant = number_of(ask.merchant.as_bytes());
                let last = self.last_of(number).unwrap_or(first);
                Some(Payout { number, merchant, mode: ask.request.key.mode, amount, last })
            }
            _ => None,
        })
    }

    /// What became of a payout last.
    fn last_of(&self, payout: u32) -> Option<What> {
        self.past.iter().rev().find_map(|past| match past.seen {
            Seen::New(what @ (What::PayoutPaid(number, _) | What::PayoutBack(number, _))) => {
                (number == payout).then_some(what)
            }
            _ => None,
        })
    }

    /// The numbers of those that are open.
    pub(super) fn open_payouts(&self) -> Vec<u32> {
        self.payouts().filter(Payout::is_open).map(|it| it.number).collect()
    }

    /// What a merchant has asked for and does not have again, in minor units.
    pub(super) fn asked_for(&self, merchant: u32) -> i64 {
        let own = self.payouts().filter(|it| it.merchant == merchant);
        let gone = own.filter(|it| !matches!(it.last, What::PayoutBack(..)));
        gone.map(|it| it.amount).sum()
    }

    /// What the bank has paid to merchants and not sent back, in minor units.
    pub(super) fn paid_out(&self) -> i64 {
        let paid = self.payouts().filter(|it| matches!(it.last, What::PayoutPaid(..)));
        paid.map(|it| it.amount).sum()
    }

    pub(super) fn ask_payout(&self, command: &Command, ask: &RequestPayout) -> Seen {
        if ask.api_key().is_some_and(|key| self.is_revoked(key)) {
            return Seen::Refused(Refusal::KeyRevoked);
        }
        if let Some(seen) = self.kept(command) {
            return seen;
        }
        let number = number_of(ask.merchant.as_bytes());
        let merchant = MERCHANTS.iter().find(|it| it.0 == number);
        let Some((_, _, currency, ..)) = merchant.filter(|it| it.1 == ask.request.key.mode) else {
            return Seen::Refused(Refusal::UnknownMerchant);
        };
        let owed = self.owed(number);
        let amount = ask.amount.map_or(owed, |amount| amount.money().minor());
        let other = ask.amount.is_some_and(|it| it.money().currency().code() != *currency);
        // The operator may have less paid out.
        let little = *currency == "CNY" && amount < LEAST_PAYOUT && ask.api_key().is_some();
        // In order of precedence, the first that holds.
        let refusals = [
            (ask.destination.is_none(), "payout_destination_missing", 0),
            (other, "currency_mismatch", 0),
            (amount == 0, "balance_insufficient", 0),
            (little, "payout_too_small", LEAST_PAYOUT),
            (owed < amount, "balance_insufficient", 0),
        ];
        if let Some((_, code, left)) = refusals.into_iter().find(|it| it.0) {
            return Seen::New(What::Kept(code, left));
        }
        Seen::New(What::PayoutHeld(number_of(ask.id.as_bytes()), amount))
    }

    pub(super) fn finish_payout(&self, command: &Command, finish: &FinishPayout) -> Seen {
        if finish.api_key().is_some_and(|key| self.is_revoked(key)) {
            return Seen::Refused(Refusal::KeyRevoked);
        }
        if let Some(seen) = self.kept(command) {
            return seen;
        }
        let mode = finish.request.key.mode;
        let number = number_of(finish.id.as_bytes());
        let owner = (number_of(finish.merchant.as_bytes()), mode);
        let known =
            self.payouts().find(|it| it.number == number && (it.merchant, it.mode) == owner);
        let Some(payout) = known else { return Seen::Refused(Refusal::UnknownPayout) };
        let paid = matches!(payout.last, What::PayoutPaid(..));
        match &finish.end {
            PayoutEnd::Returned { include_paid, .. }
                if payout.is_open() || (paid && *include_paid) =>
            {
                Seen::New(What::PayoutBack(number, payout.amount))
            }
            _ if !payout.is_open() => Seen::Refused(Refusal::PayoutClosed),
            PayoutEnd::Canceled { .. } if self.batched.contains(&number) => {
                Seen::Refused(Refusal::PayoutBatched)
            }
            PayoutEnd::Canceled { .. } => Seen::New(What::PayoutBack(number, payout.amount)),
            end if self.is_taken(mode, end) => Seen::Refused(Refusal::ReferenceConflict),
            _ => Seen::New(What::PayoutPaid(number, payout.amount)),
        }
    }

    /// Whether a payout was paid under the same reference.
    fn is_taken(&self, mode: Mode, end: &PayoutEnd) -> bool {
        self.past.iter().any(|past| match &past.command {
            Command::FinishPayout(finish) => {
                matches!(past.seen, Seen::New(What::PayoutPaid(..)))
                    && finish.request.key.mode == mode
                    && finish.end == *end
            }
            _ => false,
        })
    }
}
