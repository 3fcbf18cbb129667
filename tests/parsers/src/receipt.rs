//! Receipts, and the records in them.

use std::sync::LazyLock;

use base64ct::{Base64UrlUnpadded, Encoding};
use wallet_core::receipt::{PaymentState, Receipt, Record, RecordKind};
use wallet_core::{Currency, Mode, Money};

use crate::world::{NOW, World};

static KNOWN: LazyLock<(World, Receipt)> = LazyLock::new(|| {
    let world = World::new();
    let receipt = Receipt::sign(&record(), &world.issuer, &world.root);
    (world, receipt)
});

fn record() -> Record {
    let yuan = Currency::from_code("CNY").unwrap();
    Record {
        mode: Mode::Live,
        kind: RecordKind::Payment,
        state: PaymentState::Succeeded,
        subject: [1; 16],
        merchant: [2; 16],
        decided_at: NOW,
        asked: Money::from_minor(1250, yuan),
        settled: Money::from_minor(1250, yuan),
        reference_hash: Record::reference_hash("order-1"),
        books_hash: [3; 32],
    }
}

/// A record and a receipt have one form, and only what the issuer signed verifies.
pub fn check(bytes: &[u8]) {
    if let Ok(text) = std::str::from_utf8(bytes) {
        check_text(text);
    }
    check_text(&Base64UrlUnpadded::encode_string(bytes));
    if let Ok(bytes) = bytes.try_into()
        && let Ok(record) = Record::from_bytes(bytes)
    {
        assert_eq!(record.to_bytes(), *bytes);
        assert!(record.asked.minor() >= 0 && record.settled.minor() >= 0);
    }
}

fn check_text(text: &str) {
    let (world, known) = &*KNOWN;
    let Ok(unverified) = Receipt::parse(text) else { return };
    if let Ok(receipt) = unverified.verify(&world.issuer, &[world.root.public_key()]) {
        assert_eq!(receipt.to_string(), text);
        assert_eq!(receipt.record(), known.record());
    }
}

/// A receipt as text and as bytes, one with a proof behind it, and a record.
#[must_use]
pub fn seeds() -> Vec<Vec<u8>> {
    let text = KNOWN.1.to_string();
    let bytes = Base64UrlUnpadded::decode_vec(&text).unwrap();
    let mut proven = bytes.clone();
    let length = proven.len() - 2;
    proven[length..].copy_from_slice(&64_u16.to_be_bytes());
    proven.extend([5; 64]);
    vec![text.into_bytes(), bytes, proven, record().to_bytes().to_vec()]
}
