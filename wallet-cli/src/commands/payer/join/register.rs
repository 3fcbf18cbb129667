//! `wallet payer register`

use serde_json::json;

use crate::client::Request;
use crate::client::models::Issuer;
use crate::commands::ModeArg;
use crate::failure::{Exit, Failure};
use crate::output::Output;

use super::{JoinArgs, Joined, Joining, join};

/// Open an account with an issuer who lets anyone in, and enrol this machine as its first device
///
/// If the connection breaks, run the same again: the same key gets the same answer.
#[derive(clap::Args, Debug)]
#[command(after_help = "Example:\n  wallet payer register Li --handle li.wei")]
pub(crate) struct Args {
    /// Your name
    name: String,
    /// The name that others send money to
    #[arg(long)]
    handle: Option<String>,
    /// Real or play money
    #[arg(long, value_enum, default_value = "live")]
    mode: ModeArg,
    #[command(flatten)]
    join: JoinArgs,
}

pub(in super::super) async fn run(args: Args, output: Output) -> Result<(), Failure> {
    let directory = args.join.directory()?;
    let client = args.join.server.client(None)?;
    let issuer = client.send::<Issuer>(Request::get("/v1/issuer")).await?.value;
    let issuer_id = issuer.document(args.join.issuer.id.as_ref())?.issuer_id();
    let key = args.join.key(&directory)?;
    let device_name = &args.join.device_name;
    let joining = Joining { client: &client, issuer: &issuer, issuer_id, key: &key, device_name };
    let mut body = json!({"name": args.name, "mode": args.mode.as_str()});
    // Absent rather than null: null is a value.
    if let Some(handle) = &args.handle {
        body["handle"] = json!(handle);
    }
    match join(&joining, "/v1/wallet/registrations", body).await? {
        Joined::Active(profile) => {
            args.join.finish(&directory, (client, key), *profile, output).await
        }
        Joined::Pending { .. } => Err(Failure::new(
            Exit::Unexpected,
            "unexpected_answer",
            "the server registered the account, but not its device",
        )),
    }
}
