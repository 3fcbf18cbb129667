//! What a payer may know of the own account, its handle, and the payer's own limits.

use super::{App, ChangeRefused, Pin};
use crate::domain::ids::PayerId;
use crate::domain::limits::OwnLimits;
use crate::issuer::{HashPurpose, Purpose};
use crate::store::{Account, Device, HandleChange, again};

/// How long handles are.
const HANDLE_LENGTHS: std::ops::RangeInclusive<usize> = 3..=30;

/// Under which name others find a payer: 3 to 30 of `a-z 0-9 . _`, a letter first.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Handle(String);

impl Handle {
    /// Reads a handle; `None` for anything else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let allowed =
            |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._".contains(&byte);
        let fits = HANDLE_LENGTHS.contains(&text.len())
            && text.bytes().all(allowed)
            && text.starts_with(|first: char| first.is_ascii_lowercase());
        fits.then(|| Self(text.to_owned()))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl App {
    /// The account of a payer.
    ///
    /// # Errors
    /// [`ChangeRefused`].
    pub async fn account(&self, payer: PayerId) -> Result<Account, ChangeRefused> {
        self.store.account(payer).await?.ok_or(ChangeRefused::UnknownPayer)
    }

    /// A payer's name, decrypted.
    #[must_use]
    pub fn name_text(&self, payer: PayerId, account: &Account) -> String {
        self.hidden_text(payer, &account.name).unwrap_or_default()
    }

    /// A payer's handle, decrypted.
    #[must_use]
    pub fn handle_text(&self, payer: PayerId, account: &Account) -> Option<String> {
        self.hidden_text(payer, account.handle.as_deref()?)
    }

    /// What was hidden for a payer.
    fn hidden_text(&self, payer: PayerId, hidden: &[u8]) -> Option<String> {
        let text = self.keys.reveal(Purpose::Names, payer.as_bytes(), hidden)?;
        String::from_utf8(text).ok()
    }

    /// By what a payer with this handle is found.
    #[must_use]
    pub fn handle_hash(&self, handle: &Handle) -> [u8; 32] {
        self.keys.keyed_hash(HashPurpose::Handles, handle.0.as_bytes())
    }

    /// A handle as it is kept.
    pub(super) fn hide_handle(&self, payer: PayerId, handle: &Handle) -> Vec<u8> {
        self.keys.hide(Purpose::Names, payer.as_bytes(), handle.0.as_bytes())
    }

    /// Gives the payer of a device a handle, in the place of another one.
    ///
    /// # Errors
    /// [`ChangeRefused`].
    pub async fn set_handle(&self, actor: &Device, handle: &Handle) -> Result<(), ChangeRefused> {
        again!(self.try_set_handle(actor, handle))
    }

    async fn try_set_handle(&self, actor: &Device, handle: &Handle) -> Result<(), ChangeRefused> {
        let mut change = self.change_unfrozen(actor).await?;
        let hidden = self.hide_handle(actor.payer, handle);
        let made = change.set_handle(hidden, self.handle_hash(handle), self.now()).await?;
        handle_set(made)?;
        change.tell("account.changed");
        self.commit(change).await?;
        Ok(())
    }

    /// Sets the own limits of a device's payer; those that are not given stay. The caller has
    /// checked that none is above the issuer's.
    ///
    /// # Errors
    /// [`ChangeRefused`].
    pub async fn set_limits(
        &self,
        actor: &Device,
        pin: &Pin,
        limits: &OwnLimits,
    ) -> Result<(), ChangeRefused> {
        self.right_pin(actor, pin).await?;
        again!(self.try_set_limits(actor, limits))
    }

    async fn try_set_limits(
        &self,
        actor: &Device,
        limits: &OwnLimits,
    ) -> Result<(), ChangeRefused> {
        let mut change = self.change_unfrozen(actor).await?;
        change.set_limits(limits).await?;
        change.tell("limits.changed");
        self.commit(change).await?;
        Ok(())
    }
}

/// Nothing, if the payer has the handle.
pub(super) fn handle_set(made: HandleChange) -> Result<(), ChangeRefused> {
    match made {
        HandleChange::Set => Ok(()),
        HandleChange::Taken => Err(ChangeRefused::HandleTaken),
        HandleChange::TooManyKept => Err(ChangeRefused::TooManyHandles),
    }
}

#[cfg(test)]
mod tests {
    use super::Handle;

    #[test]
    fn a_handle_is_three_to_thirty_small_letters_digits_dots_and_underscores() {
        for text in ["wei", "a.b", "li_2", &"x".repeat(30)] {
            assert!(Handle::parse(text).is_some(), "{text}");
        }
        for text in
            ["", "we", "Wei", "2li", ".li", "_li", "we i", "wéi", "伟伟伟", "a-b", &"x".repeat(31)]
        {
            assert!(Handle::parse(text).is_none(), "{text}");
        }
    }
}
