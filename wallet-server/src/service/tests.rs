//! What holds the work back, and what is said when it fails.

use std::sync::Arc;

use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use tempfile::TempDir;
use wallet_core::code::CodePrefix;
use wallet_core::keyfile::Cost;
use wallet_core::merchant_code::{City, Country, MerchantCategory};
use wallet_core::{Currency, Mode, Money, PositiveMoney, Timestamp};

use super::{
    App, CHARGES_MAX, ChargeRequest, DeviceRules, KeyRefused, MerchantCodeDefaults, NewMerchant,
    Own, RateLimit, RateLimits,
};
use crate::Settings;
use crate::clock::ManualClock;
use crate::domain::command::{Capture, CodeSource};
use crate::domain::fee::FeeRule;
use crate::domain::ids::{ApiKeyId, MerchantId};
use crate::domain::ledger::Shard;
use crate::domain::outcome::{Outcome, Refusal};
use crate::entropy::Entropy;
use crate::issuer::{FileKeys, IssuerKeys, PinCost};
use crate::metrics::Metrics;
use crate::outbound::{Client, ClientParts};
use crate::store::{ApiKey, MerchantPlace, Store};
use crate::worker::{
    Alarm, Announcer, Batcher, BatcherParts, Notifier, PinRules, PinsParts, Unsettled,
};

const NOW: Timestamp = Timestamp::from_unix_seconds(1_800_000_000);

async fn app(folder: &TempDir) -> Arc<App> {
    let path = |name: &str| folder.path().join(name);
    let entropy = Arc::new(Entropy::new(Box::new(ChaCha20Rng::seed_from_u64(1))));
    let clock = Arc::new(ManualClock::new(NOW));
    let database = format!("sqlite:{}", path("wallet.sqlite").display());
    let store = Arc::new(Store::open(&database).await.unwrap());
    let currency = Currency::from_code("CNY").unwrap();
    store.open_own_accounts(currency, NOW, || entropy.id(NOW)).await.unwrap();
    let rules = Settings::load(None, &[]).unwrap().rules().unwrap();
    let (cost, random) = (Cost::CHEAP_FOR_TESTS, Arc::clone(&entropy));
    let keys = FileKeys::open_or_create(&path("issuer.key"), None, cost, NOW, random).unwrap();
    let (notifier, metrics) = (Notifier::default(), Arc::new(Metrics::default()));
    let shards = vec![store.open_shard(Shard(0)).await.unwrap()];
    let (batcher, _) = Batcher::start(BatcherParts {
        store: Arc::clone(&store),
        rules: rules.clone(),
        clock: clock.clone(),
        entropy: Arc::clone(&entropy),
        announcer: Announcer::Here(notifier.clone()),
        metrics: Arc::clone(&metrics),
        shards,
        latest_batch: None,
        alarm: Alarm::default(),
    })
    .unwrap();
    let prefix = CodePrefix::parse("70").unwrap();
    let keys: Arc<dyn IssuerKeys> = Arc::new(keys);
    let parts = PinsParts {
        store: Arc::clone(&store),
        keys: Arc::clone(&keys),
        clock: clock.clone(),
        entropy: Arc::clone(&entropy),
        notifier: notifier.clone(),
        rules: PinRules { cost: PinCost::new(8, 1).unwrap(), tries_a_minute: 5, cpu_percent: 100 },
        alarm: Alarm::default(),
    };
    let rates = RateLimits { api_keys: RateLimit::new(1, 5), devices: None };
    let own = Own::start(parts, rates).unwrap();
    let timeout = std::time::Duration::from_secs(1);
    let certificates = Some(Vec::new());
    let outbound = Client::new(ClientParts { private: false, timeout, certificates }).unwrap();
    Arc::new(App {
        store,
        keys,
        batcher,
        notifier,
        clock,
        test_clock: None,
        entropy,
        rules,
        device_rules: DeviceRules { new_millis: 0, open_registration: false },
        envelope_life_millis: 0,
        merchant_codes: MerchantCodeDefaults {
            category: MerchantCategory::parse("5999").unwrap(),
            country: Country::parse("CN").unwrap(),
            city: City::parse("Shanghai").unwrap(),
        },
        currency,
        prefix,
        public_authorities: Vec::new(),
        outbound,
        metrics,
        own,
    })
}

fn request(app: &App) -> ChargeRequest {
    ChargeRequest {
        key: "key-1".to_owned(),
        code: "70123456".to_owned(),
        code_source: CodeSource::Scan,
        capture: Capture::Automatic,
        amount: PositiveMoney::new(Money::parse("1.00", app.currency).unwrap()).unwrap(),
        reference: "order-1".to_owned(),
        terminal: None,
        description: None,
        metadata: None,
    }
}

fn api_key() -> ApiKey {
    ApiKey {
        id: ApiKeyId::from_bytes([1; 16]),
        merchant: MerchantId::from_bytes([2; 16]),
        mode: Mode::Live,
        scopes: "charge".to_owned(),
        created_at: NOW,
        expires_at: None,
    }
}

#[tokio::test]
async fn charges_beyond_the_bound_are_refused_before_anything_is_done_for_them() {
    let folder = tempfile::tempdir().unwrap();
    let app = app(&folder).await;
    let all = u32::try_from(CHARGES_MAX).unwrap();
    let places = Arc::clone(&app.own.charges).try_acquire_many_owned(all).unwrap();
    let refused = app.charge(&api_key(), request(&app)).await;
    assert_eq!(refused.unwrap_err(), Unsettled::Overloaded);
    drop(places);
    let outcome = app.charge(&api_key(), request(&app)).await.unwrap();
    assert!(matches!(outcome, Outcome::Refused(Refusal::MerchantUnavailable)), "{outcome:?}");
    assert_eq!(app.own.charges.available_permits(), CHARGES_MAX);
}

#[tokio::test]
async fn secrets_that_are_nobodys_fill_no_memory() {
    let folder = tempfile::tempdir().unwrap();
    let app = app(&folder).await;
    for number in 0..100 {
        let secret = format!("sk_live_{number:064x}");
        assert!(matches!(app.api_key(&secret).await, Err(KeyRefused::Unknown)));
        assert!(matches!(app.api_key_to_settle(&secret).await, Err(KeyRefused::Unknown)));
    }
    assert_eq!((app.own.api_keys.len(), app.own.api_key_buckets.len()), (0, 0));
    assert_eq!(app.own.key_uses.waiting(), 0);
}

#[tokio::test]
async fn both_ways_in_take_from_one_bucket_and_repeats_wait_without_the_database() {
    let folder = tempfile::tempdir().unwrap();
    let app = app(&folder).await;
    let new = NewMerchant {
        name: "Tea House".into(),
        mode: Mode::Live,
        fee: FeeRule::FREE,
        place: MerchantPlace::default(),
    };
    let (merchant, key) = app.create_merchant(new).await.unwrap();
    let secret = key.secret.expose();
    for _ in 0..2 {
        app.api_key(secret).await.unwrap();
        app.api_key_to_settle(secret).await.unwrap();
    }
    app.api_key(secret).await.unwrap();
    // Were the database asked, it would fail now.
    app.store.close().await;
    for refused in [app.api_key(secret).await, app.api_key_to_settle(secret).await] {
        let Err(KeyRefused::TooMany { api_key, retry_after_seconds }) = refused else {
            panic!("{refused:?}");
        };
        assert_eq!((api_key, retry_after_seconds), (key.made.key.id, 1));
    }
    assert_eq!(merchant.id, key.made.key.merchant);
}

#[tokio::test]
async fn what_comes_to_its_turn_too_late_is_not_computed() {
    let folder = tempfile::tempdir().unwrap();
    let app = app(&folder).await;
    let late = app.compute(NOW, || panic!("this must not run")).await;
    assert_eq!(late, Err::<(), _>(Unsettled::Late));
    assert_eq!(app.compute(NOW.plus_millis(1), || 1).await, Ok(1));
}

#[tokio::test]
async fn a_computation_that_panics_proves_nothing_and_its_thread_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let app = app(&folder).await;
    // More panics than threads.
    for _ in 0..=std::thread::available_parallelism().map_or(1, std::num::NonZero::get) {
        let panicked = app.compute(app.deadline(), || panic!("on purpose")).await;
        assert_eq!(panicked, Err::<(), _>(Unsettled::Unknown));
    }
    assert_eq!(app.compute(app.deadline(), || 1).await, Ok(1));
}

#[tokio::test]
async fn a_request_does_not_show_its_code() {
    let folder = tempfile::tempdir().unwrap();
    let app = app(&folder).await;
    let shown = format!("{:?}", request(&app));
    assert!(shown.contains("order-1") && !shown.contains("70123456"), "{shown}");
}
