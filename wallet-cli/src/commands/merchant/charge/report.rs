//! What the cashier is told at the end of a sale.

use core::fmt;

use serde::Serialize;
use wallet_core::issuer::IssuerDocument;
use wallet_core::till::{self, Outcome};

use crate::client::models::Payment;
use crate::client::{Answer, Client, Problem, Request};
use crate::failure::{Exit, Failure};
use crate::output::Output;
use crate::receipts;

/// Tells outcomes, and verifies the receipts of payments.
pub(super) struct Reporter<'a> {
    pub(super) client: &'a Client,
    pub(super) output: Output,
    pub(super) document: IssuerDocument,
    /// Whether that is the issuer that was expected, and not just the one that answered.
    pub(super) issuer_expected: bool,
}

#[derive(Serialize)]
struct Charged {
    #[serde(flatten)]
    payment: Answer<Payment>,
    receipt_verified: bool,
    /// Whose receipt it is.
    issuer: String,
    issuer_expected: bool,
}

impl fmt::Display for Charged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.payment)?;
        let whose = if self.issuer_expected { "expected" } else { "as the server names it" };
        writeln!(f, "  receipt           verified: signed by the issuer for this payment")?;
        write!(f, "  issuer            {} ({whose})", self.issuer)
    }
}

impl Reporter<'_> {
    /// Tells how a sale ended.
    pub(super) fn told(&self, outcome: &Outcome) -> Result<(), Failure> {
        self.payment(Answer::read(&settled(outcome)?.body)?)
    }

    /// The same for a sale that ended in an earlier run: what its payment is now.
    pub(super) async fn told_again(&self, outcome: &Outcome) -> Result<(), Failure> {
        let request = Request::get(format!("/v1/payments/{}", settled(outcome)?.id));
        self.payment(self.client.send(request).await?)
    }

    fn payment(&self, payment: Answer<Payment>) -> Result<(), Failure> {
        receipts::verify(&payment.value, &self.document)?;
        let paid = unless_paid(&payment.value);
        self.output.show(&Charged {
            payment,
            receipt_verified: true,
            issuer: self.document.issuer_id().to_string(),
            issuer_expected: self.issuer_expected,
        })?;
        paid
    }
}

/// The payment to be shown with its receipt, or why there is none.
pub(super) fn settled(outcome: &Outcome) -> Result<&till::Payment, Failure> {
    match outcome {
        Outcome::Paid(payment)
        | Outcome::Authorized(payment)
        | Outcome::Reversed(Some(payment))
        | Outcome::Declined { payment, problem: None } => Ok(payment),
        Outcome::Declined { problem: Some(problem), .. }
        | Outcome::CodeUnusable(problem)
        | Outcome::Refused(problem)
        | Outcome::ReferenceTaken(problem) => Err(failure(problem)),
        Outcome::Reversed(None) => {
            let sentence = "not paid: called off, and no payment will come under this reference";
            Err(Failure::new(Exit::Refused, "reversed", sentence))
        }
    }
}

/// What the server said, or the till about the network.
fn failure(problem: &till::Problem) -> Failure {
    match (problem.status, problem.code.as_str()) {
        (Some(status), _) => Failure::problem(Problem::read(status, problem.body.as_bytes())),
        (None, "unreachable") => {
            let sentence = format!("nobody paid: {}", problem.detail);
            Failure::new(Exit::Unreachable, "unreachable", sentence)
        }
        (None, code) => Failure::new(Exit::Refused, code, problem.detail.clone()),
    }
}

/// A payment that is decided, but not in the till's favour.
fn unless_paid(payment: &Payment) -> Result<(), Failure> {
    if matches!(payment.state.as_str(), "succeeded" | "authorized" | "partially_refunded") {
        return Ok(());
    }
    let code = payment.decline_code.as_deref().unwrap_or(&payment.state);
    let sentence = format!("not paid: the payment is {}", payment.state);
    Err(Failure::new(Exit::Refused, code, sentence))
}
