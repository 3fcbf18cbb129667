//! What settlement wrote: rows that only a correct plan can be written to.

use std::collections::BTreeMap;

use wallet_core::DeviceKeyId;
use wallet_core::receipt::{PaymentState, Record};

use super::fixture::{DAY_LIMIT, MONTH_LIMIT};
use crate::domain::command::{KeyRef, ReferenceRef};
use crate::domain::ids::{AccountId, PayerId, PaymentId, TopUpId, TransferId};
use crate::domain::journal::books_hash;
use crate::domain::ledger::{Bucket, Entry};
use crate::domain::limits::{Day, Proof, Usage};
use crate::domain::outcome::{Answer, Outcome, PaymentAnswer, TopUpAnswer};
use crate::domain::plan::{AnswerRef, Event, NewPayment, NewTopUp, PayerChange, Plan};
use crate::domain::snapshot::{KeptAnswer, OpenPayment, Presented, TakenReference};

#[derive(Clone, PartialEq, Debug)]
pub(super) struct PaymentRow {
    /// As it was first answered.
    pub(super) answer: PaymentAnswer,
    /// As it was answered last.
    pub(super) last: PaymentAnswer,
    payer: PayerId,
    device: DeviceKeyId,
    proof: Proof,
    day: Day,
    counted: i64,
    transfer: Option<TransferId>,
    closing_transfer: Option<TransferId>,
    evidence: Vec<u8>,
}

impl PaymentRow {
    pub(super) fn open(&self) -> OpenPayment {
        let Self { last, payer, device, proof, day, .. } = self.clone();
        OpenPayment { answer: last, payer, device, proof, day }
    }
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
    pub(super) marks: BTreeMap<DeviceKeyId, Presented>,
    answers: BTreeMap<KeyRef, ([u8; 32], AnswerRef, Option<Record>)>,
    /// The fingerprint and the payment that took a reference; `None` for a tombstone.
    pub(super) references: BTreeMap<ReferenceRef, Option<([u8; 32], PaymentId)>>,
    pub(super) payers: BTreeMap<PayerId, PayerChange>,
    journal: Vec<Record>,
}

impl Books {
    /// Commits a plan, or fails the test where a constraint of the database would.
    pub(super) fn write(&mut self, plan: Plan) {
        check_events(&plan);
        for transfer in plan.transfers {
            let before = self.transfers.insert(transfer.id(), transfer.entries().to_vec());
            assert_eq!(before, None, "a transfer is written once");
        }
        for (device, presented) in plan.marks {
            let before = self.marks.insert(device, presented);
            assert!(before.is_none_or(|before| before.mark < presented.mark), "marks only rise");
        }
        self.payers.extend(plan.payers);
        for new in plan.payments {
            let NewPayment { answer, payer, device, proof, day, counted, transfer, .. } = new;
            assert!(self.marks[&device].mark >= new.mark, "a payment burns its code");
            let (last, evidence, closing_transfer) = (answer.clone(), new.evidence, None);
            let row = PaymentRow {
                answer,
                last,
                payer,
                device,
                proof,
                day,
                counted,
                transfer,
                closing_transfer,
                evidence,
            };
            let before = self.payments.insert(row.answer.id, row);
            assert_eq!(before, None, "a payment is made once");
        }
        for resolved in plan.resolved {
            let row = self.payments.get_mut(&resolved.id).expect("only what is there is decided");
            let before = row.closing_transfer.replace(resolved.transfer);
            assert_eq!(before, None, "a payment is decided once");
            row.counted = resolved.counted;
            let (record, fee) = (resolved.record, resolved.fee);
            row.last = PaymentAnswer {
                record,
                fee,
                decline_code: resolved.decline_code,
                ..row.last.clone()
            };
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
            // Where in its batch an event stands depends on what else is in it.
            let (answer, record) = match kept.answer {
                AnswerRef::PaymentAt(id, event) => {
                    (AnswerRef::PaymentAt(id, 0), Some(plan.events[event].record))
                }
                answer => (answer, None),
            };
            let before = self.answers.insert(kept.key, (kept.request_hash, answer, record));
            assert_eq!(before, None, "a key has one answer");
        }
        self.journal.extend(plan.events.iter().map(|event| event.record));
    }

    /// What an idempotency key answers, written again from the rows.
    pub(super) fn kept(&self, key: &KeyRef) -> Option<KeptAnswer> {
        let (request_hash, answer, place) = self.answers.get(key).cloned()?;
        let answer = match answer {
            AnswerRef::Payment(id) => Answer::Payment(Box::new(self.payments[&id].answer.clone())),
            AnswerRef::PaymentAt(id, _) => {
                let last = self.payments[&id].last.clone();
                assert_eq!(Some(last.record), place, "a decided payment stays as it is");
                Answer::Payment(Box::new(last))
            }
            AnswerRef::TopUp(id) => Answer::TopUp(Box::new(self.top_ups[&id].answer.clone())),
            AnswerRef::Rejected(rejection) => Answer::Rejected(rejection),
            AnswerRef::Movement { .. } | AnswerRef::NotMoved(_) => panic!("not played here"),
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

    /// What an account has free, in minor units.
    pub(super) fn available(&self, account: AccountId) -> i64 {
        self.balance(account) - self.held(account)
    }

    /// What is set aside in an account, in minor units.
    pub(super) fn held(&self, account: AccountId) -> i64 {
        let held = self.entries().filter(|it| (it.account, it.bucket) == (account, Bucket::Held));
        held.map(|it| it.amount.minor()).sum()
    }

    /// Checks what holds for books of any history.
    pub(super) fn audit(&self) {
        for entries in self.transfers.values() {
            let sum: i64 = entries.iter().map(|it| it.amount.minor()).sum();
            let currency = entries[0].amount.currency();
            assert_eq!(sum, 0, "a transfer creates no money");
            assert!(entries.iter().all(|it| it.amount.currency() == currency));
        }
        let mut held = 0;
        for row in self.payments.values() {
            held += self.audit_payment(row);
        }
        let set_aside = self.entries().filter(|it| it.bucket == Bucket::Held);
        let set_aside: i64 = set_aside.map(|it| it.amount.minor()).sum();
        assert_eq!(set_aside, held, "what is held is what waits");
        for (payer, change) in &self.payers {
            self.audit_usage(*payer, &change.usage);
        }
        for row in self.top_ups.values() {
            let hash = books_hash(&self.transfers[&row.transfer], &[]);
            assert_eq!(row.answer.record.books_hash, hash);
            assert_eq!(row.answer.record.settled, row.answer.record.asked);
        }
        let payments = self.payments.values();
        let movers = payments.flat_map(|row| [row.transfer, row.closing_transfer]).flatten();
        let movers = movers.count() + self.top_ups.len();
        assert_eq!(self.transfers.len(), movers, "no money moves unexplained");
    }

    /// Checks a payment; returns what is held for it.
    fn audit_payment(&self, row: &PaymentRow) -> i64 {
        let entries = |id: Option<TransferId>| id.map_or(&[][..], |id| &self.transfers[&id]);
        let (first, last) = (&row.answer.record, &row.last.record);
        assert_eq!(first.books_hash, books_hash(entries(row.transfer), &row.evidence));
        assert_eq!(row.transfer.is_none(), row.answer.decline_code.is_some());
        let settled = last.settled == last.asked && last.settled.minor() > 0;
        assert_eq!(settled, last.state == PaymentState::Succeeded);
        assert!(settled || (last.settled.minor(), row.last.fee.minor()) == (0, 0));
        let waited = first.state == PaymentState::RequiresConfirmation;
        let decided = last.state != PaymentState::RequiresConfirmation;
        assert_eq!(row.closing_transfer.is_some(), waited && decided);
        assert_eq!(row.proof == Proof::Pin, waited);
        if row.closing_transfer.is_some() {
            assert_eq!(last.books_hash, books_hash(entries(row.closing_transfer), &[]));
        }
        let counts = settled || !decided;
        assert_eq!(row.counted, if counts { last.asked.minor() } else { 0 });
        if decided { 0 } else { last.asked.minor() }
    }

    /// What counts is the sum of the day's payments by proof, and of the month's.
    fn audit_usage(&self, payer: PayerId, usage: &Usage) {
        let sum = |counts: &dyn Fn(&PaymentRow) -> bool| -> i64 {
            let rows = self.payments.values().filter(|row| row.payer == payer && counts(row));
            rows.map(|row| row.counted).sum()
        };
        let with = |proof| sum(&|row| (row.day, row.proof) == (usage.day, proof));
        assert_eq!((usage.day_static, usage.day_code), (0, with(Proof::Code)));
        assert_eq!(usage.day_pin, with(Proof::Pin));
        assert_eq!(usage.month, sum(&|row| row.day >= usage.month_start));
        assert!(usage.day_spent() <= DAY_LIMIT && usage.month <= MONTH_LIMIT);
    }
}

/// Every new payment, decision and top-up has its event, and a new outcome that reports it;
/// the only other events are notices.
fn check_events(plan: &Plan) {
    let told: Vec<Record> = plan.outcomes.iter().filter_map(newly_recorded).collect();
    let events: Vec<&Event> = plan.events.iter().filter(|it| it.notice.is_none()).collect();
    let records: Vec<Record> = events.iter().map(|event| event.record).collect();
    assert_eq!(told, records, "one event for everything new, in order");
    let payments = plan.payments.iter().map(|it| (it.event, it.answer.record, it.payer));
    let top_ups = plan.top_ups.iter().map(|it| (it.event, it.answer.record, it.answer.payer));
    for (event, record, payer) in payments.chain(top_ups) {
        assert_eq!((plan.events[event].record, plan.events[event].payer), (record, payer));
    }
    for resolved in &plan.resolved {
        assert_eq!(plan.events[resolved.event].record, resolved.record);
    }
    let rows = plan.payments.len() + plan.resolved.len() + plan.top_ups.len();
    assert_eq!(rows, events.len());
}

/// The record of a payment, a decision or a top-up that this outcome is the first to report.
fn newly_recorded(outcome: &Outcome) -> Option<Record> {
    match outcome {
        Outcome::Answered { answer: Answer::Payment(payment), replayed: false } => {
            Some(payment.record)
        }
        Outcome::Answered { answer: Answer::TopUp(top_up), replayed: false } => Some(top_up.record),
        Outcome::Answered { .. } | Outcome::Refused(_) => None,
    }
}
