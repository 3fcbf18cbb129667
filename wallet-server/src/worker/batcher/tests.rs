use std::sync::Arc;

use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use tempfile::TempDir;
use tokio::sync::oneshot;
use wallet_core::{Currency, DeviceKeyId, Mode, Money, PositiveMoney, Timestamp};
use wallet_test_postgres::Postgres;

use super::{BatchIds, Batcher, BatcherParts, Queued, Unsettled, settle_all};
use crate::Settings;
use crate::clock::{Clock, ManualClock};
use crate::domain::command::{Caller, Command, KeyRef, PayerRequest, Request, TopUp, Withdraw};
use crate::domain::ids::{PayerId, TopUpId, TransferId, WithdrawalId};
use crate::domain::ledger::Shard;
use crate::domain::outcome::{Outcome, Refusal};
use crate::domain::request_hash::RequestHash;
use crate::entropy::Entropy;
use crate::metrics::Metrics;
use crate::store::{Payer, Store};
use crate::worker::{Alarm, Announcer, Notifier};

const NOW: Timestamp = Timestamp::from_unix_seconds(1_800_000_000);
const PAYER: PayerId = PayerId::from_bytes([9; 16]);

type Reply = oneshot::Receiver<Result<Outcome, Unsettled>>;

fn yuan(minor: i64) -> Money {
    Money::from_minor(minor, Currency::from_code("CNY").unwrap())
}

/// Books with one payer, and what the batcher works with.
async fn parts(folder: &TempDir) -> BatcherParts {
    parts_on(&format!("sqlite:{}/books", folder.path().display())).await
}

async fn parts_on(url: &str) -> BatcherParts {
    let store = Arc::new(Store::open(url).await.unwrap());
    let entropy = Arc::new(Entropy::new(Box::new(ChaCha20Rng::seed_from_u64(1))));
    let currency = yuan(0).currency();
    store.open_own_accounts(currency, NOW, || entropy.id(NOW)).await.unwrap();
    let (name, state) = (Vec::new(), "active".to_owned());
    let payer = Payer { id: PAYER, mode: Mode::Live, name, state, currency, created_at: NOW };
    store.create_payer(&payer, entropy.id(NOW)).await.unwrap();
    let shards = vec![store.open_shard(Shard(0)).await.unwrap()];
    BatcherParts {
        store,
        rules: Settings::load(None, &[]).unwrap().rules().unwrap(),
        clock: Arc::new(ManualClock::new(NOW)),
        entropy,
        announcer: Announcer::Here(Notifier::default()),
        metrics: Arc::new(Metrics::default()),
        shards,
        latest_batch: None,
        alarm: Alarm::default(),
    }
}

/// A top-up of 1.00; those with one id cannot both be written.
fn top_up(parts: &BatcherParts, name: &str, id: u8, deadline: Timestamp) -> (Queued, Reply) {
    let (reply, receiver) = oneshot::channel();
    let key = KeyRef { caller: Caller::Operator, mode: Mode::Live, key: name.to_owned() };
    let command = Command::TopUp(TopUp {
        id: TopUpId::from_bytes([id; 16]),
        transfer: parts.entropy.id(NOW),
        key,
        request_hash: RequestHash::from_bytes([id; 16]),
        payer: PAYER,
        amount: PositiveMoney::new(yuan(100)).unwrap(),
        external_reference: name.to_owned(),
    });
    (Queued { command, deadline, late_at_millis: None, attempted: false, reply }, receiver)
}

/// Settles a batch and says for each command whether it was settled, or why not.
async fn settle(parts: &BatcherParts, batch: Vec<(Queued, Reply)>) -> Vec<Result<(), Unsettled>> {
    let (queued, replies): (Vec<_>, Vec<_>) = batch.into_iter().unzip();
    let latest = parts.store.latest_batch().await.ok().flatten();
    settle_all(parts, &parts.shards[0], &mut BatchIds::after(latest), queued).await;
    let mut outcomes = Vec::new();
    for reply in replies {
        let outcome = reply.await.unwrap();
        outcomes.push(outcome.map(|outcome| assert!(matches!(outcome, Outcome::Answered { .. }))));
    }
    outcomes
}

async fn credited(parts: &BatcherParts) -> Money {
    parts.store.balances(*PAYER.as_bytes()).await.unwrap()[0].available
}

#[tokio::test]
async fn a_command_that_cannot_be_written_stands_alone_and_its_neighbours_are_settled() {
    let folder = tempfile::tempdir().unwrap();
    let parts = parts(&folder).await;
    let later = NOW.plus_millis(1);
    assert_eq!(settle(&parts, vec![top_up(&parts, "first", 3, later)]).await, [Ok(())]);
    let names = ["a", "b", "c", "d", "e", "f", "g"];
    let batch = names.iter().zip(1..).map(|(name, id)| top_up(&parts, name, id, later)).collect();
    let outcomes = settle(&parts, batch).await;
    let mut expected = [Ok(()); 7];
    expected[2] = Err(Unsettled::Unknown);
    assert_eq!(outcomes, expected);
    assert_eq!(credited(&parts).await, yuan(700));
}

#[tokio::test]
async fn whoever_always_finds_somebody_else_in_the_way_is_told_that_nothing_was_done() {
    // To PostgreSQL a key that is there already is another process that was faster.
    let database = Postgres::shared().database();
    let parts = parts_on(&database.url()).await;
    let later = NOW.plus_millis(1);
    assert_eq!(settle(&parts, vec![top_up(&parts, "first", 1, later)]).await, [Ok(())]);
    let batch = vec![top_up(&parts, "second", 1, later), top_up(&parts, "third", 2, later)];
    assert_eq!(settle(&parts, batch).await, [Err(Unsettled::Overloaded), Ok(())]);
    assert_eq!(credited(&parts).await, yuan(200));
}

#[tokio::test]
async fn a_command_past_its_deadline_does_nothing_and_its_neighbours_are_settled() {
    let folder = tempfile::tempdir().unwrap();
    let parts = parts(&folder).await;
    let batch =
        vec![top_up(&parts, "late", 1, NOW), top_up(&parts, "in time", 2, NOW.plus_millis(1))];
    assert_eq!(settle(&parts, batch).await, [Err(Unsettled::Late), Ok(())]);
    assert_eq!(credited(&parts).await, yuan(100));
}

#[tokio::test]
async fn a_clock_that_is_set_back_gives_a_command_no_more_time() {
    let folder = tempfile::tempdir().unwrap();
    let parts = parts(&folder).await;
    let clock = ManualClock::new(NOW);
    let (mut queued, _reply) = top_up(&parts, "late", 1, NOW.plus_millis(10));
    queued.late_at_millis = Some(10);
    clock.advance_millis(9);
    assert!(!queued.is_late(&clock));
    clock.set_ahead_millis(-1000);
    assert!(!queued.is_late(&clock));
    clock.advance_millis(1);
    assert!(queued.is_late(&clock));
}

#[tokio::test]
async fn a_command_that_was_tried_before_its_deadline_may_have_been_settled() {
    let folder = tempfile::tempdir().unwrap();
    let parts = parts(&folder).await;
    let (mut queued, reply) = top_up(&parts, "tried", 1, NOW);
    queued.attempted = true;
    assert_eq!(settle(&parts, vec![(queued, reply)]).await, [Err(Unsettled::Unknown)]);
}

/// A withdrawal that a device asks for which may not act: it was revoked, or was never there.
fn withdrawal(attempted: bool) -> (Queued, Reply) {
    let (reply, receiver) = oneshot::channel();
    let caller = Caller::Payer(PAYER);
    let key = KeyRef { caller, mode: Mode::Live, key: "out".to_owned() };
    let by = PayerRequest {
        payer: PAYER,
        device: DeviceKeyId::from_bytes([7; 8]),
        request: Request { key, hash: RequestHash::from_bytes([1; 16]) },
        shown: Vec::new(),
    };
    let command = Command::Withdraw(Withdraw {
        by,
        id: WithdrawalId::from_bytes([1; 16]),
        transfer: TransferId::from_bytes([1; 16]),
        amount: PositiveMoney::new(yuan(100)).unwrap(),
        destination: Vec::new(),
    });
    let (deadline, late_at_millis) = (NOW.plus_millis(1), None);
    (Queued { command, deadline, late_at_millis, attempted, reply }, receiver)
}

#[tokio::test]
async fn what_was_tried_before_a_revocation_may_have_been_settled() {
    let folder = tempfile::tempdir().unwrap();
    let parts = parts(&folder).await;
    for (attempted, expected) in
        [(false, Ok(Outcome::Refused(Refusal::DeviceRevoked))), (true, Err(Unsettled::Unknown))]
    {
        let (queued, reply) = withdrawal(attempted);
        settle_all(&parts, &parts.shards[0], &mut BatchIds::after(None), vec![queued]).await;
        assert_eq!(reply.await.unwrap(), expected);
    }
}

#[tokio::test]
async fn a_database_that_is_gone_concerns_the_whole_batch() {
    let folder = tempfile::tempdir().unwrap();
    let parts = parts(&folder).await;
    let later = NOW.plus_millis(1);
    let batch = vec![top_up(&parts, "a", 1, later), top_up(&parts, "b", 2, later)];
    parts.store.close().await;
    assert_eq!(settle(&parts, batch).await, [Err(Unsettled::Unknown); 2]);
}

/// A clock that panics, as a defect in a loop would.
struct NoClock;

impl Clock for NoClock {
    fn now(&self) -> Timestamp {
        panic!("on purpose");
    }

    fn steady_millis(&self) -> i64 {
        0
    }
}

#[tokio::test]
async fn one_of_several_loops_that_panics_is_heard_of_and_nobody_waits_for_it() {
    let folder = tempfile::tempdir().unwrap();
    let mut parts = parts(&folder).await;
    parts.shards.push(parts.store.open_shard(Shard(1)).await.unwrap());
    parts.clock = Arc::new(NoClock);
    let alarm = parts.alarm.clone();
    let (queued, _) = top_up(&parts, "one", 1, NOW.plus_millis(1));
    let (command, deadline) = (queued.command, queued.deadline);
    let (batcher, _ended) = Batcher::start(parts).unwrap();
    assert!(batcher.is_running());
    let asked = batcher.settle(command.clone(), deadline).await;
    assert!(matches!(asked, Err(Unsettled::Unknown)), "{asked:?}");
    assert_eq!(alarm.raised().await, "settlement");
    assert!(!batcher.is_running(), "the other loop hides it");
    let asked = batcher.settle(command, deadline).await;
    assert!(matches!(asked, Err(Unsettled::Overloaded)), "{asked:?}");
}

#[test]
fn ids_of_batches_rise_whatever_the_clock_does() {
    let entropy = Entropy::new(Box::new(ChaCha20Rng::seed_from_u64(1)));
    let mut ids = BatchIds::after(None);
    let mut last = None;
    for millis in [1_000_000, 1_000_000, 1_000_000, 999_000, 5_000_000, 1] {
        let id = ids.next(&entropy, Timestamp::from_unix_millis(millis));
        assert!(last < Some(id), "{millis}");
        last = Some(id);
    }
    let mut reopened = BatchIds::after(last);
    assert!(last < Some(reopened.next(&entropy, Timestamp::from_unix_millis(2))));
}
