//! HPKE as codes use it: RFC 9180, appendix A.2.1, and the key schedule written out.

use core::convert::Infallible;

use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{ChaCha20Poly1305, KeyInit};
use hkdf::Hkdf;
use rand_core::{TryCryptoRng, TryRng};
use sha2::Sha256;

use super::{array, bytes};
use crate::{SealingKey, SealingPublicKey, Slot, Timestamp};

const INFO: &str = "4f6465206f6e2061204772656369616e2055726e";
const IKM_E: &str = "909a9b35d3dc4713a5e72a4da274b55d3d3821a37e5d099e74a647db583a904b";
const ENCAPSULATED: &str = "1afa08d3dec047a643885163f1180476fa7ddb54c6a8029ea33f95796bf2ac4a";
const RECIPIENT_SECRET: &str = "8057991eef8f1f1af18f4a9491d16a1ce333f695d4db8e38da75975c4478e0fb";
const RECIPIENT_PUBLIC: &str = "4310ee97d88cc1f088a5576c77ab0cf5c3ac797f3d95139c6c84b5429c59662a";
const EPHEMERAL_SECRET: &str = "f4ec9b33b792c372c1d2c2063507b684ef925b8c75a42dbcbf57d63ccd381600";
const KEY: &str = "ad2744de8e17f4ebba575b3f5f5a8fa1f69c2a07f6e7500bc60ca6e3e3ec1c91";
const BASE_NONCE: &str = "5c4d98150661b848853b547f";
const PLAINTEXT: &str = "4265617574792069732074727574682c20747275746820626561757479";
const ASSOCIATED: &str = "436f756e742d30";
/// The first encryption, tag included. A code is one message, so there is no second one.
const SEALED: &str =
    "1c5250d8034ec2b784ba2cfd69dbdb8af406cfe3ff938e131f0def8c8b60b4db21993c62ce81883d2dd1b51a28";

/// "Randomness" that was decided beforehand.
struct Dictated([u8; 32]);

impl TryRng for Dictated {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        unreachable!("a key is drawn as one run of bytes")
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        unreachable!("a key is drawn as one run of bytes")
    }

    fn try_fill_bytes(&mut self, dst: &mut [u8]) -> Result<(), Infallible> {
        dst.copy_from_slice(&self.0);
        Ok(())
    }
}

impl TryCryptoRng for Dictated {}

/// A sealing key with these secret bytes.
pub(super) fn sealing_key(secret: &[u8; 32]) -> SealingKey {
    let slot = Slot::from_number(0).unwrap();
    SealingKey::from_bytes(slot, Timestamp::from_unix_millis(0), secret).unwrap()
}

/// Key and nonce that RFC 9180, sections 4.1 and 5.1, derive from what Diffie and Hellman agree on.
///
/// An implementation of its own, so that a vector for X25519 can be followed through to a code.
fn key_schedule(
    dh: &[u8],
    encapsulated: &[u8],
    recipient: &[u8],
    info: &[u8],
) -> ([u8; 32], [u8; 12]) {
    let kem = [b"KEM".as_slice(), &0x0020_u16.to_be_bytes()].concat();
    let suite = [b"HPKE".as_slice(), &[0x00, 0x20, 0x00, 0x01, 0x00, 0x03]].concat();
    let prk = extract(&kem, &[], "eae_prk", dh);
    let shared: [u8; 32] = expand(&kem, &prk, "shared_secret", &[encapsulated, recipient].concat());
    let psk_id_hash = extract(&suite, &[], "psk_id_hash", &[]);
    let info_hash = extract(&suite, &[], "info_hash", info);
    let context = [&[0], psk_id_hash.as_slice(), info_hash.as_slice()].concat();
    let secret = extract(&suite, &shared, "secret", &[]);
    (expand(&suite, &secret, "key", &context), expand(&suite, &secret, "base_nonce", &context))
}

fn extract(suite: &[u8], salt: &[u8], label: &str, material: &[u8]) -> [u8; 32] {
    let labeled = [b"HPKE-v1", suite, label.as_bytes(), material].concat();
    Hkdf::<Sha256>::extract(Some(salt), &labeled).0.into()
}

fn expand<const N: usize>(suite: &[u8], prk: &[u8; 32], label: &str, info: &[u8]) -> [u8; N] {
    let length = u16::try_from(N).unwrap().to_be_bytes();
    let labeled = [&length, b"HPKE-v1".as_slice(), suite, label.as_bytes(), info].concat();
    let mut out = [0; N];
    Hkdf::<Sha256>::from_prk(prk).unwrap().expand(&labeled, &mut out).unwrap();
    out
}

/// Whether a sealing key opens what is sealed with a secret that X25519 is said to agree on.
pub(super) fn opens(key: &SealingKey, encapsulated: &[u8; 32], agreed: &[u8; 32]) -> bool {
    let (info, header, claims) = (b"info", [0x28], b"what a payer allows");
    let recipient = key.public_key();
    let (secret, nonce) = key_schedule(agreed, encapsulated, recipient.as_bytes(), info);
    let payload = Payload { msg: claims, aad: &header };
    let sealed = ChaCha20Poly1305::new(&secret.into()).encrypt(&nonce.into(), payload).unwrap();
    let (message, tag) = sealed.split_at(claims.len());
    let mut message = message.to_vec();
    let opened = key.open(encapsulated, info, &mut message, &header, tag.try_into().unwrap());
    assert!(opened.is_err() || message == claims);
    opened.is_ok()
}

#[test]
fn the_key_schedule_written_out_is_that_of_rfc_9180() {
    let secret = x25519_dalek::StaticSecret::from(array::<32>(EPHEMERAL_SECRET));
    let recipient = array::<32>(RECIPIENT_PUBLIC);
    let agreed = secret.diffie_hellman(&recipient.into());
    let (key, nonce) =
        key_schedule(agreed.as_bytes(), &bytes(ENCAPSULATED), &recipient, &bytes(INFO));
    assert_eq!(key, array(KEY));
    assert_eq!(nonce, array(BASE_NONCE));
}

#[test]
fn a_device_seals_what_rfc_9180_seals() {
    let recipient = SealingPublicKey::from_bytes(array(RECIPIENT_PUBLIC));
    let rng = &mut Dictated(array(IKM_E));
    let (encapsulated, sealer) = recipient.begin(&bytes(INFO), rng).unwrap();
    assert_eq!(encapsulated, array(ENCAPSULATED));
    let mut message = bytes(PLAINTEXT);
    let tag = sealer.seal(&mut message, &bytes(ASSOCIATED)).unwrap();
    message.extend(tag);
    assert_eq!(message, bytes(SEALED));
}

#[test]
fn the_issuer_opens_what_rfc_9180_seals_and_nothing_beside_it() {
    let key = sealing_key(&array(RECIPIENT_SECRET));
    assert_eq!(*key.public_key().as_bytes(), array(RECIPIENT_PUBLIC));
    let open = |sealed: &[u8], associated: &[u8], info: &[u8]| {
        let (message, tag) = sealed.split_at(sealed.len() - 16);
        let mut message = message.to_vec();
        let tag = tag.try_into().unwrap();
        key.open(&array(ENCAPSULATED), info, &mut message, associated, tag).map(|()| message)
    };
    let (sealed, associated, info) = (bytes(SEALED), bytes(ASSOCIATED), bytes(INFO));
    assert_eq!(open(&sealed, &associated, &info).unwrap(), bytes(PLAINTEXT));
    for position in 0..sealed.len() {
        let mut altered = sealed.clone();
        altered[position] ^= 1;
        assert!(open(&altered, &associated, &info).is_err(), "byte {position}");
    }
    assert!(open(&sealed, b"Count-1", &info).is_err());
    assert!(open(&sealed, &associated, b"Ode on a Grecian urn").is_err());
}
