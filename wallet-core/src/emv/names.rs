//! What objects are called, what some values mean, and who schemes are: for people who look at a
//! payload. Nothing is decided by it.

use super::Path;
use crate::Currency;

/// A payment scheme, known by the globally unique identifier of its templates.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Scheme {
    guid: &'static str,
    name: &'static str,
    country: &'static str,
}

/// National and regional schemes whose identifiers are public.
const SCHEMES: [Scheme; 17] = [
    scheme("br.gov.bcb.pix", "Pix", "BR"),
    scheme("A000000677010111", "PromptPay credit transfer", "TH"),
    scheme("A000000677010112", "PromptPay bill payment", "TH"),
    scheme("SG.PAYNOW", "PayNow", "SG"),
    scheme("SG.COM.NETS", "NETS", "SG"),
    scheme("SG.SGQR", "SGQR", "SG"),
    scheme("A0000006150001", "DuitNow", "MY"),
    scheme("A000000727", "VietQR (NAPAS)", "VN"),
    scheme("ID.CO.QRIS.WWW", "QRIS", "ID"),
    scheme("ID.CO.BRI.WWW", "QRIS, by BRI", "ID"),
    scheme("COM.P2PQRPAY", "QR Ph, person to person", "PH"),
    scheme("PH.PPMI.P2M", "QR Ph, person to merchant", "PH"),
    scheme("PH.PPMI.QRPH", "QR Ph", "PH"),
    scheme("HK.COM.HKICL", "FPS", "HK"),
    scheme("A000000524", "Bharat QR (NPCI)", "IN"),
    scheme("D15600000000", "EMVCo's own example", "CN"),
    scheme("D15600000001", "EMVCo's own example", "CN"),
];

const fn scheme(guid: &'static str, name: &'static str, country: &'static str) -> Scheme {
    Scheme { guid, name, country }
}

impl Scheme {
    /// The scheme with this identifier, in letters of either case; `None` for one not in the
    /// table, which says nothing about it.
    #[must_use]
    pub fn of_guid(guid: &str) -> Option<Self> {
        SCHEMES.into_iter().find(|scheme| scheme.guid.eq_ignore_ascii_case(guid))
    }

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.name
    }

    /// Where it is used, ISO 3166-1.
    #[must_use]
    pub fn country(self) -> &'static str {
        self.country
    }
}

/// The name of the object at a path, in a few words.
#[must_use]
pub fn describe(path: &Path) -> &'static str {
    match path.numbers().as_slice() {
        [id] => describe_root(*id),
        [26..=51 | 80..=99, 0] | [62, 50..=99, 0] => "globally unique identifier",
        [62, id] => describe_additional(*id),
        [64, 0] => "language",
        [64, 1] => "merchant name in that language",
        [64, 2] => "merchant city in that language",
        [26..=51, _] => "defined by the scheme",
        _ => "defined by its owner",
    }
}

fn describe_root(id: u8) -> &'static str {
    match id {
        0 => "payload format indicator",
        1 => "point of initiation",
        2 | 3 => "merchant account: Visa",
        4 | 5 => "merchant account: Mastercard",
        9 | 10 => "merchant account: Discover",
        11 | 12 => "merchant account: American Express",
        13 | 14 => "merchant account: JCB",
        15 | 16 => "merchant account: UnionPay",
        6..=8 | 17..=25 => "merchant account: reserved by EMVCo",
        26..=51 => "merchant account",
        52 => "merchant category code",
        53 => "currency",
        54 => "amount",
        55 => "tip",
        56 => "tip, fixed",
        57 => "tip, percent",
        58 => "country",
        59 => "merchant name",
        60 => "merchant city",
        61 => "postal code",
        62 => "additional data",
        63 => "checksum",
        64 => "merchant in another language",
        65..=79 => "reserved by EMVCo",
        _ => "unreserved template",
    }
}

fn describe_additional(id: u8) -> &'static str {
    match id {
        1 => "bill number",
        2 => "mobile number",
        3 => "store label",
        4 => "loyalty number",
        5 => "reference label",
        6 => "customer label",
        7 => "terminal label",
        8 => "purpose of the transaction",
        9 => "data asked of the payer",
        10 => "tax id of the merchant",
        11 => "channel",
        12..=49 => "reserved by EMVCo",
        _ => "template of a scheme",
    }
}

/// What a value means, where that is not plain to see.
#[must_use]
pub fn meaning(path: &Path, value: &str) -> Option<String> {
    let numbers = path.numbers();
    let words = match (numbers.as_slice(), value) {
        ([1], "11") => "static: the same code for many payments",
        ([1], "12") => "dynamic: a code for one payment",
        ([53], digits) => return currency_name(digits),
        ([55], "01") => "the payer is asked for a tip",
        ([55], "02") => "a fixed tip is added",
        ([55], "03") => "a percentage is added",
        ([62, 1..=8], "***") => "the payer's app asks for it, or fills it in",
        ([62, 9], letters) => return Some(data_asked(letters)),
        ([26..=51 | 80..=99, 0] | [62, 50..=99, 0], guid) => {
            return Scheme::of_guid(guid)
                .map(|scheme| format!("{} ({})", scheme.name, scheme.country));
        }
        _ => return None,
    };
    Some(words.to_owned())
}

fn currency_name(digits: &str) -> Option<String> {
    let currency = digits.parse().ok().and_then(|numeric| Currency::from_numeric(numeric).ok());
    currency.map(|currency| currency.code().to_owned())
}

fn data_asked(letters: &str) -> String {
    let word = |letter| match letter {
        'A' => "address",
        'M' => "mobile number",
        'E' => "e-mail address",
        _ => "?",
    };
    letters.chars().map(word).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::{Path, Scheme, describe, meaning};
    use crate::emv::ObjectId;

    fn path(numbers: &[u8]) -> Path {
        let ids = numbers.iter().map(|number| ObjectId::new(*number).unwrap());
        ids.fold(Path::default(), |path, id| path.child(id))
    }

    #[test]
    fn schemes_are_known_by_their_identifiers_in_either_case() {
        for (guid, name) in [
            ("br.gov.bcb.pix", "Pix"),
            ("BR.GOV.BCB.PIX", "Pix"),
            ("A000000677010111", "PromptPay credit transfer"),
            ("SG.PAYNOW", "PayNow"),
        ] {
            assert_eq!(Scheme::of_guid(guid).map(Scheme::name), Some(name), "{guid}");
        }
        assert_eq!(Scheme::of_guid("A000000677"), None);
    }

    #[test]
    fn objects_have_names_and_values_have_meanings() {
        assert_eq!(describe(&path(&[62, 5])), "reference label");
        assert_eq!(describe(&path(&[26, 0])), "globally unique identifier");
        assert_eq!(describe(&path(&[26, 1])), "defined by the scheme");
        assert_eq!(describe(&path(&[81, 1])), "defined by its owner");
        assert_eq!(meaning(&path(&[53]), "764").as_deref(), Some("THB"));
        assert_eq!(meaning(&path(&[53]), "999").as_deref(), None);
        assert_eq!(meaning(&path(&[26, 0]), "SG.PAYNOW").as_deref(), Some("PayNow (SG)"));
        assert_eq!(
            meaning(&path(&[62, 9]), "ME").as_deref(),
            Some("mobile number, e-mail address")
        );
        assert_eq!(meaning(&path(&[59]), "764"), None);
    }
}
