//! `wallet merchant charge`

mod wait;

use core::fmt;
use std::path::PathBuf;

use serde::Serialize;
use serde_json::json;
use wallet_core::{Currency, Money, TerminalId};

use crate::client::models::{Issuer, IssuerArgs, Payment};
use crate::client::{Answer, Client, Request};
use crate::commands::terminal::TerminalArg;
use crate::failure::{Exit, Failure};
use crate::output::Output;
use crate::{pictures, receipts, secrets, system, times};

use super::MerchantArgs;
use wait::{WaitArgs, unless_paid};

/// Charge the code that a payer shows, and verify the receipt
///
/// A payment that its payer must confirm is waited for; Ctrl-C calls it off.
///
/// If the server can't be reached or doesn't know the outcome, the same request is repeated a few
/// times with the same key: the payer pays once.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  wallet merchant charge 12.50 --scan photo.png
  wallet merchant charge 12.50 --stdin --reference order-17     a keyboard-wedge scanner types it
  wallet merchant payment --reference order-17                  what became of it

A payment that was declined, refused by its payer, called off or whose code was refused ends with
exit code 3; one whose outcome
is not known with 4: repeat it with the same key and reference, which are on standard error. That
a look-up finds nothing proves nothing yet.

The receipt is verified with the keys that the issuer's root key certifies. With --issuer, that
proves whose receipt it is; without, only that it is the receipt of the issuer that is printed.")]
pub(crate) struct Args {
    /// How much, as in 12.50
    amount: String,
    /// The currency, as in ISO 4217
    #[arg(long, value_name = "CODE", default_value = "CNY")]
    currency: String,
    #[command(flatten)]
    source: Source,
    /// Your name for this payment, unique for ever [default: made up and printed]
    #[arg(long)]
    reference: Option<String>,
    /// The till that scanned; codes that are bound to a terminal need it
    #[arg(long, value_name = "HEX|PHOTO")]
    terminal: Option<TerminalArg>,
    /// What was bought
    #[arg(long, value_name = "TEXT")]
    description: Option<String>,
    /// Repeat an earlier charge [default: a new key]
    #[arg(long, value_name = "KEY")]
    idempotency_key: Option<String>,
    #[command(flatten)]
    wait: WaitArgs,
    #[command(flatten)]
    merchant: MerchantArgs,
    #[command(flatten)]
    issuer: IssuerArgs,
}

/// Where the code comes from.
#[derive(clap::Args, Debug)]
#[group(required = true, multiple = false)]
struct Source {
    /// Read the code from a PNG or JPEG picture
    #[arg(long, value_name = "PHOTO")]
    scan: Option<PathBuf>,
    /// The digits of the code
    #[arg(long, value_name = "DIGITS")]
    code: Option<String>,
    /// Read the digits from a line of standard input
    #[arg(long)]
    stdin: bool,
}

/// A charge that can be repeated.
pub(crate) struct Charge {
    pub(crate) code: String,
    pub(crate) code_source: &'static str,
    pub(crate) amount: Money,
    pub(crate) reference: String,
    pub(crate) terminal: Option<TerminalId>,
    pub(crate) description: Option<String>,
    pub(crate) idempotency_key: String,
}

/// The names of a charge, said before it is sent.
#[derive(Serialize)]
struct Names<'a> {
    reference: &'a str,
    idempotency_key: &'a str,
}

impl fmt::Display for Names<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "reference {}, idempotency key {}", self.reference, self.idempotency_key)
    }
}

#[derive(Serialize)]
struct Charged {
    #[serde(flatten)]
    payment: Answer<Payment>,
    receipt_verified: bool,
    /// Whose receipt it is.
    issuer: String,
    /// Whether that is the issuer that was expected, and not just the one that answered.
    issuer_expected: bool,
}

impl fmt::Display for Charged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.payment.replayed {
            writeln!(f, "an earlier answer, repeated:")?;
        }
        writeln!(f, "{}", self.payment)?;
        let whose = if self.issuer_expected { "expected" } else { "as the server names it" };
        writeln!(f, "  receipt           verified: signed by the issuer for this payment")?;
        write!(f, "  issuer            {} ({whose})", self.issuer)
    }
}

pub(super) async fn run(args: Args, output: Output) -> Result<(), Failure> {
    let client = args.merchant.client()?;
    let expected = args.issuer.id;
    let (charge, wait) = args.charge()?;
    let issuer = client.send::<Issuer>(Request::get("/v1/issuer")).await?.value;
    let issuer = issuer.document(expected.as_ref())?;
    // Whatever happens from here on, the charge can be repeated and found.
    output.announce(&charge.names())?;
    let payment = charge.send(&client).await.map_err(|failure| charge.explain(failure))?;
    let payment = wait.outcome(&client, payment, output).await?;
    receipts::verify(&payment.value, &issuer)?;
    let paid = unless_paid(&payment.value);
    output.show(&Charged {
        payment,
        receipt_verified: true,
        issuer: issuer.issuer_id().to_string(),
        issuer_expected: expected.is_some(),
    })?;
    paid
}

impl Args {
    fn charge(self) -> Result<(Charge, WaitArgs), Failure> {
        let amount = Currency::from_code(&self.currency)
            .and_then(|currency| Money::parse(&self.amount, currency))
            .map_err(|error| Failure::core(Exit::Usage, error))?;
        let (code, code_source) = self.source.read()?;
        let charge = Charge {
            code,
            code_source,
            amount,
            reference: self.reference.unwrap_or_else(made_up_reference),
            terminal: self.terminal.as_ref().map(TerminalArg::id).transpose()?,
            description: self.description,
            idempotency_key: self.idempotency_key.unwrap_or_else(system::random_hex::<16>),
        };
        Ok((charge, self.wait))
    }
}

impl Source {
    /// The digits, and how the server calls the way they came.
    fn read(self) -> Result<(String, &'static str), Failure> {
        if let Some(path) = self.scan {
            return Ok((pictures::read_payment_code(&path)?, "scan"));
        }
        match self.code {
            Some(digits) => Ok((digits, "typed")),
            None => Ok((secrets::line_of_stdin()?.trim().to_owned(), "scan")),
        }
    }
}

impl Charge {
    /// Sends the charge, again and again if need be.
    pub(crate) async fn send(&self, client: &Client) -> Result<Answer<Payment>, Failure> {
        let mut body = json!({
            "code": self.code,
            "code_source": self.code_source,
            "amount": self.amount.amount_text(),
            "currency": self.amount.currency().code(),
            "reference": self.reference,
        });
        // Absent rather than null: null is a value.
        if let Some(terminal) = self.terminal {
            body["terminal"] = json!(terminal.to_string());
        }
        if let Some(description) = &self.description {
            body["description"] = json!(description);
        }
        let request = Request::post("/v1/payments", body).idempotency_key(&self.idempotency_key);
        client.send(request).await
    }

    /// What to repeat it with and to look it up by.
    fn names(&self) -> Names<'_> {
        Names { reference: &self.reference, idempotency_key: &self.idempotency_key }
    }

    /// Says how to find out, when the outcome is not known.
    fn explain(&self, failure: Failure) -> Failure {
        if failure.exit() != Exit::AskAgain {
            return failure;
        }
        let Self { reference, idempotency_key, .. } = self;
        failure.hint(format!(
            "repeat the charge of the same code with the same --idempotency-key \
             {idempotency_key} and --reference {reference}: the payer pays once\n  \
             `wallet merchant payment --reference {reference}` looks it up; that it finds nothing \
             proves nothing yet, for the charge may still be on its way"
        ))
    }
}

/// A reference that no other payment has and that sorts by time.
fn made_up_reference() -> String {
    let now: String =
        times::format(system::now()).chars().filter(char::is_ascii_alphanumeric).collect();
    format!("{now}-{}", system::random_hex::<4>())
}

#[cfg(test)]
mod tests {
    use wallet_core::{Currency, Money};

    use super::Charge;
    use crate::failure::{Exit, Failure};

    #[test]
    fn after_an_unknown_outcome_repeating_comes_first_and_a_look_up_proves_nothing_yet() {
        let charge = Charge {
            code: String::new(),
            code_source: "typed",
            amount: Money::from_minor(1, Currency::from_code("CNY").unwrap()),
            reference: "order-1".to_owned(),
            terminal: None,
            description: None,
            idempotency_key: "key-1".to_owned(),
        };
        let hint = |exit| {
            let failure = charge.explain(Failure::new(exit, "unreachable", ""));
            failure.to_json()["error"]["hint"].as_str().map(str::to_owned)
        };
        let said = hint(Exit::AskAgain).unwrap();
        let repeat = said.find("--idempotency-key key-1 and --reference order-1").unwrap();
        assert!(said.starts_with("repeat") && repeat < said.find("looks it up").unwrap(), "{said}");
        assert!(said.contains("proves nothing yet"), "{said}");
        assert_eq!(hint(Exit::Refused), None);
    }
}
