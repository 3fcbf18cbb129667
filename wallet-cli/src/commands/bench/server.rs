//! The servers that are measured: processes of their own, so that their processor time can be told
//! from ours.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use super::parallel::on_thread;
use super::place::Place;
use crate::failure::{Exit, Failure};

/// How long a server may take to settle what is queued and to close the books.
const STOP_PATIENCE: Duration = Duration::from_secs(30);
const STOP_POLL: Duration = Duration::from_millis(10);

/// A running server; killed when dropped.
pub(super) struct ServerProcess {
    child: Child,
    address: SocketAddr,
}

/// The settings that a benchmark's server differs in from any other, by name: no limit on what a
/// payer spends or on how often anybody asks, and no log line a request.
pub(super) fn settings(place: &Place, database: &str, number: usize) -> Vec<(String, String)> {
    let file = |name: &str| place.file(name).display().to_string();
    [
        ("database", database.to_owned()),
        ("listen", "127.0.0.1:0".to_owned()),
        ("operator_socket", file(&format!("operator-{number}.sock"))),
        ("operator_key_file", file("operator.key")),
        ("key_file", file("issuer.key")),
        ("currency", "CNY".to_owned()),
        ("code_prefix", "70".to_owned()),
        ("limits.payment", "1000.00".to_owned()),
        ("limits.day", "1000000000.00".to_owned()),
        ("limits.month", "1000000000.00".to_owned()),
        ("limits.without_pin", "1000.00".to_owned()),
        ("limits.without_pin_count", "1000000000".to_owned()),
        ("limits.new_payers.payment", "1000.00".to_owned()),
        ("limits.new_payers.day", "1000000000.00".to_owned()),
        ("limits.new_payers.month", "1000000000.00".to_owned()),
        ("limits.new_payers.without_pin", "1000.00".to_owned()),
        ("limits.new_payers.without_pin_count", "1000000000".to_owned()),
        ("limits.proof.code", "1000000000.00".to_owned()),
        ("limits.proof.pin", "1000000000.00".to_owned()),
        ("confirmation.same_amount_seconds", "0".to_owned()),
        ("rate_limits.api_keys.requests_per_second", "0".to_owned()),
        ("rate_limits.devices.requests_per_second", "0".to_owned()),
        ("webhooks.allow_private", "true".to_owned()),
        ("log.filter", "error".to_owned()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into()
}

impl ServerProcess {
    /// Starts `wallet serve` and waits until it says where it listens.
    pub(super) async fn start(settings: &[(String, String)]) -> Result<Self, Failure> {
        let failed =
            |what: String| Failure::new(Exit::Local, "not_started", format!("the server: {what}"));
        let program = std::env::current_exe().map_err(|error| failed(error.to_string()))?;
        let mut command = Command::new(program);
        command.args(["--json", "serve"]).stdin(Stdio::null()).stdout(Stdio::piped());
        // The set-up of a server of the operator's own has nothing to do with this one.
        for (name, _) in std::env::vars_os() {
            let name = name.to_string_lossy();
            if name.starts_with("WALLETD__") || name == "WALLET_CONFIG" {
                command.env_remove(&*name);
            }
        }
        // Not as flags, which everyone on the machine can read: a URL may hold a password.
        for (name, value) in settings {
            command.env(format!("WALLETD__{}", name.replace('.', "__").to_uppercase()), value);
        }
        let mut child = command.spawn().map_err(|error| failed(error.to_string()))?;
        let output = child.stdout.take();
        let unknown = SocketAddr::from(([127, 0, 0, 1], 0));
        // From here on it is killed if anything goes wrong.
        let mut server = Self { child, address: unknown };
        let line = match output {
            Some(output) => on_thread("start", move || first_line(output)).await?,
            None => String::new(),
        };
        let said: Value = serde_json::from_str(&line).unwrap_or_default();
        if let Some(why) = said["error"]["detail"].as_str() {
            return Err(failed(why.to_owned()));
        }
        let address = said["url"].as_str().and_then(|url| url.strip_prefix("http://"));
        server.address = address
            .and_then(|address| address.parse().ok())
            .ok_or_else(|| failed("it did not say where it listens".to_owned()))?;
        Ok(server)
    }

    /// Where it listens.
    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its process id.
    pub(super) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Asks it to stop, and waits until it has closed the books.
    pub(super) async fn stop(mut self) -> Result<(), Failure> {
        let failed = |what: &str| {
            Failure::new(Exit::Unexpected, "not_stopped", format!("the server {what}"))
        };
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        let pid = pid.ok_or_else(|| failed("has no process id"))?;
        kill_process(pid, Signal::TERM).map_err(|error| failed(&error.to_string()))?;
        let ended = async {
            loop {
                match self.child.try_wait() {
                    Ok(Some(status)) if status.success() => return Ok(()),
                    Ok(Some(status)) => return Err(failed(&format!("ended badly: {status}"))),
                    Ok(None) => tokio::time::sleep(STOP_POLL).await,
                    Err(error) => return Err(failed(&error.to_string())),
                }
            }
        };
        let in_time = tokio::time::timeout(STOP_PATIENCE, ended).await;
        in_time.unwrap_or_else(|_| Err(failed("does not stop")))
    }
}

/// What a server says when it is ready, or why it never will be.
fn first_line(output: ChildStdout) -> String {
    let mut line = String::new();
    // A server that cannot be heard has not said where it listens.
    let _ = BufReader::new(output).read_line(&mut line);
    line
}

impl Drop for ServerProcess {
    fn drop(&mut self) {
        // It has ended already, or is no use any more; nobody is left to tell.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
