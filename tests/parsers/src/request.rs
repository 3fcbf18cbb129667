//! Signed requests: a line with method and target, header fields, an empty line, the body.

use std::sync::LazyLock;

use wallet_core::DeviceKey;
use wallet_core::requests::{
    Component, RequestParts, parse_signed, sign_request, verify_content_digest,
};

const NOW: u64 = 1_800_000_000;
const IDEMPOTENCY_KEY: &str = "idempotency-key";

/// What a signature of the profile covers.
#[derive(PartialEq, Eq)]
struct Covered {
    method: String,
    authority: String,
    path: String,
    query: String,
    idempotency_key: Option<String>,
    body: Vec<u8>,
}

static KNOWN: LazyLock<(DeviceKey, Vec<Vec<u8>>, Vec<Covered>)> = LazyLock::new(|| {
    let key = DeviceKey::from_seed(&[7; 32]);
    let seeds = signed(&key);
    let covered = seeds.iter().map(|seed| {
        let (parts, body) = read(seed).unwrap();
        covered(&parts, body)
    });
    let covered = covered.collect();
    (key, seeds, covered)
});

/// Only what the device signed verifies, whatever else stands in the request.
pub fn check(bytes: &[u8]) {
    let Some((parts, body)) = read(bytes) else { return };
    for (name, value) in &parts.headers {
        if let Ok(component) = Component::parse(name) {
            assert_eq!(component.name(), name);
        }
        let _ = verify_content_digest(value, body);
    }
    let Ok(unverified) = parse_signed(&parts) else { return };
    assert!((1..=128).contains(&unverified.keyid().len()));
    assert!((16..=64).contains(&unverified.nonce().len()));
    let (key, _, known) = &*KNOWN;
    let public = *key.public_key().as_bytes();
    if unverified.verify(&public, body, NOW).is_ok() {
        assert!(known.contains(&covered(&parts, body)));
    }
}

fn read(bytes: &[u8]) -> Option<(RequestParts, &[u8])> {
    let end = bytes.windows(2).position(|pair| pair == b"\n\n")?;
    let (head, body) = (std::str::from_utf8(&bytes[..end]).ok()?, &bytes[end + 2..]);
    let mut lines = head.split('\n');
    let (method, target) = lines.next()?.split_once(' ')?;
    let (path, query) = match target.split_once('?') {
        Some((path, query)) => (path, Some(query.to_owned())),
        None => (target, None),
    };
    let fields = lines.map(|line| {
        let (name, value) = line.split_once(':').unwrap_or((line, ""));
        (name.to_owned(), value.to_owned())
    });
    let parts = RequestParts {
        method: method.to_owned(),
        scheme: "https".to_owned(),
        authority: "wallet.example".to_owned(),
        path: path.to_owned(),
        query,
        headers: fields.collect(),
    };
    Some((parts, body))
}

fn covered(parts: &RequestParts, body: &[u8]) -> Covered {
    let keys = parts.headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case(IDEMPOTENCY_KEY));
    let keys: Vec<&str> = keys.map(|(_, value)| value.trim_matches([' ', '\t'])).collect();
    Covered {
        method: parts.method.clone(),
        authority: parts.authority.clone(),
        path: if parts.path.is_empty() { "/".to_owned() } else { parts.path.clone() },
        query: parts.query.clone().unwrap_or_default(),
        idempotency_key: (!keys.is_empty()).then(|| keys.join(", ")),
        body: body.to_vec(),
    }
}

/// A question, and a transfer.
fn signed(key: &DeviceKey) -> Vec<Vec<u8>> {
    let transfer = r#"{"amount":"12.50","currency":"CNY","to":"mei"}"#;
    let requests = [
        ("GET /v1/wallet/events?after=evt_1&wait=25\naccept: application/json\n\n", ""),
        ("POST /v1/wallet/transfers\nIdempotency-Key: k-1\n\n", transfer),
    ];
    let signed = requests.map(|(head, body)| {
        let unsigned = [head, body].concat();
        let (parts, body) = read(unsigned.as_bytes()).unwrap();
        let fields = sign_request(key, "0707070707070707", &parts, body, NOW, "c2l4dGVlbi1jaGFycw");
        let mut head = head.trim_end().to_owned();
        for (name, value) in fields.unwrap().into_fields() {
            head.extend(["\n", &name, ": ", &value]);
        }
        [head.as_bytes(), b"\n\n", body].concat()
    });
    signed.to_vec()
}

/// Requests that verify.
#[must_use]
pub fn seeds() -> Vec<Vec<u8>> {
    KNOWN.1.clone()
}
