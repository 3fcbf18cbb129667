//! Payers as other payers see them, and how one finds another.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use wallet_core::{DeviceKeyId, Mode};

use super::App;
use crate::domain::ids::PayerId;
use crate::domain::outcome::MovementAnswer;
use crate::issuer::{HashPurpose, Purpose};
use crate::store::{HiddenPerson, RECEIVE_TOKEN_LENGTH, Recipient, StoreError};

/// What stands for the rest of a name: always the same, so that it does not tell the length.
const MASK: &str = "**";

/// A payer as another payer sees them.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
pub struct Person {
    /// The handle, if they have one.
    pub handle: Option<String>,
    /// The first character of the name, and stars.
    pub name: String,
}

/// How a payer names another one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum RecipientName {
    /// By the handle.
    Handle(String),
    /// By what is in the QR code that they show.
    ReceiveCode([u8; RECEIVE_TOKEN_LENGTH]),
}

impl RecipientName {
    /// As bytes, different for different names.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        match self {
            Self::Handle(handle) => [b"handle:", handle.as_bytes()].concat(),
            Self::ReceiveCode(token) => [b"receive:", token.as_slice()].concat(),
        }
    }
}

/// What a text is, beside whose it is: one cannot stand in the place of the other.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum TextKind {
    /// Written to go with money.
    Note,
    /// Written on a red envelope.
    Greeting,
    /// Where money is to be paid out to.
    Destination,
    /// Shown in an answer.
    Shown,
}

impl TextKind {
    fn subject(self, id: [u8; 16]) -> Vec<u8> {
        let kind: &[u8] = match self {
            Self::Note => b"note",
            Self::Greeting => b"greeting",
            Self::Destination => b"destination",
            Self::Shown => b"shown",
        };
        [&id, kind].concat()
    }
}

impl App {
    /// Counts a look-up that does nothing else.
    ///
    /// # Errors
    /// After how many seconds the device may look again.
    pub fn count_lookup(&self, device: DeviceKeyId) -> Result<(), u16> {
        self.own.lookups.count(device, self.now())
    }

    /// The payer whom another one names, if there is one.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn find_recipient(
        &self,
        mode: Mode,
        name: &RecipientName,
    ) -> Result<Option<Recipient>, StoreError> {
        match name {
            RecipientName::Handle(handle) => {
                let hash = self.keys.keyed_hash(HashPurpose::Handles, handle.as_bytes());
                self.store.recipient_by_handle(mode, hash).await
            }
            RecipientName::ReceiveCode(token) => self.store.recipient_by_token(mode, *token).await,
        }
    }

    /// What a payer shows to be paid: what it was, or, if it is to be replaced or there is none, a
    /// new one.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn receive_token(
        &self,
        payer: PayerId,
        replace: bool,
    ) -> Result<[u8; RECEIVE_TOKEN_LENGTH], StoreError> {
        if !replace && let Some(token) = self.store.receive_token(payer).await? {
            return Ok(token);
        }
        self.store.set_receive_token(payer, self.entropy.bytes(), replace).await?;
        let token = self.store.receive_token(payer).await?;
        token.ok_or(StoreError::Corrupt("a payer without a receive token"))
    }

    /// A payer as another one sees them.
    #[must_use]
    pub fn person(&self, hidden: &HiddenPerson) -> Person {
        let text = |bytes: &[u8]| {
            let plain = self.keys.reveal(Purpose::Names, hidden.payer.as_bytes(), bytes)?;
            String::from_utf8(plain).ok()
        };
        Person {
            handle: hidden.handle.as_deref().and_then(text),
            name: masked(&text(&hidden.name).unwrap_or_default()),
        }
    }

    /// What was written to go with money, if it can be read.
    #[must_use]
    pub fn note(&self, id: [u8; 16], note: &[u8]) -> Option<String> {
        self.reveal_text(TextKind::Note, id, note)
    }

    /// Encrypts a text that belongs to something.
    pub(super) fn hide_text(&self, kind: TextKind, id: [u8; 16], text: &str) -> Vec<u8> {
        self.keys.hide(Purpose::Names, &kind.subject(id), text.as_bytes())
    }

    /// Decrypts it, if it can be read.
    pub(super) fn reveal_text(
        &self,
        kind: TextKind,
        id: [u8; 16],
        hidden: &[u8],
    ) -> Option<String> {
        let plain = self.keys.reveal(Purpose::Names, &kind.subject(id), hidden)?;
        String::from_utf8(plain).ok()
    }

    /// Encrypts what an answer shows beside its record.
    pub(super) fn hide_shown(&self, id: [u8; 16], shown: &impl Serialize) -> Vec<u8> {
        // Texts and numbers always have a JSON form.
        let plain = serde_json::to_vec(shown).unwrap_or_default();
        self.keys.hide(Purpose::Names, &TextKind::Shown.subject(id), &plain)
    }

    /// What an answer shows beside its record.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`], when it cannot be read.
    pub fn shown<T: DeserializeOwned>(&self, answer: &MovementAnswer) -> Result<T, StoreError> {
        let subject = TextKind::Shown.subject(answer.record.subject);
        let plain = self.keys.reveal(Purpose::Names, &subject, &answer.shown);
        let shown = plain.and_then(|plain| serde_json::from_slice(&plain).ok());
        shown.ok_or(StoreError::Corrupt("what an answer shows"))
    }
}

/// A name with most of it hidden; nothing of one that was erased.
fn masked(name: &str) -> String {
    name.chars().next().map_or_else(String::new, |first| format!("{first}{MASK}"))
}

#[cfg(test)]
mod tests {
    use super::masked;

    #[test]
    fn a_masked_name_is_its_first_character_and_as_many_stars_whatever_its_length() {
        for (name, shown) in [("Wei", "W**"), ("张伟", "张**"), ("X", "X**"), ("", "")] {
            assert_eq!(masked(name), shown);
        }
    }
}
