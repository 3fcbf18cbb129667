//! What settlement wrote: rows that only a correct plan can be written to.

use std::collections::BTreeMap;

use wallet_core::DeviceKeyId;
use wallet_core::code::Mark;
use wallet_core::receipt::{PaymentState, Record};

use super::fixture::DAY_LIMIT;
use crate::domain::command::{KeyRef, ReferenceRef};
use crate::domain::ids::{AccountId, PayerId, PaymentId, TopUpId, TransferId};
use crate::domain::journal::books_hash;
use crate::domain::ledger::{Bucket, Entry};
use crate::domain::limits::Day;
use crate::domain::outcome::{Answer, Outcome, PaymentAnswer, TopUpAnswer};
use crate::domain::plan::{AnswerRef, NewPayment, NewTopUp, Plan, Spending};
use crate::domain::snapshot::{KeptAnswer, TakenReference};

#[derive(Clone, PartialEq, Debug)]
pub(super) struct PaymentRow {
    pub(super) answer: PaymentAnswer,
    payer: PayerId,
    day: Day,
    transfer: Option<TransferId>,
    evidence: Vec<u8>,
}

#[derive(Clone, PartialEq, Debug)]
pub(super) struct TopUpRow {
    pub(super) answer: TopUpAnswer,
    transfer: TransferId,
}

/// The tables, and one journal of all events.
#[derive(Clone, PartialEq, Default, Debug)]
pub(super) struct Books {
    pub(super) transfers: BTreeMap<TransferId, Vec<Entry>>,
    pub(super) payments: BTreeMap<PaymentId, PaymentRow>,
    pub(super) top_ups: BTreeMap<TopUpId, TopUpRow>,
    pub(super) marks: BTreeMap<DeviceKeyId, Mark>,
    answers: BTreeMap<KeyRef, ([u8; 32], AnswerRef)>,
    /// The fingerprint and the payment that took a reference; `None` for a tombstone.
    pub(super) references: BTreeMap<ReferenceRef, Option<([u8; 32], PaymentId)>>,
    /// Minor units and number of payments.
    pub(super) spending: BTreeMap<(PayerId, Day), (i64, i64)>,
    journal: Vec<Record>,
}

impl Books {
    /// Commits a plan, or fails the test where a constraint of the database would.
    pub(super) fn write(&mut self, plan: Plan) {
        self.check_events(&plan);
        for transfer in plan.transfers {
            let before = self.transfers.insert(transfer.id(), transfer.entries().to_vec());
            assert_eq!(before, None, "a transfer is written once");
        }
        for (device, mark) in plan.marks {
            assert!(self.marks.insert(device, mark) < Some(mark), "marks only rise");
        }
        for Spending { payer, day, amount } in plan.spending {
            let (spent, count) = self.spending.entry((payer, day)).or_default();
            (*spent, *count) = (*spent + amount.minor(), *count + 1);
        }
        for NewPayment { answer, payer, device, mark, day, transfer, evidence, .. } in plan.payments
        {
            assert!(self.marks[&device] >= mark, "a payment burns its code");
            let row = PaymentRow { answer, payer, day, transfer, evidence };
            let before = self.payments.insert(row.answer.id, row);
            assert_eq!(before, None, "a payment is made once");
        }
        for NewTopUp { answer, transfer, .. } in plan.top_ups {
            let row = TopUpRow { answer, transfer };
            let before = self.top_ups.insert(row.answer.id, row);
            assert_eq!(before, None, "a top-up is made once");
        }
        for taken in plan.references {
            let holder = Some((taken.fingerprint, taken.payment));
            let before = self.references.insert(taken.reference, holder);
            assert_eq!(before, None, "a reference is taken once");
        }
        for kept in plan.kept_answers {
            let before = self.answers.insert(kept.key, (kept.request_hash, kept.answer));
            assert_eq!(before, None, "a key has one answer");
        }
        self.journal.extend(plan.events.iter().map(|event| event.record));
    }

    /// Every new payment and top-up has its event, and a new outcome that reports it.
    fn check_events(&self, plan: &Plan) {
        let told: Vec<Record> = plan.outcomes.iter().filter_map(newly_recorded).collect();
        let events: Vec<Record> = plan.events.iter().map(|event| event.record).collect();
        assert_eq!(told, events, "one event for each new payment and top-up, in order");
        let payments = plan.payments.iter().map(|it| (it.event, it.answer.record, it.payer));
        let top_ups = plan.top_ups.iter().map(|it| (it.event, it.answer.record, it.answer.payer));
        for (event, record, payer) in payments.chain(top_ups) {
            assert_eq!((plan.events[event].record, plan.events[event].payer), (record, payer));
        }
        assert_eq!(plan.payments.len() + plan.top_ups.len(), plan.events.len());
        let rows = self.payments.len() + self.top_ups.len();
        assert_eq!(rows, self.journal.len());
    }

    /// What an idempotency key answers, written again from the rows.
    pub(super) fn kept(&self, key: &KeyRef) -> Option<KeptAnswer> {
        let (request_hash, answer) = self.answers.get(key).copied()?;
        let answer = match answer {
            AnswerRef::Payment(id) => Answer::Payment(Box::new(self.payments[&id].answer.clone())),
            AnswerRef::TopUp(id) => Answer::TopUp(Box::new(self.top_ups[&id].answer.clone())),
            AnswerRef::Rejected(rejection) => Answer::Rejected(rejection),
        };
        Some(KeptAnswer { request_hash, answer })
    }

    pub(super) fn taken(&self, reference: &ReferenceRef) -> Option<TakenReference> {
        Some(match self.references.get(reference)? {
            None => TakenReference::Tombstone,
            Some((fingerprint, id)) => {
                let answer = self.payments[id].answer.clone();
                TakenReference::Payment(*fingerprint, Box::new(answer))
            }
        })
    }

    pub(super) fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.transfers.values().flatten()
    }

    /// The sum of an account's entries, in minor units.
    pub(super) fn balance(&self, account: AccountId) -> i64 {
        self.entries().filter(|it| it.account == account).map(|it| it.amount.minor()).sum()
    }

    /// Checks what holds for books of any history.
    pub(super) fn audit(&self) {
        for entries in self.transfers.values() {
            let sum: i64 = entries.iter().map(|it| it.amount.minor()).sum();
            let currency = entries[0].amount.currency();
            assert_eq!(sum, 0, "a transfer creates no money");
            assert!(entries.iter().all(|it| it.amount.currency() == currency));
            assert!(entries.iter().all(|it| it.bucket == Bucket::Available));
        }
        let mut succeeded = BTreeMap::<_, (i64, i64)>::new();
        for row in self.payments.values() {
            let record = &row.answer.record;
            let entries = row.transfer.map_or(&[][..], |id| &self.transfers[&id]);
            assert_eq!(record.books_hash, books_hash(entries, &row.evidence));
            assert_eq!(row.transfer.is_none(), row.answer.decline_code.is_some());
            if row.transfer.is_none() {
                assert_eq!(record.state, PaymentState::Declined);
                assert_eq!((record.settled.minor(), row.answer.fee.minor()), (0, 0));
                continue;
            }
            assert_eq!((record.state, record.settled), (PaymentState::Succeeded, record.asked));
            let (spent, count) = succeeded.entry((row.payer, row.day)).or_default();
            (*spent, *count) = (*spent + record.settled.minor(), *count + 1);
        }
        assert_eq!(self.spending, succeeded, "each day's sum is that of its payments");
        assert!(self.spending.values().all(|day| day.0 <= DAY_LIMIT));
        for row in self.top_ups.values() {
            let hash = books_hash(&self.transfers[&row.transfer], &[]);
            assert_eq!(row.answer.record.books_hash, hash);
            assert_eq!(row.answer.record.settled, row.answer.record.asked);
        }
        let movers = self.payments.values().filter(|row| row.transfer.is_some()).count();
        assert_eq!(self.transfers.len(), movers + self.top_ups.len(), "no money moves unexplained");
    }
}

/// The record of a payment or top-up that this outcome is the first to report.
fn newly_recorded(outcome: &Outcome) -> Option<Record> {
    match outcome {
        Outcome::Answered { answer: Answer::Payment(payment), replayed: false } => {
            Some(payment.record)
        }
        Outcome::Answered { answer: Answer::TopUp(top_up), replayed: false } => Some(top_up.record),
        Outcome::Answered { .. } | Outcome::Refused(_) => None,
    }
}
