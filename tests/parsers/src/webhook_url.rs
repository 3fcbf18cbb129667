//! URLs that merchants want their webhooks sent to.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use wallet_server::outbound::Target;

/// The longest that is taken.
const LENGTH_MAX: usize = 2_000;

/// A URL that is taken is `https`, leads to no address but one of the internet's however that was
/// written, has one text, and can be sent to. Who may call anything (private) may call that too.
pub fn check(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let private = Target::parse(text, true);
    if let Ok(target) = &private {
        check_form(text, target.as_str());
        assert_eq!(Target::parse(target.as_str(), true).as_ref(), Ok(target));
    }
    match Target::parse(text, false) {
        Ok(target) => {
            assert_eq!(private.as_ref(), Ok(&target));
            assert_eq!(Target::parse(target.as_str(), false).as_ref(), Ok(&target));
            check_public(target.as_str());
        }
        Err(refused) => assert!(!refused.to_string().is_empty()),
    }
}

/// What is kept is what the HTTP client can send to, and nothing in it is left to interpretation.
fn check_form(text: &str, url: &str) {
    assert!(text.len() <= LENGTH_MAX && url.len() <= LENGTH_MAX, "{text}");
    assert!(url.bytes().all(|byte| byte.is_ascii_graphic()), "{url}");
    // Some take it for a slash, and others for a part of a name.
    assert!(!url.split('?').next().unwrap().contains('\\'), "{url}");
    assert!(!url.contains('#') && !authority(url).contains('@'), "{url}");
    let uri: http::Uri = url.parse().unwrap_or_else(|error| panic!("{error}: {url}"));
    assert_eq!(uri.host(), Some(split(authority(url)).0), "{url}");
}

fn check_public(url: &str) {
    assert!(url.starts_with("https://"), "{url}");
    let (host, port) = split(authority(url));
    assert!(port.is_none_or(|port| port >= 1024), "{url}");
    assert!(host == host.to_lowercase(), "{url}");
    if let Some(address) = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        let address: Ipv6Addr = address.parse().unwrap();
        assert!(is_of_the_internet(IpAddr::V6(address)), "{url}");
    } else if ends_in_a_number(host) {
        // Systems read `127.1`, `0x7f000001` and `017700000001` as addresses: none of it is left.
        let address: Ipv4Addr = host.parse().unwrap_or_else(|_| panic!("an address: {url}"));
        assert_eq!(address.to_string(), host);
        assert!(is_of_the_internet(IpAddr::V4(address)), "{url}");
    }
}

/// Name or address, and port, if there is one.
fn authority(url: &str) -> &str {
    let (_, rest) = url.split_once("://").unwrap();
    rest.split(['/', '?']).next().unwrap()
}

fn split(authority: &str) -> (&str, Option<u16>) {
    match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port.parse().unwrap())),
        Some(_) | None => (authority, None),
    }
}

/// Whether the last part of a name is one that a name does not have, and an address does.
fn ends_in_a_number(host: &str) -> bool {
    let last = host.strip_suffix('.').unwrap_or(host).rsplit('.').next().unwrap_or_default();
    let hexadecimal = last.strip_prefix("0x");
    let digits = hexadecimal.unwrap_or(last);
    let is_digit = |byte: u8| match hexadecimal {
        Some(_) => byte.is_ascii_hexdigit(),
        None => byte.is_ascii_digit(),
    };
    (hexadecimal.is_some() || !digits.is_empty()) && digits.bytes().all(is_digit)
}

/// What the standard library says of an address, and the rest by its first bits.
fn is_of_the_internet(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => {
            let [first, second, third, _] = address.octets();
            let is_special = address.is_private()
                || address.is_loopback()
                || address.is_link_local()
                || address.is_broadcast()
                || address.is_documentation()
                || address.is_multicast()
                || matches!((first, second, third), (0 | 240.., ..) | (192, 0, 0))
                || matches!((first, second), (100, 64..=127) | (198, 18 | 19));
            !is_special
        }
        IpAddr::V6(address) => {
            let [first, second, ..] = address.segments();
            // Those of IPv4 that are written as IPv6 are outside 2000::/3, but for 6to4 and Teredo.
            (0x2000..0x4000).contains(&first)
                && first != 0x2002
                && !matches!((first, second), (0x2001, 0 | 0xdb8))
        }
    }
}

/// URLs of each kind, most of which have to be refused.
#[must_use]
pub fn seeds() -> Vec<Vec<u8>> {
    let texts = [
        "https://shop.example/hooks?key=1&with=a%20blank",
        "HTTPS://Shop.Example:8443",
        "https://bücher.example/ä?ö",
        "https://1.1.1.1:443/",
        "https://[2606:4700:4700::1111]:1024/a/../b",
        "https://127.1/",
        "https://0x7f000001/",
        "https://017700000001./",
        "https://[::ffff:10.0.0.1]/",
        "https://[64:ff9b::a9fe:a9fe]/",
        "https://１２７。0.0.1/",
        "https://user:secret@shop.example/#top",
        "http://localhost:8080/hooks",
        "https://a_b-c.~d!e/{f}|^`g",
        "https://shop.example:25/",
        "ftp:\\\\shop.example\\hooks",
    ];
    texts.map(|text| text.as_bytes().to_vec()).to_vec()
}
