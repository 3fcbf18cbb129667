//! What the journal commits to: hashes over the books.

use sha2::{Digest, Sha256};
use wallet_core::receipt::Record;

use super::ids::TransferId;
use super::ledger::{Bucket, Entry, Transfer};
use super::tree;

const EVIDENCE_DOMAIN: &[u8] = b"wallet-books/1\0";
const MOVEMENT_DOMAIN: &[u8] = b"wallet-books/2\0";

/// Ties a record to its ledger entries and its evidence.
///
/// SHA-256 of the domain `wallet-books/1` NUL, then for each entry account (16 bytes), shard (2),
/// bucket (1: 0 available, 1 held), currency (2) and amount (8, signed), then SHA-256 of the
/// evidence as it is kept, or of nothing. Integers are big-endian.
///
/// Merchants see it in their receipts. Evidence is encrypted with a nonce of its own, so it hides
/// the accounts; where money moves without evidence, [`movement_hash`] does.
#[must_use]
pub fn books_hash(entries: &[Entry], evidence: &[u8]) -> [u8; 32] {
    let mut hash = Sha256::new().chain_update(EVIDENCE_DOMAIN);
    add(&mut hash, entries);
    hash.chain_update(Sha256::digest(evidence)).finalize().into()
}

/// Ties a record to a movement of money that has no evidence.
///
/// SHA-256 of the domain `wallet-books/2` NUL, the transfer's id (16 bytes), then its entries as for
/// [`books_hash`]. Without the id, of which 74 bits are random and which no merchant is shown, two
/// movements of one payer and one amount would have one hash, by which merchants could recognise
/// the payer.
#[must_use]
pub fn movement_hash(transfer: TransferId, entries: &[Entry]) -> [u8; 32] {
    let mut hash = Sha256::new().chain_update(MOVEMENT_DOMAIN);
    hash.update(transfer.as_bytes());
    add(&mut hash, entries);
    hash.finalize().into()
}

/// Ties a record that has no evidence to what moved, if anything did.
#[must_use]
pub fn moved_hash(transfer: Option<&Transfer>) -> [u8; 32] {
    transfer.map_or_else(
        || books_hash(&[], &[]),
        |transfer| movement_hash(transfer.id(), transfer.entries()),
    )
}

fn add(hash: &mut Sha256, entries: &[Entry]) {
    for entry in entries {
        let bucket = match entry.bucket {
            Bucket::Available => 0,
            Bucket::Held => 1,
        };
        hash.update(entry.account.as_bytes());
        hash.update(entry.shard.0.to_be_bytes());
        hash.update([bucket]);
        hash.update(entry.amount.currency().numeric().to_be_bytes());
        hash.update(entry.amount.minor().to_be_bytes());
    }
}

/// The Merkle tree hash (RFC 6962, section 2.1) over a batch's records: the journal's leaf.
///
/// Each record can later be proved to be in the journal without showing the others.
#[must_use]
pub fn merkle_root<'a>(records: impl IntoIterator<Item = &'a Record>) -> [u8; 32] {
    let leaves: Vec<[u8; 32]> =
        records.into_iter().map(|record| tree::leaf_hash(&record.to_bytes())).collect();
    tree::root(&leaves)
}

#[cfg(test)]
mod tests {
    use crate::domain::tree::root as subtree;

    /// Roots of RFC 6962 trees over the well-known test leaves of Certificate Transparency.
    #[test]
    fn roots_are_those_of_certificate_transparency() {
        use sha2::{Digest, Sha256};
        let inputs: [&[u8]; 8] = [
            b"",
            &[0x00],
            &[0x10],
            &[0x20, 0x21],
            &[0x30, 0x31],
            &[0x40, 0x41, 0x42, 0x43],
            &[0x50, 0x51, 0x52, 0x53, 0x54, 0x55, 0x56, 0x57],
            &[
                0x60, 0x61, 0x62, 0x63, 0x64, 0x65, 0x66, 0x67, 0x68, 0x69, 0x6a, 0x6b, 0x6c, 0x6d,
                0x6e, 0x6f,
            ],
        ];
        let leaves: Vec<[u8; 32]> = inputs
            .iter()
            .map(|input| Sha256::new().chain_update([0]).chain_update(input).finalize().into())
            .collect();
        for (count, root) in [
            (0, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
            (1, "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"),
            (2, "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"),
            (3, "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77"),
            (8, "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"),
        ] {
            assert_eq!(base16ct::lower::encode_string(&subtree(&leaves[..count])), root);
        }
    }
}
