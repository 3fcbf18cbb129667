//! Where a request may go: a URL that was looked at.

use std::net::IpAddr;

use reqwest::Url;

use super::address::special;

/// The longest URL: many proxies and servers take no longer one.
const URL_LENGTH_MAX: usize = 2000;
/// Ports below this belong to known services: to the one that is meant, 443, and to others, such as
/// mail, that would make something of what they are sent.
const PORT_MIN: u16 = 1024;

/// A URL that a request may be sent to, as far as the URL tells. Its name may still have addresses
/// that are refused.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Target(Url);

/// Why a URL is no target.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum TargetRefused {
    /// Not a URL, or too long.
    #[error("it is not a URL of at most 2000 characters")]
    NotAUrl,
    /// Another scheme.
    #[error("it does not begin with https://")]
    Scheme,
    /// It holds a user or a password.
    #[error("it holds a user or a password; endpoints are told who calls by the signature")]
    Credentials,
    /// It holds a fragment, which is never sent.
    #[error("it holds a fragment, which is never sent")]
    Fragment,
    /// A host that no name server knows, and no client can ask for.
    #[error("the name of its host has other characters than letters, digits, -, _ and .")]
    Host,
    /// A port that belongs to another service.
    #[error("its port is none of 443 and 1024 to 65535")]
    Port,
    /// An address that is not the internet's.
    #[error("it leads to an address that is not one of the internet's: {0}")]
    Address(&'static str),
}

impl Target {
    /// Reads a URL. With `private`, where merchants are trusted or tests run, also `http://`, any
    /// port and any address.
    ///
    /// # Errors
    /// [`TargetRefused`], which says why not.
    pub fn parse(text: &str, private: bool) -> Result<Self, TargetRefused> {
        if text.len() > URL_LENGTH_MAX || text.chars().any(char::is_control) {
            return Err(TargetRefused::NotAUrl);
        }
        let url = Url::parse(text).map_err(|_| TargetRefused::NotAUrl)?;
        match url.scheme() {
            "https" => {}
            "http" if private => {}
            _ => return Err(TargetRefused::Scheme),
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(TargetRefused::Credentials);
        }
        if url.fragment().is_some() {
            return Err(TargetRefused::Fragment);
        }
        let target = Self(url);
        if target.host().is_empty() || target.0.as_str().len() > URL_LENGTH_MAX {
            return Err(TargetRefused::NotAUrl);
        }
        let is_of_a_name =
            |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
        if target.address().is_none() && !target.host().bytes().all(is_of_a_name) {
            return Err(TargetRefused::Host);
        }
        if private {
            return Ok(target);
        }
        if target.port() != 443 && target.port() < PORT_MIN {
            return Err(TargetRefused::Port);
        }
        if is_localhost(target.host()) {
            return Err(TargetRefused::Address("loopback"));
        }
        match target.address().and_then(special) {
            Some(what) => Err(TargetRefused::Address(what)),
            None => Ok(target),
        }
    }

    /// The URL, in the one form that it is kept and called in.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    pub(super) fn url(&self) -> Url {
        self.0.clone()
    }

    /// The name or address; an IPv6 address without its brackets.
    pub(super) fn host(&self) -> &str {
        let host = self.0.host_str().unwrap_or_default();
        host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host)
    }

    /// The address, if it stands there instead of a name.
    pub(super) fn address(&self) -> Option<IpAddr> {
        self.host().parse().ok()
    }

    fn port(&self) -> u16 {
        self.0.port_or_known_default().unwrap_or_default()
    }
}

/// Names that are this machine's by definition (RFC 6761, section 6.3), so that refusing them tells
/// nobody anything.
fn is_localhost(host: &str) -> bool {
    let host = host.strip_suffix('.').unwrap_or(host);
    host == "localhost" || host.ends_with(".localhost")
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use proptest::prelude::*;

    use super::super::address::special;
    use super::{Target, TargetRefused};

    proptest! {
        #[test]
        fn what_is_taken_is_taken_again_in_the_same_form(text in "(https://)?[!-~]{0,30}|\\PC{0,30}") {
            if let Ok(target) = Target::parse(&text, false) {
                let again = Target::parse(target.as_str(), false).unwrap();
                prop_assert_eq!(again.as_str(), target.as_str());
                prop_assert!(target.as_str().starts_with("https://"));
            }
        }

        #[test]
        fn no_way_to_write_an_address_gets_past_the_check(
            bits: u32, mapped: bool, radix in 0..3, port in 1024..=u16::MAX,
        ) {
            let address = std::net::Ipv4Addr::from(bits);
            let host = match radix {
                _ if mapped => format!("[::ffff:{address}]"),
                0 => address.to_string(),
                1 => bits.to_string(),
                _ => format!("{bits:#x}"),
            };
            let taken = Target::parse(&format!("https://{host}:{port}/"), false).is_ok();
            prop_assert_eq!(taken, !mapped && special(IpAddr::V4(address)).is_none());
        }
    }

    #[test]
    fn a_url_is_taken_in_one_form() {
        for (text, form) in [
            ("https://shop.example/hooks?key=1", "https://shop.example/hooks?key=1"),
            ("HTTPS://Shop.Example", "https://shop.example/"),
            ("https://shop.example:443/", "https://shop.example/"),
            ("https://shop.example:8443/a", "https://shop.example:8443/a"),
            ("https://1.1.1.1/", "https://1.1.1.1/"),
            ("https://[2606:4700:4700::1111]/", "https://[2606:4700:4700::1111]/"),
            ("https://bücher.example/", "https://xn--bcher-kva.example/"),
        ] {
            assert_eq!(Target::parse(text, false).unwrap().as_str(), form, "{text}");
        }
    }

    #[test]
    fn addresses_that_are_not_the_internets_are_refused_however_they_are_written() {
        for host in [
            "127.0.0.1",
            "0x7f000001",
            "2130706433",
            "0177.0.0.1",
            "127.1",
            "127.0.0.1.",
            "１２７.0.0.1",
            "10.1.2.3",
            "169.254.169.254",
            "[::1]",
            "[::ffff:127.0.0.1]",
            "[::ffff:7f00:1]",
            "[64:ff9b::7f00:1]",
            "[2002:7f00:1::]",
            "[fe80::1]",
            "localhost",
            "LocalHost.",
            "db.localhost",
        ] {
            let refused = Target::parse(&format!("https://{host}/"), false).unwrap_err();
            assert!(matches!(refused, TargetRefused::Address(_)), "{host}: {refused}");
            Target::parse(&format!("http://{host}:1/"), true).unwrap();
        }
    }

    #[test]
    fn everything_else_that_is_no_target_says_why() {
        let long = format!("https://shop.example/{}", "a".repeat(2000));
        for (text, why) in [
            ("", TargetRefused::NotAUrl),
            ("shop.example", TargetRefused::NotAUrl),
            ("https://", TargetRefused::NotAUrl),
            ("https://shop.example/\n", TargetRefused::NotAUrl),
            ("https://[::1/", TargetRefused::NotAUrl),
            ("https://256.1.1.1/", TargetRefused::NotAUrl),
            (long.as_str(), TargetRefused::NotAUrl),
            ("http://shop.example/", TargetRefused::Scheme),
            ("ftp://shop.example/", TargetRefused::Scheme),
            ("file:///etc/passwd", TargetRefused::Scheme),
            ("https://me@shop.example/", TargetRefused::Credentials),
            ("https://:secret@shop.example/", TargetRefused::Credentials),
            ("https://shop.example@127.0.0.1/", TargetRefused::Credentials),
            ("https://shop.example/#top", TargetRefused::Fragment),
            ("https://shop\"example/", TargetRefused::Host),
            ("https://shop.example`/", TargetRefused::Host),
            ("https://{shop}.example/", TargetRefused::Host),
            ("https://shop.example:25/", TargetRefused::Port),
            ("https://shop.example:80/", TargetRefused::Port),
            ("https://shop.example:0/", TargetRefused::Port),
        ] {
            assert_eq!(Target::parse(text, false), Err(why), "{text}");
        }
        let never = ["ftp://shop.example/", "https://me@shop.example/", "http://a\"b/", "x"];
        for text in never {
            Target::parse(text, true).unwrap_err();
        }
    }
}
