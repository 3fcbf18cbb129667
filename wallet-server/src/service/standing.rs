//! Freezing an account, letting it pay again, and closing it.

use super::{App, ChangeRefused, Pin, SecondFactor};
use crate::domain::ids::PayerId;
use crate::store::{Device, PayerStanding, again};

impl App {
    /// Freezes the account of a device's payer: nothing is paid with it until it is unfrozen.
    ///
    /// # Errors
    /// [`ChangeRefused`].
    pub async fn freeze(&self, actor: &Device) -> Result<(), ChangeRefused> {
        again!(self.try_freeze(actor))
    }

    async fn try_freeze(&self, actor: &Device) -> Result<(), ChangeRefused> {
        let mut change = self.change_as(actor).await?;
        if change.standing() == PayerStanding::Active {
            change.set_standing(PayerStanding::FrozenByPayer).await?;
            change.tell("account.frozen");
            self.commit(change).await?;
        }
        Ok(())
    }

    /// Lets a payer who froze the account pay again. Where one-time passwords are in use, a second
    /// factor is needed as well.
    ///
    /// # Errors
    /// [`ChangeRefused`].
    pub async fn unfreeze(
        &self,
        actor: &Device,
        pin: &Pin,
        factor: Option<&SecondFactor>,
    ) -> Result<(), ChangeRefused> {
        self.right_pin(actor, pin).await?;
        again!(self.try_unfreeze(actor, factor))
    }

    async fn try_unfreeze(
        &self,
        actor: &Device,
        factor: Option<&SecondFactor>,
    ) -> Result<(), ChangeRefused> {
        let mut change = self.change_as(actor).await?;
        match change.standing() {
            PayerStanding::Active => return Ok(()),
            PayerStanding::FrozenByOperator => return Err(ChangeRefused::FrozenByOperator),
            PayerStanding::Closed => return Err(ChangeRefused::PayerUnavailable),
            PayerStanding::FrozenByPayer => {}
        }
        if change.totp().await?.secret.is_some() {
            let factor = factor.ok_or(ChangeRefused::FactorNeeded)?;
            if let Err(refused) = self.check_factor(&mut change, factor, self.now()).await? {
                return self.refuse(change, refused).await;
            }
        }
        change.set_standing(PayerStanding::Active).await?;
        change.tell("account.unfrozen");
        self.commit(change).await?;
        Ok(())
    }

    /// The operator freezes a payer's account, or lets the payer pay again, whoever froze it.
    ///
    /// # Errors
    /// [`ChangeRefused`].
    pub async fn operator_sets_frozen(
        &self,
        payer: PayerId,
        frozen: bool,
    ) -> Result<(), ChangeRefused> {
        again!(self.try_operator_sets_frozen(payer, frozen))
    }

    async fn try_operator_sets_frozen(
        &self,
        payer: PayerId,
        frozen: bool,
    ) -> Result<(), ChangeRefused> {
        let change = self.store.change(payer).await?;
        let mut change = change.ok_or(ChangeRefused::UnknownPayer)?;
        let (standing, told) = if frozen {
            (PayerStanding::FrozenByOperator, "account.frozen")
        } else {
            (PayerStanding::Active, "account.unfrozen")
        };
        if change.standing() == PayerStanding::Closed {
            return Err(ChangeRefused::PayerClosed);
        }
        if change.standing() != standing {
            change.set_standing(standing).await?;
            change.tell(told);
            self.commit(change).await?;
        }
        Ok(())
    }

    /// The operator, who has made sure who it is, helps a payer who can prove nothing any more: the
    /// PIN, the one-time passwords and the recovery codes are forgotten, and the payer sets others.
    /// For a day the payer's devices are trusted as little as new ones.
    ///
    /// # Errors
    /// [`ChangeRefused`].
    pub async fn operator_resets_secrets(&self, payer: PayerId) -> Result<(), ChangeRefused> {
        again!(self.try_operator_resets_secrets(payer))
    }

    async fn try_operator_resets_secrets(&self, payer: PayerId) -> Result<(), ChangeRefused> {
        let change = self.store.change(payer).await?;
        let mut change = change.ok_or(ChangeRefused::UnknownPayer)?;
        if change.standing() == PayerStanding::Closed {
            return Err(ChangeRefused::PayerClosed);
        }
        change.forget_secrets().await?;
        change.distrust_devices(self.now().plus_millis(self.device_rules.new_millis)).await?;
        change.tell("account.reset");
        self.commit(change).await?;
        Ok(())
    }

    /// Closes the account of a device's payer, from which all money has gone. What named a person
    /// is erased, the ledger stays.
    ///
    /// # Errors
    /// [`ChangeRefused`].
    pub async fn close_account(&self, actor: &Device, pin: &Pin) -> Result<(), ChangeRefused> {
        self.right_pin(actor, pin).await?;
        again!(self.try_close_account(actor))
    }

    async fn try_close_account(&self, actor: &Device) -> Result<(), ChangeRefused> {
        let mut change = self.change_unfrozen(actor).await?;
        if !change.close(self.now()).await? {
            return Err(ChangeRefused::AccountNotEmpty);
        }
        self.commit(change).await?;
        Ok(())
    }
}
