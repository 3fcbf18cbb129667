//! The signature base (RFC 9421 §2.5): the text that is signed.

use sfv::{InnerList, Integer, Item, KeyRef, ListEntry, ListSerializer, StringRef};

use super::{COMPONENTS_MAX, Component, MALFORMED, RequestParts};
use crate::Error;

/// What a signature covers and says about itself (RFC 9421 §2.3).
///
/// Written in the order of these fields. [`Default`] is the empty signature `()`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SignatureParams {
    /// The covered components, in order, none twice, at most
    /// [`COMPONENTS_MAX`](super::COMPONENTS_MAX).
    pub components: Vec<Component>,
    /// When the signature was made, in Unix seconds.
    pub created: Option<u64>,
    /// When it ceases to be valid, in Unix seconds.
    pub expires: Option<u64>,
    /// Names the key.
    pub keyid: Option<String>,
    /// A value used once.
    pub nonce: Option<String>,
    /// The algorithm, from the registry of RFC 9421 §6.2.
    pub alg: Option<String>,
    /// Names the application that the signature is for.
    pub tag: Option<String>,
}

impl SignatureParams {
    /// The value of `@signature-params`, and of one member of `Signature-Input`.
    pub(super) fn to_text(&self) -> Result<String, Error> {
        let mut list = InnerList::default();
        for component in &self.components {
            list.items.push(Item::new(string(component.name())?));
        }
        let times = [("created", self.created), ("expires", self.expires)];
        for (name, time) in times {
            if let Some(time) = time {
                let time = Integer::try_from(time).map_err(|_| MALFORMED)?;
                list.params.insert(key(name)?.to_owned(), time.into());
            }
        }
        let texts = [
            ("keyid", &self.keyid),
            ("nonce", &self.nonce),
            ("alg", &self.alg),
            ("tag", &self.tag),
        ];
        for (name, text) in texts {
            if let Some(text) = text {
                list.params.insert(key(name)?.to_owned(), string(text)?.into());
            }
        }
        let mut serializer = ListSerializer::new();
        serializer.members([&ListEntry::InnerList(list)]);
        serializer.finish().ok_or(MALFORMED)
    }
}

/// Builds the text that a signature with these parameters over this request signs.
///
/// ```
/// use wallet_core::requests::{Component, RequestParts, SignatureParams, signature_base};
///
/// let parts = RequestParts {
///     method: "GET".into(),
///     scheme: "https".into(),
///     authority: "wallet.example".into(),
///     path: "/v1/wallet/balance".into(),
///     query: None,
///     headers: vec![],
/// };
/// let params = SignatureParams {
///     components: vec![Component::Method, Component::Query],
///     created: Some(1_618_884_473),
///     ..SignatureParams::default()
/// };
/// let expected = r#""@method": GET
/// "@query": ?
/// "@signature-params": ("@method" "@query");created=1618884473"#;
/// assert_eq!(signature_base(&parts, &params)?, expected);
/// # Ok::<(), wallet_core::Error>(())
/// ```
///
/// # Errors
/// `signature_malformed`: a component twice or too many of them, a covered field that the request
/// lacks, a value that is too long or holds anything but visible ASCII (and, in fields, spaces).
pub fn signature_base(parts: &RequestParts, params: &SignatureParams) -> Result<String, Error> {
    base_from_text(parts, &params.components, &params.to_text()?)
}

/// As [`signature_base`], with the parameters as they were received, in their own order.
pub(super) fn base_from_text(
    parts: &RequestParts,
    components: &[Component],
    params_text: &str,
) -> Result<String, Error> {
    if components.len() > COMPONENTS_MAX {
        return Err(MALFORMED);
    }
    let mut base = String::new();
    for (index, component) in components.iter().enumerate() {
        if components.iter().take(index).any(|earlier| earlier == component) {
            return Err(MALFORMED);
        }
        let value = parts.component_value(component)?;
        for piece in ["\"", component.name(), "\": ", &value, "\n"] {
            base.push_str(piece);
        }
    }
    base.push_str("\"@signature-params\": ");
    base.push_str(params_text);
    Ok(base)
}

fn key(name: &str) -> Result<&KeyRef, Error> {
    KeyRef::from_str(name).map_err(|_| MALFORMED)
}

fn string(text: &str) -> Result<&StringRef, Error> {
    StringRef::from_str(text).map_err(|_| MALFORMED)
}
