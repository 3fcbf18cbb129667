//! Checkpoints and proofs are those of an implementation that shares nothing with ours.

use serde::Deserialize;
use wallet_core::proof::{
    Checkpoint, InclusionProof, SignedCheckpoint, TreeHash, verifier_key, verify_consistency,
};
use wallet_core::receipt::Receipt;
use wallet_core::{IssuerId, SigningKey};

const TEXT: &str = include_str!("../vectors/journal.json");

#[derive(Deserialize)]
struct Vectors {
    issuer: String,
    seed: String,
    verifier_key: String,
    checkpoints: Vec<String>,
    receipts: Vec<Proved>,
    growth: Vec<Growth>,
}

#[derive(Deserialize)]
struct Proved {
    position: u64,
    size: u64,
    receipt: String,
}

#[derive(Deserialize)]
struct Growth {
    from: usize,
    to: usize,
    hashes: Vec<String>,
}

fn hash(digits: &str) -> [u8; 32] {
    base16ct::lower::decode_vec(digits).unwrap().try_into().unwrap()
}

struct Read {
    vectors: Vectors,
    key: SigningKey,
    issuer: IssuerId,
    checkpoints: Vec<Checkpoint>,
}

fn read() -> Read {
    let vectors: Vectors = serde_json::from_str(TEXT).unwrap();
    let key = SigningKey::from_seed(&hash(&vectors.seed));
    let issuer = IssuerId::from_hex(&vectors.issuer).unwrap();
    let checkpoint = |note: &String| {
        let read = SignedCheckpoint::parse(note).unwrap();
        *read.verify(&issuer, &[key.public_key()]).unwrap().checkpoint()
    };
    let checkpoints = vectors.checkpoints.iter().map(checkpoint).collect();
    Read { vectors, key, issuer, checkpoints }
}

#[test]
fn checkpoints_are_signed_to_the_byte_as_the_other_implementation_signs_them() {
    let Read { vectors, key, issuer, checkpoints } = read();
    for (checkpoint, note) in checkpoints.iter().zip(&vectors.checkpoints) {
        assert_eq!(checkpoint.sign(&key).to_string(), *note);
    }
    assert_eq!(verifier_key(&issuer, &key.public_key()), vectors.verifier_key);
}

#[test]
fn receipts_with_proofs_of_the_other_implementation_verify() {
    let Read { vectors, key, issuer, .. } = read();
    let keys = [key.public_key()];
    assert!(vectors.receipts.len() > 20);
    for Proved { position, size, receipt } in &vectors.receipts {
        let read = Receipt::parse(receipt).unwrap().verify(&issuer, &keys).unwrap();
        assert_eq!(read.to_string(), *receipt);
        let included = read.verify_inclusion(&issuer, &keys).unwrap();
        assert_eq!((included.position, included.checkpoint.checkpoint().size), (*position, *size));
        let proof = InclusionProof::from_bytes(read.proof()).unwrap();
        assert_eq!(proof.to_bytes(), read.proof());
        let moved = InclusionProof { position: position + 1, ..proof };
        assert!(moved.verify(read.record(), &issuer, &keys).is_err());
    }
}

#[test]
fn growth_that_the_other_implementation_proves_verifies_between_these_two_sizes_alone() {
    let Read { vectors, checkpoints, .. } = read();
    for Growth { from, to, hashes } in &vectors.growth {
        let path: Vec<TreeHash> = hashes.iter().map(|digits| hash(digits)).collect();
        let (older, newer) = (&checkpoints[from - 1], &checkpoints[to - 1]);
        verify_consistency(older, newer, &path).unwrap();
        for other in checkpoints.iter().filter(|other| other.size != older.size) {
            assert!(verify_consistency(other, newer, &path).is_err(), "{from} to {to}");
        }
    }
}
