//! Each row changes one thing about a request that verifies.

use super::*;

type Change = fn(&mut RequestParts);

fn replace(parts: &mut RequestParts, name: &str, from: &str, to: &str) {
    let value = field_mut(parts, name);
    assert!(value.contains(from), "{from} isn't in {value}");
    *value = value.replace(from, to);
}

fn repeat(parts: &mut RequestParts, name: &str) {
    let value = field_mut(parts, name).clone();
    parts.headers.push((name.to_owned(), value));
}

#[test]
fn whatever_was_signed_cannot_be_changed() {
    let changes: [(&str, Change); 15] = [
        ("method", |parts| parts.method = "PUT".into()),
        ("method's case", |parts| parts.method = "Post".into()),
        ("authority", |parts| parts.authority = "evil.example".into()),
        ("port", |parts| parts.authority = "wallet.example:80".into()),
        ("path", |parts| parts.path = "/v1/wallet/transfer".into()),
        ("path's encoding", |parts| parts.path = "/v1/wallet/%74ransfers".into()),
        ("query", |parts| parts.query = Some("dry=0".into())),
        ("no query", |parts| parts.query = None),
        ("keyid", |parts| replace(parts, SIGNATURE_INPUT, "dev_1", "dev_2")),
        ("created", |parts| replace(parts, SIGNATURE_INPUT, "1700000000", "1700000001")),
        ("nonce", |parts| replace(parts, SIGNATURE_INPUT, NONCE, "c2l4dGVlbi1jaGFyeQ")),
        ("digest", |parts| *field_mut(parts, CONTENT_DIGEST) = content_digest(b"other")),
        ("idempotency key", |parts| *field_mut(parts, IDEMPOTENCY_KEY) = "k-2".into()),
        ("second idempotency key", |parts| {
            parts.headers.push((IDEMPOTENCY_KEY.into(), "k-2".into()));
        }),
        ("signature", |parts| *field_mut(parts, SIGNATURE) = signature_field(&[0; 64])),
    ];
    let signed = sign(unsigned_post(), BODY);
    for (what, change) in changes {
        let mut parts = signed.clone();
        change(&mut parts);
        assert_eq!(code(verify(&parts, BODY, NOW)), "signature_invalid", "{what}");
    }
}

#[test]
fn another_body_is_a_digest_mismatch() {
    let parts = sign(unsigned_post(), BODY);
    for body in [&b""[..], b"{}", br#"{"amount":"92.50","currency":"CNY"}"#] {
        assert_eq!(code(verify(&parts, body, NOW)), "digest_mismatch");
    }
    let without_digest = sign(request("GET", None), b"");
    assert_eq!(code(verify(&without_digest, b"smuggled", NOW)), "signature_incomplete");
}

#[test]
fn another_key_or_a_weak_key_is_refused() {
    let parts = sign(unsigned_post(), BODY);
    let other = Device(SigningKey::from_bytes(&[8; 32])).public_key();
    let mut identity = [0; 32];
    identity[0] = 1;
    for key in [other, [0; 32], identity, [0xff; 32]] {
        let result = parse_signed(&parts).unwrap().verify(&key, BODY, NOW);
        assert_eq!(code(result), "signature_invalid");
    }
    // R = identity and S = 0 satisfy the equation for the identity as key, whatever the message.
    let mut forged = parts;
    let signature = [identity, [0; 32]].concat().try_into().unwrap();
    *field_mut(&mut forged, SIGNATURE) = signature_field(&signature);
    let result = parse_signed(&forged).unwrap().verify(&identity, BODY, NOW);
    assert_eq!(code(result), "signature_invalid");
}

#[test]
fn a_second_encoding_of_a_good_signature_is_refused() {
    // The order of the group, added to S, gives the same point but not the same bytes.
    let order = [
        0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde,
        0x14, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10_u8,
    ];
    let mut parts = sign(unsigned_post(), BODY);
    let text = field_mut(&mut parts, SIGNATURE);
    let mut signature: [u8; 64] = rfc::bytes(text.strip_prefix("wallet=").unwrap());
    let mut carry = 0_u16;
    for (byte, add) in signature[32..].iter_mut().zip(order) {
        let sum = u16::from(*byte) + u16::from(add) + carry;
        (*byte, carry) = (sum.to_le_bytes()[0], sum >> 8);
    }
    *text = signature_field(&signature);
    assert_eq!(code(verify(&parts, BODY, NOW)), "signature_invalid");
}

#[test]
fn a_signature_lives_sixty_seconds_either_way() {
    let parts = sign(unsigned_post(), BODY);
    for (now, expected) in [
        (NOW + SKEW_SECONDS_MAX, "ok"),
        (NOW + SKEW_SECONDS_MAX + 1, "signature_expired"),
        (u64::MAX, "signature_expired"),
        (NOW - SKEW_SECONDS_MAX, "ok"),
        (NOW - SKEW_SECONDS_MAX - 1, "signature_from_future"),
        (0, "signature_from_future"),
    ] {
        assert_eq!(code(verify(&parts, BODY, now)), expected, "{now}");
    }
}

#[test]
fn a_request_without_either_field_has_no_signature() {
    let signed = sign(unsigned_post(), BODY);
    for name in [SIGNATURE, SIGNATURE_INPUT] {
        let mut parts = signed.clone();
        parts.headers.retain(|(other, _)| other != name);
        assert_eq!(code(verify(&parts, BODY, NOW)), "signature_missing");
    }
}

#[test]
fn every_required_component_must_be_covered() {
    let tail = concat!(
        r#";created=1700000000;keyid="dev_1";nonce="c2l4dGVlbi1jaGFycw""#,
        r#";alg="ed25519";tag="wallet-device""#
    );
    let all = ["@method", "@authority", "@path", "@query", "content-digest", "idempotency-key"];
    let mut request = unsigned_post();
    request.headers.push((CONTENT_DIGEST.into(), content_digest(BODY)));
    for left_out in std::iter::once(None).chain(all.map(Some)) {
        let names: Vec<_> = all.into_iter().filter(|name| Some(*name) != left_out).collect();
        let params = format!("(\"{}\"){tail}", names.join("\" \""));
        let parts = sign_anyhow(request.clone(), &params, &names);
        let expected = if left_out.is_some() { "signature_incomplete" } else { "ok" };
        assert_eq!(code(verify(&parts, BODY, NOW)), expected, "{left_out:?}");
    }
    let four = &all[..4];
    let params = format!("(\"{}\"){tail}", four.join("\" \""));
    let post = sign_anyhow(self::request("POST", None), &params, four);
    assert_eq!(code(verify(&post, b"", NOW)), "signature_incomplete");
    let mut get = self::request("GET", None);
    get.headers.push((CONTENT_DIGEST.into(), content_digest(b"")));
    let get = sign_anyhow(get, &params, four);
    assert_eq!(code(verify(&get, b"", NOW)), "signature_incomplete");

    let mut with_new_key = sign(self::request("GET", None), b"");
    with_new_key.headers.push((IDEMPOTENCY_KEY.into(), "added".into()));
    assert_eq!(code(verify(&with_new_key, b"", NOW)), "signature_incomplete");
}

#[test]
fn parameters_outside_the_profile_are_refused_though_signed() {
    let good = concat!(
        r#"("@method" "@authority" "@path" "@query");created=1700000000;keyid="dev_1""#,
        r#";nonce="c2l4dGVlbi1jaGFycw";alg="ed25519";tag="wallet-device""#
    );
    let components = ["@method", "@authority", "@path", "@query"];
    let check = |params: &str| {
        let parts = sign_anyhow(request("GET", None), params, &components);
        code(verify(&parts, b"", NOW))
    };
    assert_eq!(check(good), "ok");
    let long_keyid = format!("keyid=\"{}\"", "k".repeat(KEYID_CHARS_MAX + 1));
    let long_nonce = format!("nonce=\"{}\"", "n".repeat(NONCE_CHARS_MAX + 1));
    for (from, to) in [
        ("wallet-device", "wallet-merchant"),
        (r#";tag="wallet-device""#, ""),
        ("ed25519", "hmac-sha256"),
        (r#";alg="ed25519""#, ""),
        (r#"alg="ed25519""#, "alg=ed25519"),
        (";created=1700000000", ""),
        ("created=1700000000", "created=-1"),
        ("created=1700000000", "created=1700000000.0"),
        ("created=1700000000", "created=@1700000000"),
        ("created=1700000000", "created=9999999999999999"),
        (r#";keyid="dev_1""#, ""),
        (r#"keyid="dev_1""#, r#"keyid="""#),
        (r#"keyid="dev_1""#, r#"keyid="dev 1""#),
        (r#"keyid="dev_1""#, r#"keyid="dev\"1""#),
        (r#"keyid="dev_1""#, &long_keyid),
        (r#";nonce="c2l4dGVlbi1jaGFycw""#, ""),
        ("c2l4dGVlbi1jaGFycw", "fifteen-chars--"),
        ("c2l4dGVlbi1jaGFycw", "c2l4dGVlbi1jaGFy/w"),
        (r#"nonce="c2l4dGVlbi1jaGFycw""#, &long_nonce),
        (";created", ";expires=1700000000;created"),
        (";created", ";unknown;created"),
        (";created", r#";keyid="dev_1";created"#),
        (r#""@query""#, r#""@query";req"#),
        (r#""@query""#, r#""@query" "@query""#),
        (r#""@query""#, r#""@query" "@status""#),
        (r#""@query""#, r#""@query" "Accept""#),
        (r#""@query""#, r#""@query" """#),
        (r#""@query""#, r#""@query" "absent""#),
        (r#""@query""#, r"accept"),
        ("(", "( "),
    ] {
        assert!(good.contains(from), "{from}");
        assert_eq!(check(&good.replace(from, to)), "signature_malformed", "{from} -> {to}");
    }
}

#[test]
fn fields_in_another_form_are_refused() {
    let changes: [(&str, Change); 14] = [
        ("input twice", |parts| repeat(parts, SIGNATURE_INPUT)),
        ("signature twice", |parts| repeat(parts, SIGNATURE)),
        ("two labels", |parts| field_mut(parts, SIGNATURE_INPUT).push_str(", b=()")),
        ("two signatures", |parts| field_mut(parts, SIGNATURE).push_str(", b=:AA==:")),
        ("label", |parts| replace(parts, SIGNATURE, "wallet=", "sig1=")),
        ("other label", |parts| replace(parts, SIGNATURE_INPUT, "wallet=", "sig1=")),
        ("label's case", |parts| replace(parts, SIGNATURE, "wallet=", "Wallet=")),
        ("padding", |parts| replace(parts, SIGNATURE, "==:", ":")),
        ("parameter", |parts| field_mut(parts, SIGNATURE).push_str(";a")),
        ("token", |parts| *field_mut(parts, SIGNATURE) = "wallet=abc".into()),
        ("item", |parts| *field_mut(parts, SIGNATURE_INPUT) = "wallet=1".into()),
        ("non-ASCII", |parts| field_mut(parts, SIGNATURE).push('ü')),
        ("comma", |parts| field_mut(parts, SIGNATURE_INPUT).push(',')),
        ("oversized", |parts| {
            let text = format!("wallet=();a=\"{}\"", "a".repeat(SIGNATURE_INPUT_BYTES_MAX));
            *field_mut(parts, SIGNATURE_INPUT) = text;
        }),
    ];
    let signed = sign(unsigned_post(), BODY);
    for (what, change) in changes {
        let mut parts = signed.clone();
        change(&mut parts);
        assert_eq!(code(verify(&parts, BODY, NOW)), "signature_malformed", "{what}");
    }
}

#[test]
fn requests_that_cannot_be_signed_are_refused_by_both_ends() {
    let changes: [(&str, Change); 15] = [
        ("no method", |parts| parts.method = String::new()),
        ("method with a line break", |parts| parts.method = "POST\n".into()),
        ("no authority", |parts| parts.authority = String::new()),
        ("user information", |parts| parts.authority = "me@wallet.example".into()),
        ("no host", |parts| parts.authority = ":443".into()),
        ("no scheme", |parts| parts.scheme = String::new()),
        ("relative path", |parts| parts.path = "v1".into()),
        ("path with a query", |parts| parts.path = "/v1?a".into()),
        ("path with a space", |parts| parts.path = "/v 1".into()),
        ("non-ASCII path", |parts| parts.path = "/é".into()),
        ("query with a line break", |parts| parts.query = Some("a\n\"@path\": /".into())),
        ("query with a fragment", |parts| parts.query = Some("a#b".into())),
        ("long query", |parts| parts.query = Some("q".repeat(COMPONENT_BYTES_MAX))),
        ("non-ASCII field", |parts| *field_mut(parts, IDEMPOTENCY_KEY) = "ключ".into()),
        ("folded field", |parts| *field_mut(parts, IDEMPOTENCY_KEY) = "a\r\n b".into()),
    ];
    for (what, change) in changes {
        let mut parts = unsigned_post();
        change(&mut parts);
        let error = sign_request(&device(), "dev_1", &parts, BODY, NOW, NONCE).unwrap_err();
        assert_eq!(error.code(), "signature_malformed", "{what}");

        let mut parts = sign(unsigned_post(), BODY);
        change(&mut parts);
        assert_eq!(code(verify(&parts, BODY, NOW)), "signature_malformed", "{what}");
    }
}

#[test]
fn the_signer_refuses_what_the_server_would() {
    let long = "n".repeat(NONCE_CHARS_MAX + 1);
    let wrong = [
        ("", NONCE),
        ("dev 1", NONCE),
        ("dev_1", "short"),
        ("dev_1", long.as_str()),
        ("dev_1", "no quotes \" in a nonce"),
    ];
    for (keyid, nonce) in wrong {
        let error = sign_request(&device(), keyid, &unsigned_post(), BODY, NOW, nonce).unwrap_err();
        assert_eq!(error.code(), "signature_malformed");
    }
    let signed = sign(unsigned_post(), BODY);
    assert!(sign_request(&device(), "dev_1", &signed, BODY, NOW, NONCE).is_err());
    let far_future = 1 << 60;
    assert!(sign_request(&device(), "dev_1", &unsigned_post(), BODY, far_future, NONCE).is_err());
}

#[test]
fn a_base_of_too_many_or_repeated_components_is_refused() {
    let fields: Vec<_> = (0..=COMPONENTS_MAX).map(|number| format!("x-{number}")).collect();
    let mut parts = request("GET", None);
    parts.headers.extend(fields.iter().map(|name| (name.clone(), "1".to_owned())));
    let params = |names: &[String]| SignatureParams {
        components: names.iter().map(|name| Component::parse(name).unwrap()).collect(),
        ..SignatureParams::default()
    };
    assert!(signature_base(&parts, &params(&fields[..COMPONENTS_MAX])).is_ok());
    assert!(signature_base(&parts, &params(&fields)).is_err());
    assert!(signature_base(&parts, &params(&["x-1".into(), "x-1".into()])).is_err());
}
