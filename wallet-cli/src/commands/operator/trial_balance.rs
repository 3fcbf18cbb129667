//! `wallet operator trial-balance`

use crate::client::models::TrialBalance;
use crate::client::{OperatorArgs, Request};
use crate::commands::ModeArg;
use crate::failure::{Exit, Failure};
use crate::output::Output;

/// Show the sums of all accounts; ends with exit code 1 unless debits equal credits
#[derive(clap::Args, Debug)]
#[command(after_help = "Example:\n  wallet operator trial-balance --mode test")]
pub(crate) struct Args {
    /// Real or play money
    #[arg(long, value_enum, default_value = "live")]
    mode: ModeArg,
    #[command(flatten)]
    operator: OperatorArgs,
}

pub(super) async fn run(args: Args, output: Output) -> Result<(), Failure> {
    let request =
        Request::get("/v1/operator/trial_balance").query("mode", Some(args.mode.as_str()));
    let answer = args.operator.client()?.send::<TrialBalance>(request).await?;
    output.show(&answer)?;
    if answer.value.is_balanced() {
        Ok(())
    } else {
        Err(Failure::new(Exit::Unexpected, "not_balanced", "debits and credits differ"))
    }
}
