//! The issuer's sealing keys: whoever has the secret half can open codes.

use core::fmt;

use hpke::aead::ChaCha20Poly1305;
use hpke::inout::InOutBuf;
use hpke::kdf::HkdfSha256;
use hpke::kem::X25519HkdfSha256;
use hpke::{Deserializable, Kem, OpModeR, OpModeS, Serializable};
use rand_core::CryptoRng;
use zeroize::Zeroizing;

use crate::{Error, Timestamp};

type Secret = <X25519HkdfSha256 as Kem>::PrivateKey;
type Public = <X25519HkdfSha256 as Kem>::PublicKey;
type Encapsulated = <X25519HkdfSha256 as Kem>::EncappedKey;
type Tag = hpke::aead::AeadTag<ChaCha20Poly1305>;

const MALFORMED: Error = Error::new("invalid_sealing_key", "not the bytes of an X25519 key");
const NOT_SEALED: Error = Error::new(
    "cannot_seal",
    "the issuer's sealing key is not usable; synchronise with the issuer",
);
pub(crate) const NOT_OPENED: Error =
    Error::new("code_not_opened", "the sealed part does not open with this key");
const BAD_SLOT: Error = Error::new("invalid_slot", "a slot is a number from 0 to 7");
const NO_FREE_SLOT: Error =
    Error::new("no_free_slot", "all eight slots still hold a key whose codes may be alive");

/// How long codes sealed to a key are accepted: two years of 365 days.
///
/// A phone that has not been online for so long must synchronise before it can pay.
pub const SEALING_KEY_LIFE_MILLIS: i64 = 2 * 365 * 24 * 60 * 60 * 1000;

/// How long a slot rests after its key has retired: longer than any code lives (90 s).
const SLOT_REST_MILLIS: i64 = 10 * 60 * 1000;

/// One of the eight places for sealing keys; three bits in the header of every code.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Slot(u8);

impl Slot {
    /// How many slots there are.
    pub const COUNT: u8 = 8;

    /// The slot with this number, 0 to 7.
    ///
    /// # Errors
    /// `invalid_slot`.
    pub fn from_number(number: u8) -> Result<Self, Error> {
        if number < Self::COUNT { Ok(Self(number)) } else { Err(BAD_SLOT) }
    }

    /// Its number, 0 to 7.
    #[must_use]
    pub fn number(self) -> u8 {
        self.0
    }

    fn next(self) -> Self {
        Self((self.0 + 1) % Self::COUNT)
    }
}

/// The public half of a sealing key (X25519, RFC 7748): devices seal codes to it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct SealingPublicKey([u8; 32]);

impl SealingPublicKey {
    /// The key with these bytes.
    ///
    /// A small-order point is found when sealing: the shared secret would be zero, and
    /// [RFC 9180, section 7.1.4](https://www.rfc-editor.org/rfc/rfc9180#section-7.1.4) refuses it.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Starts a sealed message: the encapsulated key, and a sealer for one message.
    pub(crate) fn begin(
        &self,
        info: &[u8],
        rng: &mut dyn CryptoRng,
    ) -> Result<([u8; 32], Sealer), Error> {
        let recipient = Public::from_bytes(&self.0).map_err(|_| MALFORMED)?;
        let mut rng = rng;
        let (encapsulated, context) = hpke::setup_sender_with_rng(
            &OpModeS::<X25519HkdfSha256>::Base,
            &recipient,
            info,
            &mut rng,
        )
        .map_err(|_| NOT_SEALED)?;
        Ok((encapsulated.to_bytes().into(), Sealer(context)))
    }
}

impl fmt::Debug for SealingPublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SealingPublicKey({:x})", base16ct::HexDisplay(&self.0))
    }
}

/// Seals exactly one message; consumed by doing so, which keeps the nonce unique.
pub(crate) struct Sealer(hpke::aead::AeadCtxS<ChaCha20Poly1305, HkdfSha256, X25519HkdfSha256>);

impl Sealer {
    /// Encrypts `message` in place and returns the tag.
    pub(crate) fn seal(mut self, message: &mut [u8], associated: &[u8]) -> Result<[u8; 16], Error> {
        let tag = self
            .0
            .seal_inout_detached(InOutBuf::from(message), associated)
            .map_err(|_| NOT_SEALED)?;
        Ok(tag.to_bytes().into())
    }
}

/// A secret sealing key in its slot. Wiped from memory when dropped; never printed.
#[derive(Clone)]
pub struct SealingKey {
    slot: Slot,
    created_at: Timestamp,
    secret: Secret,
}

impl SealingKey {
    /// A new key for a slot.
    #[must_use]
    pub fn generate(slot: Slot, now: Timestamp, rng: &mut dyn CryptoRng) -> Self {
        let mut rng = rng;
        let (secret, _) = X25519HkdfSha256::gen_keypair_with_rng(&mut rng);
        Self { slot, created_at: now, secret }
    }

    /// The key with these 32 secret bytes.
    ///
    /// # Errors
    /// `invalid_sealing_key`.
    pub fn from_bytes(slot: Slot, created_at: Timestamp, secret: &[u8; 32]) -> Result<Self, Error> {
        let secret = Secret::from_bytes(secret).map_err(|_| MALFORMED)?;
        Ok(Self { slot, created_at, secret })
    }

    /// The secret bytes, to be kept encrypted.
    #[must_use]
    pub fn secret_bytes(&self) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(self.secret.to_bytes().into())
    }

    /// Its slot.
    #[must_use]
    pub fn slot(&self) -> Slot {
        self.slot
    }

    /// When it was made.
    #[must_use]
    pub fn created_at(&self) -> Timestamp {
        self.created_at
    }

    /// When devices stop sealing to it and the issuer stops opening with it.
    #[must_use]
    pub fn retires_at(&self) -> Timestamp {
        self.created_at.plus_millis(SEALING_KEY_LIFE_MILLIS)
    }

    /// Whether it has been retired for so long that no code sealed to it can be alive.
    fn has_rested(&self, now: Timestamp) -> bool {
        self.retires_at().plus_millis(SLOT_REST_MILLIS) <= now
    }

    /// The public half.
    #[must_use]
    pub fn public_key(&self) -> SealingPublicKey {
        SealingPublicKey(X25519HkdfSha256::sk_to_pk(&self.secret).to_bytes().into())
    }

    /// Decrypts a sealed message in place.
    pub(crate) fn open(
        &self,
        encapsulated: &[u8; 32],
        info: &[u8],
        message: &mut [u8],
        associated: &[u8],
        tag: &[u8; 16],
    ) -> Result<(), Error> {
        let encapsulated = Encapsulated::from_bytes(encapsulated).map_err(|_| NOT_OPENED)?;
        let tag = Tag::from_bytes(tag).map_err(|_| NOT_OPENED)?;
        hpke::setup_receiver::<ChaCha20Poly1305, HkdfSha256, X25519HkdfSha256>(
            &OpModeR::Base,
            &self.secret,
            &encapsulated,
            info,
        )
        .and_then(|mut context| {
            context.open_inout_detached(InOutBuf::from(message), associated, &tag)
        })
        .map_err(|_| NOT_OPENED)
    }
}

impl fmt::Debug for SealingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SealingKey(slot {}, secret)", self.slot.0)
    }
}

/// The issuer's sealing keys, at most one a slot.
///
/// | a key is … | devices seal to it | the issuer opens with it |
/// |---|---|---|
/// | current: the newest | yes, after they synchronised | yes |
/// | older, not yet retired | only those offline since | yes |
/// | retired: two years old | no | no; ten minutes later the slot is free and the key can be [forgotten](Self::forget_rested) |
#[derive(Clone, Debug)]
pub struct SealingKeys(Vec<SealingKey>);

impl SealingKeys {
    /// The keys of a new issuer: one, in slot 0.
    #[must_use]
    pub fn generate(now: Timestamp, rng: &mut dyn CryptoRng) -> Self {
        Self(vec![SealingKey::generate(Slot(0), now, rng)])
    }

    /// Keys that were kept in a file.
    ///
    /// # Errors
    /// `invalid_sealing_key` when there is none, or two in one slot.
    pub fn from_keys(mut keys: Vec<SealingKey>) -> Result<Self, Error> {
        keys.sort_by_key(SealingKey::created_at);
        let twice = |key: &SealingKey| keys.iter().filter(|k| k.slot == key.slot).count() > 1;
        if keys.is_empty() || keys.iter().any(twice) {
            return Err(MALFORMED);
        }
        Ok(Self(keys))
    }

    /// The keys, oldest first.
    #[must_use]
    pub fn keys(&self) -> &[SealingKey] {
        &self.0
    }

    /// The key that devices should seal to: the newest that has not retired.
    #[must_use]
    pub fn current(&self, now: Timestamp) -> Option<&SealingKey> {
        self.0.last().filter(|key| now < key.retires_at())
    }

    /// The key in a slot, unless it has retired.
    #[must_use]
    pub fn in_slot(&self, slot: Slot, now: Timestamp) -> Option<&SealingKey> {
        self.0.iter().find(|key| key.slot == slot && now < key.retires_at())
    }

    /// Makes a new current key in the next free slot and forgets the key that rested there.
    ///
    /// # Errors
    /// `no_free_slot` when every slot holds a key that has not retired and rested: with eight
    /// slots and two years, rotate at most once a quarter.
    pub fn rotate(&mut self, now: Timestamp, rng: &mut dyn CryptoRng) -> Result<Slot, Error> {
        let mut slot = self.0.last().map_or(Slot(0), |newest| newest.slot.next());
        // Strictly later, or keys read back from a file could have another one as the newest.
        let created_at =
            self.0.last().map_or(now, |newest| now.max(newest.created_at.plus_millis(1)));
        for _ in 0..Slot::COUNT {
            if self.0.iter().all(|key| key.slot != slot || key.has_rested(now)) {
                self.0.retain(|key| key.slot != slot);
                self.0.push(SealingKey::generate(slot, created_at, rng));
                return Ok(slot);
            }
            slot = slot.next();
        }
        Err(NO_FREE_SLOT)
    }

    /// Forgets the keys that nothing can be opened with any more, so that whoever steals the file
    /// later opens no code that was sealed to them. Returns how many there were.
    ///
    /// The newest key always stays, and as long as it has retired so do all: then the clock may be
    /// wrong, and a key that is gone does not come back. Slots are no sooner used again for it:
    /// those keys would not have kept theirs.
    pub fn forget_rested(&mut self, now: Timestamp) -> usize {
        let before = self.0.len();
        if self.current(now).is_some() {
            self.0.retain(|key| !key.has_rested(now));
        }
        before - self.0.len()
    }
}

#[cfg(test)]
mod tests {
    use rand_chacha::ChaCha20Rng;
    use rand_core::SeedableRng;

    use super::{SEALING_KEY_LIFE_MILLIS, SLOT_REST_MILLIS, SealingKeys, SealingPublicKey, Slot};
    use crate::Timestamp;

    const START: i64 = 1_700_000_000_000;

    #[test]
    fn rotation_uses_each_slot_once_and_then_waits_for_the_oldest_to_retire() {
        let rng = &mut ChaCha20Rng::seed_from_u64(1);
        let start = Timestamp::from_unix_millis(START);
        let mut keys = SealingKeys::generate(start, rng);
        for number in 1..8 {
            assert_eq!(keys.rotate(start.plus_millis(1), rng).unwrap().number(), number);
        }
        assert_eq!(keys.rotate(start, rng).unwrap_err().code(), "no_free_slot");

        let retired = start.plus_millis(SEALING_KEY_LIFE_MILLIS);
        assert!(keys.in_slot(Slot(0), retired.plus_millis(-1)).is_some());
        assert!(keys.in_slot(Slot(0), retired).is_none());
        assert_eq!(keys.rotate(retired, rng).unwrap_err().code(), "no_free_slot");
        let rested = retired.plus_millis(SLOT_REST_MILLIS);
        assert_eq!(keys.rotate(rested, rng).unwrap(), Slot(0));
        assert_eq!(keys.current(rested).unwrap().slot(), Slot(0));
        assert_eq!(keys.keys().len(), 8);
    }

    #[test]
    fn keys_are_forgotten_once_they_have_rested_and_their_slots_come_round_in_turn() {
        let rng = &mut ChaCha20Rng::seed_from_u64(1);
        let start = Timestamp::from_unix_millis(START);
        let year = SEALING_KEY_LIFE_MILLIS / 2;
        let mut keys = SealingKeys::generate(start, rng);
        keys.rotate(start.plus_millis(1), rng).unwrap();
        keys.rotate(start.plus_millis(year), rng).unwrap();
        let slots = |keys: &SealingKeys| {
            keys.keys().iter().map(|key| key.slot().number()).collect::<Vec<_>>()
        };
        let rested = start.plus_millis(SEALING_KEY_LIFE_MILLIS + SLOT_REST_MILLIS);
        assert_eq!(keys.forget_rested(rested.plus_millis(-1)), 0);
        assert_eq!(keys.forget_rested(rested), 1);
        assert_eq!(slots(&keys), [1, 2]);
        assert_eq!(keys.forget_rested(rested.plus_millis(1)), 1);
        assert_eq!(slots(&keys), [2]);
        // Not the slots that became free: a code that was sealed to those keys names them.
        assert_eq!(keys.rotate(rested.plus_millis(1), rng).unwrap().number(), 3);
    }

    #[test]
    fn a_clock_that_has_all_keys_retired_destroys_none() {
        let rng = &mut ChaCha20Rng::seed_from_u64(1);
        let start = Timestamp::from_unix_millis(START);
        let mut keys = SealingKeys::generate(start, rng);
        keys.rotate(start.plus_millis(1), rng).unwrap();
        let far = start.plus_millis(10 * SEALING_KEY_LIFE_MILLIS);
        assert_eq!(keys.forget_rested(far), 0);
        assert_eq!(keys.keys().len(), 2);
        // Whoever makes a new key believes the clock.
        keys.rotate(far, rng).unwrap();
        assert_eq!(keys.forget_rested(far), 2);
        assert_eq!(keys.keys().len(), 1);
    }

    #[test]
    fn the_newest_key_stays_the_newest_when_read_back_even_if_the_clock_went_back() {
        let rng = &mut ChaCha20Rng::seed_from_u64(1);
        let start = Timestamp::from_unix_millis(START);
        let mut keys = SealingKeys::generate(start, rng);
        keys.rotate(start, rng).unwrap();
        let newest = keys.rotate(start.plus_millis(-5000), rng).unwrap();
        let mut stored = keys.keys().to_vec();
        stored.reverse();
        let read = SealingKeys::from_keys(stored).unwrap();
        assert_eq!(read.current(start).unwrap().slot(), newest);
    }

    #[test]
    fn a_small_order_recipient_is_refused_when_sealing() {
        let rng = &mut ChaCha20Rng::seed_from_u64(1);
        let zero = SealingPublicKey::from_bytes([0; 32]);
        assert!(zero.begin(b"info", rng).is_err());
    }

    #[test]
    fn debug_output_never_shows_the_secret() {
        let rng = &mut ChaCha20Rng::seed_from_u64(1);
        let keys = SealingKeys::generate(Timestamp::from_unix_millis(START), rng);
        assert_eq!(format!("{keys:?}"), "SealingKeys([SealingKey(slot 0, secret)])");
    }
}
