//! What a payment code and a receipt cost: `cargo bench -p wallet-core --bench codes`.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};
use wallet_core::code::{CodeLimit, CodePrefix, CodeTerms, IssuerProfile, PayerDevice, SealedCode};
use wallet_core::receipt::{PaymentState, Receipt, Record, RecordKind};
use wallet_core::{
    Currency, DeviceKey, DeviceKeyId, DevicePublicKey, IssuerId, Mode, Money, SealingKeys,
    SigningKey, Timestamp,
};

const MODE: Mode = Mode::Live;

struct World {
    now: Timestamp,
    signing: SigningKey,
    issuer: IssuerId,
    sealing: SealingKeys,
    device: PayerDevice,
    terms: CodeTerms,
    rng: ChaCha20Rng,
}

impl World {
    fn new() -> Self {
        let mut rng = ChaCha20Rng::seed_from_u64(1);
        let now = Timestamp::from_unix_seconds(1_800_000_000);
        let signing = SigningKey::generate(&mut rng);
        let issuer = signing.public_key().root_issuer_id();
        let sealing = SealingKeys::generate(now, &mut rng);
        let key = &sealing.keys()[0];
        let profile = IssuerProfile {
            id: issuer,
            mode: MODE,
            prefix: CodePrefix::DEFAULT,
            slot: key.slot(),
            sealing_key: key.public_key(),
            sealing_key_retires_at: key.retires_at(),
        };
        let device_key = DeviceKey::generate(&mut rng);
        let device = PayerDevice::new(device_key, DeviceKeyId::from_bytes([1; 8]), profile);
        let limit = CodeLimit::new(yuan(20_000)).expect("200.00 is a limit");
        Self { now, signing, issuer, sealing, device, terms: CodeTerms::up_to(limit), rng }
    }

    fn make(&mut self) -> String {
        let made = self.device.make_code(self.now, 0, &self.terms, &mut self.rng);
        made.expect("the sealing key is good").digits().to_owned()
    }
}

fn yuan(minor: i64) -> Money {
    Money::from_minor(minor, Currency::from_code("CNY").expect("CNY is in the table"))
}

fn codes(criterion: &mut Criterion) {
    let mut world = World::new();
    criterion.bench_function("make a code", |bench| bench.iter(|| world.make()));

    let digits = world.make();
    let key = world.device.key().public_key();
    criterion.bench_function("open and verify a code", |bench| {
        bench.iter(|| {
            SealedCode::parse(black_box(&digits), CodePrefix::DEFAULT)
                .and_then(|code| code.open(&world.sealing, &world.issuer, MODE, world.now))
                .and_then(|opened| opened.verify(&key, &world.issuer, MODE, None))
                .expect("the code is good")
        });
    });

    criterion.bench_function("read the digits of a code", |bench| {
        bench.iter(|| SealedCode::parse(black_box(&digits), CodePrefix::DEFAULT));
    });
    criterion.bench_function("check a device key", |bench| {
        bench.iter(|| DevicePublicKey::from_bytes(black_box(key.as_bytes())));
    });

    let garbage = garbage(&digits, &mut world.rng);
    criterion.bench_function("refuse garbage", |bench| {
        bench.iter(|| {
            SealedCode::parse(black_box(&garbage), CodePrefix::DEFAULT)
                .and_then(|code| code.open(&world.sealing, &world.issuer, MODE, world.now))
                .expect_err("nobody sealed it")
        });
    });
}

/// Digits with a good header, and noise behind it: what costs the issuer most before the tag.
fn garbage(digits: &str, rng: &mut ChaCha20Rng) -> String {
    let noise = (0..10).map(|_| {
        let mut chunk = [0; 16];
        rng.fill_bytes(&mut chunk[4..]);
        format!("{:029}", u128::from_be_bytes(chunk))
    });
    digits[..31].to_owned() + &noise.collect::<String>()
}

fn receipts(criterion: &mut Criterion) {
    let world = World::new();
    let record = Record {
        mode: MODE,
        kind: RecordKind::Payment,
        state: PaymentState::Succeeded,
        subject: [1; 16],
        merchant: [2; 16],
        decided_at: world.now,
        asked: yuan(1250),
        settled: yuan(1250),
        reference_hash: Record::reference_hash("order-1"),
        books_hash: [3; 32],
    };
    let sign = || Receipt::sign(black_box(&record), &world.issuer, &world.signing).to_string();
    criterion.bench_function("sign a receipt", |bench| bench.iter(sign));

    let (text, keys) = (sign(), [world.signing.public_key()]);
    criterion.bench_function("verify a receipt", |bench| {
        bench.iter(|| {
            Receipt::parse(black_box(&text))
                .and_then(|receipt| receipt.verify(&world.issuer, &keys))
                .expect("the receipt is good")
        });
    });
}

criterion_group!(benches, codes, receipts);
criterion_main!(benches);
