//! A server in a process of its own, so that a test can kill it.
//!
//! The process is the test program itself, run again for one test that is ignored otherwise and
//! does nothing but [`serve_apart`]. So there is no other program to build, and the server has the
//! clock and the randomness that the test gives it. It ends when the test does, however that ends,
//! because nobody holds the other end of its input any more.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::Arc;

use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use serde::{Deserialize, Serialize};
use wallet_core::Timestamp;
use wallet_server::clock::ManualClock;
use wallet_server::entropy::Entropy;
use wallet_server::{Server, Settings};

/// The variable that tells the process what to serve.
const ORDERS: &str = "WALLET_TESTS_SERVER";
/// The test that a program must have to be run again as a server.
const TEST: &str = "a_server_in_a_process_of_its_own";
/// What stands before the address, among what the test runner prints.
const LISTENING: &str = "listening on ";

/// What to serve.
#[derive(Serialize, Deserialize)]
pub(crate) struct Orders {
    pub(crate) settings: Vec<(String, String)>,
    pub(crate) seed: u64,
    pub(crate) now_millis: i64,
}

/// The running process.
#[derive(Debug)]
pub(crate) struct Apart {
    child: Child,
    /// Closed with this value: then the process ends.
    _input: ChildStdin,
    pub(crate) url: String,
}

impl Apart {
    /// Starts it, with more variables in its environment, and waits until it listens.
    pub(crate) fn start(orders: &Orders, variables: &[(String, String)]) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args([TEST, "--exact", "--ignored", "--nocapture", "--test-threads=1"]);
        command.env(ORDERS, serde_json::to_string(orders).unwrap());
        command.envs(variables.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::inherit());
        let mut child = command.spawn().unwrap();
        let input = child.stdin.take().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let url = lines.find_map(|line| {
            let line = line.unwrap();
            line.split_once(LISTENING).map(|(_, url)| url.trim().to_owned())
        });
        let url = url.expect("the server ended before it listened");
        // It says little more; what it says is let go, so that it never waits for a reader.
        std::thread::spawn(move || lines.for_each(drop));
        Self { child, _input: input, url }
    }

    /// Ends it at once, in the middle of whatever it does.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

/// Serves what another process of this program has ordered, until that one closes the input.
///
/// Call it in a test with the name `a_server_in_a_process_of_its_own` that is ignored.
pub async fn serve_apart() {
    #[expect(clippy::disallowed_methods, reason = "orders come from the process that started this")]
    let Ok(orders) = std::env::var(ORDERS) else { return };
    drop(rustls::crypto::ring::default_provider().install_default());
    let Orders { settings, seed, now_millis } = serde_json::from_str(&orders).unwrap();
    let settings = Settings::load(None, &settings).unwrap();
    let clock = Arc::new(ManualClock::new(Timestamp::from_unix_millis(now_millis)));
    let entropy = Arc::new(Entropy::new(Box::new(ChaCha20Rng::seed_from_u64(seed))));
    let server = Server::start_with(&settings, clock, entropy).await.unwrap();
    println!("{LISTENING}{}", server.public_url());
    let closed = tokio::task::spawn_blocking(|| {
        drop(std::io::stdin().lock().read_to_end(&mut Vec::new()));
    });
    drop(closed.await);
    server.shutdown().await;
}
