//! Every field of an EMV payload, whose it is, and what is wrong with it.

use core::fmt;

use serde::Serialize;
use wallet_core::emv::{
    DataObject, Path, Payload, Scheme, Strictness, Violation, describe, meaning,
};
use wallet_core::merchant_code::{self, GUID, MerchantCode, Reading, Suspicion};

use crate::failure::{Exit, Failure};
use crate::merchant_codes::{self, Signer, Stated};
use crate::output::{Output, table};

/// What a payload says.
#[derive(Serialize, Debug)]
struct Inspection {
    format: &'static str,
    characters: usize,
    fields: Vec<Field>,
    schemes: Vec<SchemeName>,
    /// What breaks a rule and was accepted all the same.
    findings: Vec<Finding>,
    /// Whether it is a code of a wallet like this one.
    ours: Option<Ours>,
}

/// An object: a template is followed by what is in it.
#[derive(Serialize, Debug)]
struct Field {
    path: String,
    name: &'static str,
    /// Characters before it.
    offset: usize,
    /// `null` for a template.
    value: Option<String>,
    meaning: Option<String>,
}

#[derive(Serialize, Debug)]
struct SchemeName {
    path: String,
    guid: String,
    name: &'static str,
    country: &'static str,
}

#[derive(Serialize, Debug)]
struct Finding {
    code: &'static str,
    path: String,
    offset: usize,
    detail: String,
}

/// What a code of a wallet like this one says, and whether that is proved.
#[derive(Serialize, Debug)]
struct Ours {
    /// `signed`, what is suspicious about it, `other_issuer`, or `not_checked`.
    signature: &'static str,
    #[serde(flatten)]
    stated: Option<Stated>,
}

pub(super) fn run(
    text: &str,
    strictness: Strictness,
    signer: Option<&Signer>,
    output: Output,
) -> Result<(), Failure> {
    let payload = Payload::parse(text, strictness).map_err(|violation| {
        let readable =
            strictness == Strictness::Strict && Payload::parse(text, Strictness::Lenient).is_ok();
        refused(&violation, readable)
    })?;
    let ours = ours(text, &payload, signer);
    let suspicion = ours.as_ref().and_then(|(_, suspicion)| *suspicion);
    output.show(&inspect(text, &payload, ours.map(|(ours, _)| ours)))?;
    suspicion.map_or(Ok(()), |suspicion| Err(merchant_codes::suspicious(suspicion)))
}

fn refused(violation: &Violation, readable: bool) -> Failure {
    let failure = Failure::new(Exit::Refused, violation.code(), violation.to_string());
    failure.hint(if readable {
        "--lenient reads it all the same"
    } else {
        "this text is neither a payment code nor an EMV payload, or it is damaged"
    })
}

fn ours(
    text: &str,
    payload: &Payload,
    signer: Option<&Signer>,
) -> Option<(Ours, Option<Suspicion>)> {
    let has_guid = |object: &DataObject| object.guid().is_some_and(is_ours);
    if !payload.objects().iter().any(has_guid) {
        return None;
    }
    let stated = MerchantCode::unverified(payload).as_ref().map(Stated::from);
    let (signature, suspicion) = match signer {
        None => ("not_checked", None),
        Some(signer) => match signer.read(text) {
            Ok(Reading::Signed(_)) => ("signed", None),
            Ok(Reading::Suspicious(suspicion)) => (suspicion.as_str(), Some(suspicion)),
            Ok(Reading::OtherIssuer(_)) => ("other_issuer", None),
            Ok(Reading::OtherScheme(_)) => ("not_checked", None),
            // Only strict reading can prove anything.
            Err(_) => (Suspicion::Malformed.as_str(), Some(Suspicion::Malformed)),
        },
    };
    Some((Ours { signature, stated }, suspicion))
}

fn is_ours(guid: &str) -> bool {
    guid.eq_ignore_ascii_case(GUID)
}

fn inspect(text: &str, payload: &Payload, ours: Option<Ours>) -> Inspection {
    let mut fields = Vec::new();
    let mut schemes = Vec::new();
    for object in payload.objects() {
        let path = Path::default().child(object.id());
        let scheme = object.guid().and_then(|guid| Some((guid, Scheme::of_guid(guid)?)));
        schemes.extend(scheme.map(|(guid, scheme)| SchemeName {
            path: path.to_string(),
            guid: guid.to_owned(),
            name: scheme.name(),
            country: scheme.country(),
        }));
        add_fields(object, &Path::default(), None, &mut fields);
    }
    fields.push(checksum(payload));
    let finding = |violation: &Violation| Finding {
        code: violation.code(),
        path: violation.path().to_string(),
        offset: violation.offset(),
        detail: violation.to_string(),
    };
    let findings = payload.findings().iter().map(finding).collect();
    Inspection {
        format: "emv_merchant_presented",
        characters: text.chars().count(),
        fields,
        schemes,
        findings,
        ours,
    }
}

fn add_fields(
    object: &DataObject,
    around: &Path,
    template: Option<&DataObject>,
    fields: &mut Vec<Field>,
) {
    let path = around.child(object.id());
    let own = template
        .filter(|template| template.guid().is_some_and(is_ours))
        .and_then(|template| merchant_code::describe(template.id(), object.id()));
    let value = object.as_text().map(str::to_owned);
    let of_ours = own.is_some() && value.as_deref().is_some_and(is_ours);
    let meaning = if of_ours {
        Some("a wallet like this one".to_owned())
    } else {
        value.as_deref().and_then(|value| meaning(&path, value))
    };
    fields.push(Field {
        path: path.to_string(),
        name: own.unwrap_or_else(|| describe(&path)),
        offset: object.offset(),
        value,
        meaning,
    });
    for within in object.objects() {
        add_fields(within, &path, Some(object), fields);
    }
}

/// The last field, which was right or nothing would be shown.
fn checksum(payload: &Payload) -> Field {
    let text = payload.to_string();
    let (objects, value) = text.split_at(text.len().saturating_sub(4));
    let offset = objects.chars().count().saturating_sub(4);
    let meaning = Some("right".to_owned());
    let value = Some(value.to_owned());
    Field { path: "63".to_owned(), name: "checksum", offset, value, meaning }
}

impl fmt::Display for Inspection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "an EMV code that a merchant shows, {} characters", self.characters)?;
        for SchemeName { name, country, path, .. } in &self.schemes {
            writeln!(f, "scheme: {name} ({country}), in {path}")?;
        }
        let row = |field: &Field| {
            let Field { path, name, value, meaning, .. } = field;
            let value = value.clone().unwrap_or_default();
            let meaning = meaning.clone().unwrap_or_default();
            vec![path.clone(), (*name).to_owned(), value, meaning]
        };
        let rows: Vec<_> = self.fields.iter().map(row).collect();
        write!(f, "{}", table(&rows, &[]))?;
        for Finding { code, detail, .. } in &self.findings {
            write!(f, "\naccepted all the same: {detail} [{code}]")?;
        }
        self.ours.as_ref().map_or(Ok(()), |ours| write!(f, "\n{ours}"))
    }
}

impl fmt::Display for Ours {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(stated) = &self.stated {
            writeln!(f, "{stated}")?;
        }
        f.write_str(match self.signature {
            "signed" => "signed by the issuer of the wallet on this machine",
            "other_issuer" => "of another issuer than the wallet on this machine has",
            "not_checked" => {
                "nothing of this is proved: there is no wallet on this machine whose issuer's \
                 signature could be looked for"
            }
            _ => "NOT to be paid: nothing of this is proved",
        })
    }
}

#[cfg(test)]
mod tests {
    use wallet_core::emv::{Payload, Strictness};

    use super::{inspect, ours, refused};

    const PROMPTPAY: &str =
        "00020101021129370016A000000677010111011300668012345675802TH530376463046197";

    fn read(text: &str) -> Payload {
        Payload::parse(text, Strictness::Strict).unwrap()
    }

    #[test]
    fn every_field_of_another_schemes_code_is_named() {
        let payload = read(PROMPTPAY);
        let seen = inspect(PROMPTPAY, &payload, None);
        let fields: Vec<_> = seen.fields.iter().map(|field| (&*field.path, field.name)).collect();
        assert_eq!(
            fields,
            [
                ("00", "payload format indicator"),
                ("01", "point of initiation"),
                ("29", "merchant account"),
                ("29.00", "globally unique identifier"),
                ("29.01", "defined by the scheme"),
                ("58", "country"),
                ("53", "currency"),
                ("63", "checksum"),
            ]
        );
        assert_eq!(seen.fields[6].meaning.as_deref(), Some("THB"));
        assert_eq!(seen.fields[7].value.as_deref(), Some("6197"));
        assert_eq!(seen.fields[7].offset, PROMPTPAY.len() - 8);
        assert_eq!(seen.schemes[0].name, "PromptPay credit transfer");
        let codes: Vec<_> = seen.findings.iter().map(|finding| &*finding.path).collect();
        assert_eq!(codes, ["52", "59", "60"]);
    }

    #[test]
    fn a_code_of_ours_is_told_from_others_and_not_believed_without_a_wallet() {
        let vectors: serde_json::Value =
            serde_json::from_str(include_str!("../../../../../tests/vectors/merchant-code.json"))
                .unwrap();
        let text = vectors["positive"][0]["text"].as_str().unwrap();
        let (ours, suspicion) = ours(text, &read(text), None).unwrap();
        assert_eq!((ours.signature, suspicion), ("not_checked", None));
        let stated = ours.stated.as_ref().unwrap();
        assert_eq!(stated.id, "ord_0192f0c1d2e3740085b6c7d8e9f0a1b2");
        assert_eq!(stated.merchant_name, "张记面馆");
        let seen = inspect(text, &read(text), Some(ours));
        let name = |path: &str| seen.fields.iter().find(|field| field.path == path).unwrap().name;
        assert_eq!(name("26.03"), "order or plate");
        assert_eq!(name("83.01"), "issuer's signature, second half");
        assert!(super::ours(PROMPTPAY, &read(PROMPTPAY), None).is_none());
    }

    #[test]
    fn a_broken_rule_is_named_with_its_place() {
        let altered = PROMPTPAY.replace("0066", "0067");
        let violation = Payload::parse(&altered, Strictness::Strict).unwrap_err();
        let failure = refused(&violation, false);
        assert_eq!(failure.code(), "emv_wrong_checksum");
        assert!(failure.sentence().contains("(object 63) at character 67"), "{failure}");
    }
}
