use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use wallet_core::Timestamp;

use super::{OperatorEndpoint, Server, StartError};
use crate::clock::{Clock, ManualClock};
use crate::entropy::Entropy;
use crate::settings::Settings;

/// When a test gives up on what happens within moments.
const DEADLINE: Duration = Duration::from_mins(1);
/// Long before a request that waits would be cut off.
const AT_ONCE: Duration = Duration::from_secs(8);

async fn start(
    folder: &std::path::Path,
    listen: &str,
    operator: &str,
) -> Result<Server, StartError> {
    let clock = ManualClock::new(Timestamp::from_unix_seconds(1_800_000_000));
    start_with(folder, listen, operator, Arc::new(clock)).await
}

async fn start_with(
    folder: &std::path::Path,
    listen: &str,
    operator: &str,
    clock: Arc<dyn Clock>,
) -> Result<Server, StartError> {
    let path = |name: &str| folder.join(name).display().to_string();
    let flags = [
        ("database", format!("sqlite:{}", path("wallet.sqlite"))),
        ("listen", listen.to_owned()),
        ("operator_listen", operator.to_owned()),
        ("operator_socket", path("operator.sock")),
        ("operator_key_file", path("operator.key")),
        ("key_file", path("issuer.key")),
    ];
    let flags = flags.map(|(name, value)| (name.to_owned(), value));
    let settings = Settings::load(None, &flags).unwrap();
    let entropy = Arc::new(Entropy::new(Box::new(ChaCha20Rng::seed_from_u64(1))));
    Server::start_with(&settings, clock, entropy).await
}

#[tokio::test]
async fn a_server_that_cannot_listen_everywhere_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let taken_address = taken.local_addr().unwrap().to_string();

    let error = start(folder.path(), &free, &taken_address).await.unwrap_err();
    assert!(matches!(&error, StartError::Io(place, _) if *place == taken_address), "{error}");
    assert!(!folder.path().join("operator.sock").exists());

    // The address and the database are free again.
    let server = start(folder.path(), &free, "127.0.0.1:0").await.unwrap();
    assert_eq!(server.public_url(), format!("http://{free}"));
    assert_eq!(server.operator_endpoints().len(), 2);
    server.shutdown().await;
}

#[tokio::test]
async fn books_that_others_can_open_are_closed_to_them_when_they_are_served() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let any = "127.0.0.1:0";
    start(folder.path(), any, any).await.unwrap().shutdown().await;
    // As a copy that was put back with a command that knows nothing of it.
    let books = folder.path().join("wallet.sqlite");
    std::fs::set_permissions(&books, std::fs::Permissions::from_mode(0o644)).unwrap();
    let log = folder.path().join("wallet.sqlite-wal");
    std::fs::write(&log, "").unwrap();
    std::fs::set_permissions(&log, std::fs::Permissions::from_mode(0o644)).unwrap();
    let server = start(folder.path(), any, any).await.unwrap();
    for file in [&books, &log] {
        let mode = std::fs::metadata(file).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{}", file.display());
    }
    server.shutdown().await;
}

/// Sends a request as it is, and reads the answer to its end.
async fn answer(address: &str, head: &str, body: &str) -> std::io::Result<String> {
    let mut connection = TcpStream::connect(address).await?;
    let length = body.len();
    let request = format!(
        "{head}\r\nhost: {address}\r\nconnection: close\r\ncontent-type: application/json\r\n\
         content-length: {length}\r\n\r\n{body}"
    );
    connection.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    connection.read_to_string(&mut answer).await?;
    Ok(answer)
}

/// Where merchants connect, without the scheme.
fn public(server: &Server) -> String {
    server.public_url().trim_start_matches("http://").to_owned()
}

#[tokio::test]
async fn a_server_that_stops_leaves_the_socket_of_its_successor_alone() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("operator.sock");
    let server = start(folder.path(), "127.0.0.1:0", "127.0.0.1:0").await.unwrap();
    // Another server may begin as soon as this one accepts nothing any more.
    std::fs::remove_file(&socket).unwrap();
    let _successor = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    server.shutdown().await;
    assert!(socket.exists(), "the successor has lost its socket");

    std::fs::remove_file(&socket).unwrap();
    let server = start(folder.path(), "127.0.0.1:0", "127.0.0.1:0").await.unwrap();
    server.shutdown().await;
    assert!(!socket.exists(), "its own socket is left behind");
}

#[tokio::test]
async fn a_till_that_waits_for_news_does_not_keep_the_server_from_stopping() {
    let folder = tempfile::tempdir().unwrap();
    let server = start(folder.path(), "127.0.0.1:0", "127.0.0.1:0").await.unwrap();
    let key = std::fs::read_to_string(folder.path().join("operator.key")).unwrap();
    let operator = server.operator_endpoints().iter().find_map(|endpoint| match endpoint {
        OperatorEndpoint::Tcp { url, .. } => url.strip_prefix("http://"),
        OperatorEndpoint::Unix(_) => None,
    });
    let head =
        format!("POST /v1/operator/merchants HTTP/1.1\r\nauthorization: Bearer {}", key.trim());
    let created = answer(operator.unwrap(), &head, r#"{"name":"Tea House"}"#).await.unwrap();
    let (_, secret) = created.split_once(r#""secret":""#).unwrap_or_else(|| panic!("{created}"));
    let (secret, _) = secret.split_once('"').unwrap();
    let head =
        format!("GET /v1/events?after=latest&wait=25 HTTP/1.1\r\nauthorization: Bearer {secret}");
    let address = public(&server);
    let waiting = tokio::spawn(async move { answer(&address, &head, "").await.unwrap() });
    while !server.notifier.has_merchants() {
        tokio::task::yield_now().await;
    }
    tokio::time::timeout(AT_ONCE, server.shutdown()).await.expect("it waits for the till");
    let answer = waiting.await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains(r#""data":[]"#), "{answer}");
}

/// A clock that panics once when it is told to, as a defect of whoever reads it would.
struct BrokenClock {
    clock: ManualClock,
    panics: AtomicBool,
}

impl Clock for BrokenClock {
    fn now(&self) -> Timestamp {
        assert!(!self.panics.swap(false, Ordering::SeqCst), "on purpose");
        self.clock.now()
    }

    fn steady_millis(&self) -> i64 {
        self.clock.steady_millis()
    }
}

#[tokio::test]
async fn a_server_of_which_a_part_has_fallen_says_so_and_stops_soon() {
    let folder = tempfile::tempdir().unwrap();
    let clock = ManualClock::new(Timestamp::from_unix_seconds(1_800_000_000));
    let clock = Arc::new(BrokenClock { clock, panics: AtomicBool::new(false) });
    let shared = Arc::clone(&clock) as Arc<dyn Clock>;
    let server = start_with(folder.path(), "127.0.0.1:0", "127.0.0.1:0", shared).await.unwrap();
    let address = public(&server);
    let ready = async || answer(&address, "GET /readyz HTTP/1.1", "").await.unwrap();
    assert!(ready().await.starts_with("HTTP/1.1 200"));
    // Nobody asks for anything, so it is a part in the background that reads the clock next.
    clock.panics.store(true, Ordering::SeqCst);
    tokio::time::timeout(DEADLINE, server.fallen()).await.expect("nobody hears that a part fell");
    let answer = ready().await;
    assert!(answer.starts_with("HTTP/1.1 503"), "{answer}");
    tokio::time::timeout(DEADLINE, server.shutdown()).await.expect("it does not stop");
}
