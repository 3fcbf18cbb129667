//! Rules of money between payers, one by one: each batch on a snapshot of its own.

use wallet_core::receipt::{PaymentState, Record};
use wallet_core::{DeviceKeyId, Mode, Money, PositiveMoney, Timestamp};

use super::audit::check_records;
use super::fixture::{DAY_LIMIT, at, device_id, id_bytes, payer_id, rules, yuan};
use crate::domain::command::{
    Caller, ClaimShare, Command, EndEnvelope, EnvelopeFor, FinishWithdrawal, KeyRef, MakeEnvelope,
    PayerRequest, PayerTransfer, Request, Withdraw, WithdrawalEnd,
};
use crate::domain::ids::{
    AccountId, ClaimId, EnvelopeId, PayerTransferId, TransferId, WithdrawalId,
};
use crate::domain::ledger::{AccountKind, Bucket, Transfer};
use crate::domain::limits::{LimitName, OverLimit, OwnLimits, Usage};
use crate::domain::outcome::{Answer, NotMoved, Outcome, Refusal};
use crate::domain::plan::Plan;
use crate::domain::request_hash::RequestHash;
use crate::domain::settle::settle;
use crate::domain::shares::{Shares, Split};
use crate::domain::snapshot::{Device, OpenEnvelope, OpenWithdrawal, Payer, Share, Snapshot};

const BANK: AccountId = AccountId::from_bytes([99; 16]);

/// Payers 1 to 3 with 300 fen each and a device of the same number.
fn snapshot() -> Snapshot {
    let mut rows = Snapshot { today: rules().calendar.today(at(0)), ..Snapshot::default() };
    for number in 1..=3 {
        let payer = Payer {
            mode: Mode::Live,
            account: AccountId::from_bytes(id_bytes(number)),
            available: yuan(300),
            active: true,
            usage: Usage::default(),
            own_limits: OwnLimits::default(),
            suspected_until: None,
        };
        rows.payers.insert(payer_id(number), payer);
        let device = Device { revoked: false, new_until: None, presented: None };
        rows.devices.insert(device_id(number), device);
    }
    rows.own_accounts.insert((AccountKind::Bank, Mode::Live, yuan(0).currency()), BANK);
    rows
}

fn request(caller: Caller, key: &str) -> Request {
    Request {
        key: KeyRef { caller, mode: Mode::Live, key: key.to_owned() },
        hash: RequestHash::from_bytes([1; 16]),
    }
}

fn by(payer: u32, key: &str) -> PayerRequest {
    let (payer, device): (_, DeviceKeyId) = (payer_id(payer), device_id(payer));
    PayerRequest { payer, device, request: request(Caller::Payer(payer), key), shown: vec![5] }
}

fn fen(minor: i64) -> PositiveMoney {
    PositiveMoney::new(yuan(minor)).unwrap()
}

fn transfer(number: u32, from: u32, to: Option<u32>, minor: i64) -> Command {
    Command::Transfer(PayerTransfer {
        by: by(from, &format!("t{number}")),
        id: PayerTransferId::from_bytes(id_bytes(number)),
        transfer: TransferId::from_bytes(id_bytes(number)),
        payee: to.map(payer_id),
        amount: fen(minor),
        note: None,
    })
}

fn withdraw(number: u32, from: u32, minor: i64) -> Command {
    Command::Withdraw(Withdraw {
        by: by(from, &format!("w{number}")),
        id: WithdrawalId::from_bytes(id_bytes(number)),
        transfer: TransferId::from_bytes(id_bytes(number)),
        amount: fen(minor),
        destination: vec![1],
    })
}

fn finish(number: u32, of: u32, reference: Option<&str>) -> Command {
    let end = reference.map_or(WithdrawalEnd::Returned, |reference| WithdrawalEnd::Paid {
        external_reference: reference.to_owned(),
    });
    Command::FinishWithdrawal(FinishWithdrawal {
        id: WithdrawalId::from_bytes(id_bytes(of)),
        payer: payer_id(1),
        transfer: TransferId::from_bytes(id_bytes(number)),
        request: request(Caller::Operator, &format!("f{number}")),
        shown: vec![],
        end,
    })
}

const EXPIRES: i64 = 60;

fn make(number: u32, from: u32, minor: i64, count: u16) -> Command {
    Command::MakeEnvelope(MakeEnvelope {
        by: by(from, &format!("e{number}")),
        id: EnvelopeId::from_bytes(id_bytes(number)),
        transfer: TransferId::from_bytes(id_bytes(number)),
        amount: fen(minor),
        shares: Shares::draw(minor, count, Split::Equal, |_| 0).unwrap(),
        split: Split::Equal,
        to: EnvelopeFor::Anybody,
        token_hash: [1; 32],
        greeting: None,
        expires_at: at(EXPIRES),
    })
}

fn claim(number: u32, by_payer: u32) -> Command {
    Command::ClaimShare(ClaimShare {
        by: by(by_payer, &format!("c{number}")),
        id: ClaimId::from_bytes(id_bytes(number)),
        transfer: TransferId::from_bytes(id_bytes(number)),
        envelope: EnvelopeId::from_bytes(id_bytes(50)),
        sender: payer_id(1),
    })
}

fn end(number: u32) -> Command {
    Command::EndEnvelope(EndEnvelope {
        envelope: EnvelopeId::from_bytes(id_bytes(50)),
        payer: payer_id(1),
        transfer: TransferId::from_bytes(id_bytes(number)),
    })
}

/// A snapshot with envelope 50 of payer 1, with shares of these amounts.
fn with_envelope(shares: &[i64]) -> Snapshot {
    let total: i64 = shares.iter().sum();
    let made = settle(snapshot(), &rules(), &[make(50, 1, total, 1)], at(0));
    let mut rows = snapshot();
    let payer = rows.payers.get_mut(&payer_id(1)).unwrap();
    payer.available = yuan(300 - total);
    payer.usage = made.payers[&payer_id(1)].usage;
    let new = &made.people.envelopes[0];
    let envelope = OpenEnvelope {
        payer: new.payer,
        payee: None,
        record: new.record,
        shares: shares.iter().map(|amount| Share { amount: *amount, claimant: None }).collect(),
        expires_at: new.expires_at,
        day: new.day,
    };
    rows.people.envelopes.insert(new.id, envelope);
    rows
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Seen {
    Moved(PaymentState, i64),
    Not(NotMoved),
    Refused(Refusal),
    Again,
}

fn seen(plan: &Plan) -> Vec<Seen> {
    let seen = plan.outcomes.iter().map(|outcome| match outcome {
        Outcome::Answered { replayed: true, .. } => Seen::Again,
        Outcome::Answered { answer: Answer::Movement(it), .. } => {
            Seen::Moved(it.record.state, it.record.asked.minor())
        }
        Outcome::Answered { answer: Answer::NotMoved(why), .. } => Seen::Not(*why),
        Outcome::Refused(refusal) => Seen::Refused(*refusal),
        other @ Outcome::Answered { .. } => panic!("{other:?}"),
    });
    seen.collect()
}

fn run(rows: Snapshot, commands: &[Command], now: Timestamp) -> (Plan, Vec<Seen>) {
    let plan = settle(rows, &rules(), commands, now);
    check_records(&plan, now);
    let seen = seen(&plan);
    (plan, seen)
}

/// What a batch does to an account's bucket.
fn sum(plan: &Plan, account: AccountId, bucket: Bucket) -> i64 {
    let entries = plan.transfers.iter().flat_map(Transfer::entries);
    let own = entries.filter(|entry| entry.account == account && entry.bucket == bucket);
    own.map(|entry| Money::minor(entry.amount)).sum()
}

fn changed(plan: &Plan, payer: u32) -> (i64, i64) {
    let account = AccountId::from_bytes(id_bytes(payer));
    (sum(plan, account, Bucket::Available), sum(plan, account, Bucket::Held))
}

const DONE: PaymentState = PaymentState::Succeeded;
const HELD: PaymentState = PaymentState::Authorized;

#[test]
fn what_comes_in_during_a_batch_may_go_out_in_the_same() {
    let commands = [
        transfer(1, 1, Some(2), 200),
        transfer(2, 2, Some(1), 200),
        transfer(3, 2, Some(3), 200),
        transfer(4, 2, Some(3), 101),
        transfer(5, 2, Some(3), 100),
    ];
    let (plan, seen) = run(snapshot(), &commands, at(0));
    let expected = [
        Seen::Moved(DONE, 200),
        Seen::Moved(DONE, 200),
        Seen::Moved(DONE, 200),
        Seen::Not(NotMoved::OverLimit(OverLimit { limit: LimitName::Day, left: yuan(100) })),
        Seen::Moved(DONE, 100),
    ];
    assert_eq!(seen, expected);
    assert_eq!([1, 2, 3].map(|n| changed(&plan, n).0), [0, -300, 300]);
    // Each is told to both.
    assert_eq!(plan.events.len(), 8);
}

#[test]
fn a_refusal_is_kept_and_the_first_reason_counts() {
    let mut rows = snapshot();
    rows.payers.get_mut(&payer_id(3)).unwrap().active = false;
    let commands = [
        transfer(1, 3, None, 1_000),
        transfer(2, 1, None, 1_000),
        transfer(3, 1, Some(1), 1_000),
        transfer(4, 1, Some(3), 1_000),
        transfer(5, 1, Some(2), 201),
        transfer(5, 1, Some(2), 201),
    ];
    let (plan, seen) = run(rows, &commands, at(0));
    let over = OverLimit { limit: LimitName::Payment, left: yuan(200) };
    let expected = [
        Seen::Not(NotMoved::PayerUnavailable),
        Seen::Not(NotMoved::UnknownRecipient),
        Seen::Not(NotMoved::SamePayer),
        Seen::Not(NotMoved::RecipientUnavailable),
        Seen::Not(NotMoved::OverLimit(over)),
        Seen::Again,
    ];
    assert_eq!(seen, expected);
    assert_eq!(plan.kept_answers.len(), 5);
    assert!(plan.transfers.is_empty() && plan.events.is_empty());
}

#[test]
fn a_revoked_device_leaves_no_trace_and_hears_nothing_of_what_was_answered_before() {
    let mut rows = snapshot();
    rows.devices.get_mut(&device_id(1)).unwrap().revoked = true;
    let (plan, seen) = run(rows, &[transfer(1, 1, Some(2), 1), withdraw(2, 1, 1)], at(0));
    assert_eq!(seen, [Seen::Refused(Refusal::DeviceRevoked); 2]);
    assert!(plan.kept_answers.is_empty());
}

#[test]
fn a_withdrawal_ends_once_and_counts_against_no_limit() {
    let (plan, seen) = run(snapshot(), &[withdraw(1, 1, 300), withdraw(2, 1, 1)], at(0));
    assert_eq!(seen, [Seen::Moved(HELD, 300), Seen::Not(NotMoved::InsufficientFunds)]);
    assert_eq!(changed(&plan, 1), (-300, 300));
    assert_eq!(plan.payers[&payer_id(1)].usage.day_spent(), 0);
    let record = plan.people.withdrawals[0].record;
    for (commands, expected, bank) in [
        (
            [finish(3, 1, Some("a")), finish(4, 1, None)],
            [Seen::Moved(DONE, 300), Seen::Refused(Refusal::WithdrawalClosed)],
            300,
        ),
        (
            [finish(3, 1, None), finish(4, 1, Some("a"))],
            [Seen::Moved(PaymentState::Canceled, 300), Seen::Refused(Refusal::WithdrawalClosed)],
            0,
        ),
        (
            [finish(3, 1, Some("taken")), finish(4, 9, None)],
            [Seen::Refused(Refusal::ReferenceConflict), Seen::Refused(Refusal::UnknownWithdrawal)],
            0,
        ),
    ] {
        let mut rows = snapshot();
        let open = OpenWithdrawal { payer: payer_id(1), record };
        rows.people.withdrawals.insert(WithdrawalId::from_bytes(id_bytes(1)), open);
        rows.people.paid_references.insert((Mode::Live, "taken".to_owned()));
        let (plan, seen) = run(rows, &commands, at(1));
        assert_eq!(seen, expected);
        assert_eq!(sum(&plan, BANK, Bucket::Available), bank);
        for ended in &plan.people.finished {
            let paid = ended.record.state == DONE;
            let reference = ended.external_reference.as_deref();
            assert_eq!(reference, paid.then_some("a"));
            let settled = yuan(if paid { 300 } else { 0 });
            let reference_hash = reference.map(Record::reference_hash).unwrap_or_default();
            let Record { decided_at, state, books_hash, .. } = ended.record;
            let expected =
                Record { decided_at, state, books_hash, settled, reference_hash, ..record };
            assert_eq!(ended.record, expected, "nothing else of it changes");
        }
    }
}

#[test]
fn a_withdrawal_of_another_payer_or_mode_is_unknown() {
    let (plan, _) = run(snapshot(), &[withdraw(1, 1, 300)], at(0));
    let record = plan.people.withdrawals[0].record;
    let other_mode = Record { mode: Mode::Test, ..record };
    for (payer, record) in [(2, record), (1, other_mode)] {
        let mut rows = snapshot();
        let open = OpenWithdrawal { payer: payer_id(payer), record };
        rows.people.withdrawals.insert(WithdrawalId::from_bytes(id_bytes(1)), open);
        let (_, seen) = run(rows, &[finish(3, 1, Some("a"))], at(1));
        assert_eq!(seen, [Seen::Refused(Refusal::UnknownWithdrawal)]);
    }
}

#[test]
fn what_was_spent_yesterday_leaves_today_free() {
    let mut rows = snapshot();
    let usage = &mut rows.payers.get_mut(&payer_id(1)).unwrap().usage;
    (usage.day, usage.day_code) = (rows.today.day, DAY_LIMIT);
    rows.today = rules().calendar.today(at(60));
    let (_, seen) = run(rows, &[transfer(1, 1, Some(2), 200)], at(60));
    assert_eq!(seen, [Seen::Moved(DONE, 200)]);
}

#[test]
fn shares_go_in_their_order_to_each_once_and_the_last_one_ends_it() {
    let commands = [claim(1, 1), claim(2, 2), claim(3, 2), claim(4, 3), claim(5, 3), claim(4, 3)];
    let (plan, seen) = run(with_envelope(&[70, 30]), &commands, at(EXPIRES - 1));
    let expected = [
        Seen::Not(NotMoved::OwnEnvelope),
        Seen::Moved(DONE, 70),
        Seen::Not(NotMoved::EnvelopeClaimed),
        Seen::Moved(DONE, 30),
        Seen::Not(NotMoved::EnvelopeClaimed),
        Seen::Again,
    ];
    assert_eq!(seen, expected);
    assert_eq!([1, 2, 3].map(|n| changed(&plan, n)), [(0, -100), (70, 0), (30, 0)]);
    let change = plan.people.changed_envelopes.values().next().unwrap();
    assert_eq!((change.state, change.claimed, change.counted), (DONE, 2, 100));
    let shares: Vec<u16> = plan.people.claims.iter().map(|claim| claim.share).collect();
    assert_eq!(shares, [1, 2]);
    assert_eq!(plan.events[change.event.unwrap()].event_type(), "envelope.succeeded");
    let (_, seen) = run(with_envelope(&[100]), &[claim(1, 2), claim(2, 3), end(9)], at(0));
    assert_eq!(
        seen[1..],
        [Seen::Not(NotMoved::EnvelopeEmpty), Seen::Refused(Refusal::PaymentClosed),]
    );
}

#[test]
fn what_is_not_claimed_in_time_goes_back_and_is_not_counted() {
    let early = run(with_envelope(&[70, 30]), &[end(9)], at(EXPIRES - 1)).1;
    assert_eq!(early, [Seen::Refused(Refusal::PaymentClosed)]);
    let (before, _) = run(with_envelope(&[70, 30]), &[claim(1, 2)], at(0));
    let change = before.people.changed_envelopes.values().next().unwrap();
    assert_eq!((change.state, change.claimed, change.amount_claimed), (HELD, 1, 70));

    let mut rows = with_envelope(&[70, 30]);
    let envelope = rows.people.envelopes.values_mut().next().unwrap();
    envelope.shares[0].claimant = Some(payer_id(2));
    let commands = [claim(1, 3), end(9), claim(2, 3), end(10)];
    let (plan, seen) = run(rows, &commands, at(EXPIRES));
    let expected = [
        Seen::Not(NotMoved::EnvelopeExpired),
        Seen::Moved(PaymentState::Expired, 100),
        Seen::Not(NotMoved::EnvelopeExpired),
        Seen::Refused(Refusal::PaymentClosed),
    ];
    assert_eq!(seen, expected);
    assert_eq!(changed(&plan, 1), (30, -30));
    let change = plan.people.changed_envelopes.values().next().unwrap();
    assert_eq!((change.counted, change.amount_claimed), (70, 70));
    assert_eq!(plan.events[change.event.unwrap()].record.settled, yuan(70));
}

#[test]
fn an_envelope_counts_against_the_limits_when_it_is_made() {
    let commands = [make(1, 1, 201, 2), make(2, 1, 200, 2), transfer(3, 1, Some(2), 101)];
    let (plan, seen) = run(snapshot(), &commands, at(0));
    let over = OverLimit { limit: LimitName::Payment, left: yuan(200) };
    let expected = [
        Seen::Not(NotMoved::OverLimit(over)),
        Seen::Moved(HELD, 200),
        Seen::Not(NotMoved::InsufficientFunds),
    ];
    assert_eq!(seen, expected);
    assert_eq!(changed(&plan, 1), (-200, 200));
    assert_eq!(plan.payers[&payer_id(1)].usage.day_spent(), 200);
}

#[test]
fn an_envelope_is_for_somebody_who_can_have_it() {
    for (to, mode, active, expected) in [
        (EnvelopeFor::Anybody, Mode::Live, true, Seen::Moved(HELD, 100)),
        (EnvelopeFor::One(payer_id(2)), Mode::Live, true, Seen::Moved(HELD, 100)),
        (EnvelopeFor::Unknown, Mode::Live, true, Seen::Not(NotMoved::UnknownRecipient)),
        (EnvelopeFor::One(payer_id(9)), Mode::Live, true, Seen::Not(NotMoved::UnknownRecipient)),
        (EnvelopeFor::One(payer_id(2)), Mode::Test, true, Seen::Not(NotMoved::UnknownRecipient)),
        (EnvelopeFor::One(payer_id(1)), Mode::Live, true, Seen::Not(NotMoved::SamePayer)),
        (
            EnvelopeFor::One(payer_id(2)),
            Mode::Live,
            false,
            Seen::Not(NotMoved::RecipientUnavailable),
        ),
    ] {
        let mut rows = snapshot();
        let payee = rows.payers.get_mut(&payer_id(2)).unwrap();
        (payee.mode, payee.active) = (mode, active);
        let Command::MakeEnvelope(made) = make(1, 1, 100, 1) else { unreachable!("it makes one") };
        let command = Command::MakeEnvelope(MakeEnvelope { to, ..made });
        assert_eq!(run(rows, &[command], at(0)).1, [expected], "{to:?}");
    }
}

#[test]
fn an_envelope_for_one_payer_is_unknown_to_all_others_but_its_sender() {
    let change = |change: &dyn Fn(&mut OpenEnvelope)| {
        let mut rows = with_envelope(&[70, 30]);
        change(rows.people.envelopes.values_mut().next().unwrap());
        rows
    };
    let unknown = Seen::Refused(Refusal::UnknownEnvelope);
    let for_two = change(&|envelope| envelope.payee = Some(payer_id(2)));
    let (_, seen) = run(for_two, &[claim(1, 3), claim(2, 1), claim(3, 2)], at(0));
    assert_eq!(seen, [unknown, Seen::Not(NotMoved::OwnEnvelope), Seen::Moved(DONE, 70)]);
    let of_another = change(&|envelope| envelope.payer = payer_id(3));
    assert_eq!(run(of_another, &[claim(1, 2), claim(2, 1)], at(0)).1, [unknown; 2]);
    let of_test = change(&|envelope| envelope.record.mode = Mode::Test);
    assert_eq!(run(of_test, &[claim(1, 2), claim(2, 1)], at(0)).1, [unknown; 2]);
}
