//! The payer's side: making codes without a network.

use core::fmt;

use rand_core::CryptoRng;

use super::digits::{self, CodePrefix};
use super::layout::{self, CODE_LENGTH, Claims, CodeLimit, Header, KEY_LENGTH, Mark};
use super::layout::{CLAIMS_LENGTH, SEALED_LENGTH};
use crate::keys::{DeviceKey, DeviceKeyId, IssuerId, SealingPublicKey, Slot, TerminalId};
use crate::{Error, Mode, Timestamp};

const ISSUER_KEY_RETIRED: Error = Error::new(
    "issuer_key_retired",
    "the issuer's sealing key has retired; synchronise with the issuer before paying",
);

/// What a device knows about its issuer: learnt at enrolment, refreshed when it synchronises.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct IssuerProfile {
    /// Who the issuer is.
    pub id: IssuerId,
    /// Whether the device pays with real money.
    pub mode: Mode,
    /// The digits that its codes begin with.
    pub prefix: CodePrefix,
    /// Where the issuer keeps the secret half of `sealing_key`.
    pub slot: Slot,
    /// What codes are sealed to.
    pub sealing_key: SealingPublicKey,
    /// When the device must have synchronised to be able to go on paying.
    pub sealing_key_retires_at: Timestamp,
}

/// What a payer allows with a code.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CodeTerms {
    /// The most that may be charged.
    pub limit: CodeLimit,
    /// The only terminal at which the code works, if any: stops a thief who relays a photograph
    /// of the code to another shop.
    pub terminal: Option<TerminalId>,
    /// Whether the device has just made sure that its owner holds it.
    pub payer_verified: bool,
}

impl CodeTerms {
    /// Terms with a limit only.
    #[must_use]
    pub fn up_to(limit: CodeLimit) -> Self {
        Self { limit, terminal: None, payer_verified: false }
    }
}

/// An enrolled device: its key, the name that the issuer gave to it, and the issuer.
#[derive(Debug)]
pub struct PayerDevice {
    key: DeviceKey,
    key_id: DeviceKeyId,
    issuer: IssuerProfile,
}

impl PayerDevice {
    /// A device with what it got at enrolment.
    #[must_use]
    pub fn new(key: DeviceKey, key_id: DeviceKeyId, issuer: IssuerProfile) -> Self {
        Self { key, key_id, issuer }
    }

    /// The device's key, to sign requests with.
    #[must_use]
    pub fn key(&self) -> &DeviceKey {
        &self.key
    }

    /// What the issuer calls this device.
    #[must_use]
    pub fn key_id(&self) -> DeviceKeyId {
        self.key_id
    }

    /// What the device knows about its issuer.
    #[must_use]
    pub fn issuer(&self) -> &IssuerProfile {
        &self.issuer
    }

    /// Makes one code: signs the terms, then seals them to the issuer.
    ///
    /// This keeps no state: the same `now` and `seq` twice gives two codes of which the issuer
    /// takes one. Use [`Rotation`](super::Rotation) unless you keep the sequence yourself.
    ///
    /// `now` is the device's best knowledge of the issuer's time; `seq` counts the codes within
    /// the step of `now`, from 0; `rng` must be cryptographically strong, because it makes the
    /// one-time key that hides the contents.
    ///
    /// # Errors
    /// - `issuer_key_retired`: the device was offline for too long;
    /// - `cannot_seal`: the issuer's sealing key is not a usable X25519 key.
    pub fn make_code(
        &self,
        now: Timestamp,
        seq: u8,
        terms: &CodeTerms,
        rng: &mut dyn CryptoRng,
    ) -> Result<PaymentCode, Error> {
        self.make_code_for(Mark { step: now.step(), seq }, now, terms, rng)
    }

    /// Makes the code of a mark that a rotation has reserved.
    pub(super) fn make_code_for(
        &self,
        mark: Mark,
        now: Timestamp,
        terms: &CodeTerms,
        rng: &mut dyn CryptoRng,
    ) -> Result<PaymentCode, Error> {
        let issuer = &self.issuer;
        if now >= issuer.sealing_key_retires_at {
            return Err(ISSUER_KEY_RETIRED);
        }
        let header = Header::online(issuer.slot).to_byte();
        let claims = Claims {
            device: self.key_id,
            mark,
            limit: terms.limit,
            terminal_bound: terms.terminal.is_some(),
            payer_verified: terms.payer_verified,
        }
        .to_bytes();

        let info = layout::info(issuer.mode, &issuer.id);
        let (encapsulated, sealer) = issuer.sealing_key.begin(&info, rng)?;
        let terminal = terms.terminal.as_ref();
        let message = layout::signed_message(
            issuer.mode,
            header,
            &issuer.id,
            &encapsulated,
            &claims,
            terminal,
        );
        let mut secret = [0; SEALED_LENGTH];
        secret[..CLAIMS_LENGTH].copy_from_slice(&claims);
        secret[CLAIMS_LENGTH..].copy_from_slice(&self.key.sign(&message));
        let tag = sealer.seal(&mut secret, &[header])?;

        let mut bytes = [0; CODE_LENGTH];
        bytes[0] = header;
        bytes[1..=KEY_LENGTH].copy_from_slice(&encapsulated);
        bytes[1 + KEY_LENGTH..][..SEALED_LENGTH].copy_from_slice(&secret);
        bytes[1 + KEY_LENGTH + SEALED_LENGTH..].copy_from_slice(&tag);
        Ok(PaymentCode::write(issuer.prefix, &bytes))
    }
}

/// A code ready to be shown: its digits.
///
/// Whoever reads the digits within the next minute can charge up to the limit, so `Debug` does
/// not print them; [`digits`](Self::digits) does.
#[derive(Clone, PartialEq, Eq)]
pub struct PaymentCode(String);

impl PaymentCode {
    fn write(prefix: CodePrefix, bytes: &[u8; CODE_LENGTH]) -> Self {
        let mut text = prefix.to_string();
        text.reserve(digits::digits_for(CODE_LENGTH));
        digits::encode(bytes, &mut text);
        Self(text)
    }

    /// The 321 digits, for a QR symbol of version 6 at level L (41 × 41 modules).
    #[must_use]
    pub fn digits(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for PaymentCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PaymentCode({} digits)", self.0.len())
    }
}
