//! Which server to talk to.

use std::net::IpAddr;
use std::path::{Path, PathBuf};

use reqwest::{Certificate, Url};

use super::Client;
use crate::failure::{Exit, Failure};
use crate::secrets;

/// Where merchants and payers find the server.
#[derive(clap::Args, Clone, Debug, Default)]
#[command(next_help_heading = "Server")]
pub(crate) struct ServerArgs {
    /// The server [default: the wallet's own, or port 8080 of this machine]
    #[arg(long, value_name = "URL", env = "WALLET_SERVER", hide_env_values = true)]
    pub(crate) server: Option<Url>,
    #[command(flatten)]
    tls: TlsArgs,
}

/// How far a connection is trusted.
#[derive(clap::Args, Clone, Debug, Default)]
struct TlsArgs {
    /// Trust the certificates in this PEM file, and no others
    #[arg(long, value_name = "FILE", env = "WALLET_CA_FILE", hide_env_values = true)]
    ca_file: Option<PathBuf>,
    /// Allow http:// to another machine, where a private network protects it
    #[arg(long, env = "WALLET_ALLOW_HTTP", hide_env_values = true)]
    allow_http: bool,
}

/// Where the operator finds the server.
#[derive(clap::Args, Clone, Debug, Default)]
#[command(next_help_heading = "Server")]
pub(crate) struct OperatorArgs {
    /// The operator's Unix socket [default: operator.sock in this directory]
    #[arg(
        long,
        value_name = "FILE",
        env = "WALLET_OPERATOR_SOCKET",
        hide_env_values = true,
        conflicts_with = "operator_url"
    )]
    socket: Option<PathBuf>,
    /// The operator's TCP listener, instead of the socket
    #[arg(long, value_name = "URL", env = "WALLET_OPERATOR_URL", hide_env_values = true)]
    operator_url: Option<Url>,
    /// Read the operator key for --operator-url from this file
    ///
    /// Without it, the variable WALLET_OPERATOR_KEY is used.
    #[arg(long, value_name = "FILE")]
    operator_key_file: Option<PathBuf>,
    #[command(flatten)]
    tls: TlsArgs,
}

impl ServerArgs {
    /// A client of the named server, else of `usual`, else of the default.
    pub(crate) fn client(&self, usual: Option<&Url>) -> Result<Client, Failure> {
        let url = match self.server.as_ref().or(usual) {
            Some(url) => url.clone(),
            None => default_url()?,
        };
        self.tls.client(url)
    }

    /// A client with a merchant's API key.
    pub(crate) fn merchant(&self, key_file: Option<&Path>) -> Result<Client, Failure> {
        Ok(self.client(None)?.with_key(secrets::api_key(key_file, "WALLET_API_KEY")?))
    }
}

impl OperatorArgs {
    pub(crate) fn client(&self) -> Result<Client, Failure> {
        if let Some(url) = &self.operator_url {
            let key = secrets::api_key(self.operator_key_file.as_deref(), "WALLET_OPERATOR_KEY")?;
            return Ok(self.tls.client(url.clone())?.with_key(key));
        }
        let socket = self.socket.clone().unwrap_or_else(|| PathBuf::from(DEFAULT_SOCKET));
        over_socket(&socket)
    }
}

/// Where a server with default settings, started in this directory, listens for its operator.
const DEFAULT_SOCKET: &str = "operator.sock";

/// A client over a Unix socket, whose permissions say who is the operator.
pub(crate) fn over_socket(socket: &Path) -> Result<Client, Failure> {
    if !socket.exists() {
        let sentence = format!("there is no operator socket at {}", socket.display());
        return Err(Failure::new(Exit::Unreachable, "unreachable", sentence)
            .hint("is the server running? --socket names its socket"));
    }
    // The host is not looked up; it is what the server's check of the Host field accepts.
    let url = parse_url("http://localhost")?;
    Client::new(reqwest::Client::builder().unix_socket(socket).no_proxy(), url)
}

/// A client of a server on this machine.
pub(crate) fn on_loopback(url: &str) -> Result<Client, Failure> {
    TlsArgs::default().client(parse_url(url)?)
}

impl TlsArgs {
    fn client(&self, url: Url) -> Result<Client, Failure> {
        let mut builder = reqwest::Client::builder();
        match url.scheme() {
            // Without TLS no certificates are needed, and a bare machine may have none to load.
            "http" if self.allow_http || is_loopback(&url) => {
                builder = builder.tls_certs_only([]);
            }
            "http" => {
                let sentence =
                    format!("{url} is another machine, and the way to it is not private");
                return Err(Failure::new(Exit::Usage, "plain_http", sentence)
                    .hint("use https://, or --allow-http on a private network"));
            }
            "https" => builder = builder.https_only(true),
            other => {
                let sentence = format!("{other}: is not http:// or https://");
                return Err(Failure::new(Exit::Usage, "invalid_url", sentence));
            }
        }
        if let Some(path) = &self.ca_file {
            builder = builder.tls_certs_only(certificates(path)?);
        }
        if is_loopback(&url) {
            builder = builder.no_proxy();
        }
        Client::new(builder, url)
    }
}

fn certificates(path: &Path) -> Result<Vec<Certificate>, Failure> {
    let pem = std::fs::read(path).map_err(|error| Failure::file(path, &error))?;
    Certificate::from_pem_bundle(&pem).ok().filter(|list| !list.is_empty()).ok_or_else(|| {
        let sentence = format!("{} holds no certificate", path.display());
        Failure::new(Exit::Local, "no_certificate", sentence)
    })
}

fn is_loopback(url: &Url) -> bool {
    url.host_str().is_some_and(|host| {
        let address = host.trim_start_matches('[').trim_end_matches(']');
        host == "localhost" || address.parse().is_ok_and(|ip: IpAddr| ip.is_loopback())
    })
}

fn default_url() -> Result<Url, Failure> {
    parse_url("http://127.0.0.1:8080")
}

fn parse_url(text: &str) -> Result<Url, Failure> {
    text.parse().map_err(|_| Failure::new(Exit::Usage, "invalid_url", format!("{text} is no URL")))
}

#[cfg(test)]
mod tests {
    use super::{ServerArgs, TlsArgs};

    fn code_of(url: &str, allow_http: bool) -> String {
        let tls = TlsArgs { ca_file: None, allow_http };
        let args = ServerArgs { server: Some(url.parse().unwrap()), tls };
        args.client(None).map_or_else(|failure| failure.code().to_owned(), |_| "ok".to_owned())
    }

    #[test]
    fn plain_http_leaves_this_machine_only_when_allowed() {
        for url in ["http://127.0.0.1:1", "http://localhost:1", "http://[::1]:1"] {
            assert_eq!(code_of(url, false), "ok", "{url}");
        }
        for url in ["http://192.0.2.1", "http://localhost.example", "http://wallet"] {
            assert_eq!(code_of(url, false), "plain_http", "{url}");
            assert_eq!(code_of(url, true), "ok", "{url}");
        }
        assert_eq!(code_of("ftp://127.0.0.1", true), "invalid_url");
    }
}
