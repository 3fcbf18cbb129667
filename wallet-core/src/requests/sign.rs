//! The phone's end: signing a request in the profile of this module.

use sfv::ItemSerializer;

use super::{
    ALGORITHM, CONTENT_DIGEST, Component, LABEL, MALFORMED, RequestParts, SIGNATURE,
    SIGNATURE_INPUT, SignatureParams, TAG, content_digest, is_keyid, is_nonce, required_components,
    signature_base,
};
use crate::Error;

/// A key that signs: in memory, in a phone's secure element, or behind an agent.
///
/// Make sure that a key that signs requests signs nothing an attacker chooses the bytes of; a
/// signature base always starts with `"@method": `, so it can't be mistaken for a payment code.
pub trait RequestSigner {
    /// The Ed25519 signature (RFC 8032, not the pre-hashed variant) of a message.
    fn sign(&self, message: &[u8]) -> [u8; 64];
}

/// The fields that turn a request into a signed one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedHeaders {
    /// The value of `Content-Digest`, if the request has or should have a body.
    pub content_digest: Option<String>,
    /// The value of `Signature-Input`.
    pub signature_input: String,
    /// The value of `Signature`.
    pub signature: String,
}

impl SignedHeaders {
    /// The fields with their names, to be set on the request.
    #[must_use]
    pub fn into_fields(self) -> Vec<(String, String)> {
        let digest = self.content_digest.map(|digest| (CONTENT_DIGEST.to_owned(), digest));
        digest
            .into_iter()
            .chain([
                (SIGNATURE_INPUT.to_owned(), self.signature_input),
                (SIGNATURE.to_owned(), self.signature),
            ])
            .collect()
    }
}

/// Signs a request as a payer's device.
///
/// `created` is the time in Unix seconds, best corrected by the offset to the server's clock.
/// `nonce` is 16–64 characters of base64url, random and never used twice; `keyid` is 1–128 visible
/// ASCII characters. Repeating a request means signing it again with a fresh nonce; the
/// `Idempotency-Key`, which is signed when present, stays the same.
///
/// ```
/// use wallet_core::requests::{RequestParts, RequestSigner, parse_signed, sign_request};
/// # use ed25519_dalek::{Signer, SigningKey};
/// # struct DeviceKey(SigningKey);
/// # impl RequestSigner for DeviceKey {
/// #     fn sign(&self, message: &[u8]) -> [u8; 64] { self.0.sign(message).to_bytes() }
/// # }
/// # let device = DeviceKey(SigningKey::from_bytes(&[7; 32]));
/// # let public_key = device.0.verifying_key().to_bytes();
/// let body = br#"{"amount":"12.50"}"#;
/// let mut parts = RequestParts {
///     method: "POST".into(),
///     scheme: "https".into(),
///     authority: "wallet.example".into(),
///     path: "/v1/wallet/transfers".into(),
///     query: None,
///     headers: vec![("idempotency-key".into(), "k-1".into())],
/// };
/// let signed = sign_request(&device, "dev_1", &parts, body, 1_700_000_000, "c2l4dGVlbi1jaGFycw")?;
/// parts.headers.extend(signed.into_fields());
///
/// // On the server, five seconds later:
/// let unverified = parse_signed(&parts)?;
/// assert_eq!(unverified.keyid(), "dev_1");
/// let verified = unverified.verify(&public_key, body, 1_700_000_005)?;
/// assert_eq!(verified.nonce(), "c2l4dGVlbi1jaGFycw");
/// # Ok::<(), wallet_core::Error>(())
/// ```
///
/// # Errors
/// `signature_malformed`: nonce or keyid out of range, a part of the request that can't be signed,
/// or a request that already has one of the fields that this function makes.
pub fn sign_request(
    signer: &dyn RequestSigner,
    keyid: &str,
    parts: &RequestParts,
    body: &[u8],
    created: u64,
    nonce: &str,
) -> Result<SignedHeaders, Error> {
    let made_here = [CONTENT_DIGEST, SIGNATURE_INPUT, SIGNATURE];
    if !is_keyid(keyid) || !is_nonce(nonce) || made_here.iter().any(|name| parts.has_field(name)) {
        return Err(MALFORMED);
    }
    let mut parts = parts.clone();
    let content_digest =
        (parts.method_has_content() || !body.is_empty()).then(|| content_digest(body));
    if let Some(digest) = &content_digest {
        parts.headers.push((CONTENT_DIGEST.to_owned(), digest.clone()));
    }
    let components = required_components(&parts).into_iter().map(Component::parse);
    let params = SignatureParams {
        components: components.collect::<Result<_, _>>()?,
        created: Some(created),
        expires: None,
        keyid: Some(keyid.to_owned()),
        nonce: Some(nonce.to_owned()),
        alg: Some(ALGORITHM.to_owned()),
        tag: Some(TAG.to_owned()),
    };
    let base = signature_base(&parts, &params)?;
    let signature = signer.sign(base.as_bytes());
    let signature = ItemSerializer::new().bare_item(signature.as_slice()).finish();
    Ok(SignedHeaders {
        content_digest,
        signature_input: format!("{LABEL}={}", params.to_text()?),
        signature: format!("{LABEL}={signature}"),
    })
}
