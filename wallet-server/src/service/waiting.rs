//! Waiting for something to happen to a payer or a merchant.

use std::time::Duration;

use super::App;
use crate::domain::ids::PayerId;
use crate::domain::limits::{Limits, Usage};
use crate::store::{Device, StoreError};
use crate::worker::Party;

impl App {
    /// Looks, and, until it sees what it looks for, waits for something to happen to the payer or
    /// the merchant and looks again. Returns what it saw last: after the time, or at once when the
    /// server stops, so that nobody who waits keeps it from that.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn wait_until<T, Look>(
        &self,
        party: impl Into<Party>,
        wait: Duration,
        mut look: impl FnMut() -> Look,
        found: impl Fn(&T) -> bool,
    ) -> Result<T, StoreError>
    where
        Look: Future<Output = Result<T, StoreError>>,
    {
        let waiter = self.notifier.waiter(party);
        let too_late = tokio::time::sleep(wait);
        tokio::pin!(too_late);
        loop {
            // From here on nothing is missed, whether it happens before or after the look.
            let notified = waiter.notified();
            let seen = look().await?;
            if wait.is_zero() || found(&seen) || self.notifier.is_stopping() {
                return Ok(seen);
            }
            tokio::select! {
                () = notified => {}
                () = &mut too_late => return Ok(seen),
            }
        }
    }

    /// What a payer may spend with a device, which may be new, and has spent today and this month.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn limits_of_device(&self, device: &Device) -> Result<(Limits, Usage), StoreError> {
        let spending = self.store.spending(device.payer).await?;
        let (usage, own) = spending.ok_or(StoreError::Corrupt("a payer"))?;
        let now = self.now();
        let new = device.new_until.is_some_and(|until| now < until);
        let limits = self.rules.limits.of_device(&own, new);
        Ok((limits, usage.on(self.rules.calendar.today(now))))
    }

    /// What a payer may spend, and has spent today and this month.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn limits(&self, payer: PayerId) -> Result<(Limits, Usage), StoreError> {
        let spending = self.store.spending(payer).await?;
        let (usage, own) = spending.ok_or(StoreError::Corrupt("a payer"))?;
        let today = self.rules.calendar.today(self.now());
        Ok((self.rules.limits.of(&own), usage.on(today)))
    }
}
