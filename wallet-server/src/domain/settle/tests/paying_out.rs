//! Builders of requests about payouts, and the rows that they leave.

use wallet_core::receipt::{PaymentState, Record};
use wallet_core::{Mode, Money, PositiveMoney, Timestamp};

use super::books::Books;
use super::changes::request;
use super::fixture::{id_bytes, merchant_id};
use crate::domain::command::{
    Caller, Command, FinishPayout, PayoutAsker, PayoutEnd, RequestPayout,
};
use crate::domain::ids::{ApiKeyId, MerchantId, PayoutId, TransferId};
use crate::domain::journal::movement_hash;
use crate::domain::plan::{NewPayout, PayoutChange, PayoutChanges};
use crate::domain::snapshot::{KnownPayout, Snapshot};

/// A merchant has money paid out: builds a [`RequestPayout`].
#[derive(Clone, Debug)]
pub(super) struct Payout {
    /// Tells the ids of payout and transfer.
    pub(super) number: u32,
    pub(super) key: u32,
    /// None if the operator asks.
    pub(super) api_key: Option<u32>,
    pub(super) mode: Mode,
    pub(super) merchant: u32,
    /// None for all that is available.
    pub(super) amount: Option<Money>,
    /// Whether the operator knows where to.
    pub(super) destination: bool,
}

/// Merchant 1 has an amount paid out, or all that it has.
pub(super) fn payout(number: u32, amount: impl Into<Option<Money>>) -> Payout {
    Payout {
        number,
        key: number,
        api_key: Some(1),
        mode: Mode::Live,
        merchant: 1,
        amount: amount.into(),
        destination: true,
    }
}

fn payout_id(number: u32) -> PayoutId {
    PayoutId::from_bytes(id_bytes(number))
}

impl From<Payout> for Command {
    fn from(payout: Payout) -> Self {
        let merchant = merchant_id(payout.merchant);
        let (by, caller) = match payout.api_key {
            Some(number) => {
                let api_key = ApiKeyId::from_bytes(id_bytes(number));
                (PayoutAsker::Merchant(api_key), Caller::Merchant(merchant))
            }
            None => (PayoutAsker::Operator, Caller::Operator),
        };
        let content = ("payout", merchant, payout.amount);
        Self::RequestPayout(RequestPayout {
            id: payout_id(payout.number),
            merchant,
            by,
            amount: payout.amount.map(|amount| PositiveMoney::new(amount).unwrap()),
            destination: payout.destination.then(|| vec![1, 2, 3]),
            description: None,
            metadata: None,
            transfer: TransferId::from_bytes(id_bytes(payout.number)),
            request: request(caller, payout.mode, payout.key, &content),
        })
    }
}

/// A payout goes on or back: builds a [`FinishPayout`].
#[derive(Clone, Debug)]
pub(super) struct PayoutStep {
    /// Tells the id of the transfer.
    pub(super) number: u32,
    pub(super) key: u32,
    pub(super) mode: Mode,
    /// The payout's number, and whose it is said to be.
    pub(super) payout: u32,
    pub(super) merchant: u32,
    pub(super) to: Towards,
}

/// What becomes of it.
#[derive(Clone, Copy, Debug)]
pub(super) enum Towards {
    /// The merchant calls it off with an API key.
    Cancel(u32),
    /// The bank has paid it under a reference.
    Paid(u32),
    Returned,
    /// Unless it was paid.
    ReturnedUnpaid,
}

impl PayoutStep {
    pub(super) fn of(number: u32, payout: &Payout, to: Towards) -> Self {
        let Payout { number: of, mode, merchant, .. } = *payout;
        Self { number, key: number, mode, payout: of, merchant, to }
    }
}

impl From<PayoutStep> for Command {
    fn from(step: PayoutStep) -> Self {
        let merchant = merchant_id(step.merchant);
        let (caller, end, asked) = match step.to {
            Towards::Cancel(number) => {
                let api_key = ApiKeyId::from_bytes(id_bytes(number));
                (Caller::Merchant(merchant), PayoutEnd::Canceled { api_key }, "cancel".to_owned())
            }
            Towards::Paid(number) => {
                let external_reference = format!("out {number}");
                let asked = external_reference.clone();
                (Caller::Operator, PayoutEnd::Paid { external_reference }, asked)
            }
            Towards::Returned | Towards::ReturnedUnpaid => {
                let reason = "no such account".to_owned();
                let include_paid = matches!(step.to, Towards::Returned);
                let asked = format!("return {include_paid}");
                (Caller::Operator, PayoutEnd::Returned { reason, include_paid }, asked)
            }
        };
        let id = payout_id(step.payout);
        Self::FinishPayout(FinishPayout {
            id,
            merchant,
            transfer: TransferId::from_bytes(id_bytes(step.number)),
            request: request(caller, step.mode, step.key, &(id, asked)),
            end,
        })
    }
}

#[derive(Clone, PartialEq, Debug)]
pub(super) struct PayoutRow {
    pub(super) merchant: MerchantId,
    pub(super) batched: bool,
    first: Record,
    pub(super) last: Record,
    external_reference: Option<String>,
    return_reason: Option<String>,
    paid_at: Option<Timestamp>,
    transfer: TransferId,
    closing: Option<TransferId>,
    reversal: Option<TransferId>,
}

impl PayoutRow {
    fn new(new: &NewPayout) -> Self {
        assert_eq!(new.destination, [1, 2, 3], "it goes to where it was asked for");
        Self {
            merchant: new.merchant,
            batched: false,
            first: new.record,
            last: new.record,
            external_reference: None,
            return_reason: None,
            paid_at: None,
            transfer: new.transfer,
            closing: None,
            reversal: None,
        }
    }

    /// Writes a change down, as the store does it.
    fn change(&mut self, change: PayoutChange) {
        assert!(self.closing.is_none() || change.closing.is_none(), "what is held moves on once");
        assert_eq!(self.reversal, None, "what came back stays");
        self.last = change.record;
        self.external_reference = change.external_reference.or(self.external_reference.take());
        self.paid_at = change.paid_at.or(self.paid_at);
        self.return_reason = change.return_reason;
        self.closing = change.closing.or(self.closing);
        self.reversal = change.reversal;
    }

    /// The movements that it is about.
    pub(super) fn movers(&self) -> impl Iterator<Item = TransferId> {
        [Some(self.transfer), self.closing, self.reversal].into_iter().flatten()
    }

    pub(super) fn is_open(&self) -> bool {
        self.last.state == PaymentState::Authorized
    }
}

impl Books {
    pub(super) fn write_payouts(&mut self, changes: PayoutChanges) {
        for (id, change) in changes.changed {
            let row = self.payouts.get_mut(&id).expect("only what was there changes");
            row.change(change);
        }
        for new in changes.requested {
            let before = self.payouts.insert(new.id, PayoutRow::new(&new));
            assert_eq!(before, None, "a payout is made once");
        }
    }

    /// The bank is told of all open payouts.
    pub(super) fn batch_payouts(&mut self) {
        for row in self.payouts.values_mut().filter(|row| row.is_open()) {
            row.batched = true;
        }
    }

    /// What is held for a merchant's open payouts, in minor units.
    pub(super) fn paying_out(&self, merchant: MerchantId) -> i64 {
        let own = self.payouts.values().filter(|row| row.merchant == merchant && row.is_open());
        own.map(|row| row.last.asked.minor()).sum()
    }

    pub(super) fn load_payout(&self, rows: &mut Snapshot, finish: &FinishPayout) {
        if let Some(row) = self.payouts.get(&finish.id) {
            let known =
                KnownPayout { merchant: row.merchant, batched: row.batched, record: row.last };
            rows.payouts.open.insert(finish.id, known);
        }
        if let PayoutEnd::Paid { external_reference } = &finish.end {
            let mode = finish.request.key.mode;
            let known = self.payouts.values().any(|row| {
                row.first.mode == mode
                    && row.external_reference.as_ref() == Some(external_reference)
            });
            if known {
                rows.payouts.paid_references.insert((mode, external_reference.clone()));
            }
        }
    }

    /// Checks the payouts: the state says what moved, and the records tie the books to it.
    pub(super) fn audit_payouts(&self) {
        let mut references = std::collections::BTreeSet::new();
        for row in self.payouts.values() {
            let hash = |id: TransferId| movement_hash(id, &self.transfers[&id]);
            let (first, last) = (&row.first, &row.last);
            assert_eq!(first.books_hash, hash(row.transfer));
            assert_eq!(first.merchant, *row.merchant.as_bytes());
            assert_eq!(row.closing.is_none(), row.is_open());
            let paid = row.paid_at.is_some();
            assert_eq!(row.external_reference.is_some(), paid);
            if let Some(reference) = &row.external_reference {
                let new = references.insert((first.mode.as_str(), reference.clone()));
                assert!(new, "a bank's reference stands for one payout");
                assert_eq!(last.reference_hash, Record::reference_hash(reference));
            }
            let succeeded = last.state == PaymentState::Succeeded;
            assert_eq!(last.settled.minor(), if succeeded { last.asked.minor() } else { 0 });
            let canceled = last.state == PaymentState::Canceled;
            assert_eq!(row.reversal.is_some(), canceled && paid, "what was paid came back");
            assert!(row.return_reason.is_none() || canceled);
            if let Some(moved) = row.reversal.or(row.closing) {
                assert_eq!(last.books_hash, hash(moved));
            }
            let unchanged = Record {
                state: first.state,
                decided_at: first.decided_at,
                settled: first.settled,
                reference_hash: first.reference_hash,
                books_hash: first.books_hash,
                ..*last
            };
            assert_eq!(unchanged, *first, "nothing else of a record changes");
        }
    }
}
