//! Signed requests that are kept.

use super::*;

fn kept() -> SignedEvidence {
    let signed = sign(unsigned_post(), BODY);
    parse_signed(&signed).unwrap().evidence(BODY).unwrap()
}

#[test]
fn what_was_signed_can_be_checked_from_its_bytes_alone() {
    let bytes = kept().to_bytes();
    let read = SignedEvidence::from_bytes(&bytes).unwrap();
    assert_eq!(read, kept());
    assert_eq!(read.verify(&device().public_key()), Ok(()));
    assert_eq!(read.component("@method"), Some("POST"));
    assert_eq!(read.component("@path"), Some("/v1/wallet/transfers"));
    assert_eq!(read.component("idempotency-key"), Some("k-1"));
    assert_eq!(read.component("@query"), Some("?dry=1"));
    let about = read.component("@signature-params").unwrap();
    assert!(about.contains("keyid=\"dev_1\"") && about.contains("created=1700000000"), "{about}");
    assert_eq!(read.component("accept"), None, "it was not signed");
    assert_eq!(read.body(), BODY);
}

#[test]
fn nothing_of_it_can_be_altered() {
    let bytes = kept().to_bytes();
    for position in 0..bytes.len() {
        let mut altered = bytes.clone();
        altered[position] ^= 1;
        let verified = SignedEvidence::from_bytes(&altered)
            .and_then(|evidence| evidence.verify(&device().public_key()));
        assert!(verified.is_err(), "{position}");
    }
    for length in 0..bytes.len() {
        let verified = SignedEvidence::from_bytes(&bytes[..length])
            .and_then(|evidence| evidence.verify(&device().public_key()));
        assert!(verified.is_err(), "{length}");
    }
    let other = SigningKey::from_bytes(&[8; 32]).verifying_key().to_bytes();
    assert_eq!(kept().verify(&other).unwrap_err().code(), "signature_invalid");
}

#[test]
fn a_request_without_a_digest_of_its_body_proves_nothing_about_it() {
    let signed = sign(request("GET", None), b"");
    let evidence = parse_signed(&signed).unwrap().evidence(b"{}").unwrap();
    let refused = evidence.verify(&device().public_key()).unwrap_err();
    assert_eq!(refused.code(), "signature_incomplete");
}

#[test]
fn what_is_too_long_is_not_kept() {
    let long = vec![b' '; EVIDENCE_BODY_BYTES_MAX + 1];
    let signed = sign(unsigned_post(), &long);
    assert_eq!(parse_signed(&signed).unwrap().evidence(&long), None);
    let fits = &long[1..];
    let signed = sign(unsigned_post(), fits);
    let evidence = parse_signed(&signed).unwrap().evidence(fits).unwrap();
    assert_eq!(SignedEvidence::from_bytes(&evidence.to_bytes()), Ok(evidence));
    let mut longer = evidence_bytes(fits);
    longer.push(b' ');
    assert_eq!(SignedEvidence::from_bytes(&longer).unwrap_err().code(), "invalid_evidence");
}

fn evidence_bytes(body: &[u8]) -> Vec<u8> {
    let signed = sign(unsigned_post(), body);
    parse_signed(&signed).unwrap().evidence(body).unwrap().to_bytes()
}
