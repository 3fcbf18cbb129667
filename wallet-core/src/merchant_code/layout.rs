//! The text of a code, object by object; `docs/merchant-codes.md` has the table.
//!
//! Every code has exactly one text: reading builds the text again from what it read and compares.

use base64ct::{Base64UrlUnpadded, Encoding};

use super::fields::NAME_LENGTH_MAX;
use super::{
    City, Country, Label, MerchantCategory, MerchantCode, MerchantCodeKind, MerchantName,
    PrintedAmount, Purpose,
};
use crate::emv::{DataObject, Initiation, ObjectId, PAYLOAD_LENGTH_MAX, Payload};
use crate::keys::{IssuerId, SigningKey, SigningKeyId};
use crate::{Mode, PositiveMoney};

/// The globally unique identifier of our templates: an application identifier that nobody
/// registered (`F0`, ISO/IEC 7816-5), and "WALLET".
pub const GUID: &str = "F057414C4C4554";

const VERSION: &str = "1";
/// What another scheme's reader shows for a name that is not printable ASCII.
const NAME_STAND_IN: &str = "MERCHANT";
const SHORT_NAME_LENGTH_MAX: usize = 25;
/// Characters of the name in one template: 99, without its GUID (4 + 14) and one more header (4).
const NAME_PART_LENGTH_MAX: usize = 77;
/// 64 bytes are 86 characters of base64url, one template holds 77: two halves.
const SIGNATURE_HALF_LENGTH: usize = 43;
/// How much of an issuer's id stands in a code: enough to know one's own.
const HINT_LENGTH: usize = 8;

pub(super) const ACCOUNT: u8 = 26;
const NAME: u8 = 80;
const NAME_REST: u8 = 81;
const SIGNATURE: u8 = 82;
const SIGNATURE_REST: u8 = 83;

const ACCOUNT_VERSION: u8 = 1;
const ACCOUNT_ISSUER: u8 = 2;
const ACCOUNT_ID: u8 = 3;
const ACCOUNT_MERCHANT: u8 = 4;

/// Characters of the two signature templates, `82` and `83`, and of the checksum, `63`.
const SEAL_LENGTH: usize = (4 + 18 + 15 + 47) + (4 + 18 + 47) + 8;

fn text(number: u8, value: impl Into<String>) -> DataObject {
    DataObject::text(ObjectId::known(number), value)
}

fn ours(number: u8, mut objects: Vec<DataObject>) -> DataObject {
    objects.insert(0, text(0, GUID));
    DataObject::template(ObjectId::known(number), objects)
}

fn base64(bytes: &[u8]) -> String {
    Base64UrlUnpadded::encode_string(bytes)
}

/// What a code says about its issuer.
pub(super) fn hint(issuer: &IssuerId) -> String {
    base64(&issuer.as_bytes()[..HINT_LENGTH])
}

/// The text up to the signature.
pub(super) fn unsigned(code: &MerchantCode, hint: &str) -> String {
    let room = PAYLOAD_LENGTH_MAX - SEAL_LENGTH;
    let whole = encoded(&objects(code, hint, code.label.as_ref()));
    if whole.chars().count() <= room { whole } else { encoded(&objects(code, hint, None)) }
}

fn encoded(objects: &[DataObject]) -> String {
    objects.iter().map(DataObject::to_string).collect()
}

fn objects(code: &MerchantCode, hint: &str, label: Option<&Label>) -> Vec<DataObject> {
    let initiation = match code.kind() {
        MerchantCodeKind::Plate => "11",
        MerchantCodeKind::Order => "12",
    };
    let account = vec![
        text(ACCOUNT_VERSION, VERSION),
        text(ACCOUNT_ISSUER, hint),
        text(ACCOUNT_ID, base64(&code.id)),
        text(ACCOUNT_MERCHANT, base64(&code.merchant)),
    ];
    let mut objects = vec![
        text(0, "01"),
        text(1, initiation),
        ours(ACCOUNT, account),
        text(52, code.category.as_str()),
        text(53, format!("{:03}", code.currency().numeric())),
    ];
    objects.extend(code.amount().map(|amount| text(54, amount.amount_text())));
    objects.push(text(58, code.country.as_str()));
    objects.push(text(59, short_name(&code.name)));
    objects.push(text(60, code.city.as_str()));
    objects.extend(
        label.map(|label| DataObject::template(ObjectId::known(62), vec![text(8, label.as_str())])),
    );
    objects.extend(full_name(&code.name));
    objects
}

/// The name for readers that know EMV and not us: its first 25 characters, or a stand-in if there
/// are any but printable ASCII characters in it.
fn short_name(name: &MerchantName) -> &str {
    let name = name.as_str();
    let printable = name.bytes().all(|byte| matches!(byte, b' '..=b'~'));
    let start = name.get(..SHORT_NAME_LENGTH_MAX).unwrap_or(name);
    if printable && !start.trim().is_empty() { start } else { NAME_STAND_IN }
}

/// The templates of the name, where 59 does not hold it.
fn full_name(name: &MerchantName) -> Vec<DataObject> {
    if short_name(name) == name.as_str() {
        return Vec::new();
    }
    let characters: Vec<char> = name.as_str().chars().collect();
    let parts = characters.chunks(NAME_PART_LENGTH_MAX).map(|part| part.iter().collect::<String>());
    [NAME, NAME_REST]
        .into_iter()
        .zip(parts)
        .map(|(id, part)| ours(id, vec![text(1, part)]))
        .collect()
}

/// What ties a signature to this kind, version and mode.
fn domain(kind: MerchantCodeKind, mode: Mode) -> &'static [u8] {
    match (kind, mode) {
        (MerchantCodeKind::Order, Mode::Live) => b"wallet-merchant-code/1/order/live\0",
        (MerchantCodeKind::Order, Mode::Test) => b"wallet-merchant-code/1/order/test\0",
        (MerchantCodeKind::Plate, Mode::Live) => b"wallet-merchant-code/1/plate/live\0",
        (MerchantCodeKind::Plate, Mode::Test) => b"wallet-merchant-code/1/plate/test\0",
    }
}

/// Domain ‖ issuer id ‖ UTF-8 of the text up to the signature.
pub(super) fn signed_message(
    kind: MerchantCodeKind,
    mode: Mode,
    issuer: &IssuerId,
    unsigned: &str,
) -> Vec<u8> {
    [domain(kind, mode), issuer.as_bytes(), unsigned.as_bytes()].concat()
}

pub(super) fn sign(code: &MerchantCode, issuer: &IssuerId, mode: Mode, key: &SigningKey) -> String {
    let hint = hint(issuer);
    let text = unsigned(code, &hint);
    let signature = key.sign(&signed_message(code.kind(), mode, issuer, &text));
    sealed(&text, key.public_key().id(), &signature)
}

/// The text with the signature and the checksum behind it.
pub(super) fn sealed(unsigned: &str, key: SigningKeyId, signature: &[u8; 64]) -> String {
    let signature = base64(signature);
    let (half, rest) = signature.split_at(SIGNATURE_HALF_LENGTH);
    let halves = encoded(&[
        ours(SIGNATURE, vec![text(1, base64(key.as_bytes())), text(2, half)]),
        ours(SIGNATURE_REST, vec![text(1, rest)]),
    ]);
    crate::emv::with_checksum(&format!("{unsigned}{halves}"))
}

/// The signature as it stands in a code.
pub(super) struct Signature {
    pub(super) key: SigningKeyId,
    pub(super) bytes: [u8; 64],
}

/// The signature templates, if there are any; `Err` if they are not what we write.
pub(super) fn signature(payload: &Payload) -> Option<Result<Signature, ()>> {
    let halves = [SIGNATURE, SIGNATURE_REST].map(|number| payload.object(number));
    match halves {
        [None, None] => None,
        [Some(half), Some(rest)] => Some(read_signature(half, rest).ok_or(())),
        [Some(_), None] | [None, Some(_)] => Some(Err(())),
    }
}

fn read_signature(half: &DataObject, rest: &DataObject) -> Option<Signature> {
    let key = SigningKeyId::from_bytes(bytes(within(half, 1)?)?);
    let text = format!("{}{}", within(half, 2)?, within(rest, 1)?);
    Some(Signature { key, bytes: bytes(&text)? })
}

fn within(template: &DataObject, number: u8) -> Option<&str> {
    let found = template.objects().iter().find(|object| object.id().number() == number);
    found.and_then(DataObject::as_text)
}

fn bytes<const N: usize>(text: &str) -> Option<[u8; N]> {
    Base64UrlUnpadded::decode_vec(text).ok()?.try_into().ok()
}

/// Whose code a template of ours says it is.
pub(super) fn stated_hint(payload: &Payload) -> Option<&str> {
    let account = payload.object(ACCOUNT).filter(|account| account.guid() == Some(GUID))?;
    within(account, ACCOUNT_ISSUER)
}

/// The name of an object in a template of ours, in a few words.
#[must_use]
pub fn describe(template: ObjectId, object: ObjectId) -> Option<&'static str> {
    Some(match (template.number(), object.number()) {
        (_, 0) => "globally unique identifier",
        (ACCOUNT, ACCOUNT_VERSION) => "version of this wallet's merchant codes",
        (ACCOUNT, ACCOUNT_ISSUER) => "issuer, the beginning of its id",
        (ACCOUNT, ACCOUNT_ID) => "order or plate",
        (ACCOUNT, ACCOUNT_MERCHANT) => "merchant",
        (NAME, 1) => "merchant's full name",
        (NAME_REST, 1) => "merchant's full name, the rest",
        (SIGNATURE, 1) => "issuer's signing key",
        (SIGNATURE, 2) => "issuer's signature, first half",
        (SIGNATURE_REST, 1) => "issuer's signature, second half",
        _ => return None,
    })
}

/// What a payload of ours says; `None` if we would not have written it like this.
///
/// It is not compared with the text yet.
pub(super) fn fields(payload: &Payload) -> Option<MerchantCode> {
    let account = payload.object(ACCOUNT).filter(|account| account.guid() == Some(GUID))?;
    let currency = payload.currency().ok()?;
    let printed = match payload.amount().ok()? {
        Some(amount) => Some(PrintedAmount::new(PositiveMoney::new(amount).ok()?).ok()?),
        None => None,
    };
    let purpose = match (payload.initiation()?, printed) {
        (Initiation::Dynamic, Some(amount)) => Purpose::Order(amount),
        (Initiation::Static, Some(amount)) => Purpose::FixedPlate(amount),
        (Initiation::Static, None) => Purpose::OpenPlate(currency),
        (Initiation::Dynamic, None) => return None,
    };
    Some(MerchantCode {
        purpose,
        id: bytes(within(account, ACCOUNT_ID)?)?,
        merchant: bytes(within(account, ACCOUNT_MERCHANT)?)?,
        name: name(payload)?,
        category: MerchantCategory::parse(payload.category()?).ok()?,
        country: Country::parse(payload.country()?).ok()?,
        city: City::parse(payload.city()?).ok()?,
        label: payload.additional_data(8).map(Label::parse).transpose().ok()?,
    })
}

fn name(payload: &Payload) -> Option<MerchantName> {
    let part = |number| payload.object(number).map(|template| within(template, 1));
    let name = match (part(NAME), part(NAME_REST)) {
        (None, None) => payload.merchant_name()?.to_owned(),
        (Some(start), None) => start?.to_owned(),
        (Some(start), Some(rest)) => format!("{}{}", start?, rest?),
        (None, Some(_)) => return None,
    };
    MerchantName::parse(&name).ok()
}

const _: () = assert!(NAME_LENGTH_MAX <= 2 * NAME_PART_LENGTH_MAX, "two templates hold any name");
