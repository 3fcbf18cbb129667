//! What stands between a payer and a change about the own account.

use super::{App, FactorRefused, PinRefused};
use crate::store::{PayerChange, Remedy, StoreError};

/// Why a change about a payer was not made.
#[derive(Debug)]
pub enum ChangeRefused {
    /// The device may not act any more.
    NotActive,
    /// The PIN was not accepted.
    Pin(PinRefused),
    /// The second factor was not accepted.
    Factor(FactorRefused),
    /// There has to be a second factor as well.
    FactorNeeded,
    /// No secret of one-time passwords was shown that could be confirmed.
    NothingToConfirm,
    /// One-time passwords are not in use.
    NoTotp,
    /// No such invitation, or another device has used it.
    UnknownInvitation,
    /// The invitation is too old.
    InvitationExpired,
    /// The key is enrolled already.
    KeyEnrolled,
    /// The payer has no such device.
    UnknownDevice,
    /// The device was revoked, and stays so.
    DeviceRevoked,
    /// The payer is frozen.
    PayerUnavailable,
    /// The payer is frozen, and a first PIN would let whoever sets it unfreeze.
    FirstPinWhileFrozen,
    /// A device that is new would revoke one that is not.
    DeviceTooNew,
    /// The payer has as many devices as a payer may have.
    TooManyDevices,
    /// The payer gave up as many handles lately as are kept for a payer.
    TooManyHandles,
    /// The operator froze the account, and only the operator unfreezes it.
    FrozenByOperator,
    /// There is money in the account.
    AccountNotEmpty,
    /// Another payer has the handle.
    HandleTaken,
    /// Only who is invited gets a wallet.
    RegistrationClosed,
    /// There is no such payer.
    UnknownPayer,
    /// The account is closed.
    PayerClosed,
    /// The database failed.
    Store(StoreError),
}

impl From<StoreError> for ChangeRefused {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<PinRefused> for ChangeRefused {
    fn from(refused: PinRefused) -> Self {
        Self::Pin(refused)
    }
}

impl From<FactorRefused> for ChangeRefused {
    fn from(refused: FactorRefused) -> Self {
        Self::Factor(refused)
    }
}

impl ChangeRefused {
    /// What to do about it, if it was the database.
    pub(super) fn remedy(&self) -> Remedy {
        match self {
            Self::Store(error) => error.remedy(),
            _ => Remedy::GiveUp,
        }
    }
}

impl App {
    /// Commits a change, and wakes the payer's devices.
    pub(super) async fn commit(&self, change: PayerChange) -> Result<(), StoreError> {
        let (payer, now) = (change.payer(), self.now());
        change.commit(self.entropy.id(now), now).await?;
        self.notifier.wake([payer]);
        Ok(())
    }

    /// Commits what was counted, and refuses.
    pub(super) async fn refuse<T>(
        &self,
        change: PayerChange,
        refused: impl Into<ChangeRefused>,
    ) -> Result<T, ChangeRefused> {
        self.commit(change).await?;
        Err(refused.into())
    }
}
