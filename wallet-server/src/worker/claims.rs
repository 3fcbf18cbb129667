//! Ten thousand claims race for the shares of one red envelope, through running settlement.

use std::collections::BTreeSet;
use std::sync::Arc;

use futures_util::future::join_all;
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use wallet_core::{Currency, DeviceKey, DeviceKeyId, Mode, Money, PositiveMoney, Timestamp};

use super::{Alarm, Batcher, Engine, EngineParts, Notifier};
use crate::clock::ManualClock;
use crate::domain::command::{
    Caller, ClaimShare, Command, EnvelopeFor, KeyRef, MakeEnvelope, PayerRequest, Request, TopUp,
};
use crate::domain::ids::{EnvelopeId, PayerId};
use crate::domain::outcome::{Answer, NotMoved, Outcome};
use crate::domain::request_hash::RequestHash;
use crate::domain::shares::{Shares, Split};
use crate::entropy::Entropy;
use crate::metrics::Metrics;
use crate::settings::Settings;
use crate::store::{Approval, NewDevice, Payer, PayerWithDevice, Store};

const NOW: Timestamp = Timestamp::from_unix_seconds(1_800_000_000);
const LATER: Timestamp = Timestamp::from_unix_seconds(1_800_000_010);
const SENDER: u32 = 0;
const CLAIMANTS: u32 = 200;
const CLAIMS: u32 = 10_000;
/// As many as may wait for settlement at once, with room for none to be turned away.
const AT_ONCE: u32 = 2_500;
const SHARES: u16 = 100;
const AMOUNT: i64 = 10_007;
const ENVELOPE: EnvelopeId = EnvelopeId::from_bytes([7; 16]);

fn yuan(minor: i64) -> PositiveMoney {
    let currency = Currency::from_code("CNY").unwrap();
    PositiveMoney::new(Money::from_minor(minor, currency)).unwrap()
}

fn payer_id(number: u32) -> PayerId {
    PayerId::from_bytes(u128::from(number + 1).to_be_bytes())
}

fn device_id(number: u32) -> DeviceKeyId {
    DeviceKeyId::from_bytes(u64::from(number + 1).to_be_bytes())
}

/// The sender and those who claim, each with a device.
async fn people(store: &Store, entropy: &Entropy) {
    let new: Vec<PayerWithDevice> = (0..=CLAIMANTS)
        .map(|number| {
            let mut seed = [0; 32];
            seed[..4].copy_from_slice(&number.to_be_bytes());
            let (currency, state) = (yuan(1).money().currency(), "active".to_owned());
            let (id, mode, name) = (payer_id(number), Mode::Live, Vec::new());
            PayerWithDevice {
                payer: Payer { id, mode, name, state, currency, created_at: NOW },
                account: entropy.id(NOW),
                device: NewDevice {
                    key_id: device_id(number),
                    public_key: DeviceKey::from_seed(&seed).public_key(),
                    name: Vec::new(),
                    approval: Approval::Given { new_until: None },
                },
            }
        })
        .collect();
    store.create_payers(&new, NOW).await.unwrap();
}

fn request(number: u32, key: &str) -> PayerRequest {
    let payer = payer_id(number);
    let key = KeyRef { caller: Caller::Payer(payer), mode: Mode::Live, key: key.to_owned() };
    let request = Request { key, hash: RequestHash::from_bytes([1; 16]) };
    PayerRequest { payer, device: device_id(number), request, shown: vec![number.to_be_bytes()[3]] }
}

/// Gives the sender money, who puts it into an envelope.
async fn envelope(batcher: &Batcher, entropy: &Entropy) {
    let top_up = Command::TopUp(TopUp {
        id: entropy.id(NOW),
        transfer: entropy.id(NOW),
        key: KeyRef { caller: Caller::Operator, mode: Mode::Live, key: "top-up".to_owned() },
        request_hash: RequestHash::from_bytes([1; 16]),
        payer: payer_id(SENDER),
        amount: yuan(AMOUNT),
        external_reference: "bank".to_owned(),
    });
    batcher.settle(top_up, LATER).await.unwrap();
    let draw = |end| entropy.below(end);
    let make = Command::MakeEnvelope(MakeEnvelope {
        by: request(SENDER, "make"),
        id: ENVELOPE,
        transfer: entropy.id(NOW),
        amount: yuan(AMOUNT),
        shares: Shares::draw(AMOUNT, SHARES, Split::Random, draw).unwrap(),
        split: Split::Random,
        to: EnvelopeFor::Anybody,
        token_hash: [2; 32],
        greeting: None,
        expires_at: LATER,
    });
    let made = batcher.settle(make, LATER).await.unwrap();
    let moved = |answer: &Answer| matches!(answer, Answer::Movement(_));
    assert!(matches!(&made, Outcome::Answered { answer, .. } if moved(answer)), "{made:?}");
}

/// Every claimant claims again and again, under a new key each time.
async fn race(batcher: &Batcher, entropy: &Entropy) -> Vec<(u32, Outcome)> {
    let mut outcomes = Vec::new();
    for first in (0..CLAIMS).step_by(usize::try_from(AT_ONCE).unwrap()) {
        let claims = (first..first + AT_ONCE).map(async |n| {
            let claimant = 1 + n % CLAIMANTS;
            let claim = Command::ClaimShare(ClaimShare {
                by: request(claimant, &format!("claim {n}")),
                id: entropy.id(NOW),
                transfer: entropy.id(NOW),
                envelope: ENVELOPE,
                sender: payer_id(SENDER),
            });
            (claimant, batcher.settle(claim, LATER).await.unwrap())
        });
        outcomes.extend(join_all(claims).await);
    }
    outcomes
}

async fn ten_thousand_claims_have_a_hundred_winners(url: &str) {
    let store = Arc::new(Store::open(url).await.unwrap());
    let entropy = Arc::new(Entropy::new(Box::new(ChaCha20Rng::seed_from_u64(1))));
    let currency = yuan(1).money().currency();
    store.open_own_accounts(currency, NOW, || entropy.id(NOW)).await.unwrap();
    people(&store, &entropy).await;
    let (batcher, engine) = Engine::start(EngineParts {
        store: Arc::clone(&store),
        rules: Settings::load(None, &[]).unwrap().rules().unwrap(),
        clock: Arc::new(ManualClock::new(NOW)),
        entropy: Arc::clone(&entropy),
        notifier: Notifier::default(),
        metrics: Arc::new(Metrics::default()),
        alarm: Alarm::default(),
    })
    .await
    .unwrap();
    envelope(&batcher, &entropy).await;
    let outcomes = race(&batcher, &entropy).await;
    drop(batcher);
    engine.stop().await;

    let (mut won, mut had_won) = (BTreeSet::new(), BTreeSet::new());
    let (mut sum, mut numbers) = (0, BTreeSet::new());
    for (claimant, outcome) in &outcomes {
        let Outcome::Answered { answer, replayed: false } = outcome else { panic!("{outcome:?}") };
        match answer {
            Answer::Movement(movement) => {
                assert!(won.insert(*claimant), "claimant {claimant} has won twice");
                assert!(numbers.insert(movement.share.unwrap()));
                sum += movement.record.asked.minor();
            }
            // Two loops settle: what was asked for first may be decided last.
            Answer::NotMoved(NotMoved::EnvelopeClaimed) => drop(had_won.insert(*claimant)),
            Answer::NotMoved(NotMoved::EnvelopeEmpty) => {}
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(outcomes.len(), usize::try_from(CLAIMS).unwrap());
    assert!(had_won.is_subset(&won));
    assert_eq!((won.len(), sum), (usize::from(SHARES), AMOUNT));
    assert!(numbers.into_iter().eq(1..=SHARES));
    let claims = store.claims(ENVELOPE).await.unwrap();
    assert!(claims.iter().map(|claim| claim.share).eq(1..=SHARES));
    let findings = store.check_books(|_| ()).await.unwrap();
    let wrong: Vec<_> = findings.iter().filter(|finding| !finding.is_ok()).collect();
    assert!(wrong.is_empty(), "{wrong:?}");
    store.close().await;
}

#[tokio::test]
async fn on_sqlite_ten_thousand_claims_have_a_hundred_winners() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}/books", folder.path().display());
    ten_thousand_claims_have_a_hundred_winners(&url).await;
}

#[tokio::test]
async fn on_postgresql_ten_thousand_claims_have_a_hundred_winners() {
    let database = wallet_test_postgres::Postgres::shared().database();
    ten_thousand_claims_have_a_hundred_winners(&database.url()).await;
}
