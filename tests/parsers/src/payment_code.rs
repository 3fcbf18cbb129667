//! The digits of a payment code, and the evidence that is kept of it.

use std::sync::LazyLock;

use wallet_core::Mode;
use wallet_core::code::{CodePrefix, EVIDENCE_LENGTH, OpenedCode, SealedCode};

use crate::world::{NOW, TERMINAL, World};

/// The world, its codes, and the evidence of them.
static KNOWN: LazyLock<(World, [String; 2], [[u8; EVIDENCE_LENGTH]; 2])> = LazyLock::new(|| {
    let world = World::new();
    let codes = world.codes();
    let evidence = codes.each_ref().map(|code| open(&world, code).unwrap().to_evidence());
    (world, codes, evidence)
});

/// Digits have one text, and only what the device made opens and verifies.
pub fn check(bytes: &[u8]) {
    let (world, codes, evidence) = &*KNOWN;
    if let Ok(text) = std::str::from_utf8(bytes) {
        check_text(text, world, codes);
    }
    if let Ok(bytes) = bytes.try_into()
        && let Ok(opened) = OpenedCode::from_evidence(bytes)
    {
        assert_eq!(opened.to_evidence(), *bytes);
        assert!(!verifies(world, &opened) || evidence.contains(bytes));
    }
}

fn check_text(text: &str, world: &World, codes: &[String]) {
    let Ok(sealed) = SealedCode::parse_any_prefix(text) else { return };
    assert_eq!(digits(&text[..2], sealed.as_bytes()), text);
    assert_eq!((sealed.version(), sealed.kind()), (1, 1));
    let ours = SealedCode::parse(text, CodePrefix::DEFAULT);
    assert_eq!(ours.is_ok(), text.starts_with("70"));
    if let Some(opened) = open(world, text) {
        assert!(!verifies(world, &opened) || codes.iter().any(|code| code[2..] == text[2..]));
    }
}

fn open(world: &World, text: &str) -> Option<OpenedCode> {
    let sealed = SealedCode::parse_any_prefix(text).ok()?;
    sealed.open(&world.sealing, &world.issuer, Mode::Live, NOW).ok()
}

fn verifies(world: &World, opened: &OpenedCode) -> bool {
    let key = world.device.key().public_key();
    opened.verify(&key, &world.issuer, Mode::Live, Some(&TERMINAL)).is_ok()
}

/// The text of a code by the specification: 12 bytes are 29 digits.
fn digits(prefix: &str, bytes: &[u8]) -> String {
    let chunks = bytes.chunks(12).map(|chunk| {
        let number = chunk.iter().fold(0_u128, |number, byte| number << 8 | u128::from(*byte));
        format!("{number:029}")
    });
    std::iter::once(prefix.to_owned()).chain(chunks).collect()
}

/// Codes, and evidence.
#[must_use]
pub fn seeds() -> Vec<Vec<u8>> {
    let (_, codes, evidence) = &*KNOWN;
    let codes = codes.iter().map(|code| code.clone().into_bytes());
    codes.chain(evidence.iter().map(|bytes| bytes.to_vec())).collect()
}
