//! Texts of EMV QR codes, of any scheme.
//!
//! A fuzzer does not hit upon a checksum, so each text is read twice: as it is, and as the objects
//! of a payload, with the right checksum behind them.

use wallet_core::emv::{
    self, DataObject, ObjectId, PAYLOAD_LENGTH_MAX, Path, Payload, Rule, Strictness,
    VALUE_LENGTH_MAX, Value, Violation,
};

/// What lenient reading forgives, as the module's documentation lists it.
const FORGIVEN: [Rule; 6] = [
    Rule::NotEmpty,
    Rule::NoLineBreak,
    Rule::ChecksumCapitals,
    Rule::PositiveAmount,
    Rule::Characters,
    Rule::ValueLength,
];

/// What is wrong with a payload as a whole, or with an id that could not be read: it has no object
/// that could be named.
const WITHOUT_OBJECT: [Rule; 5] =
    [Rule::PayloadLength, Rule::NoLineBreak, Rule::Account, Rule::Id, Rule::Complete];

/// What strict reading takes lenient reading takes too, and both see the same; what is read is
/// written again; a refusal names a rule and a place in the text; the checksum is the text's.
pub fn check(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    check_text(text);
    check_text(&sealed(text));
}

fn check_text(text: &str) {
    let strict = Payload::parse(text, Strictness::Strict);
    match (Payload::parse(text, Strictness::Lenient), strict) {
        (Ok(payload), Ok(strict)) => {
            assert_eq!(payload, strict);
            check_strict(text, &payload);
        }
        (Ok(payload), Err(refused)) => {
            let first = payload.findings().iter().find(|finding| !is_advice(finding));
            assert_eq!(first, Some(&refused), "{text}");
            check_payload(text, &payload);
        }
        (Err(violation), Err(refused)) => {
            check_violation(text, &violation);
            check_violation(text, &refused);
            assert!(!FORGIVEN.contains(&violation.rule()) && !is_advice(&violation));
        }
        (Err(violation), Ok(_)) => panic!("only strict reading takes this: {violation}: {text}"),
    }
}

fn is_advice(violation: &Violation) -> bool {
    violation.rule() == Rule::Recommended
}

/// What broke no rule is written as it was read, also by whoever makes payloads.
fn check_strict(text: &str, payload: &Payload) {
    check_payload(text, payload);
    assert!(payload.findings().iter().all(is_advice), "{text}");
    assert_eq!(payload.to_string(), text);
    let made = Payload::from_objects(payload.objects()).unwrap();
    assert_eq!(&made, payload);
}

fn check_payload(text: &str, payload: &Payload) {
    let line = text.trim_end_matches(['\r', '\n']);
    let (covered, written) = line.split_at(line.len() - 4);
    assert!(written.eq_ignore_ascii_case(&checksum(covered)), "{text}");
    assert!(line.chars().count() <= PAYLOAD_LENGTH_MAX);
    for finding in payload.findings() {
        check_violation(text, finding);
        assert!(FORGIVEN.contains(&finding.rule()) || is_advice(finding), "{finding}");
    }
    for object in payload.objects() {
        check_object(line, object, &Path::default());
    }
    let again = Payload::parse(&payload.to_string(), Strictness::Lenient).unwrap();
    assert_eq!(again.objects(), payload.objects());
    check_meaning(payload);
}

/// An object stands in the text where it says, and holds what stands there.
fn check_object(text: &str, object: &DataObject, around: &Path) {
    let written = object.to_string();
    let there: String = text.chars().skip(object.offset()).take(written.chars().count()).collect();
    assert_eq!(there, written);
    let path = around.child(object.id());
    assert!(!emv::describe(&path).is_empty());
    match object.value() {
        Value::Text(value) => {
            assert!(value.chars().count() <= VALUE_LENGTH_MAX);
            assert!(!value.chars().any(char::is_control), "{value:?}");
            let _ = emv::meaning(&path, value);
        }
        Value::Template(objects) => {
            for (index, within) in objects.iter().enumerate() {
                assert!(objects[..index].iter().all(|other| other.id() != within.id()));
                check_object(text, within, &path);
            }
        }
    }
}

/// What the getters say is what the objects hold.
fn check_meaning(payload: &Payload) {
    let text = |number| {
        let object = payload.object(ObjectId::new(number).unwrap().number());
        object.map(DataObject::encoded_value).filter(|text| !text.is_empty())
    };
    assert_eq!(payload.format_indicator(), "01");
    assert_eq!(payload.amount_text().map(str::to_owned), text(54));
    assert_eq!(payload.merchant_name().map(str::to_owned), text(59));
    assert!(payload.accounts().next().is_some());
    if let (Ok(Some(money)), Some(amount)) = (payload.amount(), payload.amount_text()) {
        let digits = |text: &str| text.replace('.', "").trim_matches('0').to_owned();
        assert_eq!(digits(&money.amount_text()), digits(amount));
        assert_eq!(payload.currency(), Ok(money.currency()));
    }
    let _ = (payload.initiation(), payload.tip(), payload.local_language(), payload.city());
    let _ = (1..=99).filter_map(|number| payload.additional_data(number)).count();
}

/// A rule is broken somewhere in the text, at an object that can be named.
fn check_violation(text: &str, violation: &Violation) {
    assert!(violation.code().starts_with("emv_"), "{violation}");
    assert!(violation.offset() <= text.chars().count(), "{violation}: {text}");
    let named = !violation.path().ids().is_empty();
    assert!(named || WITHOUT_OBJECT.contains(&violation.rule()), "{violation:?}: {text}");
    let said = violation.to_string();
    assert!(said.contains(violation.rule().sentence()), "{said}");
    assert!(!named || said.contains(&violation.path().to_string()), "{said}");
}

/// A text with the right checksum behind it.
pub(crate) fn sealed(text: &str) -> String {
    let covered = format!("{text}6304");
    let checksum = checksum(&covered);
    covered + &checksum
}

/// CRC-16 with the polynomial x¹⁶ + x¹² + x⁵ + 1, beginning with ones: bit by bit, as the parser
/// does not do it.
fn checksum(text: &str) -> String {
    let shifted = |sum: u16| if sum & 0x8000 == 0 { sum << 1 } else { (sum << 1) ^ 0x1021 };
    let sum = text.bytes().fold(0xffff, |sum: u16, byte| {
        (0..8).fold(sum ^ (u16::from(byte) << 8), |sum, _| shifted(sum))
    });
    format!("{sum:04X}")
}

/// Codes of several schemes, and objects without a checksum.
#[must_use]
pub fn seeds() -> Vec<Vec<u8>> {
    let card = "00020101021102164000123456789012520458125303840540510.505802US5904SHOP6004CITY";
    let texts = [
        "00020101021129370016A000000677010111011300668012345675802TH530376463046197".to_owned(),
        sealed(
            "00020126360014br.gov.bcb.pix0114+5511999999999520400005303986540510.005802BR\
             5913FULANO DE TAL6008BRASILIA62070503***",
        ),
        sealed(&format!("{card}5502035705 2.50")),
        sealed(&format!("{card}55020256041.0064190002ZH0104最佳运输0201京")),
        sealed(&format!("{card}62370105INV-10704T-170903AME50110004OWN10")).to_lowercase(),
        sealed("00020126080004TEST53031565400580 2CN5904茶馆茶馆6004CITY") + "\r\n",
        format!("{card}80220004OWN10110anything.?"),
        "00020126080004TEST53031565802CN62140510reference1".to_owned(),
    ];
    texts.map(String::into_bytes).to_vec()
}
