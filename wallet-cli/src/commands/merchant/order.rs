//! `wallet merchant order`

use clap::{Subcommand, ValueEnum};
use serde_json::{Map, Value, json};
use wallet_core::{Currency, Money};

use crate::client::models::{List, Order, PageArgs};
use crate::client::{Answer, Client, Request};
use crate::commands::ids;
use crate::failure::{Exit, Failure};
use crate::output::Output;
use crate::pictures::PictureArgs;
use crate::system;

use super::MerchantArgs;

/// The longest that the server keeps a question open.
const WAIT_SECONDS_MAX: u32 = 25;

/// Show a code that is paid once: make orders, wait for them, look them up, close them
#[derive(Subcommand, Debug)]
pub(crate) enum Command {
    Create(CreateArgs),
    Show(ShowArgs),
    List(ListArgs),
    Close(CloseArgs),
}

/// Ask to be paid, once: show the code that the payer scans
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  wallet merchant order create 12.50 --reference table-4 --description noodles --wait
  wallet merchant order create 12.50 --expires-in 3600 --png order.png

With --wait, an order that was not paid ends with exit code 3.")]
pub(crate) struct CreateArgs {
    /// How much, as in 12.50
    amount: String,
    /// The currency, as in ISO 4217
    #[arg(long, value_name = "CODE", default_value = "CNY")]
    currency: String,
    /// Your name for this order and its payment, unique for ever [default: made up]
    #[arg(long)]
    reference: Option<String>,
    /// What the payer reads
    #[arg(long, value_name = "TEXT")]
    description: Option<String>,
    /// For how long it can be paid [default: 900]
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(60..=86_400))]
    expires_in: Option<u32>,
    /// Wait until it is paid, closed or too late
    #[arg(long)]
    wait: bool,
    /// Repeat an earlier order [default: a new key]
    #[arg(long, value_name = "KEY", value_parser = ids::idempotency_key)]
    idempotency_key: Option<String>,
    #[command(flatten)]
    pictures: PictureArgs,
    #[command(flatten)]
    merchant: MerchantArgs,
}

/// Show an order, and its code while it can be paid
#[derive(clap::Args, Debug)]
pub(crate) struct ShowArgs {
    /// Its id
    #[arg(value_name = "ORDER", value_parser = ids::parse)]
    id: String,
    /// Wait until it is paid, closed or too late
    #[arg(long)]
    wait: bool,
    #[command(flatten)]
    pictures: PictureArgs,
    #[command(flatten)]
    merchant: MerchantArgs,
}

/// List orders, the newest first
#[derive(clap::Args, Debug)]
pub(crate) struct ListArgs {
    /// The one with this reference
    #[arg(long)]
    reference: Option<String>,
    /// Those in this state
    #[arg(long)]
    state: Option<State>,
    #[command(flatten)]
    page: PageArgs,
    #[command(flatten)]
    merchant: MerchantArgs,
}

/// Close an order: nobody pays it from now on
#[derive(clap::Args, Debug)]
pub(crate) struct CloseArgs {
    /// Its id
    #[arg(value_name = "ORDER", value_parser = ids::parse)]
    id: String,
    #[command(flatten)]
    merchant: MerchantArgs,
}

/// The states of an order.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum State {
    /// It can be paid
    Open,
    /// Somebody has paid it
    Paid,
    /// The merchant closed it
    Canceled,
    /// Nobody paid in time
    Expired,
}

impl State {
    fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Paid => "paid",
            Self::Canceled => "canceled",
            Self::Expired => "expired",
        }
    }
}

pub(super) async fn run(command: Command, output: Output) -> Result<(), Failure> {
    match command {
        Command::Create(args) => create(args, output).await,
        Command::Show(args) => {
            let client = args.merchant.client()?;
            let order = look(&client, &args.id, None).await?;
            show(&client, order, (&args.pictures, args.wait), output).await
        }
        Command::List(args) => {
            let request = Request::get("/v1/orders")
                .query("reference", args.reference)
                .query("state", args.state.map(State::as_str));
            let request = args.page.apply(request);
            output.show(&args.merchant.client()?.send::<List<Order>>(request).await?)
        }
        Command::Close(args) => {
            let path = format!("/v1/orders/{}/close", args.id);
            // Closing twice is closing once, so every attempt has the same key.
            let key = format!("close-{}", args.id);
            let request = Request::post(path, json!({})).idempotency_key(&key);
            output.show(&args.merchant.client()?.send::<Order>(request).await?)
        }
    }
}

async fn create(args: CreateArgs, output: Output) -> Result<(), Failure> {
    let key = args.idempotency_key.clone().unwrap_or_else(system::random_hex::<16>);
    let body = args.body(&key)?;
    let client = args.merchant.client()?;
    let request = Request::post("/v1/orders", body.into()).idempotency_key(&key);
    let order = client.send::<Order>(request).await.map_err(|failure| match failure.exit() {
        Exit::AskAgain => {
            failure.hint(format!("repeat it with --idempotency-key {key}: it is one order"))
        }
        _ => failure,
    })?;
    show(&client, order, (&args.pictures, args.wait), output).await
}

impl CreateArgs {
    /// The same key gives the same body: without a reference, the key is the reference.
    fn body(&self, key: &str) -> Result<Map<String, Value>, Failure> {
        let amount = Currency::from_code(&self.currency)
            .and_then(|currency| Money::parse(&self.amount, currency))
            .map_err(|error| Failure::core(Exit::Usage, error))?;
        let reference = self.reference.as_deref().unwrap_or(key);
        let mut body = Map::new();
        body.insert("amount".to_owned(), json!(amount.amount_text()));
        body.insert("currency".to_owned(), json!(amount.currency().code()));
        body.insert("reference".to_owned(), json!(reference));
        // Absent rather than null: null is a value.
        if let Some(description) = &self.description {
            body.insert("description".to_owned(), json!(description));
        }
        if let Some(seconds) = self.expires_in {
            body.insert("expires_in".to_owned(), json!(seconds));
        }
        Ok(body)
    }
}

/// Draws the code of an order that can be paid, waits if that is asked for, and prints it.
async fn show(
    client: &Client,
    order: Answer<Order>,
    (pictures, wait): (&PictureArgs, bool),
    output: Output,
) -> Result<(), Failure> {
    if order.value.is_open() {
        pictures.show(&order.value.payload, output)?;
    }
    if !wait {
        return output.show(&order);
    }
    output.announce(&order)?;
    let ended = until_ended(client, order).await?;
    output.show(&ended)?;
    if ended.value.state == "paid" {
        return Ok(());
    }
    let sentence = format!("the order was not paid: it is {}", ended.value.state);
    Err(Failure::new(Exit::Refused, &format!("order_{}", ended.value.state), sentence))
}

/// Asks until the order is not open any more. The server ends it when its time is over.
async fn until_ended(client: &Client, mut order: Answer<Order>) -> Result<Answer<Order>, Failure> {
    while order.value.is_open() {
        order = look(client, &order.value.id, Some(WAIT_SECONDS_MAX)).await?;
    }
    Ok(order)
}

async fn look(client: &Client, id: &str, wait: Option<u32>) -> Result<Answer<Order>, Failure> {
    client.send(Request::get(format!("/v1/orders/{id}")).query("wait", wait)).await
}
