//! Random changes and random texts.

use proptest::prelude::*;
use proptest::test_runner::RngSeed;

use super::*;

/// Everything about a signed request that the server compares as it stands.
fn covered_values(parts: &mut RequestParts) -> Vec<&mut String> {
    let covered = [SIGNATURE, SIGNATURE_INPUT, CONTENT_DIGEST, "idempotency-key"];
    let fields = parts
        .headers
        .iter_mut()
        .filter(|(name, _)| covered.iter().any(|other| name.eq_ignore_ascii_case(other)));
    let mut values: Vec<_> = fields.map(|(_, value)| value).collect();
    values.extend([&mut parts.method, &mut parts.path]);
    values.extend(parts.query.as_mut());
    values
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(9421),
        ..ProptestConfig::default()
    })]

    #[test]
    fn one_changed_character_anywhere_is_refused(
        value in any::<prop::sample::Index>(),
        position in any::<prop::sample::Index>(),
        replacement in b' '..=b'~',
    ) {
        let mut parts = sign(unsigned_post(), BODY);
        let mut values = covered_values(&mut parts);
        let value = value.get_mut(&mut values);
        let mut bytes = value.clone().into_bytes();
        let position = position.index(bytes.len());
        prop_assume!(bytes[position] != replacement);
        bytes[position] = replacement;
        **value = String::from_utf8(bytes).unwrap();
        prop_assert!(verify(&parts, BODY, NOW).is_err());
    }

    #[test]
    fn one_changed_bit_of_the_base_is_refused(position in any::<prop::sample::Index>(), bit in 0..8_u8) {
        let parts = sign(unsigned_post(), BODY);
        let input = parts.field(SIGNATURE_INPUT).unwrap().unwrap();
        let names = required_components(&parts);
        let components: Vec<_> = names.iter().map(|name| Component::parse(name).unwrap()).collect();
        let params = input.strip_prefix("wallet=").unwrap();
        let mut base =
            base::base_from_text(&parts, &components, params).unwrap().into_bytes();
        let signature = ed25519_dalek::Signature::from_bytes(&device().sign(&base));
        let key = device().0.verifying_key();
        prop_assert!(key.verify_strict(&base, &signature).is_ok());
        let position = position.index(base.len());
        base[position] ^= 1_u8 << bit;
        prop_assert!(key.verify_strict(&base, &signature).is_err());
    }

    #[test]
    fn any_request_that_can_be_signed_verifies(
        method in "(GET|POST|PUT|DELETE)",
        path in "(/[a-zA-Z0-9%._~-]{0,20}){0,4}",
        query in proptest::option::of("[a-zA-Z0-9=&%?/-]{0,40}"),
        idempotency_key in proptest::option::of("[!-~]([ -~]{0,30}[!-~])?"),
        nonce in "[a-zA-Z0-9_-]{16,64}",
        body in proptest::collection::vec(any::<u8>(), 0..64),
    ) {
        let mut parts = request(&method, query.as_deref());
        parts.path = path;
        parts.headers.extend(idempotency_key.map(|key| (IDEMPOTENCY_KEY.to_owned(), key)));
        let signed = sign_request(&device(), "dev_1", &parts, &body, NOW, &nonce).unwrap();
        parts.headers.extend(signed.into_fields());
        prop_assert!(verify(&parts, &body, NOW).is_ok());
    }

    #[test]
    fn any_text_in_the_fields_is_refused_without_a_panic(
        input in "(wallet=)?\\PC{0,80}|wallet=\\([\" @a-z-]{0,40}\\)(;[a-z]{1,7}=?[\"0-9a-z:@.]{0,12}){0,6}",
        signature in "(wallet=:)?\\PC{0,80}",
        digest in "(sha-256=:)?\\PC{0,80}",
    ) {
        let mut parts = unsigned_post();
        for (name, value) in
            [(SIGNATURE_INPUT, input), (SIGNATURE, signature), (CONTENT_DIGEST, digest.clone())]
        {
            parts.headers.push((name.to_owned(), value));
        }
        prop_assert!(verify(&parts, BODY, NOW).is_err());
        prop_assert!(verify_content_digest(&digest, BODY).is_err());
    }
}
