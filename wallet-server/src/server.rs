//! A running server: its parts started in order, and stopped in the opposite one.

mod bounded;
mod clocks;
mod files;
mod listen;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use std::{fs, io};

use axum_server::Handle;
use axum_server::tls_rustls::RustlsAcceptor;
use tokio::task::JoinHandle;
use wallet_core::IssuerId;
use wallet_core::keyfile::Cost;

use crate::clock::{Clock, SystemClock};
use crate::entropy::Entropy;
use crate::http::{self, OperatorAuth};
use crate::issuer::{FileKeys, IssuerKeys, KeyFileError, read_passphrase};
use crate::metrics::Metrics;
use crate::outbound::{Client, ClientParts};
use crate::service::{App, Own};
use crate::settings::{Parsed, Settings, SettingsError};
use crate::store::{Store, StoreError};
use crate::worker::{
    Alarm, Engine, EngineError, EngineParts, Expiry, ExpiryParts, JournalLog, JournalLogParts,
    KeyUsesWriter, MerchantFeed, MerchantFeedParts, Notifier, PinsParts, Retention, TestPayers,
    TestPayersParts, Webhooks, WebhooksParts,
};
use bounded::BoundedAddress;
use clocks::Clocks;
use listen::{Listeners, OperatorTcp, OperatorUnix, SocketFile, serve};

/// How long requests under way may take to end when the server stops. Money that was acknowledged
/// is safe without it; this spares tills a question.
const SHUTDOWN_GRACE: Duration = Duration::from_secs(10);

/// How long stopping may take in all, whatever hangs: within the 90 s after which supervisors kill,
/// and more than all that a part may take adds up to while the database answers.
const SHUTDOWN_MAX: Duration = Duration::from_secs(45);
/// How long it may take when a part has ended by a panic. Nobody is paid meanwhile, so what is under
/// way gets a moment, and then another process begins.
const FALLEN_SHUTDOWN_MAX: Duration = Duration::from_secs(3);

/// Why a server does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A setting makes no sense.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Settlement.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The key file.
    #[error(transparent)]
    Keys(#[from] KeyFileError),
    /// There are books but no keys: new ones would open none of their codes and read no name.
    #[error("{0}: there are books already, but not their key file; put it back")]
    KeysMissing(PathBuf),
    /// The keys are not those of the issuer whose books these are.
    #[error("{0}: the books belong to an issuer with other keys")]
    OtherIssuer(PathBuf),
    /// Tests may not move the clock of live books.
    #[error(
        "test_clock is for books of their own: these hold live merchants or payers, and nobody \
         moves their clock"
    )]
    LiveBooks,
    /// Tests moved the clock of these books, or might have.
    #[error(
        "these books are kept with a clock that tests move: serve them with test_clock = true, or \
         begin others"
    )]
    TestBooks,
    /// A file or an address.
    #[error("{0}: {1}")]
    Io(String, io::Error),
}

/// Where the operator connects.
#[derive(Clone, Debug)]
pub enum OperatorEndpoint {
    /// A Unix socket.
    Unix(PathBuf),
    /// A loopback address, and the file that holds the key.
    Tcp {
        /// The base URL.
        url: String,
        /// Where the key is.
        key_file: PathBuf,
    },
}

/// A running server.
#[derive(Debug)]
pub struct Server {
    public_url: String,
    operator: Vec<OperatorEndpoint>,
    public: Listening<BoundedAddress>,
    operator_unix: Option<Listening<std::os::unix::net::SocketAddr>>,
    operator_tcp: Option<Listening<BoundedAddress>>,
    operator_file: Option<SocketFile>,
    background: Background,
    notifier: Notifier,
    alarm: Alarm,
    store: Arc<Store>,
}

/// What runs behind the listeners.
#[derive(Debug)]
struct Background {
    settlement: Engine,
    expiry: Expiry,
    test_payers: TestPayers,
    retention: Retention,
    key_uses: KeyUsesWriter,
    merchant_feed: MerchantFeed,
    webhooks: Webhooks,
    journal_log: JournalLog,
}

#[derive(Debug)]
struct Listening<A: axum_server::Address> {
    handle: Handle<A>,
    task: JoinHandle<io::Result<()>>,
}

impl Server {
    /// Starts a server with the machine's clock and randomness.
    ///
    /// # Errors
    /// [`StartError`]; nothing is left running.
    pub async fn start(settings: &Settings) -> Result<Self, StartError> {
        let entropy = Arc::new(Entropy::system());
        Self::start_with(settings, Arc::new(SystemClock), entropy).await
    }

    /// Starts a server with another clock and other randomness: for tests.
    ///
    /// # Errors
    /// [`StartError`]; nothing is left running.
    pub async fn start_with(
        settings: &Settings,
        clock: Arc<dyn Clock>,
        entropy: Arc<Entropy>,
    ) -> Result<Self, StartError> {
        let parsed = settings.parse()?;
        let own = |owner| own_keys(owner, settings, clock.as_ref(), &entropy);
        // Before the store migrates them: books of somebody else are left as they are.
        let owner = Store::issuer_of(&settings.database).await?;
        let keys = owner.map(|owner| own(Some(owner))).transpose()?;
        let store = Arc::new(Store::open_with(&settings.database, settings.isolation).await?);
        let keys = match keys {
            Some(keys) => Ok(keys),
            // No keys are made for books that cannot be opened.
            None => store.issuer().await.map_err(StartError::from).and_then(own),
        };
        let keys = match keys {
            Ok(keys) => keys,
            Err(error) => {
                store.close().await;
                return Err(error);
            }
        };
        let now = clock.now();
        store.claim_for_issuer(keys.issuer_id(), parsed.currency, now).await?;
        if store.issuer().await? != Some(keys.issuer_id()) {
            // Somebody else's server began these books at the same moment.
            store.close().await;
            return Err(StartError::OtherIssuer(settings.key_file.clone()));
        }
        let clocks = match Clocks::of_books(&store, clock, settings.test_clock).await {
            Ok(clocks) => clocks,
            Err(error) => {
                store.close().await;
                return Err(error);
            }
        };
        store.open_own_accounts(parsed.currency, now, || entropy.id(now)).await?;
        // Every address is bound before any of them serves, so that nothing runs after a failure.
        let listeners = match Listeners::bind(settings, &entropy).await {
            Ok(listeners) => listeners,
            Err(error) => {
                store.close().await;
                return Err(error);
            }
        };
        let outbound = match outbound(settings, &parsed) {
            Ok(outbound) => outbound,
            Err(error) => {
                store.close().await;
                return Err(error);
            }
        };
        let own = OwnParts { keys: Arc::new(keys), outbound };
        let alarm = Alarm::default();
        let started = start_app(parsed, own, store, clocks, (entropy, alarm.clone()));
        let (app, background) = started.await?;
        let server = Self::serve(settings, listeners, &app, (background, alarm));
        tracing::info!(url = server.public_url, operator = ?server.operator, "serving");
        Ok(server)
    }

    fn serve(
        settings: &Settings,
        listeners: Listeners,
        app: &Arc<App>,
        (background, alarm): (Background, Alarm),
    ) -> Self {
        let address = listeners.public.address();
        let scheme = if listeners.tls.is_some() { "https" } else { "http" };
        let router = http::public_router(Arc::clone(app));
        let public = axum_server::Server::from_listener(listeners.public);
        let public = if let Some(tls) = listeners.tls {
            serve!(public.acceptor(RustlsAcceptor::new(tls)), router)
        } else {
            serve!(public, router)
        };
        let mut operator = Vec::new();
        let operator_unix = listeners.operator_unix.zip(settings.operator_socket.clone());
        let mut operator_file = None;
        let operator_unix = operator_unix.map(|(OperatorUnix { listener, file }, path)| {
            operator_file = Some(file);
            operator.push(OperatorEndpoint::Unix(path));
            let router = http::operator_router(Arc::clone(app), OperatorAuth::Socket);
            serve!(axum_server::Server::from_listener(listener), router)
        });
        let operator_tcp = listeners.operator_tcp.map(|OperatorTcp { listener, key_hash }| {
            let address = listener.address();
            let (url, key_file) = (format!("http://{address}"), settings.operator_key_file.clone());
            operator.push(OperatorEndpoint::Tcp { url, key_file });
            let hosts = vec![address.to_string(), format!("localhost:{}", address.port())];
            let auth = OperatorAuth::Key { hash: key_hash, hosts };
            let router = http::operator_router(Arc::clone(app), auth);
            serve!(axum_server::Server::from_listener(listener), router)
        });
        Self {
            public_url: format!("{scheme}://{address}"),
            operator,
            public,
            operator_unix,
            operator_tcp,
            operator_file,
            background,
            notifier: app.notifier.clone(),
            alarm,
            store: Arc::clone(&app.store),
        }
    }

    /// Where merchants and phones connect, for example `http://127.0.0.1:8080`.
    #[must_use]
    pub fn public_url(&self) -> &str {
        &self.public_url
    }

    /// Where the operator connects.
    #[must_use]
    pub fn operator_endpoints(&self) -> &[OperatorEndpoint] {
        &self.operator
    }

    /// Waits until a part that must run ends by a panic, and says which. Then the server is to be
    /// stopped, and another process started: whatever the part did is not done any more.
    pub async fn fallen(&self) -> &'static str {
        self.alarm.raised().await
    }

    /// Stops: takes no new connections, lets requests under way end, settles what is queued, and
    /// closes the books. Whatever is left after some time ends with the process; what was
    /// acknowledged is safe.
    pub async fn shutdown(mut self) {
        let most = if self.alarm.fallen().is_some() { FALLEN_SHUTDOWN_MAX } else { SHUTDOWN_MAX };
        let operator_file = self.operator_file.take();
        if tokio::time::timeout(most, self.stop()).await.is_err() {
            tracing::warn!("something still hangs; what was acknowledged is safe");
        }
        if let Some(file) = operator_file {
            file.remove();
        }
        tracing::info!("stopped");
    }

    async fn stop(self) {
        // Phones and tills that wait for news would keep their requests open to the end.
        self.notifier.stop();
        self.public.handle.graceful_shutdown(Some(SHUTDOWN_GRACE));
        let operator_unix = self.operator_unix.map(Listening::stop);
        let operator_tcp = self.operator_tcp.map(Listening::stop);
        // A listener that failed has nothing left to stop.
        drop(self.public.task.await);
        if let Some(task) = operator_unix {
            drop(task.await);
        }
        if let Some(task) = operator_tcp {
            drop(task.await);
        }
        // The listeners held the last ways into the batcher, so it ends when its queue is empty.
        let Background {
            settlement,
            expiry,
            test_payers,
            retention,
            key_uses,
            merchant_feed,
            webhooks,
            journal_log,
        } = self.background;
        // They settle what they find, so they go first.
        expiry.stop().await;
        test_payers.stop().await;
        if tokio::time::timeout(SHUTDOWN_GRACE, settlement.stop()).await.is_err() {
            tracing::warn!("requests are still under way; what they acknowledged is safe");
        }
        // What was settled last is in the journal now.
        merchant_feed.stop().await;
        webhooks.stop().await;
        // After the last batch has its position.
        journal_log.stop().await;
        retention.stop().await;
        key_uses.stop().await;
        self.store.close().await;
    }
}

impl<A: axum_server::Address> Listening<A> {
    fn stop(self) -> JoinHandle<io::Result<()>> {
        self.handle.graceful_shutdown(Some(SHUTDOWN_GRACE));
        self.task
    }
}

fn at(place: impl std::fmt::Display) -> impl FnOnce(io::Error) -> StartError {
    let place = format!("{place}");
    move |error| StartError::Io(place, error)
}

/// What a server has that another one need not have.
struct OwnParts {
    keys: Arc<FileKeys>,
    outbound: Client,
}

/// Puts the use cases together and starts what runs behind them.
async fn start_app(
    parsed: Parsed,
    OwnParts { keys, outbound }: OwnParts,
    store: Arc<Store>,
    Clocks { clock, test_clock }: Clocks,
    (entropy, alarm): (Arc<Entropy>, Alarm),
) -> Result<(Arc<App>, Background), StartError> {
    let notifier = Notifier::default();
    let metrics = Arc::new(Metrics::default());
    let parts = PinsParts {
        store: Arc::clone(&store),
        keys: Arc::clone(&keys) as Arc<dyn IssuerKeys>,
        clock: Arc::clone(&clock),
        entropy: Arc::clone(&entropy),
        notifier: notifier.clone(),
        rules: parsed.pin,
        alarm: alarm.clone(),
    };
    let own = Own::start(parts, parsed.rates);
    let own = own.map_err(at("a thread"))?;
    let (batcher, settlement) = Engine::start(EngineParts {
        store: Arc::clone(&store),
        rules: parsed.rules.clone(),
        clock: Arc::clone(&clock),
        entropy: Arc::clone(&entropy),
        notifier: notifier.clone(),
        metrics: Arc::clone(&metrics),
        alarm: alarm.clone(),
    })
    .await?;
    let calendar = parsed.rules.calendar.clone();
    let retention = Retention::start(Arc::clone(&store), Arc::clone(&clock), calendar, &alarm);
    let key_uses = KeyUsesWriter::start(own.key_uses().clone(), &alarm);
    let expiry = Expiry::start(ExpiryParts {
        store: Arc::clone(&store),
        batcher: batcher.clone(),
        clock: Arc::clone(&clock),
        entropy: Arc::clone(&entropy),
        alarm: alarm.clone(),
    });
    let journal_log = JournalLog::start(JournalLogParts {
        store: Arc::clone(&store),
        keys: Arc::clone(&keys) as Arc<dyn IssuerKeys>,
        clock: Arc::clone(&clock),
        entropy: Arc::clone(&entropy),
        every: parsed.checkpoint_every,
        metrics: Arc::clone(&metrics),
        alarm: alarm.clone(),
    });
    let test_payers = TestPayers::start(TestPayersParts {
        store: Arc::clone(&store),
        batcher: batcher.clone(),
        clock: Arc::clone(&clock),
        entropy: Arc::clone(&entropy),
        alarm: alarm.clone(),
    });
    let merchant_feed = MerchantFeed::start(MerchantFeedParts {
        store: Arc::clone(&store),
        notifier: notifier.clone(),
        clock: Arc::clone(&clock),
        entropy: Arc::clone(&entropy),
        calendar: parsed.rules.calendar.clone(),
        metrics: Arc::clone(&metrics),
        alarm: alarm.clone(),
    });
    let webhooks = Webhooks::start(WebhooksParts {
        store: Arc::clone(&store),
        keys: Arc::clone(&keys) as Arc<dyn IssuerKeys>,
        texts: http::event_texts(&store, Arc::clone(&keys) as Arc<dyn IssuerKeys>),
        client: outbound.clone(),
        clock: Arc::clone(&clock),
        entropy: Arc::clone(&entropy),
        metrics: Arc::clone(&metrics),
        alarm,
    });
    let app = App {
        store,
        keys,
        batcher,
        notifier,
        clock,
        test_clock,
        entropy,
        rules: parsed.rules,
        device_rules: parsed.devices,
        envelope_life_millis: parsed.envelope_life_millis,
        merchant_codes: parsed.merchant_codes,
        currency: parsed.currency,
        prefix: parsed.prefix,
        public_authorities: parsed.public_authorities,
        outbound,
        metrics,
        own,
    };
    let background = Background {
        settlement,
        expiry,
        test_payers,
        retention,
        key_uses,
        merchant_feed,
        webhooks,
        journal_log,
    };
    Ok((Arc::new(app), background))
}

/// The way to what merchants name.
fn outbound(settings: &Settings, parsed: &Parsed) -> Result<Client, StartError> {
    let webhooks = &settings.webhooks;
    let ca_file = webhooks.ca_file.as_deref();
    let read = |path: &std::path::Path| fs::read(path).map_err(at(path.display()));
    let parts = ClientParts {
        private: webhooks.allow_private,
        timeout: parsed.webhook_timeout,
        certificates: ca_file.map(read).transpose()?,
    };
    match Client::new(parts.clone()) {
        Ok(client) => Ok(client),
        // A bare machine may have no certificates, and must take payments all the same.
        Err(error) if ca_file.is_none() => {
            tracing::warn!(%error, "no certificates: webhooks trust no endpoint");
            let nobody = ClientParts { certificates: Some(Vec::new()), ..parts };
            Client::new(nobody).map_err(|error| no_client("webhooks", &error))
        }
        Err(error) => Err(no_client("webhooks.ca_file", &error)),
    }
}

fn no_client(what: &str, error: &dyn std::error::Error) -> StartError {
    StartError::Io(what.to_owned(), io::Error::other(error.to_string()))
}

/// The keys of the issuer whose books these are.
fn own_keys(
    owner: Option<IssuerId>,
    settings: &Settings,
    clock: &dyn Clock,
    entropy: &Arc<Entropy>,
) -> Result<FileKeys, StartError> {
    if owner.is_some() && !settings.key_file.exists() {
        return Err(StartError::KeysMissing(settings.key_file.clone()));
    }
    let keys = open_keys(settings, clock, entropy)?;
    if owner.is_some_and(|owner| owner != keys.issuer_id()) {
        return Err(StartError::OtherIssuer(settings.key_file.clone()));
    }
    Ok(keys)
}

/// The issuer's keys, made at first start.
fn open_keys(
    settings: &Settings,
    clock: &dyn Clock,
    entropy: &Arc<Entropy>,
) -> Result<FileKeys, StartError> {
    let passphrase_file = settings.key_passphrase_file.as_deref();
    let passphrase = passphrase_file.map(read_passphrase).transpose()?;
    let (now, entropy) = (clock.now(), Arc::clone(entropy));
    let keys =
        FileKeys::open_or_create(&settings.key_file, passphrase, Cost::DEFAULT, now, entropy)?;
    tracing::info!(issuer = %keys.issuer_id(), file = %settings.key_file.display(), "keys are ready");
    Ok(keys)
}

#[cfg(test)]
mod tests;
