use wallet_core::receipt::{PaymentState, Record, RecordKind};
use wallet_core::{Currency, Mode, Money, Timestamp};

use super::{AccountOf, AuditedBatch, AuditedEntry, AuditedEvent, AuditedPayment, PaymentEnd};
use crate::domain::ids::{AccountId, BatchId, TransferId};
use crate::domain::journal::{books_hash, movement_hash};
use crate::domain::ledger::{AccountKind, Entry, Shard};

const PAYER: AccountId = AccountId::from_bytes([1; 16]);
const MERCHANT: AccountId = AccountId::from_bytes([2; 16]);
const TRANSFER: TransferId = TransferId::from_bytes([3; 16]);
const EVIDENCE: &[u8] = b"evidence";
const NOW: Timestamp = Timestamp::from_unix_seconds(1_800_000_000);

fn money(minor: i64) -> Money {
    Money::from_minor(minor, Currency::from_code("CNY").unwrap())
}

/// A payment of 12.50 that succeeded at once, alone in its batch.
fn batch() -> AuditedBatch {
    let entry = |account, minor| Entry::available(account, Shard(0), money(minor));
    let entries = [entry(PAYER, -1250), entry(MERCHANT, 1250)];
    let record = Record {
        mode: Mode::Live,
        kind: RecordKind::Payment,
        state: PaymentState::Succeeded,
        subject: [5; 16],
        merchant: [6; 16],
        decided_at: NOW,
        asked: money(1250),
        settled: money(1250),
        reference_hash: Record::reference_hash("order-1"),
        books_hash: books_hash(&entries, EVIDENCE),
    };
    let payment = AuditedPayment {
        mode: Mode::Live,
        merchant: [6; 16],
        reference: "order-1".to_owned(),
        asked: money(1250),
        payer: [7; 16],
        account: Some(PAYER),
        transfer: Some(TRANSFER),
        evidence: Some(EVIDENCE.to_vec()),
        signed: None,
        asked_by: None,
        terminal: None,
        limit_payment: 1250,
        created_at: NOW,
    };
    let event = AuditedEvent {
        n: 0,
        mode: "live".to_owned(),
        event_type: "payment.succeeded".to_owned(),
        subject: [5; 16],
        merchant: Some([6; 16]),
        record: record.to_bytes(),
        payment: Some(Box::new(payment)),
        end: Some(PaymentEnd { state: "succeeded".to_owned(), amount_settled: 1250 }),
        payment_known: true,
    };
    let kinds = [AccountKind::Payer, AccountKind::Merchant];
    let entries = entries.into_iter().zip(kinds).map(|(entry, kind)| AuditedEntry {
        transfer: TRANSFER,
        entry,
        account: Some(AccountOf { mode: Mode::Live, kind }),
    });
    let mut batch = AuditedBatch {
        position: 1,
        id: BatchId::from_bytes([4; 16]),
        leaf: [0; 32],
        committed_at: Some(NOW),
        events: vec![event],
        entries: entries.collect(),
    };
    batch.leaf = batch.root();
    batch
}

/// The checks that fail once something was changed.
fn broken_by(change: impl FnOnce(&mut AuditedBatch)) -> Vec<&'static str> {
    let mut batch = batch();
    change(&mut batch);
    let mut found = Vec::new();
    batch.check(|fault| found.push(fault.check.as_str()));
    found
}

fn payment(batch: &mut AuditedBatch) -> &mut AuditedPayment {
    batch.events[0].payment.as_deref_mut().unwrap()
}

#[test]
fn a_batch_that_nobody_touched_is_right() {
    assert_eq!(broken_by(|_| {}), [""; 0]);
    let batch = batch();
    assert_eq!(batch.causes()[&TRANSFER].event_type, "payment.succeeded");
}

/// What a record says of a transfer with these entries.
type Hashed = fn(TransferId, &[Entry]) -> [u8; 32];

/// A payer sends 12.50 to another one, as an event and its transfer say, with a tie between the two.
fn send_as(batch: &mut AuditedBatch, number: u8, tie: impl Fn(TransferId, &[Entry]) -> [u8; 32]) {
    let transfer = TransferId::from_bytes([number; 16]);
    let kinds = [AccountKind::Payer, AccountKind::Payer];
    let entries = [(PAYER, -1250), (AccountId::from_bytes([9; 16]), 1250)]
        .map(|(account, minor)| Entry::available(account, Shard(0), money(minor)));
    let record = Record {
        kind: RecordKind::PayerTransfer,
        subject: [number; 16],
        merchant: [0; 16],
        books_hash: tie(transfer, &entries),
        ..batch.events[0].record().unwrap()
    };
    batch.events.push(AuditedEvent {
        n: i64::try_from(batch.events.len()).unwrap(),
        mode: "live".to_owned(),
        event_type: format!("{}.succeeded", record.kind.as_str()),
        subject: [number; 16],
        merchant: None,
        record: record.to_bytes(),
        payment: None,
        end: None,
        payment_known: false,
    });
    batch.entries.extend(entries.into_iter().zip(kinds).map(|(entry, kind)| AuditedEntry {
        transfer,
        entry,
        account: Some(AccountOf { mode: Mode::Live, kind }),
    }));
    batch.leaf = batch.root();
}

#[test]
fn who_sends_the_same_twice_has_two_records_and_a_third_movement_needs_a_third() {
    // Records of old releases do not name their transfer.
    let old = |_: TransferId, entries: &[Entry]| books_hash(entries, &[]);
    let ties: [Hashed; 2] = [movement_hash, old];
    for tie in ties {
        let twice = |batch: &mut AuditedBatch| {
            send_as(batch, 11, tie);
            send_as(batch, 12, tie);
        };
        assert_eq!(broken_by(twice), [""; 0]);
        let mut batch = batch();
        twice(&mut batch);
        let causes = batch.causes();
        let subject = |number| causes[&TransferId::from_bytes([number; 16])].subject;
        assert_eq!([subject(11), subject(12)], [[11; 16], [12; 16]]);
        let unrecorded = broken_by(|batch| {
            twice(batch);
            send_as(batch, 13, tie);
            batch.events.pop();
            batch.leaf = batch.root();
        });
        assert_eq!(unrecorded, ["journal_records"]);
    }
}

#[test]
fn a_record_is_tied_to_its_own_transfer_and_to_no_equal_one() {
    let another =
        |_: TransferId, entries: &[Entry]| movement_hash(TransferId::from_bytes([99; 16]), entries);
    let broken = broken_by(|batch| send_as(batch, 11, another));
    assert_eq!(broken, ["journal_records", "journal_records"]);
}

#[test]
fn a_changed_journal_is_found() {
    assert_eq!(broken_by(|batch| batch.leaf[0] ^= 1), ["journal_leaves"]);
    assert_eq!(broken_by(|batch| batch.committed_at = None), ["journal_positions"]);
    // Amount asked: the row and the ledger say otherwise as well.
    let changed = broken_by(|batch| batch.events[0].record[53] ^= 1);
    assert_eq!(changed, ["journal_leaves", "payment_rows"]);
    let gone = broken_by(|batch| batch.events.clear());
    assert_eq!(gone, ["journal_leaves", "journal_records"]);
    for change in [
        |event: &mut AuditedEvent| event.n = 1,
        |event: &mut AuditedEvent| event.mode = "test".to_owned(),
        |event: &mut AuditedEvent| event.event_type = "payment.refunded".to_owned(),
        |event: &mut AuditedEvent| event.merchant = None,
    ] {
        assert_eq!(broken_by(|batch| change(&mut batch.events[0])), ["journal_events"]);
    }
}

#[test]
fn changed_entries_are_found() {
    let more = |batch: &mut AuditedBatch, amount| batch.entries[1].entry.amount = money(amount);
    let changed = broken_by(|batch| more(batch, 1251));
    assert_eq!(changed, ["journal_transfers", "journal_records", "journal_records"]);
    let moved = broken_by(|batch| batch.entries[0].entry.account = MERCHANT);
    assert_eq!(moved, ["journal_records", "journal_records", "payment_rows"]);
    let unknown = broken_by(|batch| batch.entries[1].account = None);
    assert_eq!(unknown, ["journal_transfers"]);
    let mixed = AccountOf { mode: Mode::Test, kind: AccountKind::Merchant };
    let mixed = broken_by(|batch| batch.entries[1].account = Some(mixed));
    assert_eq!(mixed, ["journal_transfers"]);
    let gone = broken_by(|batch| batch.entries.clear());
    assert_eq!(gone, ["journal_records", "payment_rows"]);
    let added = broken_by(|batch| {
        let pair = batch.entries.clone().into_iter();
        let other = TransferId::from_bytes([9; 16]);
        batch.entries.extend(pair.map(|entry| AuditedEntry { transfer: other, ..entry }));
    });
    assert_eq!(added, ["journal_records"]);
}

#[test]
fn a_changed_payment_is_found() {
    for change in [
        |payment: &mut AuditedPayment| payment.merchant = [8; 16],
        |payment: &mut AuditedPayment| payment.mode = Mode::Test,
        |payment: &mut AuditedPayment| payment.asked = money(1251),
        |payment: &mut AuditedPayment| payment.reference = "order-2".to_owned(),
        |payment: &mut AuditedPayment| payment.created_at = NOW.plus_millis(1),
        |payment: &mut AuditedPayment| payment.account = Some(MERCHANT),
        |payment: &mut AuditedPayment| payment.account = None,
        |payment: &mut AuditedPayment| payment.limit_payment = 1249,
    ] {
        assert_eq!(broken_by(|batch| change(payment(batch))), ["payment_rows"]);
    }
    let other = broken_by(|batch| payment(batch).evidence = Some(b"other".to_vec()));
    assert_eq!(other, ["journal_records", "journal_records"]);
    let state = broken_by(|batch| batch.events[0].end.as_mut().unwrap().amount_settled = 1249);
    assert_eq!(state, ["payment_rows"]);
    let gone = broken_by(|batch| {
        batch.events[0].payment = None;
        batch.events[0].payment_known = false;
    });
    assert_eq!(gone, ["journal_records", "journal_records", "payment_rows"]);
}
