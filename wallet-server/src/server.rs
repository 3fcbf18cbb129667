//! A running server: its parts started in order, and stopped in the opposite one.

use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt, PermissionsExt};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use std::{fs, io};

use axum::Router;
use axum_server::Handle;
use axum_server::tls_rustls::RustlsConfig;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use tokio::task::JoinHandle;
use wallet_core::keyfile::{Cost, Passphrase};

use crate::clock::{Clock, SystemClock};
use crate::entropy::Entropy;
use crate::http::{self, OperatorAuth};
use crate::issuer::{FileKeys, IssuerKeys, KeyFileError};
use crate::metrics::Metrics;
use crate::service::{App, AppParts, Secret, secret_hash};
use crate::settings::{Settings, SettingsError};
use crate::store::{Store, StoreError};
use crate::worker::{Batcher, BatcherParts, Notifier};

/// How long requests under way may take to end when the server stops. Money that was acknowledged
/// is safe without it; this spares tills a question.
const SHUTDOWN_GRACE: Duration = Duration::from_secs(10);
/// How long a client may take to send its headers.
const HEADER_READ_TIMEOUT: Duration = Duration::from_secs(10);
/// More than any client of ours sends.
const HEADERS_MAX: usize = 64;

/// The same for HTTP/2: requests at a time on one connection, and the size of their headers.
const HTTP2_STREAMS_MAX: u32 = 64;
const HTTP2_HEADER_BYTES_MAX: u32 = 16 * 1024;

/// Why a server does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A setting makes no sense.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The key file.
    #[error(transparent)]
    Keys(#[from] KeyFileError),
    /// There are books but no keys: new ones would open none of their codes and read no name.
    #[error("{0}: there are books already, but not their key file; put it back")]
    KeysMissing(PathBuf),
    /// The keys are not those of the issuer whose books these are.
    #[error("{0}: the books belong to an issuer with other keys")]
    OtherIssuer(PathBuf),
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
    public: Listening<SocketAddr>,
    operator_unix: Option<Listening<std::os::unix::net::SocketAddr>>,
    operator_tcp: Option<Listening<SocketAddr>>,
    batcher: JoinHandle<()>,
    store: Arc<Store>,
}

/// Serves a router in a task of its own. A macro, because the bounds of a function over all of
/// the server's types would be longer than its body.
macro_rules! serve {
    ($server:expr, $router:expr) => {{
        let mut server = $server;
        bound(server.http_builder());
        let handle = Handle::new();
        let serving = server.handle(handle.clone()).serve($router.into_make_service());
        Listening { handle, task: tokio::spawn(serving) }
    }};
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
    /// [`StartError`].
    pub async fn start_with(
        settings: &Settings,
        clock: Arc<dyn Clock>,
        entropy: Arc<Entropy>,
    ) -> Result<Self, StartError> {
        let parsed = settings.parse()?;
        let store = Arc::new(Store::open(&settings.database).await?);
        let owner = store.issuer().await?;
        if owner.is_some() && !settings.key_file.exists() {
            return Err(StartError::KeysMissing(settings.key_file.clone()));
        }
        let keys = open_keys(settings, clock.as_ref(), &entropy)?;
        if owner.is_some_and(|owner| owner != keys.issuer_id()) {
            return Err(StartError::OtherIssuer(settings.key_file.clone()));
        }
        let now = clock.now();
        store.claim_for_issuer(keys.issuer_id(), parsed.currency, now).await?;
        store.open_own_accounts(parsed.currency, now, || entropy.id(now)).await?;

        let notifier = Notifier::default();
        let metrics = Arc::new(Metrics::default());
        let (batcher, batcher_task) = Batcher::start(BatcherParts {
            store: Arc::clone(&store),
            rules: parsed.rules.clone(),
            clock: Arc::clone(&clock),
            entropy: Arc::clone(&entropy),
            notifier: notifier.clone(),
            metrics: Arc::clone(&metrics),
            latest_batch: store.latest_batch().await?,
        });
        let app = Arc::new(App::new(AppParts {
            store: Arc::clone(&store),
            keys: Arc::new(keys),
            batcher,
            notifier,
            clock,
            entropy: Arc::clone(&entropy),
            rules: parsed.rules,
            currency: parsed.currency,
            prefix: parsed.prefix,
            metrics,
        }));

        let (public, address) =
            listen_public(settings, http::public_router(Arc::clone(&app))).await?;
        let scheme = if settings.tls_cert.is_some() { "https" } else { "http" };
        let mut server = Self {
            public_url: format!("{scheme}://{address}"),
            operator: Vec::new(),
            public,
            operator_unix: None,
            operator_tcp: None,
            batcher: batcher_task,
            store,
        };
        server.listen_operator(settings, &app, &entropy)?;
        tracing::info!(url = server.public_url, operator = ?server.operator, "serving");
        Ok(server)
    }

    fn listen_operator(
        &mut self,
        settings: &Settings,
        app: &Arc<App>,
        entropy: &Entropy,
    ) -> Result<(), StartError> {
        if let Some(path) = &settings.operator_socket {
            let router = http::operator_router(Arc::clone(app), OperatorAuth::Socket);
            let listener = bind_socket(path).map_err(at(path.display()))?;
            let server = axum_server::from_unix(listener).map_err(at(path.display()))?;
            self.operator_unix = Some(serve!(server, router));
            self.operator.push(OperatorEndpoint::Unix(path.clone()));
        }
        if let Some(address) = settings.operator_listen {
            let listener = bind(address)?;
            let address = listener.local_addr().map_err(at(address))?;
            let key_file = &settings.operator_key_file;
            let hash = operator_key(key_file, entropy).map_err(at(key_file.display()))?;
            let hosts = vec![address.to_string(), format!("localhost:{}", address.port())];
            let auth = OperatorAuth::Key { hash, hosts };
            let router = http::operator_router(Arc::clone(app), auth);
            let server = axum_server::from_tcp(listener).map_err(at(address))?;
            self.operator_tcp = Some(serve!(server, router));
            let url = format!("http://{address}");
            self.operator.push(OperatorEndpoint::Tcp { url, key_file: key_file.clone() });
        }
        Ok(())
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

    /// Stops: takes no new connections, lets requests under way end, settles what is queued, and
    /// closes the books.
    pub async fn shutdown(self) {
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
        if tokio::time::timeout(SHUTDOWN_GRACE, self.batcher).await.is_err() {
            tracing::warn!("requests are still under way; what they acknowledged is safe");
        }
        self.store.close().await;
        for endpoint in self.operator {
            if let OperatorEndpoint::Unix(path) = endpoint {
                // A socket left behind is replaced at the next start.
                drop(fs::remove_file(path));
            }
        }
        tracing::info!("stopped");
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

/// The issuer's keys, made at first start.
fn open_keys(
    settings: &Settings,
    clock: &dyn Clock,
    entropy: &Arc<Entropy>,
) -> Result<FileKeys, StartError> {
    let passphrase = settings
        .key_passphrase_file
        .as_deref()
        .map(|path| {
            let text = fs::read_to_string(path).map_err(at(path.display()))?;
            let line = text.lines().next().unwrap_or_default();
            Passphrase::new(line.as_bytes().to_vec())
                .map_err(|error| SettingsError::value("key_passphrase_file", error).into())
        })
        .transpose();
    let passphrase = passphrase.map_err(|error: StartError| error)?;
    let (now, entropy) = (clock.now(), Arc::clone(entropy));
    let keys =
        FileKeys::open_or_create(&settings.key_file, passphrase, Cost::DEFAULT, now, entropy)?;
    tracing::info!(issuer = %keys.issuer_id(), file = %settings.key_file.display(), "keys are ready");
    Ok(keys)
}

fn bind(address: SocketAddr) -> Result<TcpListener, StartError> {
    let listener = TcpListener::bind(address).map_err(at(address))?;
    listener.set_nonblocking(true).map_err(at(address))?;
    Ok(listener)
}

/// Binds a Unix socket that only this user can open, in place of one that a crash left behind.
fn bind_socket(path: &Path) -> io::Result<UnixListener> {
    if fs::symlink_metadata(path).is_ok_and(|old| old.file_type().is_socket()) {
        if std::os::unix::net::UnixStream::connect(path).is_ok() {
            return Err(io::Error::new(io::ErrorKind::AddrInUse, "a server listens here"));
        }
        fs::remove_file(path)?;
    }
    // Bound under another name first: under its own it is never open to anyone else.
    let temporary = path.with_extension("new");
    if fs::symlink_metadata(&temporary).is_ok() {
        fs::remove_file(&temporary)?;
    }
    let listener = UnixListener::bind(&temporary)?;
    fs::set_permissions(&temporary, fs::Permissions::from_mode(0o600))?;
    fs::rename(&temporary, path)?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

/// The hash of the operator's key, which is made at first start.
fn operator_key(path: &Path, entropy: &Entropy) -> io::Result<[u8; 32]> {
    match fs::read_to_string(path) {
        Ok(key) if key.trim().is_empty() => {
            Err(io::Error::new(io::ErrorKind::InvalidData, "the operator key is empty"))
        }
        Ok(key) => Ok(secret_hash(key.trim())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let secret = Secret::generate("op_", entropy);
            let mut file =
                fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
            io::Write::write_all(&mut file, secret.expose().as_bytes())?;
            file.sync_all()?;
            Ok(secret.hash())
        }
        Err(error) => Err(error),
    }
}

async fn listen_public(
    settings: &Settings,
    router: Router,
) -> Result<(Listening<SocketAddr>, SocketAddr), StartError> {
    let listener = bind(settings.listen)?;
    let address = listener.local_addr().map_err(at(settings.listen))?;
    let listening = if let (Some(cert), Some(key)) = (&settings.tls_cert, &settings.tls_key) {
        // Another part of the process may have chosen a provider before: that one is used.
        drop(rustls::crypto::ring::default_provider().install_default());
        let tls = RustlsConfig::from_pem_file(cert, key).await.map_err(at(cert.display()))?;
        let server = axum_server::from_tcp_rustls(listener, tls).map_err(at(settings.listen))?;
        serve!(server, router)
    } else {
        serve!(axum_server::from_tcp(listener).map_err(at(settings.listen))?, router)
    };
    Ok((listening, address))
}

/// What a slow or hostile client may not exceed.
fn bound(builder: &mut Builder<TokioExecutor>) {
    builder
        .http1()
        // Otherwise a request whose client went away right after it is dropped wherever it is
        // just then, looking up the API key for example, and never reaches a task of its own.
        .half_close(true)
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_READ_TIMEOUT)
        .max_headers(HEADERS_MAX);
    builder
        .http2()
        .max_concurrent_streams(HTTP2_STREAMS_MAX)
        .max_header_list_size(HTTP2_HEADER_BYTES_MAX);
}
