//! The server's end: reading a signature, then verifying it with the device's key.

use ed25519_dalek::{Signature, VerifyingKey};
use sfv::{BareItem, Dictionary, FieldType, InnerList, ListEntry, Parser};

use super::base::base_from_text;
use super::{
    ALGORITHM, COMPONENTS_MAX, CONTENT_DIGEST, Component, EXPIRED, FROM_FUTURE, INCOMPLETE,
    INVALID, LABEL, MALFORMED, MISSING, RequestParts, SIGNATURE, SIGNATURE_INPUT,
    SIGNATURE_INPUT_BYTES_MAX, SKEW_SECONDS_MAX, TAG, is_keyid, is_nonce, required_components,
    verify_content_digest,
};
use crate::Error;

/// A signature that was read but not verified: good for looking up its key, for nothing else.
///
/// It keeps the text that must have been signed, so it can't be verified against another request.
#[derive(Clone, Debug)]
pub struct UnverifiedSignature {
    claims: Claims,
    signature: [u8; 64],
    base: String,
    content_digest: Option<String>,
}

/// A request that the named device signed a moment ago, body included.
///
/// That it was not seen before remains to be checked: remember [`keyid`](Self::keyid) and
/// [`nonce`](Self::nonce).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedRequest {
    claims: Claims,
}

/// What a signature of the profile says about itself.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Claims {
    keyid: String,
    created: u64,
    nonce: String,
}

/// Reads the signature of a request and checks its form and that it covers what it must.
///
/// `parts` must describe the request as it arrived: see [`RequestParts`] on scheme and authority.
///
/// # Errors
/// `signature_missing` without both fields; `signature_malformed` for anything but the profile of
/// this module, other algorithms, tags, labels and second signatures included;
/// `signature_incomplete` when a required component isn't covered.
pub fn parse_signed(parts: &RequestParts) -> Result<UnverifiedSignature, Error> {
    let input_text = parts.field(SIGNATURE_INPUT)?.ok_or(MISSING)?;
    let signature_text = parts.field(SIGNATURE)?.ok_or(MISSING)?;
    let ListEntry::InnerList(list) = only_member(&input_text)? else {
        return Err(MALFORMED);
    };
    let params_text = input_text.strip_prefix(LABEL).and_then(|rest| rest.strip_prefix('='));
    let components = read_components(&list)?;
    let claims = read_claims(&list)?;
    let base = base_from_text(parts, &components, params_text.ok_or(MALFORMED)?)?;

    let covers = |name: &str| components.iter().any(|component| component.name() == name);
    if !required_components(parts).into_iter().all(covers) {
        return Err(INCOMPLETE);
    }
    Ok(UnverifiedSignature {
        claims,
        signature: read_signature(&signature_text)?,
        base,
        content_digest: parts.field(CONTENT_DIGEST)?,
    })
}

impl UnverifiedSignature {
    /// The key that is said to have signed, 1–128 visible ASCII characters.
    #[must_use]
    pub fn keyid(&self) -> &str {
        &self.claims.keyid
    }

    /// When the signature is said to have been made, in Unix seconds.
    #[must_use]
    pub fn created(&self) -> u64 {
        self.claims.created
    }

    /// The nonce, 16–64 characters of base64url.
    #[must_use]
    pub fn nonce(&self) -> &str {
        &self.claims.nonce
    }

    /// The text that must have been signed, and the signature.
    pub(super) fn signed(&self) -> (&str, [u8; 64]) {
        (&self.base, self.signature)
    }

    /// Verifies the signature with the key that [`keyid`](Self::keyid) names.
    ///
    /// `now` is the server's time in Unix seconds. The signature is checked by RFC 8032 strictly
    /// (no weak keys, no second encoding), and before the body, so that only a device can make the
    /// server hash one.
    ///
    /// # Errors
    /// In this order: `signature_expired` and `signature_from_future` beyond
    /// [`SKEW_SECONDS_MAX`](super::SKEW_SECONDS_MAX); `signature_invalid`, also for a public key
    /// that is no or a weak point; `signature_incomplete` for a body without `Content-Digest`;
    /// `digest_mismatch` for another body than the signed one.
    pub fn verify(
        self,
        public_key: &[u8; 32],
        body: &[u8],
        now: u64,
    ) -> Result<VerifiedRequest, Error> {
        if now.saturating_sub(self.claims.created) > SKEW_SECONDS_MAX {
            return Err(EXPIRED);
        }
        if self.claims.created.saturating_sub(now) > SKEW_SECONDS_MAX {
            return Err(FROM_FUTURE);
        }
        let public_key = VerifyingKey::from_bytes(public_key).map_err(|_| INVALID)?;
        let signature = Signature::from_bytes(&self.signature);
        public_key.verify_strict(self.base.as_bytes(), &signature).map_err(|_| INVALID)?;

        match &self.content_digest {
            Some(digest) => verify_content_digest(digest, body)?,
            None if body.is_empty() => {}
            None => return Err(INCOMPLETE),
        }
        Ok(VerifiedRequest { claims: self.claims })
    }
}

impl VerifiedRequest {
    /// The key that signed.
    #[must_use]
    pub fn keyid(&self) -> &str {
        &self.claims.keyid
    }

    /// When the device signed, in Unix seconds by its clock.
    #[must_use]
    pub fn created(&self) -> u64 {
        self.claims.created
    }

    /// The nonce: to be refused if it comes again with this key.
    #[must_use]
    pub fn nonce(&self) -> &str {
        &self.claims.nonce
    }
}

/// The one member, labelled `wallet`, of a dictionary in canonical form.
///
/// A parser folds repeated labels and parameters silently into the last one; comparing with the
/// canonical text refuses them, and makes the received text the one that was signed.
fn only_member(text: &str) -> Result<ListEntry, Error> {
    if text.len() > SIGNATURE_INPUT_BYTES_MAX {
        return Err(MALFORMED);
    }
    let mut dictionary: Dictionary = Parser::new(text).parse().map_err(|_| MALFORMED)?;
    if dictionary.len() != 1 || dictionary.serialize().as_deref() != Some(text) {
        return Err(MALFORMED);
    }
    dictionary.swap_remove(LABEL).ok_or(MALFORMED)
}

fn read_components(list: &InnerList) -> Result<Vec<Component>, Error> {
    if list.items.len() > COMPONENTS_MAX {
        return Err(MALFORMED);
    }
    let read = |item: &sfv::Item| match &item.bare_item {
        BareItem::String(name) if item.params.is_empty() => Component::parse(name.as_str()),
        _ => Err(MALFORMED),
    };
    list.items.iter().map(read).collect()
}

fn read_claims(list: &InnerList) -> Result<Claims, Error> {
    let text = |name: &str| {
        let value = list.params.get(name).and_then(BareItem::as_string);
        value.map(sfv::StringRef::as_str).ok_or(MALFORMED)
    };
    let created = list.params.get("created").and_then(BareItem::as_integer).ok_or(MALFORMED)?;
    let (keyid, nonce) = (text("keyid")?, text("nonce")?);
    // Five parameters and five of them read: no unknown one, and no `expires` to be overlooked.
    let ours = list.params.len() == 5 && text("alg")? == ALGORITHM && text("tag")? == TAG;
    if !ours || !is_keyid(keyid) || !is_nonce(nonce) {
        return Err(MALFORMED);
    }
    Ok(Claims {
        keyid: keyid.to_owned(),
        created: u64::try_from(created).map_err(|_| MALFORMED)?,
        nonce: nonce.to_owned(),
    })
}

fn read_signature(text: &str) -> Result<[u8; 64], Error> {
    match only_member(text)? {
        ListEntry::Item(sfv::Item { bare_item: BareItem::ByteSequence(bytes), params })
            if params.is_empty() =>
        {
            bytes.try_into().map_err(|_| MALFORMED)
        }
        _ => Err(MALFORMED),
    }
}
