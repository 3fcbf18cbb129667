//! The journal for other programs: as a ledger for hledger, which checks the books by itself, and as
//! CSV.
//!
//! Written as it is read, in the order of the journal, with a bounded number of rows in memory. No
//! name is in it: accounts are called by what they are and by their ids. What was committed after
//! it began is not in it, also where a server runs beside it.

mod csv;
mod hledger;

use std::io;

use super::audit::Batches;
use crate::domain::ids::AccountId;
use crate::store::{AuditedBalance, Store, StoreError};

/// How to write it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ExportFormat {
    /// Transactions in the format of hledger, ledger and beancount's kin, which end with what each
    /// account must hold: `hledger check --strict` compares the sum of all entries with the balances.
    Hledger,
    /// A line for each entry.
    Csv,
}

/// Why an export ended early.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Where it was written to.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Writes everything that has a position in the journal; returns the last position.
///
/// # Errors
/// [`ExportError`].
pub async fn export_books(
    store: &Store,
    format: ExportFormat,
    to: &mut (impl io::Write + ?Sized),
) -> Result<u64, ExportError> {
    let end = store.journal_end().await?.position;
    let end = u64::try_from(end).map_err(|_| StoreError::Corrupt("a position"))?;
    match format {
        ExportFormat::Hledger => hledger(store, end, to).await?,
        ExportFormat::Csv => {
            writeln!(to, "{}", csv::HEAD)?;
            let mut batches = Batches::between(store, 0, end);
            while let Some(batch) = batches.next().await? {
                csv::batch(&batch, to)?;
            }
        }
    }
    to.flush()?;
    Ok(end)
}

async fn hledger(
    store: &Store,
    end: u64,
    to: &mut (impl io::Write + ?Sized),
) -> Result<(), ExportError> {
    writeln!(to, "; The journal up to position {end}.\n")?;
    let mut currencies = std::collections::BTreeSet::new();
    let mut accounts = Accounts::of(store, end);
    while let Some(page) = accounts.next().await? {
        for balance in page {
            if currencies.insert(balance.available.currency().numeric()) {
                hledger::commodity(balance.available.currency(), to)?;
            }
            hledger::account(&balance, to)?;
        }
    }
    let mut latest = None;
    let mut batches = Batches::between(store, 0, end);
    while let Some(batch) = batches.next().await? {
        latest = latest.max(batch.committed_at);
        hledger::batch(&batch, to)?;
    }
    let Some(latest) = latest else { return Ok(()) };
    let mut accounts = Accounts::of(store, end);
    while let Some(page) = accounts.next().await? {
        hledger::closing(&page, latest, to)?;
    }
    Ok(())
}

/// The accounts with what they held at the end, a page at a time.
struct Accounts<'a> {
    store: &'a Store,
    end: u64,
    after: AccountId,
}

impl<'a> Accounts<'a> {
    fn of(store: &'a Store, end: u64) -> Self {
        Self { store, end, after: AccountId::from_bytes([0; 16]) }
    }

    async fn next(&mut self) -> Result<Option<Vec<AuditedBalance>>, StoreError> {
        let page = self.store.audit_balances(self.after, self.end).await?;
        let Some(last) = page.last() else { return Ok(None) };
        self.after = last.account;
        Ok(Some(page))
    }
}
