//! The library against the published vectors of `docs/payment-code.md`.
//!
//! `tests/vectors/generate.py` made them with an implementation of its own.

#[path = "payment_code_vectors/file.rs"]
mod file;

use std::collections::HashMap;
use std::convert::Infallible;

use file::{Negative, Positive, Vectors, vectors};
use rand_core::{TryCryptoRng, TryRng};
use wallet_core::code::{
    CodeLimit, CodePrefix, CodeTerms, Freshness, IssuerProfile, OpenedCode, PayerDevice, SealedCode,
};
use wallet_core::{
    Currency, DeviceKey, DeviceKeyId, DevicePublicKey, Error, IssuerId, Mode, Money, SealingKey,
    SealingKeys, SealingPublicKey, SigningKey, Slot, Step, TerminalId, Timestamp,
};

fn bytes(hex: &str) -> Vec<u8> {
    base16ct::lower::decode_vec(hex).unwrap()
}

fn array<const N: usize>(hex: &str) -> [u8; N] {
    bytes(hex).try_into().unwrap()
}

fn mode(name: &str) -> Mode {
    Mode::from_name(name).unwrap()
}

fn terminal(hex: Option<&String>) -> Option<TerminalId> {
    hex.map(|hex| TerminalId::from_hex(hex).unwrap())
}

/// "Randomness" that was decided beforehand, and no more of it than the specification says.
struct Dictated(Vec<u8>);

impl TryRng for Dictated {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        unreachable!("a code takes its randomness as one run of bytes")
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        unreachable!("a code takes its randomness as one run of bytes")
    }

    fn try_fill_bytes(&mut self, dst: &mut [u8]) -> Result<(), Infallible> {
        dst.copy_from_slice(&self.0);
        self.0.clear();
        Ok(())
    }
}

impl TryCryptoRng for Dictated {}

/// The issuer of the vectors, as far as the library knows one.
struct World {
    issuer: IssuerId,
    sealing: SealingKeys,
    prefix: CodePrefix,
    enrolled: HashMap<DeviceKeyId, DevicePublicKey>,
}

impl World {
    fn new(vectors: &Vectors) -> Self {
        let sealing = vectors.sealing_keys.iter().map(|row| {
            let created_at = Timestamp::from_unix_millis(row.created_at_ms);
            let slot = Slot::from_number(row.slot).unwrap();
            SealingKey::from_bytes(slot, created_at, &array(&row.secret)).unwrap()
        });
        let enrolled = vectors.devices.iter().filter(|row| row.enrolled).map(|row| {
            let key = DevicePublicKey::from_bytes(&array(&row.public_key)).unwrap();
            (DeviceKeyId::from_hex(&row.key_id).unwrap(), key)
        });
        Self {
            issuer: IssuerId::from_hex(&vectors.issuer.id).unwrap(),
            sealing: SealingKeys::from_keys(sealing.collect()).unwrap(),
            prefix: CodePrefix::parse(&vectors.prefix).unwrap(),
            enrolled: enrolled.collect(),
        }
    }

    /// What a server does before its transaction: the stage and the code of the refusal.
    fn refusal(&self, case: &Negative) -> Option<(&'static str, &'static str)> {
        let at = |stage| move |error: Error| (stage, error.code());
        self.check(case, at).err()
    }

    fn check<F: FnOnce(Error) -> (&'static str, &'static str)>(
        &self,
        case: &Negative,
        at: impl Fn(&'static str) -> F,
    ) -> Result<(), (&'static str, &'static str)> {
        let (mode, now) = (mode(&case.mode), Timestamp::from_unix_millis(case.now_ms));
        let sealed = SealedCode::parse(&case.digits, self.prefix).map_err(at("parse"))?;
        let opened = sealed.open(&self.sealing, &self.issuer, mode, now).map_err(at("open"))?;
        let key = self
            .enrolled
            .get(&opened.claimed_device())
            .ok_or(("look_up", "code_unknown_device"))?;
        let verified = opened
            .verify(key, &self.issuer, mode, terminal(case.at.as_ref()).as_ref())
            .map_err(at("verify"))?;
        match Freshness::of(verified.claims().mark.step, now) {
            Freshness::Current => Ok(()),
            Freshness::Expired => Err(("window", "code_expired")),
            Freshness::Ahead => Err(("window", "clock_skew")),
        }
    }
}

fn device(vectors: &Vectors, case: &Positive) -> PayerDevice {
    let row = vectors.devices.iter().find(|row| row.name == case.device).unwrap();
    let sealing = vectors.sealing_keys.iter().find(|row| row.slot == case.slot).unwrap();
    let profile = IssuerProfile {
        id: IssuerId::from_hex(&vectors.issuer.id).unwrap(),
        mode: mode(&case.mode),
        prefix: CodePrefix::parse(&case.prefix).unwrap(),
        slot: Slot::from_number(case.slot).unwrap(),
        sealing_key: SealingPublicKey::from_bytes(array(&sealing.public_key)),
        sealing_key_retires_at: Timestamp::from_unix_millis(case.now_ms + 1),
    };
    let key = DeviceKey::from_seed(&array(&row.seed));
    PayerDevice::new(key, DeviceKeyId::from_hex(&row.key_id).unwrap(), profile)
}

fn terms(case: &Positive) -> CodeTerms {
    let currency = Currency::from_numeric(case.currency_numeric).unwrap();
    CodeTerms {
        limit: CodeLimit::new(Money::from_minor(case.limit_minor, currency)).unwrap(),
        terminal: terminal(case.terminal.as_ref()),
        payer_verified: case.payer_verified,
    }
}

#[test]
fn the_keys_of_the_vectors_belong_together() {
    let vectors = vectors();
    let root = SigningKey::from_seed(&array(&vectors.issuer.root_seed)).public_key();
    assert_eq!(root.as_bytes()[..], bytes(&vectors.issuer.root_public_key));
    assert_eq!(root.root_issuer_id().to_string(), vectors.issuer.id);
    for row in &vectors.devices {
        let public = DeviceKey::from_seed(&array(&row.seed)).public_key();
        assert_eq!(public.as_bytes()[..], bytes(&row.public_key), "{}", row.name);
    }
    for (row, key) in vectors.sealing_keys.iter().zip(World::new(&vectors).sealing.keys()) {
        assert_eq!(key.public_key().as_bytes()[..], bytes(&row.public_key), "slot {}", row.slot);
    }
}

#[test]
fn a_device_makes_exactly_the_published_digits() {
    let vectors = vectors();
    for case in &vectors.positive {
        let now = Timestamp::from_unix_millis(case.now_ms);
        let mut rng = Dictated(bytes(&case.ikm_e));
        let code = device(&vectors, case).make_code(now, case.seq, &terms(case), &mut rng).unwrap();
        assert_eq!(code.digits(), case.digits, "{}", case.name);
    }
}

#[test]
fn the_issuer_reads_from_the_published_digits_what_the_vectors_say() {
    let vectors = vectors();
    let world = World::new(&vectors);
    for case in &vectors.positive {
        let (mode, now) = (mode(&case.mode), Timestamp::from_unix_millis(case.now_ms));
        let prefix = CodePrefix::parse(&case.prefix).unwrap();
        let sealed = SealedCode::parse(&case.digits, prefix).unwrap();
        assert_eq!(*sealed.as_bytes(), bytes(&case.code), "{}", case.name);
        let parts = [&case.encapsulated_key, &case.ciphertext, &case.tag].map(|hex| bytes(hex));
        assert_eq!(sealed.as_bytes()[1..], parts.concat(), "{}", case.name);

        let opened = sealed.open(&world.sealing, &world.issuer, mode, now).unwrap();
        assert_eq!(opened.to_evidence()[..], bytes(&case.evidence), "{}", case.name);
        let key = world.enrolled[&opened.claimed_device()];
        key.verify(&bytes(&case.signed_message), &array(&case.signature)).unwrap();
        let at = terminal(case.terminal.as_ref());
        let verified = opened.verify(&key, &world.issuer, mode, at.as_ref()).unwrap();

        let claims = verified.claims();
        assert_eq!(claims.limit, terms(case).limit, "{}", case.name);
        assert_eq!(claims.terminal_bound, at.is_some(), "{}", case.name);
        assert_eq!(claims.payer_verified, case.payer_verified, "{}", case.name);
        assert_eq!((claims.mark.step.number(), claims.mark.seq), (case.step, case.seq));
    }
}

#[test]
fn published_evidence_proves_the_payers_signature_again() {
    let vectors = vectors();
    let world = World::new(&vectors);
    for case in &vectors.positive {
        let opened = OpenedCode::from_evidence(&array(&case.evidence)).unwrap();
        let key = world.enrolled[&opened.claimed_device()];
        let at = terminal(case.terminal.as_ref());
        opened.verify(&key, &world.issuer, mode(&case.mode), at.as_ref()).unwrap();
    }
}

#[test]
fn every_negative_code_is_refused_at_its_stage_with_its_error() {
    let vectors = vectors();
    let world = World::new(&vectors);
    for case in &vectors.negative {
        let expected = Some((case.stage.as_str(), case.error.as_str()));
        assert_eq!(world.refusal(case), expected, "{}", case.name);
    }
}

#[test]
fn merchants_see_one_refusal_for_everything_about_authenticity() {
    for case in vectors().negative {
        let expected = if case.stage == "window" { &case.error } else { "invalid_code" };
        assert_eq!(case.merchant_sees, expected, "{}", case.name);
    }
}

#[test]
fn hostile_device_keys_are_refused_at_enrolment() {
    for case in vectors().enrolment {
        let error = DevicePublicKey::from_bytes(&array(&case.public_key)).unwrap_err();
        assert_eq!(error.code(), case.error, "{}", case.name);
    }
}

#[test]
fn a_device_seals_nothing_to_a_hostile_key() {
    let vectors = vectors();
    let case = &vectors.positive[0];
    let now = Timestamp::from_unix_millis(case.now_ms);
    for hostile in &vectors.sealing {
        let honest = device(&vectors, case);
        let sealing_key = SealingPublicKey::from_bytes(array(&hostile.public_key));
        let profile = IssuerProfile { sealing_key, ..*honest.issuer() };
        let key = DeviceKey::from_seed(&honest.key().seed());
        let misled = PayerDevice::new(key, honest.key_id(), profile);
        let mut rng = Dictated(bytes(&case.ikm_e));
        let error = misled.make_code(now, 0, &terms(case), &mut rng).unwrap_err();
        assert_eq!(error.code(), hostile.error, "{}", hostile.name);
    }
}

#[test]
fn steps_are_current_from_one_before_to_one_after() {
    for row in vectors().freshness {
        let expected = match row.is.as_str() {
            "expired" => Freshness::Expired,
            "current" => Freshness::Current,
            "ahead" => Freshness::Ahead,
            other => panic!("unknown freshness {other}"),
        };
        let now = Timestamp::from_unix_millis(row.now_ms);
        assert_eq!(Freshness::of(Step::from_number(row.step), now), expected, "{}", row.step);
    }
}

#[test]
fn every_settlement_scenario_is_complete() {
    for scenario in vectors().settlement {
        assert!(!scenario.steps.is_empty() && !scenario.expected.code.is_empty());
        let known = ["none", "declined", "succeeded"];
        assert!(known.contains(&scenario.expected.payment.as_str()), "{}", scenario.name);
        // Only a decision that this step wrote can have moved the mark.
        let decided = scenario.expected.payment == "declined";
        assert_eq!(scenario.expected.mark_moves, decided, "{}", scenario.name);
    }
}
