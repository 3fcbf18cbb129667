//! Sales: new ones, and those that an earlier run left open.

use core::fmt;

use serde::Serialize;
use wallet_core::IssuerId;
use wallet_core::issuer::IssuerDocument;
use wallet_core::till::{Keys, Order, Outcome, Patience, Sale};

use crate::client::Request;
use crate::client::models::Issuer;
use crate::failure::{Exit, Failure};
use crate::system;
use crate::till::{Entry, Journal, Till};

use super::report::{Reporter, settled};

/// Where sales are made.
pub(super) struct Counter<'a> {
    pub(super) till: Till<'a>,
    pub(super) journal: &'a Journal,
    /// Whose receipts are expected.
    pub(super) issuer: Option<IssuerId>,
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

impl Counter<'_> {
    /// Charges a code, unless the sale has been made already.
    pub(super) async fn charge(
        &self,
        order: Order,
        code: &str,
        key: Option<String>,
        patience: Patience,
    ) -> Result<(), Failure> {
        let entry = self.journal.entry(&order.reference)?;
        if let Some(earlier) = entry.load(system::now())? {
            same_sale(&earlier, &order)?;
            let same_code = earlier.code() == Some(code);
            let ended = earlier.outcome().is_some();
            let outcome = self.go_on(earlier, &entry).await?;
            // Else the customer shows another code, for which the reference is free.
            if same_code || !outcome.leaves_the_reference_free() {
                return self.tell(&outcome, ended).await;
            }
        }
        let reporter = self.reporter().await?;
        let repeats = key.is_some();
        let keys = Keys {
            charge: key.unwrap_or_else(system::random_hex::<16>),
            reversal: system::random_hex::<16>(),
        };
        let names = Names { reference: &order.reference, idempotency_key: &keys.charge };
        // Whatever happens from here on, the charge can be repeated and found.
        self.till.output.announce(&names)?;
        // What is repeated may have arrived, from another machine: nobody may be told that it did not.
        let begin = if repeats { Sale::repeat } else { Sale::begin };
        let sale = begin(order, code, keys, patience, system::now());
        let outcome = self.till.run(sale, repeats, &entry).await?;
        reporter.told(&outcome)
    }

    /// Ends one sale that an earlier run left open, or tells how it ended.
    pub(super) async fn resume(&self, reference: &str) -> Result<(), Failure> {
        let entry = self.journal.entry(reference)?;
        let Some(sale) = entry.load(system::now())? else {
            let sentence = format!("this machine knows of no sale {reference}");
            return Err(Failure::new(Exit::Refused, "unknown_sale", sentence)
                .hint(format!("`wallet merchant payment --reference {reference}` looks it up")));
        };
        let ended = sale.outcome().is_some();
        let outcome = self.go_on(sale, &entry).await?;
        self.tell(&outcome, ended).await
    }

    /// Ends all sales that earlier runs left open, and tells how each ended.
    pub(super) async fn resume_all(&self) -> Result<(), Failure> {
        let output = self.till.output;
        let (references, damaged) = self.journal.open_references(system::now())?;
        if references.is_empty() && damaged.is_empty() {
            output.note("no sale is open");
        }
        let mut open = damaged.len();
        for failure in &damaged {
            output.fail(failure);
        }
        for reference in references {
            output.note(format!("{reference}:"));
            if let Err(failure) = self.resume(&reference).await {
                open += usize::from(!matches!(failure.exit(), Exit::Refused));
                output.fail(&failure);
            }
        }
        if open == 0 {
            return Ok(());
        }
        Err(Failure::new(Exit::AskAgain, "undecided", format!("still open: {open}")))
    }

    async fn go_on(&self, sale: Sale, entry: &Entry) -> Result<Outcome, Failure> {
        let output = self.till.output;
        if sale.outcome().is_none() {
            output.note(format!("{} was left open: going on with it", entry.reference()));
        }
        self.till.run(sale, true, entry).await
    }

    /// Tells the outcome of a sale that another run began, or even ended.
    async fn tell(&self, outcome: &Outcome, ended: bool) -> Result<(), Failure> {
        settled(outcome)?;
        let told = async {
            let reporter = self.reporter().await?;
            if ended { reporter.told_again(outcome).await } else { reporter.told(outcome) }
        };
        told.await.map_err(|failure| match failure.exit() {
            // The network is gone again, with the receipt's keys; the outcome is in the journal.
            Exit::Unreachable | Exit::AskAgain => {
                let word = if outcome.is_paid() { "paid" } else { "not paid" };
                failure.hint(format!("the journal says: {word}"))
            }
            _ => failure,
        })
    }

    async fn reporter(&self) -> Result<Reporter<'_>, Failure> {
        let Till { client, output, .. } = self.till;
        let issuer = client.send::<Issuer>(Request::get("/v1/issuer")).await?.value;
        let document: IssuerDocument = issuer.document(self.issuer.as_ref())?;
        Ok(Reporter { client, output, document, issuer_expected: self.issuer.is_some() })
    }
}

/// One reference is one sale.
fn same_sale(earlier: &Sale, order: &Order) -> Result<(), Failure> {
    let before = earlier.order();
    if (before.amount, before.capture) == (order.amount, order.capture) {
        return Ok(());
    }
    let sentence = format!("{} stands for a sale of {}", order.reference, before.amount.money());
    Err(Failure::new(Exit::Usage, "other_sale", sentence)
        .hint("take another reference; `wallet merchant charge --resume` ends what is open"))
}
