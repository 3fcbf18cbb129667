//! The codes that merchants show: whose they are, and what they say.

use core::fmt;

use serde::Serialize;
use wallet_core::emv::{Scheme, Violation};
use wallet_core::issuer::IssuerDocument;
use wallet_core::merchant_code::{MerchantCode, Reading, Suspicion};
use wallet_core::{IssuerId, Mode, SigningPublicKey};

use crate::failure::{Exit, Failure};
use crate::wallet_file::Profile;

/// Who signs the codes that a wallet pays.
pub(crate) struct Signer {
    id: IssuerId,
    keys: Vec<SigningPublicKey>,
    mode: Mode,
}

impl Signer {
    /// The issuer that a wallet enrolled with, by its newest document.
    pub(crate) fn of(profile: &Profile) -> Result<Self, Failure> {
        Ok(Self::new(&profile.document()?, profile.mode()?))
    }

    fn new(document: &IssuerDocument, mode: Mode) -> Self {
        Self { id: document.issuer_id(), keys: document.signing_keys(), mode }
    }

    /// Says whose code a text is, and whether the issuer signed it.
    pub(crate) fn read(&self, text: &str) -> Result<Reading, Violation> {
        MerchantCode::read(text, &self.id, &self.keys, self.mode)
    }
}

/// Why a code that says it is the issuer's must not be paid.
pub(crate) fn suspicious(suspicion: Suspicion) -> Failure {
    let (sentence, hint) = match suspicion {
        Suspicion::Unsigned => {
            ("the code says that it is your issuer's, and nobody signed it", FORGED)
        }
        Suspicion::UnknownKey => {
            ("the code is signed with a key that is not your issuer's", FORGED)
        }
        Suspicion::WronglySigned => ("your issuer did not sign what the code says", FORGED),
        Suspicion::Malformed => ("the code is not written as your issuer writes codes", FORGED),
        Suspicion::OtherMode => (
            "the code is for the other mode: test codes and real money don't mix",
            "nothing is wrong with it but the place",
        ),
    };
    Failure::new(Exit::Refused, &format!("code_{}", suspicion.as_str()), sentence).hint(hint)
}

const FORGED: &str = "do not pay it: somebody may have put it over the merchant's own";

/// The code, if this wallet can pay it.
pub(crate) fn payable(signer: &Signer, text: &str) -> Result<MerchantCode, Failure> {
    let refused = |code, sentence: String| Err(Failure::new(Exit::Refused, code, sentence));
    match signer.read(text) {
        Ok(Reading::Signed(code)) => Ok(code),
        Ok(Reading::Suspicious(suspicion)) => Err(suspicious(suspicion)),
        Ok(Reading::OtherIssuer(_)) => {
            refused("code_other_issuer", "the code is of a wallet of another issuer".to_owned())
        }
        Ok(Reading::OtherScheme(payload)) => {
            let mut guids = payload.accounts().filter_map(|account| account.guid());
            let scheme = guids.find_map(Scheme::of_guid);
            let whose = scheme.map_or("another scheme", Scheme::name);
            refused("code_other_scheme", format!("the code is for {whose}, not for this wallet"))
        }
        Err(violation) => refused(violation.code(), format!("the code can't be read: {violation}")),
    }
}

/// What a code of a wallet like this one says.
#[derive(Serialize, Debug)]
pub(crate) struct Stated {
    pub(crate) kind: &'static str,
    pub(crate) id: String,
    pub(crate) merchant: String,
    pub(crate) merchant_name: String,
    category: String,
    country: String,
    city: String,
    amount: Option<String>,
    currency: &'static str,
    label: Option<String>,
}

impl From<&MerchantCode> for Stated {
    fn from(code: &MerchantCode) -> Self {
        Self {
            kind: code.kind().as_str(),
            id: id(code),
            merchant: merchant_id(&code.merchant),
            merchant_name: code.name.to_string(),
            category: code.category.to_string(),
            country: code.country.to_string(),
            city: code.city.to_string(),
            amount: code.amount().map(wallet_core::Money::amount_text),
            currency: code.currency().code(),
            label: code.label.as_ref().map(ToString::to_string),
        }
    }
}

/// The id of the order or the plate, as the API writes it.
pub(crate) fn id(code: &MerchantCode) -> String {
    let prefix = match code.kind() {
        wallet_core::merchant_code::MerchantCodeKind::Order => "ord",
        wallet_core::merchant_code::MerchantCodeKind::Plate => "plt",
    };
    format!("{prefix}_{}", base16ct::lower::encode_string(&code.id))
}

/// The id of a merchant, as the API writes it.
pub(crate) fn merchant_id(bytes: &[u8; 16]) -> String {
    format!("mer_{}", base16ct::lower::encode_string(bytes))
}

/// The bytes of a merchant's id; `None` for any other text.
pub(crate) fn merchant_id_bytes(text: &str) -> Option<[u8; 16]> {
    let mut bytes = [0; 16];
    let read = base16ct::lower::decode(text.strip_prefix("mer_")?, &mut bytes).ok()?;
    (read.len() == 16).then_some(bytes)
}

impl fmt::Display for Stated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, id, merchant, merchant_name, city, country, .. } = self;
        write!(f, "{kind} {id} of {merchant_name} in {city}, {country} ({merchant})")?;
        match &self.amount {
            Some(amount) => write!(f, ": {amount} {}", self.currency)?,
            None => write!(f, ": the payer says how much, in {}", self.currency)?,
        }
        self.label.iter().try_for_each(|label| write!(f, ", for {label}"))
    }
}
