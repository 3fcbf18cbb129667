//! A merchant's statement of a day: read from the feed page by page, and added up on the way, so that
//! its length does not matter.

use std::sync::Arc;

use wallet_core::Timestamp;

use super::App;
use crate::domain::ids::MerchantId;
use crate::domain::limits::Day;
use crate::domain::merchant_feed::CLOSING_MILLIS;
use crate::domain::statement::Totals;
use crate::store::{BalanceTransaction, Cursor, StatementDay, StatementRange, Store, StoreError};

/// How many movements are in memory at once: some 500 KB as text.
const PAGE_SIZE: usize = 1000;

/// A statement that is being read.
#[derive(Debug)]
pub struct Statement {
    store: Arc<Store>,
    merchant: MerchantId,
    last: i64,
    next: Option<Cursor>,
    totals: Vec<Totals>,
}

/// What a day's statement is.
#[derive(Debug)]
pub enum StatementOf {
    /// It can be read.
    Ready(Statement),
    /// The day is not over yet; from then on it can be read.
    NotReady(Timestamp),
}

impl App {
    /// A merchant's statement of a day.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn statement(
        &self,
        merchant: MerchantId,
        day: Day,
    ) -> Result<StatementOf, StoreError> {
        let StatementRange { before, last } = match self.store.statement_day(day).await? {
            StatementDay::Over(range) => range,
            StatementDay::Open => {
                let over = self.rules.calendar.end(day).plus_millis(CLOSING_MILLIS);
                return Ok(StatementOf::NotReady(over));
            }
        };
        let opening = self.store.merchant_balances_at(merchant, before).await?;
        Ok(StatementOf::Ready(Statement {
            store: Arc::clone(&self.store),
            merchant,
            last,
            next: Some(Cursor { position: before, n: i64::MAX, millis: 0 }),
            totals: opening.into_iter().map(Totals::open).collect(),
        }))
    }
}

impl Statement {
    /// The next movements, oldest first; none when all have been read.
    ///
    /// # Errors
    /// [`StoreError`]; also when a movement does not lead from the balance before it to the one
    /// that it says, so that no statement is ever wrong.
    pub async fn page(&mut self) -> Result<Option<Vec<BalanceTransaction>>, StoreError> {
        let Some(after) = self.next else { return Ok(None) };
        let (merchant, last) = (self.merchant, self.last);
        let page = self.store.balance_transactions_between(merchant, after, last, PAGE_SIZE);
        let page = page.await?;
        self.next = page.last().filter(|_| page.len() >= PAGE_SIZE).map(|last| last.cursor);
        for transaction in &page {
            self.add(transaction)?;
        }
        Ok((!page.is_empty()).then_some(page))
    }

    fn add(&mut self, transaction: &BalanceTransaction) -> Result<(), StoreError> {
        let BalanceTransaction { event_type, moved, balance, .. } = transaction;
        let currency = balance.currency();
        let totals = self.totals.iter_mut().find(|totals| totals.opening.currency() == currency);
        let totals = totals.ok_or(StoreError::Corrupt("a statement's currency"))?;
        let added = totals.add(event_type, *moved, *balance);
        added.map_err(|_| StoreError::Corrupt("a statement's balances"))
    }

    /// What was read so far, added up, in each of the merchant's currencies.
    #[must_use]
    pub fn totals(&self) -> &[Totals] {
        &self.totals
    }
}
