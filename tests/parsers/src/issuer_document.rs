//! The document in which an issuer certifies its keys.

use std::sync::LazyLock;

use base64ct::{Base64UrlUnpadded, Encoding};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use wallet_core::code::CodePrefix;
use wallet_core::issuer::{IssuerDocument, IssuerStatement, StatedSealingKey, StatedSigningKey};
use wallet_core::{SigningKey, Timestamp};

use crate::world::{NOW, World};

static KNOWN: LazyLock<(World, [String; 2])> = LazyLock::new(|| {
    let world = World::new();
    let documents = documents(&world);
    (world, documents)
});

/// A document has one text, and only what the root key signed verifies.
///
/// The bytes are taken as a text, and as what a text stands for, which a change to one byte leaves
/// a text.
pub fn check(bytes: &[u8]) {
    if let Ok(text) = std::str::from_utf8(bytes) {
        check_text(text);
    }
    check_text(&Base64UrlUnpadded::encode_string(bytes));
}

fn check_text(text: &str) {
    let (world, documents) = &*KNOWN;
    let Ok(unverified) = IssuerDocument::parse(text) else { return };
    let expected = unverified.claimed_issuer_id();
    if let Ok(document) = unverified.verify(&expected) {
        assert_eq!(document.to_string(), text);
        assert!(expected != world.issuer || documents.iter().any(|known| known == text));
    }
}

/// One document with a key of each kind, and one with nothing in it.
fn documents(world: &World) -> [String; 2] {
    let next = SigningKey::generate(&mut ChaCha20Rng::seed_from_u64(3)).public_key();
    let sealing_keys = world.sealing.keys().iter().map(|key| StatedSealingKey {
        slot: key.slot(),
        key: key.public_key(),
        created_at: key.created_at(),
        retires_at: key.retires_at(),
        current: true,
    });
    let root = world.root.public_key();
    let signing_keys = vec![
        StatedSigningKey { key: root, effective_at: Timestamp::from_unix_millis(0) },
        StatedSigningKey { key: next, effective_at: NOW },
    ];
    let statement = IssuerStatement {
        issued_at: NOW,
        prefix: CodePrefix::DEFAULT,
        sealing_keys: sealing_keys.collect(),
        signing_keys,
    };
    let nothing =
        IssuerStatement { sealing_keys: Vec::new(), signing_keys: Vec::new(), ..statement.clone() };
    [statement, nothing].map(|statement| IssuerDocument::sign(statement, &world.root).to_string())
}

/// Documents, as texts and as bytes.
#[must_use]
pub fn seeds() -> Vec<Vec<u8>> {
    let texts = KNOWN.1.iter().map(|text| text.clone().into_bytes());
    let bytes = KNOWN.1.iter().map(|text| Base64UrlUnpadded::decode_vec(text).unwrap());
    texts.chain(bytes).collect()
}
