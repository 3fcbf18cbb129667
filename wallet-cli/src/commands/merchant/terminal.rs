//! `wallet merchant terminal`

use std::path::PathBuf;

use clap::Subcommand;
use serde_json::json;
use wallet_core::qr::{Medium, Qr};

use crate::client::Request;
use crate::client::models::{List, PageArgs, Terminal};
use crate::failure::{Exit, Failure};
use crate::output::Output;

use super::MerchantArgs;

/// Register and list tills, to which payers can bind their codes
#[derive(Subcommand, Debug)]
pub(crate) enum Command {
    Create(CreateArgs),
    List(ListArgs),
}

/// Register a till and print its id
#[derive(clap::Args, Debug)]
#[command(
    after_help = "Example:\n  wallet merchant terminal create 'Counter 1' --svg counter-1.svg"
)]
pub(crate) struct CreateArgs {
    /// What to call it
    name: String,
    /// Draw its QR code, to print and put on the till, into this SVG file
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
    #[command(flatten)]
    merchant: MerchantArgs,
}

/// List the tills
#[derive(clap::Args, Debug)]
pub(crate) struct ListArgs {
    #[command(flatten)]
    page: PageArgs,
    #[command(flatten)]
    merchant: MerchantArgs,
}

pub(super) async fn run(command: Command, output: Output) -> Result<(), Failure> {
    match command {
        Command::Create(args) => {
            let request = Request::post("/v1/terminals", json!({"name": args.name}));
            let answer = args.merchant.client()?.send::<Terminal>(request).await?;
            if let Some(path) = &args.svg {
                let svg = Qr::new(&answer.value.qr_text, Medium::Print)
                    .map_err(|error| Failure::core(Exit::Unexpected, error))?
                    .to_svg();
                std::fs::write(path, svg).map_err(|error| Failure::file(path, &error))?;
            }
            output.show(&answer)
        }
        Command::List(args) => {
            let request = args.page.apply(Request::get("/v1/terminals"));
            output.show(&args.merchant.client()?.send::<List<Terminal>>(request).await?)
        }
    }
}
