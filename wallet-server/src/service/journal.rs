//! Proofs from the journal, for whoever holds a receipt or kept a checkpoint.

use wallet_core::proof::InclusionProof;
use wallet_core::receipt::Receipt;
use wallet_core::{Error, proof::TreeHash};

use super::App;
use crate::domain::tree;
use crate::store::{KeptCheckpoint, StoreError};

/// A receipt with the proof of its place.
#[derive(Debug)]
pub struct ProvedReceipt {
    /// The receipt, with the proof in it.
    pub receipt: Receipt,
    /// The position of its batch.
    pub position: u64,
    /// The checkpoint that the proof leads to.
    pub checkpoint: KeptCheckpoint,
}

/// Why there is no proof.
#[derive(Debug)]
pub enum NotProved {
    /// The text is not a receipt of this issuer.
    NotOurs(Error),
    /// The issuer signed it, but the books do not have it.
    Unknown,
    /// No checkpoint is about it yet: one will be within seconds.
    NotYet,
    /// The database.
    Store(StoreError),
}

impl From<StoreError> for NotProved {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl App {
    /// Proves that a receipt stands in the journal.
    ///
    /// # Errors
    /// [`NotProved`].
    pub async fn prove_receipt(&self, text: &str) -> Result<ProvedReceipt, NotProved> {
        let keys = self.keys.public();
        let receipt = Receipt::parse(text)
            .and_then(|receipt| receipt.verify(&keys.issuer_id, &keys.signing))
            .map_err(NotProved::NotOurs)?;
        let placed = self.store.place_of_record(receipt.record()).await?;
        let placed = placed.ok_or(NotProved::Unknown)?;
        let checkpoint = self.store.latest_checkpoint().await?.ok_or(NotProved::NotYet)?;
        let position = placed.position.filter(|position| *position <= checkpoint.size);
        let position = position.ok_or(NotProved::NotYet)?;
        let ranges = tree::inclusion_ranges(position - 1, checkpoint.size);
        let count = |count: usize| {
            u32::try_from(count).map_err(|_| StoreError::Corrupt("the records of a batch"))
        };
        let proof = InclusionProof {
            position,
            record: count(placed.number)?,
            records: count(placed.leaves.len())?,
            batch_path: tree::path(&placed.leaves, placed.number),
            journal_path: self.store.tree_roots(&ranges).await?,
            checkpoint: checkpoint.note.clone(),
        };
        Ok(ProvedReceipt { receipt: receipt.with_proof(&proof), position, checkpoint })
    }

    /// Proves that the journal of one size is that of an older one, grown. Both are at least 1 and
    /// the newer one no larger than the latest checkpoint's.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn prove_growth(&self, older: u64, newer: u64) -> Result<Vec<TreeHash>, StoreError> {
        self.store.tree_roots(&tree::consistency_ranges(older, newer)).await
    }
}
