//! One-time passwords and recovery codes are given to a payer.

use wallet_core::Mode;
use wallet_core::totp::OtpSecret;
use zeroize::Zeroizing;

use super::factor::{count_wrong_factor, locked, use_password};
use super::{App, ChangeRefused, Pin, SecondFactor};
use crate::issuer::Purpose;
use crate::store::{Device, StoreError, again};

/// So many of an id's digits tell one payer's accounts apart.
const ID_DIGITS_SHOWN: usize = 8;

impl App {
    /// Makes a secret for one-time passwords, which is in use once it was confirmed. Where there
    /// is one in use, a second factor is needed to replace it.
    ///
    /// # Errors
    /// [`ChangeRefused`].
    pub async fn begin_totp(
        &self,
        device: &Device,
        pin: &Pin,
        factor: Option<&SecondFactor>,
    ) -> Result<OtpSecret, ChangeRefused> {
        self.right_pin(device, pin).await?;
        let secret = self.entropy.with(OtpSecret::generate);
        again!(self.try_begin_totp(device, factor, &secret))?;
        Ok(secret)
    }

    /// What an authenticator app reads. It names the account by its handle, or else by the end of
    /// its id.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn otp_uri(
        &self,
        device: &Device,
        secret: &OtpSecret,
    ) -> Result<Zeroizing<String>, StoreError> {
        let id = device.payer.to_string();
        let end = id.get(id.len().saturating_sub(ID_DIGITS_SHOWN)..).unwrap_or_default();
        let account = self.store.account(device.payer).await?;
        let handle = account.and_then(|account| self.handle_text(device.payer, &account));
        let issuer = match device.mode {
            Mode::Live => "Wallet",
            Mode::Test => "Wallet (test)",
        };
        let uri = secret.uri(issuer, handle.as_deref().unwrap_or(end));
        uri.map_err(|_| StoreError::Corrupt("handle"))
    }

    async fn try_begin_totp(
        &self,
        device: &Device,
        factor: Option<&SecondFactor>,
        secret: &OtpSecret,
    ) -> Result<(), ChangeRefused> {
        let mut change = self.change_as(device).await?;
        if change.totp().await?.secret.is_some() {
            let factor = factor.ok_or(ChangeRefused::FactorNeeded)?;
            if let Err(refused) = self.check_factor(&mut change, factor, self.now()).await? {
                return self.refuse(change, refused).await;
            }
        }
        let mut state = change.totp().await?;
        let payer = device.payer.as_bytes();
        state.new_secret = Some(self.keys.hide(Purpose::Secrets, payer, secret.bytes().as_slice()));
        change.keep_totp(&state).await?;
        self.commit(change).await?;
        Ok(())
    }

    /// Puts the secret that was shown last to use, because one of its passwords was given; with
    /// it come new recovery codes.
    ///
    /// # Errors
    /// [`ChangeRefused`].
    pub async fn confirm_totp(
        &self,
        device: &Device,
        password: &str,
    ) -> Result<Vec<Zeroizing<String>>, ChangeRefused> {
        again!(self.try_confirm_totp(device, password))
    }

    async fn try_confirm_totp(
        &self,
        device: &Device,
        password: &str,
    ) -> Result<Vec<Zeroizing<String>>, ChangeRefused> {
        let mut change = self.change_as(device).await?;
        let now = self.now();
        let mut state = change.totp().await?;
        if let Some(refused) = locked(&state, now) {
            return Err(refused.into());
        }
        let secret = self.totp_secret(device.payer, state.new_secret.as_deref())?;
        let secret = secret.ok_or(ChangeRefused::NothingToConfirm)?;
        // The steps of another secret say nothing about this one's.
        state.step = None;
        if let Err(refused) = use_password(&mut state, &secret, password, now) {
            let mut state = change.totp().await?;
            count_wrong_factor(&mut change, &mut state, now);
            change.keep_totp(&state).await?;
            return self.refuse(change, refused).await;
        }
        state.secret = state.new_secret.take();
        (state.failures, state.locked_until) = (0, None);
        change.keep_totp(&state).await?;
        let codes = self.new_recovery_codes(&mut change, now).await?;
        change.tell("totp.changed");
        self.commit(change).await?;
        Ok(codes)
    }

    /// Makes new recovery codes; the old ones are worth nothing from then on. It takes a second
    /// factor, because it makes ten: whoever has the phone and the PIN must not get them by that.
    ///
    /// # Errors
    /// [`ChangeRefused`].
    pub async fn renew_recovery_codes(
        &self,
        device: &Device,
        pin: &Pin,
        factor: Option<&SecondFactor>,
    ) -> Result<Vec<Zeroizing<String>>, ChangeRefused> {
        self.right_pin(device, pin).await?;
        again!(self.try_renew_recovery_codes(device, factor))
    }

    async fn try_renew_recovery_codes(
        &self,
        device: &Device,
        factor: Option<&SecondFactor>,
    ) -> Result<Vec<Zeroizing<String>>, ChangeRefused> {
        let mut change = self.change_as(device).await?;
        if change.totp().await?.secret.is_none() {
            return Err(ChangeRefused::NoTotp);
        }
        let factor = factor.ok_or(ChangeRefused::FactorNeeded)?;
        let now = self.now();
        if let Err(refused) = self.check_factor(&mut change, factor, now).await? {
            return self.refuse(change, refused).await;
        }
        let codes = self.new_recovery_codes(&mut change, now).await?;
        change.tell("recovery_codes.changed");
        self.commit(change).await?;
        Ok(codes)
    }
}
