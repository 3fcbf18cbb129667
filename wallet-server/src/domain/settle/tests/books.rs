//! What settlement wrote: rows that only a correct plan can be written to.

use std::collections::BTreeMap;

use wallet_core::receipt::{PaymentState, Record};
use wallet_core::{DeviceKeyId, Mode, Money, Timestamp};

use super::paying_out::PayoutRow;
use crate::domain::command::{KeyRef, ReferenceRef};
use crate::domain::ids::{
    AccountId, OrderId, PayerId, PaymentId, PayoutId, RefundId, SuspenseId, TopUpId, TransferId,
};
use crate::domain::ledger::{Bucket, Entry};
use crate::domain::limits::{Day, Proof};
use crate::domain::outcome::{
    Answer, DeclineCode, MovementAnswer, OrderAnswer, OrderState, PaymentAnswer, RefundAnswer,
    TopUpAnswer,
};
use crate::domain::plan::{
    AnswerRef, EndedSuspense, Evidence, NewHolder, NewPayment, NewSuspense, NewTopUp, PayerChange,
    PaymentChange, Plan, SuspenseSubject,
};
use crate::domain::request_hash::RequestHash;
use crate::domain::snapshot::{KeptAnswer, OpenPayment, Presented, Refunded, TakenReference};

#[derive(Clone, PartialEq, Debug)]
pub(super) struct PaymentRow {
    /// As it was first answered.
    pub(super) first: PaymentAnswer,
    /// What the journal said last.
    pub(super) last: Record,
    pub(super) payer: PayerId,
    device: DeviceKeyId,
    pub(super) proof: Proof,
    pub(super) day: Day,
    pub(super) counted: i64,
    pub(super) captured: i64,
    pub(super) fee: i64,
    decline_code: Option<DeclineCode>,
    hold_expires_at: Option<Timestamp>,
    pub(super) refunded: Refunded,
    pub(super) transfer: Option<TransferId>,
    pub(super) closing: Option<TransferId>,
    pub(super) reversal: Option<TransferId>,
    pub(super) evidence: Vec<u8>,
}

impl PaymentRow {
    fn new(new: NewPayment) -> Self {
        let answer = new.answer;
        let nothing = Money::zero(answer.record.asked.currency());
        Self {
            last: answer.record,
            payer: new.payer,
            device: new.device,
            proof: new.proof,
            day: new.day,
            counted: new.counted,
            captured: answer.record.settled.minor(),
            fee: answer.fee.minor(),
            decline_code: answer.decline_code,
            hold_expires_at: answer.hold_expires_at,
            refunded: Refunded { amount: nothing, fee: nothing, count: 0 },
            transfer: new.transfer,
            closing: None,
            reversal: None,
            evidence: new.evidence.bytes().to_vec(),
            first: answer,
        }
    }

    /// The payment as it was answered when the journal said this: from columns that later changes
    /// may have written, just as the store reads it.
    pub(super) fn answer_at(&self, record: Record) -> PaymentAnswer {
        let captured = matches!(
            record.state,
            PaymentState::Succeeded | PaymentState::PartiallyRefunded | PaymentState::Refunded
        );
        let fee = if captured { self.fee } else { 0 };
        let waits = record.state == PaymentState::RequiresConfirmation;
        PaymentAnswer {
            record,
            fee: Money::from_minor(fee, record.settled.currency()),
            decline_code: self.decline_code.filter(|_| record.state == PaymentState::Declined),
            hold_expires_at: self.hold_expires_at.filter(|_| !waits),
            ..self.first.clone()
        }
    }

    pub(super) fn open(&self) -> OpenPayment {
        let Self { payer, device, proof, day, refunded, .. } = *self;
        OpenPayment { answer: self.answer_at(self.last), payer, device, proof, day, refunded }
    }

    /// Writes a change down. Money moves once for each reason.
    fn change(&mut self, change: &PaymentChange) {
        let PaymentChange { record, refunded, .. } = *change;
        self.last = record;
        assert!(refunded.count >= self.refunded.count, "refunds are never forgotten");
        self.refunded = refunded;
        self.decline_code = change.decline_code.or(self.decline_code);
        self.hold_expires_at = change.hold_expires_at.or(self.hold_expires_at);
        self.counted = change.counted.unwrap_or(self.counted);
        if let Some(captured) = change.captured {
            assert_eq!(self.captured, 0, "a payment is captured once");
            self.captured = captured.minor();
        }
        if let Some(fee) = change.fee {
            assert_eq!(self.fee, 0, "a payment has one fee");
            self.fee = fee.minor();
        }
        for (column, new) in
            [(&mut self.closing, change.closing), (&mut self.reversal, change.reversal)]
        {
            assert!(column.is_none() || new.is_none(), "what is held or captured moves on once");
            *column = column.or(new);
        }
    }
}

#[derive(Clone, PartialEq, Debug)]
pub(super) struct TopUpRow {
    pub(super) answer: TopUpAnswer,
    pub(super) transfer: TransferId,
}

#[derive(Clone, PartialEq, Debug)]
pub(super) struct RefundRow {
    pub(super) answer: RefundAnswer,
    pub(super) payer: PayerId,
    pub(super) transfer: TransferId,
}

/// Money whose owner could not have it, and what became of it.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct SuspenseRow {
    pub(super) subject: SuspenseSubject,
    pub(super) payer: PayerId,
    pub(super) mode: Mode,
    pub(super) amount: Money,
    pub(super) transfer: TransferId,
    pub(super) closing: Option<TransferId>,
    pub(super) external_reference: Option<String>,
}

/// The tables, and one journal of all events.
#[derive(Clone, PartialEq, Default, Debug)]
pub(super) struct Books {
    pub(super) transfers: BTreeMap<TransferId, Vec<Entry>>,
    pub(super) payments: BTreeMap<PaymentId, PaymentRow>,
    pub(super) top_ups: BTreeMap<TopUpId, TopUpRow>,
    pub(super) refunds: BTreeMap<RefundId, RefundRow>,
    pub(super) suspense: BTreeMap<SuspenseId, SuspenseRow>,
    pub(super) marks: BTreeMap<DeviceKeyId, Presented>,
    answers: BTreeMap<KeyRef, (RequestHash, AnswerRef, Option<Record>)>,
    /// What took a reference.
    pub(super) references: BTreeMap<ReferenceRef, NewHolder>,
    /// Orders, as they are now.
    pub(super) orders: BTreeMap<OrderId, OrderAnswer>,
    pub(super) payers: BTreeMap<PayerId, PayerChange>,
    pub(super) payouts: BTreeMap<PayoutId, PayoutRow>,
    /// What was paid to merchants' bank accounts beside settlement.
    pub(super) paid_to_merchants: Vec<TransferId>,
    journal: Vec<Record>,
}

impl Books {
    /// Commits a plan, or fails the test where a constraint of the database would.
    pub(super) fn write(&mut self, plan: Plan) {
        self.check_events(&plan);
        for transfer in plan.transfers {
            self.move_money(transfer.id(), transfer.entries().to_vec());
        }
        for (device, presented) in plan.marks {
            let before = self.marks.insert(device, presented);
            assert!(before.is_none_or(|before| before.mark < presented.mark), "marks only rise");
        }
        self.payers.extend(plan.payers);
        for (id, change) in plan.changed_payments {
            let row = self.payments.get_mut(&id).expect("only what was there changes");
            row.change(&change);
        }
        for new in plan.payments {
            if let Evidence::Code { mark, .. } = new.evidence {
                assert!(self.marks[&new.device].mark >= mark, "a payment burns its code");
            }
            let row = PaymentRow::new(new);
            let before = self.payments.insert(row.first.id, row);
            assert_eq!(before, None, "a payment is made once");
        }
        for NewTopUp { answer, transfer, .. } in plan.top_ups {
            let row = TopUpRow { answer, transfer };
            let before = self.top_ups.insert(row.answer.id, row);
            assert_eq!(before, None, "a top-up is made once");
        }
        for new in plan.refunds {
            let row = RefundRow { answer: new.answer, payer: new.payer, transfer: new.transfer };
            let before = self.refunds.insert(row.answer.id, row);
            assert_eq!(before, None, "a refund is made once");
        }
        for new in plan.suspense {
            self.suspend(&new);
        }
        for ended in plan.ended_suspense {
            self.end_suspense(ended);
        }
        self.write_payouts(plan.payouts);
        for taken in plan.references {
            let before = self.references.insert(taken.reference, taken.holder);
            assert_eq!(before, None, "a reference is taken once");
        }
        for new in plan.merchant_codes.orders {
            let before = self.orders.insert(new.id, new);
            assert_eq!(before, None, "an order is made once");
        }
        for (id, ended) in plan.merchant_codes.ended {
            let order = self.orders.get_mut(&id).expect("only what was there ends");
            assert_eq!(order.state, OrderState::Open, "an order ends once");
            order.state = ended.state;
        }
        for kept in plan.kept_answers {
            // Where in its batch an event stands depends on what else is in it.
            let (answer, record) = match kept.answer {
                AnswerRef::PaymentAt(id, event) => {
                    (AnswerRef::PaymentAt(id, 0), Some(plan.events[event].record))
                }
                AnswerRef::Movement { kind, subject, event, shown } => {
                    let answer = AnswerRef::Movement { kind, subject, event: 0, shown };
                    (answer, Some(plan.events[event].record))
                }
                answer => (answer, None),
            };
            let before = self.answers.insert(kept.key, (kept.request_hash, answer, record));
            assert_eq!(before, None, "a key has one answer");
        }
        self.journal.extend(plan.events.iter().map(|event| event.record));
    }

    pub(super) fn move_money(&mut self, id: TransferId, entries: Vec<Entry>) {
        let before = self.transfers.insert(id, entries);
        assert_eq!(before, None, "a transfer is written once");
    }

    fn suspend(&mut self, new: &NewSuspense) {
        let payment = match new.subject {
            SuspenseSubject::Payment(id) => id,
            SuspenseSubject::Refund(id) => self.refunds[&id].answer.payment,
        };
        let row = SuspenseRow {
            subject: new.subject,
            payer: new.payer,
            mode: self.payments[&payment].first.mode,
            amount: new.amount,
            transfer: new.transfer,
            closing: None,
            external_reference: None,
        };
        let before = self.suspense.insert(new.id, row);
        assert_eq!(before, None, "money is set aside once");
    }

    fn end_suspense(&mut self, ended: EndedSuspense) {
        if ended.external_reference.is_some() {
            let mode = self.suspense[&ended.id].mode;
            let mut others = self.suspense.values().filter(|row| row.mode == mode);
            let once = others.all(|row| row.external_reference != ended.external_reference);
            assert!(once, "a bank's reference stands for one payment");
        }
        let row = self.suspense.get_mut(&ended.id).expect("only what is there goes on");
        assert_eq!(row.closing, None, "money in suspense goes on once");
        row.closing = Some(ended.transfer);
        row.external_reference = ended.external_reference;
    }

    /// What an idempotency key answers, written again from the rows.
    pub(super) fn kept(&self, key: &KeyRef) -> Option<KeptAnswer> {
        let (request_hash, answer, record) = self.answers.get(key).cloned()?;
        let answer = match answer {
            AnswerRef::Payment(id) => self.payment_at(id, None),
            AnswerRef::PaymentAt(id, _) => self.payment_at(id, record),
            AnswerRef::EndedPayment(id) => self.payment_at(id, Some(self.payments[&id].last)),
            AnswerRef::TopUp(id) => Answer::TopUp(Box::new(self.top_ups[&id].answer.clone())),
            AnswerRef::Refund(id) => Answer::Refund(Box::new(self.refunds[&id].answer.clone())),
            AnswerRef::ReferenceCanceled => Answer::ReferenceCanceled,
            AnswerRef::Rejected(rejection) => Answer::Rejected(rejection),
            AnswerRef::NotMoved(why) => Answer::NotMoved(why),
            AnswerRef::Order(id) => {
                let order = OrderAnswer { state: OrderState::Open, ..self.orders[&id].clone() };
                Answer::Order(Box::new(order))
            }
            AnswerRef::EndedOrder(id) => Answer::Order(Box::new(self.orders[&id].clone())),
            AnswerRef::Movement { shown, .. } => {
                let record = record.expect("a movement has its record");
                Answer::Movement(Box::new(MovementAnswer { record, share: None, shown }))
            }
        };
        Some(KeptAnswer { request_hash, answer })
    }

    fn payment_at(&self, id: PaymentId, record: Option<Record>) -> Answer {
        let row = &self.payments[&id];
        Answer::Payment(Box::new(row.answer_at(record.unwrap_or(row.first.record))))
    }

    pub(super) fn taken(&self, reference: &ReferenceRef) -> Option<TakenReference> {
        Some(match *self.references.get(reference)? {
            NewHolder::Nothing => TakenReference::Tombstone,
            NewHolder::Order(id) => TakenReference::Order(id),
            NewHolder::Payment(id, fingerprint) => {
                let row = &self.payments[&id];
                let first = Box::new(row.answer_at(row.first.record));
                let canceled = row.last.state == PaymentState::Canceled;
                TakenReference::Payment { fingerprint, first, canceled }
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
}
