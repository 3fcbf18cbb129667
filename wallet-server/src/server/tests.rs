use std::net::TcpListener;
use std::sync::Arc;

use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use wallet_core::Timestamp;

use super::{Server, StartError};
use crate::clock::ManualClock;
use crate::entropy::Entropy;
use crate::settings::Settings;

async fn start(
    folder: &std::path::Path,
    listen: &str,
    operator: &str,
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
    let clock = Arc::new(ManualClock::new(Timestamp::from_unix_seconds(1_800_000_000)));
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
