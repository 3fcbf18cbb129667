use proptest::prelude::*;
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;

use super::{
    City, Country, Label, MerchantCategory, MerchantCode, MerchantCodeKind, MerchantName,
    PrintedAmount, Purpose, Reading, Suspicion, layout,
};
use crate::emv::{DataObject, ObjectId, PAYLOAD_LENGTH_MAX, Payload, Strictness, with_checksum};
use crate::{Currency, Mode, Money, PositiveMoney, SigningKey, SigningPublicKey};

fn key(seed: u64) -> SigningKey {
    SigningKey::generate(&mut ChaCha20Rng::seed_from_u64(seed))
}

fn amount(text: &str) -> PrintedAmount {
    let yuan = Currency::from_code("CNY").unwrap();
    let money = Money::parse(text, yuan).unwrap();
    PrintedAmount::new(PositiveMoney::new(money).unwrap()).unwrap()
}

fn plate() -> MerchantCode {
    MerchantCode {
        purpose: Purpose::OpenPlate(Currency::from_code("CNY").unwrap()),
        id: [1; 16],
        merchant: [2; 16],
        name: MerchantName::parse("张记面馆").unwrap(),
        category: MerchantCategory::parse("5812").unwrap(),
        country: Country::parse("CN").unwrap(),
        city: City::parse("Chengdu").unwrap(),
        label: None,
    }
}

fn order() -> MerchantCode {
    MerchantCode {
        purpose: Purpose::Order(amount("12.50")),
        name: MerchantName::parse("Tea House").unwrap(),
        label: Some(Label::parse("Table 4").unwrap()),
        ..plate()
    }
}

fn signed(code: &MerchantCode) -> String {
    let issuer = key(1).public_key().root_issuer_id();
    code.sign(&issuer, Mode::Live, &key(1))
}

fn keys() -> Vec<SigningPublicKey> {
    vec![key(2).public_key(), key(1).public_key()]
}

fn read(text: &str) -> Reading {
    let issuer = key(1).public_key().root_issuer_id();
    MerchantCode::read(text, &issuer, &keys(), Mode::Live).unwrap()
}

/// The code with objects put in, taken out or altered, and the right checksum.
fn with_objects(text: &str, alter: impl FnOnce(&mut Vec<DataObject>)) -> String {
    let mut objects = Payload::parse(text, Strictness::Strict).unwrap().objects().to_vec();
    alter(&mut objects);
    with_checksum(&objects.iter().map(DataObject::to_string).collect::<String>())
}

fn position(objects: &[DataObject], number: u8) -> usize {
    objects.iter().position(|object| object.id().number() == number).unwrap()
}

fn id(number: u8) -> ObjectId {
    ObjectId::new(number).unwrap()
}

#[test]
fn the_text_of_a_code_is_the_documented_one() {
    let text = signed(&order());
    let payload = Payload::parse(&text, Strictness::Strict).unwrap();
    let unsigned = "00020101021226900014F057414C4C455401011\
                    0211iojj3XRjmcs0322AQEBAQEBAQEBAQEBAQEBAQ0422AgICAgICAgICAgICAgICAg\
                    520458125303156540512.505802CN5909Tea House6007Chengdu62110807Table 4";
    let hint = payload.object(26).unwrap().objects()[2].as_text().unwrap().to_owned();
    let start = unsigned.replace("iojj3XRjmcs", &hint);
    assert!(text.starts_with(&start), "{text}\n{start}");
    let seal: Vec<_> = payload.objects().iter().rev().take(2).map(|o| o.id().number()).collect();
    assert_eq!(seal, [83, 82]);
    assert_eq!(text.chars().count(), start.chars().count() + 161);
}

#[test]
fn a_signed_code_reads_back_as_what_was_signed() {
    let fixed = MerchantCode { purpose: Purpose::FixedPlate(amount("3")), ..order() };
    for code in [plate(), order(), fixed] {
        assert_eq!(read(&signed(&code)), Reading::Signed(code.clone()));
    }
    assert_eq!(order().kind(), MerchantCodeKind::Order);
    assert_eq!(plate().amount(), None);
    assert_eq!(plate().currency().code(), "CNY");
}

#[test]
fn other_readers_see_a_name_that_they_can_show() {
    for (name, shown) in [
        ("Tea House", "Tea House"),
        ("张记面馆", "MERCHANT"),
        ("Café", "MERCHANT"),
        ("                              x", "MERCHANT"),
        ("The Very Long Name of a Shop Ltd", "The Very Long Name of a S"),
        ("MERCHANT", "MERCHANT"),
    ] {
        let code = MerchantCode { name: MerchantName::parse(name).unwrap(), ..plate() };
        let text = signed(&code);
        let payload = Payload::parse(&text, Strictness::Strict).unwrap();
        assert_eq!(payload.merchant_name(), Some(shown));
        assert_eq!(payload.object(80).is_some(), name != shown, "{name}");
        assert_eq!(read(&text), Reading::Signed(code));
    }
}

#[test]
fn the_largest_code_keeps_within_512_characters_and_loses_its_label() {
    for letter in ["京", "x"] {
        let code = MerchantCode {
            purpose: Purpose::Order(amount("9999999999.99")),
            name: MerchantName::parse(&letter.repeat(100)).unwrap(),
            city: City::parse("ABCDEFGHIJKLMNO").unwrap(),
            label: Some(Label::parse("ABCDEFGHIJKLMNOPQRSTUVWXY").unwrap()),
            ..plate()
        };
        let text = signed(&code);
        assert!(text.chars().count() <= PAYLOAD_LENGTH_MAX, "{}", text.chars().count());
        let without = MerchantCode { label: None, ..code.clone() };
        let fits = letter == "京";
        let expected =
            if fits && text.contains("ABCDEFGHIJKLMNOPQRSTUVWXY") { code } else { without };
        assert_eq!(read(&text), Reading::Signed(expected));
    }
}

#[test]
fn every_altered_character_is_refused_also_with_a_new_checksum() {
    let genuine = signed(&plate());
    let letters: Vec<char> = genuine.chars().collect();
    for place in 0..letters.len() - 4 {
        for other in ['0', '1', 'A', 'a', '京'] {
            let mut altered = letters.clone();
            if altered[place] == other {
                continue;
            }
            altered[place] = other;
            let altered: String = altered[..letters.len() - 8].iter().collect();
            let text = with_checksum(&altered);
            let issuer = key(1).public_key().root_issuer_id();
            let reading = MerchantCode::read(&text, &issuer, &keys(), Mode::Live);
            // In the last eight characters, those of the checksum, nothing was altered.
            let unaltered = place >= letters.len() - 8;
            assert_eq!(matches!(reading, Ok(Reading::Signed(_))), unaltered, "{place} {other}");
        }
    }
}

#[test]
fn a_code_whose_signature_was_taken_off_is_unsigned() {
    let text = with_objects(&signed(&plate()), |objects| {
        objects.retain(|object| !matches!(object.id().number(), 82 | 83));
    });
    assert_eq!(read(&text), Reading::Suspicious(Suspicion::Unsigned));
}

#[test]
fn half_a_signature_is_malformed() {
    for half in [82, 83] {
        let text = with_objects(&signed(&plate()), |objects| {
            objects.retain(|object| object.id().number() != half);
        });
        assert_eq!(read(&text), Reading::Suspicious(Suspicion::Malformed), "{half}");
    }
}

#[test]
fn a_signature_of_somebody_else_is_named() {
    let issuer = key(1).public_key().root_issuer_id();
    let stranger = plate().sign(&issuer, Mode::Live, &key(9));
    assert_eq!(read(&stranger), Reading::Suspicious(Suspicion::UnknownKey));

    // The signature of one code under the fields of another.
    let other = MerchantCode { merchant: [9; 16], ..plate() };
    let transplanted = with_objects(&signed(&other), |objects| {
        let genuine = Payload::parse(&signed(&plate()), Strictness::Strict).unwrap();
        for number in [82, 83] {
            let place = position(objects, number);
            objects[place] = genuine.object(number).unwrap().clone();
        }
    });
    assert_eq!(read(&transplanted), Reading::Suspicious(Suspicion::WronglySigned));
}

#[test]
fn a_code_of_the_other_mode_is_named_and_not_payable() {
    let issuer = key(1).public_key().root_issuer_id();
    for (signed_for, read_in) in [(Mode::Test, Mode::Live), (Mode::Live, Mode::Test)] {
        let text = plate().sign(&issuer, signed_for, &key(1));
        let reading = MerchantCode::read(&text, &issuer, &keys(), read_in).unwrap();
        assert_eq!(reading, Reading::Suspicious(Suspicion::OtherMode));
    }
}

#[test]
fn an_order_signed_as_a_plate_is_refused() {
    // Same signature, but the text says that it may be paid many times.
    let fixed = MerchantCode { purpose: Purpose::FixedPlate(amount("12.50")), ..order() };
    let text = with_objects(&signed(&fixed), |objects| {
        let genuine = Payload::parse(&signed(&order()), Strictness::Strict).unwrap();
        for number in [82, 83] {
            let place = position(objects, number);
            objects[place] = genuine.object(number).unwrap().clone();
        }
    });
    assert_eq!(read(&text), Reading::Suspicious(Suspicion::WronglySigned));
    let open = with_objects(&signed(&order()), |objects| {
        objects.retain(|object| object.id().number() != 54);
    });
    assert_eq!(read(&open), Reading::Suspicious(Suspicion::Malformed));
}

#[test]
fn nothing_can_be_put_before_between_or_behind() {
    let genuine = signed(&order());
    let count = Payload::parse(&genuine, Strictness::Strict).unwrap().objects().len();
    let tip = DataObject::text(id(55), "01");
    let foreign = DataObject::template(id(90), vec![DataObject::text(id(0), "OTHER")]);
    let account = DataObject::template(id(27), vec![DataObject::text(id(0), "OTHER")]);
    for place in 1..=count {
        for more in [&tip, &foreign, &account] {
            let text = with_objects(&genuine, |objects| objects.insert(place, more.clone()));
            assert_eq!(read(&text), Reading::Suspicious(Suspicion::Malformed), "{place} {more}");
        }
    }
    let turned = with_objects(&genuine, |objects| objects.swap(3, 4));
    assert_eq!(read(&turned), Reading::Suspicious(Suspicion::Malformed));
}

#[test]
fn another_version_is_not_guessed_at() {
    let text = with_objects(&signed(&plate()), |objects| {
        let place = position(objects, 26);
        let within = objects[place].objects().iter().map(|object| match object.id().number() {
            1 => DataObject::text(object.id(), "2"),
            _ => object.clone(),
        });
        objects[place] = DataObject::template(id(26), within.collect());
    });
    assert_eq!(read(&text), Reading::Suspicious(Suspicion::Malformed));
}

#[test]
fn codes_of_other_issuers_and_schemes_are_told_apart() {
    let other = key(3);
    let issuer = other.public_key().root_issuer_id();
    let text = plate().sign(&issuer, Mode::Live, &other);
    assert!(matches!(read(&text), Reading::OtherIssuer(_)));
    let pix = "00020126580014br.gov.bcb.pix0136123e4567-e12b-12d1-a456-4266554400005204000053039865802BR5913Fulano de Tal6008BRASILIA62070503***63041D3D";
    assert!(matches!(read(pix), Reading::OtherScheme(_)));
}

#[test]
fn what_bears_our_identifier_anywhere_is_not_another_schemes() {
    for guid in [layout::GUID, "f057414c4c4554"] {
        let ours = vec![DataObject::text(id(0), guid)];
        let text = with_checksum(
            &[
                DataObject::text(id(0), "01"),
                DataObject::template(id(30), ours),
                DataObject::text(id(53), "156"),
                DataObject::text(id(58), "CN"),
            ]
            .map(|object| object.to_string())
            .concat(),
        );
        assert_eq!(read(&text), Reading::Suspicious(Suspicion::Unsigned), "{guid}");
    }
}

#[test]
fn parts_that_no_code_can_hold_are_refused_by_name() {
    let code = |refused: Result<(), crate::Error>| refused.map_or_else(|e| e.code(), |()| "fits");
    let name = |text: &str| code(MerchantName::parse(text).map(drop));
    assert_eq!(name(&"京".repeat(100)), "fits");
    for text in ["", "a\nb", &"京".repeat(101)] {
        assert_eq!(name(text), "invalid_merchant_name", "{text:?}");
    }
    let category = |text: &str| code(MerchantCategory::parse(text).map(drop));
    for text in ["", "123", "12345", "12a4", "１２３４"] {
        assert_eq!(category(text), "invalid_merchant_category", "{text}");
    }
    let country = |text: &str| code(Country::parse(text).map(drop));
    for text in ["", "C", "cn", "CHN", "中国"] {
        assert_eq!(country(text), "invalid_country", "{text}");
    }
    let city = |text: &str| code(City::parse(text).map(drop));
    assert_eq!(city("ABCDEFGHIJKLMNO"), "fits");
    for text in ["", " X", "X ", "成都", "ABCDEFGHIJKLMNOP"] {
        assert_eq!(city(text), "invalid_city", "{text}");
    }
    let label = |text: &str| code(Label::parse(text).map(drop));
    assert_eq!(label("A pot of green tea, large"), "fits");
    assert_eq!(label("A pot of green tea, larger"), "invalid_code_label");
    let printed = |minor: i64| {
        let yuan = Currency::from_code("CNY").unwrap();
        let positive = PositiveMoney::new(Money::from_minor(minor, yuan)).unwrap();
        code(PrintedAmount::new(positive).map(drop))
    };
    assert_eq!(printed(999_999_999_999), "fits");
    assert_eq!(printed(1_000_000_000_000), "amount_too_long");
    assert_eq!(printed(i64::MAX), "amount_too_long");
}

fn any_code() -> impl Strategy<Value = MerchantCode> {
    let name = prop_oneof!["[ -~]{1,100}", "[\u{4e00}-\u{9fff}a-zA-Z ]{1,100}", "\\PC{1,100}"];
    let purpose =
        (0..3_u8, 1..=9_999_999_999_999_i64, prop::sample::select(vec!["CNY", "JPY", "KWD"]));
    let purpose = purpose.prop_filter_map("amount too long", |(kind, minor, currency)| {
        let currency = Currency::from_code(currency).unwrap();
        let positive = PositiveMoney::new(Money::from_minor(minor, currency)).unwrap();
        let amount = PrintedAmount::new(positive).ok()?;
        Some(match kind {
            0 => Purpose::Order(amount),
            1 => Purpose::FixedPlate(amount),
            _ => Purpose::OpenPlate(currency),
        })
    });
    let label = prop::option::of("[!-~]([ -~]{0,23}[!-~])?");
    (purpose, any::<[u8; 16]>(), any::<[u8; 16]>(), name, "[!-~]([ -~]{0,13}[!-~])?", label)
        .prop_filter_map(
            "a name with control characters",
            |(purpose, id, merchant, name, city, label)| {
                Some(MerchantCode {
                    purpose,
                    id,
                    merchant,
                    name: MerchantName::parse(&name).ok()?,
                    city: City::parse(&city).unwrap(),
                    label: label.map(|label| Label::parse(&label).unwrap()),
                    ..plate()
                })
            },
        )
}

proptest! {
    #[test]
    fn any_code_fits_reads_back_and_is_one_text(code in any_code()) {
        let text = signed(&code);
        prop_assert!(text.chars().count() <= PAYLOAD_LENGTH_MAX);
        let Reading::Signed(read) = read(&text) else { panic!("{text}") };
        prop_assert_eq!(signed(&read), text);
        let without = |code: &MerchantCode| MerchantCode { label: None, ..code.clone() };
        prop_assert_eq!(without(&read), without(&code));
        // Only a long name leaves no room for the label.
        let long = code.name.as_str().chars().count() > 70;
        prop_assert!(long || read.label == code.label);
    }
}
