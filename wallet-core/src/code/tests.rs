use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;

use super::{CodeLimit, CodePrefix, CodeTerms, Freshness, IssuerProfile, PayerDevice, SealedCode};
use super::{OpenedCode, VerifiedCode};
use crate::keys::{DeviceKey, DeviceKeyId, IssuerId, SealingKeys, SigningKey, TerminalId};
use crate::{Currency, Error, Mode, Money, Step, Timestamp};

const TERMINAL: TerminalId = TerminalId::from_bytes([7; 16]);

struct World {
    now: Timestamp,
    sealing: SealingKeys,
    issuer: IssuerId,
    device: PayerDevice,
    rng: ChaCha20Rng,
}

impl World {
    fn new(seed: u64, mode: Mode) -> Self {
        let mut rng = ChaCha20Rng::seed_from_u64(seed);
        let now = Timestamp::from_unix_seconds(1_800_000_000);
        let sealing = SealingKeys::generate(now, &mut rng);
        let issuer = SigningKey::generate(&mut rng).public_key().root_issuer_id();
        let key = &sealing.keys()[0];
        let profile = IssuerProfile {
            id: issuer,
            mode,
            prefix: CodePrefix::DEFAULT,
            slot: key.slot(),
            sealing_key: key.public_key(),
            sealing_key_retires_at: key.retires_at(),
        };
        let device = PayerDevice::new(
            DeviceKey::generate(&mut rng),
            DeviceKeyId::from_bytes([9; 8]),
            profile,
        );
        Self { now, sealing, issuer, device, rng }
    }

    fn code(&mut self, terms: &CodeTerms) -> String {
        self.device.make_code(self.now, 3, terms, &mut self.rng).unwrap().digits().to_owned()
    }

    fn open(&self, text: &str, mode: Mode) -> Result<OpenedCode, Error> {
        SealedCode::parse(text, CodePrefix::DEFAULT)?.open(
            &self.sealing,
            &self.issuer,
            mode,
            self.now,
        )
    }

    fn verify(
        &self,
        text: &str,
        mode: Mode,
        terminal: Option<&TerminalId>,
    ) -> Result<VerifiedCode, Error> {
        let opened = self.open(text, mode)?;
        opened.verify(&self.device.key().public_key(), &self.issuer, mode, terminal)
    }
}

fn terms() -> CodeTerms {
    let limit = Money::parse("200.00", Currency::from_code("CNY").unwrap()).unwrap();
    CodeTerms::up_to(CodeLimit::new(limit).unwrap())
}

fn bound() -> CodeTerms {
    CodeTerms { terminal: Some(TERMINAL), payer_verified: true, ..terms() }
}

#[test]
fn the_issuer_reads_what_the_device_wrote() {
    let mut world = World::new(1, Mode::Live);
    let text = world.code(&terms());
    assert_eq!(text.len(), 321);
    let code = world.verify(&text, Mode::Live, None).unwrap();
    let claims = code.claims();
    assert_eq!(claims.device, world.device.key_id());
    assert_eq!((claims.mark.step, claims.mark.seq), (world.now.step(), 3));
    assert_eq!(claims.limit, terms().limit);
    assert!(!claims.terminal_bound && !claims.payer_verified);
}

#[test]
fn a_sealed_code_is_what_its_digits_say() {
    let mut world = World::new(15, Mode::Live);
    let text = world.code(&terms());
    let sealed = SealedCode::parse(&text, CodePrefix::DEFAULT).unwrap();
    let slot = world.device.issuer().slot;
    assert_eq!((sealed.version(), sealed.kind(), sealed.slot()), (1, 1, slot));
    let mut again = "70".to_owned();
    super::digits::encode(sealed.as_bytes(), &mut again);
    assert_eq!(again, text);
}

#[test]
fn two_codes_of_one_payer_share_nothing_but_the_header() {
    let mut world = World::new(2, Mode::Live);
    let bytes = |text: &str| SealedCode::parse_any_prefix(text).unwrap().as_bytes().to_vec();
    let (first, second) = (bytes(&world.code(&terms())), bytes(&world.code(&terms())));
    let equal = first.iter().zip(&second).skip(1).filter(|(a, b)| a == b).count();
    assert_eq!(first[0], second[0]);
    // 131 random bytes agree in one place every other pair; five would be a leak.
    assert!(equal < 5, "{equal} equal bytes");
}

#[test]
fn a_bound_code_works_at_its_terminal_only() {
    let mut world = World::new(3, Mode::Live);
    let text = world.code(&bound());
    let claims = *world.verify(&text, Mode::Live, Some(&TERMINAL)).unwrap().claims();
    assert!(claims.terminal_bound && claims.payer_verified);
    for elsewhere in [None, Some(&TerminalId::from_bytes([8; 16]))] {
        let error = world.verify(&text, Mode::Live, elsewhere).unwrap_err();
        assert_eq!(error.code(), "code_bad_signature");
    }
}

#[test]
fn an_unbound_code_works_with_and_without_a_terminal() {
    let mut world = World::new(4, Mode::Live);
    let text = world.code(&terms());
    world.verify(&text, Mode::Live, None).unwrap();
    world.verify(&text, Mode::Live, Some(&TERMINAL)).unwrap();
}

#[test]
fn a_test_code_is_never_a_live_one() {
    let mut world = World::new(5, Mode::Test);
    let text = world.code(&terms());
    world.verify(&text, Mode::Test, None).unwrap();
    assert_eq!(world.open(&text, Mode::Live).unwrap_err().code(), "code_not_opened");
}

#[test]
fn another_issuers_code_does_not_open() {
    let mut world = World::new(6, Mode::Live);
    let text = world.code(&terms());
    let mut other = World::new(7, Mode::Live);
    assert_eq!(other.open(&text, Mode::Live).unwrap_err().code(), "code_not_opened");
    // Even with the same sealing key, another issuer id opens nothing.
    other.sealing = world.sealing.clone();
    assert_eq!(other.open(&text, Mode::Live).unwrap_err().code(), "code_not_opened");
}

#[test]
fn any_flipped_bit_is_refused() {
    let mut world = World::new(8, Mode::Live);
    let text = world.code(&terms());
    let sealed = SealedCode::parse(&text, CodePrefix::DEFAULT).unwrap();
    for position in 0..sealed.as_bytes().len() * 8 {
        let mut bytes = sealed.as_bytes().to_vec();
        bytes[position / 8] ^= 1 << (position % 8);
        let mut altered = "70".to_owned();
        super::digits::encode(&bytes, &mut altered);
        assert!(world.verify(&altered, Mode::Live, None).is_err(), "bit {position}");
    }
}

#[test]
fn a_code_signed_by_another_key_is_refused() {
    let mut world = World::new(9, Mode::Live);
    let text = world.code(&terms());
    let opened = world.open(&text, Mode::Live).unwrap();
    assert_eq!(opened.claimed_device(), world.device.key_id());
    let other = DeviceKey::from_seed(&[5; 32]).public_key();
    let error = opened.verify(&other, &world.issuer, Mode::Live, None).unwrap_err();
    assert_eq!(error.code(), "code_bad_signature");
}

#[test]
fn an_all_zero_encapsulated_key_does_not_open() {
    let world = World::new(10, Mode::Live);
    let mut bytes = [0_u8; 132];
    bytes[0] = 0x28;
    let mut text = "70".to_owned();
    super::digits::encode(&bytes, &mut text);
    assert_eq!(world.open(&text, Mode::Live).unwrap_err().code(), "code_not_opened");
}

#[test]
fn texts_that_are_no_code_of_ours_are_refused_by_name() {
    let mut world = World::new(11, Mode::Live);
    let good = world.code(&terms());
    let with_header = |byte: u8| {
        let mut bytes = [0_u8; 132];
        bytes[0] = byte;
        let mut text = "70".to_owned();
        super::digits::encode(&bytes, &mut text);
        text
    };
    for (text, code) in [
        (String::new(), "code_unknown_prefix"),
        ("7".to_owned(), "code_unknown_prefix"),
        (format!("71{}", &good[2..]), "code_unknown_prefix"),
        (good[..320].to_owned(), "code_wrong_length"),
        (format!("{good}0"), "code_wrong_length"),
        (format!("{}x", &good[..320]), "code_not_digits"),
        (format!("{}é", &good[..319]), "code_not_digits"),
        (format!("70{}{}", "9".repeat(29), &good[31..]), "code_not_canonical"),
        (with_header(0x48), "code_unknown_version"),
        (with_header(0x30), "code_unknown_kind"),
        (with_header(0x29), "code_unknown_slot"),
    ] {
        assert_eq!(world.open(&text, Mode::Live).unwrap_err().code(), code, "{text}");
    }
}

#[test]
fn a_code_sealed_to_a_retired_key_is_neither_made_nor_opened() {
    let mut world = World::new(12, Mode::Live);
    let text = world.code(&terms());
    let retired = world.device.issuer().sealing_key_retires_at;
    let error = world.device.make_code(retired, 0, &terms(), &mut world.rng).unwrap_err();
    assert_eq!(error.code(), "issuer_key_retired");
    let sealed = SealedCode::parse(&text, CodePrefix::DEFAULT).unwrap();
    let error = sealed.open(&world.sealing, &world.issuer, Mode::Live, retired).unwrap_err();
    assert_eq!(error.code(), "code_unknown_slot");
}

#[test]
fn evidence_still_proves_the_payers_signature() {
    let mut world = World::new(13, Mode::Live);
    let text = world.code(&bound());
    let evidence = world.open(&text, Mode::Live).unwrap().to_evidence();
    let key = world.device.key().public_key();
    let read = OpenedCode::from_evidence(&evidence).unwrap();
    read.verify(&key, &world.issuer, Mode::Live, Some(&TERMINAL)).unwrap();
    let mut forged = evidence;
    forged[48] ^= 1; // the limit
    let read = OpenedCode::from_evidence(&forged).unwrap();
    assert!(read.verify(&key, &world.issuer, Mode::Live, Some(&TERMINAL)).is_err());
}

#[test]
fn a_code_is_current_from_one_step_before_to_one_step_after() {
    let now = Timestamp::from_unix_seconds(3000);
    for (number, freshness) in [
        (98, Freshness::Expired),
        (99, Freshness::Current),
        (100, Freshness::Current),
        (101, Freshness::Current),
        (102, Freshness::Ahead),
        (0, Freshness::Expired),
        (u32::MAX, Freshness::Ahead),
    ] {
        assert_eq!(Freshness::of(Step::from_number(number), now), freshness, "{number}");
    }
}

#[test]
fn debug_output_shows_neither_digits_nor_claims() {
    let mut world = World::new(14, Mode::Live);
    let code = world.device.make_code(world.now, 0, &terms(), &mut world.rng).unwrap();
    assert_eq!(format!("{code:?}"), "PaymentCode(321 digits)");
    let sealed = SealedCode::parse(code.digits(), CodePrefix::DEFAULT).unwrap();
    let header = "Header { version: 1, kind: 1, slot: Slot(0) }";
    assert_eq!(format!("{sealed:?}"), format!("SealedCode({header})"));
    let opened = world.open(code.digits(), Mode::Live).unwrap();
    assert_eq!(format!("{opened:?}"), "OpenedCode(unverified)");
}
