//! Red envelopes: a payer sets money aside, others claim shares of it.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use wallet_core::{PositiveMoney, Timestamp};

use super::App;
use super::charge::field;
use super::people::{Person, RecipientName, TextKind};
use super::secrets::secret_hash;
use super::transfers::{money, nothing_done, optional};
use crate::domain::command::{ClaimShare, Command, EnvelopeFor, MakeEnvelope};
use crate::domain::ids::{ClaimId, EnvelopeId};
use crate::domain::outcome::{Outcome, Refusal};
use crate::domain::shares::{Shares, Split};
use crate::issuer::HashPurpose;
use crate::store::{Device, Envelope};
use crate::worker::Unsettled;

/// What a token of an envelope begins with.
const TOKEN_PREFIX: &str = "wallet:envelope:";
/// How many bytes are in a token: nobody guesses them.
const TOKEN_LENGTH: usize = 16;

/// What a sender asks for.
#[derive(Clone, Debug)]
pub struct EnvelopeRequest {
    /// The idempotency key.
    pub key: String,
    /// All of it.
    pub amount: PositiveMoney,
    /// Into how many shares.
    pub shares: u16,
    /// How to split it.
    pub split: Split,
    /// The only one who may claim, if there is one.
    pub to: Option<RecipientName>,
    /// For those who claim to read.
    pub greeting: Option<String>,
}

/// What the answer to the sender shows beside its record.
#[derive(Debug, Serialize, Deserialize)]
pub struct EnvelopeShown {
    /// Into how many shares it is split.
    pub shares: u16,
    /// How.
    pub split: String,
    /// The only one who may claim, if there is one.
    pub to: Option<Person>,
    /// For those who claim to read.
    pub greeting: Option<String>,
    /// Until when it can be claimed, Unix milliseconds.
    pub expires_at: i64,
}

/// What the answer to a claimant shows beside its record.
#[derive(Debug, Serialize, Deserialize)]
pub struct ClaimShown {
    /// The envelope.
    pub envelope: String,
    /// Who sent it.
    pub from: Person,
    /// What is written on it.
    pub greeting: Option<String>,
}

impl App {
    /// By what an envelope is claimed. It follows from the id and the keys, so that the sender can
    /// see it again, and the database holds its hash alone.
    #[must_use]
    pub fn envelope_token(&self, id: EnvelopeId) -> String {
        let hash = self.keys.keyed_hash(HashPurpose::EnvelopeTokens, id.as_bytes());
        let bytes = hash.get(..TOKEN_LENGTH).unwrap_or_default();
        format!("{TOKEN_PREFIX}{:x}", base16ct::HexDisplay(bytes))
    }

    /// Sets money aside for others. The PIN was right.
    ///
    /// # Errors
    /// [`Unsettled`], when nothing is known to have been decided. `None`, when there are more
    /// shares than minor units.
    pub async fn make_envelope(
        self: &Arc<Self>,
        device: &Device,
        request: EnvelopeRequest,
    ) -> Result<Option<Outcome>, Unsettled> {
        let draw = |end| self.entropy.below(end);
        let minor = request.amount.money().minor();
        let Some(shares) = Shares::draw(minor, request.shares, request.split, draw) else {
            return Ok(None);
        };
        let found = match &request.to {
            Some(name) => Some(self.recipient_to_settle(device, name).await?),
            None => None,
        };
        let now = self.now();
        let id: EnvelopeId = self.entropy.id(now);
        let expires_at = now.plus_millis(self.envelope_life_millis);
        let (to, person) = match &found {
            None => (EnvelopeFor::Anybody, None),
            Some(None) => (EnvelopeFor::Unknown, None),
            Some(Some(found)) => {
                (EnvelopeFor::One(found.person.payer), Some(self.person(&found.person)))
            }
        };
        let shown = EnvelopeShown {
            shares: request.shares,
            split: request.split.as_str().to_owned(),
            to: person,
            greeting: request.greeting.clone(),
            expires_at: expires_at.unix_millis(),
        };
        let shown = self.hide_shown(*id.as_bytes(), &shown);
        let hash = request.hash();
        let greeting = request.greeting.as_deref();
        let command = Command::MakeEnvelope(MakeEnvelope {
            by: self.asked_by(device, request.key, hash, Some(shown)),
            id,
            transfer: self.entropy.id(now),
            amount: request.amount,
            shares,
            split: request.split,
            to,
            token_hash: secret_hash(&self.envelope_token(id)),
            greeting: greeting.map(|text| self.hide_text(TextKind::Greeting, *id.as_bytes(), text)),
            expires_at,
        });
        self.settle(command).await.map(Some)
    }

    /// Claims the next share of the envelope with this token.
    ///
    /// # Errors
    /// [`Unsettled`], when nothing is known to have been decided.
    pub async fn claim_share(
        self: &Arc<Self>,
        device: &Device,
        token: &str,
        key: String,
    ) -> Result<Outcome, Unsettled> {
        let found = self.store.envelope_by_token(secret_hash(token)).await;
        let found = found.map_err(|error| nothing_done(&error))?;
        let Some(found) = found.filter(|found| found.mode == device.mode) else {
            return Ok(Outcome::Refused(Refusal::UnknownEnvelope));
        };
        let now = self.now();
        let id: ClaimId = self.entropy.id(now);
        let mut hash = Sha256::new();
        field(&mut hash, b"claim");
        field(&mut hash, token.as_bytes());
        let greeting = found.greeting.as_deref();
        let shown = ClaimShown {
            envelope: found.id.to_string(),
            from: self.person(&found.sender),
            greeting: greeting.and_then(|text| self.greeting(found.id, text)),
        };
        let shown = self.hide_shown(*id.as_bytes(), &shown);
        let command = Command::ClaimShare(ClaimShare {
            by: self.asked_by(device, key, hash, Some(shown)),
            id,
            transfer: self.entropy.id(now),
            envelope: found.id,
            sender: found.sender.payer,
        });
        self.settle(command).await
    }

    /// What is to be shown of an envelope beside what changes.
    #[must_use]
    pub fn shown_envelope(&self, envelope: &Envelope) -> EnvelopeShown {
        let greeting = envelope.greeting.as_deref();
        EnvelopeShown {
            shares: envelope.shares,
            split: envelope.split.as_str().to_owned(),
            to: envelope.payee.as_ref().map(|payee| self.person(payee)),
            greeting: greeting.and_then(|text| self.greeting(envelope.id, text)),
            expires_at: envelope.expires_at.unix_millis(),
        }
    }

    /// What is written on an envelope, if it can be read.
    #[must_use]
    pub fn greeting(&self, id: EnvelopeId, hidden: &[u8]) -> Option<String> {
        self.reveal_text(TextKind::Greeting, *id.as_bytes(), hidden)
    }
}

impl EnvelopeShown {
    /// Until when it can be claimed.
    #[must_use]
    pub fn expires_at(&self) -> Timestamp {
        Timestamp::from_unix_millis(self.expires_at)
    }
}

impl EnvelopeRequest {
    /// The hash of the whole request.
    fn hash(&self) -> Sha256 {
        let mut hash = Sha256::new();
        field(&mut hash, b"envelope");
        money(&mut hash, self.amount);
        field(&mut hash, &self.shares.to_be_bytes());
        field(&mut hash, self.split.as_str().as_bytes());
        field(&mut hash, &self.to.as_ref().map(RecipientName::to_bytes).unwrap_or_default());
        optional(&mut hash, self.greeting.as_deref());
        hash
    }
}
