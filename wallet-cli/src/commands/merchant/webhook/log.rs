//! What endpoints were told, and telling it again.

use clap::ValueEnum;
use serde_json::json;

use crate::client::Request;
use crate::client::models::{List, PageArgs, WebhookDelivery};
use crate::commands::ids;
use crate::failure::Failure;
use crate::output::Output;

use super::Which;

/// See what an endpoint is and was told of, the newest event first, for 30 days
#[derive(clap::Args, Debug)]
pub(crate) struct ListArgs {
    /// Only what waits, or what was given up
    #[arg(long, value_enum)]
    state: Option<State>,
    #[command(flatten)]
    page: PageArgs,
    #[command(flatten)]
    which: Which,
}

/// Which deliveries.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum State {
    /// Will be sent, for the first time or again
    Waiting,
    /// Was given up
    Failed,
}

/// See each attempt to tell an endpoint of an event
#[derive(clap::Args, Debug)]
pub(crate) struct ShowArgs {
    #[command(flatten)]
    which: WhichDelivery,
}

/// Tell an endpoint of an event again, whatever became of it before
#[derive(clap::Args, Debug)]
pub(crate) struct ReplayArgs {
    #[command(flatten)]
    which: WhichDelivery,
}

/// Which event, for which endpoint.
#[derive(clap::Args, Debug)]
struct WhichDelivery {
    #[command(flatten)]
    which: Which,
    /// The event's id
    #[arg(value_parser = ids::parse)]
    event: String,
}

impl WhichDelivery {
    fn path(&self, rest: &str) -> String {
        self.which.path(&format!("/deliveries/{}{rest}", self.event))
    }
}

pub(super) async fn list(args: ListArgs, output: Output) -> Result<(), Failure> {
    let state = args.state.map(|state| match state {
        State::Waiting => "waiting",
        State::Failed => "failed",
    });
    let request = Request::get(args.which.path("/deliveries")).query("state", state);
    let client = args.which.merchant.client()?;
    output.show(&client.send::<List<WebhookDelivery>>(args.page.apply(request)).await?)
}

pub(super) async fn show(args: ShowArgs, output: Output) -> Result<(), Failure> {
    let client = args.which.which.merchant.client()?;
    output.show(&client.send::<WebhookDelivery>(Request::get(args.which.path(""))).await?)
}

pub(super) async fn replay(args: ReplayArgs, output: Output) -> Result<(), Failure> {
    let client = args.which.which.merchant.client()?;
    let request = Request::post(args.which.path("/replay"), json!({}));
    output.show(&client.send::<WebhookDelivery>(request).await?)
}
