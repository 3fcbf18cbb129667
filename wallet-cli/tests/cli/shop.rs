//! A server and everyone who uses it, each in a process of its own.

use std::fs::{OpenOptions, Permissions};
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;
use wallet_test_postgres::Database;

/// How long the next checkpoint may take.
const SIGNED_DEADLINE: Duration = Duration::from_mins(1);

/// A folder with a running server and the files of everyone who uses it.
pub(crate) struct Shop {
    folder: TempDir,
    server: Option<Child>,
    url: String,
    /// SQLite, in a file that the server makes, where there is none.
    postgres: Option<Database>,
    options: Vec<String>,
}

impl Drop for Shop {
    fn drop(&mut self) {
        self.kill();
    }
}

pub(crate) fn wallet(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wallet"));
    command.args(arguments).current_dir(folder).stdin(Stdio::null());
    // Nothing of the developer's own set-up may count.
    for name in [
        "WALLET_SERVER",
        "WALLET_HOME",
        "WALLET_API_KEY",
        "WALLET_CONFIG",
        "WALLET_ISSUER",
        "WALLET_PIN",
        "WALLET_NEW_PIN",
        "WALLET_OTP",
    ] {
        command.env_remove(name);
    }
    command.env_remove("WALLET_JOURNAL").env("XDG_STATE_HOME", folder.join("state"));
    command
}

impl Shop {
    pub(crate) fn open() -> Self {
        Self::open_on(None)
    }

    pub(crate) fn open_on(postgres: Option<Database>) -> Self {
        // Nobody is asked to confirm: digits are typed here, and the same amount charged again.
        // Scripts type PINs faster than people.
        let quiet = [
            "confirmation.typed=false",
            "confirmation.same_amount_seconds=0",
            "pin.tries_a_minute=1000",
            "pin.cpu_percent=100",
        ];
        Self::begin(postgres, &quiet.map(|setting| ["--set", setting]).concat())
    }

    /// A server with other settings than the usual ones.
    pub(crate) fn open_with(options: &[&str]) -> Self {
        Self::begin(None, options)
    }

    /// The same on this database.
    pub(crate) fn begin(postgres: Option<Database>, options: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let options = options.iter().map(ToString::to_string).collect();
        let mut shop = Self { folder, server: None, url: String::new(), postgres, options };
        shop.serve();
        shop
    }

    /// Starts the server, with its log in `server.log`, and waits until it says where it listens.
    pub(crate) fn serve(&mut self) {
        let mut serve = wallet(self.folder.path(), &["serve", "--listen", "127.0.0.1:0"]);
        serve.args(&self.options);
        if let Some(database) = &self.postgres {
            serve.args(["--database", &database.url()]);
        }
        let log = OpenOptions::new().create(true).append(true).open(self.path("server.log"));
        let mut child = serve.stdout(Stdio::piped()).stderr(log.unwrap()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let line = lines.find_map(|line| {
            line.unwrap().split_once("http://").map(|(_, address)| format!("http://{address}"))
        });
        self.url = line.unwrap();
        self.server = Some(child);
    }

    /// Ends the server as a power cut would: at once.
    pub(crate) fn kill(&mut self) {
        if let Some(mut server) = self.server.take() {
            server.kill().unwrap();
            server.wait().unwrap();
        }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Runs a command to its end.
    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        self.run_with(arguments, &[])
    }

    /// The same with variables of the environment.
    pub(crate) fn run_with(&self, arguments: &[&str], variables: &[(&str, &str)]) -> Output {
        let mut command = wallet(self.folder.path(), arguments);
        command.env("WALLET_SERVER", &self.url).envs(variables.iter().copied()).output().unwrap()
    }

    /// Runs a command that must succeed, and reads the JSON that it prints.
    #[track_caller]
    pub(crate) fn json(&self, arguments: &[&str]) -> Value {
        let output = self.run(&[arguments, &["--json"]].concat());
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {error}");
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// Starts a command, to be ended or waited for.
    pub(crate) fn start(&self, arguments: &[&str]) -> Child {
        self.start_at(&self.url, arguments)
    }

    /// The same, for which the server is somewhere else.
    pub(crate) fn start_at(&self, url: &str, arguments: &[&str]) -> Child {
        let mut command = wallet(self.folder.path(), arguments);
        command.env("WALLET_SERVER", url).stdout(Stdio::piped()).stderr(Stdio::null());
        command.spawn().unwrap()
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Writes a file that a command is to read.
    pub(crate) fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).unwrap();
    }

    /// Writes a file that only its owner may open.
    pub(crate) fn write_secret(&self, name: &str, text: &str) {
        self.write(name, text);
        std::fs::set_permissions(self.path(name), Permissions::from_mode(0o600)).unwrap();
    }

    /// Takes on a merchant and a payer with 500.00 CNY and a device.
    pub(crate) fn people(&self) -> String {
        let merchant = self.json(&["operator", "merchant", "create", "Tea House"]);
        let key = merchant["api_key"]["secret"].as_str().unwrap();
        std::fs::write(self.path("api.key"), key).unwrap();
        let payer = self.json(&["operator", "payer", "create", "Wei"]);
        let payer = payer["id"].as_str().unwrap().to_owned();
        let top_up = ["operator", "top-up", &payer, "500.00", "--external-reference", "bank-1"];
        self.json(&top_up);
        self.invite(&payer);
        let enrol = ["payer", "enrol", "--wallet", "w", "--invitation-file", "invitation"];
        self.json(&[enrol.as_slice(), &["--no-passphrase"]].concat());
        payer
    }

    /// Has the operator invite a device of a payer; the invitation is in the file `invitation`.
    pub(crate) fn invite(&self, payer: &str) {
        let invitation = self.json(&["operator", "payer", "invite", payer]);
        self.write("invitation", invitation["invitation"].as_str().unwrap());
    }

    pub(crate) fn show(&self, options: &[&str]) -> Output {
        self.run(&[&["payer", "code", "--wallet", "w", "--once"], options].concat())
    }

    pub(crate) fn charge(&self, amount: &str, options: &[&str]) -> Output {
        let charge = ["merchant", "charge", amount, "--api-key-file", "api.key", "--json"];
        self.run(&[charge.as_slice(), options].concat())
    }

    /// Waits until a witness sees a journal that has grown.
    #[expect(clippy::disallowed_methods, reason = "the process under test has a clock of its own")]
    pub(crate) fn witnessed(&self, more_than: u64) -> u64 {
        let begun = Instant::now();
        while begun.elapsed() < SIGNED_DEADLINE {
            let output = self.run(&["witness", "witness", "--json"]);
            // Before the first checkpoint there is none.
            if output.status.success()
                && let Some(size) =
                    printed(&output)["size"].as_u64().filter(|size| *size > more_than)
            {
                return size;
            }
        }
        panic!("no checkpoint comes");
    }

    /// Audits the books: how that ended, and what was said.
    pub(crate) fn audit(&self, options: &[&str]) -> (Option<i32>, Vec<Value>) {
        let output = self.run(&[&["audit", "--json"], options].concat());
        let text = String::from_utf8(output.stdout).unwrap();
        let lines = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        (output.status.code(), lines)
    }

    pub(crate) fn payers_balance(&self) -> String {
        let balance = self.json(&["payer", "balance", "--wallet", "w"]);
        balance["available"].as_str().unwrap().to_owned()
    }
}

pub(crate) fn printed(output: &Output) -> Value {
    let text = if output.stdout.is_empty() { &output.stderr } else { &output.stdout };
    serde_json::from_slice(text).unwrap_or_else(|_| {
        panic!("no JSON: {}", String::from_utf8_lossy(text));
    })
}
