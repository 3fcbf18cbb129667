//! Encryption for the issuer's own eyes (ChaCha20-Poly1305, RFC 8439).

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{ChaCha20Poly1305, Key, Nonce};
use zeroize::Zeroizing;

const NONCE_LENGTH: usize = 12;

/// A key for one purpose.
///
/// Layout of what it hides: nonce (12 bytes, random), then ciphertext and tag. A random nonce of
/// 96 bits may be used for 2^32 messages under one key before two may meet (NIST SP 800-38D); the
/// subject in the associated data keeps one row's bytes from standing in another.
#[derive(Clone)]
pub(super) struct Vault(Zeroizing<[u8; 32]>);

impl Vault {
    pub(super) fn new(key: [u8; 32]) -> Self {
        Self(Zeroizing::new(key))
    }

    pub(super) fn key(&self) -> &[u8; 32] {
        &self.0
    }

    fn cipher(&self) -> ChaCha20Poly1305 {
        ChaCha20Poly1305::new(&Key::from(*self.0))
    }

    pub(super) fn hide(&self, nonce: [u8; NONCE_LENGTH], subject: &[u8], plain: &[u8]) -> Vec<u8> {
        let payload = Payload { msg: plain, aad: subject };
        // Fails only for messages of 256 GB.
        let sealed = self.cipher().encrypt(&Nonce::from(nonce), payload).unwrap_or_default();
        [nonce.as_slice(), &sealed].concat()
    }

    pub(super) fn reveal(&self, subject: &[u8], hidden: &[u8]) -> Option<Vec<u8>> {
        let (nonce, sealed) = hidden.split_first_chunk::<NONCE_LENGTH>()?;
        let payload = Payload { msg: sealed, aad: subject };
        self.cipher().decrypt(&Nonce::from(*nonce), payload).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::Vault;

    #[test]
    fn what_was_hidden_for_one_subject_opens_for_no_other() {
        let vault = Vault::new([1; 32]);
        let hidden = vault.hide([2; 12], b"payer-1", "张伟".as_bytes());
        assert_eq!(vault.reveal(b"payer-1", &hidden).unwrap(), "张伟".as_bytes());
        assert_eq!(vault.reveal(b"payer-2", &hidden), None);
        assert_eq!(Vault::new([3; 32]).reveal(b"payer-1", &hidden), None);
        for position in 0..hidden.len() {
            let mut altered = hidden.clone();
            altered[position] ^= 1;
            assert_eq!(vault.reveal(b"payer-1", &altered), None, "{position}");
        }
        assert_eq!(vault.reveal(b"payer-1", b"short"), None);
    }
}
