//! A request as a signature sees it, and the values of its components.

use super::component::is_token_byte;
use super::{COMPONENT_BYTES_MAX, Component, MALFORMED};
use crate::Error;

/// The parts of an HTTP request that a signature can cover.
///
/// Plain data, so that any HTTP library can fill it; it is checked each time a value is taken
/// from it. Both sides must fill it with what goes over the wire: path and query are taken as
/// they are, percent-encoding included.
///
/// ```
/// use wallet_core::requests::RequestParts;
/// let parts = RequestParts {
///     method: "GET".into(),
///     scheme: "https".into(),
///     authority: "Wallet.Example:443".into(), // same as wallet.example
///     path: "/v1/wallet/events".into(),
///     query: Some("wait=25".into()),
///     headers: vec![("accept".into(), "application/json".into())],
/// };
/// # let _ = parts;
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestParts {
    /// The method, case-sensitive.
    pub method: String,
    /// `https` or `http`. Behind a proxy that ends TLS this is the scheme the client used, which
    /// the server knows from its configuration, not from a header.
    pub scheme: String,
    /// Host and optional port: the `Host` header or HTTP/2's `:authority`. Letters may be in
    /// either case and the scheme's default port may be there or not (RFC 9421 §2.2.3).
    pub authority: String,
    /// The path, from its first `/` to before the `?`; empty means `/`.
    pub path: String,
    /// What follows the `?`, without it. `None` and an empty query are signed alike (§2.2.7).
    pub query: Option<String>,
    /// Header fields in the order they are sent; names in either case.
    pub headers: Vec<(String, String)>,
}

impl RequestParts {
    /// Whether the method is one whose body is the point, so that even no body is signed.
    pub(super) fn method_has_content(&self) -> bool {
        matches!(self.method.as_str(), "POST" | "PUT" | "PATCH")
    }

    /// Whether a field of this name is present.
    pub(super) fn has_field(&self, name: &str) -> bool {
        self.headers.iter().any(|(other, _)| other.eq_ignore_ascii_case(name))
    }

    /// All values of a field, trimmed and joined by a comma and a space (RFC 9421 §2.1).
    ///
    /// Line folding is refused rather than unfolded: HTTP/1.1 servers don't accept it any more.
    pub(super) fn field(&self, name: &str) -> Result<Option<String>, Error> {
        let mut joined: Option<String> = None;
        for (other, value) in &self.headers {
            if !other.eq_ignore_ascii_case(name) {
                continue;
            }
            let value = value.trim_matches([' ', '\t']);
            match &mut joined {
                Some(text) => {
                    text.push_str(", ");
                    text.push_str(value);
                }
                None => joined = Some(value.to_owned()),
            }
        }
        joined.map(|text| checked(text, |byte| matches!(byte, b' '..=b'~' | b'\t'))).transpose()
    }

    /// The value that a component contributes to the signature base.
    pub(super) fn component_value(&self, component: &Component) -> Result<String, Error> {
        match component {
            Component::Method => non_empty(checked(self.method.clone(), is_token_byte)?),
            Component::Authority => self.authority(),
            Component::Path => self.path(),
            Component::Query => self.query(),
            Component::TargetUri => self.target_uri(),
            Component::Scheme => self.scheme(),
            Component::Field(name) => self.field(name.as_str())?.ok_or(MALFORMED),
        }
    }

    fn scheme(&self) -> Result<String, Error> {
        let scheme = self.scheme.to_ascii_lowercase();
        let letters = |byte: u8| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte);
        non_empty(checked(scheme, letters)?)
    }

    fn authority(&self) -> Result<String, Error> {
        let authority = self.authority.to_ascii_lowercase();
        let default_port = match self.scheme()?.as_str() {
            "https" => ":443",
            "http" => ":80",
            _ => ":",
        };
        // An empty port, `host:`, means the default one (RFC 3986 §6.2.3).
        let host = authority.strip_suffix(default_port).or_else(|| authority.strip_suffix(':'));
        let host = host.unwrap_or(&authority).to_owned();
        // No `@`: user information is no part of an authority that a server is addressed by.
        let allowed =
            |byte: u8| byte.is_ascii_alphanumeric() || b"-._~%!$&'()*+;=:[]".contains(&byte);
        non_empty(checked(host, allowed)?)
    }

    fn path(&self) -> Result<String, Error> {
        if self.path.is_empty() {
            return Ok("/".to_owned());
        }
        if !self.path.starts_with('/') {
            return Err(MALFORMED);
        }
        checked(self.path.clone(), |byte| byte.is_ascii_graphic() && !b"?#".contains(&byte))
    }

    fn query(&self) -> Result<String, Error> {
        let query = format!("?{}", self.query.as_deref().unwrap_or_default());
        checked(query, |byte| byte.is_ascii_graphic() && byte != b'#')
    }

    fn target_uri(&self) -> Result<String, Error> {
        let query = if self.query.is_some() { self.query()? } else { String::new() };
        let uri = format!("{}://{}{}{query}", self.scheme()?, self.authority()?, self.path()?);
        checked(uri, |byte| byte.is_ascii_graphic())
    }
}

/// Refuses long values and bytes that could break out of their line of the signature base.
fn checked(text: String, allowed: impl Fn(u8) -> bool) -> Result<String, Error> {
    let fits = text.len() <= COMPONENT_BYTES_MAX;
    if fits && text.bytes().all(allowed) { Ok(text) } else { Err(MALFORMED) }
}

fn non_empty(text: String) -> Result<String, Error> {
    if text.is_empty() { Err(MALFORMED) } else { Ok(text) }
}
