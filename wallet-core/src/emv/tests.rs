use proptest::prelude::*;

use super::crc::checksum;
use super::{DataObject, Initiation, ObjectId, Payload, Rule, Strictness, Tip, Violation};

const PIX: &str = "00020126580014br.gov.bcb.pix0136123e4567-e12b-12d1-a456-4266554400005204000053039865802BR5913Fulano de Tal6008BRASILIA62070503***63041D3D";

/// Objects that make a payload, apart from those in question.
const ACCOUNT: &str = "26080004TEST";
const PLACE: &str = "520400005303156580 2CN5904SHOP6004CITY";

/// The text with the right checksum behind it.
fn sealed(objects: &str) -> String {
    let covered = format!("{}6304", objects.replace(' ', ""));
    format!("{covered}{}", checksum(&covered))
}

/// An object with the length that its value has.
fn object(id: &str, value: &str) -> String {
    format!("{id}{:02}{value}", value.chars().count())
}

fn with(objects: &str) -> String {
    sealed(&format!("000201{ACCOUNT}{PLACE}{objects}"))
}

fn refused(text: &str, strictness: Strictness) -> (&'static str, String, usize) {
    let violation = Payload::parse(text, strictness).unwrap_err();
    (violation.code(), violation.path().to_string(), violation.offset())
}

fn strictly(text: &str) -> (&'static str, String) {
    let (code, path, _) = refused(text, Strictness::Strict);
    (code, path)
}

#[test]
fn structure_that_is_broken_is_named_with_its_place() {
    for (text, code, path, offset) in [
        ("", "emv_format_indicator", "00", 0),
        ("hello", "emv_invalid_id", "", 0),
        ("0", "emv_incomplete", "", 0),
        ("000", "emv_incomplete", "00", 0),
        ("00xx01", "emv_invalid_length", "00", 0),
        ("0002016", "emv_incomplete", "", 6),
        ("000201540", "emv_incomplete", "54", 6),
        ("0002015405abc", "emv_incomplete", "54", 6),
        ("000201５４02ab", "emv_invalid_id", "", 6),
        ("000201540２ab", "emv_invalid_length", "54", 6),
        ("540110002016304ABCD", "emv_format_indicator", "00", 0),
        ("0002026304ABCD", "emv_format_indicator", "00", 0),
        ("000201540112", "emv_incomplete", "", 11),
        ("00020154012", "emv_checksum_missing", "63", 6),
        ("0002016303ABC", "emv_checksum_missing", "63", 6),
        ("0002016304ABCD", "emv_wrong_checksum", "63", 6),
        ("0002016304ABCD54011", "emv_checksum_missing", "63", 14),
        ("00020153031565303156", "emv_repeated_object", "53", 13),
    ] {
        for strictness in [Strictness::Strict, Strictness::Lenient] {
            assert_eq!(refused(text, strictness), (code, path.to_owned(), offset), "{text:?}");
        }
    }
}

#[test]
fn more_than_512_characters_are_refused_however_many_bytes_they_have() {
    let filler = |count: usize, letter: &str| {
        let object = |id: u8, count: usize| format!("{id}{count:02}{}", letter.repeat(count));
        let full: String = (65..69).map(|id| object(id, 90)).collect();
        with(&(full + &object(69, count)))
    };
    let exact = 512 - filler(0, "").chars().count() - 4 * 90;
    Payload::parse(&filler(exact, "京"), Strictness::Strict).unwrap();
    assert_eq!(strictly(&filler(exact + 1, "京")).0, "emv_payload_too_long");
    assert_eq!(strictly(&filler(exact + 1, "a")).0, "emv_payload_too_long");
    assert_eq!(strictly(&"0".repeat(1 << 20)).0, "emv_payload_too_long");
}

#[test]
fn a_value_without_its_form_is_named_with_its_path() {
    for (id, value, code) in [
        ("01", "13", "emv_malformed_value"),
        ("01", "1", "emv_malformed_value"),
        ("54", "1,50", "emv_malformed_value"),
        ("54", "1e10", "emv_malformed_value"),
        ("54", "-1", "emv_malformed_value"),
        ("54", ".5", "emv_malformed_value"),
        ("54", "1.2.3", "emv_malformed_value"),
        ("54", "１.50", "emv_characters"),
        ("54", "12345678901.23", "emv_value_too_long"),
        ("54", "0", "emv_zero_amount"),
        ("54", "0.00", "emv_zero_amount"),
        ("54", "", "emv_empty_value"),
        ("55", "04", "emv_malformed_value"),
        ("57", "100.0", "emv_malformed_value"),
        ("57", "00.00", "emv_malformed_value"),
        ("57", "1.234", "emv_malformed_value"),
        ("61", "12345678901", "emv_value_too_long"),
        ("65", "a\tb", "emv_control_characters"),
        ("80", "", "emv_empty_value"),
    ] {
        assert_eq!(strictly(&with(&object(id, value))), (code, id.to_owned()), "{id} {value}");
    }
}

#[test]
fn a_value_in_a_template_is_named_with_its_whole_path() {
    let name = object("01", "SHOP");
    for (template, objects, code, path) in [
        ("62", object("09", "ZZ"), "emv_malformed_value", "62.09"),
        ("62", object("09", "MM"), "emv_malformed_value", "62.09"),
        ("62", object("11", "12"), "emv_malformed_value", "62.11"),
        ("62", object("01", "a") + &object("01", "b"), "emv_repeated_object", "62.01"),
        ("62", object("01", &"a".repeat(26)), "emv_value_too_long", "62.01"),
        ("62", object("05", "café"), "emv_characters", "62.05"),
        ("62", object("05", ""), "emv_empty_value", "62.05"),
        ("62", "0512abc".to_owned(), "emv_incomplete", "62.05"),
        ("62", object("50", &object("01", "x")), "emv_missing_guid", "62.50.00"),
        ("62", object("50", "x"), "emv_incomplete", "62.50"),
        ("64", object("00", "ZHO") + &name, "emv_malformed_value", "64.00"),
        ("64", object("00", "ZH"), "emv_missing_object", "64.01"),
        ("64", name, "emv_missing_object", "64.00"),
        ("64", object("00", "ZH") + &object("01", &"京".repeat(26)), "emv_value_too_long", "64.01"),
        ("80", object("01", "x"), "emv_missing_guid", "80.00"),
        ("80", object("00", &"x".repeat(33)), "emv_value_too_long", "80.00"),
    ] {
        let text = with(&object(template, &objects));
        assert_eq!(strictly(&text), (code, path.to_owned()), "{objects}");
    }
}

#[test]
fn tips_stand_there_as_they_are_announced() {
    let kind = |value: &str| object("55", value);
    for (objects, path) in [
        (kind("02"), "56"),
        (object("56", "1"), "56"),
        (kind("01") + &object("56", "1"), "56"),
        (kind("03"), "57"),
        (object("57", "1"), "57"),
        (kind("02") + &object("56", "1") + &object("57", "1"), "57"),
    ] {
        let refused = strictly(&with(&objects));
        assert_eq!(refused, ("emv_tip_mismatch", path.to_owned()), "{objects}");
    }
    let tip = |objects: &str| {
        let payload = Payload::parse(&with(objects), Strictness::Strict).unwrap();
        format!("{:?}", payload.tip())
    };
    assert_eq!(tip(&kind("01")), format!("{:?}", Some(Tip::Prompted)));
    assert_eq!(tip(&(kind("02") + &object("56", "1"))), format!("{:?}", Some(Tip::Fixed("1"))));
}

#[test]
fn mandatory_objects_are_missed() {
    for (objects, code, path) in [
        ("0002015204000053031565802CN5904SHOP6004CITY", "emv_no_account", ""),
        ("00020126080004TEST52040000 5802CN5904SHOP6004CITY", "emv_missing_object", "53"),
        ("00020126080004TEST52040000 5303156 5904SHOP6004CITY", "emv_missing_object", "58"),
        ("00020126050101x520400005303156 5802CN5904SHOP6004CITY", "emv_missing_guid", "26.00"),
        ("0002012604abcd5204000053031565802CN5904SHOP6004CITY", "emv_invalid_id", "26"),
    ] {
        assert_eq!(strictly(&sealed(objects)), (code, path.to_owned()), "{objects}");
    }
    let (_, _, offset) = refused(&sealed("00020126080004TEST5303156"), Strictness::Lenient);
    assert_eq!(offset, "00020126080004TEST5303156".len());
}

#[test]
fn what_emvco_asks_for_and_national_schemes_leave_out_is_a_finding() {
    let text = sealed("00020126080004TEST53031565802CN");
    let payload = Payload::parse(&text, Strictness::Strict).unwrap();
    let absent: Vec<_> =
        payload.findings().iter().map(|f| (f.rule(), f.path().to_string())).collect();
    let recommended = |id: &str| (Rule::Recommended, id.to_owned());
    assert_eq!(absent, [recommended("52"), recommended("59"), recommended("60")]);
    assert!(Payload::parse(PIX, Strictness::Strict).unwrap().findings().is_empty());
}

#[test]
fn lenient_reading_forgives_by_name_what_strict_reading_refuses() {
    let lower = PIX.replace("63041D3D", "63041d3d");
    let name = sealed(&format!("000201{ACCOUNT}520400005303156580 2CN5904茶馆茶馆6004CITY"));
    let city =
        sealed(&format!("000201{ACCOUNT}520400005303156580 2CN5904SHOP6020CITYCITYCITYCITYCITY"));
    for (text, code, path, offset) in [
        (lower, "emv_checksum_lower_case", "63", PIX.len() - 8),
        (format!("{PIX}\r\n"), "emv_line_break", "", PIX.len()),
        (with("5400"), "emv_empty_value", "54", 55),
        (with("54010"), "emv_zero_amount", "54", 55),
        (name, "emv_characters", "59", 39),
        (city, "emv_value_too_long", "60", 47),
    ] {
        let (strict, ..) = refused(&text, Strictness::Strict);
        assert_eq!(strict, code, "{text}");
        let payload = Payload::parse(&text, Strictness::Lenient).unwrap();
        let found: Vec<_> = payload
            .findings()
            .iter()
            .map(|f| (f.code(), f.path().to_string(), f.offset()))
            .collect();
        assert_eq!(found, [(code, path.to_owned(), offset)], "{text}");
        // What was read is written as it should be.
        let again = Payload::parse(&payload.to_string(), Strictness::Lenient).unwrap();
        assert_eq!(again.objects(), payload.objects());
    }
}

#[test]
fn lengths_count_characters_and_offsets_too() {
    let local = object("64", "0002ZH0104最佳运输");
    let own = object("80", "0001X0103北京路");
    let text = with(&(local + &own));
    let payload = Payload::parse(&text, Strictness::Strict).unwrap();
    assert_eq!(payload.local_language().unwrap().name, "最佳运输");
    assert_eq!(payload.object(80).unwrap().offset(), 55 + 18);
    assert_eq!(payload.object(80).unwrap().objects()[1].offset(), 55 + 18 + 4 + 5);
    assert_eq!(payload.to_string(), text);
    let bytes = with("64220002ZH0104最佳运输");
    assert_eq!(strictly(&bytes), ("emv_checksum_missing", "63".to_owned()));
}

#[test]
fn getters_say_what_the_objects_mean() {
    let additional = ["0105INV-1", "0704T-17", "1003TAX", "1103500"].concat();
    let objects = [
        object("01", "12"),
        object("54", "5."),
        object("55", "03"),
        object("57", "12.50"),
        object("61", "12345"),
        object("62", &additional),
    ];
    let payload = Payload::parse(&with(&objects.concat()), Strictness::Strict).unwrap();
    assert_eq!(payload.format_indicator(), "01");
    assert_eq!(payload.initiation(), Some(Initiation::Dynamic));
    assert_eq!(payload.amount_text(), Some("5."));
    assert_eq!(payload.amount().unwrap().unwrap().to_string(), "5.00 CNY");
    assert_eq!(payload.tip(), Some(Tip::Percentage("12.50")));
    assert_eq!((payload.category(), payload.country()), (Some("0000"), Some("CN")));
    assert_eq!((payload.merchant_name(), payload.city()), (Some("SHOP"), Some("CITY")));
    assert_eq!(payload.postal_code(), Some("12345"));
    assert_eq!(payload.additional_data(1), Some("INV-1"));
    assert_eq!(payload.additional_data(2), None);
    assert_eq!(payload.accounts().count(), 1);
}

#[test]
fn objects_that_can_not_be_written_or_read_back_make_no_payload() {
    let text = |number, value: &str| DataObject::text(ObjectId::known(number), value);
    let account = DataObject::template(ObjectId::known(26), vec![text(0, "TEST")]);
    let base = [text(0, "01"), account, text(53, "156"), text(58, "CN")];
    let code = |more: DataObject| {
        let objects = [base.as_slice(), &[more]].concat();
        Payload::from_objects(&objects).as_ref().map_or_else(Violation::code, |_| "made")
    };
    assert_eq!(code(text(59, "SHOP")), "made");
    assert_eq!(code(text(65, &"x".repeat(99))), "made");
    assert_eq!(code(text(65, &"x".repeat(100))), "emv_value_too_long");
    let wide = vec![text(0, "TEST"), text(1, &"x".repeat(88))];
    assert_eq!(code(DataObject::template(ObjectId::known(80), wide)), "emv_value_too_long");
    assert_eq!(code(text(58, "CN")), "emv_repeated_object");
    assert_eq!(code(text(63, "ABCD")), "emv_repeated_object");
    assert_eq!(code(text(59, "")), "emv_empty_value");
}

fn any_value() -> impl Strategy<Value = String> {
    prop_oneof!["[ -~]{1,20}", "[\u{4e00}-\u{4fff}a-z]{1,20}"]
}

/// Payloads with objects that hold anything, in any order.
fn any_payload() -> impl Strategy<Value = Payload> {
    let objects = prop::collection::btree_map(65_u8..=79, any_value(), 0..4);
    let templates = prop::collection::btree_map(80_u8..=99, any_value(), 0..3);
    (objects, templates, any::<bool>()).prop_map(|(objects, templates, turned)| {
        let text = |number, value: &str| DataObject::text(ObjectId::known(number), value);
        let mut all = vec![
            DataObject::template(ObjectId::known(26), vec![text(0, "TEST")]),
            text(53, "156"),
            text(58, "CN"),
        ];
        all.extend(objects.iter().map(|(number, value)| text(*number, value)));
        all.extend(templates.iter().map(|(number, value)| {
            let within = vec![text(0, "OWNER"), text(7, value)];
            DataObject::template(ObjectId::known(*number), within)
        }));
        if turned {
            all.reverse();
        }
        all.insert(0, text(0, "01"));
        Payload::from_objects(&all).unwrap()
    })
}

proptest! {
    #[test]
    fn what_was_written_reads_back_as_the_same_objects_and_text(payload in any_payload()) {
        let text = payload.to_string();
        let read = Payload::parse(&text, Strictness::Strict).unwrap();
        prop_assert_eq!(&read, &payload);
        prop_assert_eq!(read.to_string(), text);
    }

    #[test]
    fn one_changed_character_is_refused_strictly_and_leniently(
        payload in any_payload(),
        place in any::<prop::sample::Index>(),
        letter in b' '..=b'~',
    ) {
        let mut letters: Vec<char> = payload.to_string().chars().collect();
        let index = place.index(letters.len());
        let letter = char::from(letter);
        // A checksum in lower-case letters is the same checksum, which lenient reading says.
        prop_assume!(letters[index].is_ascii() && !letters[index].eq_ignore_ascii_case(&letter));
        letters[index] = letter;
        let text: String = letters.into_iter().collect();
        prop_assert!(Payload::parse(&text, Strictness::Strict).is_err());
        prop_assert!(Payload::parse(&text, Strictness::Lenient).is_err());
    }

    #[test]
    fn no_text_makes_parsing_panic(text in any::<String>()) {
        let _ = Payload::parse(&text, Strictness::Lenient);
    }

    #[test]
    fn no_text_of_likely_pieces_makes_parsing_panic(
        pieces in prop::collection::vec("(00|26|54|62|63|64|80|99)(0[0-9]|[0-9]{2})[ -~京]{0,12}", 0..12),
    ) {
        let text = sealed(&format!("000201{}", pieces.concat()));
        if let Ok(payload) = Payload::parse(&text, Strictness::Lenient) {
            let again = Payload::parse(&payload.to_string(), Strictness::Lenient).unwrap();
            prop_assert_eq!(again.objects(), payload.objects());
        }
    }
}
