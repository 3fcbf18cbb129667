//! `wallet merchant webhook`: where the merchant is told of events.

mod log;

use clap::{Subcommand, ValueEnum};
use serde_json::{Map, Value, json};

use crate::client::Request;
use crate::client::models::{List, PageArgs, WebhookEndpoint};
use crate::commands::{Done, ids};
use crate::failure::Failure;
use crate::output::Output;

use super::MerchantArgs;

/// Say where to be told of events, and see how telling went
#[derive(Subcommand, Debug)]
pub(crate) enum Command {
    Create(CreateArgs),
    List(ListArgs),
    Change(ChangeArgs),
    Rotate(RotateArgs),
    Delete(DeleteArgs),
    Deliveries(log::ListArgs),
    Delivery(log::ShowArgs),
    Replay(log::ReplayArgs),
}

/// Name a URL that is called for every event, and print its secret, this once
///
/// What happens from now on is told. The secret and the public key prove who tells: verify one of
/// them before you believe anything.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  wallet merchant webhook create https://shop.example/hooks
  wallet merchant webhook create https://shop.example/refunds --events refund.succeeded")]
pub(crate) struct CreateArgs {
    /// Where to call: https:// and an address of the internet
    url: String,
    #[command(flatten)]
    about: AboutArgs,
    #[command(flatten)]
    merchant: MerchantArgs,
}

/// What an endpoint is for.
#[derive(clap::Args, Debug)]
struct AboutArgs {
    /// Which events, as in payment.succeeded,refund.succeeded; or '*' [default: all]
    #[arg(long, value_name = "TYPES", value_delimiter = ',')]
    events: Option<Vec<String>>,
    /// What to call it
    #[arg(long, value_name = "TEXT")]
    description: Option<String>,
}

impl AboutArgs {
    fn body(self) -> Map<String, Value> {
        let mut body = Map::new();
        body.extend(self.events.map(|events| ("events".to_owned(), events.into())));
        body.extend(self.description.map(|text| ("description".to_owned(), text.into())));
        body
    }
}

/// List the endpoints, without their secrets
#[derive(clap::Args, Debug)]
pub(crate) struct ListArgs {
    #[command(flatten)]
    page: PageArgs,
    #[command(flatten)]
    merchant: MerchantArgs,
}

/// Change an endpoint, disable it, or enable it again
///
/// One that is enabled again goes on with what waited when it was disabled, and with what happens
/// from now on.
#[derive(clap::Args, Debug)]
pub(crate) struct ChangeArgs {
    #[command(flatten)]
    which: Which,
    /// Where to call from now on
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    #[command(flatten)]
    about: AboutArgs,
    /// Whether it is told of events
    #[arg(long, value_enum)]
    state: Option<State>,
}

/// Whether an endpoint is told of events.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum State {
    /// It is
    Enabled,
    /// It is not
    Disabled,
}

/// Give an endpoint a new secret and a new public key, and print them, this once
///
/// Those before sign as well for some hours.
#[derive(clap::Args, Debug)]
pub(crate) struct RotateArgs {
    #[command(flatten)]
    which: Which,
    /// How long the secret before signs as well [default: 24]
    #[arg(long, value_name = "HOURS", value_parser = clap::value_parser!(u16).range(0..=720))]
    overlap_hours: Option<u16>,
}

/// Delete an endpoint: what waited for it is not sent, and its log is gone
#[derive(clap::Args, Debug)]
pub(crate) struct DeleteArgs {
    #[command(flatten)]
    which: Which,
}

/// Which endpoint, of which merchant.
#[derive(clap::Args, Debug)]
struct Which {
    /// The endpoint's id
    #[arg(value_parser = ids::parse)]
    endpoint: String,
    #[command(flatten)]
    merchant: MerchantArgs,
}

impl Which {
    fn path(&self, rest: &str) -> String {
        format!("/v1/webhook_endpoints/{}{rest}", self.endpoint)
    }
}

pub(super) async fn run(command: Command, output: Output) -> Result<(), Failure> {
    match command {
        Command::Create(CreateArgs { url, about, merchant }) => {
            let mut body = about.body();
            body.insert("url".to_owned(), url.into());
            let request = Request::post("/v1/webhook_endpoints", Value::Object(body));
            output.show(&merchant.client()?.send::<WebhookEndpoint>(request).await?)
        }
        Command::List(args) => {
            let request = args.page.apply(Request::get("/v1/webhook_endpoints"));
            output.show(&args.merchant.client()?.send::<List<WebhookEndpoint>>(request).await?)
        }
        Command::Change(args) => {
            let mut body = args.about.body();
            body.extend(args.url.map(|url| ("url".to_owned(), url.into())));
            let state = args.state.map(|state| match state {
                State::Enabled => "enabled",
                State::Disabled => "disabled",
            });
            body.extend(state.map(|state| ("state".to_owned(), state.into())));
            let request = Request::patch(args.which.path(""), Value::Object(body));
            output.show(&args.which.merchant.client()?.send::<WebhookEndpoint>(request).await?)
        }
        Command::Rotate(RotateArgs { which, overlap_hours }) => {
            let body = overlap_hours.map_or(json!({}), |hours| json!({ "overlap_hours": hours }));
            let request = Request::post(which.path("/rotate_secret"), body);
            output.show(&which.merchant.client()?.send::<WebhookEndpoint>(request).await?)
        }
        Command::Delete(DeleteArgs { which }) => {
            let request = Request::delete(which.path(""));
            which.merchant.client()?.send::<()>(request).await?;
            output.show(&Done::new(format!("webhook endpoint {} is gone", which.endpoint)))
        }
        Command::Deliveries(args) => log::list(args, output).await,
        Command::Delivery(args) => log::show(args, output).await,
        Command::Replay(args) => log::replay(args, output).await,
    }
}
