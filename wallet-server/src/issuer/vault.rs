//! Encryption for the issuer's own eyes: XChaCha20-Poly1305, which is ChaCha20-Poly1305 (RFC 8439)
//! with a longer nonce (draft-irtf-cfrg-xchacha).

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{Key, XChaCha20Poly1305, XNonce};
use zeroize::Zeroizing;

pub(super) const NONCE_LENGTH: usize = 24;

/// The only version there is; another key, or another cipher, takes the next number.
const KEY_VERSION: u8 = 1;

/// A key for one purpose.
///
/// Layout of what it hides: version of the key (1 byte), nonce (24 bytes, random), ciphertext, tag
/// (16 bytes). With 192 bits, random nonces do not meet however much is hidden under one key. The
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

    fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new(&Key::from(*self.0))
    }

    pub(super) fn hide(&self, nonce: [u8; NONCE_LENGTH], subject: &[u8], plain: &[u8]) -> Vec<u8> {
        let payload = Payload { msg: plain, aad: subject };
        // Fails only for messages of 256 GB.
        let sealed = self.cipher().encrypt(&XNonce::from(nonce), payload).unwrap_or_default();
        [[KEY_VERSION].as_slice(), &nonce, &sealed].concat()
    }

    pub(super) fn reveal(&self, subject: &[u8], hidden: &[u8]) -> Option<Vec<u8>> {
        let (&KEY_VERSION, rest) = hidden.split_first()? else { return None };
        let (nonce, sealed) = rest.split_first_chunk::<NONCE_LENGTH>()?;
        let payload = Payload { msg: sealed, aad: subject };
        self.cipher().decrypt(&XNonce::from(*nonce), payload).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::{KEY_VERSION, NONCE_LENGTH, Vault};

    #[test]
    fn what_was_hidden_for_one_subject_opens_for_no_other() {
        let vault = Vault::new([1; 32]);
        let hidden = vault.hide([2; NONCE_LENGTH], b"payer-1", "张伟".as_bytes());
        assert_eq!(vault.reveal(b"payer-1", &hidden).unwrap(), "张伟".as_bytes());
        assert_eq!(vault.reveal(b"payer-2", &hidden), None);
        assert_eq!(Vault::new([3; 32]).reveal(b"payer-1", &hidden), None);
        for position in 0..hidden.len() {
            let mut altered = hidden.clone();
            altered[position] ^= 1;
            assert_eq!(vault.reveal(b"payer-1", &altered), None, "{position}");
        }
        for length in 0..hidden.len() {
            assert_eq!(vault.reveal(b"payer-1", &hidden[..length]), None, "{length}");
        }
    }

    #[test]
    fn what_is_hidden_names_the_version_of_its_key_then_the_nonce() {
        let hidden = Vault::new([1; 32]).hide([2; NONCE_LENGTH], b"payer-1", b"name");
        assert_eq!(hidden[0], KEY_VERSION);
        assert_eq!(hidden[1..=NONCE_LENGTH], [2; NONCE_LENGTH]);
        assert_eq!(hidden.len(), 1 + NONCE_LENGTH + b"name".len() + 16);
    }
}
