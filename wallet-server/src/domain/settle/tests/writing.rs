//! What a plan says about a payment and a top-up, field by field.

use wallet_core::receipt::{PaymentState, Record, RecordKind};
use wallet_core::{Mode, TerminalId};

use super::database::Database;
use super::fixture::{Sale, at, deposit, merchant_id, payer_id, rules, sale, yuan};
use crate::domain::command::{Capture, Charge, CodeSource, Command, TopUp, Verdict};
use crate::domain::journal::{books_hash, movement_hash};
use crate::domain::outcome::{Answer, Outcome, PaymentAnswer, TopUpAnswer};
use crate::domain::plan::{Event, Evidence, NewHolder, NewPayment, NewTopUp};
use crate::domain::snapshot::{Presented, PresentedAt};

fn charge() -> Charge {
    let Command::Charge(charge) = Sale { merchant: 2, amount: yuan(100), ..sale(7) }.into() else {
        unreachable!("a sale is a charge")
    };
    let terminal = Some(TerminalId::from_bytes([5; 16]));
    Charge { code_source: CodeSource::Typed, terminal, ..charge }
}

#[test]
fn a_payment_is_written_with_all_that_was_asked_and_all_that_decided_it() {
    let charge = charge();
    let commands = [deposit(100, 1, yuan(100)).into(), Command::Charge(charge.clone())];
    let plan = Database::open().plan(&commands, at(0));
    let [_, transfer] = &plan.transfers[..] else { panic!("{:?}", plan.transfers) };
    let Verdict::Authentic(code) = &charge.verdict else { panic!("{:?}", charge.verdict) };
    let record = Record {
        mode: Mode::Live,
        kind: RecordKind::Payment,
        state: PaymentState::Succeeded,
        subject: *charge.id.as_bytes(),
        merchant: *merchant_id(2).as_bytes(),
        decided_at: at(0),
        asked: yuan(100),
        settled: yuan(100),
        reference_hash: Record::reference_hash("order 7"),
        books_hash: books_hash(transfer.entries(), &code.evidence),
    };
    let expected = PaymentAnswer {
        id: charge.id,
        merchant: merchant_id(2),
        mode: Mode::Live,
        created_at: at(0),
        expires_at: None,
        hold_expires_at: None,
        record,
        fee: yuan(2),
        decline_code: None,
        reference: "order 7".to_owned(),
        capture: Capture::Automatic,
        code_source: CodeSource::Typed,
        merchant_code: None,
        terminal: charge.terminal,
        description: charge.description.clone(),
        metadata: charge.metadata.clone(),
    };
    let answer = Answer::Payment(Box::new(expected.clone()));
    assert_eq!(plan.outcomes[1], Outcome::Answered { answer, replayed: false });
    let [payment] = &plan.payments[..] else { panic!("{:?}", plan.payments) };
    let NewPayment { answer, payer, device, limits, .. } = payment;
    assert_eq!((answer, *payer, *device), (&expected, code.payer, code.device));
    assert_eq!(*limits, rules().limits.new_payers);
    let NewPayment { day, transfer: moved, evidence, event, .. } = payment;
    assert_eq!((*day, *moved), (rules().calendar.day(at(0)), Some(charge.transfer)));
    let opened = code.evidence.clone();
    let shown = Evidence::Code { mark: code.mark, limit: code.limit, opened };
    assert_eq!((evidence, *event), (&shown, 1));
    assert_eq!(transfer.id(), charge.transfer);
    let Event { record: told, merchant, payer, .. } = &plan.events[1];
    assert_eq!((*told, *merchant, *payer), (record, Some(merchant_id(2)), Some(payer_id(1))));
    let at = PresentedAt {
        merchant: merchant_id(2),
        terminal: charge.terminal,
        time: at(0),
        paid: Some(100),
    };
    assert_eq!(plan.marks, [(code.device, Presented { mark: code.mark, at: Some(at) })]);
}

#[test]
fn a_declined_payment_is_written_as_asked_but_settles_nothing() {
    let charge = charge();
    let plan = Database::open().plan(&[Command::Charge(charge.clone())], at(0));
    let [payment] = &plan.payments[..] else { panic!("{:?}", plan.payments) };
    let record = payment.answer.record;
    assert_eq!((record.asked, record.settled), (yuan(100), yuan(0)));
    assert_eq!(record.state, PaymentState::Declined);
    assert_eq!((payment.answer.fee, payment.transfer), (yuan(0), None));
    assert_eq!((plan.transfers.len(), plan.payers.len()), (0, 0));
    let [reference] = &plan.references[..] else { panic!("{:?}", plan.references) };
    let holder = NewHolder::Payment(charge.id, charge.fingerprint);
    assert_eq!((&reference.reference, reference.holder), (&charge.reference, holder));
}

#[test]
fn a_top_up_is_written_with_all_that_was_asked() {
    let Command::TopUp(top_up) = deposit(3, 1, yuan(100)).into() else {
        unreachable!("a deposit is a top-up")
    };
    let TopUp { id, transfer, .. } = top_up;
    let plan = Database::open().plan(&[Command::TopUp(top_up)], at(0));
    let record = Record {
        mode: Mode::Live,
        kind: RecordKind::TopUp,
        state: PaymentState::Succeeded,
        subject: *id.as_bytes(),
        merchant: [0; 16],
        decided_at: at(0),
        asked: yuan(100),
        settled: yuan(100),
        reference_hash: Record::reference_hash("bank 3"),
        books_hash: movement_hash(transfer, plan.transfers[0].entries()),
    };
    let external_reference = "bank 3".to_owned();
    let expected = TopUpAnswer { id, payer: payer_id(1), record, external_reference };
    let [NewTopUp { answer, transfer: moved, event }] = &plan.top_ups[..] else {
        panic!("{:?}", plan.top_ups)
    };
    assert_eq!((answer, *moved, *event), (&expected, transfer, 0));
    let Event { record: told, merchant, payer, .. } = &plan.events[0];
    assert_eq!((*told, *merchant, *payer), (record, None, Some(payer_id(1))));
}
