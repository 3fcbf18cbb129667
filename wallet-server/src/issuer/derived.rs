//! Keys that follow from the names key, so that the key file need not hold them: for keyed
//! hashes, for payers' secrets, the pepper of their PINs, and for signing webhooks.

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use wallet_core::SigningKey;
use zeroize::Zeroizing;

use super::vault::Vault;
use super::{HashPurpose, WebhookKey};

/// What HMAC-SHA-256 takes a key as: 64 bytes, shorter ones with zeros behind (RFC 2104).
const BLOCK_LENGTH: usize = 64;

/// Each key is HMAC-SHA-256 of a label of its own, and so has nothing to do with the others.
#[derive(Clone)]
pub(super) struct Derived {
    pub(super) secrets: Vault,
    pub(super) pepper: Zeroizing<[u8; 32]>,
    hashes: Zeroizing<[u8; 32]>,
    webhooks: Zeroizing<[u8; 32]>,
}

impl Derived {
    pub(super) fn new(names_key: &[u8; 32]) -> Self {
        let key = |label: &[u8]| Zeroizing::new(hmac(names_key, [b"wallet-derived/1", label]));
        Self {
            secrets: Vault::new(*key(b"secrets")),
            pepper: key(b"pin-pepper"),
            hashes: key(b"hashes"),
            webhooks: key(b"webhooks"),
        }
    }

    /// A keyed hash for a purpose.
    pub(super) fn hash(&self, purpose: HashPurpose, text: &[u8]) -> [u8; 32] {
        hmac(&self.hashes, [purpose.label(), text])
    }

    /// What a webhook is signed with by HMAC, which its merchant knows too.
    pub(super) fn webhook_secret(&self, key: WebhookKey) -> Zeroizing<[u8; 32]> {
        self.webhook_key(b"secret", key)
    }

    /// What a webhook is signed with by Ed25519, which nobody else knows.
    pub(super) fn webhook_signing_key(&self, key: WebhookKey) -> SigningKey {
        SigningKey::from_seed(&self.webhook_key(b"ed25519", key))
    }

    /// HMAC-SHA-256 of the label, NUL, the endpoint's id (16 bytes) and the number (4, big-endian).
    fn webhook_key(&self, label: &[u8], key: WebhookKey) -> Zeroizing<[u8; 32]> {
        let mut which = [0; 20];
        which[..16].copy_from_slice(&key.endpoint);
        which[16..].copy_from_slice(&key.number.to_be_bytes());
        Zeroizing::new(hmac(&self.webhooks, [label, &which]))
    }
}

/// HMAC-SHA-256 of a label, NUL and a text.
pub(super) fn hmac(key: &[u8; 32], [label, text]: [&[u8]; 2]) -> [u8; 32] {
    mac(key).chain_update(label).chain_update([0]).chain_update(text).finalize().into_bytes().into()
}

/// HMAC-SHA-256 with a key, before there is a message.
pub(super) fn mac(key: &[u8; 32]) -> Hmac<Sha256> {
    let mut block = Zeroizing::new([0; BLOCK_LENGTH]);
    block[..key.len()].copy_from_slice(key);
    Hmac::<Sha256>::new(&(*block).into())
}

#[cfg(test)]
mod tests {
    use super::Derived;
    use crate::issuer::{HashPurpose, WebhookKey};

    const WEBHOOK: WebhookKey = WebhookKey { endpoint: [1; 16], number: 1 };

    #[test]
    fn no_two_keys_or_purposes_have_anything_in_common() {
        let derived = Derived::new(&[7; 32]);
        let mut all = vec![
            *derived.secrets.key(),
            *derived.pepper,
            *derived.hashes,
            derived.hash(HashPurpose::Handles, b"wei"),
            *derived.webhooks,
            *derived.webhook_secret(WEBHOOK),
            *derived.webhook_secret(WebhookKey { number: 2, ..WEBHOOK }),
            *derived.webhook_secret(WebhookKey { endpoint: [2; 16], ..WEBHOOK }),
            *derived.webhook_signing_key(WEBHOOK).seed(),
            derived.hash(HashPurpose::RecoveryCodes, b"wei"),
            derived.hash(HashPurpose::EnvelopeTokens, b"wei"),
            derived.hash(HashPurpose::Requests, b"wei"),
            derived.hash(HashPurpose::Handles, b"wej"),
            Derived::new(&[8; 32]).hash(HashPurpose::Handles, b"wei"),
            [0; 32],
        ];
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), 15);
    }

    #[test]
    fn they_are_the_same_after_every_start() {
        // Computed with Python's hmac and hashlib; what is kept in a database depends on them.
        let derived = Derived::new(&[7; 32]);
        let hex = |bytes: &[u8; 32]| base16ct::lower::encode_string(bytes);
        assert_eq!(
            hex(&derived.pepper),
            "81c2ce27488c50466c247e453b9985182fa532c812cab18a28e94b884e08dfa5"
        );
        assert_eq!(
            hex(derived.secrets.key()),
            "70288823694ddab659d92b4dae2e52181ee62ca2004501ac8ce48932c74e8796"
        );
        assert_eq!(
            hex(&derived.hash(HashPurpose::Handles, b"wei")),
            "1881fa50a5d4b381e3eb887c092a8e503da1d344ec237b7e047d7f19965cb17f"
        );
        assert_eq!(
            hex(&derived.webhook_secret(WEBHOOK)),
            "d4e322e3650562952c6c84224427cef71ae91931e96b37431d0684337ad437d6"
        );
        assert_eq!(
            hex(&derived.webhook_signing_key(WEBHOOK).seed()),
            "fa096a72c323a08dd4d94fe8479b2475f17cc7f6eff9f286ef4359db3a086242"
        );
    }
}
