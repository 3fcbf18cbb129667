//! The issuer's side: reading, opening and verifying codes.
//!
//! A code becomes trusted in steps, and each step is a type:
//!
//! | type | known so far | cost on a small server |
//! |---|---|---|
//! | [`SealedCode`] | the digits are a code of this version and kind | 1 µs |
//! | [`OpenedCode`] | it was sealed to this issuer; it *claims* a device | 70 µs |
//! | [`VerifiedCode`] | that device signed it, for this issuer, mode and terminal | 40 µs |
//!
//! Anyone can seal garbage to a public key, so nothing of an [`OpenedCode`] may be believed.

use core::fmt;

use super::digits::{self, CodePrefix};
use super::layout::{self, CLAIMS_LENGTH, CODE_LENGTH, Claims, Header, KEY_LENGTH};
use super::layout::{SEALED_LENGTH, SIGNATURE_LENGTH};
use crate::keys::{
    DeviceKeyId, DevicePublicKey, IssuerId, NOT_OPENED, SealingKeys, Slot, TerminalId,
};
use crate::{Error, Mode, Step, Timestamp};

const UNKNOWN_PREFIX: Error =
    Error::new("code_unknown_prefix", "the first two digits are not this issuer's prefix");
const UNKNOWN_SLOT: Error =
    Error::new("code_unknown_slot", "the issuer has no key in this slot, or it has retired");
const BAD_SIGNATURE: Error = Error::new(
    "code_bad_signature",
    "the device did not sign this code for this issuer, mode and terminal",
);

/// A code as scanned: well-formed digits whose contents nobody has seen.
#[derive(Clone, PartialEq, Eq)]
pub struct SealedCode {
    header: Header,
    bytes: [u8; CODE_LENGTH],
}

impl SealedCode {
    /// Reads the digits of a kind 1 code.
    ///
    /// # Errors
    /// `code_unknown_prefix`, `code_not_digits`, `code_wrong_length`, `code_not_canonical`,
    /// `code_unknown_version`, `code_unknown_kind`.
    pub fn parse(text: &str, prefix: CodePrefix) -> Result<Self, Error> {
        if !prefix.starts(text) {
            return Err(UNKNOWN_PREFIX);
        }
        Self::parse_any_prefix(text)
    }

    /// Reads the digits of a kind 1 code whoever's it is.
    ///
    /// # Errors
    /// As [`parse`](Self::parse), but for the prefix.
    pub fn parse_any_prefix(text: &str) -> Result<Self, Error> {
        // A text that splits a character or is too short decodes as one of the wrong length.
        let body = text.get(CodePrefix::LENGTH..).unwrap_or_default();
        let prefix = text.get(..CodePrefix::LENGTH).unwrap_or_default();
        CodePrefix::parse(prefix).map_err(|_| UNKNOWN_PREFIX)?;
        let mut bytes = [0; CODE_LENGTH];
        digits::decode(body, &mut bytes)?;
        let header = Header::from_byte(bytes[0])?.expect_online()?;
        Ok(Self { header, bytes })
    }

    /// The version of the layout.
    #[must_use]
    pub fn version(&self) -> u8 {
        self.header.version
    }

    /// The kind: 1, online.
    #[must_use]
    pub fn kind(&self) -> u8 {
        self.header.kind
    }

    /// Which of the issuer's keys it is sealed to.
    #[must_use]
    pub fn slot(&self) -> Slot {
        self.header.slot
    }

    /// The 132 bytes. Only the header means anything to anyone but the issuer.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Decrypts the code. The result is *not* authentic yet.
    ///
    /// # Errors
    /// `code_unknown_slot`, `code_not_opened` (another issuer's, another mode's, or altered),
    /// `code_zero_limit`, `code_reserved_flag`, `unknown_currency`.
    pub fn open(
        &self,
        keys: &SealingKeys,
        issuer: &IssuerId,
        mode: Mode,
        now: Timestamp,
    ) -> Result<OpenedCode, Error> {
        let key = keys.in_slot(self.slot(), now).ok_or(UNKNOWN_SLOT)?;
        self.open_with(issuer, mode, |sealed| {
            let (message, tag) = sealed.ciphertext.split_last_chunk()?;
            let mut message = message.to_vec();
            key.open(sealed.encapsulated, sealed.info, &mut message, sealed.associated, tag)
                .ok()
                .map(|()| message)
        })
    }

    /// The same for an issuer whose key is somewhere else, in a hardware module for example, or who
    /// computes by other means: `decrypt` opens the message with the key in [`slot`](Self::slot),
    /// and returns nothing if it does not open. Whether that key is still in use is for the caller to
    /// know.
    ///
    /// # Errors
    /// Those of [`open`](Self::open), without `code_unknown_slot`.
    pub fn open_with(
        &self,
        issuer: &IssuerId,
        mode: Mode,
        decrypt: impl FnOnce(SealedMessage<'_>) -> Option<Vec<u8>>,
    ) -> Result<OpenedCode, Error> {
        let (encapsulated, ciphertext) = split::<KEY_LENGTH>(&self.bytes[1..]);
        let message = SealedMessage {
            encapsulated: &encapsulated,
            info: &layout::info(mode, issuer),
            associated: &self.bytes[..1],
            ciphertext,
        };
        let opened = decrypt(message).ok_or(NOT_OPENED)?;
        let sealed: [u8; SEALED_LENGTH] = opened.try_into().map_err(|_| NOT_OPENED)?;
        let (claims, signature) = split::<CLAIMS_LENGTH>(&sealed);
        let claims = Claims::from_bytes(&claims)?;
        let (signature, _) = split::<SIGNATURE_LENGTH>(signature);
        Ok(OpenedCode { header: self.header, encapsulated, claims, signature })
    }
}

/// What is to be decrypted of a code: the arguments of `OpenBase` in
/// [RFC 9180, section 6.1](https://www.rfc-editor.org/rfc/rfc9180#section-6.1), for
/// DHKEM(X25519, HKDF-SHA256), HKDF-SHA256 and ChaCha20-Poly1305.
#[derive(Clone, Copy, Debug)]
pub struct SealedMessage<'a> {
    /// `enc`: the encapsulated key, 32 bytes.
    pub encapsulated: &'a [u8; KEY_LENGTH],
    /// `info`: which issuer and mode the code is for.
    pub info: &'a [u8],
    /// `aad`: the code's header, one byte.
    pub associated: &'a [u8],
    /// `ct`: 83 bytes, and the tag of 16 bytes behind them.
    pub ciphertext: &'a [u8],
}

impl fmt::Debug for SealedCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SealedCode({:?})", self.header)
    }
}

/// The first `N` bytes and what follows them; callers pass slices of known length.
fn split<const N: usize>(bytes: &[u8]) -> ([u8; N], &[u8]) {
    let mut first = [0; N];
    let (head, rest) = bytes.split_at(N);
    first.copy_from_slice(head);
    (first, rest)
}

/// A decrypted code: what it claims, and the signature that may or may not prove it.
///
/// It is also the evidence that the issuer keeps with a payment:
/// [`to_evidence`](Self::to_evidence), with the device's public key, the issuer id, the mode and
/// the terminal id, is all that is needed to verify the signature again years later. Nothing in
/// it can be spent, since its mark has passed.
#[derive(Clone, PartialEq, Eq)]
pub struct OpenedCode {
    header: Header,
    encapsulated: [u8; KEY_LENGTH],
    claims: Claims,
    signature: [u8; SIGNATURE_LENGTH],
}

/// How many bytes of evidence a kind 1 code leaves: header 1, encapsulated key 32, claims 19,
/// signature 64.
pub const EVIDENCE_LENGTH: usize = 1 + KEY_LENGTH + CLAIMS_LENGTH + SIGNATURE_LENGTH;

impl OpenedCode {
    /// Which device the code claims to be from: the key to look up for
    /// [`verify`](Self::verify).
    #[must_use]
    pub fn claimed_device(&self) -> DeviceKeyId {
        self.claims.device
    }

    /// Checks that a device signed this code, for this issuer and mode, and for this terminal if
    /// the code is bound to one.
    ///
    /// `terminal` is where the code was scanned, if the merchant said so. A code that is not
    /// bound works with and without.
    ///
    /// # Errors
    /// `code_bad_signature`, whatever the reason: another key, issuer, mode or terminal, a bound
    /// code without a terminal, or a malleable signature.
    pub fn verify(
        &self,
        key: &DevicePublicKey,
        issuer: &IssuerId,
        mode: Mode,
        terminal: Option<&TerminalId>,
    ) -> Result<VerifiedCode, Error> {
        let terminal = match (self.claims.terminal_bound, terminal) {
            (true, None) => return Err(BAD_SIGNATURE),
            (true, Some(terminal)) => Some(terminal),
            (false, _) => None,
        };
        let message = layout::signed_message(
            mode,
            self.header.to_byte(),
            issuer,
            &self.encapsulated,
            &self.claims.to_bytes(),
            terminal,
        );
        key.verify(&message, &self.signature).map_err(|_| BAD_SIGNATURE)?;
        Ok(VerifiedCode { claims: self.claims })
    }

    /// The 116 bytes to keep with a payment: header ‖ encapsulated key ‖ claims ‖ signature.
    ///
    /// They name the payer's device, so keep them encrypted.
    #[must_use]
    pub fn to_evidence(&self) -> [u8; EVIDENCE_LENGTH] {
        let mut bytes = [0; EVIDENCE_LENGTH];
        bytes[0] = self.header.to_byte();
        bytes[1..=KEY_LENGTH].copy_from_slice(&self.encapsulated);
        bytes[1 + KEY_LENGTH..][..CLAIMS_LENGTH].copy_from_slice(&self.claims.to_bytes());
        bytes[1 + KEY_LENGTH + CLAIMS_LENGTH..].copy_from_slice(&self.signature);
        bytes
    }

    /// Reads what [`to_evidence`](Self::to_evidence) wrote.
    ///
    /// # Errors
    /// As [`SealedCode::open`] for fields that cannot be.
    pub fn from_evidence(bytes: &[u8; EVIDENCE_LENGTH]) -> Result<Self, Error> {
        let header = Header::from_byte(bytes[0])?.expect_online()?;
        let (encapsulated, rest) = split::<KEY_LENGTH>(&bytes[1..]);
        let (claims, rest) = split::<CLAIMS_LENGTH>(rest);
        let (signature, _) = split::<SIGNATURE_LENGTH>(rest);
        Ok(Self { header, encapsulated, claims: Claims::from_bytes(&claims)?, signature })
    }
}

impl fmt::Debug for OpenedCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OpenedCode(unverified)")
    }
}

/// A code that a device has signed: its claims are true.
///
/// Whether it is still in time and unused is the issuer's to decide, in the transaction that
/// settles it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct VerifiedCode {
    claims: Claims,
}

impl VerifiedCode {
    /// What the device signed.
    #[must_use]
    pub fn claims(&self) -> &Claims {
        &self.claims
    }
}

/// Where a code's step lies, seen from the issuer's clock.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Freshness {
    /// Within one step of now: the code lives.
    Current,
    /// More than one step old: the code has expired.
    Expired,
    /// More than one step in the future: one of the two clocks is wrong.
    Ahead,
}

impl Freshness {
    /// Where `step` lies at `now`. Steps from one before to one after the present are current,
    /// so a code lives 30 to 60 seconds with a right clock and 90 at the most.
    #[must_use]
    pub fn of(step: Step, now: Timestamp) -> Self {
        let (step, present) = (step.number(), now.step().number());
        if step < present.saturating_sub(1) {
            Self::Expired
        } else if step > present.saturating_add(1) {
            Self::Ahead
        } else {
            Self::Current
        }
    }
}
