//! The listeners: all of them bound before one serves, and what a client may not exceed.

use std::net::SocketAddr;
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use std::{fs, io};

use axum_server::tls_rustls::RustlsConfig;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use tokio::net::UnixListener;

use super::bounded::BoundedListener;
use super::{StartError, at, files};
use crate::entropy::Entropy;
use crate::private_file;
use crate::service::{Secret, secret_hash};
use crate::settings::Settings;

/// How long a client may take to send the headers of a request, counted from the moment that it
/// connected or had its last answer: a silent connection does not live longer than this.
pub(super) const HEADER_READ_TIMEOUT: Duration = Duration::from_secs(10);
/// More than any client of ours sends.
const HEADERS_MAX: usize = 64;
/// The most connections on the operator's loopback address: a few programs.
const OPERATOR_CONNECTIONS_MAX: usize = 128;

/// Everything that is bound and serves nobody yet.
pub(super) struct Listeners {
    pub(super) public: BoundedListener,
    pub(super) tls: Option<RustlsConfig>,
    pub(super) operator_tcp: Option<OperatorTcp>,
    pub(super) operator_unix: Option<OperatorUnix>,
}

/// The operator's Unix socket, and the file that it is.
#[derive(Debug)]
pub(super) struct OperatorUnix {
    pub(super) listener: UnixListener,
    pub(super) file: SocketFile,
}

/// The file that a Unix socket is in the file system.
#[derive(Debug)]
pub(super) struct SocketFile {
    path: PathBuf,
    /// Device and inode.
    id: (u64, u64),
}

impl SocketFile {
    fn at(path: &Path) -> io::Result<Self> {
        Ok(Self { path: path.to_owned(), id: file_id(path)? })
    }

    /// Removes it, unless another one has its name by now: that of the server that was started
    /// while this one ends the requests under way.
    pub(super) fn remove(self) {
        if file_id(&self.path).is_ok_and(|id| id == self.id) {
            // A socket left behind is replaced at the next start.
            drop(fs::remove_file(self.path));
        }
    }
}

fn file_id(path: &Path) -> io::Result<(u64, u64)> {
    fs::symlink_metadata(path).map(|found| (found.dev(), found.ino()))
}

/// The operator's loopback address, and the hash of the key that it asks for.
pub(super) struct OperatorTcp {
    pub(super) listener: BoundedListener,
    pub(super) key_hash: [u8; 32],
}

impl Listeners {
    /// Binds everything, or nothing.
    pub(super) async fn bind(settings: &Settings, entropy: &Entropy) -> Result<Self, StartError> {
        let tls = match (&settings.tls_cert, &settings.tls_key) {
            (Some(cert), Some(key)) => Some(tls(cert, key).await.map_err(at(cert.display()))?),
            _ => None,
        };
        let public = bind(settings.listen, files::connections_max()).await?;
        let operator_tcp = match settings.operator_listen {
            Some(address) => {
                let listener = bind(address, OPERATOR_CONNECTIONS_MAX).await?;
                let file = &settings.operator_key_file;
                let key_hash = operator_key(file, entropy).map_err(at(file.display()))?;
                Some(OperatorTcp { listener, key_hash })
            }
            None => None,
        };
        // The last one, because it alone leaves something behind.
        let operator_unix = settings
            .operator_socket
            .as_deref()
            .map(|path| bind_socket(path, entropy).map_err(at(path.display())))
            .transpose()?;
        Ok(Self { public, tls, operator_tcp, operator_unix })
    }
}

async fn bind(address: SocketAddr, connections_max: usize) -> Result<BoundedListener, StartError> {
    BoundedListener::bind(address, connections_max).await.map_err(at(address))
}

/// Reads a certificate chain and its key. HTTP/1.1 is all that is offered: see [`bound`].
async fn tls(cert: &Path, key: &Path) -> io::Result<RustlsConfig> {
    // Another part of the process may have chosen a provider before: that one is used.
    drop(rustls::crypto::ring::default_provider().install_default());
    let read = RustlsConfig::from_pem_file(cert, key).await?;
    let mut config = rustls::ServerConfig::clone(&read.get_inner());
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(RustlsConfig::from_config(Arc::new(config)))
}

/// What a slow or hostile client may not exceed. The server must speak HTTP/1 only: without that
/// the version is found out before any of this holds, without a time limit.
pub(super) fn bound(builder: &mut Builder<TokioExecutor>) {
    builder
        .http1()
        // Otherwise a request whose client went away right after it is dropped wherever it is
        // just then, looking up the API key for example, and never reaches a task of its own.
        .half_close(true)
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_READ_TIMEOUT)
        .max_headers(HEADERS_MAX);
}

/// Serves a router in a task of its own. A macro, because the bounds of a function over all of
/// the server's types would be longer than its body.
macro_rules! serve {
    ($server:expr, $router:expr) => {{
        let mut server = $server.http1_only();
        $crate::server::listen::bound(server.http_builder());
        let handle = ::axum_server::Handle::new();
        let serving = server.handle(handle.clone()).serve($router.into_make_service());
        $crate::server::Listening { handle, task: ::tokio::spawn(serving) }
    }};
}
pub(super) use serve;

/// Binds a Unix socket that only this user can open, in place of one that a crash left behind.
fn bind_socket(path: &Path, entropy: &Entropy) -> io::Result<OperatorUnix> {
    match fs::symlink_metadata(path) {
        Ok(old) if !old.file_type().is_socket() => {
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, "this is not a socket"));
        }
        Ok(_) if std::os::unix::net::UnixStream::connect(path).is_ok() => {
            return Err(io::Error::new(io::ErrorKind::AddrInUse, "a server listens here"));
        }
        _ => {}
    }
    // Bound in a folder that nobody else may enter, because a socket is made with whatever mode
    // the umask leaves. Names are short: the path of a socket has at most 107 bytes.
    let name = format!(".{:x}", base16ct::HexDisplay(&entropy.bytes::<4>()));
    let folder = private_file::folder(path).join(name);
    fs::DirBuilder::new().mode(0o700).create(&folder)?;
    let listener = bind_socket_in(&folder, path);
    // An empty folder left behind is ugly, no more.
    drop(fs::remove_dir_all(&folder));
    listener
}

fn bind_socket_in(folder: &Path, path: &Path) -> io::Result<OperatorUnix> {
    let temporary = folder.join("s");
    let listener = UnixListener::bind(&temporary)?;
    fs::set_permissions(&temporary, fs::Permissions::from_mode(0o600))?;
    // Its name changes, the file stays the same.
    let file = SocketFile { path: path.to_owned(), ..SocketFile::at(&temporary)? };
    fs::rename(&temporary, path)?;
    Ok(OperatorUnix { listener, file })
}

/// The hash of the operator's key, which is made at first start.
fn operator_key(path: &Path, entropy: &Entropy) -> io::Result<[u8; 32]> {
    match private_file::read(path) {
        Ok(key) => {
            let key = str::from_utf8(&key).map(str::trim).unwrap_or_default();
            if key.is_empty() {
                let problem = "the operator key is empty, or not text";
                return Err(io::Error::new(io::ErrorKind::InvalidData, problem));
            }
            Ok(secret_hash(key))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let secret = Secret::generate("op_", entropy);
            private_file::create(path, secret.expose().as_bytes())?;
            Ok(secret.hash())
        }
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests;
