//! The server and its operator.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use serde_json::{Value, json};
use sqlx::AnyConnection;
use tempfile::TempDir;
use wallet_core::Timestamp;
use wallet_server::clock::{Clock, ManualClock};
use wallet_server::entropy::Entropy;
use wallet_server::{OperatorEndpoint, Server, Settings, StartError};

use crate::apart::{Apart, Orders};
use crate::database::Books;
use crate::{Answer, Database, Phone, Till};

/// When every world begins: 2027-01-15T08:00:00Z, a quarter past a step.
const START_SECONDS: i64 = 1_800_000_000 + 7;

/// Payers are not asked to confirm, and nobody is sent away who asks often, unless a test says
/// otherwise: most tests are about the rest, and charge the same amount again and again while the
/// clock stands still.
const UNASKED: [(&str, &str); 6] = [
    ("limits.new_payers.without_pin", "1000.00"),
    ("limits.new_payers.without_pin_count", "1000000"),
    ("limits.without_pin_count", "1000000"),
    ("confirmation.same_amount_seconds", "0"),
    ("rate_limits.api_keys.requests_per_second", "0"),
    ("rate_limits.devices.requests_per_second", "0"),
];

/// A server with nobody in it.
pub struct World {
    /// The clock that the server reads.
    pub clock: Arc<ManualClock>,
    /// Where its files are.
    pub folder: TempDir,
    books: Books,
    settings: Settings,
    seed: u64,
    nonces: AtomicU64,
    server: Option<Server>,
    apart: Option<Apart>,
    operator: reqwest::Client,
    http: reqwest::Client,
}

/// A server that is killed for hours has payers who pay for hours.
const UNLIMITED: [(&str, &str); 6] = [
    ("limits.day", "1000000.00"),
    ("limits.month", "1000000.00"),
    ("limits.new_payers.day", "1000000.00"),
    ("limits.new_payers.month", "1000000.00"),
    ("limits.proof.code", "1000000.00"),
    ("limits.proof.pin", "1000000.00"),
];

impl World {
    /// What the server was started with.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Starts a server with the default settings and this seed.
    pub async fn start(database: Database, seed: u64) -> Self {
        Self::start_with(database, seed, &[]).await
    }

    /// Starts a server with some settings changed.
    pub async fn start_with(database: Database, seed: u64, changes: &[(&str, &str)]) -> Self {
        Self::try_start(database, seed, changes).await.unwrap()
    }

    /// Starts a server with some settings changed, if they can be.
    pub async fn try_start(
        database: Database,
        seed: u64,
        changes: &[(&str, &str)],
    ) -> Result<Self, StartError> {
        let folder = tempfile::tempdir().unwrap();
        let books = database.make(folder.path()).await;
        Self::begin(folder, books, seed, changes).await
    }

    /// Starts a server on books that are there already, if it can be.
    pub async fn try_start_in(
        books: Books,
        seed: u64,
        changes: &[(&str, &str)],
    ) -> Result<Self, StartError> {
        Self::begin(tempfile::tempdir().unwrap(), books, seed, changes).await
    }

    async fn begin(
        folder: TempDir,
        books: Books,
        seed: u64,
        changes: &[(&str, &str)],
    ) -> Result<Self, StartError> {
        let mut world = Self::prepare(folder, books, seed, changes)?;
        world.try_restart().await?;
        Ok(world)
    }

    fn prepare(
        folder: TempDir,
        books: Books,
        seed: u64,
        changes: &[(&str, &str)],
    ) -> Result<Self, StartError> {
        drop(rustls::crypto::ring::default_provider().install_default());
        let settings = settings(&folder, &books, changes)?;
        let clock = Arc::new(ManualClock::new(Timestamp::from_unix_seconds(START_SECONDS)));
        let operator =
            reqwest::Client::builder().unix_socket(folder.path().join("operator.sock")).build();
        let (operator, http) = (operator.unwrap(), reqwest::Client::new());
        let nonces = AtomicU64::new(0);
        let (server, apart) = (None, None);
        let world =
            Self { clock, folder, books, settings, seed, nonces, server, apart, operator, http };
        Ok(world)
    }

    /// A world whose server is a process of its own, which [`World::kill`] ends. Its environment
    /// has these variables besides.
    pub async fn start_apart(
        books: Option<Books>,
        seed: u64,
        variables: &[(String, String)],
    ) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let books = match books {
            Some(books) => books,
            None => Database::Sqlite.make(folder.path()).await,
        };
        let mut world = Self::prepare(folder, books, seed, &[]).unwrap();
        world.serve_apart(variables);
        world
    }

    /// Starts the server again in a process of its own, on the same files.
    pub fn serve_apart(&mut self, variables: &[(String, String)]) {
        // Other randomness than before: an id that came twice would be refused.
        self.seed += 1_000_000;
        let settings = flags(&self.folder, &self.books, &UNLIMITED);
        let orders =
            Orders { settings, seed: self.seed, now_millis: self.clock.now().unix_millis() };
        self.apart = Some(Apart::start(&orders, variables));
    }

    /// Ends the server that is a process of its own: at once, in the middle of whatever it does.
    pub fn kill(&mut self) {
        if let Some(server) = self.apart.take() {
            server.kill();
        }
    }

    /// Lets merchants and phones that come from now on trust this certificate, in PEM.
    pub fn trust(&mut self, certificate: &str) {
        let certificate = reqwest::Certificate::from_pem(certificate.as_bytes()).unwrap();
        let builder = reqwest::Client::builder().tls_certs_only([certificate]).https_only(true);
        self.http = builder.build().unwrap();
    }

    /// What merchants and phones speak HTTP with.
    #[must_use]
    pub fn http(&self) -> &reqwest::Client {
        &self.http
    }

    /// Stops the server, if it runs, and starts it again on the same files.
    pub async fn restart(&mut self) {
        self.try_restart().await.unwrap();
    }

    /// The same with other settings.
    pub async fn restart_with(&mut self, changes: &[(&str, &str)]) -> Result<(), StartError> {
        self.settings = settings(&self.folder, &self.books, changes)?;
        self.try_restart().await
    }

    async fn try_restart(&mut self) -> Result<(), StartError> {
        self.stop().await;
        // Other randomness than before: an id that came twice would be refused.
        self.seed += 1_000_000;
        let rng = ChaCha20Rng::seed_from_u64(self.seed);
        let entropy = Arc::new(Entropy::new(Box::new(rng)));
        let clock = Arc::clone(&self.clock);
        self.server = Some(Box::pin(Server::start_with(&self.settings, clock, entropy)).await?);
        Ok(())
    }

    /// Stops the server.
    pub async fn stop(&mut self) {
        if let Some(server) = self.server.take() {
            server.shutdown().await;
        }
    }

    /// Lets the server, once it is started again, use other books of this issuer.
    pub fn move_to(&mut self, books: Books) {
        self.settings.database = books.url();
        self.books = books;
    }

    /// Another server on the same files.
    pub async fn start_second(&self) -> Result<Server, StartError> {
        let rng = ChaCha20Rng::seed_from_u64(self.seed + 1);
        let entropy = Arc::new(Entropy::new(Box::new(rng)));
        let clock = Arc::clone(&self.clock) as Arc<dyn Clock>;
        Box::pin(Server::start_with(&self.settings, clock, entropy)).await
    }

    /// Another server on the same books and keys, for the same people.
    pub async fn start_beside(&self, seed: u64) -> Server {
        let socket = self.folder.path().join(format!("operator-{seed}.sock"));
        let settings = Settings { operator_socket: Some(socket), ..self.settings.clone() };
        let entropy = Arc::new(Entropy::new(Box::new(ChaCha20Rng::seed_from_u64(seed))));
        let clock = Arc::clone(&self.clock) as Arc<dyn Clock>;
        Box::pin(Server::start_with(&settings, clock, entropy)).await.unwrap()
    }

    /// Where merchants and phones connect.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        let here = self.server.as_ref().map(Server::public_url);
        let base = here.or(self.apart.as_ref().map(|server| server.url.as_str()));
        let base = base.unwrap_or_default();
        format!("{base}{path}")
    }

    /// Where the operator connects.
    #[must_use]
    pub fn operator_endpoints(&self) -> &[OperatorEndpoint] {
        self.server.as_ref().map(Server::operator_endpoints).unwrap_or_default()
    }

    /// What the server is told to open.
    #[must_use]
    pub fn database_url(&self) -> String {
        self.books.url()
    }

    /// A connection to the database, beside the server's own.
    pub async fn database(&self) -> AnyConnection {
        self.books.connect().await
    }

    /// The database in PostgreSQL, of a world that has one.
    #[must_use]
    pub fn postgres(&self) -> Option<&wallet_test_postgres::Database> {
        match &self.books {
            Books::Sqlite(_) => None,
            Books::Postgres(database) => Some(database),
        }
    }

    /// The time that the server believes.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// What no request of this world was signed with before.
    pub(crate) fn nonce(&self) -> String {
        format!("{:032x}", self.nonces.fetch_add(1, Ordering::Relaxed))
    }

    /// Lets time pass.
    pub fn advance_seconds(&self, seconds: i64) {
        self.clock.advance_millis(seconds * 1000);
    }

    /// What the operator asks.
    pub async fn operator_get(&self, path: &str) -> Answer {
        let url = format!("http://operator{path}");
        Answer::read(self.operator.get(url).send().await.unwrap()).await
    }

    /// What the operator tells.
    pub async fn operator_post(&self, path: &str, body: Value) -> Answer {
        let url = format!("http://operator{path}");
        Answer::read(self.operator.post(url).json(&body).send().await.unwrap()).await
    }

    /// What the operator tells under an idempotency key.
    pub async fn operator_post_under_key(&self, path: &str, key: &str, body: Value) -> Answer {
        let request = self.operator.post(format!("http://operator{path}")).json(&body);
        Answer::read(request.header("idempotency-key", key).send().await.unwrap()).await
    }

    /// Posts a body of the operator's as it is, with an idempotency key.
    pub async fn operator_post_raw(&self, path: &str, body: impl Into<reqwest::Body>) -> Answer {
        let request = self.operator.post(format!("http://operator{path}")).body(body);
        Answer::read(request.header("idempotency-key", "raw").send().await.unwrap()).await
    }

    /// Whatever the operator sends.
    pub async fn operator_send(
        &self,
        method: &str,
        path: &str,
        key: Option<&str>,
        body: Vec<u8>,
    ) -> Answer {
        let url = format!("http://operator{path}");
        let mut request = self.operator.request(method.parse().unwrap(), url).body(body);
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        Answer::read(request.send().await.unwrap()).await
    }

    /// What the operator takes away.
    pub async fn operator_delete(&self, path: &str) -> Answer {
        let url = format!("http://operator{path}");
        Answer::read(self.operator.delete(url).send().await.unwrap()).await
    }

    /// Takes on a merchant without fees.
    pub async fn merchant(&self, name: &str) -> Till {
        self.merchant_with(json!({ "name": name })).await
    }

    /// Takes on a merchant as described.
    pub async fn merchant_with(&self, body: Value) -> Till {
        let merchant = self.operator_post("/v1/operator/merchants", body).await.created();
        Till::new(self, merchant.text("/id"), merchant.text("/api_key/secret"))
    }

    /// Takes on a payer with some money and a phone.
    pub async fn payer(&self, name: &str, amount: &str) -> Phone {
        self.payer_in("live", name, amount).await
    }

    /// Takes on a payer in a mode.
    pub async fn payer_in(&self, mode: &str, name: &str, amount: &str) -> Phone {
        let body = json!({ "name": name, "mode": mode });
        let payer = self.operator_post("/v1/operator/payers", body).await.created();
        let id = payer.text("/id").to_owned();
        if amount != "0" {
            let _ = self.top_up(&id, amount, &format!("bank-{id}")).await.created();
        }
        self.phone(&id, name).await
    }

    /// Enrols the first phone of a payer. [`Phone::another`] enrols the others.
    pub async fn phone(&self, payer: &str, name: &str) -> Phone {
        let path = format!("/v1/operator/payers/{payer}/invitations");
        let invitation = self.operator_post(&path, json!({})).await.created();
        Phone::enrol(self, name, invitation.text("/invitation")).await
    }

    /// Credits a payer.
    pub async fn top_up(&self, payer: &str, amount: &str, external_reference: &str) -> Answer {
        let body = json!({ "payer": payer, "amount": amount, "currency": "CNY",
            "external_reference": external_reference });
        self.top_up_with(external_reference, body).await
    }

    /// Credits a payer, with this idempotency key and body.
    pub async fn top_up_with(&self, key: &str, body: Value) -> Answer {
        let request = self.operator.post("http://operator/v1/operator/top_ups");
        let request = request.header("idempotency-key", key).json(&body);
        Answer::read(request.send().await.unwrap()).await
    }

    /// The balance of each kind of account, in live mode; checks that the books balance.
    pub async fn books(&self) -> Vec<(String, String, String)> {
        Self::balanced(&self.operator_get("/v1/operator/trial_balance").await)
    }

    /// Checks that the books balance, and returns the balance of each kind of account.
    #[track_caller]
    #[must_use]
    pub fn balanced(trial_balance: &Answer) -> Vec<(String, String, String)> {
        let field = |row: &Value, name: &str| row[name].as_str().unwrap_or_default().to_owned();
        for total in trial_balance.json["totals"].as_array().unwrap() {
            assert_eq!(total["balanced"], true, "{}", trial_balance.text);
        }
        trial_balance.json["accounts"]
            .as_array()
            .unwrap()
            .iter()
            .map(|row| (field(row, "account"), field(row, "debit"), field(row, "credit")))
            .collect()
    }
}

/// The default settings with changes: all files in one folder, PINs hashed cheaply, and devices
/// that are as good as old ones from the start.
fn settings(
    folder: &TempDir,
    books: &Books,
    changes: &[(&str, &str)],
) -> Result<Settings, StartError> {
    Ok(Settings::load(None, &flags(folder, books, changes))?)
}

fn flags(folder: &TempDir, books: &Books, changes: &[(&str, &str)]) -> Vec<(String, String)> {
    let path = |name: &str| folder.path().join(name).display().to_string();
    let mut flags = vec![
        ("database".to_owned(), books.url()),
        ("listen".to_owned(), "127.0.0.1:0".to_owned()),
        ("operator_socket".to_owned(), path("operator.sock")),
        ("operator_key_file".to_owned(), path("operator.key")),
        ("key_file".to_owned(), path("issuer.key")),
        ("devices.new_hours".to_owned(), "0".to_owned()),
        ("pin.memory_kib".to_owned(), "8".to_owned()),
        ("pin.passes".to_owned(), "1".to_owned()),
        ("pin.cpu_percent".to_owned(), "100".to_owned()),
        ("pin.tries_a_minute".to_owned(), "1000".to_owned()),
    ];
    flags.extend(UNASKED.map(|(name, value)| (name.to_owned(), value.to_owned())));
    flags.extend(changes.iter().map(|(name, to)| ((*name).to_owned(), (*to).to_owned())));
    flags
}
