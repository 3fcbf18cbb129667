//! Payloads that others published (`tests/vectors/emv-mpm.json`), read and written again.

use serde_json::Value;
use wallet_core::emv::{Payload, Scheme, Strictness};

fn vectors() -> Value {
    serde_json::from_str(include_str!("../../tests/vectors/emv-mpm.json")).unwrap()
}

/// The texts of a section, with their names.
fn texts(section: &str) -> Vec<(String, String)> {
    let vectors = vectors();
    let rows = vectors[section].as_array().unwrap();
    let text = |row: &Value, key: &str| row[key].as_str().unwrap().to_owned();
    assert!(!rows.is_empty(), "{section}");
    rows.iter().map(|row| (text(row, "name"), text(row, "text"))).collect()
}

fn code(text: &str, strictness: Strictness) -> &'static str {
    Payload::parse(text, strictness).map_or_else(|violation| violation.code(), |_| "read")
}

#[test]
fn valid_payloads_are_read_strictly_and_written_as_the_same_text() {
    for (name, text) in texts("valid") {
        let payload = Payload::parse(&text, Strictness::Strict).unwrap();
        assert_eq!(payload.to_string(), text, "{name}");
        let again = Payload::from_objects(payload.objects()).unwrap();
        assert_eq!(again.to_string(), text, "{name}");
    }
}

#[test]
fn lenient_payloads_are_read_only_when_that_is_asked_for() {
    for (name, text) in texts("lenient") {
        assert_eq!(code(&text, Strictness::Strict), "emv_empty_value", "{name}");
        let payload = Payload::parse(&text, Strictness::Lenient).unwrap();
        assert_eq!(payload.to_string(), text, "{name}");
    }
}

#[test]
fn invalid_payloads_are_never_read() {
    for (name, text) in texts("invalid") {
        for strictness in [Strictness::Strict, Strictness::Lenient] {
            assert_eq!(code(&text, strictness), "emv_wrong_checksum", "{name}");
        }
    }
}

#[test]
fn what_the_payloads_say_is_what_their_publishers_say() {
    let payloads: Vec<_> = texts("valid")
        .iter()
        .map(|(_, text)| Payload::parse(text, Strictness::Strict).unwrap())
        .collect();
    let [sample, cards, pix, promptpay] = payloads.as_slice() else { panic!("four payloads") };
    let scheme = |payload: &Payload| {
        let guid = payload.accounts().next().unwrap().guid().unwrap().to_owned();
        Scheme::of_guid(&guid).map(Scheme::name)
    };

    assert_eq!(sample.local_language().unwrap().name, "最佳运输");
    assert_eq!(sample.amount().unwrap().unwrap().to_string(), "23.72 CNY");
    assert_eq!(sample.additional_data(9), Some("ME"));
    assert_eq!(sample.unreserved().next().unwrap().guid(), Some("A011223344998877"));

    assert_eq!(cards.amount_text(), Some("999.123"));
    assert_eq!(cards.amount().unwrap_err().code(), "amount_too_precise");
    assert_eq!(cards.accounts().count(), 2);

    assert_eq!((scheme(pix), pix.city()), (Some("Pix"), Some("BRASILIA")));
    assert_eq!((pix.initiation(), pix.amount().unwrap()), (None, None));

    assert_eq!(scheme(promptpay), Some("PromptPay credit transfer"));
    let absent: Vec<_> = promptpay.findings().iter().map(|f| f.path().to_string()).collect();
    assert_eq!(absent, ["52", "59", "60"]);
}
