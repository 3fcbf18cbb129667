//! Tests of the profile and of RFC 9421's and RFC 9530's own examples.

use ed25519_dalek::{Signer, SigningKey};

use super::*;

mod evidence;
mod properties;
mod refusals;
mod rfc;

const NOW: u64 = 1_700_000_000;
const NONCE: &str = "c2l4dGVlbi1jaGFycw";
const BODY: &[u8] = br#"{"amount":"12.50","currency":"CNY"}"#;

struct Device(SigningKey);

impl RequestSigner for Device {
    fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.0.sign(message).to_bytes()
    }
}

impl Device {
    fn public_key(&self) -> [u8; 32] {
        self.0.verifying_key().to_bytes()
    }
}

fn device() -> Device {
    Device(SigningKey::from_bytes(&[7; 32]))
}

fn request(method: &str, query: Option<&str>) -> RequestParts {
    RequestParts {
        method: method.into(),
        scheme: "https".into(),
        authority: "wallet.example".into(),
        path: "/v1/wallet/transfers".into(),
        query: query.map(str::to_owned),
        headers: vec![("accept".into(), "application/json".into())],
    }
}

fn unsigned_post() -> RequestParts {
    let mut parts = request("POST", Some("dry=1"));
    parts.headers.push(("Idempotency-Key".into(), "k-1".into()));
    parts
}

fn sign(mut parts: RequestParts, body: &[u8]) -> RequestParts {
    let signed = sign_request(&device(), "dev_1", &parts, body, NOW, NONCE).unwrap();
    parts.headers.extend(signed.into_fields());
    parts
}

fn verify(parts: &RequestParts, body: &[u8], now: u64) -> Result<VerifiedRequest, Error> {
    parse_signed(parts)?.verify(&device().public_key(), body, now)
}

fn code(result: Result<VerifiedRequest, Error>) -> &'static str {
    result.map_or_else(|error| error.code(), |_| "ok")
}

fn field_mut<'a>(parts: &'a mut RequestParts, name: &str) -> &'a mut String {
    let field = parts.headers.iter_mut().find(|(other, _)| other.eq_ignore_ascii_case(name));
    &mut field.unwrap().1
}

fn signature_field(signature: &[u8; 64]) -> String {
    format!("wallet={}", sfv::ItemSerializer::new().bare_item(signature.as_slice()).finish())
}

/// Signs whatever parameters say, as a device that doesn't keep to the profile would.
fn sign_anyhow(mut parts: RequestParts, params_text: &str, components: &[&str]) -> RequestParts {
    let components: Vec<_> =
        components.iter().map(|name| Component::parse(name).unwrap()).collect();
    let base = base::base_from_text(&parts, &components, params_text).unwrap();
    parts.headers.push((SIGNATURE_INPUT.into(), format!("wallet={params_text}")));
    parts.headers.push((SIGNATURE.into(), signature_field(&device().sign(base.as_bytes()))));
    parts
}

#[test]
fn a_signed_request_verifies_and_tells_who_when_and_once() {
    let parts = sign(unsigned_post(), BODY);
    let unverified = parse_signed(&parts).unwrap();
    assert_eq!(
        (unverified.keyid(), unverified.created(), unverified.nonce()),
        ("dev_1", NOW, NONCE)
    );
    let verified = unverified.verify(&device().public_key(), BODY, NOW).unwrap();
    assert_eq!((verified.keyid(), verified.created(), verified.nonce()), ("dev_1", NOW, NONCE));
}

#[test]
fn the_profile_covers_target_body_and_idempotency_key_and_is_written_this_way() {
    let signed = sign_request(&device(), "dev_1", &unsigned_post(), b"", NOW, NONCE).unwrap();
    assert_eq!(
        signed.content_digest.unwrap(),
        "sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:"
    );
    assert_eq!(
        signed.signature_input,
        concat!(
            r#"wallet=("@method" "@authority" "@path" "@query" "content-digest" "#,
            r#""idempotency-key");created=1700000000;keyid="dev_1";nonce="c2l4dGVlbi1jaGFycw""#,
            r#";alg="ed25519";tag="wallet-device""#
        )
    );
}

#[test]
fn a_request_without_body_needs_no_digest_unless_its_method_has_content() {
    for (method, body, has_digest) in [
        ("GET", &b""[..], false),
        ("DELETE", b"", false),
        ("DELETE", b"x", true),
        ("POST", b"", true),
        ("PUT", b"", true),
        ("PATCH", b"", true),
    ] {
        let parts = sign(request(method, None), body);
        assert_eq!(parts.has_field(CONTENT_DIGEST), has_digest, "{method}");
        assert_eq!(code(verify(&parts, body, NOW)), "ok", "{method}");
    }
}

#[test]
fn the_server_may_see_the_same_request_spelled_differently() {
    let signed = sign(unsigned_post(), BODY);
    let respell: [fn(&mut RequestParts); 5] = [
        |parts| parts.authority = "Wallet.EXAMPLE".into(),
        |parts| parts.authority = "wallet.example:443".into(),
        |parts| parts.authority = "wallet.example:".into(),
        |parts| parts.headers.iter_mut().for_each(|(name, _)| name.make_ascii_uppercase()),
        |parts| parts.headers.reverse(),
    ];
    for change in respell {
        let mut parts = signed.clone();
        change(&mut parts);
        assert_eq!(code(verify(&parts, BODY, NOW)), "ok");
    }
    let no_query = sign(request("GET", None), b"");
    assert_eq!(
        code(verify(&RequestParts { query: Some(String::new()), ..no_query }, b"", NOW)),
        "ok"
    );
}

#[test]
fn more_components_and_another_order_are_accepted() {
    let params = concat!(
        r#"("accept" "@query" "@path" "@authority" "@method");tag="wallet-device""#,
        r#";alg="ed25519";nonce="c2l4dGVlbi1jaGFycw";keyid="dev_1";created=1700000000"#
    );
    let components = ["accept", "@query", "@path", "@authority", "@method"];
    let parts = sign_anyhow(request("GET", None), params, &components);
    assert_eq!(code(verify(&parts, b"", NOW)), "ok");
}
