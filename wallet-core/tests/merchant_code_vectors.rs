//! The vectors of `docs/merchant-codes.md` (`tests/vectors/merchant-code.json`), which an
//! implementation in Python made.

use serde_json::Value;
use wallet_core::merchant_code::{
    City, Country, Label, MerchantCategory, MerchantCode, MerchantName, PrintedAmount, Purpose,
    Reading,
};
use wallet_core::{Currency, IssuerId, Mode, Money, PositiveMoney, SigningKey, SigningPublicKey};

fn vectors() -> Value {
    serde_json::from_str(include_str!("../../tests/vectors/merchant-code.json")).unwrap()
}

fn text<'a>(row: &'a Value, field: &str) -> &'a str {
    row[field].as_str().unwrap_or_else(|| panic!("{field} of {row}"))
}

fn bytes<const N: usize>(hex: &str) -> [u8; N] {
    let byte = |index: usize| u8::from_str_radix(&hex[2 * index..2 * index + 2], 16).unwrap();
    std::array::from_fn(byte)
}

fn issuer() -> IssuerId {
    IssuerId::from_hex(text(&vectors()["issuer"], "id")).unwrap()
}

fn keys() -> Vec<SigningPublicKey> {
    let vectors = vectors();
    let keys = vectors["issuer"]["signing_keys"].as_array().unwrap();
    keys.iter()
        .map(|key| bytes(key.as_str().unwrap()))
        .map(|key| SigningPublicKey::from_bytes(&key).unwrap())
        .collect()
}

fn mode(row: &Value) -> Mode {
    Mode::from_name(text(row, "mode")).unwrap()
}

fn code(row: &Value) -> MerchantCode {
    let currency = Currency::from_code(text(row, "code_currency")).unwrap();
    let amount = row["code_amount"].as_str().map(|amount| {
        let amount = PositiveMoney::new(Money::parse(amount, currency).unwrap()).unwrap();
        PrintedAmount::new(amount).unwrap()
    });
    let purpose = match (text(row, "code_kind"), amount) {
        ("order", Some(amount)) => Purpose::Order(amount),
        ("plate", Some(amount)) => Purpose::FixedPlate(amount),
        ("plate", None) => Purpose::OpenPlate(currency),
        other => panic!("{other:?}"),
    };
    MerchantCode {
        purpose,
        id: bytes(text(row, "code_id")),
        merchant: bytes(text(row, "code_merchant")),
        name: MerchantName::parse(text(row, "code_name")).unwrap(),
        category: MerchantCategory::parse(text(row, "code_category")).unwrap(),
        country: Country::parse(text(row, "code_country")).unwrap(),
        city: City::parse(text(row, "code_city")).unwrap(),
        label: row["code_label"].as_str().map(|label| Label::parse(label).unwrap()),
    }
}

fn outcome(row: &Value) -> &'static str {
    match MerchantCode::read(text(row, "text"), &issuer(), &keys(), mode(row)) {
        Ok(Reading::Signed(_)) => "signed",
        Ok(Reading::Suspicious(suspicion)) => suspicion.as_str(),
        Ok(Reading::OtherIssuer(_)) => "other_issuer",
        Ok(Reading::OtherScheme(_)) => "other_scheme",
        Err(violation) => violation.code(),
    }
}

#[test]
fn codes_come_out_of_their_fields_character_by_character_and_read_back() {
    let vectors = vectors();
    let rows = vectors["positive"].as_array().unwrap();
    assert!(rows.len() > 10);
    for row in rows {
        let key = SigningKey::from_seed(&bytes(text(row, "seed")));
        let code = code(row);
        let name = text(row, "name");
        assert_eq!(code.sign(&issuer(), mode(row), &key), text(row, "text"), "{name}");
        let read = MerchantCode::read(text(row, "text"), &issuer(), &keys(), mode(row));
        assert_eq!(read.unwrap(), Reading::Signed(code), "{name}");
    }
}

#[test]
fn every_forgery_and_every_foreign_code_is_called_by_its_name() {
    let vectors = vectors();
    let rows = vectors["negative"].as_array().unwrap();
    assert!(rows.len() > 20);
    for row in rows {
        assert_eq!(outcome(row), text(row, "outcome"), "{}", text(row, "name"));
    }
}

#[test]
fn the_worked_example_of_the_documentation_is_the_first_vector() {
    let page = include_str!("../../docs/merchant-codes.md");
    let text = vectors()["positive"][0]["text"].as_str().unwrap().to_owned();
    assert!(page.contains(&format!("```text\n{text}\n```")));
}
