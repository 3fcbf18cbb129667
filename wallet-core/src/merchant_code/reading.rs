//! Whose code it is, and whether the issuer signed it.

use super::{GUID, MerchantCode, layout};
use crate::Mode;
use crate::emv::{Payload, Strictness, Violation};
use crate::keys::{IssuerId, SigningPublicKey};

/// What a wallet has before it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Reading {
    /// A code of this issuer, for this mode, and its signature is right. Whether it can be paid
    /// is known to the issuer alone.
    Signed(MerchantCode),
    /// It says that it is this issuer's, and nothing proves it. It must not be paid; whoever made
    /// it may want money for a merchant that the issuer does not know.
    Suspicious(Suspicion),
    /// A code of a wallet like ours, of another issuer. It can not be paid here.
    OtherIssuer(Payload),
    /// A code of another scheme. It can not be paid here.
    OtherScheme(Payload),
}

/// What is wrong with a code that says it is this issuer's.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Suspicion {
    /// It has no signature.
    Unsigned,
    /// It is signed with a key that is not known. Fetch the issuer's document and try again; if
    /// that does not help, the issuer did not sign it.
    UnknownKey,
    /// The issuer did not sign this.
    WronglySigned,
    /// The issuer signed it, for the other mode: a test code in a live wallet, or the reverse.
    OtherMode,
    /// It is not written as the issuer writes codes, or of a version that this release does not
    /// know.
    Malformed,
}

impl Suspicion {
    /// A stable name, in `snake_case`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unsigned => "unsigned",
            Self::UnknownKey => "unknown_key",
            Self::WronglySigned => "wrongly_signed",
            Self::OtherMode => "other_mode",
            Self::Malformed => "malformed",
        }
    }
}

pub(super) fn read(
    text: &str,
    issuer: &IssuerId,
    keys: &[SigningPublicKey],
    mode: Mode,
) -> Result<Reading, Violation> {
    let payload = Payload::parse(text, Strictness::Strict)?;
    if !is_of_our_kind(&payload) {
        return Ok(Reading::OtherScheme(payload));
    }
    let hint = layout::hint(issuer);
    if layout::stated_hint(&payload).is_some_and(|stated| stated != hint) {
        return Ok(Reading::OtherIssuer(payload));
    }
    let read = verified(text, &payload, issuer, &hint, keys, mode);
    Ok(read.map_or_else(Reading::Suspicious, Reading::Signed))
}

/// Whether any template bears our identifier, in letters of either case: what looks like ours
/// must not pass for another scheme's.
fn is_of_our_kind(payload: &Payload) -> bool {
    let guids = payload.objects().iter().filter_map(|object| object.guid());
    guids.into_iter().any(|guid| guid.eq_ignore_ascii_case(GUID))
}

fn verified(
    text: &str,
    payload: &Payload,
    issuer: &IssuerId,
    hint: &str,
    keys: &[SigningPublicKey],
    mode: Mode,
) -> Result<MerchantCode, Suspicion> {
    let signature = layout::signature(payload).ok_or(Suspicion::Unsigned)?;
    let signature = signature.map_err(|()| Suspicion::Malformed)?;
    let code = layout::fields(payload).ok_or(Suspicion::Malformed)?;
    let unsigned = layout::unsigned(&code, hint);
    // One text for one code: nothing can stand there that the fields don't say.
    if layout::sealed(&unsigned, signature.key, &signature.bytes) != text {
        return Err(Suspicion::Malformed);
    }
    let key = keys.iter().find(|key| key.id() == signature.key).ok_or(Suspicion::UnknownKey)?;
    let verifies = |mode| {
        let message = layout::signed_message(code.kind(), mode, issuer, &unsigned);
        key.verify(&message, &signature.bytes).is_ok()
    };
    let other = match mode {
        Mode::Live => Mode::Test,
        Mode::Test => Mode::Live,
    };
    if verifies(mode) {
        Ok(code)
    } else if verifies(other) {
        Err(Suspicion::OtherMode)
    } else {
        Err(Suspicion::WronglySigned)
    }
}
