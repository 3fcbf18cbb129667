//! `wallet merchant listen`: the merchant's events as they happen.

use std::time::Duration;

use serde_json::Value;

use crate::client::models::{HeardEvent, HeardEvents};
use crate::client::{Client, Request};
use crate::commands::ids;
use crate::failure::{Exit, Failure};
use crate::output::Output;

use super::MerchantArgs;

/// How long the server may hold a question open.
const WAIT_SECONDS: u32 = 25;
/// How long to leave a server alone that can't be reached, or is busy.
const PAUSE: Duration = Duration::from_secs(2);
/// From now on, as the server calls it.
const LATEST: &str = "latest";

/// Print events as they happen, in the order of the journal, until it is stopped
///
/// It asks the server, so it needs no address of its own, as webhooks do. While the server can't be
/// reached it goes on asking, and misses nothing.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  wallet merchant listen
  wallet merchant listen --type payment.succeeded --json | while read -r event; do …; done
  wallet merchant listen --after evt_17_0_1795353372388   go on where an earlier one ended")]
pub(crate) struct Args {
    /// Begin after this event [default: with what happens from now on]
    #[arg(long, value_name = "EVENT", value_parser = ids::parse)]
    after: Option<String>,
    /// Only events of this type, as in payment.succeeded
    #[arg(long, value_name = "TYPE")]
    r#type: Option<String>,
    #[command(flatten)]
    merchant: MerchantArgs,
}

pub(super) async fn run(args: Args, output: Output) -> Result<(), Failure> {
    let client = args.merchant.client()?;
    let mut after = args.after.unwrap_or_else(|| LATEST.to_owned());
    // Where "now" is has to be known before there is anything to wait for.
    let mut wait = 0;
    let mut reachable = true;
    loop {
        match ask(&client, &after, args.r#type.as_deref(), wait).await {
            Ok(events) => {
                if !std::mem::replace(&mut reachable, true) {
                    output.note("the server is back");
                }
                for raw in events.data {
                    if !print(&raw, output)? {
                        return Ok(());
                    }
                }
                (after, wait) = (events.next, WAIT_SECONDS);
            }
            Err(failure) if passes(&failure) => {
                if std::mem::replace(&mut reachable, false) {
                    output.note(format!("{}; asking again", failure.sentence()));
                }
                tokio::time::sleep(PAUSE).await;
            }
            Err(failure) => return Err(failure),
        }
    }
}

async fn ask(
    client: &Client,
    after: &str,
    event_type: Option<&str>,
    wait: u32,
) -> Result<HeardEvents, Failure> {
    let request = Request::get("/v1/events")
        .query("after", Some(after))
        .query("type", event_type)
        .query("limit", Some(100))
        .query("wait", Some(wait));
    Ok(client.send::<HeardEvents>(request).await?.value)
}

/// Whether it is worth asking again.
fn passes(failure: &Failure) -> bool {
    matches!(failure.exit(), Exit::Unreachable | Exit::AskAgain)
}

/// Prints an event; false when nobody reads any more.
fn print(raw: &Value, output: Output) -> Result<bool, Failure> {
    if output.is_json() {
        return output.stream(raw);
    }
    output.stream(&HeardEvent(raw))
}
