//! What every payment costs the issuer's keys, with AWS-LC as the server has it and with the core
//! alone: `cargo bench -p wallet-server --bench issuer`.

use std::hint::black_box;
use std::sync::Arc;

use criterion::{Criterion, criterion_group, criterion_main};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use wallet_core::code::{CodeLimit, CodePrefix, CodeTerms, IssuerProfile, PayerDevice, SealedCode};
use wallet_core::keyfile::Cost;
use wallet_core::receipt::{PaymentState, Receipt, Record, RecordKind};
use wallet_core::{
    Currency, DeviceKey, DeviceKeyId, Mode, Money, SealingKey, SealingKeys, SigningKey, Slot,
    Timestamp,
};
use wallet_server::entropy::Entropy;
use wallet_server::issuer::{FileKeys, IssuerKeys};

const MODE: Mode = Mode::Live;
const NOW: Timestamp = Timestamp::from_unix_seconds(1_800_000_000);
const SEED: u64 = 1;

fn money() -> Money {
    Money::from_minor(1250, Currency::from_code("CNY").expect("CNY is in the table"))
}

fn issuer(criterion: &mut Criterion) {
    let folder = tempfile::tempdir().expect("a folder for the key file");
    let entropy = Arc::new(Entropy::new(Box::new(ChaCha20Rng::seed_from_u64(SEED))));
    let path = folder.path().join("issuer.key");
    let keys = FileKeys::open_or_create(&path, None, Cost::CHEAP_FOR_TESTS, NOW, entropy);
    let keys = keys.expect("a new key file");
    let rng = &mut ChaCha20Rng::seed_from_u64(SEED);

    let public = keys.public();
    let sealing = public.sealing.last().expect("a new issuer has a sealing key");
    let profile = IssuerProfile {
        id: keys.issuer_id(),
        mode: MODE,
        prefix: CodePrefix::DEFAULT,
        slot: sealing.slot,
        sealing_key: sealing.key,
        sealing_key_retires_at: sealing.retires_at,
    };
    let code = |profile, rng: &mut ChaCha20Rng| {
        let phone =
            PayerDevice::new(DeviceKey::generate(rng), DeviceKeyId::from_bytes([1; 8]), profile);
        let terms = CodeTerms::up_to(CodeLimit::new(money()).expect("12.50 is a limit"));
        let made = phone.make_code(NOW, 0, &terms, rng).expect("the sealing key is good");
        SealedCode::parse(made.digits(), CodePrefix::DEFAULT).expect("the code is good")
    };

    let sealed = code(profile, rng);
    criterion.bench_function("open a code", |bench| {
        bench.iter(|| keys.open(black_box(&sealed), MODE, NOW).expect("it is ours"));
    });
    // The core's, with keys of its own, for a key never leaves the file.
    let slot = Slot::from_number(0).expect("there are eight");
    let own = SealingKey::generate(slot, NOW, rng);
    let sealed = code(IssuerProfile { slot, sealing_key: own.public_key(), ..profile }, rng);
    let own = SealingKeys::from_keys(vec![own]).expect("one key is enough");
    let issuer = keys.issuer_id();
    criterion.bench_function("open a code, the core alone", |bench| {
        bench.iter(|| black_box(&sealed).open(&own, &issuer, MODE, NOW).expect("it is ours"));
    });

    let record = Record {
        mode: MODE,
        kind: RecordKind::Payment,
        state: PaymentState::Succeeded,
        subject: [1; 16],
        merchant: [2; 16],
        decided_at: NOW,
        asked: money(),
        settled: money(),
        reference_hash: Record::reference_hash("order-1"),
        books_hash: [3; 32],
    };
    criterion
        .bench_function("sign a receipt", |bench| bench.iter(|| keys.sign(black_box(&record))));
    let own = SigningKey::generate(rng);
    criterion.bench_function("sign a receipt, the core alone", |bench| {
        bench.iter(|| Receipt::sign(black_box(&record), &issuer, &own));
    });
}

criterion_group!(benches, issuer);
criterion_main!(benches);
