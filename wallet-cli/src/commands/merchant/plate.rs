//! `wallet merchant plate`

use clap::Subcommand;
use serde_json::{Value, json};
use wallet_core::{Currency, Money};

use crate::client::Request;
use crate::client::models::{List, PageArgs, Plate};
use crate::commands::ids;
use crate::failure::{Exit, Failure};
use crate::output::Output;
use crate::pictures::PictureArgs;

use super::MerchantArgs;

/// Print a code that is paid many times, for a stall or goods on a shelf
#[derive(Subcommand, Debug)]
pub(crate) enum Command {
    Create(CreateArgs),
    Show(ShowArgs),
    List(ListArgs),
    Close(CloseArgs),
}

/// Make a plate, and draw its code
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  wallet merchant plate create 'Stall 7' --svg stall-7.svg             the payer says how much
  wallet merchant plate create 'Longjing, 50 g' --amount 7.00 --svg longjing.svg")]
pub(crate) struct CreateArgs {
    /// The stall, or the goods: the payer reads it
    label: String,
    /// What everybody pays [default: the payer says how much]
    #[arg(long)]
    amount: Option<String>,
    /// The currency of the amount, as in ISO 4217
    #[arg(long, value_name = "CODE", default_value = "CNY")]
    currency: String,
    #[command(flatten)]
    pictures: PictureArgs,
    #[command(flatten)]
    merchant: MerchantArgs,
}

/// Show a plate and its code
#[derive(clap::Args, Debug)]
pub(crate) struct ShowArgs {
    /// Its id
    #[arg(value_name = "PLATE", value_parser = ids::parse)]
    id: String,
    #[command(flatten)]
    pictures: PictureArgs,
    #[command(flatten)]
    merchant: MerchantArgs,
}

/// List plates, the newest first
#[derive(clap::Args, Debug)]
pub(crate) struct ListArgs {
    #[command(flatten)]
    page: PageArgs,
    #[command(flatten)]
    merchant: MerchantArgs,
}

/// Close a plate: nobody pays it from now on
#[derive(clap::Args, Debug)]
pub(crate) struct CloseArgs {
    /// Its id
    #[arg(value_name = "PLATE", value_parser = ids::parse)]
    id: String,
    #[command(flatten)]
    merchant: MerchantArgs,
}

pub(super) async fn run(command: Command, output: Output) -> Result<(), Failure> {
    match command {
        Command::Create(args) => {
            let request = Request::post("/v1/plates", args.body()?);
            let plate = args.merchant.client()?.send::<Plate>(request).await?;
            args.pictures.show_printed(&plate.value.payload, output)?;
            output.show(&plate)
        }
        Command::Show(args) => {
            let request = Request::get(format!("/v1/plates/{}", args.id));
            let plate = args.merchant.client()?.send::<Plate>(request).await?;
            args.pictures.show_printed(&plate.value.payload, output)?;
            output.show(&plate)
        }
        Command::List(args) => {
            let request = args.page.apply(Request::get("/v1/plates"));
            output.show(&args.merchant.client()?.send::<List<Plate>>(request).await?)
        }
        Command::Close(args) => {
            let request = Request::post(format!("/v1/plates/{}/close", args.id), json!({}));
            output.show(&args.merchant.client()?.send::<Plate>(request).await?)
        }
    }
}

impl CreateArgs {
    fn body(&self) -> Result<Value, Failure> {
        let mut body = json!({ "label": self.label });
        if let Some(amount) = &self.amount {
            let amount = Currency::from_code(&self.currency)
                .and_then(|currency| Money::parse(amount, currency))
                .map_err(|error| Failure::core(Exit::Usage, error))?;
            body["amount"] = json!(amount.amount_text());
            body["currency"] = json!(amount.currency().code());
        }
        Ok(body)
    }
}
