//! What a payer may know of the own account.

use super::App;
use crate::domain::ids::PayerId;
use crate::issuer::Purpose;
use crate::store::Account;

impl App {
    /// A payer's handle, decrypted.
    #[must_use]
    pub fn handle_text(&self, payer: PayerId, account: &Account) -> Option<String> {
        self.hidden_text(payer, account.handle.as_deref()?)
    }

    /// A name that was hidden for a payer.
    fn hidden_text(&self, payer: PayerId, hidden: &[u8]) -> Option<String> {
        let text = self.keys.reveal(Purpose::Names, payer.as_bytes(), hidden)?;
        String::from_utf8(text).ok()
    }
}
