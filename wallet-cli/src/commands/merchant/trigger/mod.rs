//! `wallet merchant trigger`

mod plans;
mod play;

use core::fmt;

use clap::builder::PossibleValuesParser;
use serde::Serialize;
use serde_json::Value;
use wallet_core::{Currency, Money};
use wallet_server::domain::test_payer::TestOutcome;

use crate::client::models::{Issuer, IssuerArgs};
use crate::client::{Answer, Request};
use crate::failure::{Exit, Failure};
use crate::output::{Output, table};
use crate::{receipts, system};

use super::MerchantArgs;
use plans::Plan;
use play::{Seen, Trial};

/// Have a payment come to an outcome, to see what your systems make of it (test keys)
///
/// It makes a code of a payer who does what is wanted, charges it as a till does, and does the rest
/// as the payer, the time or the merchant would. What comes about is real in all but the money: the
/// payment, its receipt, its events.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  wallet merchant trigger --list
  wallet merchant trigger refused
  wallet merchant trigger partially_refunded --amount 8.00 --reference order-17

The exit code is 0 if the outcome came about, also if it is a refusal, and 1 if another one did.")]
pub(crate) struct Args {
    /// What is to come about
    #[arg(value_parser = outcome(), required_unless_present = "list", hide_possible_values = true)]
    outcome: Option<String>,
    /// Print the outcomes that there are, with a line about each
    #[arg(long, conflicts_with = "outcome")]
    list: bool,
    /// How much to charge
    #[arg(long, default_value = "12.50")]
    amount: String,
    /// The currency, as in ISO 4217
    #[arg(long, value_name = "CODE", default_value = "CNY")]
    currency: String,
    /// Your name for the payment, unique for ever [default: made up]
    #[arg(long)]
    reference: Option<String>,
    #[command(flatten)]
    merchant: MerchantArgs,
    #[command(flatten)]
    issuer: IssuerArgs,
}

/// The names of all outcomes.
fn outcome() -> PossibleValuesParser {
    PossibleValuesParser::new(Plan::all().map(|plan| plan.name))
}

/// The names of those to which charging a code comes.
pub(super) fn code_outcome() -> PossibleValuesParser {
    PossibleValuesParser::new(TestOutcome::ALL.iter().map(|outcome| outcome.as_str()))
}

#[derive(Serialize)]
struct Listed {
    data: Vec<ListedOutcome>,
}

#[derive(Serialize)]
struct ListedOutcome {
    outcome: &'static str,
    description: &'static str,
}

impl fmt::Display for Listed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let row = |it: &ListedOutcome| vec![it.outcome.to_owned(), it.description.to_owned()];
        f.write_str(&table(&self.data.iter().map(row).collect::<Vec<_>>(), &[]))
    }
}

/// What came about.
#[derive(Serialize)]
struct Triggered {
    outcome: &'static str,
    payment: Option<Answer<crate::client::models::Payment>>,
    /// The server's error, where there is no payment.
    problem: Option<Value>,
    receipt_verified: bool,
    #[serde(skip)]
    says: String,
}

impl fmt::Display for Triggered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} came about", self.outcome)?;
        match &self.payment {
            Some(payment) => {
                write!(f, "\n{payment}\n  receipt           verified: signed by the issuer")
            }
            None => write!(f, "\n{}", self.says),
        }
    }
}

pub(super) async fn run(args: Args, output: Output) -> Result<(), Failure> {
    let Some(plan) = args.outcome.as_deref().and_then(Plan::named) else {
        let listed =
            |plan: Plan| ListedOutcome { outcome: plan.name, description: plan.description };
        return output.show(&Listed { data: Plan::all().map(listed).collect() });
    };
    let amount = Currency::from_code(&args.currency)
        .and_then(|currency| Money::parse(&args.amount, currency))
        .map_err(|error| Failure::core(Exit::Usage, error))?;
    let client = args.merchant.client()?;
    let issuer = client.send::<Issuer>(Request::get("/v1/issuer")).await?.value;
    let issuer = issuer.document(args.issuer.id.as_ref())?;
    let reference =
        args.reference.unwrap_or_else(|| format!("{}-{}", plan.name, system::random_hex::<6>()));
    let seen = Trial { client: &client, plan, amount, reference }.run().await?;
    if !seen.is(plan.expected) {
        return Err(another(plan, &seen));
    }
    let triggered = match seen {
        Seen::Payment { payment, .. } => {
            receipts::verify(&payment.value, &issuer)?;
            Triggered {
                outcome: plan.name,
                payment: Some(*payment),
                problem: None,
                receipt_verified: true,
                says: String::new(),
            }
        }
        Seen::Error(failure) => Triggered {
            outcome: plan.name,
            payment: None,
            problem: failure.raw_problem().cloned(),
            receipt_verified: false,
            says: failure.to_string(),
        },
    };
    output.show(&triggered)
}

/// It came to something else.
fn another(plan: Plan, seen: &Seen) -> Failure {
    let sentence = format!("{} was to come about, and {} did", plan.name, seen.name());
    let failure = Failure::new(Exit::Unexpected, "another_outcome", sentence);
    match seen {
        Seen::Payment { payment, .. } => failure.hint(payment.value.to_string()),
        Seen::Error(error) => failure.hint(error.to_string()),
    }
}
