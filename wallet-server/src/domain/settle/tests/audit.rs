//! What holds for books of any history, and what every plan tells.

use std::collections::{HashMap, HashSet};

use wallet_core::receipt::{PaymentState, Record, RecordKind};
use wallet_core::{Money, Timestamp};

use super::books::{Books, PaymentRow};
use super::fixture::{DAY_LIMIT, MONTH_LIMIT};
use super::paying_out::PayoutRow;
use crate::domain::command::{Capture, CodeSource, MerchantCodeId};
use crate::domain::ids::{PayerId, PaymentId, TransferId};
use crate::domain::journal::{books_hash, moved_hash, movement_hash};
use crate::domain::ledger::{Bucket, Transfer};
use crate::domain::limits::{Proof, Usage};
use crate::domain::outcome::{Answer, OrderState, Outcome};
use crate::domain::plan::{Event, Plan, SuspenseSubject};
use crate::domain::snapshot::Refunded;

impl Books {
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
            self.audit_payment(row);
            self.audit_refunds(row);
            held += if waits(row.last.state) { row.last.asked.minor() } else { 0 };
        }
        let set_aside = self.entries().filter(|it| it.bucket == Bucket::Held);
        let set_aside: i64 = set_aside.map(|it| it.amount.minor()).sum();
        let paying_out = self.payouts.values().filter(|row| row.is_open());
        held += paying_out.map(|row| row.last.asked.minor()).sum::<i64>();
        assert_eq!(set_aside, held, "what is held is what waits");
        for (payer, change) in &self.payers {
            self.audit_usage(*payer, &change.usage);
        }
        for row in self.top_ups.values() {
            assert_eq!(row.answer.record.books_hash, self.moved(Some(row.transfer)));
            assert_eq!(row.answer.record.settled, row.answer.record.asked);
        }
        self.audit_suspense();
        self.audit_orders();
        self.audit_payouts();
        let payments = self.payments.values();
        let movers = payments.flat_map(|row| [row.transfer, row.closing, row.reversal]);
        let ended = self.suspense.values().map(|row| row.closing);
        let movers = movers.chain(ended).flatten().count()
            + self.top_ups.len()
            + self.refunds.len()
            + self.payouts.values().flat_map(PayoutRow::movers).count()
            + self.paid_to_merchants.len();
        assert_eq!(self.transfers.len(), movers, "no money moves unexplained");
    }

    /// Checks a payment: its state says what moved, what counts, and what the journal ties it to.
    fn audit_payment(&self, row: &PaymentRow) {
        let (first, last) = (&row.first.record, &row.last);
        let asked = last.asked.minor();
        assert_eq!(first.books_hash, self.hash(row.transfer, &row.evidence));
        assert_eq!(row.transfer.is_none(), row.first.decline_code.is_some());
        assert_eq!(row.closing.is_some(), waits(first.state) && !waits(last.state));
        assert_eq!(
            row.reversal.is_some(),
            last.state == PaymentState::Canceled && row.captured > 0
        );
        assert_eq!(row.captured > 0, is_merchants(last.state) || row.reversal.is_some());
        assert!((0..=asked).contains(&row.captured) && (0..=row.captured).contains(&row.fee));
        if row.first.capture == Capture::Automatic {
            assert!(row.captured == 0 || row.captured == asked, "all or nothing");
            assert_ne!(last.state, PaymentState::Authorized);
        }
        let settled = if is_merchants(last.state) { row.captured } else { 0 };
        assert_eq!(last.settled.minor(), settled);
        if row.first.merchant_code.is_none() {
            assert_eq!(row.proof == Proof::Pin, first.state == PaymentState::RequiresConfirmation);
        }
        if last != first && row.refunded.count == 0 {
            let authorized = last.state == PaymentState::Authorized;
            let moved = row.reversal.or(row.closing).filter(|_| !authorized);
            assert_eq!(moved.is_none(), authorized, "only the payer's word moves nothing");
            assert_eq!(last.books_hash, self.moved(moved));
        }
        let counted = if waits(last.state) { asked } else { settled };
        assert_eq!(row.counted, counted, "what is released does not count");
        let unchanged = Record {
            state: first.state,
            decided_at: first.decided_at,
            settled: first.settled,
            books_hash: first.books_hash,
            ..*last
        };
        assert_eq!(unchanged, *first, "nothing else of a record changes");
    }

    /// Checks that a payment's refunds add up to what it says, and what they return of its fee.
    fn audit_refunds(&self, row: &PaymentRow) {
        let currency = row.last.asked.currency();
        let nothing = Money::zero(currency);
        let mut sum = Refunded { amount: nothing, fee: nothing, count: 0 };
        for refund in self.refunds.values().filter(|it| it.answer.payment == row.first.id) {
            let (answer, record) = (&refund.answer, &refund.answer.record);
            assert_eq!((answer.merchant, refund.payer), (row.first.merchant, row.payer));
            assert_eq!((record.kind, record.settled), (RecordKind::Refund, record.asked));
            assert_eq!(record.state, PaymentState::Succeeded);
            assert_eq!(record.subject, *answer.id.as_bytes());
            assert_eq!(record.books_hash, self.moved(Some(refund.transfer)));
            sum.amount = sum.amount.checked_add(record.asked).unwrap();
            sum.fee = sum.fee.checked_add(answer.fee_returned).unwrap();
            sum.count += 1;
        }
        assert_eq!(row.refunded, sum);
        assert!(sum.amount.minor() <= row.captured && sum.fee.minor() <= row.fee);
        let all = sum.count > 0 && sum.amount.minor() == row.captured;
        let some = sum.count > 0 && !all;
        assert_eq!(all, row.last.state == PaymentState::Refunded);
        assert_eq!(some, row.last.state == PaymentState::PartiallyRefunded);
    }

    /// What waits for the operator was set aside by what it names, all of it.
    fn audit_suspense(&self) {
        for row in self.suspense.values() {
            let (payment, amount, transfer) = match row.subject {
                SuspenseSubject::Payment(id) => {
                    let payment = &self.payments[&id];
                    (payment, payment.captured, payment.reversal)
                }
                SuspenseSubject::Refund(id) => {
                    let refund = &self.refunds[&id];
                    let payment = &self.payments[&refund.answer.payment];
                    (payment, refund.answer.record.asked.minor(), Some(refund.transfer))
                }
            };
            assert_eq!((row.payer, row.amount.minor()), (payment.payer, amount));
            assert_eq!(Some(row.transfer), transfer);
            assert!(row.external_reference.is_none() || row.closing.is_some());
        }
    }

    /// A paid order has one payment, of its amount, and nobody paid another one.
    fn audit_orders(&self) {
        let of_order = |row: &&PaymentRow| row.first.code_source == CodeSource::Order;
        let paid: Vec<&PaymentRow> = self.payments.values().filter(of_order).collect();
        for order in self.orders.values() {
            let own = paid
                .iter()
                .filter(|row| row.first.merchant_code == Some(MerchantCodeId::Order(order.id)));
            let own: Vec<PaymentId> = own.map(|row| row.first.id).collect();
            assert_eq!(own, order.state.payment().into_iter().collect::<Vec<_>>());
            if let Some(payment) = order.state.payment() {
                let first = &self.payments[&payment].first;
                assert_eq!(first.record.asked, order.amount.money());
                assert_eq!((first.merchant, &first.reference), (order.merchant, &order.reference));
            }
        }
        let mut known = paid.iter().filter_map(|row| row.first.merchant_code?.order());
        assert!(known.all(|id| self.orders.contains_key(&id)));
    }

    fn hash(&self, transfer: Option<TransferId>, evidence: &[u8]) -> [u8; 32] {
        books_hash(transfer.map_or(&[][..], |id| &self.transfers[&id]), evidence)
    }

    fn moved(&self, transfer: Option<TransferId>) -> [u8; 32] {
        transfer.map_or_else(|| books_hash(&[], &[]), |id| movement_hash(id, &self.transfers[&id]))
    }

    /// What counts is the sum of the day's payments by proof, and of the month's.
    fn audit_usage(&self, payer: PayerId, usage: &Usage) {
        let sum = |counts: &dyn Fn(&PaymentRow) -> bool| -> i64 {
            let rows = self.payments.values().filter(|row| row.payer == payer && counts(row));
            rows.map(|row| row.counted).sum()
        };
        let with = |proof| sum(&|row| (row.day, row.proof) == (usage.day, proof));
        assert_eq!((usage.day_static, usage.day_code), (with(Proof::Static), with(Proof::Code)));
        assert_eq!(usage.day_pin, with(Proof::Pin));
        assert_eq!(usage.month, sum(&|row| row.day >= usage.month_start));
        assert!(usage.day_spent() <= DAY_LIMIT && usage.month <= MONTH_LIMIT);
    }

    /// Everything new has its event, in the order of the outcomes that report it; a refund has two,
    /// as it changes its payment. The only other events are notices.
    pub(super) fn check_events(&self, plan: &Plan) {
        let mut known: Vec<Record> = self.payments.values().map(|row| row.last).collect();
        let about_order = |event: &&Event| event.record.kind == RecordKind::Order;
        let events = plan.events.iter().filter(|event| event.notice.is_none());
        let mut events = events.filter(|event| !about_order(event));
        for outcome in &plan.outcomes {
            let Outcome::Answered { answer, replayed: false } = outcome else { continue };
            let told = match answer {
                // A payment that is called off again is told as it is.
                Answer::Payment(payment) if known.contains(&payment.record) => None,
                Answer::Payment(payment) => {
                    known.push(payment.record);
                    Some(payment.record)
                }
                Answer::TopUp(top_up) => Some(top_up.record),
                Answer::Movement(movement) => Some(movement.record),
                Answer::Refund(refund) => {
                    let of_payment = events.next().expect("a refund changes its payment");
                    assert_eq!(of_payment.record.subject, *refund.payment.as_bytes());
                    assert_eq!(of_payment.payer, None, "that is the merchant's business");
                    known.push(of_payment.record);
                    Some(refund.record)
                }
                Answer::Rejected(_)
                | Answer::ReferenceCanceled
                | Answer::NotMoved(_)
                | Answer::Order(_) => None,
            };
            if let Some(record) = told {
                let event = events.next().expect("what is new has an event");
                assert_eq!(event.record, record);
                assert_eq!(event.payer.is_none(), record.kind == RecordKind::Payout);
                let merchant = (record.merchant != [0; 16]).then_some(record.merchant);
                assert_eq!(event.merchant.map(|id| *id.as_bytes()), merchant);
            }
        }
        assert!(events.next().is_none(), "nothing is told that did not happen");
        check_places(plan);
        check_orders(plan, plan.events.iter().filter(about_order));
    }
}

/// Every record is of this moment, and ties the books to what its batch moved, if it moved anything.
pub(super) fn check_records(plan: &Plan, now: Timestamp) {
    let entries = |id: &TransferId| {
        let transfer = plan.transfers.iter().find(|transfer| transfer.id() == *id);
        transfer.map_or(&[][..], Transfer::entries)
    };
    let proved = plan.payments.iter().map(|payment| {
        let moved = payment.transfer.as_ref().map_or(&[][..], entries);
        books_hash(moved, payment.evidence.bytes())
    });
    let moved = plan.transfers.iter().map(|transfer| moved_hash(Some(transfer)));
    let ties: HashSet<[u8; 32]> = proved.chain(moved).chain([books_hash(&[], &[])]).collect();
    for event in &plan.events {
        assert_eq!(event.record.decided_at, now);
        // A notice tells of a code that made no payment.
        assert!(event.notice.is_some() || ties.contains(&event.record.books_hash));
    }
}

/// Every row names the event that tells of it; of a payment, the last one.
fn check_places(plan: &Plan) {
    let payments = plan.payments.iter().map(|it| (it.event, it.answer.record, it.payer));
    let top_ups = plan.top_ups.iter().map(|it| (it.event, it.answer.record, it.answer.payer));
    let refunds = plan.refunds.iter().map(|it| (it.event, it.answer.record, it.payer));
    for (event, record, payer) in payments.chain(top_ups).chain(refunds) {
        let event = &plan.events[event];
        assert_eq!((event.record, event.payer), (record, Some(payer)));
    }
    let of_payment =
        |event: &&Event| event.notice.is_none() && event.record.kind == RecordKind::Payment;
    let last: HashMap<[u8; 16], Record> = plan
        .events
        .iter()
        .filter(of_payment)
        .map(|event| (event.record.subject, event.record))
        .collect();
    for (id, change) in &plan.changed_payments {
        assert_eq!(plan.events[change.event].record, change.record);
        assert_eq!(last[PaymentId::as_bytes(id)], change.record);
    }
    for new in &plan.payouts.requested {
        assert_eq!(plan.events[new.event].record, new.record);
    }
    for change in plan.payouts.changed.values() {
        assert_eq!(plan.events[change.event].record, change.record);
    }
    for ended in &plan.ended_suspense {
        let record = &plan.events[ended.event].record;
        assert_eq!(record.subject, *ended.id.as_bytes());
        let reference_hash = ended.external_reference.as_deref().map(Record::reference_hash);
        assert_eq!(record.reference_hash, reference_hash.unwrap_or_default());
    }
}

/// Whoever has an order learns how it ended: by its payment, or by an event of its own.
fn check_orders<'a>(plan: &'a Plan, events: impl Iterator<Item = &'a Event>) {
    let mut told = 0;
    for (id, ended) in &plan.merchant_codes.ended {
        let event = &plan.events[ended.event];
        assert!(event.merchant.is_some());
        match ended.state {
            OrderState::Open => panic!("that is no end"),
            OrderState::Paid(payment) => {
                assert_eq!(event.record.subject, *payment.as_bytes());
                assert_eq!(event.record.state, PaymentState::Succeeded);
            }
            OrderState::Canceled | OrderState::Expired => {
                told += 1;
                assert_eq!(event.record.subject, *id.as_bytes());
                assert_eq!(
                    (event.record.state.as_str(), event.payer),
                    (ended.state.as_str(), None)
                );
                assert_eq!(event.record.settled.minor(), 0);
            }
        }
    }
    assert_eq!(events.count(), told, "every end is told once");
}

/// Whether money is held for it.
fn waits(state: PaymentState) -> bool {
    matches!(state, PaymentState::RequiresConfirmation | PaymentState::Authorized)
}

/// Whether the merchant got it, and may have given some of it back.
fn is_merchants(state: PaymentState) -> bool {
    matches!(
        state,
        PaymentState::Succeeded | PaymentState::PartiallyRefunded | PaymentState::Refunded
    )
}
