use ct_merkle::mem_backed_tree::MemoryBackedTree;
use proptest::prelude::*;
use sha2::Sha256;

use super::{
    Checkpoint, InclusionProof, SignedCheckpoint, TreeHash, verifier_key, verify_consistency,
};
use crate::keys::{IssuerId, SigningKey};
use crate::receipt::{PaymentState, Receipt, Record, RecordKind};
use crate::{Currency, Mode, Money, Timestamp};

/// A tree of another implementation.
type Tree = MemoryBackedTree<Sha256, Vec<u8>>;

fn tree(entries: impl IntoIterator<Item = Vec<u8>>) -> Tree {
    let mut tree = Tree::new();
    entries.into_iter().for_each(|entry| tree.push(entry));
    tree
}

fn root(tree: &Tree) -> TreeHash {
    (*tree.root().as_bytes()).into()
}

fn hashes(bytes: &[u8]) -> Vec<TreeHash> {
    bytes.chunks(32).map(|chunk| chunk.try_into().unwrap()).collect()
}

fn key() -> SigningKey {
    SigningKey::from_seed(&[1; 32])
}

fn issuer() -> IssuerId {
    key().public_key().root_issuer_id()
}

fn record(number: u8) -> Record {
    let amount = Money::from_minor(i64::from(number) + 1, Currency::from_code("CNY").unwrap());
    Record {
        mode: Mode::Live,
        kind: RecordKind::Payment,
        state: PaymentState::Succeeded,
        subject: [number; 16],
        merchant: [2; 16],
        decided_at: Timestamp::from_unix_millis(1_800_000_000_000),
        asked: amount,
        settled: amount,
        reference_hash: [3; 32],
        books_hash: [4; 32],
    }
}

/// A journal of batches with these many records each, and the proof of one record in it.
fn proof(batches: &[u8], batch: usize, number: u8) -> InclusionProof {
    let trees: Vec<Tree> = batches
        .iter()
        .map(|count| tree((0..*count).map(|number| record(number).to_bytes().to_vec())))
        .collect();
    let journal = tree(trees.iter().map(|tree| root(tree).to_vec()));
    let checkpoint =
        Checkpoint { issuer: issuer(), size: journal.len(), root: root(&journal) }.sign(&key());
    InclusionProof {
        position: u64::try_from(batch).unwrap() + 1,
        record: number.into(),
        records: batches[batch].into(),
        batch_path: hashes(trees[batch].prove_inclusion(number.into()).as_bytes()),
        journal_path: hashes(journal.prove_inclusion(batch).as_bytes()),
        checkpoint: checkpoint.to_string(),
    }
}

fn verify(proof: &InclusionProof, record: &Record) -> Result<u64, &'static str> {
    let included = proof.verify(record, &issuer(), &[key().public_key()]);
    included.map(|included| included.position).map_err(|error| error.code())
}

proptest! {
    #[test]
    fn a_record_is_proved_at_its_place_and_nowhere_else(
        batches in prop::collection::vec(1_u8..12, 1..40), at in 0_usize..40, number in 0_u8..12,
        moved in 1_u64..50, flipped in 0_usize..8,
    ) {
        let at = at % batches.len();
        let number = number % batches[at];
        let honest = proof(&batches, at, number);
        prop_assert_eq!(InclusionProof::from_bytes(&honest.to_bytes()), Ok(honest.clone()));
        prop_assert_eq!(verify(&honest, &record(number)), Ok(honest.position));

        let lie = |proof: InclusionProof| verify(&proof, &record(number));
        let refused = Err("proof_not_included");
        prop_assert_eq!(verify(&honest, &record(number + 1)), refused);
        // A batch with the same records is the same leaf, and may have the same path.
        let there = at + usize::try_from(moved).unwrap();
        if batches.get(there) != Some(&batches[at]) {
            let elsewhere = InclusionProof { position: honest.position + moved, ..honest.clone() };
            prop_assert_eq!(lie(elsewhere), refused);
        }
        prop_assert_eq!(lie(InclusionProof { position: 0, ..honest.clone() }), refused);
        prop_assert_eq!(lie(InclusionProof { records: 0, ..honest.clone() }), refused);
        let mut longer = honest.clone();
        longer.journal_path.push([0; 32]);
        prop_assert_eq!(lie(longer), refused);
        for path in [0, 1] {
            let mut altered = honest.clone();
            let path = if path == 0 { &mut altered.batch_path } else { &mut altered.journal_path };
            if let Some(hash) = path.get_mut(flipped) {
                hash[flipped] ^= 1;
                prop_assert_eq!(lie(altered), refused);
            }
        }
    }

    #[test]
    fn a_journal_is_consistent_with_what_it_has_grown_from_and_with_nothing_else(
        older in 1_usize..80, more in 0_usize..80, changed in 0_usize..80,
    ) {
        let entry = |number: usize| number.to_be_bytes().to_vec();
        let checkpoint = |tree: &Tree| Checkpoint { issuer: issuer(), size: tree.len(), root: root(tree) };
        let before = checkpoint(&tree((0..older).map(entry)));
        let grown = tree((0..older + more).map(entry));
        let path = hashes(grown.prove_consistency(more).as_bytes());
        prop_assert!(verify_consistency(&before, &checkpoint(&grown), &path).is_ok());

        let forged = changed % older;
        let rewritten = tree((0..older + more).map(|number| {
            if number == forged { b"another".to_vec() } else { entry(number) }
        }));
        let path = hashes(rewritten.prove_consistency(more).as_bytes());
        let refused = verify_consistency(&before, &checkpoint(&rewritten), &path).unwrap_err();
        prop_assert_eq!(refused.code(), "checkpoints_inconsistent");
    }

    #[test]
    fn no_bytes_and_no_text_upset_the_readers(bytes in prop::collection::vec(any::<u8>(), 0..300),
        text in "\\PC{0,80}\n{0,3}— \\PC{0,40}\n?") {
        if let Ok(proof) = InclusionProof::from_bytes(&bytes) {
            prop_assert_eq!(proof.to_bytes(), bytes);
        }
        drop(SignedCheckpoint::parse(&text));
    }
}

#[test]
fn a_journal_that_shrank_is_no_continuation() {
    let checkpoint = |size| Checkpoint { issuer: issuer(), size, root: [9; 32] };
    let refused = |older: &Checkpoint, newer: &Checkpoint| {
        verify_consistency(older, newer, &[]).unwrap_err().code()
    };
    assert_eq!(refused(&checkpoint(5), &checkpoint(4)), "checkpoints_inconsistent");
    let other = Checkpoint { root: [8; 32], ..checkpoint(5) };
    assert_eq!(refused(&checkpoint(5), &other), "checkpoints_inconsistent");
    let stranger = Checkpoint { issuer: IssuerId::from_bytes([7; 32]), ..checkpoint(5) };
    assert_eq!(refused(&checkpoint(5), &stranger), "checkpoints_inconsistent");
    verify_consistency(&checkpoint(5), &checkpoint(5), &[]).unwrap();
    verify_consistency(&checkpoint(0), &checkpoint(5), &[]).unwrap();
}

fn signed() -> String {
    Checkpoint { issuer: issuer(), size: 42, root: [5; 32] }.sign(&key()).to_string()
}

#[test]
fn every_altered_character_of_a_checkpoint_is_refused() {
    let note = signed();
    let keys = [key().public_key()];
    let read = SignedCheckpoint::parse(&note).unwrap().verify(&issuer(), &keys).unwrap();
    assert_eq!(read.checkpoint().size, 42);
    assert_eq!(read.to_string(), note);
    for (at, character) in note.char_indices() {
        let other = if character == '1' { '2' } else { '1' };
        let altered = format!("{}{other}{}", &note[..at], &note[at + character.len_utf8()..]);
        let refused = SignedCheckpoint::parse(&altered)
            .and_then(|unverified| unverified.verify(&issuer(), &keys));
        assert!(refused.is_err(), "{at}: {altered}");
    }
}

#[test]
fn a_checkpoint_needs_a_key_of_its_issuer_and_may_have_other_signatures() {
    let stranger = SigningKey::from_seed(&[2; 32]);
    let code = |note: &str, keys: &[&SigningKey]| {
        let keys: Vec<_> = keys.iter().map(|key| key.public_key()).collect();
        let verified = SignedCheckpoint::parse(note).and_then(|note| note.verify(&issuer(), &keys));
        verified.map_or_else(|error| error.code(), |_| "fine")
    };
    assert_eq!(code(&signed(), &[&stranger]), "checkpoint_unknown_key");
    assert_eq!(code(&signed(), &[&stranger, &key()]), "fine");
    let witnessed = format!("{}\u{2014} witness.example AAAAAAAA\n", signed());
    assert_eq!(code(&witnessed, &[&key()]), "fine");
    // A key that signs under the name, but is not one that is trusted.
    let forged = Checkpoint { issuer: issuer(), size: 43, root: [5; 32] }.sign(&stranger);
    assert_eq!(code(&forged.to_string(), &[&key()]), "checkpoint_unknown_key");
    let (text, signature) = (forged.to_string(), signed());
    let (text, signature) = (text.split_once("\n\n").unwrap(), signature.split_once("\n\n"));
    let moved = format!("{}\n\n{}", text.0, signature.unwrap().1);
    assert_eq!(code(&moved, &[&key()]), "checkpoint_bad_signature");
    let other = SignedCheckpoint::parse(&signed()).unwrap();
    let refused = other.verify(&IssuerId::from_bytes([7; 32]), &[]).unwrap_err();
    assert_eq!(refused.code(), "checkpoint_other_issuer");
}

#[test]
fn what_is_not_a_checkpoint_is_refused() {
    let note = signed();
    let size = |size: &str| note.replacen("\n42\n", &format!("\n{size}\n"), 1);
    for text in [
        "",
        "\n",
        "\n\n",
        note.trim_end(),
        &note[1..],
        &note.replace("\n\n", "\n"),
        &note.replace('\u{2014}', "-"),
        &note.replacen("\n42", "\n42\r", 1),
        &size("042"),
        &size("+42"),
        &size("-1"),
        &size("4611686018427387905"),
        &note.replacen("\n42\n", "\n42\nBQUF", 1),
        &format!("{note}{}", "\u{2014} a b\n".repeat(16)),
        &format!("{note}{}", "x".repeat(3000)),
    ] {
        let refused = SignedCheckpoint::parse(text).unwrap_err();
        assert_eq!(refused.code(), "invalid_checkpoint", "{text:?}");
    }
}

#[test]
fn a_receipt_carries_its_proof_and_verifies_with_it_offline() {
    let keys = [key().public_key()];
    let receipt = Receipt::sign(&record(2), &issuer(), &key());
    let error = receipt.verify_inclusion(&issuer(), &keys).unwrap_err();
    assert_eq!(error.code(), "receipt_without_proof");
    let text = receipt.with_proof(&proof(&[3, 5, 1], 1, 2)).to_string();
    let receipt = Receipt::parse(&text).unwrap().verify(&issuer(), &keys).unwrap();
    let included = receipt.verify_inclusion(&issuer(), &keys).unwrap();
    assert_eq!((included.position, included.checkpoint.checkpoint().size), (2, 3));
    let other = Receipt::sign(&record(1), &issuer(), &key()).with_proof(&proof(&[3, 5, 1], 1, 2));
    let error = other.verify_inclusion(&issuer(), &keys).unwrap_err();
    assert_eq!(error.code(), "proof_not_included");
}

#[test]
fn a_key_has_the_form_that_other_tools_for_signed_notes_take() {
    let text = verifier_key(&issuer(), &key().public_key());
    let mut parts = text.split('+');
    assert_eq!(parts.next(), Some(format!("wallet-journal/1/{}", issuer()).as_str()));
    assert_eq!(parts.next().map(str::len), Some(8));
    assert!(parts.next().is_some());
}
