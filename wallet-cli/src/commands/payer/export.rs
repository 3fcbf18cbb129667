//! `wallet payer export`

use std::path::{Path, PathBuf};

use crate::client::Request;
use crate::commands::Done;
use crate::failure::{Exit, Failure};
use crate::output::Output;

use super::{DeviceArgs, Online};

/// Write everything that the issuer knows about you, as JSON
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  wallet payer export --file me.json
  wallet payer export | jq .account")]
pub(crate) struct Args {
    /// Into this file, which only you may read [default: standard output]
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
    #[command(flatten)]
    device: DeviceArgs,
}

pub(super) async fn run(args: Args, output: Output) -> Result<(), Failure> {
    let online = args.device.online().await?;
    match args.file {
        Some(path) => {
            let bytes = save(&online, &path).await?;
            output.show(&Done::new(format!("{bytes} bytes in {}", path.display())))
        }
        None => download(&online, &mut std::io::stdout()).await.map(drop),
    }
}

/// Writes beside the file and then into its place: what broke off leaves nothing.
async fn save(online: &Online, path: &Path) -> Result<u64, Failure> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let mut file = tempfile::NamedTempFile::new_in(folder.unwrap_or_else(|| Path::new(".")))
        .map_err(|error| Failure::file(path, &error))?;
    let bytes = download(online, &mut file).await?;
    file.persist(path).map_err(|error| Failure::file(path, &error.error))?;
    Ok(bytes)
}

async fn download(online: &Online, to: &mut impl std::io::Write) -> Result<u64, Failure> {
    let signer = online.signer()?;
    let request = Request::get("/v1/wallet/export").signed_by(&signer);
    let bytes = online.client.download(request, to).await?;
    to.flush().map_err(|error| Failure::new(Exit::Local, "output", error.to_string()))?;
    Ok(bytes)
}
