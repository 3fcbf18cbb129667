//! The demo's steps, what each must show, and whether it did. Pure: no server, no clock, no screen.

use crate::client::models::TrialBalance;
use crate::failure::Failure;
use crate::output::table;

/// What the payer gets at the start.
pub(super) const TOP_UP: &str = "500.00";
/// What the merchant charges.
pub(super) const PRICE: &str = "12.50";
/// What the payer then has.
pub(super) const LEFT: &str = "487.50";
/// The limit of one code, and a charge above it that the payer could otherwise afford.
pub(super) const LOW_LIMIT: &str = "20.00";
pub(super) const ABOVE_LOW_LIMIT: &str = "30.00";
/// A charge above what the payer pays without the PIN, and what is left after it.
pub(super) const LARGE_PRICE: &str = "150.00";
pub(super) const LEFT_AFTER_LARGE: &str = "337.50";
/// What is in the red envelope, and in how many shares.
pub(super) const ENVELOPE: &str = "8.88";
pub(super) const SHARES: usize = 2;
/// The merchant's fee, in hundredths of a percent: there is a fee to be seen in the books.
pub(super) const FEE_BASIS_POINTS: u32 = 60;

/// One thing that the demo does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Step {
    StartServer,
    CreateMerchant,
    CreatePayer,
    Enrol,
    TopUp,
    ShowCode,
    ScanPicture,
    Charge,
    VerifyReceipt,
    HearOfIt,
    Balances,
    Postings,
    TrialBalance,
    UsedCode,
    CodeLimit,
    ExpiredCode,
    ForgedCode,
    NothingMoved,
    SetPin,
    Confirm,
    SecondPhone,
    Envelope,
    BooksAtTheEnd,
}

impl Step {
    /// All steps, in order.
    pub(super) const ALL: [Self; 23] = [
        Self::StartServer,
        Self::CreateMerchant,
        Self::CreatePayer,
        Self::Enrol,
        Self::TopUp,
        Self::ShowCode,
        Self::ScanPicture,
        Self::Charge,
        Self::VerifyReceipt,
        Self::HearOfIt,
        Self::Balances,
        Self::Postings,
        Self::TrialBalance,
        Self::UsedCode,
        Self::CodeLimit,
        Self::ExpiredCode,
        Self::ForgedCode,
        Self::NothingMoved,
        Self::SetPin,
        Self::Confirm,
        Self::SecondPhone,
        Self::Envelope,
        Self::BooksAtTheEnd,
    ];

    /// What it is about, in a word or two.
    pub(super) fn title(self) -> &'static str {
        match self {
            Self::StartServer => "server",
            Self::CreateMerchant => "merchant",
            Self::CreatePayer => "payer",
            Self::Enrol => "enrolment",
            Self::TopUp => "top-up",
            Self::ShowCode => "code",
            Self::ScanPicture => "scan",
            Self::Charge => "charge",
            Self::VerifyReceipt => "receipt",
            Self::HearOfIt => "phone",
            Self::Balances => "balances",
            Self::Postings => "postings",
            Self::TrialBalance => "books",
            Self::UsedCode => "used code",
            Self::CodeLimit => "code limit",
            Self::ExpiredCode => "expired",
            Self::ForgedCode => "forged",
            Self::NothingMoved => "unchanged",
            Self::SetPin => "PIN",
            Self::Confirm => "confirm",
            Self::SecondPhone => "2nd phone",
            Self::Envelope => "envelope",
            Self::BooksAtTheEnd => "books again",
        }
    }

    /// What the next press of a key does; nothing where the demo goes on by itself.
    ///
    /// It stops where there is something to look at, and never between the scan and the charge:
    /// a scanned code lives a minute.
    pub(super) fn waits_for(self) -> Option<&'static str> {
        match self {
            Self::StartServer
            | Self::CreateMerchant
            | Self::CreatePayer
            | Self::Enrol
            | Self::TopUp
            | Self::ShowCode
            | Self::Charge => None,
            Self::ScanPicture => Some("scan the code and charge 12.50"),
            Self::VerifyReceipt => Some("verify the receipt"),
            Self::HearOfIt => Some("what the phone hears"),
            Self::Balances => Some("both balances"),
            Self::Postings => Some("the ledger's postings"),
            Self::TrialBalance => Some("the trial balance"),
            Self::UsedCode => Some("show the same code again"),
            Self::CodeLimit => Some("charge above a code's limit"),
            Self::ExpiredCode => Some("show an expired code"),
            Self::ForgedCode => Some("show a forged code"),
            Self::NothingMoved => Some("what the refusals moved"),
            Self::SetPin => Some("set a PIN"),
            Self::Confirm => Some("charge 150.00, which needs the PIN"),
            Self::SecondPhone => Some("let a second phone in"),
            Self::Envelope => Some("send a red envelope to two friends"),
            Self::BooksAtTheEnd => Some("the trial balance once more"),
        }
    }

    /// The code of the refusal that this step is there to show.
    fn refusal(self, too_old: bool) -> Option<&'static str> {
        match self {
            // Whoever looks at the screen for long finds the used code expired.
            Self::UsedCode if too_old => Some("code_expired"),
            Self::UsedCode => Some("code_used"),
            Self::CodeLimit => Some("over_code_limit"),
            Self::ExpiredCode => Some("code_expired"),
            Self::ForgedCode => Some("invalid_code"),
            _ => None,
        }
    }
}

/// What happened when a step was done.
#[derive(Clone, Debug)]
pub(super) enum Observation {
    /// It worked, and there is nothing to check.
    Done(String),
    /// It worked, and this must be true.
    Checked { ok: bool, said: String, details: Vec<String> },
    /// The payer and the merchant have this much; `net` is what the merchant should have.
    Balances { payer: String, merchant: String, net: String },
    /// The entries of the payment, as rows with a head; debits and credits as sums.
    Postings { rows: Vec<Vec<String>>, debits: String, credits: String },
    /// The sums of all accounts.
    TrialBalance(TrialBalance),
    /// A charge was refused.
    Refused { code: String, detail: String, too_old: bool },
    /// A charge went through.
    Charged(String),
}

/// How a step went.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Finding {
    pub(super) step: Step,
    /// Whether it went as the demo says.
    pub(super) ok: bool,
    /// One line.
    pub(super) said: String,
    /// More lines, for those who want to know.
    pub(super) details: Vec<String>,
}

/// How far the demo has come.
#[derive(Debug, Default)]
pub(super) struct Scenario {
    findings: Vec<Finding>,
    stopped: bool,
}

impl Scenario {
    /// The step to do now; nothing at the end, or when a step failed that others need.
    pub(super) fn next(&self) -> Option<Step> {
        if self.stopped { None } else { Step::ALL.get(self.findings.len()).copied() }
    }

    /// What happened so far.
    pub(super) fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// Whether every step went as the demo says, and none is left.
    pub(super) fn went_as_said(&self) -> bool {
        self.findings.len() == Step::ALL.len() && !self.has_failed()
    }

    /// Whether a step went differently.
    pub(super) fn has_failed(&self) -> bool {
        self.findings.iter().any(|finding| !finding.ok)
    }

    /// Judges the step that [`next`](Self::next) named.
    pub(super) fn record(&mut self, outcome: Result<Observation, Failure>) -> Option<&Finding> {
        let step = self.next()?;
        let finding = match outcome {
            Ok(observation) => judge(step, observation),
            Err(failure) => {
                self.stopped = true;
                let mut lines = failure.to_string().lines().map(str::to_owned).collect::<Vec<_>>();
                let said = lines.remove(0);
                Finding { step, ok: false, said, details: lines }
            }
        };
        self.findings.push(finding);
        self.findings.last()
    }
}

/// Compares what happened with what the step says.
fn judge(step: Step, observation: Observation) -> Finding {
    let finding = |ok, said, details| Finding { step, ok, said, details };
    match observation {
        Observation::Done(said) => finding(true, said, Vec::new()),
        Observation::Checked { ok, said, details } => finding(ok, said, details),
        Observation::Balances { payer, merchant, net } => {
            let said = format!("payer {payer}, merchant {merchant} CNY");
            let expected =
                format!("expected: payer {LEFT}, merchant {net} (the price less the fee)");
            let ok = payer == LEFT && merchant == net;
            finding(ok, said, vec![expected])
        }
        Observation::Postings { rows, debits, credits } => {
            let ok = rows.len() > 1 && debits == credits;
            let said = format!("debits {debits} = credits {credits}");
            finding(ok, said, lines(&rows, &[2, 3]))
        }
        Observation::TrialBalance(books) => {
            let ok = books.is_balanced();
            let said = if ok { "debits equal credits" } else { "debits and credits DIFFER" };
            finding(ok, said.to_owned(), lines(&books.rows(), &[1, 2]))
        }
        Observation::Refused { code, detail, too_old } => {
            let expected = step.refusal(too_old);
            let ok = expected == Some(code.as_str());
            let said = if ok {
                format!("refused: {code}")
            } else {
                format!("refused: {code}, not {}", expected.unwrap_or("at all as it should"))
            };
            finding(ok, said, vec![detail])
        }
        Observation::Charged(payment) => {
            let expected = step.refusal(false).unwrap_or("a refusal");
            finding(false, format!("NOT refused: {payment}, instead of {expected}"), Vec::new())
        }
    }
}

fn lines(rows: &[Vec<String>], right_aligned: &[usize]) -> Vec<String> {
    table(rows, right_aligned).lines().map(str::to_owned).collect()
}

#[cfg(test)]
#[path = "scenario_tests.rs"]
mod tests;
