//! `wallet serve`

use core::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;

use serde::Serialize;
use tokio::signal::unix::{SignalKind, signal};
use wallet_server::{DEFAULT_TOML, OperatorEndpoint, Server, Settings};

use crate::failure::{Exit, Failure};
use crate::output::Output;

/// Run a server, until Ctrl-C or SIGTERM
///
/// Flags override the environment (`WALLETD__LISTEN`), which overrides the configuration file,
/// which overrides the defaults. Without any it needs no set-up: the books, the issuer's keys and
/// the operator's socket are made in the current directory.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  wallet serve
  wallet serve --print-default-config > wallet.toml && wallet serve --config wallet.toml
  wallet serve --listen 0.0.0.0:8443 --tls-cert cert.pem --tls-key key.pem
  wallet serve --set limits.day=500.00
  wallet serve --database postgres://wallet@db.example.com/wallet?sslmode=verify-full")]
pub(crate) struct Args {
    /// Read settings from this TOML file
    #[arg(long, value_name = "FILE", env = "WALLET_CONFIG", hide_env_values = true)]
    config: Option<PathBuf>,
    /// Print all settings with their defaults and explanations, as such a file, and end
    #[arg(long)]
    print_default_config: bool,
    /// Where the books are: sqlite:FILE, or the URL of a PostgreSQL database
    #[arg(long, value_name = "DATABASE")]
    database: Option<String>,
    /// Where merchants and payers connect; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<SocketAddr>,
    /// The certificate chain to speak TLS with, as PEM
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_cert: Option<String>,
    /// The certificate's private key, as PEM
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<String>,
    /// A proxy in front of this server ends TLS
    #[arg(long)]
    behind_tls_proxy: bool,
    /// The operator's Unix socket
    #[arg(long, value_name = "FILE")]
    operator_socket: Option<String>,
    /// A loopback address for the operator as well, with the key in the operator key file
    #[arg(long, value_name = "ADDRESS")]
    operator_listen: Option<SocketAddr>,
    /// The file with the issuer's keys
    #[arg(long, value_name = "FILE")]
    key_file: Option<String>,
    /// A file whose first line is the passphrase of the key file
    #[arg(long, value_name = "FILE")]
    key_passphrase_file: Option<String>,
    /// Let tests move the clock forward; for books of their own, in which nothing is live
    #[arg(long)]
    test_clock: bool,
    /// Any other setting, by its name in the configuration file
    #[arg(long, value_name = "NAME=VALUE", value_parser = assignment)]
    set: Vec<(String, String)>,
}

/// Where a server listens.
#[derive(Serialize)]
struct Listening {
    url: String,
    operator: Vec<String>,
}

impl fmt::Display for Listening {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "merchants and payers: {}", self.url)?;
        self.operator.iter().try_for_each(|place| write!(f, "\nthe operator: {place}"))
    }
}

pub(super) fn run(args: &Args, output: Output) -> Result<(), Failure> {
    if args.print_default_config {
        return output.line(&DEFAULT_TOML.trim_end());
    }
    let settings = Settings::load(args.config.as_deref(), &args.flags())
        .map_err(|error| Failure::new(Exit::Usage, "invalid_settings", error.to_string()))?;
    wallet_server::logging::start(&settings.log)
        .map_err(|error| Failure::new(Exit::Usage, "invalid_settings", error.to_string()))?;
    super::block_on(serve(&settings, output))
}

async fn serve(settings: &Settings, output: Output) -> Result<(), Failure> {
    let signals = "signals";
    let failed = |error: std::io::Error| Failure::new(Exit::Unexpected, signals, error.to_string());
    // Before the server starts, so that none is missed.
    let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
    let server = start(settings).await?;
    let operator = server.operator_endpoints().iter().map(place).collect();
    output.show(&Listening { url: server.public_url().to_owned(), operator })?;
    let fallen = tokio::select! {
        interrupted = tokio::signal::ctrl_c() => interrupted.map(|()| None).map_err(failed)?,
        _ = terminate.recv() => None,
        part = server.fallen() => Some(part),
    };
    server.shutdown().await;
    fallen.map_or(Ok(()), |part| {
        let sentence = format!("{part}: a part of the server panicked, and nothing does its work");
        let failure = Failure::new(Exit::Unexpected, "server_fell", sentence);
        Err(failure.hint("Start it again. The panic stands in the log: please report it."))
    })
}

/// Starts a server; nothing is left running when it fails.
pub(super) async fn start(settings: &Settings) -> Result<Server, Failure> {
    Server::start(settings)
        .await
        .map_err(|error| Failure::new(Exit::Local, "not_started", error.to_string()))
}

fn place(endpoint: &OperatorEndpoint) -> String {
    match endpoint {
        OperatorEndpoint::Unix(path) => path.display().to_string(),
        OperatorEndpoint::Tcp { url, key_file } => {
            format!("{url} with the key in {}", key_file.display())
        }
    }
}

impl Args {
    /// The settings that stand on the command line, by their names in the configuration file.
    fn flags(&self) -> Vec<(String, String)> {
        let text = |address: Option<SocketAddr>| address.map(|address| address.to_string());
        let flags = [
            ("database", self.database.clone()),
            ("listen", text(self.listen)),
            ("tls_cert", self.tls_cert.clone()),
            ("tls_key", self.tls_key.clone()),
            ("behind_tls_proxy", self.behind_tls_proxy.then(|| "true".to_owned())),
            ("operator_socket", self.operator_socket.clone()),
            ("operator_listen", text(self.operator_listen)),
            ("key_file", self.key_file.clone()),
            ("key_passphrase_file", self.key_passphrase_file.clone()),
            ("test_clock", self.test_clock.then(|| "true".to_owned())),
        ];
        let given = flags.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
        given.chain(self.set.iter().cloned()).collect()
    }
}

pub(super) fn assignment(text: &str) -> Result<(String, String), String> {
    text.split_once('=')
        .map(|(name, value)| (name.trim().to_owned(), value.trim().to_owned()))
        .ok_or_else(|| "write it as NAME=VALUE".to_owned())
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;
    use wallet_server::Settings;

    use crate::cli::Cli;
    use crate::commands::Command;

    fn settings(line: &str) -> Result<Settings, String> {
        let line = format!("wallet serve {line}");
        let Command::Serve(args) = Cli::try_parse_from(line.split_whitespace()).unwrap().command
        else {
            panic!("{line}");
        };
        Settings::load(None, &args.flags()).map_err(|error| error.to_string())
    }

    #[test]
    fn every_flag_is_a_setting_that_the_server_knows() {
        let settings = settings(
            "--database sqlite:a --listen 127.0.0.1:0 --tls-cert c --tls-key k --behind-tls-proxy \
             --operator-socket s --operator-listen 127.0.0.1:1 --key-file i \
             --key-passphrase-file p --test-clock --set limits.day=50.00",
        )
        .unwrap();
        assert_eq!(settings.database, "sqlite:a");
        assert_eq!(settings.listen.to_string(), "127.0.0.1:0");
        assert!(settings.tls_cert.is_some() && settings.tls_key.is_some());
        assert!(settings.behind_tls_proxy);
        assert_eq!(settings.operator_socket.unwrap().to_str(), Some("s"));
        assert_eq!(settings.operator_listen.unwrap().port(), 1);
        assert_eq!(settings.key_file.to_str(), Some("i"));
        assert_eq!(settings.key_passphrase_file.unwrap().to_str(), Some("p"));
        assert!(settings.test_clock);
        assert_eq!(settings.limits.day, "50.00");
    }

    #[test]
    fn a_setting_that_the_server_does_not_know_is_refused() {
        assert!(settings("--set limits.dya=50.00").unwrap_err().contains("dya"));
    }
}
