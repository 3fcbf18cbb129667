//! What a payer sees before paying, and whether they want to.

use core::fmt;
use std::io::Write as _;

use serde::Serialize;
use wallet_core::Money;
use wallet_core::merchant_code::{Familiarity, MerchantCode};

use crate::client::models::ScannedCode;
use crate::failure::{Exit, Failure};
use crate::merchant_codes::{id, merchant_id};
use crate::output::Output;
use crate::secrets;

/// What a payer has decided beforehand.
#[derive(clap::Args, Clone, Copy, Debug)]
pub(super) struct ConsentArgs {
    /// Pay without asking, unless the wallet warns
    #[arg(long)]
    yes: bool,
    /// With --yes: pay also if the wallet warns of the merchant
    #[arg(long, requires = "yes")]
    despite_warning: bool,
}

/// What is going to be paid to whom.
#[derive(Serialize)]
pub(super) struct Seen {
    kind: &'static str,
    id: String,
    merchant: String,
    /// From under the issuer's signature.
    merchant_name: String,
    amount: String,
    currency: &'static str,
    what: Option<String>,
    familiarity: &'static str,
    /// Who was paid here before, or under this name.
    before: Option<String>,
    warning: Option<&'static str>,
}

impl Seen {
    pub(super) fn new(
        code: &MerchantCode,
        amount: Money,
        scanned: &ScannedCode,
        familiarity: Familiarity,
    ) -> Self {
        let name = familiarity.as_str();
        let (warning, before) = match familiarity {
            Familiarity::NewHere | Familiarity::SameAsBefore => (None, None),
            Familiarity::OtherMerchantHere { before } => (Some(OTHER_MERCHANT), Some(before)),
            Familiarity::SameNameOtherMerchant { before } => (Some(NAMESAKE), Some(before)),
        };
        Self {
            kind: code.kind().as_str(),
            id: id(code),
            merchant: merchant_id(&code.merchant),
            merchant_name: code.name.to_string(),
            amount: amount.amount_text(),
            currency: amount.currency().code(),
            what: scanned.what().map(str::to_owned),
            familiarity: name,
            before,
            warning,
        }
    }
}

const OTHER_MERCHANT: &str =
    "you paid another merchant at this place: somebody may have replaced the code";
const NAMESAKE: &str = "you paid another merchant of this name: somebody may pass for them";

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { amount, currency, merchant_name, .. } = self;
        write!(f, "{amount} {currency} to {merchant_name}")?;
        self.what.iter().try_for_each(|what| write!(f, ", for {what}"))?;
        if let (Some(warning), Some(before)) = (self.warning, &self.before) {
            write!(f, "\nWARNING: {warning}. It was {before}.")?;
        }
        Ok(())
    }
}

impl ConsentArgs {
    /// Says what is going to be paid, and asks whoever sits there.
    pub(super) fn ask(self, seen: &Seen, output: Output) -> Result<(), Failure> {
        output.announce(seen)?;
        if self.settles(seen.warning.is_some()) {
            return Ok(());
        }
        if !output.is_interactive() {
            return Err(unasked(seen.warning));
        }
        let question =
            if seen.warning.is_some() { "Pay all the same? [y/N] " } else { "Pay? [y/N] " };
        // Nobody is left to ask when standard error is gone; then the answer is empty.
        let _ = write!(std::io::stderr().lock(), "{question}");
        let answer = secrets::line_of_stdin()?;
        if matches!(answer.trim(), "y" | "Y" | "yes") {
            return Ok(());
        }
        Err(Failure::new(Exit::Refused, "not_wanted", "nothing was paid"))
    }

    /// Whether the payer has said yes to this beforehand.
    fn settles(self, is_warned: bool) -> bool {
        self.yes && (self.despite_warning || !is_warned)
    }
}

/// A script can't be asked, and must not pay what it was warned of.
fn unasked(warning: Option<&'static str>) -> Failure {
    match warning {
        Some(warning) => Failure::new(Exit::Refused, "merchant_warning", warning)
            .hint("--yes --despite-warning pays all the same"),
        None => Failure::new(Exit::Usage, "not_confirmed", "there is no terminal to ask at")
            .hint("--yes pays without asking"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use wallet_core::merchant_code::Familiarity;

    use super::super::tests::code;
    use super::{ConsentArgs, Seen, unasked};

    #[test]
    fn a_warning_takes_more_than_a_yes_that_was_said_beforehand() {
        let consent = |yes, despite_warning| ConsentArgs { yes, despite_warning };
        assert!(consent(true, false).settles(false));
        assert!(!consent(true, false).settles(true));
        assert!(consent(true, true).settles(true));
        assert!(!consent(false, false).settles(false));
        assert_eq!(unasked(Some("")).code(), "merchant_warning");
        assert_eq!(unasked(None).code(), "not_confirmed");
    }

    #[test]
    fn a_payer_reads_whom_they_pay_how_much_and_who_it_was_before() {
        let scanned = serde_json::from_value(json!({
            "id": "plt_1", "merchant": {"id": "mer_1", "name": "Tea House"}, "label": "Longjing",
            "description": null, "state": "active", "pin": "not_required",
        }))
        .unwrap();
        let code = code(Some("7.50"));
        let amount = code.amount().unwrap();
        let before = "Old Tea House".to_owned();
        let seen = Seen::new(&code, amount, &scanned, Familiarity::OtherMerchantHere { before });
        assert_eq!(
            seen.to_string(),
            "7.50 CNY to Tea House, for Longjing\nWARNING: you paid another merchant at this \
             place: somebody may have replaced the code. It was Old Tea House."
        );
        let seen = Seen::new(&code, amount, &scanned, Familiarity::SameAsBefore);
        assert_eq!(seen.to_string(), "7.50 CNY to Tea House, for Longjing");
    }
}
