//! The codes that our own merchants show, which the issuer signs.
//!
//! Nobody but the issuer can make a text with a right signature, and neither can a fuzzer. So what
//! any text says is also signed here, and read again.

use std::sync::LazyLock;

use wallet_core::emv::{Payload, Strictness};
use wallet_core::merchant_code::{
    City, Country, Label, MerchantCategory, MerchantCode, MerchantName, PrintedAmount, Purpose,
    Reading, Suspicion,
};
use wallet_core::{Currency, IssuerId, Mode, Money, PositiveMoney, SigningPublicKey};

use crate::emv::sealed;
use crate::world::World;

/// How the templates with the signature begin.
const SIGNATURE: &str = "82800014F057414C4C4554";

static WORLD: LazyLock<World> = LazyLock::new(World::new);

/// What verifies is what was signed, to the letter and in its mode; what the issuer did not sign is
/// suspicious or another's; and whatever a code says can be signed and read.
pub fn check(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    check_text(&WORLD, text);
    check_text(&WORLD, &sealed(text));
}

fn check_text(world: &World, text: &str) {
    let keys = [world.root.public_key()];
    let strict = Payload::parse(text, Strictness::Strict);
    for mode in [Mode::Live, Mode::Test] {
        match MerchantCode::read(text, &world.issuer, &keys, mode) {
            Ok(Reading::Signed(code)) => {
                assert_eq!(code.sign(&world.issuer, mode, &world.root), text);
                let is_signed = codes().iter().any(|signed| is_written(signed, &code));
                assert!(is_signed, "nobody signed this: {text}");
                check_signed(world, text, mode);
            }
            // Only the issuer writes a key's id and a signature for it.
            Ok(Reading::Suspicious(Suspicion::OtherMode)) => {
                assert!(is_signed(world, text, &keys, other(mode)), "{text}");
            }
            Ok(Reading::Suspicious(suspicion)) => assert!(!suspicion.as_str().is_empty()),
            Ok(Reading::OtherIssuer(payload) | Reading::OtherScheme(payload)) => {
                assert_eq!(Some(&payload), strict.as_ref().ok());
            }
            Err(violation) => assert_eq!(Some(violation), strict.clone().err()),
        }
    }
    let Some(code) = strict.as_ref().ok().and_then(MerchantCode::unverified) else { return };
    for mode in [Mode::Live, Mode::Test] {
        let signed = code.sign(&world.issuer, mode, &world.root);
        let Ok(Reading::Signed(read)) = MerchantCode::read(&signed, &world.issuer, &keys, mode)
        else {
            panic!("this was signed: {signed}");
        };
        assert!(is_written(&code, &read), "{signed}");
        check_signed(world, &signed, mode);
    }
}

/// Whether this is what can be read of a code: it leaves out a label that it has no room for.
fn is_written(code: &MerchantCode, read: &MerchantCode) -> bool {
    read == code || *read == MerchantCode { label: None, ..code.clone() }
}

fn other(mode: Mode) -> Mode {
    match mode {
        Mode::Live => Mode::Test,
        Mode::Test => Mode::Live,
    }
}

fn is_signed(world: &World, text: &str, keys: &[SigningPublicKey], mode: Mode) -> bool {
    let read = MerchantCode::read(text, &world.issuer, keys, mode);
    matches!(read, Ok(Reading::Signed(_)))
}

/// A signed text is worth nothing without the key, in the other mode, and elsewhere.
fn check_signed(world: &World, text: &str, mode: Mode) {
    let keys = [world.root.public_key()];
    let read = |issuer: &IssuerId, keys: &[SigningPublicKey], mode| {
        MerchantCode::read(text, issuer, keys, mode).unwrap()
    };
    let suspicious = Reading::Suspicious;
    assert_eq!(read(&world.issuer, &[], mode), suspicious(Suspicion::UnknownKey));
    assert_eq!(read(&world.issuer, &keys, other(mode)), suspicious(Suspicion::OtherMode));
    let elsewhere = read(&IssuerId::from_bytes([1; 32]), &keys, mode);
    assert!(matches!(elsewhere, Reading::OtherIssuer(_)), "{elsewhere:?}");
    let payload = Payload::parse(text, Strictness::Strict).unwrap();
    assert!(payload.findings().is_empty() && payload.to_string() == text, "{text}");
}

/// All that the issuer ever signs here.
fn codes() -> [MerchantCode; 3] {
    let yuan = Currency::from_code("CNY").unwrap();
    let amount = PositiveMoney::new(Money::from_minor(1_250, yuan)).unwrap();
    let amount = PrintedAmount::new(amount).unwrap();
    let plate = MerchantCode {
        purpose: Purpose::OpenPlate(yuan),
        id: [1; 16],
        merchant: [2; 16],
        name: MerchantName::parse("张记面馆").unwrap(),
        category: MerchantCategory::parse("5812").unwrap(),
        country: Country::parse("CN").unwrap(),
        city: City::parse("Chengdu").unwrap(),
        label: None,
    };
    let order = MerchantCode {
        purpose: Purpose::Order(amount),
        name: MerchantName::parse("Tea House").unwrap(),
        label: Some(Label::parse("Table 4").unwrap()),
        ..plate.clone()
    };
    let fixed = MerchantCode {
        purpose: Purpose::FixedPlate(amount),
        name: MerchantName::parse(&"long name ".repeat(10)).unwrap(),
        label: Some(Label::parse("Table 4, at the window").unwrap()),
        ..plate.clone()
    };
    [plate, order, fixed]
}

/// Each of them as it is shown, in both modes; without its signature; and with another's.
#[must_use]
pub fn seeds() -> Vec<Vec<u8>> {
    let signed = codes().map(|code| {
        [Mode::Live, Mode::Test].map(|mode| code.sign(&WORLD.issuer, mode, &WORLD.root))
    });
    let signed = signed.concat();
    let parts = |text: &str| {
        let (unsigned, seal) = text.split_once(SIGNATURE).unwrap();
        (unsigned.to_owned(), format!("{SIGNATURE}{}", seal.split_at(seal.len() - 8).0))
    };
    let (plate, order) = (parts(&signed[0]), parts(&signed[2]));
    let texts = signed.iter().cloned().chain([order.0 + &plate.1, plate.0]);
    texts.map(String::into_bytes).collect()
}
