//! The examples of RFC 9421 and RFC 9530.

use super::*;

/// The Ed25519 key of RFC 9421, Appendix B.1.4.
const SECRET: &str = ":n4Ni+HpISpVObnQMW0wOhCKROaIKqKtW/2ZYb2p9KcU=:";
const PUBLIC: &str = ":JrQLj5P/89iXES9+vFgrIy29clF9CC/oPPsw3c5D0bs=:";
const B26_SIGNATURE: &str =
    ":wqcAqbmYJ2ji2glfAMaRy4gruYYnx2nEFN2HN6jrnDnQCK1u02Gb04v9EDgwUPiu4A0w6vuQv5lIp5WPpBKRCw==:";
const SHA_512_OF_HELLO: &str = "sha-512=:WZDPaVn/7XgHaAy8pmojAkGWoRx2UFChF41A2svX+TaPm+AbwAgBWnrIiYllu7BNNyealdVLvRwEmTHWXvJwew==:";

pub(super) fn bytes<const N: usize>(text: &str) -> [u8; N] {
    let item: sfv::Item = sfv::Parser::new(text).parse().unwrap();
    item.bare_item.as_byte_sequence().unwrap().try_into().unwrap()
}

fn headers(fields: &[(&str, &str)]) -> Vec<(String, String)> {
    fields.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect()
}

/// `test-request` of Appendix B.2.
fn test_request() -> RequestParts {
    RequestParts {
        method: "POST".into(),
        scheme: "https".into(),
        authority: "example.com".into(),
        path: "/foo".into(),
        query: Some("param=Value&Pet=dog".into()),
        headers: headers(&[
            ("Host", "example.com"),
            ("Date", "Tue, 20 Apr 2021 02:07:55 GMT"),
            ("Content-Type", "application/json"),
            ("Content-Digest", SHA_512_OF_HELLO),
            ("Content-Length", "18"),
        ]),
    }
}

fn params(names: &[&str], keyid: &str) -> SignatureParams {
    SignatureParams {
        components: names.iter().map(|name| Component::parse(name).unwrap()).collect(),
        created: Some(1_618_884_473),
        keyid: Some(keyid.into()),
        ..SignatureParams::default()
    }
}

/// The line of one component in the signature base.
fn line(parts: &RequestParts, name: &str) -> String {
    let base = signature_base(parts, &params(&[name], "k")).unwrap();
    base.lines().next().unwrap().to_owned()
}

#[test]
fn appendix_b_2_6_has_this_base_and_this_signature() {
    let names = ["date", "@method", "@path", "@authority", "content-type", "content-length"];
    let base = signature_base(&test_request(), &params(&names, "test-key-ed25519")).unwrap();
    assert_eq!(
        base,
        concat!(
            "\"date\": Tue, 20 Apr 2021 02:07:55 GMT\n",
            "\"@method\": POST\n",
            "\"@path\": /foo\n",
            "\"@authority\": example.com\n",
            "\"content-type\": application/json\n",
            "\"content-length\": 18\n",
            "\"@signature-params\": (\"date\" \"@method\" \"@path\" \"@authority\" ",
            "\"content-type\" \"content-length\");created=1618884473;keyid=\"test-key-ed25519\""
        )
    );
    let key = SigningKey::from_bytes(&bytes(SECRET));
    assert_eq!(key.verifying_key().to_bytes(), bytes(PUBLIC));
    assert_eq!(Device(key.clone()).sign(base.as_bytes()), bytes(B26_SIGNATURE));
    let signature = ed25519_dalek::Signature::from_bytes(&bytes(B26_SIGNATURE));
    key.verifying_key().verify_strict(base.as_bytes(), &signature).unwrap();
}

#[test]
fn section_2_5_has_this_base() {
    let names =
        ["@method", "@authority", "@path", "content-digest", "content-length", "content-type"];
    let base = signature_base(&test_request(), &params(&names, "test-key-rsa-pss")).unwrap();
    let expected = [
        r#""@method": POST"#,
        r#""@authority": example.com"#,
        r#""@path": /foo"#,
        &format!(r#""content-digest": {SHA_512_OF_HELLO}"#),
        r#""content-length": 18"#,
        r#""content-type": application/json"#,
        concat!(
            r#""@signature-params": ("@method" "@authority" "@path" "content-digest" "#,
            r#""content-length" "content-type");created=1618884473;keyid="test-key-rsa-pss""#
        ),
    ];
    assert_eq!(base, expected.join("\n"));
}

#[test]
fn section_2_1_joins_and_trims_fields_this_way() {
    let parts = RequestParts {
        headers: headers(&[
            ("Host", "www.example.com"),
            ("X-OWS-Header", "  Leading and trailing whitespace.  "),
            ("Cache-Control", "max-age=60"),
            ("X-Empty-Header", " "),
            ("Cache-Control", "    must-revalidate"),
            ("Example-Dict", " a=1,    b=2;x=1;y=2,   c=(a   b   c)"),
        ]),
        ..test_request()
    };
    for (name, expected) in [
        ("host", r#""host": www.example.com"#),
        ("x-ows-header", r#""x-ows-header": Leading and trailing whitespace."#),
        ("cache-control", r#""cache-control": max-age=60, must-revalidate"#),
        ("x-empty-header", r#""x-empty-header": "#),
        ("example-dict", r#""example-dict": a=1,    b=2;x=1;y=2,   c=(a   b   c)"#),
    ] {
        assert_eq!(line(&parts, name), expected);
    }
}

#[test]
fn section_2_2_derives_components_this_way() {
    let parts = |scheme: &str, authority: &str, path: &str, query: Option<&str>| RequestParts {
        method: "POST".into(),
        scheme: scheme.into(),
        authority: authority.into(),
        path: path.into(),
        query: query.map(str::to_owned),
        headers: vec![],
    };
    let example = parts("https", "www.example.com", "/path", Some("param=value"));
    for (parts, name, expected) in [
        (example.clone(), "@method", r#""@method": POST"#),
        (
            example.clone(),
            "@target-uri",
            r#""@target-uri": https://www.example.com/path?param=value"#,
        ),
        (example.clone(), "@authority", r#""@authority": www.example.com"#),
        (example.clone(), "@path", r#""@path": /path"#),
        (parts("HTTP", "www.example.com", "/path", None), "@scheme", r#""@scheme": http"#),
        (
            parts("https", "www.example.com", "/path", Some("param=value&foo=bar&baz=batman")),
            "@query",
            r#""@query": ?param=value&foo=bar&baz=batman"#,
        ),
        (parts("https", "h", "/path", Some("queryString")), "@query", r#""@query": ?queryString"#),
        (parts("https", "h", "/path", None), "@query", r#""@query": ?"#),
        (parts("https", "h", "", None), "@path", r#""@path": /"#),
        (
            parts("https", "WWW.Example.com:443", "/", None),
            "@authority",
            r#""@authority": www.example.com"#,
        ),
        (
            parts("http", "www.example.com:80", "/", None),
            "@authority",
            r#""@authority": www.example.com"#,
        ),
        (
            parts("http", "www.example.com:443", "/", None),
            "@authority",
            r#""@authority": www.example.com:443"#,
        ),
        (
            parts("https", "[2001:DB8::1]:8443", "/", None),
            "@authority",
            r#""@authority": [2001:db8::1]:8443"#,
        ),
    ] {
        assert_eq!(line(&parts, name), expected);
    }
}

#[test]
fn appendix_b_2_1_signs_nothing_but_its_parameters() {
    let params = SignatureParams {
        nonce: Some("b3k2pp5k7z-50gnwp.yemd".into()),
        ..params(&[], "test-key-rsa-pss")
    };
    assert_eq!(
        signature_base(&test_request(), &params).unwrap(),
        concat!(
            r#""@signature-params": ();created=1618884473;keyid="test-key-rsa-pss""#,
            r#";nonce="b3k2pp5k7z-50gnwp.yemd""#
        )
    );
}

#[test]
fn rfc_9530_digests_match_their_bodies() {
    let json = br#"{"hello": "world"}"#;
    let json_line = b"{\"hello\": \"world\"}\n";
    let sha_256_line = "sha-256=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=:";
    let sha_512_line = "sha-512=:YMAam51Jz/jOATT6/zvHrLVgOYTGFy1d6GJiOHTohq4yP+pgk4vf2aCsyRZOtw8MjkM7iw7yZ/WkppmM44T3qg==:";
    verify_content_digest(SHA_512_OF_HELLO, json).unwrap();
    verify_content_digest("sha-256=:X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=:", json).unwrap();
    verify_content_digest(sha_512_line, json_line).unwrap();
    verify_content_digest(&format!("{sha_256_line},{sha_512_line}"), json_line).unwrap();
    verify_content_digest(&format!("unixsum=:AAA=:, {sha_256_line}"), json_line).unwrap();
    assert_eq!(content_digest(json_line), sha_256_line);
}

#[test]
fn digests_that_prove_nothing_are_refused() {
    let good = content_digest(BODY);
    let other = content_digest(b"other");
    let other_512 = SHA_512_OF_HELLO;
    for (header, expected) in [
        (other, "digest_mismatch"),
        (format!("{good}, {other_512}"), "digest_mismatch"),
        (good.replace("sha-256", "md5"), "digest_mismatch"),
        (String::new(), "digest_mismatch"),
        ("sha-256=::".into(), "digest_mismatch"),
        ("sha-256=1".into(), "signature_malformed"),
        ("sha-256".into(), "signature_malformed"),
        (good.replace(':', ""), "signature_malformed"),
        (format!("{good}, ü"), "signature_malformed"),
        (format!("{good}{}", " ".repeat(COMPONENT_BYTES_MAX)), "signature_malformed"),
    ] {
        let error = verify_content_digest(&header, BODY).unwrap_err();
        assert_eq!(error.code(), expected, "{header}");
    }
}
